#include "ews/ops.h"

#include "core/error.h"

/* Deleting again finds nothing, which is success: it may be repeated. */
static const struct ews_op op = {.name = "DeleteItem"};

static bool on_message(
        struct ews_answer *answer, const GError *failure, bool stopped, void *data, GError **error)
{
	(void)answer;
	(void)stopped;
	(void)data;
	if (failure == NULL || error_is(failure, "ews.not_found"))
		return true;
	g_propagate_error(error, g_error_copy(failure));
	return false;
}

static const struct ews_answer_handler handler = {.message = on_message};

bool ews_delete_item(struct ews_session *session, const char *id, const char *change_key,
        const char *type, GError **error)
{
	struct xml_writer *w = ews_request(session, &op);
	xml_attr(w, "DeleteType", type);
	xml_start(w, "m:ItemIds");
	ews_write_id(w, "t:ItemId", id, change_key);
	xml_end(w);
	return ews_call(session, &op, &handler, NULL, error);
}
