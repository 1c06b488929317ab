#include "daemon/gate_json.h"

json_t *gate_json(const char *user, const struct gate *gate)
{
	return json_pack("{s:s, s:b, s:b, s:b, s:s, s:s?, s:s?, s:b, s:s?, s:b}", "user", user,
	        "go_on", gate->open, "archived", gate->archived, "works", gate->works, "on_failure",
	        gate->blocks ? "block" : "continue", "reason", gate->reason, "message",
	        gate->message, "external", gate->external, "disclaimer", gate->disclaimer,
	        "disclaimer_due", gate->disclaimer_due);
}
