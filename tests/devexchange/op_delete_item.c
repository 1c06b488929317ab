#include "operations.h"

#include <string.h>

static const char *delete_one(struct ctx *ctx, const struct xml_node *id, const char *type)
{
	struct item *item;
	const char *code = strcmp(id->name, "ItemId") == 0 ? ctx_item(ctx, id, &item)
	                                                   : "ErrorInvalidOperation";

	if (code != NULL)
		return code;
	struct mailbox *mb = item->folder->mailbox;
	struct folder *bin = strcmp(type, "MoveToDeletedItems") == 0
	                             ? folder_distinguished(mb, "deleteditems")
	                     : strcmp(type, "SoftDelete") == 0
	                             ? folder_distinguished(mb, "recoverableitemsdeletions")
	                             : NULL;
	if (bin != NULL && bin != item->folder)
		item_move(item, bin);
	else
		item_free(item_take(item));
	return NULL;
}

void op_delete_item(struct ctx *ctx)
{
	const char *type = xml_attr(ctx->body, "DeleteType");
	int index = 0;

	rsp_open(ctx);
	for (const struct xml_node *id = xml_child(ctx->body, "ItemIds")->first; id != NULL;
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
