#include "im.h"
#include "operations.h"

static bool is_group(const struct item *item)
{
	return g_str_has_prefix(im_class(item), IM_CLASS);
}

static bool is_contact(const struct item *item)
{
	return item->kind == ITEM_CONTACT;
}

/* Other items in those folders, put there by plain folder operations, are not of the list. */
static void write_all(struct ctx *ctx, const char *folder_name, const char *wrapper,
        const char *tag, bool (*listed)(const struct item *),
        void (*write)(GString *, const char *, const struct item *, const struct xml_node *))
{
	const struct xml_node *extended = xml_child(ctx->body, "ExtendedProperties");
	struct folder *folder = folder_distinguished(ctx->self, folder_name);

	if (folder_count(folder) == 0)
		return;
	xml_open(ctx->out, wrapper);
	GSequenceIter *i = g_sequence_get_begin_iter(folder->by_uid);
	for (; !g_sequence_iter_is_end(i); i = g_sequence_iter_next(i))
		if (listed(g_sequence_get(i)))
			write(ctx->out, tag, g_sequence_get(i), extended);
	xml_close(ctx->out, wrapper);
}

void op_get_im_item_list(struct ctx *ctx)
{
	im_begin(ctx);
	direct_ok(ctx);
	xml_open(ctx->out, "m:ImItemList");
	write_all(ctx, "imcontactlist", "t:Groups", "t:ImGroup", is_group, im_group_write);
	write_all(ctx, "quickcontacts", "t:Personas", "t:Persona", is_contact, im_persona_write);
	xml_close(ctx->out, "m:ImItemList");
	direct_end(ctx);
}
