/*
 * What to do about a contact list that two sides hold: decided purely, without I/O.
 *
 * "Ours" is the IM side's roster, "theirs" the list in the mailbox, "agreed" what both held after
 * the last pass. Agreed keeps one image per side, because a side may be unable to hold a field: a
 * side has changed when it differs from its own image. Both sides' independent changes of one
 * contact survive, field by field: name, telephone, and each group membership are a field. A true
 * conflict is decided by the rule and recorded with both values. A deletion against a change loses.
 * A contact that is new on both sides is linked, not doubled, and then nothing is taken away from
 * either side.
 *
 * A renamed group is one operation where groups are objects (dialect ucs): a rename in the mailbox
 * is known by the group's id, one on the IM side by all members having moved to a new name.
 */
#ifndef IMEX_SYNC_PLAN_H
#define IMEX_SYNC_PLAN_H

#include "core/auto.h"
#include "model/contact.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum plan_rule {
	PLAN_RULE_MAILBOX, /* the mailbox's value wins */
	PLAN_RULE_IM, /* the IM side's value wins */
	PLAN_RULE_NEWEST, /* the later change wins; the mailbox's when that is not known */
};

struct plan_policy {
	enum plan_rule rule;
	bool to_mailbox; /* IM-side changes are carried to the mailbox */
	bool to_im; /* changes in the mailbox are carried to the IM side */
	bool im_holds_tel; /* whether an IM-side contact has a telephone number */
	bool group_objects; /* the mailbox keeps groups as objects: renames are looked for */
};

const char *plan_rule_name(enum plan_rule rule); /* "mailbox", "im", "newest" */
bool plan_rule_parse(const char *name, enum plan_rule *rule);

enum plan_op {
	PLAN_KEEP,
	PLAN_CREATE,
	PLAN_UPDATE,
	PLAN_DELETE,
};

const char *plan_op_name(enum plan_op op);

/* One contact on all three. What a side does not have is NULL; all is borrowed. */
struct plan_row {
	const char *key;
	const struct contact *agreed_im, *agreed_mail; /* both or neither */
	const struct contact *ours, *theirs;
	/*
	 * What the IM side holds to the letter, when `ours` stands under the new names of renamed
	 * groups; else NULL.
	 */
	const struct contact *ours_held;
	bool regrouped; /* agreed images stand under new names of groups: they must be saved */
	int64_t ours_changed_utc_us, theirs_changed_utc_us; /* 0: not known */
	/* Theirs is another item than the one agreed on: somebody added the contact anew. */
	bool theirs_anew;
	/*
	 * What the IM side had when it was agreed on with an item that theirs takes the place of,
	 * so that the two are linked as if they had never met; else NULL.
	 */
	const struct contact *overtaken_im;
};

struct plan_conflict {
	/* "name", "tel", "contact" (deletion against change), "group NAME" ("yes", "no") */
	char *field;
	char *im_value, *mail_value; /* NULL: none */
	bool mailbox_won;
};

/* What to do about one contact. A side that is to have nothing has NULL as its image. */
struct plan_decision {
	enum plan_op im, mail;
	struct contact *im_after, *mail_after;
	bool agree; /* what was agreed is to be written anew (or forgotten, when both are NULL) */
	bool linked; /* met on both sides for the first time */
	GPtrArray *conflicts; /* struct plan_conflict */
};

void plan_decision_clear(struct plan_decision *decision);

void plan_contact(
        const struct plan_row *row, const struct plan_policy *policy, struct plan_decision *out);

/*
 * One contact as a person wants it on both sides (of a version that is brought back, of a file),
 * whatever the sides' changes would make of it. wanted NULL: it is to go. Sides that must not be
 * written keep what they have; policy's rule does not matter and there are no conflicts.
 */
void plan_wanted(const struct plan_row *row, const struct contact *wanted,
        const struct plan_policy *policy, struct plan_decision *out);

/* A group that has another name on one side than was agreed. */
struct plan_rename {
	char *from, *to; /* agreed name and new name */
	char *mail_name; /* what it is called in the mailbox now */
	bool by_mailbox; /* renamed there; else on the IM side */
	bool conflict; /* renamed on both sides; `to` is the winner's, `lost` the other's */
	char *lost;
};

/*
 * Looks for renamed groups. First tell what the mailbox did (known by ids), then show every row,
 * then ask. Memory grows with the number of groups.
 */
struct plan_groups;
struct plan_groups *plan_groups_new(const struct plan_policy *policy);
void plan_groups_free(struct plan_groups *groups);
AUTO_DEFINE(plan_groups, plan_groups_free);
/* A group object of the mailbox: its name now, and the one agreed (NULL: it is new). */
void plan_groups_object(struct plan_groups *groups, const char *agreed_name, const char *name);
/* One that the server made (favorites ...): when its members leave, it was not renamed. */
void plan_groups_fixed(struct plan_groups *groups, const char *agreed_name);
void plan_groups_row(struct plan_groups *groups, const struct plan_row *row);
/* struct plan_rename, by name; owned by groups. To be called once, after the last row. */
const GPtrArray *plan_groups_decide(struct plan_groups *groups);

/*
 * The row with all its groups under the names that they have once the renames are done on the
 * mailbox. out->row borrows from row and from out.
 */
struct plan_translation {
	struct plan_row row;
	struct contact *owned[4];
};
void plan_groups_translate(
        const struct plan_groups *groups, const struct plan_row *row, struct plan_translation *out);
void plan_translation_clear(struct plan_translation *translation);

/*
 * What was agreed, once a write of ours took effect and the rest of its step did not: the effect is
 * ours, and must not pass for a change that the side made.
 */
struct plan_effect {
	const struct contact *agreed_im, *agreed_mail; /* before; both or neither */
	const struct contact *im_before, *im_after; /* the step; NULL: none */
	const struct contact *mail_before, *mail_after;
	bool im_written, mail_written; /* whether the step writes there at all */
	const struct contact *ours, *theirs; /* what the sides show now */
};
/* Both NULL: nothing is agreed. Owned by the caller. */
void plan_settle(const struct plan_effect *effect, struct contact **im, struct contact **mail);

/* Sums over a plan. */
struct plan_counts {
	uint64_t ours, theirs; /* contacts that each side has before */
	uint64_t im_created, im_updated, im_deleted;
	uint64_t mail_created, mail_updated, mail_deleted;
	uint64_t linked, unchanged, conflicts;
};
void plan_count(struct plan_counts *counts, const struct plan_row *row,
        const struct plan_decision *decision);

/*
 * The guard against "everything vanished" (rule 3 of the design).
 * GO      few enough
 * CONFIRM one side is empty now and at most five contacts would go: read again in a later pass
 * STOP    plan.mass_delete
 */
enum plan_verdict { PLAN_GO, PLAN_CONFIRM, PLAN_STOP };

#define PLAN_FEW_CONTACTS 5

enum plan_verdict plan_guard(const struct plan_counts *counts, unsigned max_delete_percent);
/*
 * The guard across mailboxes: more than this share of them, and more than a few, would lose
 * contacts at the same time. plan.mass_loss
 */
#define PLAN_LOSS_PERCENT 2
#define PLAN_FEW_MAILBOXES 5
bool plan_mass_loss(int64_t losing, int64_t mailboxes);
/* Whether anything would be written to either side. */
bool plan_counts_writes(const struct plan_counts *counts);

#endif
