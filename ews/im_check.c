/* What must hold of an IM list and no single contact of it shows. */
#include "ews/contacts.h"
#include "ews/ops.h"

struct checking {
	GHashTable *members; /* contact id -> GPtrArray of struct group, which groups owns */
	GPtrArray *groups; /* struct group */
	GHashTable *shown; /* contact ids */
	ews_check_fn tell;
	void *data;
};

static void free_group(void *group)
{
	group_free(group);
}

static void free_groups(void *groups)
{
	g_ptr_array_unref(groups);
}

static bool take_group(struct ews_im_group *found, void *data, GError **error)
{
	(void)error;
	struct checking *checking = data;
	struct group *group = g_steal_pointer(&found->group);
	g_ptr_array_add(checking->groups, group);
	for (guint i = 0; i < found->members->len; i++) {
		const char *id = g_ptr_array_index(found->members, i);
		GPtrArray *of = g_hash_table_lookup(checking->members, id);
		if (of == NULL) {
			of = g_ptr_array_new();
			g_hash_table_insert(checking->members, g_strdup(id), of);
		}
		g_ptr_array_add(of, group);
	}
	return true;
}

static void check_places(
        const struct checking *checking, const char *subject, const GPtrArray *groups)
{
	const struct group *other = NULL, *named = NULL;
	for (guint i = 0; groups != NULL && i < groups->len; i++) {
		const struct group *group = g_ptr_array_index(groups, i);
		if (group->kind == GROUP_KIND_OTHER)
			other = group;
		else if (group->kind == GROUP_KIND_USER)
			named = group;
	}
	if (groups == NULL)
		checking->tell(checking->data, subject, "in no group, not even in Other Contacts");
	if (other == NULL || named == NULL)
		return;
	g_autofree char *finding =
	        g_strdup_printf("in Other Contacts and in the group %s", named->name);
	checking->tell(checking->data, subject, finding);
}

static bool take_persona(const struct ews_im_persona *persona, void *data, GError **error)
{
	(void)error;
	struct checking *checking = data;
	if (persona->item_id == NULL)
		return true;
	const char *subject = persona->address != NULL  ? persona->address
	                      : persona->number != NULL ? persona->number
	                                                : persona->item_id;
	g_hash_table_add(checking->shown, g_strdup(persona->item_id));
	check_places(checking, subject, g_hash_table_lookup(checking->members, persona->item_id));
	return true;
}

/* Members of a group whom the list does not show. */
static void check_members(const struct checking *checking)
{
	GHashTableIter iter;
	void *id, *groups;
	g_hash_table_iter_init(&iter, checking->members);
	while (g_hash_table_iter_next(&iter, &id, &groups)) {
		const struct group *group = g_ptr_array_index((GPtrArray *)groups, 0);
		if (!g_hash_table_contains(checking->shown, id))
			checking->tell(checking->data, group->name,
			        "this group has a member who is not in the list");
	}
}

bool ews_contacts_check(struct ews_session *session, enum ews_dialect dialect, ews_check_fn tell,
        void *data, GError **error)
{
	if (dialect != EWS_DIALECT_UCS)
		return true;
	g_autoptr(GPtrArray) groups = g_ptr_array_new_with_free_func(free_group);
	g_autoptr(GHashTable) members =
	        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_groups);
	g_autoptr(GHashTable) shown = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	struct checking checking = {members, groups, shown, tell, data};
	const struct ews_im_sink sink = {take_group, take_persona, &checking};
	if (!ews_get_im_item_list(session, &sink, error))
		return false;
	check_members(&checking);
	return true;
}
