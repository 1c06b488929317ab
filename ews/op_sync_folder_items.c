/*
 * SyncFolderItems: what changed in a folder since a state. A state is opaque and may be large; the
 * new one is valid only once the whole page has been taken.
 */
#include "ews/ops.h"

#include "core/error.h"
#include "ews/codes.h"

#define PAGE 512 /* the most that the schema allows */
#define MAX_PAGES 1000000

static const struct ews_op op = {.name = "SyncFolderItems"};

struct reading {
	struct ews_item item;
	enum ews_sync_kind kind;
	ews_sync_sink *sink;
	void *data;
	struct ews_sync_page *page;
	bool has_last;
};

static bool container_kind(enum ews_element element, enum ews_sync_kind *kind)
{
	if (element == ELEMENT_Create)
		*kind = EWS_SYNC_CREATE;
	else if (element == ELEMENT_Update)
		*kind = EWS_SYNC_UPDATE;
	else if (element == ELEMENT_Delete)
		*kind = EWS_SYNC_DELETE;
	else
		return false;
	return true;
}

/* Changes/Create/Contact, but Changes/Delete/ItemId: there the change is the item itself. */
static bool on_start(struct ews_answer *answer, enum ews_element element,
        const struct xml_attrs *attrs, void *data, GError **error)
{
	(void)error;
	struct reading *reading = data;
	enum ews_sync_kind kind;
	unsigned depth = ews_answer_depth(answer);
	if (reading->item.depth != 0)
		ews_item_start(&reading->item, answer, element, attrs);
	else if (depth == 2 && container_kind(element, &kind)) {
		reading->kind = kind;
		reading->page->changes++;
		if (kind == EWS_SYNC_DELETE)
			ews_item_open(&reading->item, answer, element);
	} else if (depth == 3 && container_kind(ews_answer_above(answer, 1), &kind))
		ews_item_open(&reading->item, answer, element);
	else if (depth == 2)
		reading->page->changes++;
	return true;
}

static bool deliver(struct reading *reading, GError **error)
{
	if (ews_item_text(&reading->item, ITEM_ID) != NULL)
		return reading->sink(reading->kind, &reading->item, reading->data, error);
	ews_protocol_set(error, op.name, "a change without ItemId");
	return false;
}

static bool on_end(struct ews_answer *answer, enum ews_element element, const char *text,
        size_t len, void *data, GError **error)
{
	struct reading *reading = data;
	if (reading->item.depth != 0)
		return !ews_item_end(&reading->item, answer, element, text) ||
		       deliver(reading, error);
	if (ews_answer_depth(answer) != 1 || text == NULL)
		return true;
	if (element == ELEMENT_SyncState) {
		g_free(reading->page->state);
		reading->page->state = g_strndup(text, len);
	} else if (element == ELEMENT_IncludesLastItemInRange) {
		reading->has_last = true;
		reading->page->last = g_str_equal(text, "true") || g_str_equal(text, "1");
	}
	return true;
}

static const struct ews_answer_handler handler = {.start = on_start, .end = on_end};

static void write_request(struct ews_session *session, const struct ews_folder *folder,
        enum ews_shape shape, const char *state, unsigned max)
{
	struct xml_writer *w = ews_request(session, &op);
	ews_write_item_shape(w, shape);
	xml_start(w, "m:SyncFolderId");
	ews_write_folder(session, w, folder);
	xml_end(w);
	xml_text_element(w, "m:SyncState", state);
	xml_int_element(w, "m:MaxChangesReturned", max);
}

bool ews_sync_folder_items(struct ews_session *session, const struct ews_folder *folder,
        enum ews_shape shape, const char *state_in, unsigned max, ews_sync_sink *sink, void *data,
        struct ews_sync_page *page, GError **error)
{
	*page = (struct ews_sync_page){0};
	write_request(session, folder, shape, state_in, max);
	struct reading reading = {.sink = sink, .data = data, .page = page};
	ews_item_init(&reading.item);
	bool ok = ews_call(session, &op, &handler, &reading, error);
	ews_item_clear(&reading.item);
	if (ok && (page->state == NULL || page->state[0] == '\0' || !reading.has_last)) {
		ews_protocol_set(error, op.name,
		        reading.has_last ? "no SyncState" : "no IncludesLastItemInRange");
		ok = false;
	}
	if (!ok)
		g_clear_pointer(&page->state, g_free);
	return ok;
}

bool ews_sync_walk(struct ews_session *session, const struct ews_sync_walk *walk,
        const char *state_in, char **state_out, GError **error)
{
	g_autofree char *state = g_strdup(state_in);
	for (unsigned pages = 0; pages < MAX_PAGES; pages++) {
		struct ews_sync_page page;
		if (!ews_sync_folder_items(session, walk->folder, walk->shape, state, PAGE,
		            walk->sink, walk->data, &page, error))
			return false;
		/* Some servers say "more" for ever: asking again would give the same again. */
		bool stuck = !page.last && g_strcmp0(page.state, state) == 0;
		unsigned changes = page.changes;
		g_free(state);
		state = page.state;
		if (walk->page_done != NULL && !walk->page_done(walk->data, error))
			return false;
		if (stuck && changes > 0)
			break;
		if (page.last || stuck) {
			*state_out = g_steal_pointer(&state);
			return true;
		}
	}
	ews_protocol_set(error, op.name, "changes without end");
	return false;
}
