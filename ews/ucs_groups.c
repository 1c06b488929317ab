/* Groups of the Unified Contact Store: by name, by kind, and who is in them. */
#include "ews/ucs.h"

#include "core/error.h"

/* groups by name */

void ews_ucs_remember_group(struct ews_session *session, const struct group *group)
{
	g_hash_table_replace(session->groups.by_id, g_strdup(group->store_id), group_copy(group));
}

static bool on_group(struct ews_im_group *group, void *data, GError **error)
{
	(void)error;
	ews_ucs_remember_group(data, group->group);
	return true;
}

bool ews_groups_load(struct ews_session *session, GError **error)
{
	struct ews_im_sink sink = {.group = on_group, .data = session};
	g_hash_table_remove_all(session->groups.by_id);
	session->groups.loaded = ews_get_im_item_list(session, &sink, error);
	return session->groups.loaded;
}

static bool same_name(const char *found, const char *wanted)
{
	g_autofree char *a = g_utf8_normalize(found, -1, G_NORMALIZE_NFC);
	g_autofree char *b = g_utf8_normalize(wanted, -1, G_NORMALIZE_NFC);
	return a != NULL && b != NULL && g_str_equal(a, b);
}

const struct group *ews_ucs_group_named(const struct ews_session *session, const char *name)
{
	const struct group *found = NULL;
	GHashTableIter iter;
	void *value;
	g_hash_table_iter_init(&iter, session->groups.by_id);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const struct group *group = value;
		/* The user's own before one that the server made. */
		if (group_is_set(group) && same_name(group->name, name) &&
		        (found == NULL || group->kind == GROUP_KIND_USER))
			found = group;
	}
	return found;
}

static const struct group *group_of_kind(const struct ews_session *session, enum group_kind kind)
{
	GHashTableIter iter;
	void *group;
	g_hash_table_iter_init(&iter, session->groups.by_id);
	while (g_hash_table_iter_next(&iter, NULL, &group))
		if (((struct group *)group)->kind == kind)
			return group;
	return NULL;
}

const char *ews_ucs_other_contacts_id(const struct ews_session *session)
{
	const struct group *other = group_of_kind(session, GROUP_KIND_OTHER);
	return other == NULL ? NULL : other->store_id;
}

bool ews_ucs_need_groups(struct ews_session *session, GError **error)
{
	return session->groups.loaded || ews_groups_load(session, error);
}

static bool make_group(struct ews_session *session, const char *name, GError **error)
{
	struct ews_item_ref ref = {0};
	g_autoptr(GError) failure = NULL;
	if (ews_add_im_group(session, name, &ref, &failure)) {
		autoptr(group) group = group_new(name, GROUP_KIND_USER);
		group->store_id = g_strdup(ref.id);
		group->change_key = g_strdup(ref.change_key);
		ews_ucs_remember_group(session, group);
		ews_item_ref_clear(&ref);
		return true;
	}
	/* Somebody else made it meanwhile, or our own answer was lost: it is there. */
	bool look = error_is(failure, "ews.exists") || error_class_of(failure) == ERROR_UNCERTAIN;
	if (look && ews_groups_load(session, NULL) && ews_ucs_group_named(session, name) != NULL)
		return true;
	if (error_is(failure, "ews.exists")) {
		error_set(error, ERROR_ITEM, "ews.exists",
		        "the mailbox has a group called \"%s\" of a kind that has no members of "
		        "its "
		        "own (a distribution group, or \"Other Contacts\"): give the group on the "
		        "IM side another name",
		        name);
		return false;
	}
	g_propagate_error(error, g_steal_pointer(&failure));
	return false;
}

const char *ews_ucs_need_group(struct ews_session *session, const char *name, GError **error)
{
	if (!ews_ucs_need_groups(session, error))
		return NULL;
	const struct group *group = ews_ucs_group_named(session, name);
	if (group == NULL && make_group(session, name, error))
		group = ews_ucs_group_named(session, name);
	return group == NULL ? NULL : group->store_id;
}

/* memberships of single contacts and groups */

static void group_free_any(void *group)
{
	group_free(group);
}

static void members_free(void *members)
{
	g_ptr_array_unref(members);
}

static void *copy_id(const void *id, void *unused)
{
	(void)unused;
	return g_strdup(id);
}

bool ews_ucs_roster_add(struct ews_im_group *group, void *data, GError **error)
{
	(void)error;
	struct ews_ucs_roster *roster = data;
	GPtrArray *members = g_ptr_array_copy(group->members, copy_id, NULL);
	g_ptr_array_set_free_func(members, g_free);
	g_ptr_array_add(roster->members, members);
	g_ptr_array_add(roster->groups, g_steal_pointer(&group->group));
	return true;
}

void ews_ucs_roster_init(struct ews_ucs_roster *roster)
{
	roster->groups = g_ptr_array_new_with_free_func(group_free_any);
	roster->members = g_ptr_array_new_with_free_func(members_free);
}

bool ews_ucs_roster_read(struct ews_session *session, struct ews_ucs_roster *roster, GError **error)
{
	struct ews_im_sink sink = {.group = ews_ucs_roster_add, .data = roster};
	ews_ucs_roster_init(roster);
	return ews_get_im_item_list(session, &sink, error);
}

void ews_ucs_roster_clear(struct ews_ucs_roster *roster)
{
	g_ptr_array_unref(roster->groups);
	g_ptr_array_unref(roster->members);
}

