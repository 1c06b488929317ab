#include "ews/im_list.h"

static const struct ews_op op = {.name = "RemoveContactFromImList"};

bool ews_remove_contact_from_im_list(
        struct ews_session *session, const char *contact_id, GError **error)
{
	struct xml_writer *w = ews_request(session, &op);
	ews_write_id(w, "m:ContactId", contact_id, NULL);
	return ews_im_call(session, &op, error);
}
