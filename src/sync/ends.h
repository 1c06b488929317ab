/*
 * The two ends of a contact synchronisation, as the pass sees them: one small table of functions
 * each, so that tests can put ends in memory there.
 *
 * An end belongs to one thread and, while a pass runs, to one mailbox. Addresses on the mailbox's
 * end are those of the mail side, on the IM end canonical IM addresses; the pass maps between them.
 */
#ifndef IMEX_SYNC_ENDS_H
#define IMEX_SYNC_ENDS_H

#include "ews/ews.h"
#include "im/source.h"
#include "model/contact.h"
#include "sync/usermap.h"

/* Semantics and errors of each: the function of the same name in ews/contacts.h. */
struct mail_end_driver {
	bool (*confirm)(void *data, GError **error);
	bool (*changes)(void *data, const char *state_in, const struct ews_contacts_sink *sink,
	        char **state_out, bool *full, GError **error);
	bool (*create)(void *data, const struct ews_contact_new *contacts, size_t n,
	        struct ews_outcome *outcomes, GError **error);
	bool (*update)(void *data, const struct ews_item_ref *ref, const struct contact *before,
	        const struct contact *after, struct ews_item_ref *out, GError **error);
	bool (*remove)(void *data, const struct ews_item_ref *ref, const struct contact *before,
	        GError **error);
	bool (*find)(void *data, const char *address, const char *op_uuid, GPtrArray *found,
	        GError **error);
	bool (*rename_group)(
	        void *data, const struct group *group, const char *name, GError **error);
	bool (*migration_completed)(void *data, bool completed, GError **error);
	bool (*check)(void *data, ews_check_fn tell, void *tell_data, GError **error);
	/* NULL: this end tells no photos. */
	bool (*photo)(
	        void *data, const char *item_id, size_t max_bytes, GBytes **photo, GError **error);
};

struct mail_end {
	const struct mail_end_driver *driver;
	void *data;
	enum ews_dialect dialect;
};

struct im_end_driver {
	/* As im_source_roster_*() in im/source.h. */
	char *(*version)(void *data, const char *owner, GError **error);
	bool (*went_back)(void *data, const char *before, const char *now);
	struct im_roster *(*read)(void *data, const char *owner, GError **error);
	bool (*set)(void *data, const char *owner, const struct contact *contact, char **version,
	        GError **error);
	bool (*remove)(
	        void *data, const char *owner, const char *key, char **version, GError **error);
};

struct im_end {
	const struct im_end_driver *driver;
	void *data;
	bool writable; /* else changes wait */
	bool holds_tel;
};

/* The real ones; what they are made of is borrowed. */
struct mail_end_session {
	struct ews_session *session;
	enum ews_dialect dialect;
};
struct mail_end mail_end_of_session(struct mail_end_session *session);

/*
 * A person who stands in a roster under his address on the mail side, or under both, is one contact
 * to us: the one that the user map names. What is written for him is written to each of his
 * entries.
 */
struct im_end_source {
	struct im_source *source;
	const struct usermap *map;
	/* Of the owner whose roster was read last: key -> GPtrArray of the roster's own keys. */
	GHashTable *spellings;
	char *owner;
};
struct im_end im_end_of_source(struct im_end_source *end);
void im_end_source_clear(struct im_end_source *end);

#endif
