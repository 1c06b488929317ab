#include "core/clock.h"
#include "store/migrations.h"
#include "store/store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

/* Any number does, as long as no other program takes the same one in the same database. */
#define MIGRATION_LOCK "7309452618"

/* What the database holds, before anything is done to it. */
struct schema_state {
	bool versioned; /* the table schema_version is there */
	bool tables; /* any table is there */
	GArray *numbers; /* int: the migrations that it has had */
	const struct migration *table; /* those that this imex knows */
};

static void schema_state_clear(struct schema_state *state)
{
	g_clear_pointer(&state->numbers, g_array_unref);
}

static bool count(struct store *store, const char *sql, bool *some, GError **error)
{
	int64_t number = 0;
	if (!db_get_int64(store->db, sql, DB_NO_VALUES, &number, NULL, error))
		return false;
	*some = number > 0;
	return true;
}

static bool read_tables(struct store *store, struct schema_state *state, GError **error)
{
	return count(store,
	               store_sql(store,
	                       "SELECT count(*) FROM sqlite_master WHERE type = 'table'"
	                       " AND name = 'schema_version'",
	                       "SELECT count(*) FROM pg_tables WHERE schemaname ="
	                       " current_schema() AND tablename = 'schema_version'"),
	               &state->versioned, error) &&
	       count(store,
	               store_sql(store, "SELECT count(*) FROM sqlite_master WHERE type = 'table'",
	                       "SELECT count(*) FROM pg_tables WHERE schemaname ="
	                       " current_schema()"),
	               &state->tables, error);
}

static bool read_numbers(struct store *store, struct schema_state *state, GError **error)
{
	autoptr(db_result) result = db_query(store->db,
	        "SELECT number FROM schema_version ORDER BY number", DB_NO_VALUES, error);
	int got = result != NULL ? 1 : -1;
	while (got > 0 && (got = db_next(result, error)) > 0) {
		int number = (int)db_column_int64(result, 0);
		g_array_append_val(state->numbers, number);
	}
	return got == 0;
}

static bool read_state(struct store *store, struct schema_state *state, GError **error)
{
	g_clear_pointer(&state->numbers, g_array_unref);
	state->numbers = g_array_new(FALSE, FALSE, sizeof(int));
	return read_tables(store, state, error) &&
	       (!state->versioned || read_numbers(store, state, error));
}

static bool has_number(const struct schema_state *state, int number)
{
	for (unsigned i = 0; i < state->numbers->len; i++)
		if (g_array_index(state->numbers, int, i) == number)
			return true;
	return false;
}

static int last_number(const struct schema_state *state)
{
	unsigned n = state->numbers->len;
	return n > 0 ? g_array_index(state->numbers, int, n - 1) : 0;
}

static const struct migration *find_migration(const struct migration *table, int number)
{
	for (const struct migration *m = table; m->number != 0; m++)
		if (m->number == number)
			return m;
	return NULL;
}

static int newest_migration(const struct migration *table)
{
	int number = 0;
	for (const struct migration *m = table; m->number != 0; m++)
		number = m->number;
	return number;
}

static bool is_current(const struct schema_state *state)
{
	for (const struct migration *m = state->table; m->number != 0; m++)
		if (!has_number(state, m->number))
			return false;
	return true;
}

/* A number that this imex does not know was given by a later one. */
static bool refuse_newer(struct store *store, const struct schema_state *state, GError **error)
{
	for (unsigned i = 0; i < state->numbers->len; i++) {
		int number = g_array_index(state->numbers, int, i);
		if (find_migration(state->table, number) != NULL)
			continue;
		error_set(error, ERROR_CONFIG, "store.newer",
		        "the store %s has schema %d and this imex knows schemas up to %d: install "
		        "the imex that upgraded it, or a later one",
		        store_name(store), number, newest_migration(state->table));
		return false;
	}
	return true;
}

static char *joined(const char *const *lines)
{
	GString *text = g_string_new(NULL);
	for (; *lines != NULL; lines++)
		g_string_append(text, *lines);
	return g_string_free(text, FALSE);
}

static bool record(struct store *store, const struct migration *m, GError **error)
{
	return db_run(store->db,
	        "INSERT INTO schema_version (number, name, applied_utc_us) VALUES ($1, $2, $3)",
	        DB_VALUES(db_int(m->number), db_text(m->name), db_int(clock_utc_us())), error);
}

/* Inside a transaction. Another process may have been faster while we waited for the lock. */
static bool apply_locked(struct store *store, const struct migration *m, GError **error)
{
	if (db_kind(store->db) == DB_POSTGRESQL &&
	        !db_exec(store->db, "SELECT pg_advisory_xact_lock(" MIGRATION_LOCK ")", error))
		return false;
	struct schema_state state = {0};
	bool good = read_state(store, &state, error);
	if (good && !has_number(&state, m->number)) {
		bool sqlite = db_kind(store->db) == DB_SQLITE;
		g_autofree char *sql = joined(sqlite ? m->sqlite : m->postgresql);
		good = db_exec(store->db, sql, error) && record(store, m, error);
	}
	schema_state_clear(&state);
	return good;
}

