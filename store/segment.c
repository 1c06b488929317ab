#include "store/segment.h"

#include "store/record.h"
#include "store/store_private.h"

#define COLUMNS                                                                                    \
	"conversation_id, id, root_id, continues, late, state, thread, messages, text_bytes, "     \
	"first_utc_us, last_utc_us, opened_utc_us, closed_utc_us, planned_utc_us"

#define PAGE 200

void segment_free(struct segment *segment)
{
	g_free(segment->id);
	g_free(segment->root_id);
	g_free(segment->continues);
	g_free(segment->state);
	g_free(segment->thread);
	g_free(segment);
}

static struct segment *from_row(const struct db_result *row)
{
	struct segment *segment = g_new0(struct segment, 1);
	segment->conversation_id = db_column_int64(row, 0);
	segment->id = db_column_dup(row, 1);
	segment->root_id = db_column_dup(row, 2);
	segment->continues = db_column_dup(row, 3);
	segment->late = db_column_int64(row, 4) != 0;
	segment->state = db_column_dup(row, 5);
	segment->thread = db_column_dup(row, 6);
	segment->messages = db_column_int64(row, 7);
	segment->text_bytes = db_column_int64(row, 8);
	segment->first_utc_us = db_column_int64(row, 9);
	segment->last_utc_us = db_column_int64(row, 10);
	segment->opened_utc_us = db_column_int64(row, 11);
	segment->closed_utc_us = db_column_int64(row, 12);
	segment->planned_utc_us = db_column_int64(row, 13);
	return segment;
}

static bool read_all(struct store *store, const char *sql, size_t n, const struct db_value *values,
        GPtrArray *out, GError **error)
{
	autoptr(db_result) result = db_query(store->db, sql, n, values, error);
	int got = result != NULL ? 1 : -1;
	while (got > 0 && (got = db_next(result, error)) > 0)
		g_ptr_array_add(out, from_row(result));
	return got == 0;
}

static GPtrArray *new_list(void)
{
	return g_ptr_array_new_with_free_func((GDestroyNotify)segment_free);
}

/* The first row as *out, NULL when there is none. */
static bool read_one(struct store *store, const char *sql, size_t n, const struct db_value *values,
        struct segment **out, GError **error)
{
	g_autoptr(GPtrArray) rows = new_list();
	*out = NULL;
	if (!read_all(store, sql, n, values, rows, error))
		return false;
	if (rows->len > 0)
		*out = g_ptr_array_steal_index(rows, 0);
	return true;
}

static GPtrArray *read_list(struct store *store, const char *sql, size_t n,
        const struct db_value *values, GError **error)
{
	g_autoptr(GPtrArray) rows = new_list();
	return read_all(store, sql, n, values, rows, error) ? g_steal_pointer(&rows) : NULL;
}

bool store_segment_lock(
        struct store *store, int64_t conversation_id, int64_t *taken_seq, GError **error)
{
	bool found = false;
	/* SQLite's transactions are immediate: whoever is in one is alone. */
	if (!db_get_int64(store->db,
	            store_sql(store, "SELECT taken_seq FROM conversation WHERE id = $1",
	                    "SELECT taken_seq FROM conversation WHERE id = $1 FOR UPDATE"),
	            DB_VALUES(db_int(conversation_id)), taken_seq, &found, error))
		return false;
	if (!found)
		*taken_seq = 0;
	return true;
}

bool store_segment_current(struct store *store, int64_t conversation_id, bool late,
        struct segment **out, GError **error)
{
	return read_one(store,
	        "SELECT " COLUMNS " FROM segment WHERE conversation_id = $1 AND state = 'open' "
	        "AND late = $2",
	        DB_VALUES(db_int(conversation_id), db_int(late)), out, error);
}

bool store_segment_last_closed(
        struct store *store, int64_t conversation_id, struct segment **out, GError **error)
{
	return read_one(store,
	        "SELECT " COLUMNS " FROM segment WHERE conversation_id = $1 AND state <> 'open' "
	        "AND late = 0 ORDER BY last_utc_us DESC, closed_utc_us DESC, opened_utc_us DESC "
	        "LIMIT 1",
	        DB_VALUES(db_int(conversation_id)), out, error);
}

