#include "store/ingest.h"

#include "store/record.h"
#include "store/store_private.h"

bool store_ingest_hold(struct store *store, const char *sender, uint64_t events, int64_t now_utc_us,
        GError **error)
{
	return db_run(store->db,
	        "INSERT INTO ingest_sender (sender, events, last_utc_us) VALUES ($1, $2, $3) "
	        "ON CONFLICT (sender) DO UPDATE SET events = ingest_sender.events + $2, "
	        "last_utc_us = $3",
	        DB_VALUES(db_text(sender), db_int((int64_t)events), db_int(now_utc_us)), error);
}

/* Whether this event is there, and whether another one has its key. */
static bool find(struct store *store, const char *sender, const char *key, const char *hash,
        bool *same, bool *other, GError **error)
{
	*same = *other = false;
	autoptr(db_result) rows =
	        db_query(store->db, "SELECT hash FROM ingest_event WHERE sender = $1 AND key = $2",
	                DB_VALUES(db_text(sender), db_text(key)), error);
	int got = rows != NULL ? 1 : -1;
	while (got > 0 && (got = db_next(rows, error)) > 0) {
		if (g_str_equal(db_column_text(rows, 0), hash))
			*same = true;
		else
			*other = true;
	}
	return got == 0;
}

static bool insert(struct store *store, const char *sender, const struct message *message,
        const char *hash, const struct message_put_result *put, int64_t now_utc_us, GError **error)
{
	return db_run(store->db,
	        "INSERT INTO ingest_event (sender, key, hash, conversation_id, seq, "
	        "received_utc_us) VALUES ($1, $2, $3, $4, $5, $6)",
	        DB_VALUES(db_text(sender), db_text(message->source_key), db_text(hash),
	                db_int(put->conversation_id), db_int(put->seq), db_int(now_utc_us)),
	        error);
}

/* The other event may be in another conversation, where nothing marked this one. */
static bool mark_conflict(struct store *store, const char *sender, const struct message *message,
        const char *hash, const struct message_put_result *put, int64_t now_utc_us, GError **error)
{
	g_autofree char *detail = g_strdup_printf("%s %s", sender, message->source_key);
	const struct archive_event event = {
	        .what = "message.conflict",
	        .at_utc_us = now_utc_us,
	        .conversation_id = put->conversation_id,
	        .hash = hash,
	        .detail = detail,
	};
	return db_run(store->db,
	               "UPDATE message SET conflict = 1 WHERE conversation_id = $1 AND seq = $2",
	               DB_VALUES(db_int(put->conversation_id), db_int(put->seq)), error) &&
	       archive_record(store, &event, error);
}

static bool put_event(struct store *store, const char *sender, const char *conversation,
        const struct message *message, int64_t now_utc_us, enum message_put *outcome,
        GError **error)
{
	bool same, other;
	struct message_put_result put = {0};
	g_autofree char *hash = message_hash(message);
	*outcome = MESSAGE_PUT_SAME;
	if (!find(store, sender, message->source_key, hash, &same, &other, error))
		return false;
	if (same || (other && message->kind == MESSAGE_WITHHELD))
		return true;
	if (!store_message_put(store, conversation, message, &put, error) ||
	        !insert(store, sender, message, hash, &put, now_utc_us, error))
		return false;
	*outcome = other ? MESSAGE_PUT_CONFLICT : put.outcome;
	return !other || mark_conflict(store, sender, message, hash, &put, now_utc_us, error);
}

bool store_ingest_put(struct store *store, const char *sender, const char *conversation,
        const struct message *message, int64_t now_utc_us, enum message_put *outcome,
        GError **error)
{
	return store_begin(store, error) &&
	       store_end(store,
	               put_event(store, sender, conversation, message, now_utc_us, outcome, error),
	               error);
}

/* Running numbers */

/* Grows [*first, *last] by the ranges that it touches, which go. */
static bool swallow(
        struct store *store, const char *sender, int64_t *first, int64_t *last, GError **error)
{
	const struct db_value values[] = {db_text(sender), db_int(*first), db_int(*last)};
	autoptr(db_result) rows = db_query(store->db,
	        "SELECT min(first), max(last) FROM ingest_range WHERE sender = $1 AND "
	        "first <= $3 + 1 AND last >= $2 - 1",
	        G_N_ELEMENTS(values), values, error);
	int got = rows != NULL ? db_next(rows, error) : -1;
	if (got < 0)
		return false;
	if (got > 0 && !db_column_is_null(rows, 0)) {
		*first = MIN(*first, db_column_int64(rows, 0));
		*last = MAX(*last, db_column_int64(rows, 1));
	}
	g_clear_pointer(&rows, db_result_free);
	return db_run(store->db,
	        "DELETE FROM ingest_range WHERE sender = $1 AND first >= $2 AND last <= $3",
	        DB_VALUES(db_text(sender), db_int(*first), db_int(*last)), error);
}

static bool add_range(
        struct store *store, const char *sender, int64_t first, int64_t last, GError **error)
{
	return swallow(store, sender, &first, &last, error) &&
	       db_run(store->db,
	               "INSERT INTO ingest_range (sender, first, last) VALUES ($1, $2, $3)",
	               DB_VALUES(db_text(sender), db_int(first), db_int(last)), error);
}

static bool add_all(
        struct store *store, const char *sender, const int64_t *sequence, size_t n, GError **error)
{
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && sequence[end] == sequence[end - 1] + 1;)
			end++;
		if (!add_range(store, sender, sequence[i], sequence[end - 1], error))
			return false;
	}
	return true;
}

bool store_ingest_sequence(
        struct store *store, const char *sender, const int64_t *sequence, size_t n, GError **error)
{
	return n == 0 ||
	       (store_begin(store, error) &&
	               store_end(store, add_all(store, sender, sequence, n, error), error));
}

GArray *store_ingest_missing(
        struct store *store, const char *sender, unsigned limit, GError **error)
{
	g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(struct ingest_missing));
	int64_t before = -1;
	autoptr(db_result) rows = db_query(store->db,
	        "SELECT first, last FROM ingest_range WHERE sender = $1 ORDER BY first LIMIT $2",
	        DB_VALUES(db_text(sender), db_int((int64_t)limit + 1)), error);
	int got = rows != NULL ? 1 : -1;
	while (got > 0 && (got = db_next(rows, error)) > 0) {
		const struct ingest_missing missing = {before + 1, db_column_int64(rows, 0) - 1};
		if (before >= 0)
			g_array_append_val(list, missing);
		before = db_column_int64(rows, 1);
	}
	return got == 0 ? g_steal_pointer(&list) : NULL;
}

bool store_ingest_heard(
        struct store *store, const char *sender, int64_t *last_utc_us, GError **error)
{
	bool found = false;
	if (!db_get_int64(store->db, "SELECT last_utc_us FROM ingest_sender WHERE sender = $1",
	            DB_VALUES(db_text(sender)), last_utc_us, &found, error))
		return false;
	if (!found)
		*last_utc_us = 0;
	return true;
}
