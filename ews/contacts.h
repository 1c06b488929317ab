/*
 * The IM contact list kept in a mailbox.
 *
 * Two dialects keep it, behind one set of verbs:
 *   ucs     the Unified Contact Store of Exchange 2013 and later: the Im* operations
 *   folder  plain contacts in the Contacts folder that have an IM address; categories are groups
 *
 * The key of a `struct contact` is here the mailbox-side address: canonical (core/address.h) but
 * not mapped; the caller maps it to the IM side and back. A contact without a name of its own has
 * NULL. Contacts of the user that have no IM address are none of ours: never shown, never touched.
 *
 * Groups of a contact are names. In `ucs` those are the groups of the user, the favorites and the
 * tagged contacts; membership in "Other Contacts" is no group, and who is in a distribution group
 * is the directory's affair. In `folder` every category is a group and an empty group cannot be
 * kept; the group verbs then only report success.
 */
#ifndef IMEX_EWS_CONTACTS_H
#define IMEX_EWS_CONTACTS_H

#include "ews/session.h"
#include "model/contact.h"
#include "model/contact_card.h"

enum ews_dialect {
	EWS_DIALECT_UCS,
	EWS_DIALECT_FOLDER,
};

const char *ews_dialect_name(enum ews_dialect dialect);
bool ews_dialect_parse(const char *name, enum ews_dialect *dialect);

/* Decides by trying GetImItemList: folders of that name prove nothing. */
bool ews_detect_dialect(struct ews_session *session, enum ews_dialect *dialect, GError **error);

enum ews_change_kind {
	EWS_CHANGE_UPSERT, /* is there now, as given */
	EWS_CHANGE_DELETE, /* is gone, or is no IM contact any more; may name an id never seen */
	EWS_CHANGE_UNUSABLE, /* is there and cannot be read: keep what is known, and report why */
};

/* Borrowed, until the sink returns. */
struct ews_contact_change {
	enum ews_change_kind kind;
	const char *item_id;
	const char *change_key; /* or NULL */
	const struct contact *contact; /* UPSERT */
	/* UPSERT, dialect folder: what is told beside the contact, without its photo. */
	bool card_told;
	const struct contact_card *card; /* NULL: nothing */
	const char *op_uuid; /* UPSERT: of the operation that made it here, or NULL */
	/*
	 * The server says that the item is new. In an incremental answer a "new" item that is
	 * known already means that the server took our sync state for none (grommunio does so
	 * silently): then deletions were not told, and a full read is due.
	 */
	bool created;
	bool groups_apart; /* UPSERT: its groups are told by regroup() alone */
	const GError *why; /* UNUSABLE */
};

/* A group that changed, or whose members did. Borrowed, until the sink returns. */
struct ews_group_change {
	const char *store_id;
	const struct group *group; /* NULL: it is gone */
	const GPtrArray *members; /* char *: item ids */
};

struct ews_contacts_sink {
	/* false with *error set stops the reading; the error is handed on. */
	bool (*contact)(const struct ews_contact_change *change, void *data, GError **error);
	/* Every group, before the contacts; only in dialect ucs and only in a full answer. */
	bool (*group)(const struct group *group, void *data, GError **error); /* may be NULL */
	/*
	 * Dialect ucs: takes changes one by one. NULL: every changed answer is full. In an answer
	 * that is not, the groups that changed come first, with all their members; a contact
	 * stays in the others.
	 */
	bool (*regroup)(const struct ews_group_change *change, void *data, GError **error);
	/* With regroup: appends the groups (struct group, owned) as they were at state_in. */
	bool (*known_groups)(GPtrArray *groups, void *data, GError **error);
	/*
	 * What was handed over so far is void, because the server refused the sync state and a
	 * full answer follows.
	 */
	bool (*restart)(void *data, GError **error);
	void *data;
};

/*
 * What changed since state_in; NULL or a refused state means a full answer, and *full says so.
 * In a full answer deletions are not told: who is not among the contacts is gone. *state_out
 * (owned) is to be saved in the same transaction as the changes; it is opaque, may be large, and
 * belongs to one mailbox and dialect.
 * Memory does not grow with the list in dialect folder.
 */
bool ews_contacts_changes(struct ews_session *session, enum ews_dialect dialect,
        const char *state_in, const struct ews_contacts_sink *sink, char **state_out, bool *full,
        GError **error);

