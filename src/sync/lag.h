/*
 * How late a source is read, against how long its IM server keeps messages ([source NAME]
 * retention). What it deletes before it was read is lost, so alarms come early: from a quarter of
 * the time on a warning, from half of it critical.
 */
#ifndef IMEX_SYNC_LAG_H
#define IMEX_SYNC_LAG_H

#include "core/config.h"
#include "store/store.h"

enum lag_level { LAG_OK, LAG_WARNING, LAG_CRITICAL };

struct lag {
	int64_t us; /* since the source was last read to its end */
	int64_t retention_us;
	int64_t silent_us; /* since its newest message, or since the first reading */
	bool begun; /* the source has been read at all; else there is no lag */
	enum lag_level level;
};

bool lag_find(struct store *store, const struct config *config, const char *source, struct lag *out,
        GError **error);
/* The worst of all sources. */
bool lag_worst(
        struct store *store, const struct config *config, enum lag_level *level, GError **error);
/* Pure: the alarms. */
enum lag_level lag_level(int64_t us, int64_t retention_us);

#endif
