#include "sync/segmenter.h"

#include "core/clock.h"
#include "core/config.h"
#include "core/step.h"
#include "store/cursor.h"
#include "store/message.h"
#include "store/segment.h"

#include <string.h>

#define CONVERSATIONS_PER_PAGE 100
#define MESSAGES_PER_PAGE 500
#define SEGMENTS_PER_PAGE 200

/*
 * A line of segments of one conversation. The main one follows the talk; what comes out of its turn
 * (late, or history that was taken afterwards) makes segments on the side.
 */
struct track {
	bool side;
	struct segment *open; /* NULL when there is none */
	struct segment_state state; /* of open */
	GArray *seqs; /* members of open that are not written yet */
};

/* One conversation, one page of its messages, one transaction. */
struct taking {
	struct store *store;
	const struct segment_rules *rules;
	int64_t conversation_id;
	int64_t now_utc_us;
	struct segment_past past;
	struct segment *last; /* the segment that past speaks of, or NULL */
	struct track main, side;
	struct segmenter_report *report;
};

static void set_past(struct taking *taking, struct segment *closed, enum segment_reason reason)
{
	g_clear_pointer(&taking->last, segment_free);
	taking->last = closed;
	taking->past = (struct segment_past){true, closed->last_utc_us, reason};
}

static bool load_track(struct taking *taking, struct track *track, bool side, GError **error)
{
	track->side = side;
	track->seqs = g_array_new(FALSE, FALSE, sizeof(int64_t));
	if (!store_segment_current(
	            taking->store, taking->conversation_id, side, &track->open, error))
		return false;
	if (track->open == NULL)
		return true;
	track->state.messages = (unsigned)track->open->messages;
	track->state.bytes = (size_t)track->open->text_bytes;
	track->state.first_utc_us = track->open->first_utc_us;
	track->state.last_utc_us = track->open->last_utc_us;
	track->state.thread = g_strdup(track->open->thread);
	return true;
}

static bool load(struct taking *taking, GError **error)
{
	struct segment *last = NULL;
	enum segment_reason reason = SEGMENT_REASON_IDLE;
	if (!load_track(taking, &taking->main, false, error) ||
	        !load_track(taking, &taking->side, true, error) ||
	        !store_segment_last_closed(taking->store, taking->conversation_id, &last, error))
		return false;
	if (last != NULL) {
		segment_reason_parse(last->state, &reason);
		set_past(taking, last, reason);
	}
	return true;
}

static void unload_track(struct track *track)
{
	g_clear_pointer(&track->open, segment_free);
	segment_state_clear(&track->state);
	g_clear_pointer(&track->seqs, g_array_unref);
}

static void unload(struct taking *taking)
{
	g_clear_pointer(&taking->last, segment_free);
	unload_track(&taking->main);
	unload_track(&taking->side);
}

/* Writes the counts and new members of the open segment. */
static bool flush(struct taking *taking, struct track *track, GError **error)
{
	struct segment *open = track->open;
	if (open == NULL || track->seqs->len == 0)
		return true;
	open->messages = track->state.messages;
	open->text_bytes = (int64_t)track->state.bytes;
	open->first_utc_us = track->state.first_utc_us;
	open->last_utc_us = track->state.last_utc_us;
	g_free(open->thread);
	open->thread = g_strdup(track->state.thread);
	bool good = store_segment_add(taking->store, open,
	        (const int64_t *)(const void *)track->seqs->data, track->seqs->len, error);
	g_array_set_size(track->seqs, 0);
	return good;
}

static bool close_open(
        struct taking *taking, struct track *track, enum segment_reason reason, GError **error)
{
	if (!flush(taking, track, error) ||
	        !store_segment_close(taking->store, track->open, segment_reason_name(reason),
	                taking->now_utc_us, error))
		return false;
	taking->report->closed++;
	if (!track->side)
		set_past(taking, g_steal_pointer(&track->open), reason);
	g_clear_pointer(&track->open, segment_free);
	segment_state_clear(&track->state);
	return true;
}

/*
 * The segment that a new one continues, NULL when it begins something: on the main track the one
 * that was cut in the middle of talk, on the side the closed one that the message would have
 * belonged to.
 */
static bool find_before(struct taking *taking, const struct track *track,
        const struct message *message, enum segment_reason cut, struct segment **before,
        GError **error)
{
	*before = NULL;
	if (track->side)
		return store_segment_near(taking->store, taking->conversation_id,
		        message->sent_utc_us, taking->rules->idle_gap_us, before, error);
	if (taking->last != NULL && (cut == SEGMENT_REASON_SIZE || cut == SEGMENT_REASON_DAY))
		return store_segment_get(
		        taking->store, taking->conversation_id, taking->last->id, before, error);
	return true;
}