/*
 * Reads the list anew and tells what must not be: a contact in Other Contacts and in a group, or in
 * neither ("Other Contacts" are those in no other group, MS-OXWSCOS); a member who is not in the
 * list. subject is an address, or a group's name. Nothing to tell in dialect folder.
 */
typedef void (*ews_check_fn)(void *data, const char *subject, const char *finding);
bool ews_contacts_check(struct ews_session *session, enum ews_dialect dialect, ews_check_fn tell,
        void *data, GError **error);

/*
 * Creates. op_uuid is the operation's own id, kept with the item where the dialect can
 * (`folder`); groups that are missing are made. Not idempotent: after ERROR_UNCERTAIN ask
 * ews_contact_find() first. ews.limit, ews.item.
 */
bool ews_contact_create(struct ews_session *session, enum ews_dialect dialect,
        const struct contact *contact, const char *op_uuid, struct ews_item_ref *out,
        GError **error);

struct ews_contact_new {
	const struct contact *contact;
	const char *op_uuid;
};

/*
 * Creates n contacts in as few requests as the dialect allows. Each outcome gets a reference or an
 * error. false: not all were done; *error is the first failure.
 */
bool ews_contacts_create(struct ews_session *session, enum ews_dialect dialect,
        const struct ews_contact_new *contacts, size_t n, struct ews_outcome *outcomes,
        GError **error);

/*
 * Turns `before` (the state that the plan was made from) into `after`, sending only what differs.
 * The item is read just before: when a field that is to be changed is neither as in `before` nor
 * already as in `after`, nothing is written and the error is ews.conflict. Groups are changed as
 * sets, so that memberships added meanwhile survive. Repeating it is harmless. ews.not_found when
 * it is gone. A name cannot be changed where the server does not let us: ews.item.
 */
bool ews_contact_update(struct ews_session *session, enum ews_dialect dialect,
        const struct ews_item_ref *ref, const struct contact *before, const struct contact *after,
        struct ews_item_ref *out, GError **error);

/*
 * Deletes what is still as in `before` (NULL: whatever it is now). The item is read just before,
 * and when it is another one nothing is deleted and the error is ews.conflict: somebody's change
 * must not go with it. Gone already is success. In dialect folder it goes to Deleted Items.
 */
bool ews_contact_delete(struct ews_session *session, enum ews_dialect dialect,
        const struct ews_item_ref *ref, const struct contact *before, GError **error);

/* A contact that was looked up. */
struct ews_contact_found {
	struct ews_item_ref ref;
	struct contact *contact;
	char *op_uuid; /* or NULL */
	int64_t created_utc_us; /* 0: the server does not tell */
};
void ews_contact_found_free(struct ews_contact_found *found);

/*
 * Settles an uncertain create: all contacts with that address or that operation's id (each may be
 * NULL) are appended to found (struct ews_contact_found *, oldest first; make it with
 * g_ptr_array_new_with_free_func((GDestroyNotify)ews_contact_found_free)).
 */
bool ews_contact_find(struct ews_session *session, enum ews_dialect dialect, const char *address,
        const char *op_uuid, GPtrArray *found, GError **error);

/*
 * The photo of a contact of dialect folder, by requests of its own; *photo is NULL when it has
 * none. ews.too_large, class ITEM: it has more than max_bytes, and is not read to its end.
 */
bool ews_contact_photo(struct ews_session *session, const char *item_id, size_t max_bytes,
        GBytes **photo, GError **error);

/* Groups: by name; distribution groups by their SMTP address. out may be NULL. */
bool ews_group_create(struct ews_session *session, enum ews_dialect dialect,
        const struct group *group, struct ews_item_ref *out, GError **error);
bool ews_group_rename(struct ews_session *session, enum ews_dialect dialect,
        const struct group *group, const char *name, GError **error);
/* Its members stay in the list. Gone already is success. */
bool ews_group_delete(struct ews_session *session, enum ews_dialect dialect,
        const struct group *group, GError **error);

/* Tells the server whether the list in the mailbox is the authority. Nothing in dialect folder. */
bool ews_migration_completed(
        struct ews_session *session, enum ews_dialect dialect, bool completed, GError **error);

#endif
