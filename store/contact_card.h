/*
 * What mailboxes tell of persons beside their contact lists (model/contact_card.h), kept with the
 * mirrored items.
 */
#ifndef IMEX_STORE_CONTACT_CARD_H
#define IMEX_STORE_CONTACT_CARD_H

#include "model/contact_card.h"
#include "store/lease.h"
#include "store/store.h"

/*
 * The card of an item that was told now; an empty one is forgotten. Its photo stays as it was read
 * until store_card_photo(); an item that was told with one is due.
 */
bool store_card_put(struct store *store, const struct lease *lease, int64_t round,
        const char *item_id, const struct contact_card *card, GError **error);
/* photo NULL: there is none to be had. The item is not due any more. */
bool store_card_photo(struct store *store, const struct lease *lease, const char *item_id,
        const char *type, GBytes *photo, GError **error);
/* Items whose photo is to be read: a GPtrArray of char *, owned. NULL on error. */
GPtrArray *store_card_due(struct store *store, int64_t mailbox_id, unsigned limit, GError **error);
/*
 * Forgets cards of items that are not there any more; after a full reading also those that it did
 * not tell (of an earlier round).
 */
bool store_card_sweep(
        struct store *store, const struct lease *lease, bool full, int64_t round, GError **error);

/* All cards of a mailbox by the contact's key on the IM side: key -> struct contact_card; owned. */
GHashTable *store_cards(struct store *store, int64_t mailbox_id, GError **error);

#endif
