/* MoveItem and CopyItem. */
#include "operations.h"
#include "shape.h"

#include <string.h>

static const char *transfer(
        struct ctx *ctx, const struct xml_node *id, struct folder *to, bool copy, struct item **out)
{
	struct item *item;
	const char *code = strcmp(id->name, "ItemId") == 0 ? ctx_item(ctx, id, &item)
	                                                   : "ErrorInvalidOperation";

	if (code != NULL)
		return code;
	if (item->folder->mailbox != to->mailbox)
		return "ErrorMoveCopyFailed";
	if (copy) {
		struct item *twin = item_copy(item);
		attachments_number(to->mailbox, twin);
		item_insert_copy(to, twin, item);
		*out = twin;
	} else {
		item_move(item, to);
		*out = item;
	}
	return NULL;
}

static void move_all(struct ctx *ctx, bool copy)
{
	const char *wish = xml_child_text(ctx->body, "ReturnNewItemIds");
	bool tell = wish == NULL || xml_bool(wish);
	struct folder *to;
	const char *target = ctx_folder_in(ctx, xml_child(ctx->body, "ToFolderId"), &to);
	int index = 0;

	rsp_open(ctx);
	for (const struct xml_node *id = xml_child(ctx->body, "ItemIds")->first; id != NULL;
	        id = id->next, index++) {
		struct item *item = NULL;
		const char *code = ctx_item_fault(ctx, index);
		if (code == NULL)
			code = target;
		if (code == NULL)
			code = transfer(ctx, id, to, copy, &item);
		if (code != NULL) {
			rsp_error(ctx, code, "m:Items");
			continue;
		}
		rsp_ok(ctx);
		xml_open(ctx->out, "m:Items");
		if (tell)
			item_write_new(ctx->out, item);
		xml_close(ctx->out, "m:Items");
		rsp_end(ctx);
	}
	rsp_close(ctx);
}

void op_move_item(struct ctx *ctx)
{
	move_all(ctx, false);
}

void op_copy_item(struct ctx *ctx)
{
	move_all(ctx, true);
}
