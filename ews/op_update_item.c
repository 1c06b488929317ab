#include "ews/ops.h"

#include "core/error.h"
#include "ews/codes.h"

/* What it sets is named in full, so that doing it twice is the same as doing it once. */
static const struct ews_op op = {.name = "UpdateItem", .changes = true};

static bool on_start(struct ews_answer *answer, enum ews_element element,
        const struct xml_attrs *attrs, void *data, GError **error)
{
	(void)error;
	if (element == ELEMENT_ItemId && ews_answer_depth(answer) == 3)
		ews_item_ref_set(
		        data, xml_attr_value(attrs, "Id"), xml_attr_value(attrs, "ChangeKey"));
	return true;
}

static const struct ews_answer_handler handler = {.start = on_start};

bool ews_update_item(struct ews_session *session, const struct ews_update *update,
        struct ews_item_ref *out, GError **error)
{
	struct xml_writer *w = ews_request(session, &op);
	xml_attr(w, "ConflictResolution", "NeverOverwrite");
	xml_start(w, "m:ItemChanges");
	xml_start(w, "t:ItemChange");
	ews_write_id(w, "t:ItemId", update->ref->id, update->ref->change_key);
	xml_start(w, "t:Updates");
	update->write(w, update->data);
	xml_end(w);
	xml_end(w);
	xml_end(w);
	struct ews_item_ref ref = {0};
	if (!ews_call(session, &op, &handler, &ref, error)) {
		ews_item_ref_clear(&ref);
		return false;
	}
	/* An answer without ItemId: it is done, and the id is the one we know. */
	if (ref.id == NULL)
		ews_item_ref_set(&ref, update->ref->id, NULL);
	ews_item_ref_clear(out);
	*out = ref;
	return true;
}
