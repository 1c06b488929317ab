#include "operations.h"

void op_set_im_list_migration(struct ctx *ctx)
{
	ctx_use(ctx, ctx->self);
	ctx->self->migration_completed =
	        xml_bool(xml_child_text(ctx->body, "ImListMigrationCompleted"));
	ctx->self->mod++; /* so that it is kept */
	direct_ok(ctx);
	direct_end(ctx);
}
