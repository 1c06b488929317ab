/*
 * How the last passes over each mailbox went: what `imex status` shows and monitoring watches.
 */
#ifndef IMEX_STORE_PASS_H
#define IMEX_STORE_PASS_H

#include "store/lease.h"
#include "store/store.h"

/* The kinds of work on a mailbox that fail and recover by themselves. */
enum pass_kind { PASS_CONTACTS, PASS_ARCHIVE, PASS_KINDS };

const char *pass_kind_name(enum pass_kind kind); /* "contacts", "archive" */

/*
 * Records the end of a pass: cause NULL when it was good, else why not; and when it is tried again
 * (0: not before a person acted). What is wrong with the configuration or the mailbox needs a
 * person, and is looked at again all the same: somebody may have mended it. backlog: what is still
 * to be done, in items. Inside the caller's transaction, if any; lease.lost when the lease is.
 */
bool store_pass_record(struct store *store, const struct lease *lease, enum pass_kind kind,
        int64_t now_utc_us, const GError *cause, int64_t next_try_utc_us, int64_t backlog,
        GError **error);

struct pass {
	int64_t mailbox_id;
	char *owner;
	enum pass_kind kind;
	int64_t last_utc_us; /* end of the last pass */
	int64_t good_utc_us; /* end of the last good pass; 0: never */
	int64_t failures; /* in a row */
	char *reason, *message; /* of the last one when it failed, else NULL */
	bool needs_person; /* it does not go away by itself */
	int64_t next_try_utc_us; /* 0 when not planned */
	int64_t backlog;
};
void pass_free(struct pass *pass);
AUTO_DEFINE(pass, pass_free);

/* *out is owned by the caller; NULL: no pass was made over that mailbox. */
bool store_pass_get(struct store *store, int64_t mailbox_id, enum pass_kind kind, struct pass **out,
        GError **error);

/* A GPtrArray of struct pass of those that failed last time, by owner, at most limit. */
GPtrArray *store_pass_failing(struct store *store, unsigned limit, GError **error);

struct pass_summary {
	int64_t mailboxes; /* that had a pass of that kind */
	int64_t failing, needing_person;
	int64_t backlog;
	int64_t newest_good_utc_us; /* 0: none was good yet */
	int64_t oldest_good_utc_us; /* the lag of the slowest mailbox; 0 when one was never good */
};
bool store_pass_summary(
        struct store *store, enum pass_kind kind, struct pass_summary *out, GError **error);

#endif
