#include "sync/reconcile.h"

#include "archive/segment.h"
#include "core/clock.h"
#include "core/log.h"
#include "store/cursor.h"
#include "store/ingest.h"
#include "store/message.h"
#include "sync/interest.h"

#include <string.h>

#define PAGE_ROWS 500
#define GAPS_MAX 10000
/* A source may tell times in whole seconds: what came with the beginning is not asked for. */
#define MARGIN_US (2 * CLOCK_US_PER_S)
/* Rows may become visible out of order, and capture reads the youngest again. */
#define YOUNG_US (600 * CLOCK_US_PER_S)

struct reconciling {
	struct store *store;
	const char *source;
	struct interest *interest;
	GPtrArray *missing; /* struct message: of the page that is being read */
	GHashTable *seen, *before; /* keys of this page and of the one before, since they overlap */
	int64_t until_utc_us;
	struct reconcile_report *report;
};

static void destroy_message(gpointer message)
{
	message_free(message);
}

static struct message *copy_message(const struct message *from)
{
	struct message *to = message_new(from->kind);
	*to = *from;
	char **const texts[] = {&to->source, &to->source_key, &to->correlation, &to->owner,
	        &to->peer, &to->sender, &to->sender_nick, &to->message_id, &to->refers_to,
	        &to->thread, &to->text, &to->url, &to->file_name, &to->file_hash};
	for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++)
		*texts[i] = g_strdup(*texts[i]);
	return to;
}

/* Pages overlap a little: a row counts once. */
static bool comes_again(struct reconciling *r, const struct message *message)
{
	char *key = g_strconcat(message->owner != NULL ? message->owner : message->peer, "\n",
	        message->source_key, NULL);
	bool was = g_hash_table_contains(r->before, key);
	return !g_hash_table_add(r->seen, key) || was;
}

static void turn_page(struct reconciling *r)
{
	GHashTable *before = r->before;
	r->before = r->seen;
	r->seen = before;
	g_hash_table_remove_all(r->seen);
}

static bool on_message(void *data, const struct message *message, GError **error)
{
	struct reconciling *r = data;
	enum interest_in what;
	bool known = false;
	if (message->sent_utc_us < r->report->since_utc_us ||
	        message->sent_utc_us >= r->until_utc_us || comes_again(r, message))
		return true;
	r->report->rows++;
	if (!interest_find(r->interest, message, &what, error))
		return false;
	if (what == INTEREST_NONE) {
		r->report->unwanted++;
		return true;
	}
	g_autofree char *conversation = conversation_key(message);
	if (!store_message_known(r->store, conversation, message, &known, error))
		return false;
	if (known)
		r->report->present++;
	else
		g_ptr_array_add(r->missing,
		        what == INTEREST_FACT ? interest_withhold(message) : copy_message(message));
	return true;
}

static void on_odd(void *data, const struct im_odd *odd)
{
	struct reconciling *r = data;
	(void)odd;
	r->report->unreadable++;
}

/* Found and filled at once: the record says that it had been missing. */
static bool take_one(struct reconciling *r, const struct message *message, GError **error)
{
	int64_t now = clock_utc_us();
	const struct gap gap = {
	        .source = message->source,
	        .owner = message->owner,
	        .key = message->source_key,
	        .reason = (char[]){"reconcile.missing"},
	        .detail = (char[]){"the source was read past it, and it was not in the archive"},
	        .sent_utc_us = message->sent_utc_us,
	        .seen_utc_us = now,
	};
	g_autofree char *conversation = conversation_key(message);
	return store_gap_put(r->store, &gap, NULL, error) &&
	       store_message_put(r->store, conversation, message, NULL, error) &&
	       store_gap_fill(r->store, &gap, now, error);
}

/* Under the cursor, so that capture does not write at the same time. */
static bool take_under_cursor(struct reconciling *r, GError **error)
{
	autoptr(cursor) live = NULL;
	if (!store_cursor_get(r->store, r->source, CURSOR_LIVE, &live, error) ||
	        !store_cursor_hold(r->store, live, error))
		return false;
	for (guint i = 0; i < r->missing->len; i++)
		if (!take_one(r, r->missing->pdata[i], error))
			return false;
	return true;
}

static bool take_missing(struct reconciling *r, GError **error)
{
	guint n = r->missing->len;
	if (n == 0)
		return true;
	if (!store_begin(r->store, error) ||
	        !store_end(r->store, take_under_cursor(r, error), error))
		return false;
	r->report->missing += n;
	g_ptr_array_set_size(r->missing, 0);
	log_error("reconcile.missing",
	        "source %s: %u messages had been read past and were not in the archive; they are "
	        "now: see imex archive gaps",
	        r->source, n);
	return true;
}

static bool read_pages(struct reconciling *r, struct im_source *source, char **position,
        const char *until, GError **error)
{
	const struct im_message_sink sink = {.message = on_message, .odd = on_odd, .data = r};
	bool more = true;
	while (more) {
		struct im_page page = {0};
		bool good = im_source_messages(
		        source, *position, until, PAGE_ROWS, &sink, &page, error);
		more = page.more;
		if (good) {
			g_free(*position);
			*position = g_steal_pointer(&page.cursor);
			r->report->left_out += page.left_out;
		}
		im_page_clear(&page);
		turn_page(r);
		if (!good || !take_missing(r, error))
			return false;
	}
	return true;
}

