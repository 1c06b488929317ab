/*
 * How far each source has been read, and what could not be read.
 *
 *   cursor.taken  RETRY  another process reads this source: its work stands, ours is rolled back
 */
#ifndef IMEX_STORE_CURSOR_H
#define IMEX_STORE_CURSOR_H

#include "store/store.h"

/* One reading of a source: the live one that follows it, and one that takes history. */
enum cursor_stream { CURSOR_LIVE, CURSOR_BACKFILL };
const char *cursor_stream_name(enum cursor_stream stream); /* "live", "backfill" */

struct cursor {
	char *source;
	enum cursor_stream stream;
	char *position; /* the source's own text */
	char *until; /* where the reading ends, or NULL */
	int64_t since_utc_us; /* what was sent earlier is left out; 0: nothing is */
	int64_t started_utc_us, moved_utc_us;
	int64_t newest_utc_us; /* time of sending of the newest row read; 0 without any */
	int64_t end_utc_us; /* when the reading last came to the source's end; 0: not yet */
	int64_t rows; /* read so far */
	bool done; /* a reading with an end has reached it */
};
void cursor_free(struct cursor *cursor);
AUTO_DEFINE(cursor, cursor_free);

/* *out is owned, NULL when the source has not been read. */
bool store_cursor_get(struct store *store, const char *source, enum cursor_stream stream,
        struct cursor **out, GError **error);
/* Begins a reading; one that is there already is left as it is, unless it is done. */
bool store_cursor_begin(struct store *store, const struct cursor *cursor, GError **error);
/*
 * First statement of a transaction that stores what was read from `cursor` on: nobody else can
 * write for this source before it ends. cursor.taken when it was moved meanwhile. Must be inside
 * store_begin().
 */
bool store_cursor_hold(struct store *store, const struct cursor *cursor, GError **error);
/* Last statement of it: position, newest_utc_us, end_utc_us, rows and done as they are in
 * cursor now. */
bool store_cursor_move(
        struct store *store, const struct cursor *cursor, int64_t now_utc_us, GError **error);
/* Forgets a reading, so that it can be begun anew. Captured messages stay. */
bool store_cursor_forget(
        struct store *store, const char *source, enum cursor_stream stream, GError **error);

/* Something of a source that was left out though it was there. */
struct gap {
	char *source;
	char *owner; /* or NULL */
	char *key; /* the source's own key of it, or NULL */
	char *reason; /* "xml.truncated" */
	char *detail; /* a sentence without message text */
	int64_t sent_utc_us; /* 0: not known */
	int64_t seen_utc_us;
	int64_t filled_utc_us; /* when it came after all; 0: it is still missing */
};
void gap_free(struct gap *gap);
AUTO_DEFINE(gap, gap_free);

/* One that is there already is left as it is, but open again; *is_new may be NULL. */
bool store_gap_put(struct store *store, const struct gap *gap, bool *is_new, GError **error);
/* What was missing has come. Recorded, as the gap was, through archive_record(). */
bool store_gap_fill(struct store *store, const struct gap *gap, int64_t now_utc_us, GError **error);
/* struct gap, newest first, at most limit; source NULL: of all. Owned. */
GPtrArray *store_gaps(struct store *store, const char *source, unsigned limit, GError **error);

#endif
