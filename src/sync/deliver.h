/*
 * Deliveries: closed segments become items in the mailboxes of those whose policy says so, exactly
 * once.
 *
 * deliver_prepare() works on conversations: messages into segments, segments that are over closed,
 * rendered once, and a delivery planned for each archived participant. deliver_pass() works on one
 * mailbox under its lease: first what is uncertain is looked up, then what is due is sent.
 *
 * A delivery is marked sent before its request. Each pass first reads the folder's changes since
 * the state saved before the last batch: what is found there is confirmed, be it that an answer was
 * lost, imex was killed, or the store was restored from a backup (a delivery's id follows from what
 * it delivers). What was sent and is not there after [uncertain] settle is looked for in the
 * mailbox's other folders, since its owner may have moved or deleted it, and sent again when it is
 * nowhere; the record says whether every folder could be searched. Where something was sent twice,
 * a later sweep removes the younger twin, which bears our property. What is confirmed is never sent
 * again, even when its owner moved or deleted it.
 */
#ifndef IMEX_SYNC_DELIVER_H
#define IMEX_SYNC_DELIVER_H

#include "core/config.h"
#include "ews/messages.h"
#include "store/lease.h"
#include "store/store.h"
#include "sync/segmenter.h"
#include "sync/usermap.h"

struct deliver_plan_report {
	struct segmenter_report segments;
	uint64_t planned; /* deliveries */
	uint64_t kept; /* items in the local archive */
	uint64_t excluded; /* segments that [archive] exclude keeps out */
	uint64_t without_reader; /* segments that nobody gets */
	uint64_t waiting; /* segments whose files are to be fetched later */
	bool full; /* the queue has no room: closed segments wait */
	uint64_t blocked; /* segments that wait for a person: a recipient's mapping is in doubt */
};

/*
 * To be called after the sources have been captured; it takes no lease and may run in several
 * processes. One segment that cannot be planned does not stop the others.
 */
bool deliver_prepare(struct store *store, const struct config *config, const struct usermap *map,
        struct deliver_plan_report *report, GError **error);

struct deliver_report {
	uint64_t sent; /* confirmed by the server's answer */
	uint64_t found; /* were there already: the answer had been lost */
	uint64_t again; /* put back to be sent anew */
	uint64_t failed; /* wait for a person */
	uint64_t uncertain; /* not settled yet */
	uint64_t twins; /* younger twins removed */
};

struct deliver_options {
	const struct config *config;
	int64_t lease_s; /* for renewing between batches; 0: not renewed */
	unsigned batch; /* deliveries per transaction and request; 0: 50 */
	const char *run; /* delivery_run_id() of this run */
	/* Called after every batch; false stops. May be NULL. */
	bool (*progress)(void *data, const struct deliver_report *so_far);
	void *data;
};

/*
 * One pass over the mailbox of the lease, which the session must be using and the server must have
 * confirmed (store_mailbox_confirmed()). False with an error when the pass has to stop; what was
 * recorded stays. A lost answer ends the pass without an error: what was sent is looked up in the
 * next one. *next_due_utc_us (may be NULL) is when to come again, INT64_MAX: when something
 * new is planned.
 */
bool deliver_pass(struct store *store, struct lease *lease, struct ews_session *session,
        const struct deliver_options *options, struct deliver_report *report,
        int64_t *next_due_utc_us, GError **error);

#endif