static bool open_segment(struct taking *taking, struct track *track, const struct message *message,
        enum segment_reason cut, GError **error)
{
	autoptr(segment) before = NULL;
	autoptr(segment) segment = g_new0(struct segment, 1);
	if (!find_before(taking, track, message, cut, &before, error))
		return false;
	segment->conversation_id = taking->conversation_id;
	segment->id = segment_id_new();
	segment->root_id = g_strdup(before != NULL ? before->root_id : segment->id);
	segment->continues = before != NULL ? g_strdup(before->id) : NULL;
	segment->late = track->side;
	segment->state = g_strdup("open");
	segment->first_utc_us = segment->last_utc_us = message->sent_utc_us;
	segment->opened_utc_us = taking->now_utc_us;
	if (!store_segment_open(taking->store, segment, error))
		return false;
	track->open = g_steal_pointer(&segment);
	return true;
}

static bool append(struct taking *taking, struct track *track, const struct message *message,
        int64_t seq, enum segment_reason cut, GError **error)
{
	if (track->open == NULL && !open_segment(taking, track, message, cut, error))
		return false;
	segment_add(&track->state, message);
	g_array_append_val(track->seqs, seq);
	if (track->side && track->open->continues != NULL)
		taking->report->late++;
	return true;
}

static bool take_one(struct taking *taking, const struct stored_message *stored, GError **error)
{
	const struct segment_past nothing = {0};
	enum segment_reason reason = SEGMENT_REASON_NONE;
	struct track *track = &taking->main;
	enum segment_step step = segment_decide(
	        taking->rules, &taking->past, &track->state, stored->message, &reason);
	taking->report->taken++;
	if (step == SEGMENT_LATE) {
		track = &taking->side;
		step = segment_decide(
		        taking->rules, &nothing, &track->state, stored->message, &reason);
		/* On the side there is no turn: what is far away is another piece. */
		if (step == SEGMENT_LATE) {
			step = SEGMENT_SPLIT;
			reason = SEGMENT_REASON_IDLE;
		}
	}
	if (step == SEGMENT_SPLIT && !close_open(taking, track, reason, error))
		return false;
	return append(taking, track, stored->message, stored->seq, reason, error);
}

static int compare_stored(gconstpointer a, gconstpointer b)
{
	const struct stored_message *const *left = a;
	const struct stored_message *const *right = b;
	return message_compare_time((*left)->message, (*right)->message);
}

static bool take_page(struct taking *taking, GPtrArray *page, GError **error)
{
	int64_t last_seq = ((struct stored_message *)page->pdata[page->len - 1])->seq;
	/* Capture numbers messages as it finds them; talk is in the order of sending. */
	g_ptr_array_sort(page, compare_stored);
	for (guint i = 0; i < page->len; i++)
		if (!take_one(taking, page->pdata[i], error))
			return false;
	return flush(taking, &taking->main, error) && flush(taking, &taking->side, error) &&
	       store_conversation_take(taking->store, taking->conversation_id, last_seq, error);
}

static bool take_locked(struct taking *taking, bool *more, GError **error)
{
	int64_t taken = 0;
	if (!store_segment_lock(taking->store, taking->conversation_id, &taken, error))
		return false;
	g_autoptr(GPtrArray) page = store_messages_after(
	        taking->store, taking->conversation_id, taken, MESSAGES_PER_PAGE, error);
	if (page == NULL)
		return false;
	*more = page->len == MESSAGES_PER_PAGE;
	return page->len == 0 || (load(taking, error) && take_page(taking, page, error));
}

static bool take_transaction(struct store *store, const struct segment_rules *rules,
        int64_t conversation_id, struct segmenter_report *report, bool *more, GError **error)
{
	struct taking taking = {
	        .store = store,
	        .rules = rules,
	        .conversation_id = conversation_id,
	        .now_utc_us = clock_utc_us(),
	        .report = report,
	};
	bool good = store_begin(store, error) &&
	            store_end(store, take_locked(&taking, more, error), error);
	unload(&taking);
	step_reached("segment.taken");
	return good;
}

static bool take_conversation(struct store *store, const struct segment_rules *rules,
        int64_t conversation_id, struct segmenter_report *report, GError **error)
{
	bool more = true;
	while (more)
		if (!take_transaction(store, rules, conversation_id, report, &more, error))
			return false;
	return true;
}

static bool take_conversations(struct store *store, const struct segment_rules *rules,
        const GPtrArray *page, struct segmenter_report *report, GError **error)
{
	for (guint i = 0; i < page->len; i++) {
		const struct conversation *conversation = page->pdata[i];
		if (!take_conversation(store, rules, conversation->id, report, error))
			return false;
	}
	return true;
}

