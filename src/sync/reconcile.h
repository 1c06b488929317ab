/*
 * Counting what imex has against what the sources hold. What is missing is a gap, which is a record
 * (store/cursor.h), and is taken when the source still holds it; then the gap is filled.
 *
 *   reconcile.missing  a row of the source that was read past and is not in the store
 *   sequence.missing   running numbers of a sender that never came
 */
#ifndef IMEX_SYNC_RECONCILE_H
#define IMEX_SYNC_RECONCILE_H

#include "core/config.h"
#include "im/source.h"
#include "store/store.h"
#include "sync/route.h"

struct reconcile_report {
	uint64_t rows; /* messages of the source, from `since_utc_us` to where the reading stands */
	uint64_t present; /* of these, in the store */
	uint64_t unwanted; /* that no policy names */
	uint64_t left_out; /* headlines, chat states, receipts */
	uint64_t unreadable;
	uint64_t missing; /* were not in the store; taken now */
	uint64_t gone; /* in the store, and not in the source any more */
	int64_t since_utc_us; /* what was sent earlier was not looked at */
};

/*
 * Reads the source again from since_utc_us, but not before capture began, to where capture stands.
 * A source that was never read gives a report of nothing.
 */
bool reconcile_source(struct store *store, struct im_source *source, const struct router *router,
        int64_t since_utc_us, struct reconcile_report *report, GError **error);

/* The running numbers of all senders of the configuration; *open is how many gaps are open now. */
bool reconcile_senders(
        struct store *store, const struct config *config, uint64_t *open, GError **error);

#endif
