/*
 * Which mailboxes lose contacts at about the same time, on either side: what the guard across
 * mailboxes goes by (rule 3 of the design). The table is small and not distributed.
 */
#ifndef IMEX_STORE_LOSS_H
#define IMEX_STORE_LOSS_H

#include "store/lease.h"
#include "store/store.h"

/* How many mailboxes lose contacts now. */
struct loss_count {
	int64_t losing; /* held, or let go since a time; this one included */
	int64_t mailboxes; /* all there are */
};

/* This mailbox would lose contacts: counts it and the others. */
bool store_loss_count(struct store *store, const struct lease *lease, int64_t since_utc_us,
        struct loss_count *count, GError **error);
/* It loses them (held: it was stopped, and counts until it is let go or loses none any more). */
bool store_loss_note(struct store *store, const struct lease *lease, bool held, int64_t now_utc_us,
        GError **error);
/* It loses none. */
bool store_loss_clear(struct store *store, const struct lease *lease, GError **error);

#endif
