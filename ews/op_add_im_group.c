#include "ews/im_list.h"

static const struct ews_op op = {.name = "AddImGroup", .changes = true};

bool ews_add_im_group(
        struct ews_session *session, const char *name, struct ews_item_ref *out, GError **error)
{
	struct xml_writer *w = ews_request(session, &op);
	xml_text_element(w, "m:DisplayName", name);
	return ews_im_call_made(session, &op, out, NULL, error);
}
