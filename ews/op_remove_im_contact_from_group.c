#include "ews/im_list.h"

static const struct ews_op op = {.name = "RemoveImContactFromGroup"};

bool ews_remove_im_contact_from_group(
        struct ews_session *session, const char *contact_id, const char *group_id, GError **error)
{
	struct xml_writer *w = ews_request(session, &op);
	ews_write_id(w, "m:ContactId", contact_id, NULL);
	ews_write_id(w, "m:GroupId", group_id, NULL);
	return ews_im_call(session, &op, error);
}
