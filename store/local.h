/*
 * The local archive: which closed segments are kept here for whom, in place of a mailbox. The
 * segment's messages and its rendering are in the store already; an item says that they are
 * somebody's archive.
 */
#ifndef IMEX_STORE_LOCAL_H
#define IMEX_STORE_LOCAL_H

#include "core/auto.h"
#include "store/store.h"

struct local_item {
	int64_t conversation_id;
	char *segment_id;
	char *owner; /* canonical IM address */
	int64_t shown; /* which rendering of the segment */
	char *hash; /* of that rendering */
	char *because; /* the rule that led here */
	int64_t kept_utc_us;
};
void local_item_free(struct local_item *item);
AUTO_DEFINE(local_item, local_item_free);

/* Keeps one, unless it is there; *is_new may be NULL. Recorded through archive_record(). */
bool store_local_keep(
        struct store *store, const struct local_item *item, bool *is_new, GError **error);

/* struct local_item of this owner, oldest first, at most limit. Owned. */
GPtrArray *store_local_items(
        struct store *store, const char *owner, unsigned limit, GError **error);
/* owner NULL: of all. */
bool store_local_count(struct store *store, const char *owner, int64_t *items, GError **error);

#endif
