#include "folder_write.h"
#include "operations.h"

#include <string.h>

static const char *set_name(struct folder *folder, const char *name)
{
	struct folder *twin =
	        folder->parent != NULL ? folder_child_named(folder->parent, name) : NULL;

	if (*name == '\0')
		return "ErrorFolderSavePropertyError";
	if (twin != NULL && twin != folder)
		return "ErrorFolderExists";
	g_free(folder->name);
	folder->name = g_strdup(name);
	return NULL;
}

static const char *set_field(struct folder *folder, const struct xml_node *change)
{
	const struct xml_node *path = change->first, *value = change->last->first;
	const char *uri = xml_attr(path, "FieldURI");

	if (value == NULL || value->next != NULL)
		return "ErrorIncorrectUpdatePropertyCount";
	if (uri == NULL)
		return strcmp(value->name, "ExtendedProperty") == 0
		               ? folder_set_extended(folder, value)
		               : "ErrorIncorrectUpdatePropertyCount";
	if (strcmp(uri, "folder:DisplayName") == 0 && strcmp(value->name, "DisplayName") == 0)
		return set_name(folder, value->text);
	if (strcmp(uri, "folder:FolderClass") == 0 && strcmp(value->name, "FolderClass") == 0) {
		g_free(folder->class_name);
		folder->class_name = g_strdup(value->text);
		return NULL;
	}
	return "ErrorInvalidPropertySet";
}

static const char *delete_field(struct folder *folder, const struct xml_node *change)
{
	const char *code;
	uint32_t id = ext_prop_from_node(change->first, &code);

	if (strcmp(change->first->name, "ExtendedFieldURI") != 0 || code != NULL)
		return "ErrorInvalidPropertyDelete";
	props_set(folder->props, id, NULL);
	return NULL;
}

static const char *update_one(
        struct ctx *ctx, const struct xml_node *change, struct folder **folder)
{
	const char *code = ctx_folder(ctx, change->first, folder);

	for (const struct xml_node *u = code == NULL ? change->last->first : NULL;
	        u != NULL && code == NULL; u = u->next) {
		if (strcmp(u->name, "SetFolderField") == 0)
			code = set_field(*folder, u);
		else if (strcmp(u->name, "DeleteFolderField") == 0)
			code = delete_field(*folder, u);
		else
			code = "ErrorInvalidPropertyAppend";
	}
	if (code == NULL)
		folder_touch(*folder);
	return code;
}

void op_update_folder(struct ctx *ctx)
{
	int index = 0;

	rsp_open(ctx);
	for (const struct xml_node *c = xml_child(ctx->body, "FolderChanges")->first; c != NULL;
	        c = c->next, index++) {
		struct folder *folder;
		const char *code = ctx_item_fault(ctx, index);
		if (code == NULL)
			code = update_one(ctx, c, &folder);
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
