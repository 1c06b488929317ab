/*
 * The life of a contact list: what the mailbox held before us, a way back under way, and what the
 * server was told. What is in the mailbox, and since when, stands in struct contact_status.
 */
#ifndef IMEX_STORE_LIFE_H
#define IMEX_STORE_LIFE_H

#include "store/lease.h"
#include "store/store.h"

enum life_answer { LIFE_UNKNOWN, LIFE_NO, LIFE_YES };

struct contact_life {
	/* Whether another IM server kept contacts in the mailbox when it was first read. */
	enum life_answer occupied;
	int64_t adopted_utc_us; /* when that list was taken over; 0: not */
	int64_t rolling_back_utc_us; /* since when a way back has begun and not ended; 0: none */
	enum life_answer completed; /* what the server was last told: that the move is completed */
};

/* That of the beginning when nothing is known. */
bool store_life(struct store *store, int64_t mailbox_id, struct contact_life *out, GError **error);
/* Saves all of it; lease.lost. */
bool store_life_save(struct store *store, const struct lease *lease,
        const struct contact_life *life, GError **error);

/* What is known of the list: whether the mailbox has contacts, whether anything was agreed. */
bool store_life_look(struct store *store, int64_t mailbox_id, bool *holds_contacts, bool *agreed,
        GError **error);

/* Contacts of the IM side that stay there alone; keys (char *) as a set, owned. NULL on error. */
GHashTable *store_life_kept(struct store *store, int64_t mailbox_id, GError **error);
bool store_life_keep(
        struct store *store, const struct lease *lease, const char *key, GError **error);
/* A copy under the lease's mailbox of another store: what a dry run works on. */
bool store_life_copy(struct store *from, int64_t mailbox_id, struct store *to,
        const struct lease *lease, GError **error);
/* Forgets those that the IM side does not have any more, or that the mailbox has meanwhile. */
bool store_life_kept_sweep(struct store *store, const struct lease *lease, GError **error);

#endif
