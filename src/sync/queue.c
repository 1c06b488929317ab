#include "sync/queue.h"

#include "store/delivery_run.h"

#define MIB (INT64_C(1024) * 1024)

enum queue_level queue_level(int64_t bytes, int64_t max_bytes)
{
	if (bytes >= max_bytes)
		return QUEUE_FULL;
	if (bytes >= max_bytes / 5 * 4)
		return QUEUE_CRITICAL;
	return bytes >= max_bytes / 2 ? QUEUE_WARNING : QUEUE_OK;
}

const char *queue_level_name(enum queue_level level)
{
	static const char *const names[] = {"ok", "warning", "critical", "full"};
	return names[level];
}

bool queue_fill(
        struct store *store, const struct config *config, struct queue_fill *fill, GError **error)
{
	fill->max_bytes = config_int(config, "archive", NULL, "queue_max_mb") * MIB;
	if (!store_queue_bytes(store, &fill->bytes, error))
		return false;
	fill->level = queue_level(fill->bytes, fill->max_bytes);
	return true;
}
