/*
 * Takes captured messages into segments, and closes the segments that are over.
 */
#ifndef IMEX_SYNC_SEGMENTER_H
#define IMEX_SYNC_SEGMENTER_H

#include "archive/segment.h"
#include "store/store.h"

#include <stdbool.h>
#include <stdint.h>

struct segmenter_report {
	uint64_t taken; /* messages */
	uint64_t late; /* of these, into late continuations */
	uint64_t closed; /* segments */
};

/*
 * Takes everything that is captured. Killed at any moment, the next run goes on: a page of one
 * conversation is one transaction. Several processes may run it.
 */
bool segmenter_take(struct store *store, const struct segment_rules *rules,
        struct segmenter_report *report, GError **error);

/*
 * Closes segments to which nothing can be added any more, given that the sources have been read up
 * to seen_utc_us.
 */
bool segmenter_close(struct store *store, const struct segment_rules *rules, int64_t seen_utc_us,
        struct segmenter_report *report, GError **error);

/*
 * Up to when the sources of the configuration have been read: the oldest of what their cursors say;
 * INT64_MIN when one has never been read.
 */
struct config;
bool segmenter_seen(
        struct store *store, const struct config *config, int64_t *seen_utc_us, GError **error);

#endif
