#include "ews/im_list.h"

static const struct ews_op op = {.name = "AddNewTelUriContactToGroup", .changes = true};

bool ews_add_new_tel_uri_contact_to_group(struct ews_session *session, const char *tel_uri,
        const char *sip_uri, const char *number, const char *group_id, struct ews_item_ref *out,
        GError **error)
{
	struct xml_writer *w = ews_request(session, &op);
	xml_text_element(w, "m:TelUriAddress", tel_uri);
	xml_text_element(w, "m:ImContactSipUriAddress", sip_uri);
	xml_text_element(w, "m:ImTelephoneNumber", number);
	if (group_id != NULL)
		ews_write_id(w, "m:GroupId", group_id, NULL);
	return ews_im_call_made(session, &op, out, NULL, error);
}
