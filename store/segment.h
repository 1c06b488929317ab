/*
 * Segments: closed and open pieces of conversations, their members, and what they were rendered to.
 * archive/segment.h decides; this remembers. All verbs hang on conversation_id.
 */
#ifndef IMEX_STORE_SEGMENT_H
#define IMEX_STORE_SEGMENT_H

#include "core/auto.h"
#include "store/store.h"

#include <glib.h>

struct segment {
	int64_t conversation_id;
	char *id; /* random, given at opening */
	char *root_id; /* of the first segment of the same talk */
	char *continues; /* the closed segment that this one completes or goes on from; or NULL */
	bool late; /* taken out of turn: with `continues`, its messages came too late for that one
	            */
	char *state; /* "open", else why it was closed: "idle", "thread", "day", "size" */
	char *thread; /* last thread id, or NULL */
	int64_t messages; /* events, not only texts */
	int64_t text_bytes;
	int64_t first_utc_us, last_utc_us;
	int64_t opened_utc_us, closed_utc_us; /* 0: open */
	int64_t planned_utc_us; /* when its deliveries were made; 0: not yet */
};

void segment_free(struct segment *segment);
AUTO_DEFINE(segment, segment_free);

/*
 * Keeps everybody else from segmenting this conversation until the transaction ends; gives what
 * segmenting has taken so far. Must be inside store_begin().
 */
bool store_segment_lock(
        struct store *store, int64_t conversation_id, int64_t *taken_seq, GError **error);

/* The open segment, or the open one of those taken out of turn; *out is owned, NULL when there is
 * none. */
bool store_segment_current(struct store *store, int64_t conversation_id, bool late,
        struct segment **out, GError **error);
/* The closed segment, not late, that ends last; NULL when there is none. */
bool store_segment_last_closed(
        struct store *store, int64_t conversation_id, struct segment **out, GError **error);
/* A closed segment that reaches to within gap_us of that time, the nearest; NULL: none. */
bool store_segment_near(struct store *store, int64_t conversation_id, int64_t utc_us,
        int64_t gap_us, struct segment **out, GError **error);
bool store_segment_get(struct store *store, int64_t conversation_id, const char *id,
        struct segment **out, GError **error);

/* Opens segment, which is copied. */
bool store_segment_open(struct store *store, const struct segment *segment, GError **error);
/* Adds n members; segment holds the counts with them included. Only while it is open. */
bool store_segment_add(struct store *store, const struct segment *segment, const int64_t *seqs,
        size_t n, GError **error);
/* Closes it for reason; it never changes again. */
bool store_segment_close(struct store *store, const struct segment *segment, const char *reason,
        int64_t now_utc_us, GError **error);

/* Open segments after (conversation_id, id), at most limit; struct segment, owned. */
GPtrArray *store_segments_open(struct store *store, int64_t after_conversation_id,
        const char *after_id, unsigned limit, GError **error);
/* Closed ones whose deliveries have not been made, likewise. */
GPtrArray *store_segments_unplanned(struct store *store, int64_t after_conversation_id,
        const char *after_id, unsigned limit, GError **error);
bool store_segment_set_planned(
        struct store *store, const struct segment *segment, int64_t now_utc_us, GError **error);

/* The members, struct stored_message in the order of their numbers; owned. */
GPtrArray *store_segment_messages(
        struct store *store, int64_t conversation_id, const char *id, GError **error);

/*
 * Whether a person, told by address or nickname (either may be NULL), last came or left before a
 * time: *joined; *known is false when neither was ever told.
 */
bool store_room_presence(struct store *store, int64_t conversation_id, const char *address,
        const char *nick, int64_t before_utc_us, bool *known, bool *joined, GError **error);

/*
 * Segments with a message in [since_utc_us, until_utc_us), by the time of their first message.
 * Pages are read before each() is called, which may use the store; false from it stops.
 */
typedef bool (*store_segment_fn)(const struct segment *segment, void *data, GError **error);
bool store_segment_each(struct store *store, int64_t since_utc_us, int64_t until_utc_us,
        store_segment_fn each, void *data, GError **error);

/*
 * A segment as it was rendered; kept, so that every copy is the same. shown tells the renderings of
 * a segment apart.
 */
struct rendering {
	GBytes *mime;
	char *hash; /* SHA-256 of mime, hexadecimal */
	int64_t renderer;
	char *time_zone;
	char *subject;
};
void rendering_free(struct rendering *rendering);
AUTO_DEFINE(rendering, rendering_free);

/* *out is owned, NULL when there is none. */
bool store_rendering_get(struct store *store, int64_t conversation_id, const char *segment_id,
        int64_t shown, struct rendering **out, GError **error);
/* Only its hash: *hash is owned, NULL when there is none. */
bool store_rendering_hash(struct store *store, int64_t conversation_id, const char *segment_id,
        int64_t shown, char **hash, GError **error);
/* The first that is put stays. */
bool store_rendering_put(struct store *store, int64_t conversation_id, const char *segment_id,
        int64_t shown, const struct rendering *rendering, int64_t now_utc_us, GError **error);

struct segment_totals {
	int64_t open, closed, unplanned;
};
bool store_segment_totals(struct store *store, struct segment_totals *out, GError **error);

#endif
