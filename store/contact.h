/*
 * Contact lists in the store: what each side holds, what was agreed, and what stands in the way.
 *
 * "Ours" is the IM side's roster, "theirs" the mailbox's list; both are mirrored here, so that a
 * pass costs what changed. Every verb that takes a lease checks it in its transaction
 * (lease.lost). Strings in structs are owned by the struct.
 */
#ifndef IMEX_STORE_CONTACT_H
#define IMEX_STORE_CONTACT_H

#include "model/contact.h"
#include "store/lease.h"
#include "store/store.h"

/* Where the synchronisation of a mailbox stands. */
struct contact_status {
	char *dialect; /* NULL: not known yet */
	char *mail_state; /* of the incremental reading; NULL: read in full */
	int64_t mail_full_utc_us; /* when the mailbox was last read in full; 0: never */
	int64_t round; /* of the reading under way */
	char *im_version; /* of the roster as mirrored; NULL: read it */
	int64_t im_read_utc_us;
	bool dirty; /* a mirror changed, or the last plan was not carried out to its end */
	bool emptied; /* a side was found empty: it is to be read in full once more */
	int64_t unmapped; /* contacts of the roster that have no address in the mailbox */
	int64_t migrated_utc_us; /* 0: the first pass has not come to its end yet */
	int64_t rolled_back_utc_us; /* 0: not */
	/* Grows whenever the list changes hands between the IM side and the mailbox. */
	int64_t generation;
};
void contact_status_free(struct contact_status *status);
AUTO_DEFINE(contact_status, contact_status_free);

/* Never NULL without an error: a mailbox that has none yet gets the one of the beginning. */
struct contact_status *store_contact_status(
        struct store *store, int64_t mailbox_id, GError **error);
/* Saves all of it. */
bool store_contact_status_save(struct store *store, const struct lease *lease,
        const struct contact_status *status, GError **error);

/* An item of the mailbox's list. */
struct contact_item {
	bool deleted; /* in a batch that is staged: is gone; only item_id counts */
	char *item_id;
	char *change_key; /* or NULL */
	char *key; /* on the IM side; NULL: its address has no counterpart there */
	char *address; /* in the mailbox */
	char *op_uuid; /* of the operation that made it, or NULL */
	bool untouched; /* nobody has changed it since that operation; in rows only */
	struct contact *contact; /* key as in `key`, else as in `address` */
	int64_t changed_utc_us; /* when the change was first seen */
};
void contact_item_free(struct contact_item *item);
AUTO_DEFINE(contact_item, contact_item_free);

/*
 * Mirrors items (struct contact_item) as they arrive; staging the same again changes nothing. With
 * round -1 they come from elsewhere than a reading: those that no reading has told stay unread.
 */
bool store_contact_stage_theirs(struct store *store, const struct lease *lease, int64_t round,
        const GPtrArray *items, GError **error);
/*
 * Groups (struct group) that the mailbox keeps as objects; one without a name and with an id is
 * gone.
 */
bool store_contact_stage_groups(struct store *store, const struct lease *lease, int64_t round,
        const GPtrArray *groups, GError **error);
/*
 * The reading is complete: saves its state and, after a full one, forgets what was not seen in this
 * round. Marks the status dirty when anything changed.
 */
bool store_contact_theirs_done(struct store *store, const struct lease *lease,
        struct contact_status *status, const char *mail_state, bool full, bool changed,
        int64_t now_utc_us, GError **error);

/*
 * Mirrors a whole roster (struct contact), and the keys (char *, may be NULL) that are there and
 * cannot be understood. Marks the status dirty when anything changed.
 */
bool store_contact_stage_ours(struct store *store, const struct lease *lease,
        struct contact_status *status, const GPtrArray *contacts, const GPtrArray *unreadable,
        const char *version, int64_t now_utc_us, GError **error);

/* All that is known of one key. */
struct contact_row {
	char *key;
	struct contact *ours; /* NULL: none */
	bool unreadable; /* ours is there and cannot be understood */
	int64_t ours_changed_utc_us;
	struct contact *agreed_im, *agreed_mail; /* NULL: none */
	char *agreed_item_id;
	int64_t agreed_utc_us;
	GPtrArray *items; /* struct contact_item, by id; more than one when the mailbox has twins */
};
void contact_row_free(struct contact_row *row);
AUTO_DEFINE(contact_row, contact_row_free);

/*
 * The next rows after a key ("" to begin), in the database's order of keys; at least one row when
 * there is any. *rows: GPtrArray of struct contact_row, owned by the caller.
 */
bool store_contact_rows(struct store *store, int64_t mailbox_id, const char *after_key,
        unsigned limit, GPtrArray **rows, GError **error);

/* All that is known of one key; owned, never NULL without an error. */
struct contact_row *store_contact_row(
        struct store *store, int64_t mailbox_id, const char *key, GError **error);

