#include "sync/plan.h"

#include <string.h>

/* What the rows said about one group name. */
struct tally {
	uint64_t moved; /* agreed members, still on the IM side, that left it there */
	uint64_t kept; /* agreed members that stayed */
	uint64_t ours; /* members on the IM side now */
	bool agreed; /* had a member when last agreed */
	bool in_mailbox; /* has a member or an object in the mailbox */
	bool touched; /* its members changed in the mailbox */
	bool fixed; /* the server's own: nobody renames it */
	GHashTable *targets; /* name -> number of the moved that are new in it */
};

struct plan_groups {
	const struct plan_policy *policy;
	GHashTable *tallies; /* name -> struct tally */
	GHashTable *by_mailbox; /* agreed name -> name in the mailbox */
	GPtrArray *merged; /* groups of which the IM side made one: no rename */
	GPtrArray *renames;
	/* From the name that stands in an image to the one it is to be planned under. */
	GHashTable *agreed_map, *ours_map, *theirs_map;
};

static void tally_free(void *data)
{
	struct tally *tally = data;
	g_hash_table_unref(tally->targets);
	g_free(tally);
}

static void rename_free(void *data)
{
	struct plan_rename *rename = data;
	g_free(rename->from);
	g_free(rename->to);
	g_free(rename->mail_name);
	g_free(rename->lost);
	g_free(rename);
}

static GHashTable *name_map(void)
{
	return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
}

struct plan_groups *plan_groups_new(const struct plan_policy *policy)
{
	struct plan_groups *groups = g_new0(struct plan_groups, 1);
	groups->policy = policy;
	groups->tallies = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, tally_free);
	groups->by_mailbox = name_map();
	groups->merged = g_ptr_array_new_with_free_func(g_free);
	groups->renames = g_ptr_array_new_with_free_func(rename_free);
	groups->agreed_map = name_map();
	groups->ours_map = name_map();
	groups->theirs_map = name_map();
	return groups;
}

void plan_groups_free(struct plan_groups *groups)
{
	g_hash_table_unref(groups->tallies);
	g_hash_table_unref(groups->by_mailbox);
	g_ptr_array_unref(groups->merged);
	g_ptr_array_unref(groups->renames);
	g_hash_table_unref(groups->agreed_map);
	g_hash_table_unref(groups->ours_map);
	g_hash_table_unref(groups->theirs_map);
	g_free(groups);
}

static struct tally *tally_of(struct plan_groups *groups, const char *name)
{
	struct tally *tally = g_hash_table_lookup(groups->tallies, name);
	if (tally == NULL) {
		tally = g_new0(struct tally, 1);
		tally->targets = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
		g_hash_table_insert(groups->tallies, g_strdup(name), tally);
	}
	return tally;
}

void plan_groups_fixed(struct plan_groups *groups, const char *name)
{
	tally_of(groups, name)->fixed = true;
}

void plan_groups_object(struct plan_groups *groups, const char *agreed_name, const char *name)
{
	tally_of(groups, name)->in_mailbox = true;
	if (agreed_name != NULL && !g_str_equal(agreed_name, name))
		g_hash_table_insert(groups->by_mailbox, g_strdup(agreed_name), g_strdup(name));
}

static void count_target(struct tally *tally, const char *name)
{
	uint64_t *count = g_hash_table_lookup(tally->targets, name);
	if (count == NULL) {
		count = g_new0(uint64_t, 1);
		g_hash_table_insert(tally->targets, g_strdup(name), count);
	}
	(*count)++;
}

/* An agreed member of `name` that the IM side still has. */
static void tally_member(struct plan_groups *groups, const struct plan_row *row, const char *name)
{
	struct tally *tally = tally_of(groups, name);
	if (contact_in_group(row->ours, name)) {
		tally->kept++;
		return;
	}
	tally->moved++;
	for (guint i = 0; i < row->ours->groups->len; i++) {
		const char *target = g_ptr_array_index(row->ours->groups, i);
		if (!contact_in_group(row->agreed_im, target))
			count_target(tally, target);
	}
}

