#include "store/store_private.h"

struct store *store_open(const char *url, enum store_open_mode mode, GError **error)
{
	autoptr(store) store = g_new0(struct store, 1);
	g_autoptr(GError) cause = NULL;
	store->db = db_open(url, mode == STORE_CREATE ? DB_CREATE : 0, &cause);
	if (store->db == NULL && error_is(cause, "db.absent") && g_str_has_prefix(url, "sqlite:")) {
		error_set(error, ERROR_CONFIG, "store.absent",
		        "there is no store at %s: run imex init to make one, or correct [imex] "
		        "store "
		        "in the configuration file",
		        url);
		return NULL;
	}
	if (store->db == NULL) {
		g_propagate_error(error, g_steal_pointer(&cause));
		return NULL;
	}
	return store_migrate(store, store_migrations, mode, error) ? g_steal_pointer(&store) : NULL;
}

void store_close(struct store *store)
{
	if (store->db != NULL)
		db_close(store->db);
	g_free(store->backup_path);
	g_free(store);
}

struct store_upgrade_report store_upgrade_report(const struct store *store)
{
	return store->report;
}

const char *store_name(const struct store *store)
{
	return db_name(store->db);
}

bool store_begin(struct store *store, GError **error)
{
	if (store->depth == 0) {
		if (!db_begin(store->db, error))
			return false;
		store->spoiled = false;
		store->checked_mailbox = 0;
	}
	store->depth++;
	return true;
}

void store_relax(struct store *store, bool relaxed)
{
	if (store->depth > 0)
		return;
	store->relaxed = relaxed && db_set_relaxed(store->db, true, NULL);
	if (!store->relaxed)
		db_set_relaxed(store->db, false, NULL);
}

/* After the outermost transaction. */
static void relax_again(struct store *store)
{
	if (store->firm)
		store_relax(store, true);
	store->firm = false;
}

bool store_begin_firm(struct store *store, GError **error)
{
	if (store->depth > 0 || !store->relaxed)
		return store_begin(store, error);
	if (!db_set_relaxed(store->db, false, error))
		return false;
	store->firm = true;
	if (store_begin(store, error))
		return true;
	relax_again(store);
	return false;
}

static bool commit(struct store *store, GError **error)
{
	if (!store->spoiled)
		return db_commit(store->db, error);
	db_rollback(store->db);
	error_set(error, ERROR_RETRY, "store.aborted",
	        "a part of a change to %s had failed, so that all of it was undone: try again",
	        store_name(store));
	return false;
}

bool store_commit(struct store *store, GError **error)
{
	g_assert(store->depth > 0);
	if (--store->depth > 0)
		return true;
	bool good = commit(store, error);
	relax_again(store);
	return good;
}

void store_rollback(struct store *store)
{
	if (store->depth == 0)
		return;
	store->spoiled = true;
	if (--store->depth > 0)
		return;
	db_rollback(store->db);
	relax_again(store);
}

bool store_end(struct store *store, bool good, GError **error)
{
	if (good)
		return store_commit(store, error);
	store_rollback(store);
	return false;
}

static bool is_one_file(const struct store *store)
{
	return db_kind(store->db) == DB_SQLITE;
}

bool store_group_begin(struct store *store, GError **error)
{
	return !is_one_file(store) || store_begin(store, error);
}

bool store_group_end(struct store *store, bool good, GError **error)
{
	return is_one_file(store) ? store_end(store, good, error) : good;
}

bool store_run_returning(struct store *store, const char *sql, size_t n,
        const struct db_value *values, int64_t *out, bool *found, GError **error)
{
	autoptr(db_result) result = db_query(store->db, sql, n, values, error);
	if (result == NULL)
		return false;
	int got = db_next(result, error);
	if (found != NULL)
		*found = got > 0;
	if (got > 0)
		*out = db_column_int64(result, 0);
	/* The statement has done its work only when all of it has been stepped through. */
	while (got > 0)
		got = db_next(result, error);
	return got == 0;
}

bool store_property_get(struct store *store, const char *name, char **value, GError **error)
{
	return db_get_text(store->db, "SELECT value FROM property WHERE name = $1",
	        DB_VALUES(db_text(name)), value, error);
}

bool store_property_set(struct store *store, const char *name, const char *value, GError **error)
{
	if (value == NULL)
		return db_run(store->db, "DELETE FROM property WHERE name = $1",
		        DB_VALUES(db_text(name)), error);
	return db_run(store->db,
	        "INSERT INTO property (name, value) VALUES ($1, $2)"
	        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
	        DB_VALUES(db_text(name), db_text(value)), error);
}