/*
 * The next items after an id ("" to begin) that a reading has told, in the order of ids: a
 * GPtrArray of struct contact_item, owned; empty at the end, NULL on error.
 */
GPtrArray *store_contact_items(struct store *store, int64_t mailbox_id, const char *after_id,
        unsigned limit, GError **error);
/* One of them; *item (owned) is NULL when there is none of that id. */
bool store_contact_item(struct store *store, int64_t mailbox_id, const char *item_id,
        struct contact_item **item, GError **error);

/* Whether an item was seen by a reading before (not only created by us). */
bool store_contact_item_read(
        struct store *store, int64_t mailbox_id, const char *item_id, bool *read, GError **error);

/*
 * Items that were mirrored as we wrote or found them, and that no reading has told: struct
 * contact_item with item_id, address and op_uuid. Owned; NULL with an error.
 */
GPtrArray *store_contact_unread(struct store *store, int64_t mailbox_id, GError **error);
/* The reading told an item without saying what it is like: it stays as it was mirrored. */
bool store_contact_still_there(struct store *store, const struct lease *lease, int64_t round,
        const char *item_id, GError **error);

/* Items whose address has no counterpart on the IM side. */
bool store_contact_foreign(struct store *store, int64_t mailbox_id, int64_t *count, GError **error);

struct contact_group {
	struct group *group;
	char *agreed_name; /* NULL: new */
};
void contact_group_free(struct contact_group *group);
/* GPtrArray of struct contact_group, by name; owned. NULL on error. */
GPtrArray *store_contact_groups(struct store *store, int64_t mailbox_id, GError **error);
/* From now on the names that the mailbox has are the agreed ones. */
bool store_contact_groups_agree(struct store *store, const struct lease *lease, GError **error);

/* The same for one group, if it is called that way in the mailbox. */
bool store_contact_group_agree(struct store *store, const struct lease *lease, const char *store_id,
        const char *name, GError **error);

/* What was agreed about one contact; both images NULL: forget it. */
bool store_contact_agree(struct store *store, const struct lease *lease, const char *key,
        const char *item_id, const char *change_key, const struct contact *im,
        const struct contact *mail, int64_t now_utc_us, GError **error);

/* Conflicts that were decided. */
struct contact_conflict {
	char *key, *field, *im_value, *mail_value;
	bool mailbox_won;
	int64_t seen_utc_us;
};
void contact_conflict_free(struct contact_conflict *conflict);
bool store_contact_conflict_add(struct store *store, const struct lease *lease,
        const struct contact_conflict *conflict, GError **error);
/* GPtrArray of struct contact_conflict, newest first; owned. NULL on error. */
GPtrArray *store_contact_conflicts(
        struct store *store, int64_t mailbox_id, unsigned limit, GError **error);

/* Changes that wait for the IM side to be written. contact NULL: to be removed. */
struct contact_pending {
	char *key;
	struct contact *contact;
	int64_t since_utc_us;
};
void contact_pending_free(struct contact_pending *pending);
bool store_contact_pending_add(struct store *store, const struct lease *lease, const char *key,
        const struct contact *contact, int64_t now_utc_us, GError **error);
bool store_contact_pending_clear(struct store *store, const struct lease *lease, GError **error);
GPtrArray *store_contact_pending(struct store *store, int64_t mailbox_id, GError **error);

/* Contacts that could not be carried over. */
struct contact_problem {
	char *key, *reason, *message;
	int64_t tries, next_try_utc_us;
};
void contact_problem_free(struct contact_problem *problem);
/* Counts the try and puts the next one off, for an hour first and twice as long every time. */
bool store_contact_problem_add(struct store *store, const struct lease *lease, const char *key,
        const GError *cause, int64_t now_utc_us, GError **error);
bool store_contact_problem_clear(
        struct store *store, const struct lease *lease, const char *key, GError **error);
/* By key. */
GPtrArray *store_contact_problems(struct store *store, int64_t mailbox_id, GError **error);

/* Creates whose answer was lost: contact is what was to be created. */
bool store_contact_uncertain_add(struct store *store, const struct lease *lease,
        const char *op_uuid, const struct contact *contact, int64_t now_utc_us, GError **error);
/* op_uuid -> struct contact; owned. Those older than before_utc_us are forgotten. NULL on error. */
GHashTable *store_contact_uncertain(
        struct store *store, const struct lease *lease, int64_t before_utc_us, GError **error);

/*
 * A copy of all that is known of a mailbox, under the lease's mailbox of another store: what a dry
 * run works on.
 */
bool store_contact_copy(struct store *from, int64_t mailbox_id, struct store *to,
        const struct lease *lease, GError **error);

/* Forgets what was agreed, with all that hangs on it; the mirrors stay. */
bool store_contact_forget(struct store *store, const struct lease *lease, GError **error);

/* Forgets the mirrors, so that the next pass reads both sides in full. */
bool store_contact_reread(struct store *store, const struct lease *lease, GError **error);

#endif
