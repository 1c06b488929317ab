/*
 * Private to ews/: groups of the Unified Contact Store, for dialect ucs. The session knows the
 * groups of its mailbox once they were read; ids and groups given here are borrowed from it until
 * the next reading.
 */
#ifndef IMEX_EWS_UCS_H
#define IMEX_EWS_UCS_H

#include "ews/contact_driver.h"

/* Memberships in it are groups to us. */
bool ews_ucs_is_plain(const struct group *group);

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
/* To be cleared even when it failed. */
bool ews_ucs_roster_read(
        struct ews_session *session, struct ews_ucs_roster *roster, GError **error);
void ews_ucs_roster_clear(struct ews_ucs_roster *roster);
bool ews_ucs_roster_has(const struct ews_ucs_roster *roster, guint group, const char *contact_id);

bool ews_ucs_group_create(struct ews_session *session, const struct group *group,
        struct ews_item_ref *out, GError **error);
bool ews_ucs_group_rename(
        struct ews_session *session, const struct group *group, const char *name, GError **error);
bool ews_ucs_group_delete(struct ews_session *session, const struct group *group, GError **error);

#endif
