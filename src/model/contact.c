#include "model/contact.h"

#include "core/digest.h"

#include <string.h>

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

struct contact *contact_new(const char *key, const char *name)
{
	struct contact *contact = g_new0(struct contact, 1);
	contact->key = g_strdup(key);
	contact->name = name != NULL && name[0] != '\0' ? g_strdup(name) : NULL;
	contact->groups = g_ptr_array_new_with_free_func(g_free);
	return contact;
}

static void *copy_string(const void *string, void *unused)
{
	(void)unused;
	return g_strdup(string);
}

struct contact *contact_copy(const struct contact *contact)
{
	struct contact *copy = g_new0(struct contact, 1);
	copy->key = g_strdup(contact->key);
	copy->name = g_strdup(contact->name);
	copy->tel_uri = g_strdup(contact->tel_uri);
	copy->groups = g_ptr_array_copy(contact->groups, copy_string, NULL);
	g_ptr_array_set_free_func(copy->groups, g_free);
	return copy;
}

void contact_free(struct contact *contact)
{
	g_free(contact->key);
	g_free(contact->name);
	g_free(contact->tel_uri);
	g_ptr_array_unref(contact->groups);
	g_free(contact);
}

static bool find_group(const struct contact *contact, const char *group, guint *index)
{
	for (guint i = 0; i < contact->groups->len; i++) {
		if (g_str_equal(g_ptr_array_index(contact->groups, i), group)) {
			*index = i;
			return true;
		}
	}
	return false;
}

/* NULL when it is not UTF-8. */
static char *compose(const char *name)
{
	return g_str_is_ascii(name) ? g_strdup(name) : g_utf8_normalize(name, -1, G_NORMALIZE_NFC);
}

void contact_add_group(struct contact *contact, const char *group)
{
	guint index;
	g_autofree char *composed = compose(group);
	if (composed == NULL || composed[0] == '\0' || find_group(contact, composed, &index))
		return;
	const GPtrArray *groups = contact->groups;
	bool last = groups->len == 0 ||
	            strcmp(g_ptr_array_index(groups, groups->len - 1), composed) < 0;
	g_ptr_array_add(contact->groups, g_steal_pointer(&composed));
	if (!last)
		g_ptr_array_sort(contact->groups, compare_names);
}

void contact_remove_group(struct contact *contact, const char *group)
{
	guint index;
	if (find_group(contact, group, &index))
		g_ptr_array_remove_index(contact->groups, index);
}

bool contact_in_group(const struct contact *contact, const char *group)
{
	guint index;
	return find_group(contact, group, &index);
}

bool contact_same_groups(const struct contact *a, const struct contact *b)
{
	if (a->groups->len != b->groups->len)
		return false;
	for (guint i = 0; i < a->groups->len; i++)
		if (!g_str_equal(g_ptr_array_index(a->groups, i), g_ptr_array_index(b->groups, i)))
			return false;
	return true;
}

static const char *or_empty(const char *text)
{
	return text != NULL ? text : "";
}

bool contact_equal(const struct contact *a, const struct contact *b)
{
	return g_str_equal(a->key, b->key) && g_str_equal(or_empty(a->name), or_empty(b->name)) &&
	       g_str_equal(or_empty(a->tel_uri), or_empty(b->tel_uri)) && contact_same_groups(a, b);
}

static bool says_no_more(const char *a, const char *b)
{
	return b == NULL || b[0] == '\0' || g_str_equal(or_empty(a), b);
}

bool contact_covers(const struct contact *a, const struct contact *b)
{
	bool covers = g_str_equal(a->key, b->key) && says_no_more(a->name, b->name) &&
	              says_no_more(a->tel_uri, b->tel_uri);
	for (guint i = 0; covers && i < b->groups->len; i++)
		covers = contact_in_group(a, g_ptr_array_index(b->groups, i));
	return covers;
}

char *contact_hash(const struct contact *contact)
{
	struct digest *sum = digest_begin();
	/* Each field with its ending NUL, so that no two contacts give the same bytes. */
	const char *const fields[] = {
	        contact->key, or_empty(contact->name), or_empty(contact->tel_uri)};
	for (unsigned i = 0; i < G_N_ELEMENTS(fields); i++)
		digest_add_text(sum, fields[i]);
	for (guint i = 0; i < contact->groups->len; i++)
		digest_add_text(sum, g_ptr_array_index(contact->groups, i));
	return digest_end(sum);
}

struct group *group_new(const char *name, enum group_kind kind)
{
	struct group *group = g_new0(struct group, 1);
	group->name = g_strdup(name);
	group->kind = kind;
	return group;
}

struct group *group_copy(const struct group *group)
{
	struct group *copy = group_new(group->name, group->kind);
	copy->smtp = g_strdup(group->smtp);
	copy->store_id = g_strdup(group->store_id);
	copy->change_key = g_strdup(group->change_key);
	return copy;
}

void group_free(struct group *group)
{
	g_free(group->name);
	g_free(group->smtp);
	g_free(group->store_id);
	g_free(group->change_key);
	g_free(group);
}

bool group_is_set(const struct group *group)
{
	return group->kind == GROUP_KIND_USER || group->kind == GROUP_KIND_FAVORITES ||
	       group->kind == GROUP_KIND_TAGGED;
}

static const char *const kind_names[] = {
        [GROUP_KIND_USER] = "user",
        [GROUP_KIND_DISTRIBUTION] = "distribution",
        [GROUP_KIND_TAGGED] = "tagged",
        [GROUP_KIND_OTHER] = "other",
        [GROUP_KIND_FAVORITES] = "favorites",
};

const char *group_kind_name(enum group_kind kind)
{
	return kind_names[kind];
}

bool group_kind_parse(const char *name, enum group_kind *kind)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(kind_names); i++) {
		if (g_str_equal(name, kind_names[i])) {
			*kind = (enum group_kind)i;
			return true;
		}
	}
	return false;
}
