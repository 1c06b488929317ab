/* GetItem: items by id, in batches; or one item as MIME. */
#include "ews/ops.h"

#include "core/error.h"
#include "ews/codes.h"

static const struct ews_op op = {.name = "GetItem"};

struct batch {
	struct ews_item item;
	bool whole; /* an item was read in this response message */
	size_t first, n; /* of the ids of the caller */
	size_t answered;
	bool stopped;
	bool slow; /* the server gave up on an item: smaller batches may do */
	ews_get_sink *sink;
	void *data;
};

static bool on_start(struct ews_answer *answer, enum ews_element element,
        const struct xml_attrs *attrs, void *data, GError **error)
{
	(void)error;
	struct batch *batch = data;
	if (batch->item.depth != 0)
		ews_item_start(&batch->item, answer, element, attrs);
	else if (ews_answer_depth(answer) == 2 && ews_answer_above(answer, 1) == ELEMENT_Items)
		ews_item_open(&batch->item, answer, element);
	return true;
}

static bool on_end(struct ews_answer *answer, enum ews_element element, const char *text,
        size_t len, void *data, GError **error)
{
	(void)len;
	(void)error;
	struct batch *batch = data;
	if (batch->item.depth != 0 && ews_item_end(&batch->item, answer, element, text))
		batch->whole = ews_item_text(&batch->item, ITEM_ID) != NULL;
	return true;
}

static bool on_message(
        struct ews_answer *answer, const GError *failure, bool stopped, void *data, GError **error)
{
	struct batch *batch = data;
	batch->slow |= error_is(failure, "ews.timeout") && batch->n > 1;
	batch->stopped |= stopped || batch->slow;
	if (batch->stopped || ews_answer_index(answer) >= batch->n)
		return true;
	g_autoptr(GError) missing = NULL;
	if (failure == NULL && !batch->whole) {
		ews_protocol_set(&missing, op.name, "an item was left out");
		error_reclass(missing, ERROR_ITEM);
		failure = missing;
	}
	size_t index = batch->first + batch->answered++;
	batch->whole = false;
	return batch->sink(
	        index, failure == NULL ? &batch->item : NULL, failure, batch->data, error);
}

static const struct ews_answer_handler handler = {
        .start = on_start, .end = on_end, .message = on_message};

static bool get_batch(struct ews_session *session, const char *const *ids, enum ews_shape shape,
        struct batch *batch, GError **error)
{
	batch->answered = 0;
	batch->stopped = batch->slow = false;
	batch->whole = false;
	batch->item.depth = 0;
	struct xml_writer *w = ews_request(session, &op);
	ews_write_item_shape(w, shape);
	xml_start(w, "m:ItemIds");
	for (size_t i = 0; i < batch->n; i++)
		ews_write_id(w, "t:ItemId", ids[batch->first + i], NULL);
	xml_end(w);
	return ews_call(session, &op, &handler, batch, error);
}

bool ews_get_items(struct ews_session *session, const char *const *ids, size_t n,
        enum ews_shape shape, ews_get_sink *sink, void *data, GError **error)
{
	struct batch batch = {.sink = sink, .data = data};
	size_t size = session->batch_items;
	bool ok = true;
	ews_item_init(&batch.item);
	while (ok && batch.first < n) {
		g_autoptr(GError) failure = NULL;
		batch.n = MIN(size, n - batch.first);
		ok = get_batch(session, ids, shape, &batch, &failure);
		batch.first += batch.answered;
		if (batch.slow || (error_is(failure, "ews.timeout") && batch.n > 1)) {
			size = batch.n / 2;
			ok = true;
		} else if (!ok) {
			g_propagate_error(error, g_steal_pointer(&failure));
		} else if (batch.answered == 0) {
			ews_protocol_set(error, op.name, "no item of a batch was answered");
			ok = false;
		}
	}
	ews_item_clear(&batch.item);
	return ok;
}

struct mime {
	ews_bytes_sink *sink;
	void *data;
	bool seen;
	int state;
	guint save;
};

static bool mime_start(struct ews_answer *answer, enum ews_element element,
        const struct xml_attrs *attrs, void *data, GError **error)
{
	(void)attrs;
	(void)error;
	struct mime *mime = data;
	if (element == ELEMENT_MimeContent && ews_answer_depth(answer) == 3 && !mime->seen) {
		mime->seen = true;
		ews_answer_stream_text(answer);
	}
	return true;
}

static bool mime_text(
        struct ews_answer *answer, const char *bytes, size_t len, void *data, GError **error)
{
	(void)answer;
	struct mime *mime = data;
	guchar decoded[3072];
	while (len > 0) {
		size_t piece = MIN(len, (size_t)4000);
		gsize n = g_base64_decode_step(bytes, piece, decoded, &mime->state, &mime->save);
		if (n > 0 && !mime->sink(decoded, n, mime->data, error))
			return false;
		bytes += piece;
		len -= piece;
	}
	return true;
}

static const struct ews_answer_handler mime_handler = {.start = mime_start, .text = mime_text};

bool ews_get_item_mime(struct ews_session *session, const char *id, ews_bytes_sink *sink,
        void *data, GError **error)
{
	struct xml_writer *w = ews_request(session, &op);
	xml_start(w, "m:ItemShape");
	xml_text_element(w, "t:BaseShape", "IdOnly");
	xml_bool_element(w, "t:IncludeMimeContent", true);
	xml_end(w);
	xml_start(w, "m:ItemIds");
	ews_write_id(w, "t:ItemId", id, NULL);
	xml_end(w);
	struct mime mime = {.sink = sink, .data = data};
	if (!ews_call(session, &op, &mime_handler, &mime, error))
		return false;
	if (mime.seen)
		return true;
	ews_protocol_set(error, op.name, "no MimeContent");
	return false;
}
