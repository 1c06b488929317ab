#include "ews/im_list.h"

static const struct ews_op op = {.name = "RemoveDistributionGroupFromImList"};

bool ews_remove_distribution_group_from_im_list(
        struct ews_session *session, const char *id, GError **error)
{
	struct xml_writer *w = ews_request(session, &op);
	ews_write_id(w, "m:GroupId", id, NULL);
	return ews_im_call(session, &op, error);
}
