#include "folder_write.h"
#include "operations.h"

#include <string.h>

static const char *default_class(const char *element)
{
	static const struct {
		const char *element, *class_name;
	} kinds[] = {{"ContactsFolder", "IPF.Contact"}, {"CalendarFolder", "IPF.Appointment"},
	        {"TasksFolder", "IPF.Task"}};

	for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
		if (strcmp(kinds[i].element, element) == 0)
			return kinds[i].class_name;
	return "IPF.Note";
}

const char *folder_set_extended(struct folder *folder, const struct xml_node *node)
{
	const char *code;
	enum prop_type type = PT_STRING;
	bool multi;
	uint32_t id = ext_prop_from_node(node->first, &code);

	if (code != NULL)
		return code;
	prop_type_parse(xml_attr(node->first, "PropertyType"), &type, &multi);
	if (multi)
		return "ErrorInvalidExtendedProperty";
	char *value = value_canonical(type, node->last->text);
	if (value == NULL)
		return "ErrorInvalidExtendedPropertyValue";
	props_take(folder->props, id, value);
	return NULL;
}

static const char *create_one(
        struct ctx *ctx, struct folder *parent, const struct xml_node *node, struct folder **out)
{
	const char *name = xml_child_text(node, "DisplayName"), *code = NULL;
	const char *class_name = xml_child_text(node, "FolderClass");
	const char *wanted = default_class(node->name);
	(void)ctx;

	if (name == NULL || *name == '\0')
		return "ErrorFolderSavePropertyError";
	if (strcmp(node->name, "SearchFolder") == 0)
		return "ErrorInvalidOperation";
	if (class_name != NULL && strcmp(node->name, "Folder") != 0 &&
	        !g_str_has_prefix(class_name, wanted))
		return "ErrorFolderSavePropertyError";
	if (folder_child_named(parent, name) != NULL)
		return "ErrorFolderExists";
	struct folder *folder = folder_create(
	        parent->mailbox, parent, name, class_name != NULL ? class_name : wanted, NULL);
	for (const struct xml_node *c = node->first; c != NULL && code == NULL; c = c->next)
		if (strcmp(c->name, "ExtendedProperty") == 0)
			code = folder_set_extended(folder, c);
	if (code != NULL)
		folder_remove(folder);
	*out = folder;
	return code;
}

void op_create_folder(struct ctx *ctx)
{
	struct folder *parent, *folder;
	const char *missing = ctx_folder_in(ctx, xml_child(ctx->body, "ParentFolderId"), &parent);
	int index = 0;

	if (missing != NULL && strcmp(missing, "ErrorFolderNotFound") == 0)
		missing = "ErrorParentFolderNotFound";
	rsp_open(ctx);
	for (const struct xml_node *n = xml_child(ctx->body, "Folders")->first; n != NULL;
	        n = n->next, index++) {
		const char *code = ctx_item_fault(ctx, index);
		if (code == NULL)
			code = missing;
		if (code == NULL)
			code = create_one(ctx, parent, n, &folder);
		if (code != NULL) {
			rsp_error(ctx, code, "m:Folders");
			continue;
		}
		rsp_ok(ctx);
		xml_open(ctx->out, "m:Folders");
		folder_write_id_only(ctx->out, folder);
		xml_close(ctx->out, "m:Folders");
		rsp_end(ctx);
	}
	rsp_close(ctx);
}
