#include "operations.h"
#include "shape.h"

static void get_one(struct ctx *ctx, const struct xml_node *id, struct shape *shape)
{
	struct item *item;
	const char *code = ctx_item(ctx, id, &item);

	if (code != NULL) {
		rsp_error(ctx, code, "m:Items");
		return;
	}
	rsp_ok(ctx);
	xml_open(ctx->out, "m:Items");
	item_write(ctx->out, item, shape);
	xml_close(ctx->out, "m:Items");
	rsp_end(ctx);
}

void op_get_item(struct ctx *ctx)
{
	const struct xml_node *ids = xml_child(ctx->body, "ItemIds");
	struct shape shape;
	const char *code = shape_parse(xml_child(ctx->body, "ItemShape"), false, &shape);
	int index = 0;

	rsp_open(ctx);
	for (const struct xml_node *id = ids->first; id != NULL; id = id->next, index++) {
		const char *fault = ctx_item_fault(ctx, index);
		if (fault != NULL || code != NULL)
			rsp_error(ctx, fault != NULL ? fault : code, "m:Items");
		else
			get_one(ctx, id, &shape);
	}
	rsp_close(ctx);
	shape_clear(&shape);
}
