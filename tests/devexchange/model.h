/*
 * The mailboxes in memory.
 *
 * A mailbox holds folders, a folder holds items ordered twice: by their ordinal in the folder
 * (`uid`, never reused, the order of arrival) and by the last change. Removed items leave a
 * tombstone in the folder. Those orders are balanced trees, so every operation costs
 * O(log n) plus what it returns. One mutex per mailbox guards everything in it.
 *
 * Change numbers (`mod`) are one counter per mailbox; they feed change keys, sync states and
 * notification watermarks, so these are honest by construction.
 */
#ifndef DEVX_MODEL_H
#define DEVX_MODEL_H

#include "props.h"

#include <glib.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum item_kind { ITEM_CONTACT, ITEM_MESSAGE, ITEM_DISTLIST, ITEM_OTHER, ITEM_KINDS };

struct attachment {
	uint64_t id;
	char *name, *content_type, *content_id, *content_location;
	GBytes *content; /* of a file, or NULL */
	struct item *item; /* an attached item, in no folder, or NULL */
	bool is_inline, is_contact_photo;
	int64_t modified_s;
};

struct prop_change {
	uint32_t id;
	uint64_t mod;
};

struct item {
	uint64_t id; /* unique in the mailbox; a moved item gets a new one */
	uint64_t uid; /* ordinal in its folder */
	uint64_t mod; /* change number of the last change of any kind; the change key shows it */
	uint64_t content_mod; /* ... of the last change other than the read flag */
	struct folder *folder;
	enum item_kind kind;
	bool associated;
	int64_t created_s, modified_s;
	int32_t created_ns, modified_ns; /* and so many nanoseconds */
	GArray *props; /* struct prop, sorted by id */
	GPtrArray *attachments; /* struct attachment *, or NULL */
	GArray *history; /* struct prop_change: when a property was last updated; or NULL */
	GArray *members; /* IM group: uint64_t ids of member contacts, in order of joining; or NULL
	                  */
	GSequenceIter *by_uid, *by_mod;
};

struct tombstone {
	uint64_t id, uid, mod;
};

struct folder {
	uint32_t id; /* unique in the mailbox, never reused */
	uint64_t mod, created_mod;
	struct mailbox *mailbox;
	struct folder *parent; /* NULL for the root */
	uint32_t parent_id; /* while the folders are read from a data file */
	GPtrArray *children;
	char *name, *class_name;
	const char *distinguished; /* static string, or NULL */
	bool hidden;
	GSequence *by_uid, *by_mod; /* struct item *; NULL until the first item */
	GSequence *tombstones; /* struct tombstone *, by mod; NULL likewise */
	uint64_t next_uid;
	uint32_t unread;
	GArray *props; /* extended properties: struct prop */
};

struct event; /* notify.h */

struct mailbox {
	pthread_mutex_t lock;
	struct store *store;
	uint64_t saved_mod; /* what the data file has */
	uint64_t guid;
	char *smtp, *upn, *sip, *name, *password;
	GPtrArray *aliases; /* further SMTP addresses, char * */
	bool impersonator; /* may act for others through ExchangeImpersonation */
	bool disabled;
	int wrong_logins;
	int64_t blocked_until_ms;
	uint64_t mod, next_item, next_attachment;
	uint32_t next_folder;
	GHashTable *folders; /* id -> struct folder * */
	GHashTable *distinguished; /* name -> struct folder * */
	GHashTable *items; /* &id -> struct item * */
	GSequence *folder_tombstones; /* struct tombstone *, by mod; id = folder id */
	bool migration_completed;
	GBytes *photo;
	void *notify; /* subscriptions, see notify.c */
	int streams; /* connections that its owner reads events from; atomic */
	uint32_t moves; /* to another back end, so far; see move.h */
	int64_t moving_until_ms; /* monotonic; 0: it is not under way */
	char *moved_to; /* EWS address elsewhere, or NULL */
	int moved_status; /* HTTP status that refers to there */
	int64_t budget_us, budget_at_ms; /* see budget.h, which guards them */
};

struct store {
	pthread_rwlock_t lock; /* guards the tables below, not what is in the mailboxes */
	/* Lower-case SMTP address, "upn:", "sip:", "name:" and the rest -> struct mailbox *. */
	GTree *by_address;
	GHashTable *by_guid;
	GPtrArray *mailboxes;
	GPtrArray *groups; /* directory distribution groups: char * SMTP addresses */
	GRand *random; /* guids; under the lock */
	struct data_file *data; /* where mailboxes are kept, or NULL; set before any thread */
};