bool store_segment_near(struct store *store, int64_t conversation_id, int64_t utc_us,
        int64_t gap_us, struct segment **out, GError **error)
{
	/* Nearest: in its middle first, then by the distance to its end or beginning. */
	return read_one(store,
	        "SELECT " COLUMNS " FROM segment WHERE conversation_id = $1 AND state <> 'open' "
	        "AND first_utc_us <= $3 AND last_utc_us >= $4 "
	        "ORDER BY CASE WHEN first_utc_us > $2 THEN first_utc_us - $2 "
	        "WHEN last_utc_us < $2 THEN $2 - last_utc_us ELSE 0 END, id LIMIT 1",
	        DB_VALUES(db_int(conversation_id), db_int(utc_us), db_int(utc_us + gap_us),
	                db_int(utc_us - gap_us)),
	        out, error);
}

bool store_segment_get(struct store *store, int64_t conversation_id, const char *id,
        struct segment **out, GError **error)
{
	return read_one(store,
	        "SELECT " COLUMNS " FROM segment WHERE conversation_id = $1 AND id = $2",
	        DB_VALUES(db_int(conversation_id), db_text(id)), out, error);
}

static bool record(struct store *store, const char *what, const struct segment *segment,
        const char *detail, int64_t now_utc_us, GError **error)
{
	const struct archive_event event = {
	        .what = what,
	        .at_utc_us = now_utc_us,
	        .conversation_id = segment->conversation_id,
	        .segment_id = segment->id,
	        .detail = detail,
	};
	return archive_record(store, &event, error);
}

static bool insert(struct store *store, const struct segment *segment, GError **error)
{
	return store_run(store,
	               "INSERT INTO segment (conversation_id, id, root_id, continues, late, state, "
	               "thread, messages, text_bytes, first_utc_us, last_utc_us, opened_utc_us) "
	               "VALUES ($1, $2, $3, $4, $5, 'open', $6, $7, $8, $9, $10, $11)",
	               DB_VALUES(db_int(segment->conversation_id), db_text(segment->id),
	                       db_text(segment->root_id), db_text(segment->continues),
	                       db_int(segment->late), db_text(segment->thread),
	                       db_int(segment->messages), db_int(segment->text_bytes),
	                       db_int(segment->first_utc_us), db_int(segment->last_utc_us),
	                       db_int(segment->opened_utc_us)),
	               NULL, error) &&
	       record(store, "segment.opened", segment, segment->late ? "late" : NULL,
	               segment->opened_utc_us, error);
}

bool store_segment_open(struct store *store, const struct segment *segment, GError **error)
{
	return store_begin(store, error) && store_end(store, insert(store, segment, error), error);
}

struct members {
	const struct segment *segment;
	const int64_t *seqs;
	size_t n, at;
};

static int next_member(void *data, struct db_value *values, GError **error)
{
	struct members *members = data;
	(void)error;
	if (members->at == members->n)
		return 0;
	values[0] = db_int(members->segment->conversation_id);
	values[1] = db_int(members->seqs[members->at++]);
	values[2] = db_text(members->segment->id);
	return 1;
}

static bool refuse_closed(const struct segment *segment, GError **error)
{
	error_set(error, ERROR_RETRY, "segment.closed",
	        "segment %s was closed by another process meanwhile: its messages will be taken "
	        "again",
	        segment->id);
	return false;
}

static bool add(struct store *store, const struct segment *segment, const int64_t *seqs, size_t n,
        GError **error)
{
	struct members members = {segment, seqs, n, 0};
	int64_t changed = 0;
	if (!store_run(store,
	            "UPDATE segment SET thread = $3, messages = $4, text_bytes = $5, "
	            "first_utc_us = $6, last_utc_us = $7 "
	            "WHERE conversation_id = $1 AND id = $2 AND state = 'open'",
	            DB_VALUES(db_int(segment->conversation_id), db_text(segment->id),
	                    db_text(segment->thread), db_int(segment->messages),
	                    db_int(segment->text_bytes), db_int(segment->first_utc_us),
	                    db_int(segment->last_utc_us)),
	            &changed, error))
		return false;
	if (changed != 1)
		return refuse_closed(segment, error);
	return db_run_rows(store->db,
	        "INSERT INTO segment_member (conversation_id, seq, segment_id) VALUES ($1, $2, $3)",
	        3, next_member, &members, error);
}

bool store_segment_add(struct store *store, const struct segment *segment, const int64_t *seqs,
        size_t n, GError **error)
{
	return store_begin(store, error) &&
	       store_end(store, add(store, segment, seqs, n, error), error);
}

