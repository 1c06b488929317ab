/*
 * SQL through one small door: SQLite and PostgreSQL behind a driver table (db_driver.h).
 *
 * A struct db is one connection and belongs to one thread. Statements are prepared once and cached
 * by their text, so the text must be a literal or otherwise one of few. Parameters are $1..$N on
 * both engines, in any order and as often as wanted.
 *
 * What is alike on both engines, and tested to be:
 * - Text is valid UTF-8 without NUL; anything else is `db.value`. It comes back byte for byte.
 * - PostgreSQL infers each parameter's type from the statement. Where one stands alone it must be
 *   told: CAST($1 AS BIGINT), CAST($1 AS TEXT) mean the same to both.
 * - One result is open at a time. Rows stream, memory does not grow with their number; starting
 *   another statement before db_result_free() is `db.result_open`. To change rows while reading,
 *   read a page, free it, write, read the next page by key.
 * - An error inside a transaction spoils it: what follows is `db.aborted` until db_rollback(). Use
 *   ON CONFLICT where a duplicate is expected.
 * - A lost connection is opened anew by the next statement outside a transaction, or db_begin().
 *
 * Reasons of errors and their classes:
 *
 *   db.busy         RETRY      locked by another, deadlock, serialization failure
 *   db.unreachable  RETRY      no connection, or lost; an open transaction is gone
 *   db.uncertain    UNCERTAIN  connection lost while COMMIT, or a lone write, was under way
 *   db.unique       ITEM       a unique or primary key exists already
 *   db.constraint   ITEM       another constraint: NOT NULL, CHECK, foreign key
 *   db.value        ITEM       a value that cannot be stored, or a column that is not a number
 *   db.too_large    ITEM       a value or row beyond the engine's limit
 *   db.absent       CONFIG     no such file or database, and DB_CREATE was not given
 *   db.corrupt      CONFIG     not a database, or damaged
 *   db.denied       CONFIG     permission, password, read-only
 *   db.full         RETRY      disk full
 *   db.io           RETRY      reading or writing failed, memory ran out
 *   db.url          CONFIG     the URL is not one of ours
 *   db.sql          CONFIG     statement refused: a schema of another version, or a bug
 *   db.aborted      CONFIG     the caller's mistake, see above
 *   db.result_open  CONFIG     the same
 *
 * Sentences name the database (never its password) and the next step.
 */
#ifndef IMEX_DB_DB_H
#define IMEX_DB_DB_H

#include "core/auto.h"
#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct db;
struct db_result;

enum db_kind { DB_SQLITE, DB_POSTGRESQL };

enum db_flags {
	DB_READ_ONLY = 1 << 0, /* the engine itself refuses writes; SQLite: the file must exist */
	DB_CREATE = 1 << 1, /* SQLite: make the file (0600) when absent */
	DB_FOREIGN = 1 << 2, /* SQLite: another program's file, whose journal mode stays */
};

/*
 * Opens `sqlite:///absolute/path`, `sqlite:relative/path`, `sqlite::memory:` (the path is taken
 * literally, nothing is unescaped) or any libpq URL: `postgresql://user@host:5432/name`,
 * `postgresql:///name?host=/run/postgresql`. SQLite: WAL (unless read-only), foreign keys on,
 * synchronous FULL, 5 s busy wait, 8 MiB of cache. PostgreSQL: UTF8, UTC, 5 s lock wait, 10 s
 * connect time-out.
 */
struct db *db_open(const char *url, unsigned flags, GError **error);
void db_close(struct db *db);
AUTO_DEFINE(db, db_close);

enum db_kind db_kind(const struct db *db);
/* For messages: the URL without its password. Borrowed. */
const char *db_name(const struct db *db);
/* How long a statement waits for somebody else's lock before `db.busy`. */
bool db_set_lock_wait_ms(struct db *db, unsigned wait_ms, GError **error);

/* Parameters. Bytes are borrowed until the call that takes the value returns. */
enum db_type { DB_NULL, DB_INT, DB_TEXT, DB_BLOB };

struct db_value {
	enum db_type type;
	int64_t number;
	const void *bytes;
	size_t len;
};

struct db_value db_null(void);
struct db_value db_int(int64_t number);
struct db_value db_text(const char *text); /* NULL is SQL's NULL */
struct db_value db_text_len(const char *text, size_t len);
struct db_value db_blob(const void *bytes, size_t len); /* bytes NULL is SQL's NULL */

