/*
 * Private to ews/: what a dialect does behind each verb of contacts.h.
 */
#ifndef IMEX_EWS_CONTACT_DRIVER_H
#define IMEX_EWS_CONTACT_DRIVER_H

#include "ews/ops.h"

struct ews_contact_driver {
	const char *name;
	bool (*changes)(struct ews_session *session, const char *state_in,
	        const struct ews_contacts_sink *sink, char **state_out, bool *full, GError **error);
	bool (*create)(struct ews_session *session, const struct ews_contact_new *contacts,
	        size_t n, struct ews_outcome *outcomes, GError **error);
	bool (*update)(struct ews_session *session, const struct ews_item_ref *ref,
	        const struct contact *before, const struct contact *after, struct ews_item_ref *out,
	        GError **error);
	bool (*delete)(struct ews_session *session, const struct ews_item_ref *ref,
	        const struct contact *before, GError **error);
	/* address is canonical; both are never NULL at once. */
	bool (*find)(struct ews_session *session, const char *address, const char *op_uuid,
	        GPtrArray *found, GError **error);
	/* NULL where a group is nothing of its own. */
	bool (*group_create)(struct ews_session *session, const struct group *group,
	        struct ews_item_ref *out, GError **error);
	bool (*group_rename)(struct ews_session *session, const struct group *group,
	        const char *name, GError **error);
	bool (*group_delete)(
	        struct ews_session *session, const struct group *group, GError **error);
	bool (*migration_completed)(struct ews_session *session, bool completed, GError **error);
};

extern const struct ews_contact_driver ews_contact_driver_ucs;
extern const struct ews_contact_driver ews_contact_driver_folder;

/*
 * Brings an item of class contact from before to after by UpdateItem, as ews_contact_update()
 * says. Groups are categories.
 */
bool ews_contact_item_update(struct ews_session *session, const struct ews_item_ref *ref,
        const struct contact *before, const struct contact *after, struct ews_item_ref *out,
        GError **error);

/*
 * DeleteItem for an item of class contact that is still as in before (NULL: whatever it is), as
 * ews_contact_delete() says.
 */
bool ews_contact_item_delete(struct ews_session *session, const struct ews_item_ref *ref,
        const struct contact *before, GError **error);

/* The item is not as the plan was told: ews.conflict. */
void ews_contact_refuse_changed(const char *what, GError **error);

/* Forgets what is known of changes (dialect ucs). */
void ews_ucs_unwatch(struct ews_session *session);

/* Forgets and reads again the groups of the mailbox in use (dialect ucs). */
bool ews_groups_load(struct ews_session *session, GError **error);

/* An outcome for what was not sent, because a request before it failed. */
void ews_outcome_unsent(struct ews_outcome *outcome, const GError *failure);

/*
 * Creates n items in batches; refused batches are split, so that one odd item fails alone. size
 * says how many bytes item i brings (NULL: they are small). Outcomes are all filled.
 */
struct ews_create_all {
	const struct ews_folder *folder;
	bool messages;
	size_t n;
	size_t (*size)(size_t index, const void *data);
	void (*write)(struct xml_writer *w, size_t index, const void *data);
	const void *data;
	struct ews_outcome *outcomes;
};
bool ews_create_all(struct ews_session *session, const struct ews_create_all *all, GError **error);

#endif
