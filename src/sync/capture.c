#include "sync/capture.h"

#include "archive/segment.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"
#include "core/step.h"
#include "store/cursor.h"
#include "store/message.h"
#include "sync/interest.h"

#define PAGE_ROWS 500
/* Sources read a few rows again; a page must be larger than that. */
#define PAGE_ROWS_MIN 16

struct capture {
	struct store *store;
	struct im_source *source;
	struct capture_options options;
	struct capture_report *report;
	struct cursor *cursor;
	struct interest *interest;
	GPtrArray *gaps; /* struct gap: of the page that is being read */
	bool stopped; /* by progress() */
};

static void gap_destroy(gpointer gap)
{
	gap_free(gap);
}

static void count(struct capture_report *report, enum message_put outcome)
{
	if (outcome == MESSAGE_PUT_NEW)
		report->stored++;
	else if (outcome == MESSAGE_PUT_COPY)
		report->copies++;
	else if (outcome == MESSAGE_PUT_SAME)
		report->repeated++;
	else
		report->conflicts++;
}

static bool on_message(void *data, const struct message *message, GError **error)
{
	struct capture *capture = data;
	struct message_put_result result;
	enum interest_in what;

	if (message->sent_utc_us < capture->cursor->since_utc_us) {
		capture->report->left_out++;
		return true;
	}
	if (!interest_find(capture->interest, message, &what, error))
		return false;
	if (what == INTEREST_NONE) {
		capture->report->unwanted++;
		return true;
	}
	g_autofree char *key = conversation_key(message);
	autoptr(message) withheld = what == INTEREST_FACT ? interest_withhold(message) : NULL;
	if (!store_message_put(
	            capture->store, key, withheld != NULL ? withheld : message, &result, error))
		return false;
	count(capture->report, result.outcome);
	return true;
}

static void on_odd(void *data, const struct im_odd *odd)
{
	struct capture *capture = data;
	struct gap *gap = g_new0(struct gap, 1);
	gap->source = g_strdup(im_source_name(capture->source));
	gap->owner = g_strdup(odd->owner);
	gap->key = g_strdup(odd->key);
	gap->reason = g_strdup(odd->reason);
	gap->detail = g_strdup(odd->detail);
	gap->sent_utc_us = odd->sent_utc_us;
	gap->seen_utc_us = clock_utc_us();
	g_ptr_array_add(capture->gaps, gap);
}

static bool put_gaps(struct capture *capture, GError **error)
{
	for (guint i = 0; i < capture->gaps->len; i++) {
		const struct gap *gap = g_ptr_array_index(capture->gaps, i);
		bool is_new;
		if (!store_gap_put(capture->store, gap, &is_new, error))
			return false;
		if (!is_new)
			continue;
		capture->report->gaps++;
		log_warn("capture.gap", "source %s: a row was left out (%s): %s", gap->source,
		        gap->reason, gap->detail);
	}
	return true;
}

/* Inside a transaction. */
static bool read_page(struct capture *capture, struct im_page *page, GError **error)
{
	const struct im_message_sink sink = {.message = on_message, .odd = on_odd, .data = capture};
	struct cursor *cursor = capture->cursor;
	g_ptr_array_set_size(capture->gaps, 0);
	return store_cursor_hold(capture->store, cursor, error) &&
	       im_source_messages(capture->source, cursor->position, cursor->until,
	               capture->options.page_rows, &sink, page, error) &&
	       put_gaps(capture, error);
}

static void move(struct cursor *cursor, struct im_page *page)
{
	g_free(cursor->position);
	cursor->position = g_steal_pointer(&page->cursor);
	cursor->newest_utc_us = MAX(cursor->newest_utc_us, page->newest_utc_us);
	cursor->rows += (int64_t)page->rows;
	if (!page->more)
		cursor->end_utc_us = clock_utc_us();
	cursor->done = cursor->until != NULL && !page->more;
}