bool ews_ucs_roster_has(const struct ews_ucs_roster *roster, guint group, const char *contact_id)
{
	return g_ptr_array_find_with_equal_func(
	        roster->members->pdata[group], contact_id, g_str_equal, NULL);
}

/* groups */

static const struct group *known_group(struct ews_session *session, const struct group *group)
{
	GHashTableIter iter;
	void *known;
	if (group_is_set(group))
		return ews_ucs_group_named(session, group->name);
	if (group->kind != GROUP_KIND_DISTRIBUTION)
		return group_of_kind(session, group->kind);
	g_hash_table_iter_init(&iter, session->groups.by_id);
	while (g_hash_table_iter_next(&iter, NULL, &known)) {
		const struct group *candidate = known;
		if (candidate->kind == GROUP_KIND_DISTRIBUTION && candidate->smtp != NULL &&
		        group->smtp != NULL &&
		        g_ascii_strcasecmp(candidate->smtp, group->smtp) == 0)
			return candidate;
	}
	return NULL;
}

static bool make_distribution(
        struct ews_session *session, const struct group *group, GError **error)
{
	struct ews_item_ref ref = {0};
	const char *name = *group->name == '\0' ? group->smtp : group->name;
	if (!ews_add_distribution_group_to_im_list(session, group->smtp, name, &ref, error))
		return false;
	autoptr(group) made = group_copy(group);
	g_free(made->store_id);
	g_free(made->change_key);
	made->store_id = g_steal_pointer(&ref.id);
	made->change_key = g_steal_pointer(&ref.change_key);
	ews_ucs_remember_group(session, made);
	return true;
}

bool ews_ucs_group_create(struct ews_session *session, const struct group *group,
        struct ews_item_ref *out, GError **error)
{
	if (!ews_ucs_need_groups(session, error))
		return false;
	const struct group *known = known_group(session, group);
	if (known == NULL && group->kind == GROUP_KIND_DISTRIBUTION) {
		if (!make_distribution(session, group, error))
			return false;
	} else if (known == NULL && group_is_set(group)) {
		if (!make_group(session, group->name, error))
			return false;
	}
	known = known_group(session, group);
	if (known == NULL) {
		error_set(error, ERROR_ITEM, "ews.item",
		        "the list has no group of kind %s, and it cannot be made; it is left out",
		        group_kind_name(group->kind));
		return false;
	}
	if (out != NULL)
		ews_item_ref_set(out, known->store_id, known->change_key);
	return true;
}

/* The group's id as it is known, or looked up; NULL: there is none. */
static char *id_of(struct ews_session *session, const struct group *group, GError **error)
{
	if (group->store_id != NULL)
		return g_strdup(group->store_id);
	if (!ews_ucs_need_groups(session, error))
		return NULL;
	const struct group *known = known_group(session, group);
	return known == NULL ? NULL : g_strdup(known->store_id);
}

bool ews_ucs_group_rename(
        struct ews_session *session, const struct group *group, const char *name, GError **error)
{
	g_autoptr(GError) failure = NULL;
	g_autofree char *id = id_of(session, group, &failure);
	if (id == NULL && failure == NULL)
		error_set(&failure, ERROR_ITEM, "ews.not_found",
		        "the list has no group \"%s\" to be renamed; it is made anew", group->name);
	if (id == NULL || !ews_set_im_group(session, id, name, &failure)) {
		g_propagate_error(error, g_steal_pointer(&failure));
		return false;
	}
	session->groups.loaded = false;
	return true;
}

static bool only_in(const struct ews_ucs_roster *roster, guint index, const char *contact_id)
{
	for (guint i = 0; i < roster->groups->len; i++)
		if (i != index && ews_ucs_roster_has(roster, i, contact_id))
			return false;
	return true;
}

/* Members that would be in no group go to "Other Contacts" first: they stay in the list. */
static bool keep_members(struct ews_session *session, const char *group_id, GError **error)
{
	struct ews_ucs_roster roster = {0};
	bool ok =
	        ews_ucs_need_groups(session, error) && ews_ucs_roster_read(session, &roster, error);
	for (guint i = 0; ok && i < roster.groups->len; i++) {
		const struct group *group = roster.groups->pdata[i];
		const GPtrArray *members = roster.members->pdata[i];
		if (!g_str_equal(group->store_id, group_id))
			continue;
		for (guint m = 0; ok && m < members->len; m++)
			if (only_in(&roster, i, members->pdata[m]))
				ok = ews_add_im_contact_to_group(session, members->pdata[m],
				        ews_ucs_other_contacts_id(session), error);
	}
	if (roster.groups != NULL)
		ews_ucs_roster_clear(&roster);
	return ok;
}

bool ews_ucs_group_delete(struct ews_session *session, const struct group *group, GError **error)
{
	g_autoptr(GError) failure = NULL;
	g_autofree char *id = id_of(session, group, &failure);
	if (id == NULL && failure == NULL)
		return true;
	bool ok = id != NULL;
	if (ok && group->kind == GROUP_KIND_DISTRIBUTION)
		ok = ews_remove_distribution_group_from_im_list(session, id, &failure);
	else if (ok)
		ok = keep_members(session, id, &failure) &&
		     ews_remove_im_group(session, id, &failure);
	if (!ok && !error_is(failure, "ews.not_found")) {
		g_propagate_error(error, g_steal_pointer(&failure));
		return false;
	}
	g_hash_table_remove(session->groups.by_id, id);
	return true;
}
