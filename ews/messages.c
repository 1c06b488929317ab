#include "ews/messages.h"

#include "core/clock.h"
#include "core/error.h"
#include "ews/contact_driver.h"

#define FIND_PAGE 500
#define MAX_PAGES 1000000
#define MAX_STALE_PAGES 3 /* in a row, that bring nothing new */

/* create */

static size_t message_size(size_t index, const void *data)
{
	const struct ews_message *messages = data;
	return messages[index].mime_len;
}

static void write_time(struct xml_writer *w, const char *tag, int64_t utc_us)
{
	if (utc_us == 0)
		return;
	g_autofree char *text = clock_format_iso(utc_us - utc_us % CLOCK_US_PER_S);
	ews_write_tagged_property(w, tag, "SystemTime", text);
}

/* A saved message is a draft for ever unless its flags are set when it is made. */
static void write_message(struct xml_writer *w, size_t index, const void *data)
{
	const struct ews_message *message = (const struct ews_message *)data + index;
	xml_start(w, "t:Message");
	xml_start(w, "t:MimeContent");
	xml_attr(w, "CharacterSet", "UTF-8");
	xml_base64(w, message->mime, message->mime_len);
	xml_end(w);
	xml_text_element(w, "t:ItemClass",
	        message->item_class == NULL ? EWS_CLASS_CONVERSATION : message->item_class);
	ews_write_tagged_property(w, "0x0E07", "Integer", message->read ? "1" : "0");
	write_time(w, "0x0039", message->sent_utc_us);
	write_time(w, "0x0E06", message->received_utc_us);
	ews_write_property(w, EWS_PROPERTY_DELIVERY, message->delivery_uuid);
	xml_bool_element(w, "t:IsRead", message->read);
	xml_end(w);
}

bool ews_messages_create(struct ews_session *session, const char *folder_id,
        const struct ews_message *messages, size_t n, struct ews_outcome *outcomes, GError **error)
{
	struct ews_folder folder = {.id = folder_id};
	struct ews_create_all all = {
	        .folder = &folder,
	        .messages = true,
	        .n = n,
	        .size = message_size,
	        .write = write_message,
	        .data = messages,
	        .outcomes = outcomes,
	};
	return ews_create_all(session, &all, error);
}

bool ews_message_create(struct ews_session *session, const char *folder_id,
        const struct ews_message *message, struct ews_item_ref *out, GError **error)
{
	struct ews_outcome outcome = {0};
	bool ok = ews_messages_create(session, folder_id, message, 1, &outcome, error);
	if (ok && out != NULL)
		ews_item_ref_set(out, outcome.ref.id, outcome.ref.change_key);
	ews_item_ref_clear(&outcome.ref);
	g_clear_error(&outcome.error);
	return ok;
}

/* what items tell */

struct told {
	ews_message_sink *sink;
	void *data;
};

static struct ews_message_info info_of(const struct ews_item *item, bool deleted)
{
	struct ews_message_info info = {
	        .ref.id = item->texts[ITEM_ID]->str,
	        .ref.change_key =
	                item->has[ITEM_CHANGE_KEY] ? item->texts[ITEM_CHANGE_KEY]->str : NULL,
	        .deleted = deleted,
	};
	if (!deleted) {
		info.delivery_uuid = ews_item_text(item, ITEM_DELIVERY);
		info.item_class = ews_item_text(item, ITEM_CLASS);
		info.subject = ews_item_text(item, ITEM_SUBJECT);
		info.created_utc_us = item->created_utc_us;
		info.sent_utc_us = item->sent_utc_us;
		info.received_utc_us = item->received_utc_us;
		info.size_bytes = item->size_bytes;
	}
	return info;
}

static bool tell(const struct told *told, const struct ews_item *item, bool deleted, GError **error)
{
	const struct ews_message_info info = info_of(item, deleted);
	return told->sink(&info, told->data, error);
}

/* items by time */

/*
 * Pages are cut by time and not by offset, because an offset goes wrong when items come and go
 * between two pages: each page begins with the second in which the last one ended, and what was
 * told of that second is not told again.
 */
struct walk {
	const char *field; /* that the pages go by */
	int64_t since_utc_us, until_utc_us; /* until 0: no end */
	const char *delivery_uuid; /* NULL: any */
	bool search_uuid; /* the server is to search by it too */
	struct told told;
	int64_t page_since_utc_us;
	int64_t last_utc_us; /* of the newest item told */
	GHashTable *seen; /* ids told in the second of last_utc_us */
	unsigned fresh; /* items of this page not told before */
};