/* One page is one transaction. */
static bool take_page(struct capture *capture, bool *more, GError **error)
{
	struct capture_report *report = capture->report;
	const struct capture_report before = *report;
	struct im_page page = {0};
	struct store *store = capture->store;

	if (!store_begin(store, error))
		return false;
	bool good = read_page(capture, &page, error);
	if (good) {
		step_reached("capture.read");
		*more = page.more;
		report->rows += page.rows;
		report->left_out += page.left_out;
		report->newest_utc_us = MAX(report->newest_utc_us, page.newest_utc_us);
		move(capture->cursor, &page);
		good = store_cursor_move(store, capture->cursor, clock_utc_us(), error);
	}
	good = store_end(store, good, error);
	im_page_clear(&page);
	/* What was rolled back did not happen. */
	if (good)
		step_reached("capture.committed");
	else
		*report = before;
	return good;
}

static bool go_on(struct capture *capture)
{
	const struct capture_options *options = &capture->options;
	capture->report->more = true;
	if (options->progress != NULL && !options->progress(options->data, capture->report))
		return false;
	return options->max_rows == 0 || capture->report->rows < options->max_rows;
}

static bool take_all(struct capture *capture, GError **error)
{
	bool more = true;
	while (more) {
		if (!take_page(capture, &more, error))
			return false;
		if (more && !go_on(capture))
			break;
	}
	capture->report->more = more;
	return true;
}

static bool set_titles(void *data, const struct im_room *room, GError **error)
{
	struct capture *capture = data;
	if (room->name == NULL)
		return true;
	g_autofree char *key = g_strconcat("room ", room->address, NULL);
	return store_conversation_set_title(capture->store, key, room->name, error);
}

static bool follow(struct capture *capture, GError **error)
{
	if (!take_all(capture, error))
		return false;
	if (capture->report->stored == 0)
		return true;
	return im_source_rooms(capture->source, set_titles, on_odd, capture, error);
}

static bool run(struct store *store, struct im_source *source, struct cursor *cursor,
        const struct capture_options *options, struct capture_report *report, GError **error)
{
	struct capture capture = {.store = store,
	        .source = source,
	        .options = options != NULL ? *options : (struct capture_options){0},
	        .report = report,
	        .cursor = cursor,
	        .gaps = g_ptr_array_new_with_free_func(gap_destroy)};
	if (capture.options.page_rows == 0)
		capture.options.page_rows = PAGE_ROWS;
	capture.options.page_rows = MAX(capture.options.page_rows, PAGE_ROWS_MIN);
	capture.interest = interest_new(store, capture.options.router);
	bool good = follow(&capture, error);
	interest_free(capture.interest);
	g_ptr_array_unref(capture.gaps);
	if (good)
		log_info("capture.pass",
		        "source %s: %" G_GUINT64_FORMAT " rows, %" G_GUINT64_FORMAT
		        " new messages, %" G_GUINT64_FORMAT " gaps",
		        im_source_name(source), report->rows, report->stored, report->gaps);
	return good;
}

/* Takes position. */
static struct cursor *begin(struct store *store, struct im_source *source,
        enum cursor_stream stream, char *position, char *until, int64_t since_utc_us,
        GError **error)
{
	autoptr(cursor) cursor = g_new0(struct cursor, 1);
	cursor->source = g_strdup(im_source_name(source));
	cursor->stream = stream;
	cursor->position = position;
	cursor->until = until;
	cursor->since_utc_us = since_utc_us;
	cursor->started_utc_us = clock_utc_us();
	if (position == NULL || !store_cursor_begin(store, cursor, error))
		return NULL;
	return g_steal_pointer(&cursor);
}

/* The live cursor; one that has never been begins at the source's end. */
static struct cursor *live_cursor(
        struct store *store, struct im_source *source, bool *first, GError **error)
{
	struct cursor *cursor;
	*first = false;
	if (!store_cursor_get(store, im_source_name(source), CURSOR_LIVE, &cursor, error))
		return NULL;
	if (cursor != NULL)
		return cursor;
	*first = true;
	return begin(
	        store, source, CURSOR_LIVE, im_source_cursor_now(source, error), NULL, 0, error);
}

static bool follow_live(struct store *store, struct im_source *source,
        const struct capture_options *options, struct capture_report *report, GError **error)
{
	autoptr(cursor) cursor = live_cursor(store, source, &report->first, error);
	if (cursor == NULL)
		return false;
	return report->first || run(store, source, cursor, options, report, error);
}