bool segmenter_take(struct store *store, const struct segment_rules *rules,
        struct segmenter_report *report, GError **error)
{
	int64_t after = 0;
	while (true) {
		g_autoptr(GPtrArray) page =
		        store_conversations(store, after, true, CONVERSATIONS_PER_PAGE, error);
		if (page == NULL || !store_group_begin(store, error) ||
		        !store_group_end(store,
		                take_conversations(store, rules, page, report, error), error))
			return false;
		step_reached("segment.page_taken");
		if (page->len < CONVERSATIONS_PER_PAGE)
			return true;
		after = ((const struct conversation *)page->pdata[page->len - 1])->id;
	}
}

/* What completes a closed segment waits as long as talk would, by the clock on the wall. */
static bool is_over(const struct segment_rules *rules, const struct segment *segment,
        int64_t seen_utc_us, enum segment_reason *reason)
{
	bool waits = segment->late && segment->continues != NULL;
	const struct segment_state state = {
	        .messages = (unsigned)segment->messages,
	        .first_utc_us = waits ? segment->opened_utc_us : segment->first_utc_us,
	        .last_utc_us = waits ? segment->opened_utc_us : segment->last_utc_us,
	};
	return segment_is_over(rules, &state, seen_utc_us, reason);
}

static bool close_if_over(struct store *store, const struct segment_rules *rules,
        const struct segment *seen, int64_t seen_utc_us, struct segmenter_report *report,
        GError **error)
{
	enum segment_reason reason = SEGMENT_REASON_NONE;
	int64_t taken = 0;
	autoptr(segment) now = NULL;
	if (!is_over(rules, seen, seen_utc_us, &reason))
		return true;
	/* Read again under the lock: another process may have added to it, or closed it. */
	if (!store_segment_lock(store, seen->conversation_id, &taken, error) ||
	        !store_segment_get(store, seen->conversation_id, seen->id, &now, error))
		return false;
	if (now == NULL || !g_str_equal(now->state, "open") ||
	        !is_over(rules, now, seen_utc_us, &reason))
		return true;
	report->closed++;
	step_reached("segment.over");
	return store_segment_close(store, now, segment_reason_name(reason), clock_utc_us(), error);
}

static bool close_those_over(struct store *store, const struct segment_rules *rules,
        const GPtrArray *page, int64_t seen_utc_us, struct segmenter_report *report, GError **error)
{
	for (guint i = 0; i < page->len; i++)
		if (!store_begin(store, error) ||
		        !store_end(store,
		                close_if_over(
		                        store, rules, page->pdata[i], seen_utc_us, report, error),
		                error))
			return false;
	return true;
}

bool segmenter_close(struct store *store, const struct segment_rules *rules, int64_t seen_utc_us,
        struct segmenter_report *report, GError **error)
{
	g_autofree char *after_id = g_strdup("");
	int64_t after = 0;
	while (true) {
		g_autoptr(GPtrArray) page =
		        store_segments_open(store, after, after_id, SEGMENTS_PER_PAGE, error);
		if (page == NULL || !store_group_begin(store, error) ||
		        !store_group_end(store,
		                close_those_over(store, rules, page, seen_utc_us, report, error),
		                error))
			return false;
		step_reached("segment.page_closed");
		if (page->len < SEGMENTS_PER_PAGE)
			return true;
		const struct segment *last = page->pdata[page->len - 1];
		after = last->conversation_id;
		g_free(after_id);
		after_id = g_strdup(last->id);
	}
}

/* A source that was never read has shown nothing yet; history that is still being read shows only
 * what came before its newest row. */
static bool source_seen(
        struct store *store, const char *source, int64_t *seen_utc_us, GError **error)
{
	autoptr(cursor) live = NULL;
	autoptr(cursor) history = NULL;
	if (!store_cursor_get(store, source, CURSOR_LIVE, &live, error) ||
	        !store_cursor_get(store, source, CURSOR_BACKFILL, &history, error))
		return false;
	if (live == NULL)
		*seen_utc_us = INT64_MIN;
	else
		*seen_utc_us = MIN(*seen_utc_us, live->moved_utc_us);
	if (history != NULL && !history->done)
		*seen_utc_us = MIN(*seen_utc_us, history->newest_utc_us);
	return true;
}

bool segmenter_seen(
        struct store *store, const struct config *config, int64_t *seen_utc_us, GError **error)
{
	const char *const *sources = config_names(config, "source");
	*seen_utc_us = clock_utc_us();
	for (unsigned i = 0; sources[i] != NULL; i++)
		if (!source_seen(store, sources[i], seen_utc_us, error))
			return false;
	return true;
}