/*
 * Writes `n, values` in one go:
 *	db_run(db, "UPDATE t SET a = $1 WHERE id = $2", DB_VALUES(db_text(a), db_int(id)), error)
 * and DB_NO_VALUES when there are none.
 */
#define DB_VALUES(...)                                                                             \
	(sizeof((struct db_value[]){__VA_ARGS__}) / sizeof(struct db_value)),                      \
	        (const struct db_value[])                                                          \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}
#define DB_NO_VALUES 0, NULL

/*
 * Runs SQL without parameters, several statements allowed, nothing cached: schema scripts. Rows are
 * thrown away. Not for BEGIN, COMMIT or ROLLBACK. Several statements that belong together need
 * db_begin() first: alone, PostgreSQL keeps all or none of them, SQLite each by itself.
 */
bool db_exec(struct db *db, const char *sql, GError **error);

/* Runs one statement to its end; rows are thrown away. db_changes() tells what it did. */
bool db_run(
        struct db *db, const char *sql, size_t n, const struct db_value *values, GError **error);
/* Rows inserted, updated or deleted by the last db_run(), db_run_rows() or finished result. */
int64_t db_changes(const struct db *db);

/*
 * Runs one statement for many rows; on PostgreSQL in a pipeline of at most 256 statements whose
 * answers are drained while sending. next() fills n values and returns 1; 0 ends the rows, -1 stops
 * with *error set. Only inside a transaction. db_changes() is the sum.
 */
typedef int (*db_row_fn)(void *data, struct db_value *values, GError **error);
bool db_run_rows(
        struct db *db, const char *sql, size_t n, db_row_fn next, void *data, GError **error);

/* Starts a query, or an INSERT/UPDATE/DELETE with RETURNING. The caller frees the result. */
struct db_result *db_query(
        struct db *db, const char *sql, size_t n, const struct db_value *values, GError **error);
/*
 * 1: a row is there; 0: no more; -1: error. Values of a row are gone after the next call. A lone
 * INSERT, UPDATE or DELETE with RETURNING is kept for sure only when this gave 0.
 */
int db_next(struct db_result *result, GError **error);
/* Ends the statement early if rows are left. */
void db_result_free(struct db_result *result);
AUTO_DEFINE(db_result, db_result_free);

/*
 * Columns of the current row, from 0. NULL reads as 0, NULL or an empty blob. PostgreSQL's boolean
 * reads as 0 or 1. A text that is no number reads as 0 here; db_column_int_checked() says so.
 */
bool db_column_is_null(const struct db_result *result, int column);
int64_t db_column_int64(const struct db_result *result, int column);
bool db_column_int64_checked(
        const struct db_result *result, int column, int64_t *out, GError **error);
double db_column_double(const struct db_result *result, int column);
const char *db_column_text(const struct db_result *result, int column); /* borrowed */
char *db_column_dup(const struct db_result *result, int column); /* owned, NULL for NULL */
const void *db_column_blob(const struct db_result *result, int column, size_t *len);
int db_columns(const struct db_result *result);
const char *db_column_name(const struct db_result *result, int column);

/*
 * The whole of a query that gives at most one row with one column. *found is false when there is
 * none or it is NULL; found may be NULL. *text is owned by the caller.
 */
bool db_get_int64(struct db *db, const char *sql, size_t n, const struct db_value *values,
        int64_t *out, bool *found, GError **error);
bool db_get_text(struct db *db, const char *sql, size_t n, const struct db_value *values,
        char **text, GError **error);

/*
 * Transactions; they do not nest. SQLite: BEGIN IMMEDIATE (BEGIN when read-only). PostgreSQL: READ
 * COMMITTED. db_commit() that fails with anything but `db.uncertain` has rolled back. db_rollback()
 * cannot fail and does nothing when no transaction is open, so that error paths may always call it.
 */
bool db_begin(struct db *db, GError **error);
bool db_commit(struct db *db, GError **error);
void db_rollback(struct db *db);
bool db_in_transaction(const struct db *db);
/*
 * How long commits last from now on; outside a transaction. Relaxed ones outlive the program, its
 * being killed included, but a power cut may take back the latest of them, in their order, back to
 * the last one that was not relaxed. Only SQLite has them; PostgreSQL's always last.
 */
bool db_set_relaxed(struct db *db, bool relaxed, GError **error);

#endif
