/* DeleteFolder and EmptyFolder. */
#include "habits.h"
#include "operations.h"

#include <string.h>

/* Where deleted things go; NULL when they are gone for good. */
static struct folder *bin_for(struct mailbox *mb, const char *type)
{
	if (strcmp(type, "MoveToDeletedItems") == 0)
		return folder_distinguished(mb, "deleteditems");
	return NULL;
}

static bool holds_distinguished(const struct folder *folder)
{
	if (folder->distinguished != NULL)
		return true;
	for (guint i = 0; i < folder->children->len; i++)
		if (holds_distinguished(folder->children->pdata[i]))
			return true;
	return false;
}

static const char *delete_one(struct ctx *ctx, const struct xml_node *id, const char *type)
{
	struct folder *folder;
	const char *code = ctx_folder(ctx, id, &folder);

	if (code != NULL)
		return code;
	if (holds_distinguished(folder))
		return grommunio() ? "ErrorCannotDeleteObject" : "ErrorDeleteDistinguishedFolder";
	struct folder *bin = bin_for(folder->mailbox, type);
	if (bin == NULL || folder_is_below(folder, bin))
		folder_remove(folder);
	else
		folder_reparent(folder, bin);
	return NULL;
}

void op_delete_folder(struct ctx *ctx)
{
	const char *type = xml_attr(ctx->body, "DeleteType");
	int index = 0;

	rsp_open(ctx);
	for (const struct xml_node *id = xml_child(ctx->body, "FolderIds")->first; id != NULL;
	        id = id->next, index++) {
		const char *code = ctx_item_fault(ctx, index);
		if (code == NULL)
			code = delete_one(ctx, id, type);
		if (code != NULL) {
			rsp_error(ctx, code, NULL);
			continue;
		}
		rsp_ok(ctx);
		rsp_end(ctx);
	}
	rsp_close(ctx);
}

static void empty_items(struct folder *folder, const char *type)
{
	struct mailbox *mb = folder->mailbox;
	struct folder *bin = strcmp(type, "SoftDelete") == 0
	                             ? folder_distinguished(mb, "recoverableitemsdeletions")
	                             : bin_for(mb, type);

	while (folder_count(folder) > 0) {
		struct item *item = g_sequence_get(
		        g_sequence_iter_prev(g_sequence_get_end_iter(folder->by_uid)));
		if (bin != NULL && bin != folder)
			item_move(item, bin);
		else
			item_free(item_take(item));
	}
}

static const char *empty_one(
        struct ctx *ctx, const struct xml_node *id, const char *type, bool below)
{
	struct folder *folder;
	const char *code = ctx_folder(ctx, id, &folder);

	if (code != NULL)
		return code;
	empty_items(folder, type);
	for (guint i = folder->children->len; below && i-- > 0;) {
		struct folder *child = folder->children->pdata[i];
		if (holds_distinguished(child))
			return "ErrorDeleteDistinguishedFolder";
		struct folder *bin = bin_for(child->mailbox, type);
		if (bin != NULL && !folder_is_below(child, bin))
			folder_reparent(child, bin);
		else
			folder_remove(child);
	}
	return NULL;
}

void op_empty_folder(struct ctx *ctx)
{
	const char *type = xml_attr(ctx->body, "DeleteType");
	bool below = xml_bool(xml_attr(ctx->body, "DeleteSubFolders"));
	int index = 0;

	rsp_open(ctx);
	for (const struct xml_node *id = xml_child(ctx->body, "FolderIds")->first; id != NULL;
	        id = id->next, index++) {
		const char *code = ctx_item_fault(ctx, index);
		if (code == NULL)
			code = empty_one(ctx, id, type, below);
		if (code != NULL) {
			rsp_error(ctx, code, NULL);
			continue;
		}
		rsp_ok(ctx);
		rsp_end(ctx);
	}
	rsp_close(ctx);
}
