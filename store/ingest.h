/*
 * What authenticated senders post: each event once under its sender's own key, and the running
 * numbers from which a missing one is told.
 */
#ifndef IMEX_STORE_INGEST_H
#define IMEX_STORE_INGEST_H

#include "store/message.h"

/*
 * First statement of a transaction that stores what this sender posted: nobody else stores for it
 * before it ends. Counts events. Must be inside store_begin().
 */
bool store_ingest_hold(struct store *store, const char *sender, uint64_t events, int64_t now_utc_us,
        GError **error);

/*
 * Stores one event; message->source names the sender, message->source_key is its key. *outcome is
 * MESSAGE_PUT_SAME for one that is there, MESSAGE_PUT_CONFLICT when another event had this key:
 * then both are kept, this one marked, and the conflict is recorded through archive_record().
 */
bool store_ingest_put(struct store *store, const char *sender, const char *conversation,
        const struct message *message, int64_t now_utc_us, enum message_put *outcome,
        GError **error);

/* These running numbers (sorted, each once) have come. */
bool store_ingest_sequence(
        struct store *store, const char *sender, const int64_t *sequence, size_t n, GError **error);

struct ingest_missing {
	int64_t first, last;
};
/* Running numbers between those that have come; struct ingest_missing. Owned. */
GArray *store_ingest_missing(
        struct store *store, const char *sender, unsigned limit, GError **error);

/* When a sender was last heard; *last_utc_us 0: never. */
bool store_ingest_heard(
        struct store *store, const char *sender, int64_t *last_utc_us, GError **error);

#endif
