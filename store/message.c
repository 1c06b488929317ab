#include "store/message.h"

#include "core/clock.h"
#include "store/store_private.h"

#define OTHER_OWNER_US (600 * CLOCK_US_PER_S)
#define OTHER_OWNER_PLAIN_US (60 * CLOCK_US_PER_S)
#define SAME_OWNER_US (300 * CLOCK_US_PER_S)

static const char *owner_of(const struct message *message)
{
	return message->owner != NULL ? message->owner : "";
}

static bool find_conversation(
        struct store *store, const char *key, int64_t *id, bool *found, GError **error)
{
	return db_get_int64(store->db, "SELECT id FROM conversation WHERE key = $1",
	        DB_VALUES(db_text(key)), id, found, error);
}

static bool need_conversation(struct store *store, const char *key, const struct message *message,
        int64_t *id, GError **error)
{
	bool found;
	if (!find_conversation(store, key, id, &found, error))
		return false;
	if (found)
		return true;
	/* Another source may make it at the same moment. */
	return db_run(store->db,
	               "INSERT INTO conversation (key, is_room, first_utc_us, last_utc_us) "
	               "VALUES ($1, $2, $3, $3) ON CONFLICT (key) DO NOTHING",
	               DB_VALUES(db_text(key), db_int(message->is_room),
	                       db_int(message->sent_utc_us)),
	               error) &&
	       find_conversation(store, key, id, &found, error);
}

/* Whether a copy of that key is there: with the same content (*seq is its number), or another. */
static bool find_copy(struct store *store, int64_t conversation_id, const struct message *message,
        const char *hash, int64_t *seq, bool *same, bool *other, GError **error)
{
	*same = *other = false;
	autoptr(db_result) result = db_query(store->db,
	        "SELECT seq, hash FROM message_copy WHERE conversation_id = $1 AND source = $2 AND "
	        "owner = $3 AND source_key = $4",
	        DB_VALUES(db_int(conversation_id), db_text(message->source),
	                db_text(owner_of(message)), db_text(message->source_key)),
	        error);
	if (result == NULL)
		return false;
	int more;
	while ((more = db_next(result, error)) > 0) {
		if (g_str_equal(db_column_text(result, 1), hash)) {
			*seq = db_column_int64(result, 0);
			*same = true;
		} else {
			*other = true;
			if (!*same)
				*seq = db_column_int64(result, 0);
		}
	}
	return more == 0;
}

/* Whether a copy with that correlation may join a message that has one of this owner or has not. */
static bool may_join(const struct message *message, int64_t distance_us, bool has_own)
{
	bool unique = g_str_has_prefix(message->correlation, "o:");
	bool plain = g_str_has_prefix(message->correlation, "c:");
	if (has_own)
		return unique && distance_us <= SAME_OWNER_US;
	return distance_us <= (plain ? OTHER_OWNER_PLAIN_US : OTHER_OWNER_US);
}

/*
 * The message of which this is a copy: the nearest in time without a copy of this owner, else the
 * nearest that this owner's client may have sent twice. *seq is 0 when there is none.
 */
static bool find_twin(struct store *store, int64_t conversation_id, const struct message *message,
        int64_t *seq, GError **error)
{
	*seq = 0;
	if (message->correlation == NULL)
		return true;
	autoptr(db_result) result = db_query(store->db,
	        "SELECT m.seq, m.sent_utc_us, EXISTS (SELECT 1 FROM message_copy c WHERE "
	        "c.conversation_id = m.conversation_id AND c.seq = m.seq AND c.owner = $5) "
	        "FROM message m WHERE m.conversation_id = $1 AND m.correlation = $2 AND "
	        "m.sent_utc_us BETWEEN $3 AND $4 AND m.conflict = 0 "
	        "ORDER BY abs(m.sent_utc_us - $6), m.seq",
	        DB_VALUES(db_int(conversation_id), db_text(message->correlation),
	                db_int(message->sent_utc_us - OTHER_OWNER_US),
	                db_int(message->sent_utc_us + OTHER_OWNER_US), db_text(owner_of(message)),
	                db_int(message->sent_utc_us)),
	        error);
	if (result == NULL)
		return false;
	int more;
	while ((more = db_next(result, error)) > 0) {
		bool has_own = db_column_int64(result, 2) != 0;
		int64_t distance_us = ABS(db_column_int64(result, 1) - message->sent_utc_us);
		if (!may_join(message, distance_us, has_own) || (has_own && *seq != 0))
			continue;
		*seq = db_column_int64(result, 0);
		if (!has_own)
			return true;
	}
	return more == 0;
}

