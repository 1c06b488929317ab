#include "sync/lag.h"

#include "core/clock.h"
#include "store/cursor.h"

enum lag_level lag_level(int64_t us, int64_t retention_us)
{
	return us >= retention_us / 2   ? LAG_CRITICAL
	       : us >= retention_us / 4 ? LAG_WARNING
	                                : LAG_OK;
}

bool lag_find(struct store *store, const struct config *config, const char *source, struct lag *out,
        GError **error)
{
	autoptr(cursor) live = NULL;
	*out = (struct lag){
	        .retention_us =
	                config_duration_s(config, "source", source, "retention") * CLOCK_US_PER_S};
	if (!store_cursor_get(store, source, CURSOR_LIVE, &live, error))
		return false;
	if (live == NULL)
		return true;
	out->begun = true;
	out->us = MAX(clock_utc_us() - MAX(live->end_utc_us, live->started_utc_us), 0);
	out->silent_us = MAX(clock_utc_us() - MAX(live->newest_utc_us, live->started_utc_us), 0);
	out->level = lag_level(out->us, out->retention_us);
	return true;
}

bool lag_worst(
        struct store *store, const struct config *config, enum lag_level *level, GError **error)
{
	*level = LAG_OK;
	for (const char *const *name = config_names(config, "source"); *name != NULL; name++) {
		struct lag lag;
		if (!lag_find(store, config, *name, &lag, error))
			return false;
		*level = MAX(*level, lag.level);
	}
	return true;
}
