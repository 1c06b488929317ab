/*
 * Rooms of Prosody's MUC: rows of the component's host. user='' store='persistent' lists them by
 * key; user=ROOM store='config' holds "_data" (JSON) and one row per affiliated address.
 *
 * An occupant id is base64(HMAC-SHA256(key = bare JID, message = the room's salt)) (Prosody 0.12,
 * plugins/muc/occupant_id.lib.lua), so that it can be matched against the addresses that are known.
 */
#include "core/address.h"
#include "core/clock.h"
#include "im/prosody_json.h"
#include "im/prosody_private.h"

#include <string.h>

#define PEOPLE_FRESH_US (300 * CLOCK_US_PER_S)

struct people {
	GHashTable *by_id; /* occupant id -> canonical address */
	int64_t loaded_mono_us;
};

static void people_free(gpointer data)
{
	struct people *people = data;
	g_hash_table_unref(people->by_id);
	g_free(people);
}

static void add_person(struct people *people, const char *salt, const char *jid)
{
	guint8 digest[32];
	gsize len = sizeof(digest);
	char *address = address_canonical(jid, NULL);
	if (address == NULL)
		return;
	GHmac *hmac = g_hmac_new(G_CHECKSUM_SHA256, (const guchar *)jid, strlen(jid));
	g_hmac_update(hmac, (const guchar *)salt, (gssize)strlen(salt));
	g_hmac_get_digest(hmac, digest, &len);
	g_hmac_unref(hmac);
	g_hash_table_replace(people->by_id, g_base64_encode(digest, len), address);
}

static bool read_salt(
        struct db *db, const char *user, const char *host, char **salt, GError **error)
{
	g_autofree char *value = NULL;
	struct prosody_json_room room = {0};
	if (!db_get_text(db,
	            "SELECT p.value FROM prosody p WHERE p.host = $1 AND p.\"user\" = $2 AND "
	            "p.store = 'config' AND p.key = '_data'",
	            DB_VALUES(db_text(host), db_text(user)), &value, error))
		return false;
	/* A configuration that cannot be understood tells no salt: nicknames stay nicknames. */
	if (value != NULL && prosody_json_room(value, strlen(value), &room, NULL))
		*salt = g_steal_pointer(&room.salt);
	prosody_json_room_clear(&room);
	return true;
}

static bool load_people(struct db *db, struct people *people, const char *user, const char *host,
        const char *salt, GError **error)
{
	autoptr(db_result) result = db_query(db,
	        "SELECT DISTINCT p.\"user\", p.host FROM prosody p "
	        "WHERE p.store IN ('roster', 'accounts') AND p.\"user\" <> '' "
	        "UNION SELECT p.key, '' FROM prosody p WHERE p.host = $1 AND p.\"user\" = $2 AND "
	        "p.store = 'config' AND p.type = 'string'",
	        DB_VALUES(db_text(host), db_text(user)), error);
	if (result == NULL)
		return false;
	int more;
	while ((more = db_next(result, error)) > 0) {
		const char *part = db_column_text(result, 1);
		g_autofree char *jid = part[0] == '\0'
		                               ? db_column_dup(result, 0)
		                               : address_join(db_column_text(result, 0), part);
		if (strchr(jid, '@') != NULL)
			add_person(people, salt, jid);
	}
	return more == 0;
}

static struct people *people_of(struct prosody *prosody, const char *room)
{
	if (prosody->rooms == NULL)
		prosody->rooms =
		        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, people_free);
	struct people *people = g_hash_table_lookup(prosody->rooms, room);
	if (people == NULL) {
		people = g_new0(struct people, 1);
		people->by_id = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
		g_hash_table_insert(prosody->rooms, g_strdup(room), people);
	}
	return people;
}