struct store *store_new(uint32_t seed);
void store_free(struct store *store);
/* Adds a mailbox with all default folders; NULL when the address is taken or malformed. */
struct mailbox *store_add(struct store *store, const char *smtp, const char *name);
bool store_add_address(struct store *store, struct mailbox *mailbox, const char *address);
/* A distribution group of the directory; nothing is done when there is one of that address. */
void store_add_group(struct store *store, const char *smtp);
struct mailbox *store_find(struct store *store, const char *address);
struct mailbox *store_find_guid(struct store *store, uint64_t guid);
/* A mailbox's UPN and SIP address can differ from its SMTP address; look-up by kind. */
struct mailbox *store_find_upn(struct store *store, const char *upn);
struct mailbox *store_find_sip(struct store *store, const char *sip);
/* Adds mailboxes that are not in `found` and that have such an address ("", "sip:") or name
 * ("name:"). */
void store_find_beginning(
        struct store *store, const char *prefix, const char *text, GPtrArray *found, guint max);
void mailbox_set_name(struct store *store, struct mailbox *mailbox, const char *name);
void mailbox_set_upn(struct store *store, struct mailbox *mailbox, const char *upn);
void mailbox_set_sip(struct store *store, struct mailbox *mailbox, const char *sip);

void mailbox_lock(struct mailbox *mailbox);
/* Keeps in the data file what was changed under the lock: every change has its number. */
void mailbox_unlock(struct mailbox *mailbox);

/* Everything below needs the mailbox's lock. */
struct folder *folder_find(struct mailbox *mailbox, uint32_t id);
struct folder *folder_distinguished(struct mailbox *mailbox, const char *name);
struct folder *folder_create(struct mailbox *mailbox, struct folder *parent, const char *name,
        const char *class_name, const char *distinguished);
struct folder *folder_child_named(struct folder *parent, const char *name);
void folder_remove(struct folder *folder); /* with everything below it */
void folder_reparent(struct folder *folder, struct folder *parent);
void folder_touch(struct folder *folder);
bool folder_is_below(const struct folder *folder, const struct folder *above);
uint32_t folder_count(struct folder *folder);
/* All folders below, level by level. */
GPtrArray *folder_below(struct folder *folder);

/* With how many folders a mailbox begins; they have the numbers from 1. */
size_t store_default_folders(void);

/* For the data file: objects with the numbers that they had. */
struct mailbox *store_restore(
        struct store *store, const char *smtp, const char *name, uint64_t guid);
struct folder *folder_restore(struct mailbox *mailbox, uint32_t id, const char *name,
        const char *class_name, const char *distinguished);
bool mailbox_link_folders(struct mailbox *mailbox); /* by parent_id; false: one is missing */
void item_restore(struct folder *folder, struct item *item);
/*
 * Of an item of the folder; of a folder, which is taken away if it is a default one, when that is
 * NULL. Call in the order of `mod`.
 */
void tombstone_restore(
        struct mailbox *mailbox, struct folder *folder, const struct tombstone *tombstone);

/* Orders of items, for GSequence. */
int item_by_uid(gconstpointer a, gconstpointer b, gpointer unused);
int item_by_mod(gconstpointer a, gconstpointer b, gpointer unused);

/* A new item that is in no folder yet. */
struct item *item_new(enum item_kind kind);
void item_free(struct item *item);
/* Enters the item into a folder under a new id (or under item->id when that is not 0). */
void item_insert(struct folder *folder, struct item *item);
/* The same for a copy of `original`, which is in the same mailbox. */
void item_insert_copy(struct folder *folder, struct item *item, const struct item *original);
struct item *item_find(struct mailbox *mailbox, uint64_t id);
/* Takes the item out of its folder, leaving a tombstone; the caller owns it then. */
struct item *item_take(struct item *item);
void item_move(struct item *item, struct folder *to);
struct item *item_copy(const struct item *item);
/* Records a change; with read_only_flag just the read flag changed. */
void item_touch(struct item *item, bool only_read_flag);
bool item_is_read(const struct item *item);
/* Keeps the folder's unread count; the caller calls item_touch(). */
void item_set_read(struct item *item, bool read);

int64_t item_size(const struct item *item);
struct attachment *attachment_new(void);
int64_t attachment_size(const struct attachment *attachment);
void attachment_free(struct attachment *attachment);
void item_attach(struct item *item, struct attachment *attachment); /* takes it */
int64_t now_s(void);
int64_t now_precise(int32_t *ns); /* seconds, and the nanoseconds beyond */
int64_t now_ms(void); /* monotonic */
char *address_lower(const char *address);
/* The static string of a distinguished folder name; NULL when no mailbox has such a folder. */
const char *distinguished_static(const char *name);

#endif