static const char *mapped(GHashTable *map, const char *name)
{
	const char *to = g_hash_table_lookup(map, name);
	return to != NULL ? to : name;
}

/* Marks the groups in which the mailbox has added or lost this contact since it was agreed. */
static void tally_touched(struct plan_groups *groups, const struct plan_row *row)
{
	for (guint i = 0; row->agreed_mail != NULL && i < row->agreed_mail->groups->len; i++) {
		const char *name = g_ptr_array_index(row->agreed_mail->groups, i);
		if (row->theirs == NULL ||
		        !contact_in_group(row->theirs, mapped(groups->by_mailbox, name)))
			tally_of(groups, name)->touched = true;
	}
	for (guint i = 0; row->theirs != NULL && i < row->theirs->groups->len; i++) {
		const char *name = g_ptr_array_index(row->theirs->groups, i);
		struct tally *tally = tally_of(groups, name);
		tally->in_mailbox = true;
		if (row->agreed_mail == NULL || !contact_in_group(row->agreed_mail, name))
			tally->touched = true;
	}
}

void plan_groups_row(struct plan_groups *groups, const struct plan_row *row)
{
	for (guint i = 0; row->agreed_im != NULL && i < row->agreed_im->groups->len; i++) {
		const char *name = g_ptr_array_index(row->agreed_im->groups, i);
		tally_of(groups, name)->agreed = true;
		if (row->ours != NULL)
			tally_member(groups, row, name);
	}
	for (guint i = 0; row->ours != NULL && i < row->ours->groups->len; i++)
		tally_of(groups, g_ptr_array_index(row->ours->groups, i))->ours++;
	tally_touched(groups, row);
}

/* The one new name to which all members of a group moved on the IM side; NULL when none. */
static const char *moved_to(struct plan_groups *groups, const struct tally *tally)
{
	if (tally->fixed || tally->moved == 0 || tally->kept > 0 || tally->ours > 0 ||
	        tally->touched)
		return NULL;
	const char *found = NULL;
	GHashTableIter iter;
	void *name, *count;
	g_hash_table_iter_init(&iter, tally->targets);
	while (g_hash_table_iter_next(&iter, &name, &count)) {
		const struct tally *target = g_hash_table_lookup(groups->tallies, name);
		if (*(uint64_t *)count != tally->moved || target->agreed || target->in_mailbox)
			continue;
		if (found != NULL)
			return NULL;
		found = name;
	}
	return found;
}

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* agreed name -> new name on the IM side, where no two groups were made one. */
static GHashTable *renamed_by_im(struct plan_groups *groups)
{
	GHashTable *renamed = name_map();
	g_autoptr(GHashTable) taken = g_hash_table_new(g_str_hash, g_str_equal);
	GHashTableIter iter;
	void *name, *value;
	g_hash_table_iter_init(&iter, groups->tallies);
	while (g_hash_table_iter_next(&iter, &name, &value)) {
		const char *to = moved_to(groups, value);
		if (to == NULL)
			continue;
		char *target = g_strdup(to);
		g_hash_table_insert(renamed, g_strdup(name), target);
		bool again = g_hash_table_contains(taken, target);
		g_hash_table_insert(taken, target, GINT_TO_POINTER(again));
	}
	g_hash_table_iter_init(&iter, renamed);
	while (g_hash_table_iter_next(&iter, &name, &value))
		if (g_hash_table_lookup(taken, value) != NULL)
			g_ptr_array_add(groups->merged, g_strdup(name));
	for (guint i = 0; i < groups->merged->len; i++)
		g_hash_table_remove(renamed, g_ptr_array_index(groups->merged, i));
	return renamed;
}

static void map_name(GHashTable *map, const char *from, const char *to)
{
	if (!g_str_equal(from, to))
		g_hash_table_insert(map, g_strdup(from), g_strdup(to));
}