static bool close_segment(struct store *store, const struct segment *segment, const char *reason,
        int64_t now_utc_us, GError **error)
{
	int64_t changed = 0;
	if (!store_run(store,
	            "UPDATE segment SET state = $3, closed_utc_us = $4 "
	            "WHERE conversation_id = $1 AND id = $2 AND state = 'open'",
	            DB_VALUES(db_int(segment->conversation_id), db_text(segment->id),
	                    db_text(reason), db_int(now_utc_us)),
	            &changed, error))
		return false;
	if (changed != 1)
		return refuse_closed(segment, error);
	return record(store, "segment.closed", segment, reason, now_utc_us, error);
}

bool store_segment_close(struct store *store, const struct segment *segment, const char *reason,
        int64_t now_utc_us, GError **error)
{
	return store_begin(store, error) &&
	       store_end(store, close_segment(store, segment, reason, now_utc_us, error), error);
}

GPtrArray *store_segments_open(struct store *store, int64_t after_conversation_id,
        const char *after_id, unsigned limit, GError **error)
{
	return read_list(store,
	        "SELECT " COLUMNS " FROM segment WHERE state = 'open' "
	        "AND (conversation_id, id) > ($1, $2) ORDER BY conversation_id, id LIMIT $3",
	        DB_VALUES(db_int(after_conversation_id), db_text(after_id), db_int(limit)), error);
}

GPtrArray *store_segments_unplanned(struct store *store, int64_t after_conversation_id,
        const char *after_id, unsigned limit, GError **error)
{
	return read_list(store,
	        "SELECT " COLUMNS " FROM segment WHERE state <> 'open' AND planned_utc_us IS NULL "
	        "AND (conversation_id, id) > ($1, $2) ORDER BY conversation_id, id LIMIT $3",
	        DB_VALUES(db_int(after_conversation_id), db_text(after_id), db_int(limit)), error);
}

bool store_segment_set_planned(
        struct store *store, const struct segment *segment, int64_t now_utc_us, GError **error)
{
	return store_run(store,
	        "UPDATE segment SET planned_utc_us = $3 WHERE conversation_id = $1 AND id = $2 "
	        "AND planned_utc_us IS NULL",
	        DB_VALUES(
	                db_int(segment->conversation_id), db_text(segment->id), db_int(now_utc_us)),
	        NULL, error);
}

bool store_room_presence(struct store *store, int64_t conversation_id, const char *address,
        const char *nick, int64_t before_utc_us, bool *known, bool *joined, GError **error)
{
	g_autofree char *kind = NULL;
	if (!db_get_text(store->db,
	            "SELECT kind FROM message WHERE conversation_id = $1 AND sent_utc_us < $2 "
	            "AND kind IN ('join', 'leave') "
	            "AND (sender = $3 OR (sender IS NULL AND sender_nick = $4)) "
	            "ORDER BY sent_utc_us DESC, source_order DESC LIMIT 1",
	            DB_VALUES(db_int(conversation_id), db_int(before_utc_us), db_text(address),
	                    db_text(nick)),
	            &kind, error))
		return false;
	*known = kind != NULL;
	*joined = g_strcmp0(kind, "join") == 0;
	return true;
}

static GPtrArray *read_span(struct store *store, const struct segment *after, int64_t since_utc_us,
        int64_t until_utc_us, GError **error)
{
	/* A segment is at most a day long, which lets the index on its beginning be used. */
	return read_list(store,
	        "SELECT " COLUMNS " FROM segment WHERE first_utc_us < $2 AND last_utc_us >= $1 "
	        "AND (first_utc_us, conversation_id, id) > ($3, $4, $5) "
	        "ORDER BY first_utc_us, conversation_id, id LIMIT $6",
	        DB_VALUES(db_int(since_utc_us), db_int(until_utc_us),
	                db_int(after != NULL ? after->first_utc_us : INT64_MIN),
	                db_int(after != NULL ? after->conversation_id : 0),
	                db_text(after != NULL ? after->id : ""), db_int(PAGE)),
	        error);
}

bool store_segment_each(struct store *store, int64_t since_utc_us, int64_t until_utc_us,
        store_segment_fn each, void *data, GError **error)
{
	g_autoptr(GPtrArray) page = NULL;
	do {
		const struct segment *after =
		        page != NULL ? g_ptr_array_index(page, page->len - 1) : NULL;
		g_autoptr(GPtrArray) next =
		        read_span(store, after, since_utc_us, until_utc_us, error);
		if (next == NULL)
			return false;
		for (guint i = 0; i < next->len; i++)
			if (!each(next->pdata[i], data, error))
				return false;
		g_clear_pointer(&page, g_ptr_array_unref);
		page = g_steal_pointer(&next);
	} while (page->len == PAGE);
	return true;
}

