/*
 * The journal: the steps of the plan that is being carried out, on disk before the first is sent.
 *
 * A step is planned, then marked sent (to the mailbox, then to the IM side) before its request
 * starts, and leaves the journal together with its outcome. After a crash only steps that are
 * marked sent need settling; planned ones are dropped and a new plan is made. Every change checks
 * the lease (lease.lost).
 */
#ifndef IMEX_STORE_JOURNAL_H
#define IMEX_STORE_JOURNAL_H

#include "store/contact.h"

enum journal_state { JOURNAL_PLANNED, JOURNAL_MAIL_SENT, JOURNAL_IM_SENT };

enum journal_op {
	JOURNAL_KEEP,
	JOURNAL_CREATE,
	JOURNAL_UPDATE,
	JOURNAL_DELETE,
	JOURNAL_RENAME_GROUP, /* of the mailbox's group item_id: names in mail_before, mail_after */
	JOURNAL_DELETE_TWIN, /* of the mailbox's item item_id; nothing else of the contact changes
	                      */
};

struct journal_step {
	int64_t seq;
	enum journal_state state;
	char *key; /* the contact, on the IM side */
	enum journal_op mail, im;
	char *item_id, *change_key; /* of the item as planned; NULL for a create */
	char *op_uuid;
	struct contact *mail_before, *mail_after; /* NULL: none */
	struct contact *im_before, *im_after;
	bool waits; /* the IM side is to be changed but may not be written now */
	int64_t sent_utc_us;
};
void journal_step_free(struct journal_step *step);
AUTO_DEFINE(journal_step, journal_step_free);

struct journal_step *journal_step_copy(const struct journal_step *step);
const char *journal_op_name(enum journal_op op); /* "keep", "create" ... */

bool store_journal_put(struct store *store, const struct lease *lease,
        const struct journal_step *step, GError **error);
/* The steps after seq, in order; GPtrArray of struct journal_step, owned. NULL on error. */
GPtrArray *store_journal_steps(
        struct store *store, int64_t mailbox_id, int64_t after_seq, unsigned limit, GError **error);
/* Of all mailboxes, or of one (mailbox_id not 0): steps, and those of them that are marked sent. */
bool store_journal_count(
        struct store *store, int64_t mailbox_id, int64_t *steps, int64_t *sent, GError **error);

/* Lasts although the store is relaxed (store.h). */
bool store_journal_mark(struct store *store, const struct lease *lease,
        struct journal_step *const *steps, size_t n, enum journal_state state, int64_t now_utc_us,
        GError **error);

/* The item that the mailbox holds now, after a create or an update. */
struct journal_outcome {
	const char *item_id, *change_key;
};
/*
 * The mailbox has done its part: the mirror of the mailbox follows. The step stays marked sent,
 * with no time to wait for, until store_journal_done().
 */
bool store_journal_mail_done(struct store *store, const struct lease *lease,
        struct journal_step *step, const struct journal_outcome *outcome, const char *address,
        int64_t now_utc_us, GError **error);
/* Both in one, of a step that has nothing to do on the IM side. */
bool store_journal_mail_all_done(struct store *store, const struct lease *lease,
        struct journal_step *step, const struct journal_outcome *outcome, const char *address,
        int64_t now_utc_us, GError **error);
/*
 * Both sides hold what was planned (or the IM side's part waits): mirrors and agreed state follow
 * and the step leaves the journal.
 */
bool store_journal_done(struct store *store, const struct lease *lease,
        const struct journal_step *step, int64_t now_utc_us, GError **error);
/* Leaves the journal without an effect. */
bool store_journal_drop(struct store *store, const struct lease *lease,
        const struct journal_step *step, GError **error);
bool store_journal_drop_planned(struct store *store, const struct lease *lease, GError **error);

#endif
