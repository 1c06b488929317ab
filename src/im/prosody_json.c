#include "im/prosody_json.h"

#include "core/error.h"
#include "wire/json.h"

#include <string.h>

#define MAX_BYTES (1024u * 1024)
#define MAX_DEPTH 24u

static bool fail(GError **error, const char *what)
{
	error_set(error, ERROR_ITEM, "json.member", "%s; the row is left out", what);
	return false;
}

static bool parse(const char *value, size_t len, json_t **root, GError **error)
{
	if (!json_parse_limited(value, len, MAX_BYTES, MAX_DEPTH, root, error))
		return false;
	if (json_is_object(*root))
		return true;
	json_decref(*root);
	*root = NULL;
	return fail(error, "The value is not an object");
}

static bool read_name(const json_t *root, struct contact *contact, GError **error)
{
	const char *name;
	if (!json_want_text(root, "name", &name, error))
		return false;
	g_free(contact->name);
	contact->name = name != NULL && name[0] != '\0' ? g_strdup(name) : NULL;
	return true;
}

/* A set: names are the members of an object, or (an empty table, or an old export) a list. */
static bool read_groups(const json_t *root, struct contact *contact, GError **error)
{
	const json_t *groups = json_object_get(root, "groups");
	const char *name;
	json_t *item;
	size_t i;

	if (groups == NULL || json_is_null(groups))
		return true;
	if (json_is_object(groups)) {
		json_object_foreach ((json_t *)(uintptr_t)groups, name, item)
			if (!json_is_false(item))
				contact_add_group(contact, name);
		return true;
	}
	if (!json_is_array(groups))
		return fail(error, "The groups of a contact are not a set of names");
	json_array_foreach (groups, i, item) {
		if (!json_is_string(item))
			return fail(error, "The groups of a contact are not a set of names");
		contact_add_group(contact, json_string_value(item));
	}
	return true;
}

bool prosody_json_read(const char *value, size_t len, struct contact *contact, GError **error)
{
	json_auto_t *root = NULL;
	if (!parse(value, len, &root, error))
		return false;
	return read_name(root, contact, error) && read_groups(root, contact, error);
}

/* The old spelling of a group that stays is kept; only new ones are written in ours. */
static json_t *changed_groups(const json_t *old, const struct contact *contact)
{
	json_t *groups = json_object();
	g_autoptr(GHashTable) kept = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	const char *name;
	json_t *item;

	json_object_foreach ((json_t *)(uintptr_t)old, name, item) {
		g_autofree char *composed = g_utf8_normalize(name, -1, G_NORMALIZE_NFC);
		if (composed == NULL || !contact_in_group(contact, composed))
			continue;
		json_object_set_new(groups, name, json_true());
		g_hash_table_add(kept, g_steal_pointer(&composed));
	}
	for (guint i = 0; i < contact->groups->len; i++) {
		name = g_ptr_array_index(contact->groups, i);
		if (!g_hash_table_contains(kept, name))
			json_object_set_new(groups, name, json_true());
	}
	return groups;
}

static char *print(const json_t *root)
{
	char *text = json_dumps(root, JSON_COMPACT);
	char *owned = g_strdup(text);
	free(text);
	return owned;
}

char *prosody_json_change(const char *value, const struct contact *contact, GError **error)
{
	json_auto_t *root = NULL;
	if (value == NULL) {
		root = json_object();
		json_object_set_new(root, "subscription", json_string("none"));
	} else if (!parse(value, strlen(value), &root, error)) {
		return NULL;
	}
	if (contact->name != NULL)
		json_object_set_new(root, "name", json_string(contact->name));
	else
		json_object_del(root, "name");
	json_object_set_new(
	        root, "groups", changed_groups(json_object_get(root, "groups"), contact));
	return print(root);
}

/* The object with version and pending: behind the key `false` of the list, or the whole. */
static json_t *find_meta(json_t *root)
{
	json_t *list = json_object_get(root, "__hash");
	if (list == NULL)
		return root;
	for (size_t i = 0; i + 1 < json_array_size(list); i += 2)
		if (json_is_false(json_array_get(list, i)))
			return json_array_get(list, i + 1);
	return NULL;
}

static void collect_requests(json_t *meta, GPtrArray *requests)
{
	const char *address;
	json_t *item;
	json_object_foreach (json_object_get(meta, "pending"), address, item)
		if (!json_is_false(item) && address[0] != '\0')
			g_ptr_array_add(requests, g_strdup(address));
}

bool prosody_json_meta(
        const char *value, size_t len, int64_t *version, GPtrArray *requests, GError **error)
{
	json_auto_t *root = NULL;
	if (!parse(value, len, &root, error))
		return false;
	json_t *meta = find_meta(root);
	if (!json_is_object(meta))
		return fail(error, "The roster's own row has no version");
	const json_t *number = json_object_get(meta, "version");
	/* Lua writes whole numbers as such, but has no integers of its own before 5.3. */
	double real = json_number_value(number);
	if (number != NULL && (!json_is_number(number) || !(real >= 0 && real < 9e15)))
		return fail(error, "The roster's version is not a number");
	*version = number != NULL ? (int64_t)real : -1;
	if (requests != NULL)
		collect_requests(meta, requests);
	return true;
}

char *prosody_json_meta_bump(const char *value, int64_t *version, GError **error)
{
	static const char fresh[] = "{\"__hash\":[false,{\"pending\":{},\"version\":0}]}";
	int64_t before;
	json_auto_t *root = NULL;

	if (value == NULL)
		value = fresh;
	if (!prosody_json_meta(value, strlen(value), &before, NULL, error) ||
	        !parse(value, strlen(value), &root, error))
		return NULL;
	*version = MAX(before, 0) + 1;
	json_object_set_new(find_meta(root), "version", json_integer(*version));
	return print(root);
}

bool prosody_json_privacy(const char *value, size_t len, unsigned *rules, GError **error)
{
	json_auto_t *root = NULL;
	const char *name;
	json_t *list;
	*rules = 0;
	/* Lua has one kind of table: without lists it may be written as an empty array. */
	if (g_str_equal(value, "[]"))
		return true;
	if (!parse(value, len, &root, error))
		return false;
	json_object_foreach (root, name, list) {
		const json_t *items = json_object_get(list, "items");
		*rules += (unsigned)(json_array_size(items) + json_object_size(items));
	}
	return true;
}

static bool is_anonymous(const json_t *root)
{
	const json_t *whois = json_object_get(root, "whois");
	return !json_is_string(whois) || !g_str_equal(json_string_value(whois), "anyone");
}

bool prosody_json_room(
        const char *value, size_t len, struct prosody_json_room *room, GError **error)
{
	json_auto_t *root = NULL;
	const char *name, *salt;
	if (!parse(value, len, &root, error) || !json_want_text(root, "name", &name, error) ||
	        !json_want_text(root, "occupant_id_salt", &salt, error))
		return false;
	room->name = name != NULL && name[0] != '\0' ? g_strdup(name) : NULL;
	room->salt = g_strdup(salt);
	room->anonymous = is_anonymous(root);
	return true;
}

void prosody_json_room_clear(struct prosody_json_room *room)
{
	g_free(room->name);
	g_free(room->salt);
	*room = (struct prosody_json_room){0};
}
