#include "ews/im_list.h"

/* Naming a group twice alike is naming it once: it may be repeated. */
static const struct ews_op op = {.name = "SetImGroup"};

bool ews_set_im_group(struct ews_session *session, const char *id, const char *name, GError **error)
{
	struct xml_writer *w = ews_request(session, &op);
	ews_write_id(w, "m:GroupId", id, NULL);
	xml_text_element(w, "m:NewDisplayName", name);
	return ews_im_call(session, &op, error);
}
