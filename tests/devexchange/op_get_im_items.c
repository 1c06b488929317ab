#include "im.h"
#include "operations.h"

/* Ids that lead nowhere are left out, as are extended properties that nobody has. */
static void write_groups(struct ctx *ctx, GString *out, const struct xml_node *extended)
{
	const struct xml_node *ids = xml_child(ctx->body, "GroupIds");
	struct item *group;

	for (const struct xml_node *id = ids != NULL ? ids->first : NULL; id != NULL; id = id->next)
		if (im_group(ctx, id, &group) == NULL)
			im_group_write(out, "t:ImGroup", group, extended);
}

static void write_contacts(struct ctx *ctx, GString *out, const struct xml_node *extended)
{
	const struct xml_node *ids = xml_child(ctx->body, "ContactIds");
	struct item *contact;

	for (const struct xml_node *id = ids != NULL ? ids->first : NULL; id != NULL; id = id->next)
		if (im_contact(ctx, id, "ErrorInvalidImContactId", &contact) == NULL)
			im_persona_write(out, "t:Persona", contact, extended);
}

void op_get_im_items(struct ctx *ctx)
{
	const struct xml_node *extended = xml_child(ctx->body, "ExtendedProperties");
	GString *groups = g_string_new(NULL), *personas = g_string_new(NULL);

	im_begin(ctx);
	write_groups(ctx, groups, extended);
	write_contacts(ctx, personas, extended);
	direct_ok(ctx);
	xml_open(ctx->out, "m:ImItemList");
	if (groups->len > 0)
		g_string_append_printf(ctx->out, "<t:Groups>%s</t:Groups>", groups->str);
	if (personas->len > 0)
		g_string_append_printf(ctx->out, "<t:Personas>%s</t:Personas>", personas->str);
	xml_close(ctx->out, "m:ImItemList");
	direct_end(ctx);
	g_string_free(groups, TRUE);
	g_string_free(personas, TRUE);
}
