#include "ews/im_list.h"

/* The schema wants a DisplayName, though the documentation shows it without one. */
static const struct ews_op op = {.name = "AddDistributionGroupToImList", .changes = true};

bool ews_add_distribution_group_to_im_list(struct ews_session *session, const char *smtp,
        const char *name, struct ews_item_ref *out, GError **error)
{
	struct xml_writer *w = ews_request(session, &op);
	xml_text_element(w, "m:SmtpAddress", smtp);
	xml_text_element(w, "m:DisplayName", name);
	return ews_im_call_made(session, &op, out, NULL, error);
}
