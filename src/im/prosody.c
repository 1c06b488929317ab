#include "im/prosody_private.h"

#include "core/address.h"
#include "im/prosody_json.h"

#include <string.h>

#define URL_PREFIX "prosody+"

static const char *const schemes[] = {"prosody+sqlite", "prosody+postgresql", NULL};

static bool has_rows(struct db *db, const char *sql, bool *has, GError **error)
{
	int64_t number;
	return db_get_int64(db, sql, DB_NO_VALUES, &number, has, error);
}

/* Whether the engine knows the columns; a table of another program is told as such. */
static bool check_columns(struct prosody *prosody, const char *sql, GError **error)
{
	GError *cause = NULL;
	bool unused;
	if (has_rows(prosody->db, sql, &unused, &cause))
		return true;
	if (!error_is(cause, "db.sql")) {
		g_propagate_error(error, cause);
		return false;
	}
	g_clear_error(&cause);
	error_set(error, ERROR_CONFIG, "source.foreign",
	        "%s is a database, but without the tables prosody and prosodyarchive of Prosody's "
	        "mod_storage_sql: check the sql setting in prosody.cfg.lua and give that database",
	        db_name(prosody->db));
	return false;
}

static bool look_around(struct prosody *prosody, GError **error)
{
	if (!check_columns(prosody,
	            "SELECT 1 FROM prosody p WHERE p.host = '' AND p.\"user\" = '' AND p.store = "
	            "'' AND "
	            "p.key = '' AND p.type = '' AND p.value = ''",
	            error) ||
	        !check_columns(prosody,
	                "SELECT a.sort_id FROM prosodyarchive a WHERE a.host = '' AND a.\"user\" = "
	                "'' "
	                "AND a.store = '' AND a.key = '' AND a.\"when\" = 0 AND a.\"with\" = '' "
	                "AND "
	                "a.type = '' AND a.value = ''",
	                error))
		return false;
	if (db_kind(prosody->db) != DB_SQLITE)
		return true;
	return has_rows(prosody->db, "SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence'",
	        &prosody->counted, error);
}

static void prosody_close(struct im_source *source)
{
	struct prosody *prosody = prosody_of(source);
	if (prosody->side != NULL)
		db_close(prosody->side);
	if (prosody->writer != NULL)
		db_close(prosody->writer);
	if (prosody->db != NULL)
		db_close(prosody->db);
	g_clear_pointer(&prosody->rooms, g_hash_table_unref);
	g_hash_table_unref(prosody->spellings);
	g_free(prosody->middle);
	g_free(prosody->db_url);
	g_free(prosody);
}

static struct im_source *prosody_open(
        const struct im_source_options *options, const char *url, GError **error)
{
	(void)options;
	struct prosody *prosody = g_new0(struct prosody, 1);
	prosody->db_url = g_strdup(url + strlen(URL_PREFIX));
	prosody->spellings = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	prosody->db = db_open(prosody->db_url, DB_READ_ONLY | DB_FOREIGN, error);
	if (prosody->db != NULL && look_around(prosody, error))
		return &prosody->base;
	prosody_close(&prosody->base);
	return NULL;
}

struct db *prosody_side(struct prosody *prosody, GError **error)
{
	if (prosody->side == NULL)
		prosody->side = db_open(prosody->db_url, DB_READ_ONLY | DB_FOREIGN, error);
	return prosody->side;
}

struct db *prosody_writer(struct prosody *prosody, GError **error)
{
	if (prosody->writer == NULL)
		prosody->writer = db_open(prosody->db_url, DB_FOREIGN, error);
	return prosody->writer;
}

void prosody_split(const struct prosody *prosody, const char *owner, char **user, char **host)
{
	const char *spelled = g_hash_table_lookup(prosody->spellings, owner);
	const char *whole = spelled != NULL ? spelled : owner;
	const char *at = strchr(whole, '@');
	*user = g_strndup(whole, at != NULL ? (gsize)(at - whole) : 0);
	*host = g_strdup(at != NULL ? at + 1 : whole);
}

char *prosody_address(const struct db_result *result, int host_column, int user_column)
{
	const char *user = db_column_text(result, user_column);
	g_autofree char *whole =
	        g_strdup_printf("%s@%s", user, db_column_text(result, host_column));
	return address_canonical(whole, NULL);
}

char *prosody_version(const char *meta, int64_t contacts)
{
	int64_t version = -1;
	if (meta == NULL)
		return g_strdup_printf("-/%" G_GINT64_FORMAT, contacts);
	if (!prosody_json_meta(meta, strlen(meta), &version, NULL, NULL) || version < 0)
		return g_strdup_printf("?/%" G_GINT64_FORMAT, contacts);
	return g_strdup_printf("%" G_GINT64_FORMAT "/%" G_GINT64_FORMAT, version, contacts);
}

static bool version_went_back(const char *before, const char *now)
{
	if (!g_ascii_isdigit(before[0]) || !g_ascii_isdigit(now[0]))
		return false;
	return g_ascii_strtoll(now, NULL, 10) < g_ascii_strtoll(before, NULL, 10);
}

