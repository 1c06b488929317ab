#include "folder_write.h"
#include "operations.h"

static void get_one(struct ctx *ctx, const struct xml_node *id, const struct folder_shape *shape)
{
	struct folder *folder;
	const char *code = ctx_folder(ctx, id, &folder);

	if (code != NULL) {
		rsp_error(ctx, code, "m:Folders");
		return;
	}
	rsp_ok(ctx);
	xml_open(ctx->out, "m:Folders");
	folder_write(ctx->out, folder, shape);
	xml_close(ctx->out, "m:Folders");
	rsp_end(ctx);
}

void op_get_folder(struct ctx *ctx)
{
	const struct xml_node *ids = xml_child(ctx->body, "FolderIds");
	struct folder_shape shape;
	const char *code = folder_shape_parse(xml_child(ctx->body, "FolderShape"), &shape);
	int index = 0;

	rsp_open(ctx);
	for (const struct xml_node *id = ids->first; id != NULL; id = id->next, index++) {
		const char *fault = ctx_item_fault(ctx, index);
		if (fault != NULL || code != NULL)
			rsp_error(ctx, fault != NULL ? fault : code, "m:Folders");
		else
			get_one(ctx, id, &shape);
	}
	rsp_close(ctx);
	folder_shape_clear(&shape);
}
