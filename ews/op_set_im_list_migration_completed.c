#include "ews/im_list.h"

static const struct ews_op op = {.name = "SetImListMigrationCompleted"};

bool ews_set_im_list_migration_completed(
        struct ews_session *session, bool completed, GError **error)
{
	struct xml_writer *w = ews_request(session, &op);
	xml_bool_element(w, "m:ImListMigrationCompleted", completed);
	return ews_im_call(session, &op, error);
}
