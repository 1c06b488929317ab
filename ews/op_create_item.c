/* CreateItem: several items in one request. Not idempotent. */
#include "ews/ops.h"

#include "core/error.h"
#include "ews/codes.h"

static const struct ews_op op = {.name = "CreateItem", .changes = true};

struct reading {
	struct ews_create *create;
	struct ews_item_ref ref; /* of the response message that is open */
	bool stopped;
};

static bool on_start(struct ews_answer *answer, enum ews_element element,
        const struct xml_attrs *attrs, void *data, GError **error)
{
	(void)error;
	struct reading *reading = data;
	/* Items/Contact/ItemId */
	if (element == ELEMENT_ItemId && ews_answer_depth(answer) == 3)
		ews_item_ref_set(&reading->ref, xml_attr_value(attrs, "Id"),
		        xml_attr_value(attrs, "ChangeKey"));
	return true;
}

static bool on_message(
        struct ews_answer *answer, const GError *failure, bool stopped, void *data, GError **error)
{
	(void)error;
	struct reading *reading = data;
	struct ews_create *create = reading->create;
	reading->stopped |= stopped;
	if (reading->stopped || ews_answer_index(answer) >= create->n)
		return true;
	struct ews_outcome *outcome = &create->outcomes[create->answered++];
	if (failure != NULL) {
		outcome->error = g_error_copy(failure);
	} else if (reading->ref.id == NULL) {
		ews_protocol_set(&outcome->error, op.name, "a new item without ItemId");
		error_reclass(outcome->error, ERROR_UNCERTAIN);
	} else {
		outcome->ref = reading->ref;
		reading->ref = (struct ews_item_ref){0};
	}
	ews_item_ref_clear(&reading->ref);
	return true;
}

static const struct ews_answer_handler handler = {.start = on_start, .message = on_message};

bool ews_create_items(struct ews_session *session, struct ews_create *create, GError **error)
{
	struct xml_writer *w = ews_request(session, &op);
	if (create->messages)
		xml_attr(w, "MessageDisposition", "SaveOnly");
	xml_start(w, "m:SavedItemFolderId");
	ews_write_folder(session, w, create->folder);
	xml_end(w);
	xml_start(w, "m:Items");
	for (size_t i = 0; i < create->n; i++)
		create->write(w, i, create->data);
	xml_end(w);
	struct reading reading = {.create = create};
	create->answered = 0;
	bool ok = ews_call(session, &op, &handler, &reading, error);
	ews_item_ref_clear(&reading.ref);
	if (!ok || create->answered == create->n || reading.stopped)
		return ok;
	GError *failure = NULL;
	ews_protocol_set(&failure, op.name, "fewer answers than items");
	error_reclass(failure, ERROR_UNCERTAIN);
	g_propagate_error(error, failure);
	return false;
}
