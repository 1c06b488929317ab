/*
 * The queue: deliveries that are not confirmed, and the disk that their messages take.
 *
 * It is bounded by [archive] queue_max_mb. When it is full nothing more is rendered and planned;
 * conversations stay captured, closed and in order until there is room again, so that nothing is
 * lost. Alarms: from half of it on a warning, from four fifths critical.
 */
#ifndef IMEX_SYNC_QUEUE_H
#define IMEX_SYNC_QUEUE_H

#include "core/config.h"
#include "store/store.h"

enum queue_level { QUEUE_OK, QUEUE_WARNING, QUEUE_CRITICAL, QUEUE_FULL };

struct queue_fill {
	int64_t bytes, max_bytes;
	enum queue_level level;
};

bool queue_fill(
        struct store *store, const struct config *config, struct queue_fill *fill, GError **error);
/* "ok", "warning", "critical", "full" */
const char *queue_level_name(enum queue_level level);
/* Pure: the alarms. */
enum queue_level queue_level(int64_t bytes, int64_t max_bytes);

#endif
