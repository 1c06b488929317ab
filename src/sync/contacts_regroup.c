/*
 * Memberships after single changes: the mailbox tells groups with their members, while the mirror
 * keeps contacts with their groups.
 */
#include "sync/contacts_private.h"

#define PAGE_ITEMS 1024

struct regroup {
	GHashTable *changed; /* ids of groups that were told */
	GPtrArray *known; /* struct contact_group, as mirrored */
	GHashTable *members; /* item id -> struct contact with the groups told for it */
	struct contact *kept; /* its groups: names of the groups that did not change */
};

static void free_contact(void *contact)
{
	contact_free(contact);
}

struct regroup *contacts_regroup_new(const struct contacts_run *run, GError **error)
{
	GPtrArray *known = store_contact_groups(run->store, run->lease->mailbox->id, error);
	if (known == NULL)
		return NULL;
	struct regroup *regroup = g_new0(struct regroup, 1);
	regroup->known = known;
	regroup->changed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	regroup->members = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_contact);
	return regroup;
}

void contacts_regroup_free(struct regroup *regroup)
{
	g_hash_table_unref(regroup->changed);
	g_hash_table_unref(regroup->members);
	g_ptr_array_unref(regroup->known);
	if (regroup->kept != NULL)
		contact_free(regroup->kept);
	g_free(regroup);
}

void contacts_regroup_take(struct regroup *regroup, const struct ews_group_change *change)
{
	g_hash_table_add(regroup->changed, g_strdup(change->store_id));
	if (change->group == NULL || !group_is_set(change->group))
		return;
	for (guint i = 0; i < change->members->len; i++) {
		const char *id = change->members->pdata[i];
		struct contact *told = g_hash_table_lookup(regroup->members, id);
		if (told == NULL) {
			told = contact_new(id, NULL);
			g_hash_table_insert(regroup->members, g_strdup(id), told);
		}
		contact_add_group(told, change->group->name);
	}
}

/* To be asked once all groups were told. */
static const struct contact *kept(struct regroup *regroup)
{
	if (regroup->kept != NULL)
		return regroup->kept;
	regroup->kept = contact_new("", NULL);
	for (guint i = 0; i < regroup->known->len; i++) {
		const struct group *group =
		        ((struct contact_group *)regroup->known->pdata[i])->group;
		if (group_is_set(group) &&
		        !g_hash_table_contains(regroup->changed, group->store_id))
			contact_add_group(regroup->kept, group->name);
	}
	return regroup->kept;
}

void contacts_regroup_apply(struct regroup *regroup, const char *item_id,
        const struct contact *before, struct contact *now)
{
	const struct contact *told = g_hash_table_lookup(regroup->members, item_id);
	for (guint i = 0; before != NULL && i < before->groups->len; i++)
		if (contact_in_group(kept(regroup), before->groups->pdata[i]))
			contact_add_group(now, before->groups->pdata[i]);
	for (guint i = 0; told != NULL && i < told->groups->len; i++)
		contact_add_group(now, told->groups->pdata[i]);
}

/* The item's contact with the groups that it is in now; false: it is in the same as before. */
static bool move(struct regroup *regroup, struct contact_item *item)
{
	autoptr(contact) now = contact_new(item->contact->key, item->contact->name);
	now->tel_uri = g_strdup(item->contact->tel_uri);
	contacts_regroup_apply(regroup, item->item_id, item->contact, now);
	if (contact_same_groups(now, item->contact))
		return false;
	contact_free(item->contact);
	item->contact = g_steal_pointer(&now);
	return true;
}

bool contacts_regroup_rest(struct regroup *regroup, const struct contacts_run *run,
        contacts_item_fn *moved, void *data, GError **error)
{
	g_autofree char *after = g_strdup("");
	if (g_hash_table_size(regroup->changed) == 0)
		return true;
	for (;;) {
		g_autoptr(GPtrArray) items = store_contact_items(
		        run->store, run->lease->mailbox->id, after, PAGE_ITEMS, error);
		if (items == NULL)
			return false;
		if (items->len == 0)
			return true;
		const struct contact_item *last = g_ptr_array_index(items, items->len - 1);
		g_free(after);
		after = g_strdup(last->item_id);
		for (guint i = 0; i < items->len; i++) {
			struct contact_item *item = g_ptr_array_index(items, i);
			if (move(regroup, item) && !moved(item, data, error))
				return false;
		}
	}
}
