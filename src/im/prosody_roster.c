#include "core/address.h"
#include "im/prosody_json.h"
#include "im/prosody_private.h"

#include <string.h>

struct reading {
	struct im_source *source;
	const char *owner;
	im_odd_fn odd;
	void *data;
	struct im_roster *roster;
	GHashTable *seen; /* key -> the row's value, of what was read so far */
	char *meta; /* value of the roster's own row, or NULL */
	int64_t rows; /* without the roster's own */
	bool any; /* the owner has rows at all */
};

/* Takes the error. */
static void tell_odd(struct reading *reading, const char *key, const char *reason, GError *cause)
{
	const struct im_odd odd = {.what = "roster",
	        .owner = reading->owner,
	        .key = key,
	        .reason = reason != NULL ? reason : error_reason(cause),
	        .detail = cause != NULL ? cause->message : NULL};
	if (reading->odd != NULL)
		reading->odd(reading->data, &odd);
	g_clear_error(&cause);
}

static void tell_odd_text(
        struct reading *reading, const char *key, const char *reason, const char *detail)
{
	tell_odd(reading, key, reason, g_error_new_literal(IMEX_ERROR, ERROR_ITEM, detail));
}

char *prosody_contact_key(const char *row_key, GError **error)
{
	/* The roster's own row; and before 0.11 the requests had a row named so. */
	if (row_key[0] == '\0' || g_str_equal(row_key, "pending"))
		return NULL;
	return address_canonical(row_key, error);
}

static void remove_key(GPtrArray *keys, const char *key)
{
	for (guint i = 0; i < keys->len; i++)
		if (g_str_equal(g_ptr_array_index(keys, i), key)) {
			g_ptr_array_remove_index(keys, i);
			return;
		}
}

static void remove_contact(GPtrArray *contacts, const char *key)
{
	for (guint i = 0; i < contacts->len; i++) {
		const struct contact *contact = g_ptr_array_index(contacts, i);
		if (g_str_equal(contact->key, key)) {
			g_ptr_array_remove_index(contacts, i);
			return;
		}
	}
}

/* A row that stands twice counts once: the last is what Prosody uses. */
static void forget_earlier(struct reading *reading, const char *key, const char *value)
{
	const char *before = g_hash_table_lookup(reading->seen, key);
	if (before == NULL)
		return;
	if (!g_str_equal(before, value))
		tell_odd_text(reading, key, "row.duplicate",
		        "A contact has several rows with different values; the last one counts");
	remove_contact(reading->roster->contacts, key);
	remove_key(reading->roster->unreadable, key);
}

static void read_contact(
        struct reading *reading, const char *row_key, const char *type, const char *value)
{
	GError *cause = NULL;
	g_autofree char *key = prosody_contact_key(row_key, &cause);
	if (key == NULL) {
		if (cause != NULL)
			tell_odd(reading, row_key, NULL, cause);
		return;
	}
	/* Gateways and servers are no people: they have no place in a list of contacts. */
	if (strchr(key, '@') == NULL)
		return;
	forget_earlier(reading, key, value);
	g_hash_table_replace(reading->seen, g_strdup(key), g_strdup(value));

	autoptr(contact) contact = contact_new(key, NULL);
	bool good = g_str_equal(type, "json");
	if (!good)
		error_set(&cause, ERROR_ITEM, "row.type",
		        "A contact's row is of type \"%s\" instead of \"json\"; it is left as it "
		        "is",
		        type);
	else
		good = prosody_json_read(value, strlen(value), contact, &cause);
	if (good) {
		g_ptr_array_add(reading->roster->contacts, g_steal_pointer(&contact));
		return;
	}
	g_ptr_array_add(reading->roster->unreadable, g_strdup(key));
	tell_odd(reading, key, NULL, cause);
}

static void read_meta(struct reading *reading, const char *value)
{
	GError *cause = NULL;
	int64_t version;
	g_autoptr(GPtrArray) raw = g_ptr_array_new_with_free_func(g_free);
	g_free(reading->meta);
	reading->meta = g_strdup(value);
	if (!prosody_json_meta(value, strlen(value), &version, raw, &cause)) {
		tell_odd(reading, "", NULL, cause);
		return;
	}
	g_ptr_array_set_size(reading->roster->requests, 0);
	for (guint i = 0; i < raw->len; i++) {
		char *address = address_canonical(g_ptr_array_index(raw, i), NULL);
		if (address != NULL)
			g_ptr_array_add(reading->roster->requests, address);
	}
}

