/*
 * Shared by the files that make up a contact pass.
 */
#ifndef IMEX_SYNC_CONTACTS_PRIVATE_H
#define IMEX_SYNC_CONTACTS_PRIVATE_H

#include "store/journal.h"
#include "sync/contacts.h"

/* What one pass knows while it runs. */
struct pass_state {
	struct contacts_run *run;
	struct contacts_report *report;
	struct contact_status *status;
	uint64_t steps_total, steps_done;
	bool reread_im; /* whatever its version is */
	bool im_moved; /* settling: the IM side is another than when the steps were planned */
	bool restless; /* something changed between reading and writing: plan again */
	GHashTable *kept; /* keys of contacts that stay on the IM side alone; NULL: none */
	char *failed_key; /* of the last contact that was refused; or NULL */
	bool outdated; /* the rest of the plan rests on a step that was not carried out */
	bool no_renames; /* the mailbox refused to rename a group: its members move one by one */
	bool left_over; /* problems or waiting changes: plan again next time */
};

/*
 * What a roster's version begins with when it was read from elsewhere, so that it is never taken
 * for one of the user's own IM server.
 */
#define CONTACTS_ELSEWHERE "from:"

/* contacts_read.c: both sides into the mirrors. */
bool contacts_read_theirs(struct pass_state *pass, GError **error);
bool contacts_read_ours(struct pass_state *pass, GError **error);
/* Mirrors what a look-up found. round: of the reading that it belongs to; -1: none. */
bool contacts_mirror_found(const struct contacts_run *run, const struct ews_contact_found *found,
        int64_t round, GError **error);

/* contacts_photo.c: photos that the mailbox told of and that are not here yet. */
bool contacts_read_photos(struct pass_state *pass, GError **error);

/* adopt.c: whether the mailbox may be worked on, and whether its list is taken over. */
bool contacts_adopt(struct pass_state *pass, GError **error);
/* Whether a contact of the IM side stays there alone; noted when it is found first. */
bool contacts_keep(
        struct pass_state *pass, const struct contact_row *row, bool *keep, GError **error);

/* contacts_plan.c: the mirrors into the journal. *go is false when nothing is to be carried out. */
bool contacts_plan(struct pass_state *pass, bool *go, GError **error);

/*
 * contacts_guard.c: whether a plan may be carried out. *go is false when a list that was found
 * empty must be read again first. To be asked in the plan's transaction.
 */
bool contacts_guard(
        struct pass_state *pass, const struct plan_counts *counts, bool *go, GError **error);
/* After that transaction failed with *error: remembers who is held. Always false. */
bool contacts_hold(struct pass_state *pass, GError **error);

/* contacts_settle.c */
bool contacts_settle(struct pass_state *pass, GError **error);
/* What took effect of a step that did not come to its end is agreed on: it was no change of theirs.
 */
bool contacts_settle_agreed(
        struct pass_state *pass, const struct journal_step *step, GError **error);

/* apply.c */
bool contacts_apply(struct pass_state *pass, GError **error);
bool contacts_stopping(const struct contacts_run *run);
bool contacts_refuse_stopped(const struct contacts_run *run, GError **error); /* contacts.stopped */

/*
 * contacts_regroup.c: memberships when the mailbox told single changes. All groups first, then
 * contacts_regroup_apply() for each contact that was told, whose groups it adds to `now` (before is
 * its mirrored image, or NULL), then the rest: contacts that only groups moved.
 */
struct regroup;
struct regroup *contacts_regroup_new(const struct contacts_run *run, GError **error);
void contacts_regroup_free(struct regroup *regroup);
void contacts_regroup_take(struct regroup *regroup, const struct ews_group_change *change);
void contacts_regroup_apply(struct regroup *regroup, const char *item_id,
        const struct contact *before, struct contact *now);
/* An item that is to be staged; its strings may be taken. */
typedef bool contacts_item_fn(struct contact_item *item, void *data, GError **error);
bool contacts_regroup_rest(struct regroup *regroup, const struct contacts_run *run,
        contacts_item_fn *moved, void *data, GError **error);

void contacts_refuse(struct contacts_report *report, const char *key, const GError *cause);

#endif
