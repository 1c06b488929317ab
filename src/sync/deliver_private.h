/*
 * Between the files of a delivery pass: deliver.c sends, deliver_settle.c looks up what earlier
 * requests may have made.
 */
#ifndef IMEX_SYNC_DELIVER_PRIVATE_H
#define IMEX_SYNC_DELIVER_PRIVATE_H

#include "store/delivery.h"
#include "sync/deliver.h"

#define DELIVER_FOLDERS 2

/* Twins are looked for this much after the settling time. */
#define DELIVER_SWEEP_FACTOR 5

/* One pass over one mailbox. */
struct delivering {
	struct store *store;
	struct lease *lease;
	struct ews_session *session;
	const struct deliver_options *options;
	struct deliver_report *report;
	const char *run;
	int64_t settle_us;
	bool unanswered; /* a request of this pass was sent and not answered */
	char *folder_ids[DELIVER_FOLDERS]; /* found at first use */
};

/* "history", "purges" as numbers from 0 to DELIVER_FOLDERS. */
unsigned deliver_folder_index(const char *name);
const char *deliver_folder_id(struct delivering *d, unsigned folder, GError **error);

/* cause: of the last failure, or NULL. */
int64_t deliver_next_try(const struct delivery *delivery, const GError *cause);

/*
 * Before anything is sent: what is in the folders already is confirmed, and what was sent without
 * an answer, long enough ago, and is not there becomes due again.
 */
bool deliver_settle(struct delivering *d, GError **error);
/* Removes younger twins of what was sent more than once. */
bool deliver_sweep(struct delivering *d, GError **error);

#endif
