#include "im.h"
#include "operations.h"

void op_add_im_group(struct ctx *ctx)
{
	const char *name = xml_child_text(ctx->body, "DisplayName"), *code = NULL;
	struct item *group = NULL;

	im_begin(ctx);
	if (im_group_named(ctx->self, name) != NULL)
		code = "ErrorImGroupDisplayNameAlreadyExists";
	else
		group = im_group_add(ctx, name, IM_USER_GROUP, &code);
	if (code != NULL) {
		direct_error(ctx, code);
		return;
	}
	direct_ok(ctx);
	im_group_write(ctx->out, "m:ImGroup", group, NULL);
	direct_end(ctx);
}
