/*
 * Writing a roster item by SQL, while Prosody is stopped: the row is deleted and inserted anew, as
 * Prosody does, because nothing else keeps it from standing twice; the version in the roster's own
 * row goes up, so that clients that kept a copy learn of the change.
 */
#include "im/prosody_json.h"
#include "im/prosody_private.h"

#include <string.h>

/* What the roster holds of one contact now. */
struct found {
	GPtrArray *row_keys; /* char *: how its rows spell the key */
	char *value; /* of the last row; NULL when there is none */
	char *type;
	char *meta; /* of the roster's own row; NULL when there is none */
	unsigned meta_rows;
	int64_t contacts; /* rows of the roster without its own */
	bool any; /* the owner has rows at all */
};

static void found_clear(struct found *found)
{
	g_ptr_array_unref(found->row_keys);
	g_free(found->value);
	g_free(found->type);
	g_free(found->meta);
}

static void find_in_row(struct found *found, const struct db_result *result, const char *key)
{
	const char *row_key = db_column_text(result, 1);
	found->any = true;
	if (!g_str_equal(db_column_text(result, 0), "roster"))
		return;
	if (row_key[0] == '\0') {
		g_free(found->meta);
		found->meta = db_column_dup(result, 3);
		found->meta_rows++;
		return;
	}
	found->contacts++;
	g_autofree char *canonical = prosody_contact_key(row_key, NULL);
	if (g_strcmp0(canonical, key) != 0)
		return;
	g_ptr_array_add(found->row_keys, g_strdup(row_key));
	g_free(found->value);
	g_free(found->type);
	found->type = db_column_dup(result, 2);
	found->value = db_column_dup(result, 3);
}

static bool find(struct db *db, const char *host, const char *user, const char *key,
        struct found *found, GError **error)
{
	autoptr(db_result) result = db_query(db,
	        db_kind(db) == DB_SQLITE
	                ? "SELECT p.store, p.key, p.type, "
	                  "CASE p.store WHEN 'roster' THEN p.value ELSE '' END FROM prosody p "
	                  "WHERE p.host = $1 AND p.\"user\" = $2 AND p.store IN ('roster', "
	                  "'accounts') ORDER BY p.rowid"
	                : "SELECT p.store, p.key, p.type, "
	                  "CASE p.store WHEN 'roster' THEN p.value ELSE '' END FROM prosody p "
	                  "WHERE p.host = $1 AND p.\"user\" = $2 AND p.store IN ('roster', "
	                  "'accounts') ORDER BY p.ctid FOR UPDATE",
	        DB_VALUES(db_text(host), db_text(user)), error);
	if (result == NULL)
		return false;
	int more;
	while ((more = db_next(result, error)) > 0)
		find_in_row(found, result, key);
	return more == 0;
}

static bool replace(struct db *db, const char *host, const char *user, const char *old_key,
        const char *new_key, const char *value, GError **error)
{
	if (!db_run(db,
	            "DELETE FROM prosody WHERE host = $1 AND \"user\" = $2 AND store = 'roster' "
	            "AND "
	            "key = $3",
	            DB_VALUES(db_text(host), db_text(user), db_text(old_key)), error))
		return false;
	return value == NULL ||
	       db_run(db,
	               "INSERT INTO prosody (host, \"user\", store, key, type, value) "
	               "VALUES ($1, $2, 'roster', $3, 'json', $4)",
	               DB_VALUES(db_text(host), db_text(user), db_text(new_key), db_text(value)),
	               error);
}

/* Whether the one row that is there holds this already. */
static bool is_so(const struct found *found, const struct contact *contact)
{
	if (contact == NULL)
		return found->row_keys->len == 0;
	autoptr(contact) now = contact_new(contact->key, NULL);
	if (found->row_keys->len != 1 || g_strcmp0(found->type, "json") != 0 ||
	        !prosody_json_read(found->value, strlen(found->value), now, NULL))
		return false;
	return g_strcmp0(now->name, contact->name) == 0 && contact_same_groups(now, contact);
}

static bool new_value(
        const struct found *found, const struct contact *contact, char **value, GError **error)
{
	*value = NULL;
	if (contact == NULL)
		return true;
	*value = prosody_json_change(found->value, contact, error);
	return *value != NULL;
}

struct target {
	const char *owner, *key;
	const struct contact *contact; /* NULL: remove */
	char *user, *host;
};

static bool write_rows(struct db *db, const struct target *target, const struct found *found,
        char **meta, GError **error)
{
	int64_t number;
	g_autofree char *value = NULL;
	*meta = prosody_json_meta_bump(found->meta, &number, error);
	if (*meta == NULL || !new_value(found, target->contact, &value, error))
		return false;
	const char *spelled = target->key;
	for (guint i = 0; i < found->row_keys->len; i++) {
		spelled = g_ptr_array_index(found->row_keys, i);
		if (!replace(db, target->host, target->user, spelled, NULL, NULL, error))
			return false;
	}
	return (value == NULL ||
	               replace(db, target->host, target->user, spelled, spelled, value, error)) &&
	       replace(db, target->host, target->user, "", "", *meta, error);
}

static bool write_found(struct im_source *source, struct db *db, const struct target *target,
        struct found *found, char **version, GError **error)
{
	if (!find(db, target->host, target->user, target->key, found, error))
		return false;
	if (!found->any)
		return prosody_no_owner(source, target->owner, error);
	g_autofree char *meta = g_strdup(found->meta);
	int64_t contacts = found->contacts;
	if (!is_so(found, target->contact)) {
		g_clear_pointer(&meta, g_free);
		if (!write_rows(db, target, found, &meta, error))
			return false;
		contacts += (target->contact != NULL ? 1 : 0) - (int64_t)found->row_keys->len;
	}
	if (!db_commit(db, error))
		return false;
	if (version != NULL)
		*version = prosody_version(meta, contacts);
	return true;
}

static void explain(const struct im_source *source, const struct target *target, GError **error)
{
	g_autoptr(GError) cause = g_steal_pointer(error);
	if (error_is(cause, "db.busy"))
		error_set(error, ERROR_RETRY, "source.busy",
		        "The contact list of %s cannot be written, because somebody else holds the "
		        "database of source %s: write = sql-offline needs the IM server to be "
		        "stopped",
		        target->owner, source->name);
	else if (g_str_has_prefix(error_reason(cause), "json."))
		error_set(error, ERROR_ITEM, "source.unreadable",
		        "The row of %s in the contact list of %s cannot be understood and is left "
		        "as it "
		        "is (%s): correct it in the database of source %s",
		        target->key, target->owner, cause->message, source->name);
	else
		*error = g_steal_pointer(&cause);
}

bool prosody_roster_write(struct im_source *source, const char *owner, const char *key,
        const struct contact *contact, char **version, GError **error)
{
	struct prosody *prosody = prosody_of(source);
	struct db *db = prosody_writer(prosody, error);
	if (db == NULL)
		return false;
	struct target target = {.owner = owner, .key = key, .contact = contact};
	struct found found = {.row_keys = g_ptr_array_new_with_free_func(g_free)};
	GError *cause = NULL;
	prosody_split(prosody, owner, &target.user, &target.host);
	bool good =
	        db_begin(db, &cause) && write_found(source, db, &target, &found, version, &cause);
	db_rollback(db);
	if (!good) {
		explain(source, &target, &cause);
		g_propagate_error(error, cause);
	}
	found_clear(&found);
	g_free(target.user);
	g_free(target.host);
	return good;
}
