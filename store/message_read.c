#include "store/message.h"
#include "store/segment.h"
#include "store/store_private.h"

#define PAGE_ROWS 256

void conversation_free(struct conversation *conversation)
{
	g_free(conversation->key);
	g_free(conversation->title);
	g_free(conversation);
}

static void conversation_destroy(gpointer conversation)
{
	conversation_free(conversation);
}

void stored_message_free(struct stored_message *stored)
{
	if (stored->message != NULL)
		message_free(stored->message);
	g_free(stored);
}

static void stored_message_destroy(gpointer stored)
{
	stored_message_free(stored);
}

#define CONVERSATION_COLUMNS                                                                       \
	"SELECT id, key, is_room, title, last_seq, taken_seq, first_utc_us, last_utc_us "          \
	"FROM conversation "

static struct conversation *read_conversation(const struct db_result *result)
{
	struct conversation *conversation = g_new0(struct conversation, 1);
	conversation->id = db_column_int64(result, 0);
	conversation->key = db_column_dup(result, 1);
	conversation->is_room = db_column_int64(result, 2) != 0;
	conversation->title = db_column_dup(result, 3);
	conversation->last_seq = db_column_int64(result, 4);
	conversation->taken_seq = db_column_int64(result, 5);
	conversation->first_utc_us = db_column_int64(result, 6);
	conversation->last_utc_us = db_column_int64(result, 7);
	return conversation;
}

static bool one_conversation(struct db_result *result, struct conversation **out, GError **error)
{
	*out = NULL;
	if (result == NULL)
		return false;
	int more = db_next(result, error);
	if (more > 0)
		*out = read_conversation(result);
	db_result_free(result);
	return more >= 0;
}

bool store_conversation_by_key(
        struct store *store, const char *key, struct conversation **out, GError **error)
{
	return one_conversation(db_query(store->db, CONVERSATION_COLUMNS "WHERE key = $1",
	                                DB_VALUES(db_text(key)), error),
	        out, error);
}

bool store_conversation_by_id(
        struct store *store, int64_t id, struct conversation **out, GError **error)
{
	return one_conversation(db_query(store->db, CONVERSATION_COLUMNS "WHERE id = $1",
	                                DB_VALUES(db_int(id)), error),
	        out, error);
}

GPtrArray *store_conversations(
        struct store *store, int64_t after_id, bool pending, unsigned limit, GError **error)
{
	g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(conversation_destroy);
	autoptr(db_result) result = db_query(store->db,
	        pending ? CONVERSATION_COLUMNS
	                "WHERE id > $1 AND taken_seq < last_seq ORDER BY id LIMIT $2"
	                : CONVERSATION_COLUMNS "WHERE id > $1 ORDER BY id LIMIT $2",
	        DB_VALUES(db_int(after_id), db_int(limit)), error);
	if (result == NULL)
		return NULL;
	int more;
	while ((more = db_next(result, error)) > 0)
		g_ptr_array_add(list, read_conversation(result));
	return more == 0 ? g_steal_pointer(&list) : NULL;
}

#define MESSAGE_LIST                                                                               \
	"m.conversation_id, m.seq, m.kind, m.source, m.owner, m.source_key, m.correlation, "       \
	"m.peer, m.is_room, m.sender, m.sender_nick, m.message_id, m.refers_to, m.thread, "        \
	"m.body, m.url, m.sent_utc_us, m.source_order, m.captured_utc_us, m.conflict, "            \
	"m.file_name, m.file_size_bytes, m.file_hash, m.sender_resolved, m.claimed_utc_us"
#define MESSAGE_COLUMN_COUNT 25
#define MESSAGE_COLUMNS "SELECT " MESSAGE_LIST " FROM message m "