void rendering_free(struct rendering *rendering)
{
	g_clear_pointer(&rendering->mime, g_bytes_unref);
	g_free(rendering->hash);
	g_free(rendering->time_zone);
	g_free(rendering->subject);
	g_free(rendering);
}

static struct rendering *rendering_from_row(const struct db_result *row)
{
	struct rendering *rendering = g_new0(struct rendering, 1);
	size_t len = 0;
	const void *mime = db_column_blob(row, 0, &len);
	rendering->mime = g_bytes_new(mime, len);
	rendering->hash = db_column_dup(row, 1);
	rendering->renderer = db_column_int64(row, 2);
	rendering->time_zone = db_column_dup(row, 3);
	rendering->subject = db_column_dup(row, 4);
	return rendering;
}

bool store_rendering_get(struct store *store, int64_t conversation_id, const char *segment_id,
        int64_t shown, struct rendering **out, GError **error)
{
	*out = NULL;
	autoptr(db_result) result = db_query(store->db,
	        "SELECT mime, hash, renderer, time_zone, subject FROM rendering "
	        "WHERE conversation_id = $1 AND segment_id = $2 AND shown = $3",
	        DB_VALUES(db_int(conversation_id), db_text(segment_id), db_int(shown)), error);
	int got = result != NULL ? db_next(result, error) : -1;
	if (got == 1)
		*out = rendering_from_row(result);
	return got >= 0;
}

bool store_rendering_hash(struct store *store, int64_t conversation_id, const char *segment_id,
        int64_t shown, char **hash, GError **error)
{
	return db_get_text(store->db,
	        "SELECT hash FROM rendering "
	        "WHERE conversation_id = $1 AND segment_id = $2 AND shown = $3",
	        DB_VALUES(db_int(conversation_id), db_text(segment_id), db_int(shown)), hash,
	        error);
}

static bool put_rendering(struct store *store, int64_t conversation_id, const char *segment_id,
        int64_t shown, const struct rendering *rendering, int64_t now_utc_us, GError **error)
{
	gsize len = 0;
	const void *mime = g_bytes_get_data(rendering->mime, &len);
	const struct archive_event event = {
	        .what = "segment.rendered",
	        .at_utc_us = now_utc_us,
	        .conversation_id = conversation_id,
	        .segment_id = segment_id,
	        .hash = rendering->hash,
	};
	int64_t changed = 0;
	if (!store_run(store,
	            "INSERT INTO rendering (conversation_id, segment_id, shown, mime, hash, "
	            "renderer, time_zone, subject, rendered_utc_us) "
	            "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) "
	            "ON CONFLICT (conversation_id, segment_id, shown) DO NOTHING",
	            DB_VALUES(db_int(conversation_id), db_text(segment_id), db_int(shown),
	                    db_blob(mime, len), db_text(rendering->hash),
	                    db_int(rendering->renderer), db_text(rendering->time_zone),
	                    db_text(rendering->subject), db_int(now_utc_us)),
	            &changed, error))
		return false;
	return changed == 0 || archive_record(store, &event, error);
}

bool store_rendering_put(struct store *store, int64_t conversation_id, const char *segment_id,
        int64_t shown, const struct rendering *rendering, int64_t now_utc_us, GError **error)
{
	return store_begin(store, error) &&
	       store_end(store,
	               put_rendering(store, conversation_id, segment_id, shown, rendering,
	                       now_utc_us, error),
	               error);
}

bool store_segment_totals(struct store *store, struct segment_totals *out, GError **error)
{
	*out = (struct segment_totals){0};
	autoptr(db_result) result = db_query(store->db,
	        "SELECT COUNT(CASE WHEN state = 'open' THEN 1 END), "
	        "COUNT(CASE WHEN state <> 'open' THEN 1 END), "
	        "COUNT(CASE WHEN state <> 'open' AND planned_utc_us IS NULL THEN 1 END) "
	        "FROM segment",
	        DB_NO_VALUES, error);
	if (result == NULL || db_next(result, error) != 1)
		return false;
	out->open = db_column_int64(result, 0);
	out->closed = db_column_int64(result, 1);
	out->unplanned = db_column_int64(result, 2);
	return true;
}