static bool apply_all(struct store *store, const struct migration *table, GError **error)
{
	for (const struct migration *m = table; m->number != 0; m++)
		if (!store_begin(store, error) ||
		        !store_end(store, apply_locked(store, m, error), error))
			return false;
	return true;
}

static bool create_in_one(struct store *store, const struct migration *table, GError **error)
{
	for (const struct migration *m = table; m->number != 0; m++)
		if (!apply_locked(store, m, error))
			return false;
	return true;
}

/* A new store is there whole or not at all, also for those who look at the same time. */
static bool create(struct store *store, const struct migration *table, GError **error)
{
	return store_begin(store, error) &&
	       store_end(store, create_in_one(store, table, error), error);
}

static bool refuse_older(struct store *store, const struct schema_state *state, GError **error)
{
	error_set(error, ERROR_CONFIG, "store.older",
	        "the store %s has schema %d and this imex needs schema %d: stop imexd and run imex "
	        "store upgrade",
	        store_name(store), last_number(state), newest_migration(state->table));
	return false;
}

static bool refuse_foreign(struct store *store, GError **error)
{
	error_set(error, ERROR_CONFIG, "store.foreign",
	        "%s is the database of another program: name a database of imex's own in [imex] "
	        "store",
	        store_name(store));
	return false;
}

static bool refuse_empty(struct store *store, GError **error)
{
	error_set(error, ERROR_CONFIG, "store.absent",
	        "%s is an empty database: run imex init to make the store there",
	        store_name(store));
	return false;
}

static bool upgrade(struct store *store, const struct schema_state *state, GError **error)
{
	store->report.from = last_number(state);
	store->report.to = newest_migration(state->table);
	if (is_current(state))
		return true;
	return store_backup(store, store->report.from, error) &&
	       apply_all(store, state->table, error);
}

static bool migrate(struct store *store, enum store_open_mode mode,
        const struct schema_state *state, GError **error)
{
	if (!state->versioned && state->tables)
		return refuse_foreign(store, error);
	if (!state->versioned && mode != STORE_CREATE)
		return refuse_empty(store, error);
	if (!refuse_newer(store, state, error))
		return false;
	if (mode == STORE_UPGRADE)
		return upgrade(store, state, error);
	if (!state->versioned)
		return create(store, state->table, error);
	return is_current(state) || refuse_older(store, state, error);
}

bool store_migrate(struct store *store, const struct migration *table, enum store_open_mode mode,
        GError **error)
{
	struct schema_state state = {.table = table};
	bool good = read_state(store, &state, error) && migrate(store, mode, &state, error);
	schema_state_clear(&state);
	return good;
}

/* The folder may not be writable, or full. What was begun is removed again. */
static bool backup_failed(struct store *store, const char *path, const char *why, GError **error)
{
	error_set(error, ERROR_CONFIG, "store.backup",
	        "the store %s was not upgraded: its copy %s cannot be written (%s); make room or "
	        "give "
	        "write permission there, and run imex store upgrade again",
	        store_name(store), path, why);
	return false;
}

/* Where the SQLite file is. Owned; NULL for a database in memory. */
static bool sqlite_path(struct store *store, char **path, GError **error)
{
	return db_get_text(store->db, "SELECT file FROM pragma_database_list WHERE name = 'main'",
	        DB_NO_VALUES, path, error);
}

/* VACUUM INTO takes an empty file, whose permissions are then ours to choose. */
static bool vacuum_into(struct store *store, const char *path, GError **error)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return backup_failed(store, path, g_strerror(errno), error);
	close(fd);
	g_autoptr(GError) cause = NULL;
	if (db_run(store->db, "VACUUM INTO $1", DB_VALUES(db_text(path)), &cause))
		return true;
	g_remove(path);
	return backup_failed(store, path, cause->message, error);
}

bool store_backup(struct store *store, int number, GError **error)
{
	if (db_kind(store->db) != DB_SQLITE)
		return true;
	g_autofree char *file = NULL;
	if (!sqlite_path(store, &file, error))
		return false;
	if (file == NULL || file[0] == '\0')
		return true;
	g_autofree char *path = NULL;
	for (unsigned i = 1; path == NULL || g_file_test(path, G_FILE_TEST_EXISTS); i++) {
		g_free(path);
		path = g_strdup_printf("%s.schema-%d.%u", file, number, i);
	}
	if (!vacuum_into(store, path, error))
		return false;
	g_free(store->backup_path);
	store->backup_path = g_steal_pointer(&path);
	store->report.backup_path = store->backup_path;
	return true;
}