/* A rehearsal is the real thing in one transaction that is rolled back. */
static bool rehearsed(const struct capture_options *options)
{
	return options != NULL && options->dry_run;
}

bool capture_run(struct store *store, struct im_source *source,
        const struct capture_options *options, struct capture_report *report, GError **error)
{
	*report = (struct capture_report){0};
	if (rehearsed(options) && !store_begin(store, error))
		return false;
	bool good = follow_live(store, source, options, report, error);
	if (rehearsed(options))
		store_rollback(store);
	return good;
}

static bool same_reading(const struct cursor *cursor, int64_t since_utc_us, const char *until)
{
	return cursor != NULL && !cursor->done && cursor->since_utc_us == since_utc_us &&
	       g_strcmp0(cursor->until, until) == 0;
}

static struct cursor *backfill_cursor(struct store *store, struct im_source *source,
        int64_t since_utc_us, bool *first, GError **error)
{
	const char *name = im_source_name(source);
	autoptr(cursor) live = live_cursor(store, source, first, error);
	autoptr(cursor) before = NULL;
	if (live == NULL)
		return NULL;
	g_autofree char *until = im_source_cursor_floor(source, live->position, error);
	if (until == NULL || !store_cursor_get(store, name, CURSOR_BACKFILL, &before, error))
		return NULL;
	if (same_reading(before, since_utc_us, until))
		return g_steal_pointer(&before);
	if (!store_cursor_forget(store, name, CURSOR_BACKFILL, error))
		return NULL;
	return begin(store, source, CURSOR_BACKFILL,
	        im_source_cursor_since(source, since_utc_us, error), g_steal_pointer(&until),
	        since_utc_us, error);
}

static bool take_history(struct store *store, struct im_source *source, int64_t since_utc_us,
        const struct capture_options *options, struct capture_report *report, GError **error)
{
	autoptr(cursor) cursor =
	        backfill_cursor(store, source, since_utc_us, &report->first, error);
	return cursor != NULL && run(store, source, cursor, options, report, error);
}

bool capture_backfill(struct store *store, struct im_source *source, int64_t since_utc_us,
        const struct capture_options *options, struct capture_report *report, GError **error)
{
	*report = (struct capture_report){0};
	if (rehearsed(options) && !store_begin(store, error))
		return false;
	bool good = take_history(store, source, since_utc_us, options, report, error);
	if (rehearsed(options))
		store_rollback(store);
	return good;
}

/* Where a live reading that went astray may begin again. */
static char *earliest(struct im_source *source, const struct cursor *live, GError **error)
{
	g_autofree char *floor = im_source_cursor_floor(source, live->position, error);
	if (floor == NULL)
		return NULL;
	const struct im_message_sink nobody = {0};
	struct im_page page;
	GError *cause = NULL;
	/* An empty stretch only asks whether the source reaches as far. */
	bool reaches = im_source_messages(source, floor, floor, 1, &nobody, &page, &cause);
	im_page_clear(&page);
	if (reaches)
		return g_steal_pointer(&floor);
	if (!error_is(cause, "source.went_back")) {
		g_propagate_error(error, cause);
		return NULL;
	}
	g_clear_error(&cause);
	return im_source_cursor_since(source, 0, error);
}

bool capture_reread(struct store *store, struct im_source *source, GError **error)
{
	autoptr(cursor) live = NULL;
	if (!store_cursor_get(store, im_source_name(source), CURSOR_LIVE, &live, error))
		return false;
	if (live == NULL)
		return true;
	char *position = earliest(source, live, error);
	if (position == NULL || !store_begin(store, error)) {
		g_free(position);
		return false;
	}
	bool good = store_cursor_forget(store, live->source, CURSOR_LIVE, error);
	if (!good) {
		g_free(position);
		return store_end(store, false, error);
	}
	autoptr(cursor) again = begin(store, source, CURSOR_LIVE, position, NULL,
	        live->since_utc_us != 0 ? live->since_utc_us : live->started_utc_us, error);
	return store_end(store, again != NULL, error);
}