/* Stores of who may see or reach the owner; true when the row is of one of them. */
static bool read_privacy(
        struct reading *reading, const char *store, const char *key, const char *value)
{
	bool blocked = g_str_equal(store, "blocklist"), lists = g_str_equal(store, "privacy");
	GError *cause = NULL;
	unsigned rules = blocked && key[0] != '\0';
	if (lists && g_str_equal(key, "lists") &&
	        !prosody_json_privacy(value, strlen(value), &rules, &cause))
		tell_odd(reading, key, NULL, cause);
	reading->roster->privacy_levels += rules;
	return blocked || lists;
}

static bool read_row(struct reading *reading, const struct db_result *result, GError **error)
{
	const char *key = db_column_text(result, 1);
	const char *type = db_column_text(result, 2);
	const char *value = db_column_text(result, 3);

	if (read_privacy(reading, db_column_text(result, 0), key, value))
		return true;
	reading->any = true;
	if (!g_str_equal(db_column_text(result, 0), "roster"))
		return true;
	if (key[0] != '\0')
		reading->rows++;
	if (!g_utf8_validate(key, -1, NULL))
		tell_odd_text(reading, NULL, "row.encoding",
		        "The key of a row of the contact list is not UTF-8; it is left as it is");
	else if (key[0] == '\0')
		read_meta(reading, value);
	else
		read_contact(reading, key, type, value);
	if (reading->rows <= IM_ROSTER_MAX)
		return true;
	error_set(error, ERROR_MAILBOX, "source.too_large",
	        "The contact list of %s has more than %d contacts: shorten it on the IM side",
	        reading->owner, IM_ROSTER_MAX);
	return false;
}

/*
 * One statement, so that the rows are of one moment. Passwords stand in store "accounts": only that
 * there is an account is of interest.
 */
static bool read_rows(struct reading *reading, struct db *db, GError **error)
{
	const struct prosody *prosody = prosody_of(reading->source);
	g_autofree char *user = NULL, *host = NULL;
	prosody_split(prosody, reading->owner, &user, &host);
	autoptr(db_result) result = db_query(db,
	        db_kind(db) == DB_SQLITE
	                ? "SELECT p.store, p.key, p.type, "
	                  "CASE WHEN p.store IN ('roster', 'privacy') THEN p.value ELSE '' END "
	                  "FROM "
	                  "prosody p "
	                  "WHERE p.host = $1 AND p.\"user\" = $2 AND p.store IN ('roster', "
	                  "'accounts', 'blocklist', 'privacy') ORDER BY p.rowid"
	                : "SELECT p.store, p.key, p.type, "
	                  "CASE WHEN p.store IN ('roster', 'privacy') THEN p.value ELSE '' END "
	                  "FROM "
	                  "prosody p "
	                  "WHERE p.host = $1 AND p.\"user\" = $2 AND p.store IN ('roster', "
	                  "'accounts', 'blocklist', 'privacy') ORDER BY p.ctid",
	        DB_VALUES(db_text(host), db_text(user)), error);
	if (result == NULL)
		return false;
	int more;
	while ((more = db_next(result, error)) > 0)
		if (!read_row(reading, result, error))
			return false;
	return more == 0;
}

static bool read_all(struct reading *reading, struct db *db, GError **error)
{
	if (!read_rows(reading, db, error))
		return false;
	if (!reading->any)
		return prosody_no_owner(reading->source, reading->owner, error);
	reading->roster->version = prosody_version(reading->meta, reading->rows);
	im_roster_sort(reading->roster);
	return true;
}

struct im_roster *prosody_roster_read(
        struct im_source *source, const char *owner, im_odd_fn odd, void *data, GError **error)
{
	autoptr(im_roster) roster = im_roster_new();
	struct reading reading = {.source = source,
	        .owner = owner,
	        .odd = odd,
	        .data = data,
	        .roster = roster,
	        .seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free)};
	bool good = read_all(&reading, prosody_of(source)->db, error);
	g_hash_table_unref(reading.seen);
	g_free(reading.meta);
	return good ? g_steal_pointer(&roster) : NULL;
}