static void write_compare(
        struct xml_writer *w, const char *element, const char *field, int64_t utc_us)
{
	g_autofree char *text = clock_format_iso(utc_us);
	xml_start(w, element);
	ews_write_field(w, field);
	xml_start(w, "t:FieldURIOrConstant");
	xml_empty_element(w, "t:Constant", "Value", text, NULL);
	xml_end(w);
	xml_end(w);
}

static void write_uuid(struct xml_writer *w, const char *uuid)
{
	xml_start(w, "t:IsEqualTo");
	ews_write_property_path(w, EWS_PROPERTY_DELIVERY);
	xml_start(w, "t:FieldURIOrConstant");
	xml_empty_element(w, "t:Constant", "Value", uuid, NULL);
	xml_end(w);
	xml_end(w);
}

static int64_t whole_second(int64_t utc_us)
{
	int64_t rest = utc_us % CLOCK_US_PER_S;
	return utc_us - (rest < 0 ? rest + CLOCK_US_PER_S : rest);
}

static void write_restriction(struct xml_writer *w, const void *data)
{
	const struct walk *walk = data;
	bool and = walk->until_utc_us != 0 || walk->search_uuid;
	if (and)
		xml_start(w, "t:And");
	write_compare(
	        w, "t:IsGreaterThanOrEqualTo", walk->field, whole_second(walk->page_since_utc_us));
	if (walk->until_utc_us != 0)
		write_compare(w, "t:IsLessThan", walk->field,
		        whole_second(walk->until_utc_us + CLOCK_US_PER_S - 1));
	if (walk->search_uuid)
		write_uuid(w, walk->delivery_uuid);
	if (and)
		xml_end(w);
}

static int64_t time_of(const struct walk *walk, const struct ews_item *item)
{
	return g_str_equal(walk->field, "item:DateTimeCreated") ? item->created_utc_us
	                                                        : item->received_utc_us;
}

static bool on_found(const struct ews_item *item, void *data, GError **error)
{
	struct walk *walk = data;
	const char *id = ews_item_text(item, ITEM_ID);
	int64_t utc_us = time_of(walk, item);
	if (whole_second(utc_us) > whole_second(walk->last_utc_us)) {
		walk->last_utc_us = utc_us;
		g_hash_table_remove_all(walk->seen);
	}
	if (!g_hash_table_add(walk->seen, g_strdup(id)))
		return true;
	walk->fresh++;
	/* Looked at here too: a server may overlook the restriction. */
	bool early = utc_us != 0 && utc_us < walk->since_utc_us;
	bool late = walk->until_utc_us != 0 && utc_us >= walk->until_utc_us;
	const char *uuid = ews_item_text(item, ITEM_DELIVERY);
	bool other = walk->delivery_uuid != NULL && g_strcmp0(uuid, walk->delivery_uuid) != 0;
	return early || late || other || tell(&walk->told, item, false, error);
}

static bool walk_by_time(
        struct ews_session *session, const char *folder_id, struct walk *walk, GError **error)
{
	struct ews_folder folder = {.id = folder_id};
	struct ews_find find = {
	        .folder = &folder,
	        .shape = EWS_SHAPE_MESSAGE,
	        .restriction = write_restriction,
	        .restriction_data = walk,
	        .sort_field = walk->field,
	        .max = FIND_PAGE,
	};
	walk->page_since_utc_us = walk->last_utc_us = walk->since_utc_us;
	unsigned stale = 0;
	for (unsigned pages = 0; pages < MAX_PAGES && stale < MAX_STALE_PAGES; pages++) {
		struct ews_find_page page;
		walk->fresh = 0;
		if (!ews_find_item(session, &find, on_found, walk, &page, error))
			return false;
		if (page.last || page.items == 0)
			return true;
		stale = walk->fresh > 0 ? 0 : stale + 1;
		if (whole_second(walk->last_utc_us) > whole_second(walk->page_since_utc_us)) {
			walk->page_since_utc_us = walk->last_utc_us;
			find.offset = 0;
		} else {
			/* A whole page within one second, or a server without that time. */
			find.offset += page.items;
		}
	}
	error_set(error, ERROR_MAILBOX, "ews.protocol",
	        "the mail server's FindItem does not come to an end; report this with its version");
	return false;
}

static bool walk_run(
        struct ews_session *session, const char *folder_id, struct walk *walk, GError **error)
{
	walk->seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	bool ok = walk_by_time(session, folder_id, walk, error);
	g_hash_table_unref(walk->seen);
	return ok;
}

