/*
 * Versions of contact lists: what both sides had agreed on at the end of a pass, and what the IM
 * side held before its list moved, kept in the store, so that the mailbox is never the only copy.
 *
 * Changes of the mailbox that wait for the IM side to be writable count as agreed. A list that did
 * not change gets no new version. Versions of a list are numbered from 1 and numbers are not used
 * again.
 *
 *   contacts.no_version  CONFIG  there is no such version (any more)
 */
#ifndef IMEX_STORE_SNAPSHOT_H
#define IMEX_STORE_SNAPSHOT_H

#include "model/contact.h"
#include "store/lease.h"
#include "store/store.h"

struct snapshot {
	int64_t version, taken_utc_us;
	char *cause; /* what the pass was for: "sync", "migration", "restore" ... */
	int64_t contacts; /* in the list */
	int64_t added, changed, removed; /* since the version before */
};
void snapshot_free(struct snapshot *snapshot);
AUTO_DEFINE(snapshot, snapshot_free);

/*
 * Which versions are kept: all that are younger than all_us; of each day (UTC) the last one until
 * daily_us; and the newest in any case.
 */
struct snapshot_retention {
	int64_t all_us, daily_us;
};

/* Whether list[i] is to go; list: struct snapshot, newest first. Pure. */
bool snapshot_expired(const GPtrArray *list, guint i, const struct snapshot_retention *retention,
        int64_t now_utc_us);

enum snapshot_of {
	SNAPSHOT_AGREED, /* what both sides agreed on */
	SNAPSHOT_OURS, /* the IM side's list as it was read; only as long as nothing is agreed */
};

/*
 * Makes a version of the list as it is now, unless it is the same as the newest, and removes those
 * that expired. Meant to be called in the transaction that ends a pass. lease.lost
 */
bool store_snapshot_take(struct store *store, const struct lease *lease, enum snapshot_of of,
        const char *cause, const struct snapshot_retention *retention, int64_t now_utc_us,
        GError **error);

/* GPtrArray of struct snapshot, newest first; owned. NULL on error. */
GPtrArray *store_snapshot_list(struct store *store, int64_t mailbox_id, GError **error);

/* version 0: the newest. Owned; NULL with contacts.no_version. */
struct snapshot *store_snapshot_find(
        struct store *store, int64_t mailbox_id, int64_t version, GError **error);

/*
 * The list of that version: a GPtrArray of struct contact, sorted by the bytes of their keys (IM
 * addresses), each with the fields that either side held; owned. NULL on error.
 */
GPtrArray *store_snapshot_read(
        struct store *store, int64_t mailbox_id, int64_t version, GError **error);

#endif