static bool put_copy(struct store *store, int64_t conversation_id, const struct message *message,
        const char *hash, int64_t seq, GError **error)
{
	return db_run(store->db,
	        "INSERT INTO message_copy (conversation_id, source, owner, source_key, hash, seq) "
	        "VALUES ($1, $2, $3, $4, $5, $6)",
	        DB_VALUES(db_int(conversation_id), db_text(message->source),
	                db_text(owner_of(message)), db_text(message->source_key), db_text(hash),
	                db_int(seq)),
	        error);
}

static bool next_seq(struct store *store, int64_t conversation_id, int64_t sent_utc_us,
        int64_t *seq, GError **error)
{
	bool found;
	return store_run_returning(store,
	        "UPDATE conversation SET last_seq = last_seq + 1, "
	        "first_utc_us = CASE WHEN first_utc_us > $2 THEN $2 ELSE first_utc_us END, "
	        "last_utc_us = CASE WHEN last_utc_us < $2 THEN $2 ELSE last_utc_us END "
	        "WHERE id = $1 RETURNING last_seq",
	        DB_VALUES(db_int(conversation_id), db_int(sent_utc_us)), seq, &found, error);
}

static bool insert(struct store *store, int64_t conversation_id, const struct message *message,
        bool conflict, int64_t *seq, GError **error)
{
	if (!next_seq(store, conversation_id, message->sent_utc_us, seq, error))
		return false;
	return db_run(store->db,
	        "INSERT INTO message (conversation_id, seq, kind, source, owner, source_key, "
	        "correlation, peer, is_room, sender, sender_nick, message_id, refers_to, thread, "
	        "body, url, sent_utc_us, source_order, captured_utc_us, conflict, file_name, "
	        "file_size_bytes, file_hash, sender_resolved, claimed_utc_us) VALUES "
	        "($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, "
	        "$19, $20, $21, $22, $23, $24, $25)",
	        DB_VALUES(db_int(conversation_id), db_int(*seq),
	                db_text(message_kind_name(message->kind)), db_text(message->source),
	                db_text(message->owner), db_text(message->source_key),
	                db_text(message->correlation), db_text(message->peer),
	                db_int(message->is_room), db_text(message->sender),
	                db_text(message->sender_nick), db_text(message->message_id),
	                db_text(message->refers_to), db_text(message->thread),
	                db_text(message->text), db_text(message->url), db_int(message->sent_utc_us),
	                db_int(message->order), db_int(clock_utc_us()), db_int(conflict),
	                db_text(message->file_name),
	                message->file_size_bytes > 0 ? db_int(message->file_size_bytes) : db_null(),
	                db_text(message->file_hash), db_int(message->sender_resolved),
	                message->claimed_utc_us != 0 ? db_int(message->claimed_utc_us) : db_null()),
	        error);
}

static bool put(struct store *store, const char *conversation, const struct message *message,
        struct message_put_result *out, GError **error)
{
	bool same, other;
	g_autofree char *hash = message_hash(message);
	if (!need_conversation(store, conversation, message, &out->conversation_id, error) ||
	        !find_copy(store, out->conversation_id, message, hash, &out->seq, &same, &other,
	                error))
		return false;
	out->outcome = MESSAGE_PUT_SAME;
	/* That something was said is known when what was said is. */
	if (same || (other && message->kind == MESSAGE_WITHHELD))
		return true;
	out->outcome = other ? MESSAGE_PUT_CONFLICT : MESSAGE_PUT_COPY;
	if (!other && !find_twin(store, out->conversation_id, message, &out->seq, error))
		return false;
	if (other || out->seq == 0) {
		if (!other)
			out->outcome = MESSAGE_PUT_NEW;
		if (!insert(store, out->conversation_id, message, other, &out->seq, error))
			return false;
	}
	return put_copy(store, out->conversation_id, message, hash, out->seq, error);
}

bool store_message_put(struct store *store, const char *conversation, const struct message *message,
        struct message_put_result *out, GError **error)
{
	struct message_put_result result = {0};
	if (!store_begin(store, error) ||
	        !store_end(store, put(store, conversation, message, &result, error), error))
		return false;
	if (out != NULL)
		*out = result;
	return true;
}

bool store_conversation_set_title(
        struct store *store, const char *key, const char *title, GError **error)
{
	return db_run(store->db,
	        "UPDATE conversation SET title = $2 WHERE key = $1 AND "
	        "coalesce(title, '') <> coalesce($2, '')",
	        DB_VALUES(db_text(key), db_text(title)), error);
}

bool store_conversation_take(
        struct store *store, int64_t conversation_id, int64_t seq, GError **error)
{
	return db_run(store->db,
	        "UPDATE conversation SET taken_seq = $2 WHERE id = $1 AND taken_seq < $2",
	        DB_VALUES(db_int(conversation_id), db_int(seq)), error);
}
