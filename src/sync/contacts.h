/*
 * One pass of the contact synchronisation over one mailbox.
 *
 * A pass settles what the last one left in the journal, reads what changed on both sides into the
 * store's mirrors, plans (sync/plan.h), writes the plan into the journal and carries it out step by
 * step (sync/apply.h). When something changed meanwhile, or to prove a first migration, it reads
 * and plans again, a few times at most.
 *
 *   plan.mass_delete    MAILBOX  more would be deleted than sync.max_delete_percent allows
 *   plan.mass_loss      MAILBOX  too many mailboxes would lose contacts at the same time
 *   source.went_back    MAILBOX  the IM side is older than what was read from it before
 *   source.no_owner     MAILBOX  the IM side does not know the owner (any more): nothing changes
 *   contacts.occupied   MAILBOX  another IM server keeps contacts in the mailbox
 *   contacts.settling   BACKOFF  an operation's answer was lost: looked for at error_retry_at()
 *   contacts.stopped    RETRY    asked to stop between two steps
 *   contacts.restless   RETRY    both sides changed faster than the pass could follow
 * and those of ews/session.h, im/source.h, store/lease.h and db/db.h.
 */
#ifndef IMEX_SYNC_CONTACTS_H
#define IMEX_SYNC_CONTACTS_H

#include "store/contact.h"
#include "store/snapshot.h"
#include "store/store.h"
#include "sync/ends.h"
#include "sync/plan.h"
#include "sync/usermap.h"

struct contacts_run;
struct contacts_report;

struct contacts_options {
	unsigned max_delete_percent;
	struct snapshot_retention retention; /* of the versions of the list */
	int64_t settle_s; /* how long after sending the effect of a lost request is looked for */
	bool wait; /* wait for that here, instead of contacts.settling */
	bool allow_mass_delete; /* a person said that the deletions are meant */
	bool plan_only; /* stop before the first write to either side */
	bool accept_older; /* a person said that an older IM side is right */
	bool rollback; /* the mailbox is not written: set by the functions of rollback.c */
	bool adopt; /* a list that another IM server kept in the mailbox may be taken over */
	bool dedupe; /* items of one contact that add nothing to the one kept go */
	bool force; /* plan anew even when nothing changed; try problems again now */
	bool told; /* the caller tells of what failed, and of what was refused: it is not logged */
	/* Asked between two steps; true ends the pass. May be NULL. */
	bool (*stopping)(void *data);
	/*
	 * Shown the plan of each round before anything is written: copies of the steps (struct
	 * journal_step), report->plan and report->refusals. False stops the pass. With plan_only it
	 * is the plan that would be carried out. Inside the plan's transaction. May be NULL.
	 */
	bool (*review)(void *data, const struct contacts_run *run, const GPtrArray *steps,
	        const struct contacts_report *report, GError **error);
	void *review_data;
	/* Told after each step of the plan. May be NULL. */
	void (*progress)(void *data, uint64_t done, uint64_t total);
	void *data;
};

enum contacts_target_use {
	TARGET_BECOMES, /* it becomes the list of both sides */
	TARGET_ADDS, /* what is there neither changes nor goes */
	TARGET_STANDS_IN, /* it is taken for the mailbox's list, which is not to be had */
};

/* A list from elsewhere (a version, a file) that a pass takes into account. */
struct contacts_target {
	enum contacts_target_use use;
	const char *cause; /* of the version that comes of it: "restore", "import" */
	GHashTable *wanted; /* key -> struct contact */
	/* Keys that came since the last pass and stay, as the pass found; NULL: none does. */
	GHashTable *spared;
	/* Keys that an interrupted plan was about to delete: what is left of them is no news. */
	GHashTable *doomed;
};
/* contacts: struct contact, copied. */
struct contacts_target *contacts_target_new(
        enum contacts_target_use use, const char *cause, const GPtrArray *contacts);
void contacts_target_free(struct contacts_target *target);
AUTO_DEFINE(contacts_target, contacts_target_free);

struct contacts_run {
	struct store *store;
	const struct lease *lease;
	struct mail_end mail;
	struct im_end im;
	const struct usermap *map;
	struct plan_policy policy; /* im_holds_tel and group_objects are set by the pass */
	struct contacts_options options;
	struct contacts_target *target; /* or NULL */
	/*
	 * The roster is read from somewhere else than the user's own IM server: it is put into the
	 * mailbox, and nothing of it counts as agreed with that server.
	 */
	bool elsewhere;
};

/* A contact that was left out, and why. */
struct contacts_refusal {
	char *key;
	char *reason, *message;
};

struct contacts_report {
	struct plan_counts plan; /* of the first plan of the pass */
	struct plan_counts done; /* what was carried out: only created, updated, deleted */
	uint64_t renamed_groups, twins_removed;
	uint64_t waiting; /* changes that wait for the IM side to be writable */
	uint64_t unmapped; /* contacts on the IM side without an address in the mailbox */
	uint64_t foreign; /* contacts in the mailbox without an address on the IM side */
	uint64_t privacy_levels; /* on the IM side; they are not moved */
	uint64_t kept; /* contacts that stay on the IM side alone, since the mailbox was adopted */
	bool adopting; /* the mailbox's list is taken over in this pass */
	uint64_t settled; /* journal steps of an earlier pass that had to be looked for */
	GPtrArray *refusals; /* struct contacts_refusal */
	bool planned; /* a plan was made: false when nothing had changed */
	bool confirming; /* a list was found empty: a later pass reads again before it believes it
	                  */
	bool migrated; /* the mailbox holds the list: verified now or before */
	unsigned rounds;
};
void contacts_report_clear(struct contacts_report *report);

/* Whether the roster was last read from somewhere else than the user's own IM server. */
bool contacts_read_elsewhere(const struct contact_status *status);

/* The policy of an owner, as the store has it. */
bool contacts_policy(
        struct store *store, const char *owner, struct plan_policy *policy, GError **error);

/* *report is to be cleared by the caller in any case; it tells what was done before an error. */
bool contacts_pass(struct contacts_run *run, struct contacts_report *report, GError **error);

/*
 * The way back: the mailbox's list is copied to the IM side, the server is told that the mailbox is
 * not in charge any more, and policy "contacts" of the owner becomes not-allowed in the same step.
 * The mailbox keeps its list. With from_snapshot the mailbox is not asked: the IM side gets the
 * list of that version (0: the newest; contacts.no_version).
 *
 *   contacts.mailbox_unusable   as the cause  the mailbox cannot be read: the message names
 *                                             from_snapshot
 *   source.read_only            CONFIG        the IM side is not to be written
 *   contacts.rollback_partial   MAILBOX       some contacts could not be copied: the mailbox stays
 *                                             in charge
 */
struct contacts_way_back {
	bool from_snapshot;
	int64_t version;
};
bool contacts_rollback(struct contacts_run *run, const struct contacts_way_back *way,
        struct contacts_report *report, GError **error);

/*
 * Makes run->target what the list is: on both sides when the mailbox is in charge, else on the IM
 * side, and then the mailbox is not asked. Goes through plan and journal as every change does, the
 * guard against mass deletions included. Contacts that came to a mailbox in charge since the last
 * pass stay.
 * source.read_only
 */
bool contacts_bring(struct contacts_run *run, struct contacts_report *report, GError **error);

#endif
