#include "ews/im_list.h"

static const struct ews_op op = {.name = "AddNewImContactToGroup", .changes = true};

bool ews_add_new_im_contact_to_group(struct ews_session *session, const char *address,
        const char *name, const char *group_id, struct ews_item_ref *out, char **shown,
        GError **error)
{
	struct xml_writer *w = ews_request(session, &op);
	xml_text_element(w, "m:ImAddress", address);
	xml_text_element(w, "m:DisplayName", name);
	if (group_id != NULL)
		ews_write_id(w, "m:GroupId", group_id, NULL);
	return ews_im_call_made(session, &op, out, shown, error);
}