/* from was renamed in the mailbox to by_mailbox, on the IM side to by_im; one may be NULL. */
static void add_rename(
        struct plan_groups *groups, const char *from, const char *by_mailbox, const char *by_im)
{
	struct plan_rename *rename = g_new0(struct plan_rename, 1);
	rename->conflict = by_mailbox != NULL && by_im != NULL && !g_str_equal(by_mailbox, by_im);
	rename->by_mailbox =
	        by_mailbox != NULL && !(rename->conflict && groups->policy->rule == PLAN_RULE_IM);
	rename->from = g_strdup(from);
	rename->to = g_strdup(rename->by_mailbox ? by_mailbox : by_im);
	rename->mail_name = g_strdup(by_mailbox != NULL ? by_mailbox : from);
	if (rename->conflict)
		rename->lost = g_strdup(rename->by_mailbox ? by_im : by_mailbox);
	g_ptr_array_add(groups->renames, rename);
	map_name(groups->agreed_map, from, rename->to);
	if (rename->by_mailbox) {
		map_name(groups->ours_map, from, rename->to);
		if (rename->conflict)
			map_name(groups->ours_map, rename->lost, rename->to);
	} else {
		map_name(groups->theirs_map, rename->mail_name, rename->to);
	}
}

const GPtrArray *plan_groups_decide(struct plan_groups *groups)
{
	if (!groups->policy->group_objects)
		return groups->renames;
	g_autoptr(GHashTable) by_im =
	        groups->policy->to_mailbox ? renamed_by_im(groups) : name_map();
	g_autoptr(GPtrArray) names = g_ptr_array_new();
	GHashTableIter iter;
	void *name;
	g_hash_table_iter_init(&iter, by_im);
	while (g_hash_table_iter_next(&iter, &name, NULL))
		g_ptr_array_add(names, name);
	g_hash_table_iter_init(&iter, groups->by_mailbox);
	while (g_hash_table_iter_next(&iter, &name, NULL))
		if (!g_hash_table_contains(by_im, name))
			g_ptr_array_add(names, name);
	g_ptr_array_sort(names, compare_strings);
	for (guint i = 0; i < names->len; i++) {
		name = g_ptr_array_index(names, i);
		add_rename(groups, name, g_hash_table_lookup(groups->by_mailbox, name),
		        g_hash_table_lookup(by_im, name));
	}
	return groups->renames;
}

/* A copy under new names; NULL when none of its groups has one. */
static struct contact *regrouped(const struct contact *contact, GHashTable *map)
{
	bool any = false;
	for (guint i = 0; contact != NULL && i < contact->groups->len && !any; i++)
		any = g_hash_table_contains(map, g_ptr_array_index(contact->groups, i));
	if (!any)
		return NULL;
	struct contact *copy = contact_new(contact->key, contact->name);
	copy->tel_uri = g_strdup(contact->tel_uri);
	for (guint i = 0; i < contact->groups->len; i++)
		contact_add_group(copy, mapped(map, g_ptr_array_index(contact->groups, i)));
	return copy;
}

void plan_groups_translate(
        const struct plan_groups *groups, const struct plan_row *row, struct plan_translation *out)
{
	*out = (struct plan_translation){.row = *row};
	out->owned[0] = regrouped(row->agreed_im, groups->agreed_map);
	out->owned[1] = regrouped(row->agreed_mail, groups->agreed_map);
	out->owned[2] = regrouped(row->ours, groups->ours_map);
	out->owned[3] = regrouped(row->theirs, groups->theirs_map);
	if (out->owned[0] != NULL)
		out->row.agreed_im = out->owned[0];
	if (out->owned[1] != NULL)
		out->row.agreed_mail = out->owned[1];
	out->row.regrouped = out->owned[0] != NULL || out->owned[1] != NULL;
	if (out->owned[2] != NULL) {
		out->row.ours_held = row->ours;
		out->row.ours = out->owned[2];
	}
	if (out->owned[3] != NULL)
		out->row.theirs = out->owned[3];
}

void plan_translation_clear(struct plan_translation *translation)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(translation->owned); i++)
		if (translation->owned[i] != NULL)
			contact_free(translation->owned[i]);
	*translation = (struct plan_translation){0};
}
