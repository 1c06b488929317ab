/*
 * For the files in store/ only: the connection under a store, and helpers for running statements.
 */
#ifndef IMEX_STORE_STORE_PRIVATE_H
#define IMEX_STORE_STORE_PRIVATE_H

#include "core/error.h"
#include "db/db.h"
#include "store/lease.h"
#include "store/migrations.h"
#include "store/store.h"

struct store {
	struct db *db;
	unsigned depth; /* of store_begin() */
	bool spoiled; /* an inner transaction was rolled back */
	bool relaxed; /* commits need not last, but for those of store_begin_firm() */
	bool firm; /* the one under way must last although the store is relaxed */
	int64_t checked_mailbox, checked_generation; /* of the lease that this transaction holds */
	struct store_upgrade_report report;
	char *backup_path;
};

/* The schema of store->db: made, upgraded or checked against the table, as mode says. */
bool store_migrate(struct store *store, const struct migration *table, enum store_open_mode mode,
        GError **error);

/*
 * Makes a copy of an SQLite store (0600) beside it and sets store->backup_path; on PostgreSQL does
 * nothing. number is the schema number that stands in its name.
 */
bool store_backup(struct store *store, int number, GError **error);

/*
 * The text for this engine, where the two must differ:
 *	db_query(store->db, store_sql(store, "SELECT ...", "SELECT ... FOR UPDATE SKIP LOCKED"),
 *...)
 */
static inline const char *store_sql(
        const struct store *store, const char *sqlite, const char *postgresql)
{
	return db_kind(store->db) == DB_SQLITE ? sqlite : postgresql;
}

/* Runs an INSERT, UPDATE or DELETE; *changed (may be NULL) is the number of rows. */
static inline bool store_run(struct store *store, const char *sql, size_t n,
        const struct db_value *values, int64_t *changed, GError **error)
{
	if (!db_run(store->db, sql, n, values, error))
		return false;
	if (changed != NULL)
		*changed = db_changes(store->db);
	return true;
}

/* The same with RETURNING one number; *found (may be NULL) is false when no row came. */
bool store_run_returning(struct store *store, const char *sql, size_t n,
        const struct db_value *values, int64_t *out, bool *found, GError **error);

/* One statement for the lease's mailbox, in a transaction that has checked the lease. */
bool lease_run(struct store *store, const struct lease *lease, const char *sql, size_t n,
        const struct db_value *values, GError **error);

#endif
