/*
 * Mailboxes whose mapping is pinned.
 *
 * A mapping (owner -> SMTP address, UPN, SIP address, server) is pinned before imex first writes
 * for that owner. When the user map says something else later, that user stops until a person
 * confirms it: what was meant for one person must not go to another.
 *
 *   mailbox.remapped   MAILBOX  the map says something else than what was pinned
 *   mailbox.taken      MAILBOX  another owner is pinned to the same mailbox
 *   mailbox.unknown    MAILBOX  nothing is pinned for that owner
 */
#ifndef IMEX_STORE_MAILBOX_H
#define IMEX_STORE_MAILBOX_H

#include "model/mailbox.h"
#include "store/store.h"

/*
 * Pins what the map says now, or checks it against what was pinned. *id names the mailbox from then
 * on. A newly pinned mailbox is due at once and not confirmed.
 */
bool store_mailbox_pin(
        struct store *store, const struct mailbox *mapped, int64_t *id, GError **error);

/*
 * Accepts a changed mapping. The owner gets a new id, so nothing that was agreed with the old
 * mailbox is applied to the new one; a worker that holds the old one loses its lease. The old row
 * stays, retired; conversations that were not delivered yet go to the new one. Does nothing when
 * the mapping is the pinned one.
 */
bool store_mailbox_remap(
        struct store *store, const struct mailbox *mapped, int64_t *id, GError **error);

/*
 * The owner of a pinned mailbox is called mapped->owner from now on: with what was agreed, his
 * policies and everything else. The map must give the new name the same mailbox (else
 * mailbox.remapped), and the new name must not have one (else mailbox.taken).
 */
bool store_mailbox_rename(struct store *store, const char *old_owner, const struct mailbox *mapped,
        int64_t *id, GError **error);

/* Who is pinned to the mailbox that mapped names, besides mapped->owner; owned, NULL: nobody. */
bool store_mailbox_other_owner(
        struct store *store, const struct mailbox *mapped, char **other, GError **error);

/* *out is owned by the caller, NULL when nothing is pinned for that owner or id. */
bool store_mailbox_by_owner(
        struct store *store, const char *owner, struct mailbox **out, GError **error);
bool store_mailbox_by_id(struct store *store, int64_t id, struct mailbox **out, GError **error);

/* Whether the server has confirmed that the mailbox it opens is the one meant. */
bool store_mailbox_confirmed(struct store *store, int64_t id, bool *confirmed, GError **error);
bool store_mailbox_set_confirmed(
        struct store *store, int64_t id, int64_t now_utc_us, GError **error);

/*
 * Calls each() for all mailboxes that are not retired, by owner; false from it stops. No statement
 * is open meanwhile, so each() may use the store.
 */
typedef bool (*store_mailbox_fn)(const struct mailbox *mailbox, void *data, GError **error);
bool store_mailbox_each(struct store *store, store_mailbox_fn each, void *data, GError **error);

#endif
