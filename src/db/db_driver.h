/*
 * What a driver implements, and what db.c keeps for it. Only files in src/db include this.
 *
 * db.c has checked everything common before a driver is called: no result is open, the transaction
 * is not spoiled, text is valid UTF-8. It also marks a transaction as spoiled when a call fails.
 * A driver embeds struct db and struct db_result as first members.
 */
#ifndef IMEX_DB_DB_DRIVER_H
#define IMEX_DB_DB_DRIVER_H

#include "core/error.h"
#include "db/db.h"

struct db_driver {
	enum db_kind kind;
	/* Sets db->name and everything of its own; NULL with *error set. */
	struct db *(*open)(const char *url, unsigned flags, GError **error);
	/* Frees the whole struct, name included. */
	void (*close)(struct db *db);
	bool (*set_lock_wait_ms)(struct db *db, unsigned wait_ms, GError **error);
	bool (*exec)(struct db *db, const char *sql, GError **error);
	/* keep: the values must outlive the call, because rows are read later. */
	struct db_result *(*query)(struct db *db, const char *sql, size_t n,
	        const struct db_value *values, bool keep, GError **error);
	/* Sets db->changes when it returns 0. */
	int (*next)(struct db_result *result, GError **error);
	void (*result_free)(struct db_result *result);
	/* Many rows through one statement; NULL: db.c loops over query(). */
	bool (*run_rows)(struct db *db, const char *sql, size_t n, db_row_fn next, void *data,
	        GError **error);
	bool (*begin)(struct db *db, GError **error);
	/* See db_set_relaxed(); NULL: commits are never relaxed. */
	bool (*set_relaxed)(struct db *db, bool relaxed, GError **error);
	/* On failure the transaction is over. */
	bool (*commit)(struct db *db, GError **error);
	void (*rollback)(struct db *db);

	int (*columns)(const struct db_result *result);
	const char *(*column_name)(const struct db_result *result, int column);
	bool (*is_null)(const struct db_result *result, int column);
	/* False when the column is not an integer. Never called for NULL, nor are those below. */
	bool (*number)(const struct db_result *result, int column, int64_t *out);
	double (*real)(const struct db_result *result, int column);
	const char *(*text)(const struct db_result *result, int column);
	const void *(*blob)(const struct db_result *result, int column, size_t *len);
};

struct db {
	const struct db_driver *driver;
	char *name;
	unsigned flags;
	bool in_transaction;
	bool spoiled;
	bool result_open;
	int64_t changes;
};

struct db_result {
	struct db *db;
	bool done;
	bool failed;
	bool has_row;
};

extern const struct db_driver db_sqlite;
extern const struct db_driver db_postgresql;

/* True when the statement only reads, as far as its first word tells; "WITH" counts as a write. */
bool db_sql_reads(const char *sql);
/* Bounds-checked texts of a value: next row of run_rows(), filled and validated. */
int db_next_values(struct db *db, size_t n, db_row_fn next, void *data, struct db_value *values,
        GError **error);
/* A whole decimal number with sign, nothing else. */
bool db_parse_int64(const char *text, int64_t *out);

#endif
