#include "fid.h"
#include "operations.h"

static void write_members(GString *out, char **list)
{
	guint n = list != NULL ? g_strv_length(list) : 0;

	g_string_append_printf(
	        out, "<m:DLExpansion TotalItemsInView=\"%u\" IncludesLastItemInRange=\"true\">", n);
	for (guint i = 0; i < n; i++) {
		struct person p = person_decode(list[i]);
		g_string_append(out, "<t:Mailbox>");
		xml_put(out, "t:Name", p.name);
		xml_put(out, "t:EmailAddress", p.address);
		xml_put(out, "t:RoutingType", p.routing);
		g_string_append(out, "<t:MailboxType>Contact</t:MailboxType></t:Mailbox>");
		person_clear(&p);
	}
	g_string_append(out, "</m:DLExpansion>");
}

void op_expand_dl(struct ctx *ctx)
{
	const struct xml_node *id = xml_child(xml_child(ctx->body, "Mailbox"), "ItemId");
	struct item *item = NULL;
	const char *code = id != NULL ? ctx_item(ctx, id, &item) : "ErrorNameResolutionNoResults";

	if (code == NULL && item->kind != ITEM_DISTLIST)
		code = "ErrorInvalidOperation";
	rsp_open(ctx);
	if (code != NULL) {
		rsp_error(ctx, code, NULL);
	} else {
		rsp_ok(ctx);
		write_members(ctx->out, props_get_list(item->props, fid.members));
		rsp_end(ctx);
	}
	rsp_close(ctx);
}