static struct stored_message *read_message(const struct db_result *result, GError **error)
{
	enum message_kind kind;
	const char *kind_name = db_column_text(result, 2);
	if (!message_kind_parse(kind_name, &kind)) {
		error_set(error, ERROR_CONFIG, "store.newer",
		        "The store holds a message of kind \"%s\": install the imex that wrote it",
		        kind_name);
		return NULL;
	}
	struct stored_message *stored = g_new0(struct stored_message, 1);
	struct message *message = stored->message = message_new(kind);
	stored->conversation_id = db_column_int64(result, 0);
	stored->seq = db_column_int64(result, 1);
	message->source = db_column_dup(result, 3);
	message->owner = db_column_dup(result, 4);
	message->source_key = db_column_dup(result, 5);
	message->correlation = db_column_dup(result, 6);
	message->peer = db_column_dup(result, 7);
	message->is_room = db_column_int64(result, 8) != 0;
	message->sender = db_column_dup(result, 9);
	message->sender_nick = db_column_dup(result, 10);
	message->message_id = db_column_dup(result, 11);
	message->refers_to = db_column_dup(result, 12);
	message->thread = db_column_dup(result, 13);
	message->text = db_column_dup(result, 14);
	message->url = db_column_dup(result, 15);
	message->sent_utc_us = db_column_int64(result, 16);
	message->order = db_column_int64(result, 17);
	stored->captured_utc_us = db_column_int64(result, 18);
	message->conflict = db_column_int64(result, 19) != 0;
	message->file_name = db_column_dup(result, 20);
	message->file_size_bytes = db_column_int64(result, 21);
	message->file_hash = db_column_dup(result, 22);
	message->sender_resolved = db_column_int64(result, 23) != 0;
	message->claimed_utc_us = db_column_int64(result, 24);
	return stored;
}

/* Takes result, which may be NULL. */
static GPtrArray *read_messages(struct db_result *rows, GError **error)
{
	autoptr(db_result) result = rows;
	if (result == NULL)
		return NULL;
	g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(stored_message_destroy);
	int more;
	while ((more = db_next(result, error)) > 0) {
		struct stored_message *stored = read_message(result, error);
		if (stored == NULL)
			return NULL;
		g_ptr_array_add(list, stored);
	}
	return more == 0 ? g_steal_pointer(&list) : NULL;
}

GPtrArray *store_messages_after(struct store *store, int64_t conversation_id, int64_t after_seq,
        unsigned limit, GError **error)
{
	return read_messages(
	        db_query(store->db,
	                MESSAGE_COLUMNS
	                "WHERE conversation_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
	                DB_VALUES(db_int(conversation_id), db_int(after_seq), db_int(limit)),
	                error),
	        error);
}

bool store_message_get(struct store *store, int64_t conversation_id, int64_t seq,
        struct stored_message **out, GError **error)
{
	*out = NULL;
	g_autoptr(GPtrArray) list = read_messages(
	        db_query(store->db, MESSAGE_COLUMNS "WHERE conversation_id = $1 AND seq = $2",
	                DB_VALUES(db_int(conversation_id), db_int(seq)), error),
	        error);
	if (list == NULL)
		return false;
	if (list->len > 0)
		*out = g_ptr_array_steal_index(list, 0);
	return true;
}

static bool refuse_lost(int64_t seq, const char *segment_id, GError **error)
{
	error_set(error, ERROR_CONFIG, "store.damaged",
	        "message %" G_GINT64_FORMAT
	        " of segment %s is missing from the store: restore the store from a backup",
	        seq, segment_id);
	return false;
}

/* Rows as of MESSAGE_LIST and the member's number; a message that is not there is all NULL. */
static bool read_members(
        struct db_result *rows, const char *segment_id, GPtrArray *out, GError **error)
{
	autoptr(db_result) result = rows;
	int more = result != NULL ? 1 : -1;
	while (more > 0 && (more = db_next(result, error)) > 0) {
		if (db_column_is_null(result, 0))
			return refuse_lost(
			        db_column_int64(result, MESSAGE_COLUMN_COUNT), segment_id, error);
		struct stored_message *stored = read_message(result, error);
		if (stored == NULL)
			return false;
		g_ptr_array_add(out, stored);
	}
	return more == 0;
}

GPtrArray *store_segment_messages(
        struct store *store, int64_t conversation_id, const char *id, GError **error)
{
	g_autoptr(GPtrArray) out = g_ptr_array_new_with_free_func(stored_message_destroy);
	struct db_result *rows = db_query(store->db,
	        "SELECT " MESSAGE_LIST ", s.seq FROM segment_member s LEFT JOIN message m ON "
	        "m.conversation_id = s.conversation_id AND m.seq = s.seq "
	        "WHERE s.conversation_id = $1 AND s.segment_id = $2 ORDER BY s.seq",
	        DB_VALUES(db_int(conversation_id), db_text(id)), error);
	return read_members(rows, id, out, error) ? g_steal_pointer(&out) : NULL;
}

struct place {
	int64_t sent_utc_us, order, seq;
};

