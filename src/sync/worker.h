/*
 * A worker: one thread's store, mail sessions and sources, and its visits to mailboxes.
 *
 * A visit is what is done for one mailbox under its lease: a pass of its contacts, then the
 * deliveries that are due. Errors of one mailbox stay with it; they are recorded in the store and
 * told in struct visit.
 */
#ifndef IMEX_SYNC_WORKER_H
#define IMEX_SYNC_WORKER_H

#include "core/config.h"
#include "store/lease.h"
#include "sync/contacts.h"
#include "sync/deliver.h"
#include "sync/limiter.h"
#include "sync/mailserver.h"
#include "sync/usermap.h"

/* How sessions get their tokens; `open` makes what authorize gets as its data, one per session. */
struct worker_auth {
	ews_authorize *authorize;
	void *(*open)(void *data, const char *server, GError **error);
	void (*close)(void *use);
	void *data;
};

/* Shared by all workers; outlives them. */
struct worker_shared;

enum worker_kinds {
	WORKER_CONTACTS = 1 << 0,
	WORKER_ARCHIVE = 1 << 1,
};

struct visit;

struct worker_options {
	const struct config *config;
	const struct usermap *map;
	struct worker_auth auth;
	unsigned kinds;
	/*
	 * What a visit does with the contacts instead of a pass, whatever the policy is: the
	 * functions of sync/contacts.h. NULL: a pass. With dry_run it gets a scratch store.
	 */
	bool (*contacts_work)(void *data, struct contacts_run *run, struct contacts_report *report,
	        GError **error);
	void *contacts_data;
	bool offline; /* contacts_work does not ask the mailbox: its server need not be there */
	/* The [source NAME] or URL that rosters are read from instead of the domain's; or NULL. */
	const char *from;
	bool dry_run; /* plan on a scratch store: neither side nor the store is written */
	/*
	 * Told after every batch of deliveries, by several workers at a time, with the visit under
	 * way; false ends the pass. May be NULL.
	 */
	bool (*delivered)(void *data, const struct visit *visit);
	void *delivered_data;
	const char *archive_run; /* delivery_run_id() that deliveries get; NULL: one of each day */
	bool all_planned; /* deliver what is planned though the policy says "none" by now */
	/* max_delete_percent, settle_s and, with mode = observe, plan_only come from config. */
	struct contacts_options contacts;
};

struct worker_shared *worker_shared_new(const struct worker_options *options, GError **error);
void worker_shared_free(struct worker_shared *shared);
AUTO_DEFINE(worker_shared, worker_shared_free);

struct visit {
	const struct mailbox *mailbox;
	bool contacts_done; /* a pass was made, well or not */
	struct contacts_report contacts;
	GError *contacts_error; /* NULL: good */
	bool archive_done;
	struct deliver_report archive;
	int64_t archive_due_utc_us; /* when to come again; INT64_MAX: when something is planned */
	GError *archive_error;
	GError *error; /* of the visit as a whole: lease held, mapping changed, store lost */
};
void visit_clear(struct visit *visit);
/* The first of its errors, or NULL. */
const GError *visit_error(const struct visit *visit);

struct worker;
struct worker *worker_open(struct worker_shared *shared, GError **error);
void worker_close(struct worker *worker);
AUTO_DEFINE(worker, worker_close);

struct store *worker_store(struct worker *worker);

/* The source of an IM domain, opened at first use; borrowed. */
struct im_source *worker_source(struct worker *worker, const char *domain, GError **error);

/* Claims this mailbox and visits it. *visit is to be cleared in any case. */
void worker_visit(struct worker *worker, const struct mailbox *mailbox, struct visit *visit);

/*
 * Claims the mailbox that is due longest and visits it; *found is false when none is due. False
 * only when the store cannot be used.
 */
bool worker_visit_due(struct worker *worker, struct visit *visit, bool *found, GError **error);

#endif
