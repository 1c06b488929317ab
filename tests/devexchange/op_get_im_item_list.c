#include "im.h"
#include "operations.h"

static void write_all(struct ctx *ctx, const char *folder_name, const char *wrapper,
        const char *tag,
        void (*write)(GString *, const char *, const struct item *, const struct xml_node *))
{
	const struct xml_node *extended = xml_child(ctx->body, "ExtendedProperties");
	struct folder *folder = folder_distinguished(ctx->self, folder_name);

	if (folder_count(folder) == 0)
		return;
	xml_open(ctx->out, wrapper);
	GSequenceIter *i = g_sequence_get_begin_iter(folder->by_uid);
	for (; !g_sequence_iter_is_end(i); i = g_sequence_iter_next(i))
		write(ctx->out, tag, g_sequence_get(i), extended);
	xml_close(ctx->out, wrapper);
}

void op_get_im_item_list(struct ctx *ctx)
{
	im_begin(ctx);
	direct_ok(ctx);
	xml_open(ctx->out, "m:ImItemList");
	write_all(ctx, "imcontactlist", "t:Groups", "t:ImGroup", im_group_write);
	write_all(ctx, "quickcontacts", "t:Personas", "t:Persona", im_persona_write);
	xml_close(ctx->out, "m:ImItemList");
	direct_end(ctx);
}
