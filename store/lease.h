/*
 * Leases: one mailbox, one worker, on however many machines.
 *
 * A lease is a row with a holder, an end and a generation that grows with every claim and is copied
 * to the mailbox's own row. A worker that lost its lease (it slept, its machine stopped) learns so
 * from lease_check(), which every transaction that writes for a mailbox calls first. Times are the
 * caller's (clock_utc_us()); machines that share a store must agree on the time to within seconds.
 *
 *   lease.lost  MAILBOX  another worker has the mailbox now: stop, write nothing
 *   lease.held  MAILBOX  another worker is at this mailbox; error_retry_at() says until when
 */
#ifndef IMEX_STORE_LEASE_H
#define IMEX_STORE_LEASE_H

#include "model/mailbox.h"
#include "store/store.h"

/* When a mailbox that nothing is planned for is due. */
#define LEASE_NEVER_UTC_US INT64_MAX

struct lease {
	struct mailbox *mailbox; /* as pinned; mailbox->id names it everywhere */
	int64_t generation;
	int64_t until_utc_us;
	char *holder;
};

void lease_free(struct lease *lease);
AUTO_DEFINE(lease, lease_free);

/* "host/pid/random": a holder for store_lease_claim(). Owned. */
char *lease_holder_new(void);

/*
 * Claims the mailbox that is due longest. *out is owned by the caller and NULL, with true, when
 * none is due.
 */
bool store_lease_claim(struct store *store, const char *holder, int64_t now_utc_us,
        int64_t duration_s, struct lease **out, GError **error);

/* Claims this one, due or not; lease.held when another has it, mailbox.unknown when not there. */
bool store_lease_claim_mailbox(struct store *store, int64_t mailbox_id, const char *holder,
        int64_t now_utc_us, int64_t duration_s, struct lease **out, GError **error);

/* lease.lost when it was not ours any more; lease->until_utc_us is the new end. */
bool store_lease_renew(struct store *store, struct lease *lease, int64_t now_utc_us,
        int64_t duration_s, GError **error);

/*
 * Gives it back, due again at next_due_utc_us or, if somebody woke the mailbox meanwhile, at that
 * time. A lease that was lost is not an error here: there is nothing left to give back.
 */
bool store_lease_release(
        struct store *store, const struct lease *lease, int64_t next_due_utc_us, GError **error);

/*
 * The first statement of every transaction that writes for the mailbox: it locks the row until
 * commit, so that nobody can claim it between check and write. Must be inside store_begin().
 */
bool lease_check(struct store *store, const struct lease *lease, GError **error);

/*
 * Ends the leases of processes of this machine that are no more, so that whoever starts next need
 * not wait for them. A number that another process has got since counts as alive.
 */
bool store_lease_break_dead(struct store *store, GError **error);

/* Whether a request that may take until deadline_utc_us may start. */
bool lease_outlasts(const struct lease *lease, int64_t deadline_utc_us);

/* Makes a mailbox due at due_utc_us unless it is due earlier; also while somebody holds it. */
bool store_lease_wake(struct store *store, int64_t mailbox_id, int64_t due_utc_us, GError **error);
/* When the next mailbox that nobody holds is due; LEASE_NEVER_UTC_US when there is none. */
bool store_lease_next_due(
        struct store *store, int64_t now_utc_us, int64_t *due_utc_us, GError **error);

#endif
