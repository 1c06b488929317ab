#include "ews/im_list.h"

static const struct ews_op op = {.name = "GetImItems"};

static void write_ids(struct xml_writer *w, const char *element, const char *const *ids)
{
	if (ids == NULL || ids[0] == NULL)
		return;
	xml_start(w, element);
	for (size_t i = 0; ids[i] != NULL; i++)
		ews_write_id(w, "t:ItemId", ids[i], NULL);
	xml_end(w);
}

bool ews_get_im_items(struct ews_session *session, const char *const *contact_ids,
        const char *const *group_ids, const struct ews_im_sink *sink, GError **error)
{
	struct xml_writer *w = ews_request(session, &op);
	write_ids(w, "m:ContactIds", contact_ids);
	write_ids(w, "m:GroupIds", group_ids);
	struct ews_im_reading reading;
	ews_im_reading_init(&reading, op.name, sink);
	bool ok = ews_call(session, &op, &ews_im_list_handler, &reading, error);
	ews_im_reading_clear(&reading);
	return ok;
}