bool prosody_no_owner(const struct im_source *source, const char *owner, GError **error)
{
	error_set(error, ERROR_MAILBOX, "source.no_owner",
	        "Source %s has neither an account nor a contact list of %s: nothing is changed; "
	        "check "
	        "whether the user was renamed or removed there",
	        source->name, owner);
	return false;
}

#define OWNER_COLUMNS                                                                              \
	"SELECT p.host, p.\"user\", "                                                              \
	"max(CASE WHEN p.store = 'roster' AND p.key = '' THEN p.value END), "                      \
	"count(CASE WHEN p.store = 'roster' AND p.key <> '' THEN 1 END) FROM prosody p "

static void remember_spelling(
        struct prosody *prosody, const struct db_result *result, const char *owner)
{
	g_autofree char *whole =
	        g_strdup_printf("%s@%s", db_column_text(result, 1), db_column_text(result, 0));
	if (!g_str_equal(whole, owner))
		g_hash_table_replace(prosody->spellings, g_strdup(owner), g_steal_pointer(&whole));
}

/* Pairs of owner and version. */
static bool collect_owners(struct prosody *prosody, GPtrArray *pairs, GError **error)
{
	autoptr(db_result) result = db_query(prosody->db,
	        OWNER_COLUMNS "WHERE p.store IN ('roster', 'accounts') AND p.\"user\" <> '' "
	                      "GROUP BY p.host, p.\"user\"",
	        DB_NO_VALUES, error);
	if (result == NULL)
		return false;
	int more;
	while ((more = db_next(result, error)) > 0) {
		char *owner = prosody_address(result, 0, 1);
		/* No XMPP server makes such an account; no mailbox can be mapped to it either. */
		if (owner == NULL)
			continue;
		remember_spelling(prosody, result, owner);
		g_ptr_array_add(pairs, owner);
		g_ptr_array_add(pairs,
		        prosody_version(db_column_text(result, 2), db_column_int64(result, 3)));
	}
	return more == 0;
}

static bool prosody_owners(struct im_source *source, im_owner_fn each, void *data, GError **error)
{
	g_autoptr(GPtrArray) pairs = g_ptr_array_new_with_free_func(g_free);
	if (!collect_owners(prosody_of(source), pairs, error))
		return false;
	for (guint i = 0; i + 1 < pairs->len; i += 2)
		if (!each(data, g_ptr_array_index(pairs, i), g_ptr_array_index(pairs, i + 1),
		            error))
			return false;
	return true;
}

static bool prosody_mails(struct im_source *source, im_mail_fn each, void *data, GError **error)
{
	g_autoptr(GPtrArray) pairs = g_ptr_array_new_with_free_func(g_free);
	autoptr(db_result) result = db_query(prosody_of(source)->db,
	        "SELECT p.host, p.\"user\", p.value FROM prosody p WHERE p.store = "
	        "'account_details' AND p.key = 'email' AND p.type = 'string' AND p.value <> ''",
	        DB_NO_VALUES, error);
	int more = result != NULL ? 1 : -1;
	while (more > 0 && (more = db_next(result, error)) > 0) {
		char *owner = prosody_address(result, 0, 1);
		if (owner == NULL)
			continue;
		g_ptr_array_add(pairs, owner);
		g_ptr_array_add(pairs, db_column_dup(result, 2));
	}
	bool good = more == 0;
	for (guint i = 0; good && i + 1 < pairs->len; i += 2)
		good = each(
		        data, g_ptr_array_index(pairs, i), g_ptr_array_index(pairs, i + 1), error);
	return good;
}

static char *prosody_roster_version(struct im_source *source, const char *owner, GError **error)
{
	struct prosody *prosody = prosody_of(source);
	g_autofree char *user = NULL, *host = NULL;
	prosody_split(prosody, owner, &user, &host);
	autoptr(db_result) result = db_query(prosody->db,
	        OWNER_COLUMNS "WHERE p.host = $1 AND p.\"user\" = $2 AND "
	                      "p.store IN ('roster', 'accounts') GROUP BY p.host, p.\"user\"",
	        DB_VALUES(db_text(host), db_text(user)), error);
	if (result == NULL)
		return NULL;
	int more = db_next(result, error);
	if (more > 0)
		return prosody_version(db_column_text(result, 2), db_column_int64(result, 3));
	if (more == 0)
		prosody_no_owner(source, owner, error);
	return NULL;
}

const struct im_source_driver prosody_driver = {
        .kind = "prosody",
        .schemes = schemes,
        .open = prosody_open,
        .close = prosody_close,
        .owners = prosody_owners,
        .mails = prosody_mails,
        .roster_version = prosody_roster_version,
        .roster_went_back = version_went_back,
        .roster_read = prosody_roster_read,
        .roster_write = prosody_roster_write,
        .cursor_now = prosody_cursor_now,
        .cursor_since = prosody_cursor_since,
        .cursor_floor = prosody_cursor_floor,
        .messages = prosody_messages,
        .rooms = prosody_rooms,
};