static GPtrArray *page_by_time(struct store *store, int64_t conversation_id,
        const struct place *after, int64_t until_utc_us, GError **error)
{
	return read_messages(
	        db_query(store->db,
	                MESSAGE_COLUMNS
	                "WHERE conversation_id = $1 AND (sent_utc_us, source_order, seq) > ($2, "
	                "$3, "
	                "$4) AND sent_utc_us < $5 ORDER BY sent_utc_us, source_order, seq LIMIT $6",
	                DB_VALUES(db_int(conversation_id), db_int(after->sent_utc_us),
	                        db_int(after->order), db_int(after->seq), db_int(until_utc_us),
	                        db_int(PAGE_ROWS)),
	                error),
	        error);
}

bool store_message_each(struct store *store, int64_t conversation_id, int64_t since_utc_us,
        int64_t until_utc_us, store_message_fn each, void *data, GError **error)
{
	struct place after = {.sent_utc_us = since_utc_us, .order = G_MININT64, .seq = -1};
	for (;;) {
		g_autoptr(GPtrArray) page =
		        page_by_time(store, conversation_id, &after, until_utc_us, error);
		if (page == NULL)
			return false;
		for (guint i = 0; i < page->len; i++) {
			const struct stored_message *stored = g_ptr_array_index(page, i);
			if (!each(stored, data, error))
				return false;
			after = (struct place){
			        stored->message->sent_utc_us, stored->message->order, stored->seq};
		}
		if (page->len < PAGE_ROWS)
			return true;
	}
}

GPtrArray *store_message_owners(
        struct store *store, int64_t conversation_id, int64_t seq, GError **error)
{
	g_autoptr(GPtrArray) owners = g_ptr_array_new_with_free_func(g_free);
	autoptr(db_result) result = db_query(store->db,
	        "SELECT DISTINCT owner FROM message_copy WHERE conversation_id = $1 AND seq = $2 "
	        "AND owner <> '' ORDER BY owner",
	        DB_VALUES(db_int(conversation_id), db_int(seq)), error);
	if (result == NULL)
		return NULL;
	int more;
	while ((more = db_next(result, error)) > 0)
		g_ptr_array_add(owners, db_column_dup(result, 0));
	return more == 0 ? g_steal_pointer(&owners) : NULL;
}

bool store_message_totals(struct store *store, struct message_totals *out, GError **error)
{
	*out = (struct message_totals){0};
	autoptr(db_result) result = db_query(store->db,
	        "SELECT (SELECT count(*) FROM conversation), (SELECT count(*) FROM message), "
	        "(SELECT count(*) FROM message_copy), "
	        "(SELECT count(*) FROM message WHERE conflict = 1), "
	        "(SELECT count(*) FROM source_gap WHERE filled_utc_us IS NULL), (SELECT "
	        "max(last_utc_us) FROM conversation)",
	        DB_NO_VALUES, error);
	if (result == NULL)
		return false;
	int more = db_next(result, error);
	if (more <= 0)
		return false;
	out->conversations = db_column_int64(result, 0);
	out->messages = db_column_int64(result, 1);
	out->copies = db_column_int64(result, 2);
	out->conflicts = db_column_int64(result, 3);
	out->gaps = db_column_int64(result, 4);
	out->newest_utc_us = db_column_int64(result, 5);
	return true;
}

bool store_message_known(struct store *store, const char *conversation,
        const struct message *message, bool *known, GError **error)
{
	int64_t count = 0;
	bool good = db_get_int64(store->db,
	        "SELECT count(*) FROM message_copy WHERE conversation_id = "
	        "(SELECT id FROM conversation WHERE key = $1) AND source = $2 AND owner = $3 AND "
	        "source_key = $4",
	        DB_VALUES(db_text(conversation), db_text(message->source),
	                db_text(message->owner != NULL ? message->owner : ""),
	                db_text(message->source_key)),
	        &count, NULL, error);
	*known = count > 0;
	return good;
}

bool store_message_copies(struct store *store, const char *source, int64_t since_utc_us,
        int64_t until_utc_us, int64_t *copies, GError **error)
{
	return db_get_int64(store->db,
	        "SELECT count(*) FROM message_copy c JOIN message m ON "
	        "m.conversation_id = c.conversation_id AND m.seq = c.seq WHERE c.source = $1 AND "
	        "m.sent_utc_us >= $2 AND m.sent_utc_us < $3",
	        DB_VALUES(db_text(source), db_int(since_utc_us), db_int(until_utc_us)), copies,
	        NULL, error);
}
