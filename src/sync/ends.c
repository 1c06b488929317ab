#include "sync/ends.h"

#include "core/log.h"

#include <string.h>

static bool session_confirm(void *data, GError **error)
{
	struct mail_end_session *end = data;
	autoptr(ews_mailbox_info) info = NULL;
	return ews_confirm_mailbox(end->session, &info, error);
}

static bool session_changes(void *data, const char *state_in, const struct ews_contacts_sink *sink,
        char **state_out, bool *full, GError **error)
{
	struct mail_end_session *end = data;
	return ews_contacts_changes(
	        end->session, end->dialect, state_in, sink, state_out, full, error);
}

static bool session_create(void *data, const struct ews_contact_new *contacts, size_t n,
        struct ews_outcome *outcomes, GError **error)
{
	struct mail_end_session *end = data;
	return ews_contacts_create(end->session, end->dialect, contacts, n, outcomes, error);
}

static bool session_update(void *data, const struct ews_item_ref *ref, const struct contact *before,
        const struct contact *after, struct ews_item_ref *out, GError **error)
{
	struct mail_end_session *end = data;
	return ews_contact_update(end->session, end->dialect, ref, before, after, out, error);
}

static bool session_remove(
        void *data, const struct ews_item_ref *ref, const struct contact *before, GError **error)
{
	struct mail_end_session *end = data;
	return ews_contact_delete(end->session, end->dialect, ref, before, error);
}

static bool session_find(
        void *data, const char *address, const char *op_uuid, GPtrArray *found, GError **error)
{
	struct mail_end_session *end = data;
	return ews_contact_find(end->session, end->dialect, address, op_uuid, found, error);
}

static bool session_rename_group(
        void *data, const struct group *group, const char *name, GError **error)
{
	struct mail_end_session *end = data;
	return ews_group_rename(end->session, end->dialect, group, name, error);
}

static bool session_migration_completed(void *data, bool completed, GError **error)
{
	struct mail_end_session *end = data;
	return ews_migration_completed(end->session, end->dialect, completed, error);
}

static bool session_check(void *data, ews_check_fn tell, void *tell_data, GError **error)
{
	struct mail_end_session *end = data;
	return ews_contacts_check(end->session, end->dialect, tell, tell_data, error);
}

static bool session_photo(
        void *data, const char *item_id, size_t max_bytes, GBytes **photo, GError **error)
{
	const struct mail_end_session *end = data;
	return ews_contact_photo(end->session, item_id, max_bytes, photo, error);
}

struct mail_end mail_end_of_session(struct mail_end_session *session)
{
	static const struct mail_end_driver driver = {
	        .confirm = session_confirm,
	        .changes = session_changes,
	        .create = session_create,
	        .update = session_update,
	        .remove = session_remove,
	        .find = session_find,
	        .rename_group = session_rename_group,
	        .migration_completed = session_migration_completed,
	        .check = session_check,
	        .photo = session_photo,
	};
	return (struct mail_end){&driver, session, session->dialect};
}

static char *source_version(void *data, const char *owner, GError **error)
{
	const struct im_end_source *end = data;
	return im_source_roster_version(end->source, owner, error);
}

static bool source_went_back(void *data, const char *before, const char *now)
{
	const struct im_end_source *end = data;
	return im_source_roster_went_back(end->source, before, now);
}

static void log_odd(void *data, const struct im_odd *odd)
{
	(void)data;
	log_warn("contacts.odd", "%s of %s: contact %s was left out: %s (%s)", odd->what,
	        odd->owner != NULL ? odd->owner : "-", odd->key != NULL ? odd->key : "-",
	        odd->detail, odd->reason);
}

/* The one name of the person; the entry's own where the map knows none. Owned. */
static char *one_name(const struct im_end_source *end, const char *key)
{
	g_autoptr(GError) unmapped = NULL;
	g_autofree char *mail = usermap_to_mail(end->map, key, &unmapped);
	char *name = mail != NULL ? usermap_to_im(end->map, mail, &unmapped) : NULL;
	return name != NULL ? name : g_strdup(key);
}

static void note_spelling(struct im_end_source *end, const char *name, const char *key)
{
	GPtrArray *keys = g_hash_table_lookup(end->spellings, name);
	if (keys == NULL) {
		keys = g_ptr_array_new_with_free_func(g_free);
		g_hash_table_insert(end->spellings, g_strdup(name), keys);
	}
	g_ptr_array_add(keys, g_strdup(key));
}

