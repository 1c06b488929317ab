/*
 * One pass over everything: who there is, what the sources have new, and visits to all mailboxes.
 */
#ifndef IMEX_DAEMON_PASS_H
#define IMEX_DAEMON_PASS_H

#include "sync/schedule.h"

struct pass_totals {
	uint64_t owners_refused, owners_idle;
	uint64_t visited, failed, config_failed;
	uint64_t mail_writes, im_writes, waiting, confirming;
	uint64_t captured, delivered;
	bool source_failed; /* a source could not be read */
};

/*
 * What comes before the visits: owners are found and pinned, messages captured, deliveries
 * planned. What fails is logged and counted; false only when the store cannot be used.
 */
bool pass_prepare(struct worker *worker, const struct worker_options *options,
        struct schedule_owners *owners, struct pass_totals *totals, GError **error);

/* Adds a visit to the totals. */
void pass_count(struct pass_totals *totals, const struct visit *visit);

/* The exit code of the design: 0 done, 1 failed, 2 configuration, 3 in part. */
int pass_exit(const struct pass_totals *totals);

#endif
