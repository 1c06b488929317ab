/*
 * Private to ews/: groups of the Unified Contact Store, for dialect ucs. The session knows the
 * groups of its mailbox once they were read; ids and groups given here are borrowed from it until
 * the next reading.
 */
#ifndef IMEX_EWS_UCS_H
#define IMEX_EWS_UCS_H

#include "ews/contact_driver.h"

void ews_ucs_remember_group(struct ews_session *session, const struct group *group);
bool ews_ucs_need_groups(struct ews_session *session, GError **error);
/* NULL when there is none of that name. */
const struct group *ews_ucs_group_named(const struct ews_session *session, const char *name);
/* The id of the group of that name, which is made when there is none. */
const char *ews_ucs_need_group(struct ews_session *session, const char *name, GError **error);
/* "Other Contacts"; NULL: leave the group out, which the server takes for the same. */
const char *ews_ucs_other_contacts_id(const struct ews_session *session);

/* All groups with their members, for the operations that need them. */
struct ews_ucs_roster {
	GPtrArray *groups; /* struct group * */
	GPtrArray *members; /* GPtrArray of char *, beside groups */
};
void ews_ucs_roster_init(struct ews_ucs_roster *roster);
/* Takes the group. */
bool ews_ucs_roster_add(struct ews_im_group *group, void *roster, GError **error);
/* To be cleared even when it failed. */
bool ews_ucs_roster_read(
        struct ews_session *session, struct ews_ucs_roster *roster, GError **error);
void ews_ucs_roster_clear(struct ews_ucs_roster *roster);
bool ews_ucs_roster_has(const struct ews_ucs_roster *roster, guint group, const char *contact_id);

/* ucs_read.c */

/* As ews_contacts_changes() says. */
bool ews_ucs_changes(struct ews_session *session, const char *state_in,
        const struct ews_contacts_sink *sink, char **state_out, bool *full, GError **error);
bool ews_ucs_read_list(
        struct ews_session *session, const struct ews_contacts_sink *sink, GError **error);
/*
 * Whether an entry is still as `before`, which the list showed when it was last read: else
 * ews.conflict. *gone: there is none any more. What has changed since then is asked for, and no
 * more than that where the server tells single entries.
 */
bool ews_ucs_is_still(struct ews_session *session, const char *item_id,
        const struct contact *before, bool *gone, GError **error);
/*
 * We have changed who is in the groups of one of these (each may be NULL). Where only the whole
 * list can be read, these changes are taken for ours, so that it need not be read for each.
 */
void ews_ucs_wrote(
        struct ews_session *session, const struct contact *before, const struct contact *after);

bool ews_ucs_group_create(struct ews_session *session, const struct group *group,
        struct ews_item_ref *out, GError **error);
bool ews_ucs_group_rename(
        struct ews_session *session, const struct group *group, const char *name, GError **error);
bool ews_ucs_group_delete(struct ews_session *session, const struct group *group, GError **error);

#endif