/* Nothing older than the first start is looked for, unless history was taken. */
static bool find_beginning(struct store *store, const char *source, const struct cursor *live,
        int64_t since_utc_us, int64_t *begin_utc_us, GError **error)
{
	autoptr(cursor) history = NULL;
	if (!store_cursor_get(store, source, CURSOR_BACKFILL, &history, error))
		return false;
	int64_t first =
	        live->since_utc_us != 0 ? live->since_utc_us : live->started_utc_us + MARGIN_US;
	if (history != NULL && history->done)
		first = MIN(first, history->since_utc_us);
	*begin_utc_us = MAX(since_utc_us, first);
	return true;
}

static bool count_gone(struct reconciling *r, GError **error)
{
	int64_t held = 0;
	struct reconcile_report *report = r->report;
	if (!store_message_copies(
	            r->store, r->source, report->since_utc_us, r->until_utc_us, &held, error))
		return false;
	uint64_t seen = report->present + report->missing;
	report->gone = (uint64_t)held > seen ? (uint64_t)held - seen : 0;
	return true;
}

static bool reconcile(
        struct reconciling *r, struct im_source *source, const struct cursor *live, GError **error)
{
	g_autofree char *position = im_source_cursor_since(source, r->report->since_utc_us, error);
	return position != NULL && read_pages(r, source, &position, live->position, error) &&
	       count_gone(r, error);
}

bool reconcile_source(struct store *store, struct im_source *source, const struct router *router,
        int64_t since_utc_us, struct reconcile_report *report, GError **error)
{
	const char *name = im_source_name(source);
	autoptr(cursor) live = NULL;
	*report = (struct reconcile_report){0};
	if (!store_cursor_get(store, name, CURSOR_LIVE, &live, error))
		return false;
	if (live == NULL)
		return true;
	if (!find_beginning(store, name, live, since_utc_us, &report->since_utc_us, error))
		return false;
	autoptr(interest) interest = interest_new(store, router);
	g_autoptr(GPtrArray) missing = g_ptr_array_new_with_free_func(destroy_message);
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_autoptr(GHashTable) before = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	struct reconciling r = {store, name, interest, missing, seen, before,
	        live->moved_utc_us - YOUNG_US, report};
	bool good = reconcile(&r, source, live, error);
	/* The two take turns, and each owner frees what is there in the end. */
	seen = r.seen;
	before = r.before;
	return good;
}

/* Senders */

/* "10-19". Owned. */
static char *range_key(const struct ingest_missing *range)
{
	return g_strdup_printf("%" G_GINT64_FORMAT "-%" G_GINT64_FORMAT, range->first, range->last);
}

static bool put_missing(
        struct store *store, char *source, const GArray *missing, GHashTable *keys, GError **error)
{
	for (guint i = 0; i < missing->len; i++) {
		const struct ingest_missing *range =
		        &g_array_index(missing, struct ingest_missing, i);
		char *key = range_key(range);
		g_autofree char *detail =
		        g_strdup_printf("%" G_GINT64_FORMAT " running numbers never came",
		                range->last - range->first + 1);
		const struct gap gap = {
		        .source = source,
		        .key = key,
		        .reason = (char[]){"sequence.missing"},
		        .detail = detail,
		        .seen_utc_us = clock_utc_us(),
		};
		g_hash_table_add(keys, key);
		if (!store_gap_put(store, &gap, NULL, error))
			return false;
	}
	return true;
}

/* What was open and is not missing any more has come; where a part did, the rest is a new gap. */
static bool fill_others(struct store *store, const char *source, GHashTable *keys, GError **error)
{
	g_autoptr(GPtrArray) gaps = store_gaps(store, source, GAPS_MAX, error);
	if (gaps == NULL)
		return false;
	for (guint i = 0; i < gaps->len; i++) {
		const struct gap *gap = gaps->pdata[i];
		if (gap->filled_utc_us == 0 && g_str_equal(gap->reason, "sequence.missing") &&
		        !g_hash_table_contains(keys, gap->key) &&
		        !store_gap_fill(store, gap, clock_utc_us(), error))
			return false;
	}
	return true;
}

bool reconcile_senders(
        struct store *store, const struct config *config, uint64_t *open, GError **error)
{
	*open = 0;
	for (const char *const *name = config_names(config, "sender"); *name != NULL; name++) {
		g_autofree char *source = g_strconcat(MESSAGE_POSTED_PREFIX, *name, NULL);
		g_autoptr(GArray) missing = store_ingest_missing(store, *name, GAPS_MAX, error);
		g_autoptr(GHashTable) keys =
		        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
		if (missing == NULL || !put_missing(store, source, missing, keys, error) ||
		        !fill_others(store, source, keys, error))
			return false;
		*open += missing->len;
	}
	return true;
}
