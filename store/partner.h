/*
 * Partner applications in the store: kept here so that a running imexd follows the commands.
 */
#ifndef IMEX_STORE_PARTNER_H
#define IMEX_STORE_PARTNER_H

#include "model/partner.h"
#include "store/store.h"

/*
 * Inserts it or replaces the one of that name, with its keys and origins, in one transaction.
 * partner.issuer_taken (class CONFIG) when another partner has that issuer.
 */
bool store_partner_put(struct store *store, const struct partner *partner, GError **error);
/* Owned; NULL with partner.absent (class CONFIG) when there is none of that name. */
struct partner *store_partner_get(struct store *store, const char *name, GError **error);
/* struct partner *, by name. Owned. */
GPtrArray *store_partner_list(struct store *store, GError **error);
/* partner.absent when there is none. */
bool store_partner_remove(struct store *store, const char *name, GError **error);
/*
 * Notes that its metadata was looked at; alarm replaces the one that was there. Not a change that
 * a running imexd need follow.
 */
bool store_partner_tried(struct store *store, const char *name, int64_t tried_utc_us,
        const char *alarm, GError **error);
/* A number that changes with every change of a partner: what a running imexd polls. */
bool store_partner_version(struct store *store, int64_t *version, GError **error);

#endif