bool ews_messages_created(struct ews_session *session, const char *folder_id, int64_t since_utc_us,
        ews_message_sink *sink, void *data, GError **error)
{
	struct walk walk = {
	        .field = "item:DateTimeCreated",
	        .since_utc_us = since_utc_us,
	        .told = {sink, data},
	};
	return walk_run(session, folder_id, &walk, error);
}

static bool keep_ref(const struct ews_message_info *info, void *data, GError **error)
{
	(void)error;
	struct ews_item_ref *ref = g_new0(struct ews_item_ref, 1);
	ews_item_ref_set(ref, info->ref.id, info->ref.change_key);
	g_ptr_array_add(data, ref);
	return true;
}

bool ews_messages_find_uuid(struct ews_session *session, const char *folder_id,
        const char *delivery_uuid, int64_t since_utc_us, GPtrArray *found, GError **error)
{
	struct walk walk = {
	        .field = "item:DateTimeCreated",
	        .since_utc_us = since_utc_us,
	        .delivery_uuid = delivery_uuid,
	        .search_uuid = true,
	        .told = {keep_ref, found},
	};
	g_autoptr(GError) failure = NULL;
	if (walk_run(session, folder_id, &walk, &failure))
		return true;
	if (!error_is(failure, "ews.unsupported") && !error_is(failure, "ews.request")) {
		g_propagate_error(error, g_steal_pointer(&failure));
		return false;
	}
	/* A server that cannot search by our property still tells it of what is recent. */
	g_ptr_array_set_size(found, 0);
	walk.search_uuid = false;
	return walk_run(session, folder_id, &walk, error);
}

bool ews_messages_each(struct ews_session *session, const char *folder_id, int64_t since_utc_us,
        int64_t until_utc_us, ews_message_sink *sink, void *data, GError **error)
{
	struct walk walk = {
	        .field = "item:DateTimeReceived",
	        .since_utc_us = since_utc_us,
	        .until_utc_us = until_utc_us,
	        .told = {sink, data},
	};
	return walk_run(session, folder_id, &walk, error);
}

/* items by sync state */

static bool on_change(
        enum ews_sync_kind kind, const struct ews_item *item, void *data, GError **error)
{
	return tell(data, item, kind == EWS_SYNC_DELETE, error);
}

bool ews_messages_changes(struct ews_session *session, const char *folder_id, const char *state_in,
        ews_message_sink *sink, void *data, char **state_out, bool *full, GError **error)
{
	struct ews_folder folder = {.id = folder_id};
	struct told told = {sink, data};
	struct ews_sync_walk walk = {
	        .folder = &folder, .shape = EWS_SHAPE_MESSAGE, .sink = on_change, .data = &told};
	g_autoptr(GError) failure = NULL;
	*full = state_in == NULL;
	if (ews_sync_walk(session, &walk, state_in, state_out, &failure))
		return true;
	if (state_in == NULL || !error_is(failure, "ews.sync_state")) {
		g_propagate_error(error, g_steal_pointer(&failure));
		return false;
	}
	*full = true;
	return ews_sync_walk(session, &walk, NULL, state_out, error);
}

/* items by id */

struct getting {
	ews_message_get_sink *sink;
	void *data;
};

static bool on_got(size_t index, const struct ews_item *item, const GError *failure, void *data,
        GError **error)
{
	const struct getting *getting = data;
	if (item == NULL && !error_is(failure, "ews.not_found")) {
		g_propagate_error(error, g_error_copy(failure));
		return false;
	}
	if (item == NULL)
		return getting->sink(index, NULL, getting->data, error);
	const struct ews_message_info info = info_of(item, false);
	return getting->sink(index, &info, getting->data, error);
}

bool ews_messages_get(struct ews_session *session, const char *const *ids, size_t n,
        ews_message_get_sink *sink, void *data, GError **error)
{
	struct getting getting = {sink, data};
	return ews_get_items(session, ids, n, EWS_SHAPE_MESSAGE, on_got, &getting, error);
}

/* one item */

bool ews_message_get_mime(struct ews_session *session, const char *item_id, ews_bytes_sink *sink,
        void *data, GError **error)
{
	return ews_get_item_mime(session, item_id, sink, data, error);
}

bool ews_message_delete(struct ews_session *session, const char *item_id, GError **error)
{
	return ews_delete_item(session, item_id, NULL, "HardDelete", error);
}
