/* MoveFolder and CopyFolder. */
#include "folder_write.h"
#include "operations.h"

#include <string.h>

static struct folder *copy_tree(struct folder *from, struct folder *to)
{
	struct folder *copy = folder_create(to->mailbox, to, from->name, from->class_name, NULL);

	g_array_free(copy->props, TRUE);
	copy->props = props_copy(from->props);
	if (from->by_uid != NULL) {
		GSequenceIter *i = g_sequence_get_begin_iter(from->by_uid);
		for (; !g_sequence_iter_is_end(i); i = g_sequence_iter_next(i)) {
			struct item *twin = item_copy(g_sequence_get(i));
			attachments_number(to->mailbox, twin);
			item_insert(copy, twin);
		}
	}
	for (guint i = 0; i < from->children->len; i++)
		copy_tree(from->children->pdata[i], copy);
	return copy;
}

static const char *move_one(struct ctx *ctx, const struct xml_node *id, struct folder *to,
        bool copy, struct folder **out)
{
	struct folder *folder;
	const char *code = ctx_folder(ctx, id, &folder);

	if (code != NULL)
		return code;
	if (folder->distinguished != NULL && !copy)
		return "ErrorMoveDistinguishedFolder";
	if (folder->mailbox != to->mailbox || folder_is_below(to, folder))
		return "ErrorMoveCopyFailed";
	if (folder_child_named(to, folder->name) != NULL)
		return "ErrorFolderExists";
	if (!copy)
		folder_reparent(folder, to);
	*out = copy ? copy_tree(folder, to) : folder;
	return NULL;
}

static void move_all(struct ctx *ctx, bool copy)
{
	struct folder *to;
	const char *target = ctx_folder_in(ctx, xml_child(ctx->body, "ToFolderId"), &to);
	int index = 0;

	rsp_open(ctx);
	for (const struct xml_node *id = xml_child(ctx->body, "FolderIds")->first; id != NULL;
	        id = id->next, index++) {
		struct folder *folder = NULL;
		const char *code = ctx_item_fault(ctx, index);
		if (code == NULL)
			code = target;
		if (code == NULL)
			code = move_one(ctx, id, to, copy, &folder);
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

void op_move_folder(struct ctx *ctx)
{
	move_all(ctx, false);
}

void op_copy_folder(struct ctx *ctx)
{
	move_all(ctx, true);
}