/* The entry under the one name tells what the person is called, the groups are those of both. */
static void join(struct contact *one, const struct contact *other, bool other_is_main)
{
	for (guint i = 0; i < other->groups->len; i++)
		contact_add_group(one, g_ptr_array_index(other->groups, i));
	if (other->name == NULL || (one->name != NULL && !other_is_main))
		return;
	g_free(one->name);
	one->name = g_strdup(other->name);
}

static int by_key(gconstpointer a, gconstpointer b)
{
	const struct contact *const *first = a, *const *second = b;
	return strcmp((*first)->key, (*second)->key);
}

static void unite(struct im_end_source *end, struct im_roster *roster)
{
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
	g_hash_table_remove_all(end->spellings);
	for (guint i = 0; i < roster->contacts->len;) {
		struct contact *contact = g_ptr_array_index(roster->contacts, i);
		g_autofree char *name = one_name(end, contact->key);
		bool main = g_str_equal(name, contact->key);
		struct contact *one = g_hash_table_lookup(seen, name);
		note_spelling(end, name, contact->key);
		if (one != NULL) {
			join(one, contact, main);
			g_ptr_array_remove_index(roster->contacts, i);
			continue;
		}
		if (!main) {
			g_free(contact->key);
			contact->key = g_strdup(name);
		}
		g_hash_table_insert(seen, contact->key, contact);
		i++;
	}
	g_ptr_array_sort(roster->contacts, by_key);
}

static void free_keys(void *keys)
{
	g_ptr_array_unref(keys);
}

static struct im_roster *source_read(void *data, const char *owner, GError **error)
{
	struct im_end_source *end = data;
	struct im_roster *roster = im_source_roster_read(end->source, owner, log_odd, NULL, error);
	if (roster == NULL)
		return NULL;
	if (end->spellings == NULL)
		end->spellings = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_keys);
	g_free(end->owner);
	end->owner = g_strdup(owner);
	unite(end, roster);
	return roster;
}

/* The roster's own keys of a person; NULL with *error set when the roster cannot be read. */
static GPtrArray *entries_of(
        struct im_end_source *end, const char *owner, const char *key, GError **error)
{
	if (g_strcmp0(end->owner, owner) != 0) {
		struct im_roster *roster = source_read(end, owner, error);
		if (roster == NULL)
			return NULL;
		im_roster_free(roster);
	}
	GPtrArray *keys = g_hash_table_lookup(end->spellings, key);
	if (keys != NULL)
		return g_ptr_array_ref(keys);
	keys = g_ptr_array_new_with_free_func(g_free);
	g_ptr_array_add(keys, g_strdup(key));
	return keys;
}

/* contact NULL: removes the person. */
static bool write_entries(struct im_end_source *end, const char *owner, const char *key,
        const struct contact *contact, char **version, GError **error)
{
	g_autoptr(GPtrArray) keys = entries_of(end, owner, key, error);
	bool good = keys != NULL;
	for (guint i = 0; good && i < keys->len; i++) {
		const char *own = g_ptr_array_index(keys, i);
		autoptr(contact) copy = contact != NULL ? contact_copy(contact) : NULL;
		if (version != NULL)
			g_clear_pointer(version, g_free);
		if (copy == NULL) {
			good = im_source_roster_remove(end->source, owner, own, version, error);
			continue;
		}
		g_free(copy->key);
		copy->key = g_strdup(own);
		good = im_source_roster_set(end->source, owner, copy, version, error);
	}
	return good;
}

static bool source_set(void *data, const char *owner, const struct contact *contact, char **version,
        GError **error)
{
	return write_entries(data, owner, contact->key, contact, version, error);
}

static bool source_remove(
        void *data, const char *owner, const char *key, char **version, GError **error)
{
	return write_entries(data, owner, key, NULL, version, error);
}

struct im_end im_end_of_source(struct im_end_source *end)
{
	static const struct im_end_driver driver = {
	        .version = source_version,
	        .went_back = source_went_back,
	        .read = source_read,
	        .set = source_set,
	        .remove = source_remove,
	};
	return (struct im_end){&driver, end, im_source_writable(end->source), false};
}

void im_end_source_clear(struct im_end_source *end)
{
	g_clear_pointer(&end->spellings, g_hash_table_unref);
	g_clear_pointer(&end->owner, g_free);
}
