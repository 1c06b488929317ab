#include "store/cursor.h"

#include "store/record.h"
#include "store/store_private.h"

static const char *const stream_names[] = {"live", "backfill"};

const char *cursor_stream_name(enum cursor_stream stream)
{
	return stream_names[stream];
}

void cursor_free(struct cursor *cursor)
{
	g_free(cursor->source);
	g_free(cursor->position);
	g_free(cursor->until);
	g_free(cursor);
}

bool store_cursor_get(struct store *store, const char *source, enum cursor_stream stream,
        struct cursor **out, GError **error)
{
	*out = NULL;
	autoptr(db_result) result = db_query(store->db,
	        "SELECT position, until, since_utc_us, started_utc_us, moved_utc_us, "
	        "newest_utc_us, "
	        "row_count, done, end_utc_us FROM source_cursor WHERE source = $1 AND stream = $2",
	        DB_VALUES(db_text(source), db_text(stream_names[stream])), error);
	if (result == NULL)
		return false;
	int more = db_next(result, error);
	if (more <= 0)
		return more == 0;
	struct cursor *cursor = g_new0(struct cursor, 1);
	cursor->source = g_strdup(source);
	cursor->stream = stream;
	cursor->position = db_column_dup(result, 0);
	cursor->until = db_column_dup(result, 1);
	cursor->since_utc_us = db_column_int64(result, 2);
	cursor->started_utc_us = db_column_int64(result, 3);
	cursor->moved_utc_us = db_column_int64(result, 4);
	cursor->newest_utc_us = db_column_int64(result, 5);
	cursor->rows = db_column_int64(result, 6);
	cursor->done = db_column_int64(result, 7) != 0;
	cursor->end_utc_us = db_column_int64(result, 8);
	*out = cursor;
	return true;
}

bool store_cursor_begin(struct store *store, const struct cursor *cursor, GError **error)
{
	return db_run(store->db,
	        "INSERT INTO source_cursor (source, stream, position, until, since_utc_us, "
	        "started_utc_us, moved_utc_us) VALUES ($1, $2, $3, $4, $5, $6, $6) "
	        "ON CONFLICT (source, stream) DO UPDATE SET position = excluded.position, "
	        "until = excluded.until, since_utc_us = excluded.since_utc_us, "
	        "started_utc_us = excluded.started_utc_us, moved_utc_us = excluded.moved_utc_us, "
	        "newest_utc_us = 0, row_count = 0, done = 0 WHERE source_cursor.done = 1",
	        DB_VALUES(db_text(cursor->source), db_text(stream_names[cursor->stream]),
	                db_text(cursor->position), db_text(cursor->until),
	                db_int(cursor->since_utc_us), db_int(cursor->started_utc_us)),
	        error);
}

static bool need_row(struct store *store, const struct cursor *cursor, GError **error)
{
	if (db_changes(store->db) > 0)
		return true;
	error_set(error, ERROR_RETRY, "cursor.taken",
	        "Another process reads source %s at this moment: this one leaves it to it",
	        cursor->source);
	return false;
}

bool store_cursor_hold(struct store *store, const struct cursor *cursor, GError **error)
{
	return db_run(store->db,
	               "UPDATE source_cursor SET generation = generation + 1 "
	               "WHERE source = $1 AND stream = $2 AND position = $3 AND row_count = $4",
	               DB_VALUES(db_text(cursor->source), db_text(stream_names[cursor->stream]),
	                       db_text(cursor->position), db_int(cursor->rows)),
	               error) &&
	       need_row(store, cursor, error);
}

bool store_cursor_move(
        struct store *store, const struct cursor *cursor, int64_t now_utc_us, GError **error)
{
	return db_run(store->db,
	               "UPDATE source_cursor SET position = $3, newest_utc_us = $4, row_count = "
	               "$5, "
	               "done = $6, moved_utc_us = $7, end_utc_us = $8 WHERE source = $1 AND stream "
	               "= $2",
	               DB_VALUES(db_text(cursor->source), db_text(stream_names[cursor->stream]),
	                       db_text(cursor->position), db_int(cursor->newest_utc_us),
	                       db_int(cursor->rows), db_int(cursor->done), db_int(now_utc_us),
	                       db_int(cursor->end_utc_us)),
	               error) &&
	       need_row(store, cursor, error);
}

bool store_cursor_forget(
        struct store *store, const char *source, enum cursor_stream stream, GError **error)
{
	return db_run(store->db, "DELETE FROM source_cursor WHERE source = $1 AND stream = $2",
	        DB_VALUES(db_text(source), db_text(stream_names[stream])), error);
}

