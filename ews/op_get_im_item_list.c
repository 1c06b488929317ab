#include "ews/im_list.h"

static const struct ews_op op = {.name = "GetImItemList"};

bool ews_get_im_item_list(
        struct ews_session *session, const struct ews_im_sink *sink, GError **error)
{
	ews_request(session, &op);
	struct ews_im_reading reading;
	ews_im_reading_init(&reading, op.name, sink);
	bool ok = ews_call(session, &op, &ews_im_list_handler, &reading, error);
	ews_im_reading_clear(&reading);
	return ok;
}
