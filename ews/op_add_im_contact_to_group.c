#include "ews/im_list.h"

/* A group is a set: adding again changes nothing, so that it may be repeated. */
static const struct ews_op op = {.name = "AddImContactToGroup"};

bool ews_add_im_contact_to_group(
        struct ews_session *session, const char *contact_id, const char *group_id, GError **error)
{
	struct xml_writer *w = ews_request(session, &op);
	ews_write_id(w, "m:ContactId", contact_id, NULL);
	if (group_id != NULL)
		ews_write_id(w, "m:GroupId", group_id, NULL);
	return ews_im_call(session, &op, error);
}