void gap_free(struct gap *gap)
{
	g_free(gap->source);
	g_free(gap->owner);
	g_free(gap->key);
	g_free(gap->reason);
	g_free(gap->detail);
	g_free(gap);
}

static void gap_destroy(gpointer gap)
{
	gap_free(gap);
}

static const char *or_empty(const char *text)
{
	return text != NULL ? text : "";
}

static char *or_null(char *text)
{
	if (text != NULL && text[0] != '\0')
		return text;
	g_free(text);
	return NULL;
}

/* Gaps belong to the archive: what became of them is told with it. */
static bool record_gap(struct store *store, const char *what, const struct gap *gap,
        int64_t now_utc_us, GError **error)
{
	g_autofree char *detail = g_strdup_printf(
	        "%s %s %s", gap->source, gap->reason, gap->key != NULL ? gap->key : "");
	const struct archive_event event = {
	        .what = what, .at_utc_us = now_utc_us, .detail = detail};
	return archive_record(store, &event, error);
}

static bool put_gap(struct store *store, const struct gap *gap, bool *is_new, GError **error)
{
	int64_t changed = 0;
	if (!store_run(store,
	            "INSERT INTO source_gap (source, owner, source_key, reason, detail, "
	            "sent_utc_us, seen_utc_us) VALUES ($1, $2, $3, $4, $5, $6, $7) "
	            "ON CONFLICT (source, owner, source_key, reason) "
	            "DO UPDATE SET filled_utc_us = NULL WHERE source_gap.filled_utc_us IS NOT NULL",
	            DB_VALUES(db_text(gap->source), db_text(or_empty(gap->owner)),
	                    db_text(or_empty(gap->key)), db_text(gap->reason),
	                    db_text(or_empty(gap->detail)), db_int(gap->sent_utc_us),
	                    db_int(gap->seen_utc_us)),
	            &changed, error))
		return false;
	*is_new = changed > 0;
	return !*is_new || record_gap(store, "gap.found", gap, gap->seen_utc_us, error);
}

bool store_gap_put(struct store *store, const struct gap *gap, bool *is_new, GError **error)
{
	bool unused = false;
	return store_begin(store, error) &&
	       store_end(
	               store, put_gap(store, gap, is_new != NULL ? is_new : &unused, error), error);
}

static bool fill_gap(struct store *store, const struct gap *gap, int64_t now_utc_us, GError **error)
{
	int64_t changed = 0;
	return store_run(store,
	               "UPDATE source_gap SET filled_utc_us = $5 WHERE source = $1 AND owner = $2 "
	               "AND source_key = $3 AND reason = $4 AND filled_utc_us IS NULL",
	               DB_VALUES(db_text(gap->source), db_text(or_empty(gap->owner)),
	                       db_text(or_empty(gap->key)), db_text(gap->reason),
	                       db_int(now_utc_us)),
	               &changed, error) &&
	       (changed == 0 || record_gap(store, "gap.filled", gap, now_utc_us, error));
}

bool store_gap_fill(struct store *store, const struct gap *gap, int64_t now_utc_us, GError **error)
{
	return store_begin(store, error) &&
	       store_end(store, fill_gap(store, gap, now_utc_us, error), error);
}

static struct gap *read_gap(const struct db_result *result)
{
	struct gap *gap = g_new0(struct gap, 1);
	gap->source = db_column_dup(result, 0);
	gap->owner = or_null(db_column_dup(result, 1));
	gap->key = or_null(db_column_dup(result, 2));
	gap->reason = db_column_dup(result, 3);
	gap->detail = db_column_dup(result, 4);
	gap->sent_utc_us = db_column_int64(result, 5);
	gap->seen_utc_us = db_column_int64(result, 6);
	gap->filled_utc_us = db_column_int64(result, 7);
	return gap;
}

GPtrArray *store_gaps(struct store *store, const char *source, unsigned limit, GError **error)
{
	g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(gap_destroy);
	autoptr(db_result) result = db_query(store->db,
	        "SELECT source, owner, source_key, reason, detail, sent_utc_us, seen_utc_us, "
	        "filled_utc_us FROM source_gap WHERE source = coalesce($1, source) "
	        "ORDER BY seen_utc_us DESC, source, owner, source_key LIMIT $2",
	        DB_VALUES(db_text(source), db_int(limit)), error);
	if (result == NULL)
		return NULL;
	int more;
	while ((more = db_next(result, error)) > 0)
		g_ptr_array_add(list, read_gap(result));
	return more == 0 ? g_steal_pointer(&list) : NULL;
}