bool prosody_occupant(struct prosody *prosody, const char *user, const char *host,
        const char *occupant_id, char **found, GError **error)
{
	g_autofree char *room = address_join(user, host);
	g_autofree char *salt = NULL;
	struct people *people = people_of(prosody, room);
	const char *known = g_hash_table_lookup(people->by_id, occupant_id);
	int64_t now = clock_mono_us();
	bool stale = people->loaded_mono_us == 0 || now - people->loaded_mono_us > PEOPLE_FRESH_US;

	*found = NULL;
	/* Somebody unknown may be a user made since; but not every message is worth a look. */
	if (known == NULL && stale) {
		struct db *db = prosody_side(prosody, error);
		if (db == NULL || !read_salt(db, user, host, &salt, error) ||
		        (salt != NULL && !load_people(db, people, user, host, salt, error)))
			return false;
		people->loaded_mono_us = now;
		known = g_hash_table_lookup(people->by_id, occupant_id);
	}
	*found = g_strdup(known);
	return true;
}

struct listing {
	im_odd_fn odd;
	void *data;
	GPtrArray *rooms; /* struct im_room; the last is being read */
};

static void tell_odd(const struct listing *listing, const char *address, const GError *cause)
{
	const struct im_odd odd = {.what = "room",
	        .owner = address,
	        .reason = error_reason(cause),
	        .detail = cause->message};
	if (listing->odd != NULL)
		listing->odd(listing->data, &odd);
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void room_destroy(gpointer room)
{
	im_room_free(room);
}

static void read_config(const struct listing *listing, struct im_room *room, const char *value)
{
	g_autoptr(GError) cause = NULL;
	struct prosody_json_room config = {0};
	if (!prosody_json_room(value, strlen(value), &config, &cause)) {
		tell_odd(listing, room->address, cause);
	} else {
		room->name = g_steal_pointer(&config.name);
		room->anonymous = config.anonymous;
	}
	prosody_json_room_clear(&config);
}

static bool is_member(const char *affiliation)
{
	static const char *const inside[] = {"owner", "admin", "member", NULL};
	return g_strv_contains(inside, affiliation);
}

/* Rows come room by room. */
static struct im_room *room_of(struct listing *listing, const char *address)
{
	if (listing->rooms->len > 0) {
		struct im_room *last = g_ptr_array_index(listing->rooms, listing->rooms->len - 1);
		if (g_str_equal(last->address, address))
			return last;
	}
	struct im_room *room = im_room_new(address);
	g_ptr_array_add(listing->rooms, room);
	return room;
}

static void read_room_row(struct listing *listing, const struct db_result *result)
{
	const char *key = db_column_text(result, 2);
	const char *value = db_column_text(result, 3);
	g_autofree char *address = prosody_address(result, 0, 1);
	if (address == NULL)
		return;
	struct im_room *room = room_of(listing, address);
	if (g_str_equal(key, "_data")) {
		read_config(listing, room, value);
	} else if (strchr(key, '@') != NULL && is_member(value)) {
		char *member = address_canonical(key, NULL);
		if (member != NULL)
			g_ptr_array_add(room->members, member);
	}
}

static bool list_rooms(struct prosody *prosody, struct listing *listing, GError **error)
{
	autoptr(db_result) result = db_query(prosody->db,
	        "SELECT p.host, p.\"user\", p.key, p.value FROM prosody p WHERE p.store = 'config' "
	        "AND p.\"user\" <> '' AND EXISTS (SELECT 1 FROM prosody r WHERE r.host = p.host "
	        "AND "
	        "r.\"user\" = '' AND r.store = 'persistent') ORDER BY p.host, p.\"user\", p.key",
	        DB_NO_VALUES, error);
	if (result == NULL)
		return false;
	int more;
	while ((more = db_next(result, error)) > 0)
		read_room_row(listing, result);
	return more == 0;
}

bool prosody_rooms(
        struct im_source *source, im_room_fn each, im_odd_fn odd, void *data, GError **error)
{
	g_autoptr(GPtrArray) rooms = g_ptr_array_new_with_free_func(room_destroy);
	struct listing listing = {.odd = odd, .data = data, .rooms = rooms};
	if (!list_rooms(prosody_of(source), &listing, error))
		return false;
	for (guint i = 0; i < rooms->len; i++) {
		struct im_room *room = g_ptr_array_index(rooms, i);
		g_ptr_array_sort(room->members, compare_texts);
		if (!each(data, room, error))
			return false;
	}
	return true;
}
