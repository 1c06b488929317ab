#include "devx.h"
#include "habits.h"
#include "operations.h"

void op_get_user_photo(struct ctx *ctx)
{
	struct mailbox *mb = store_find(ctx->devx->store, xml_child_text(ctx->body, "Email"));

	if (mb != NULL)
		ctx_use(ctx, mb);
	if (mb != NULL && mb->photo == NULL && grommunio()) {
		ctx->status = 404;
		direct_ok(ctx);
		g_string_append(ctx->out,
		        "<m:HasChanged>true</m:HasChanged><m:PictureData></m:PictureData>");
		direct_end(ctx);
		return;
	}
	if (mb == NULL || mb->photo == NULL) {
		direct_error(ctx, "ErrorItemNotFound");
		return;
	}
	gsize length;
	const guchar *bytes = g_bytes_get_data(mb->photo, &length);
	char *text = g_base64_encode(bytes, length);
	direct_ok(ctx);
	g_string_append(ctx->out, "<m:HasChanged>true</m:HasChanged>");
	xml_put(ctx->out, "m:PictureData", text);
	direct_end(ctx);
	g_free(text);
}
