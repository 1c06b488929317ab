#include "ews/ops.h"

#include "core/error.h"
#include "ews/codes.h"

static const struct ews_op op = {.name = "FindItem"};

struct reading {
	struct ews_item item;
	ews_find_sink *sink;
	void *data;
	struct ews_find_page *page;
	bool root;
};

static void on_root(struct reading *reading, const struct xml_attrs *attrs)
{
	const char *last = xml_attr_value(attrs, "IncludesLastItemInRange");
	const char *next = xml_attr_value(attrs, "IndexedPagingOffset");
	reading->root = true;
	reading->page->last = last == NULL || g_str_equal(last, "true") || g_str_equal(last, "1");
	guint64 offset;
	if (next != NULL && g_ascii_string_to_unsigned(next, 10, 0, G_MAXINT, &offset, NULL))
		reading->page->next_offset = (unsigned)offset;
}

static bool on_start(struct ews_answer *answer, enum ews_element element,
        const struct xml_attrs *attrs, void *data, GError **error)
{
	(void)error;
	struct reading *reading = data;
	unsigned depth = ews_answer_depth(answer);
	if (reading->item.depth != 0)
		ews_item_start(&reading->item, answer, element, attrs);
	else if (element == ELEMENT_RootFolder && depth == 1)
		on_root(reading, attrs);
	else if (depth == 3 && ews_answer_above(answer, 1) == ELEMENT_Items)
		ews_item_open(&reading->item, answer, element);
	return true;
}

static bool on_end(struct ews_answer *answer, enum ews_element element, const char *text,
        size_t len, void *data, GError **error)
{
	(void)len;
	struct reading *reading = data;
	if (reading->item.depth == 0 || !ews_item_end(&reading->item, answer, element, text))
		return true;
	if (ews_item_text(&reading->item, ITEM_ID) == NULL) {
		ews_protocol_set(error, op.name, "an item without ItemId");
		return false;
	}
	reading->page->items++;
	return reading->sink(&reading->item, reading->data, error);
}

static const struct ews_answer_handler handler = {.start = on_start, .end = on_end};

static void write_request(struct ews_session *session, const struct ews_find *find)
{
	struct xml_writer *w = ews_request(session, &op);
	g_autofree char *max = g_strdup_printf("%u", find->max);
	g_autofree char *offset = g_strdup_printf("%u", find->offset);
	xml_attr(w, "Traversal", "Shallow");
	ews_write_item_shape(w, find->shape);
	xml_empty_element(w, "m:IndexedPageItemView", "MaxEntriesReturned", max, "Offset", offset,
	        "BasePoint", "Beginning", NULL);
	if (find->restriction != NULL) {
		xml_start(w, "m:Restriction");
		find->restriction(w, find->restriction_data);
		xml_end(w);
	}
	if (find->sort_field != NULL) {
		xml_start(w, "m:SortOrder");
		xml_start(w, "t:FieldOrder");
		xml_attr(w, "Order", "Ascending");
		ews_write_field(w, find->sort_field);
		xml_end(w);
		xml_end(w);
	}
	xml_start(w, "m:ParentFolderIds");
	ews_write_folder(session, w, find->folder);
	xml_end(w);
}

bool ews_find_item(struct ews_session *session, const struct ews_find *find, ews_find_sink *sink,
        void *data, struct ews_find_page *page, GError **error)
{
	*page = (struct ews_find_page){0};
	write_request(session, find);
	struct reading reading = {.sink = sink, .data = data, .page = page};
	ews_item_init(&reading.item);
	bool ok = ews_call(session, &op, &handler, &reading, error);
	ews_item_clear(&reading.item);
	if (ok && !reading.root) {
		ews_protocol_set(error, op.name, "no RootFolder");
		ok = false;
	}
	return ok;
}
