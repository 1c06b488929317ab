#include "devx.h"
#include "fid.h"
#include "habits.h"
#include "item_read.h"
#include "operations.h"
#include "shape.h"

#include <string.h>

enum resolution { NEVER_OVERWRITE, AUTO_RESOLVE, ALWAYS_OVERWRITE };

struct update {
	struct item *item;
	GArray *touched; /* uint32_t property numbers */
	bool only_read_flag, file_as_given;
};

static bool touched_since(const struct item *item, uint32_t id, uint64_t mod)
{
	for (guint i = 0; item->history != NULL && i < item->history->len; i++) {
		const struct prop_change *c = &g_array_index(item->history, struct prop_change, i);
		if (c->id == id && c->mod > mod)
			return true;
	}
	return false;
}

/* Would this update undo what somebody else changed after the client last looked? */
static bool overlaps(const struct item *item, const struct xml_node *updates, uint64_t mod)
{
	for (const struct xml_node *u = updates->first; u != NULL; u = u->next) {
		const char *code;
		uint32_t id = path_prop(u->first, &code);
		if (code == NULL && touched_since(item, id, mod))
			return true;
	}
	return false;
}

static const char *check_key(struct ctx *ctx, const struct xml_node *id, const struct item *item,
        const struct xml_node *updates, enum resolution resolution)
{
	const char *key = xml_attr(id, "ChangeKey");
	uint64_t mod = 0;

	if (grommunio())
		return NULL;
	if (ctx_fault(ctx, FAULT_CONFLICT))
		return "ErrorIrresolvableConflict";
	if (key == NULL || *key == '\0')
		return resolution == ALWAYS_OVERWRITE ? NULL
		                                      : "ErrorChangeKeyRequiredForWriteOperations";
	change_key_parse(key, &mod);
	if (mod == item->mod || resolution == ALWAYS_OVERWRITE)
		return NULL;
	if (resolution == AUTO_RESOLVE && mod != 0 && !overlaps(item, updates, mod))
		return NULL;
	return "ErrorIrresolvableConflict";
}

/* --- does the item of a SetItemField hold exactly the property that its path names? */

static bool child_is(const struct xml_node *path, const struct xml_node *child)
{
	const char *uri = xml_attr(path, "FieldURI"), *index = xml_attr(path, "FieldIndex");

	if (strcmp(path->name, "ExtendedFieldURI") == 0) {
		const char *a, *b;
		return strcmp(child->name, "ExtendedProperty") == 0 &&
		       ext_prop_from_node(path, &a) == ext_prop_from_node(child->first, &b) &&
		       a == NULL && b == NULL;
	}
	uint32_t id = field_id(uri, index);
	if (id == UINT32_MAX || strcmp(fields[id].element, child->name) != 0)
		return false;
	if (index == NULL)
		return true;
	const struct xml_node *entry = child->first;
	if (entry == NULL || entry->next != NULL || strcmp(xml_attr(entry, "Key"), index) != 0)
		return false;
	if (fields[id].form != FORM_ADDRESS)
		return true;
	return entry->first != NULL && entry->first->next == NULL &&
	       strcmp(strrchr(uri, ':') + 1, entry->first->name) == 0;
}

static const char *set_field(struct update *u, const struct xml_node *change)
{
	const struct xml_node *path = change->first, *element = path->next;
	enum item_kind kind;

	if (element->first == NULL || element->first->next != NULL)
		return "ErrorIncorrectUpdatePropertyCount";
	if (!item_kind_of(element, &kind) || (kind != u->item->kind && kind != ITEM_OTHER))
		return "ErrorObjectTypeChanged";
	if (!child_is(path, element->first))
		return "ErrorIncorrectUpdatePropertyCount";
	return item_set_child(u->item, element->first, false);
}

static const char *append_field(struct update *u, const struct xml_node *change)
{
	const struct xml_node *path = change->first, *element = path->next;
	const char *code;
	uint32_t id = path_prop(path, &code);
	const struct field *f = field_of(id);

	if (code != NULL)
		return code;
	if (f == NULL || (f->flags & F_APPEND) == 0)
		return "ErrorInvalidPropertyAppend";
	if (element->first == NULL || element->first->next != NULL ||
	        !child_is(path, element->first))
		return "ErrorIncorrectUpdatePropertyCount";
	char **before = g_strdupv(props_get_list(u->item->props, id));
	char *body = g_strdup(props_get(u->item->props, id));
	code = item_set_child(u->item, element->first, false);
	if (code == NULL && id == fid.body && body != NULL) {
		props_take(
		        u->item->props, id, g_strconcat(body, props_get(u->item->props, id), NULL));
	} else if (code == NULL && before != NULL) {
		char **added = g_strdupv(props_get_list(u->item->props, id));
		GPtrArray *all = g_ptr_array_new();
		for (char **p = before; *p != NULL; p++)
			g_ptr_array_add(all, g_strdup(*p));
		for (char **p = added; p != NULL && *p != NULL; p++)
			g_ptr_array_add(all, g_strdup(*p));
		g_ptr_array_add(all, NULL);
		props_take_list(u->item->props, id, (char **)g_ptr_array_free(all, FALSE));
		g_strfreev(added);
	}
	g_strfreev(before);
	g_free(body);
	return code;
}

static const char *delete_field(struct update *u, const struct xml_node *change)
{
	const char *code;
	uint32_t id = path_prop(change->first, &code);
	const struct field *f = field_of(id);

	if (code != NULL)
		return "ErrorInvalidPropertyDelete";
	if (f != NULL && (f->flags & (F_READ_ONLY | F_NO_DELETE | F_SENT_ONLY)) != 0)
		return "ErrorInvalidPropertyDelete";
	props_set(u->item->props, id, NULL);
	if (id == fid.body)
		props_set(u->item->props, fid.body_type, NULL);
	if (f != NULL && f->form == FORM_EMAIL) {
		props_set(u->item->props, fid.email_name1 + (id - fid.email1), NULL);
		props_set(u->item->props, fid.email_type1 + (id - fid.email1), NULL);
	}
	return NULL;
}

static const char *apply_one(struct update *u, const struct xml_node *change)
{
	const char *code;
	uint32_t id = path_prop(change->first, &code);

	if (code != NULL && strcmp(change->name, "DeleteItemField") != 0)
		return "ErrorInvalidPropertySet";
	if (id != fid.is_read)
		u->only_read_flag = false;
	if (id == fid.file_as)
		u->file_as_given = true;
	g_array_append_val(u->touched, id);
	if (strcmp(change->name, "SetItemField") == 0)
		return set_field(u, change);
	if (strcmp(change->name, "AppendToItemField") == 0)
		return append_field(u, change);
	return delete_field(u, change);
}

static void remember(const struct update *u)
{
	struct item *item = u->item;

	if (item->history == NULL)
		item->history = g_array_new(FALSE, FALSE, sizeof(struct prop_change));
	for (guint i = 0; i < u->touched->len; i++) {
		struct prop_change c = {g_array_index(u->touched, uint32_t, i), item->mod};
		guint k = 0;
		while (k < item->history->len &&
		        g_array_index(item->history, struct prop_change, k).id != c.id)
			k++;
		if (k < item->history->len)
			g_array_index(item->history, struct prop_change, k) = c;
		else
			g_array_append_val(item->history, c);
	}
}

/* All changes of one item or none. */
static const char *apply_all(struct update *u, const struct xml_node *updates)
{
	GArray *before = props_copy(u->item->props);
	bool was_read = item_is_read(u->item);
	const char *code = NULL;

	for (const struct xml_node *c = updates->first; c != NULL && code == NULL; c = c->next)
		code = apply_one(u, c);
	if (code != NULL) {
		item_set_read(u->item, was_read);
		g_array_free(u->item->props, TRUE);
		u->item->props = before;
		return code;
	}
	g_array_free(before, TRUE);
	item_derive(u->item, false, u->file_as_given);
	item_touch(u->item, u->only_read_flag);
	remember(u);
	return NULL;
}

static const char *update_one(struct ctx *ctx, const struct xml_node *change,
        enum resolution resolution, struct item **item)
{
	const struct xml_node *id = change->first, *updates = id->next;
	const char *code =
	        strcmp(id->name, "ItemId") == 0 ? ctx_item(ctx, id, item) : "ErrorInvalidOperation";

	if (code == NULL)
		code = check_key(ctx, id, *item, updates, resolution);
	if (code != NULL)
		return code;
	struct update u = {.item = *item,
	        .touched = g_array_new(FALSE, FALSE, sizeof(uint32_t)),
	        .only_read_flag = true};
	code = apply_all(&u, updates);
	g_array_free(u.touched, TRUE);
	return code;
}

static bool change_is_message(const struct xml_node *change)
{
	for (const struct xml_node *u = change->last->first; u != NULL; u = u->next)
		if (u->last != u->first && strcmp(u->last->name, "Message") == 0)
			return true;
	return false;
}

void op_update_item(struct ctx *ctx)
{
	const char *how = xml_attr(ctx->body, "ConflictResolution");
	enum resolution resolution = strcmp(how, "NeverOverwrite") == 0 ? NEVER_OVERWRITE
	                             : strcmp(how, "AutoResolve") == 0  ? AUTO_RESOLVE
	                                                                : ALWAYS_OVERWRITE;
	bool disposition = xml_attr(ctx->body, "MessageDisposition") != NULL;
	int index = 0;

	rsp_open(ctx);
	for (const struct xml_node *c = xml_child(ctx->body, "ItemChanges")->first; c != NULL;
	        c = c->next, index++) {
		struct item *item;
		const char *code = ctx_item_fault(ctx, index);
		if (code == NULL && !disposition && change_is_message(c))
			code = "ErrorMessageDispositionRequired";
		if (code == NULL)
			code = update_one(ctx, c, resolution, &item);
		if (code != NULL) {
			rsp_error(ctx, code, "m:Items");
			continue;
		}
		rsp_ok(ctx);
		xml_open(ctx->out, "m:Items");
		item_write_id_only(ctx->out, item);
		g_string_append(ctx->out,
		        "</m:Items><m:ConflictResults><t:Count>0</t:Count></m:ConflictResults>");
		rsp_end(ctx);
	}
	rsp_close(ctx);
}
