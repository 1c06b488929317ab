#include "db/db_driver.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOCK_WAIT_MS 5000
/* Statement texts are literals, so this is never reached unless somebody builds SQL. */
#define MAX_STATEMENTS 512
/*
 * 8 MiB of pages, because the two that are the default do not hold what one page of work touches;
 * and 16 MiB of log between two checkpoints, which write each page once however often it changed.
 */
#define CACHE "PRAGMA cache_size = -8192; PRAGMA wal_autocheckpoint = 4096"
/* A power of two. */
#define RECENT_STATEMENTS 256

struct statement {
	sqlite3_stmt *stmt;
	size_t n; /* parameters */
	int *index; /* [n]: SQLite's index of $1, $2 ..., which it numbers as they appear */
};

struct sqlite {
	struct db db;
	sqlite3 *handle;
	char *path;
	GHashTable *statements; /* SQL text -> struct statement */
	/* The same again by where the text lies, because hashing long texts costs more than a row.
	 */
	struct recent {
		const char *sql; /* its own copy, from statements; NULL: empty */
		struct statement *statement;
	} recent[RECENT_STATEMENTS];
	bool relaxed;
};

struct sqlite_result {
	struct db_result result;
	struct sqlite *sqlite;
	sqlite3_stmt *stmt;
};

static struct sqlite *sqlite_of(struct db *db)
{
	return (struct sqlite *)db;
}

static const struct sqlite_result *result_of(const struct db_result *result)
{
	return (const struct sqlite_result *)result;
}

/* First match wins; code is an extended or a primary result code. */
static const struct fault {
	int code;
	enum error_class error_class;
	const char *reason;
	const char *next;
} faults[] = {
        {SQLITE_CONSTRAINT_UNIQUE, ERROR_ITEM, "db.unique", "the same entry is there already"},
        {SQLITE_CONSTRAINT_PRIMARYKEY, ERROR_ITEM, "db.unique", "the same entry is there already"},
        {SQLITE_CONSTRAINT_ROWID, ERROR_ITEM, "db.unique", "the same entry is there already"},
        {SQLITE_CONSTRAINT, ERROR_ITEM, "db.constraint", "the entry does not fit the schema"},
        {SQLITE_BUSY, ERROR_RETRY, "db.busy", "another program holds the lock; try again"},
        {SQLITE_LOCKED, ERROR_RETRY, "db.busy", "another statement holds the lock; try again"},
        {SQLITE_INTERRUPT, ERROR_RETRY, "db.busy", "it was interrupted; try again"},
        {SQLITE_SCHEMA, ERROR_RETRY, "db.busy", "the schema was just changed; try again"},
        {SQLITE_CORRUPT, ERROR_CONFIG, "db.corrupt",
                "the file is damaged; stop, keep a copy of it and restore a backup"},
        {SQLITE_NOTADB, ERROR_CONFIG, "db.corrupt",
                "the file is not an SQLite database; give the right path or restore a backup"},
        {SQLITE_PERM, ERROR_CONFIG, "db.denied", "check owner and mode of file and folder"},
        {SQLITE_READONLY, ERROR_CONFIG, "db.denied",
                "it was opened read-only, or the file or its folder is not writable"},
        {SQLITE_AUTH, ERROR_CONFIG, "db.denied", "check owner and mode of file and folder"},
        {SQLITE_FULL, ERROR_RETRY, "db.full", "the disk is full; make room"},
        {SQLITE_IOERR, ERROR_RETRY, "db.io",
                "reading or writing failed; check disk and kernel log"},
        {SQLITE_NOMEM, ERROR_RETRY, "db.io", "memory ran out; try again"},
        {SQLITE_TOOBIG, ERROR_ITEM, "db.too_large", "the value is larger than the engine allows"},
        {SQLITE_CANTOPEN, ERROR_CONFIG, "db.denied",
                "the file, or the -wal and -shm files beside it, cannot be opened; check owner and "
                "mode of file and folder"},
};

static const struct fault fault_default = {SQLITE_ERROR, ERROR_CONFIG, "db.sql",
        "the schema is of another version, or the program has a fault"};

static const struct fault *fault_find(int extended)
{
	for (size_t i = 0; i < G_N_ELEMENTS(faults); i++) {
		if (faults[i].code == extended || faults[i].code == (extended & 0xff))
			return &faults[i];
	}
	return &fault_default;
}

static bool fail(struct sqlite *sqlite, const char *doing, GError **error)
{
	const struct fault *fault = fault_find(sqlite3_extended_errcode(sqlite->handle));

	error_set(error, fault->error_class, fault->reason, "%s: %s failed (%s): %s",
	        sqlite->db.name, doing, sqlite3_errmsg(sqlite->handle), fault->next);
	return false;
}

static void statement_free(void *data)
{
	struct statement *statement = data;

	sqlite3_finalize(statement->stmt);
	g_free(statement->index);
	g_free(statement);
}

static void sqlite_close(struct db *db)
{
	struct sqlite *sqlite = sqlite_of(db);

	g_hash_table_destroy(sqlite->statements);
	sqlite3_close_v2(sqlite->handle);
	g_free(sqlite->path);
	g_free(db->name);
	g_free(sqlite);
}

/* "sqlite:" [ "//" ] path; the path is taken as it is. */
static const char *url_path(const char *url)
{
	const char *path = url + strlen("sqlite:");

	return g_str_has_prefix(path, "//") ? path + 2 : path;
}

/* Makes the file ourselves, because SQLite would make it readable to everybody. */
static bool make_file(struct sqlite *sqlite, GError **error)
{
	int fd = open(sqlite->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0) {
		error_set(error, ERROR_CONFIG, errno == ENOENT ? "db.absent" : "db.denied",
		        "%s: cannot make the file (%s); check that its folder exists and is "
		        "writable",
		        sqlite->db.name, g_strerror(errno));
		return false;
	}
	close(fd);
	return true;
}

static bool check_file(struct sqlite *sqlite, GError **error)
{
	GStatBuf status;

	if (g_stat(sqlite->path, &status) != 0) {
		error_set(error, ERROR_CONFIG, errno == ENOENT ? "db.absent" : "db.denied",
		        "%s: cannot open the database (%s); check the path, or create it first",
		        sqlite->db.name, g_strerror(errno));
		return false;
	}
	if (!S_ISREG(status.st_mode)) {
		error_set(error, ERROR_CONFIG, "db.corrupt",
		        "%s: this is not a file; give the path of an SQLite database",
		        sqlite->db.name);
		return false;
	}
	return true;
}

static bool pragma(struct sqlite *sqlite, const char *sql, GError **error)
{
	if (sqlite3_exec(sqlite->handle, sql, NULL, NULL, NULL) == SQLITE_OK)
		return true;
	return fail(sqlite, "opening the database", error);
}

/*
 * Double-quoted text is a name and never a string, LIKE minds the case, and a damaged schema cannot
 * run functions: as in PostgreSQL.
 */
static bool set_up(struct sqlite *sqlite, unsigned flags, GError **error)
{
	sqlite3_extended_result_codes(sqlite->handle, 1);
	sqlite3_busy_timeout(sqlite->handle, LOCK_WAIT_MS);
	sqlite3_db_config(sqlite->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(sqlite->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(sqlite->handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	sqlite3_db_config(sqlite->handle, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
	/* SQLite opens lazily; this is where a damaged or foreign file shows. */
	if (!pragma(sqlite, "SELECT count(*) FROM sqlite_schema", error) ||
	        !pragma(sqlite, "PRAGMA case_sensitive_like = ON", error))
		return false;
	if (flags & DB_READ_ONLY)
		return pragma(sqlite, "PRAGMA query_only = ON", error);
	if (!(flags & DB_FOREIGN) && !pragma(sqlite, "PRAGMA journal_mode = WAL", error))
		return false;
	if (!(flags & DB_FOREIGN) && !pragma(sqlite, CACHE, error))
		return false;
	return pragma(sqlite, "PRAGMA synchronous = FULL", error) &&
	       pragma(sqlite, "PRAGMA foreign_keys = ON", error);
}

static bool open_handle(struct sqlite *sqlite, unsigned flags, GError **error)
{
	bool in_memory = strcmp(sqlite->path, ":memory:") == 0;
	int mode = flags & DB_READ_ONLY ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;

	if (in_memory)
		mode = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
	else if ((flags & DB_CREATE) && !(flags & DB_READ_ONLY) && !make_file(sqlite, error))
		return false;
	else if (!check_file(sqlite, error))
		return false;
	if (sqlite3_open_v2(sqlite->path, &sqlite->handle,
	            mode | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL) != SQLITE_OK)
		return fail(sqlite, "opening the database", error);
	return set_up(sqlite, flags, error);
}

/* Nobody asks SQLite for its statistics, for which all threads would share one lock. */
static void configure(void)
{
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static struct db *sqlite_open(const char *url, unsigned flags, GError **error)
{
	static pthread_once_t configured = PTHREAD_ONCE_INIT;
	const char *path = url_path(url);

	pthread_once(&configured, configure);
	if (*path == '\0') {
		error_set(error, ERROR_CONFIG, "db.url",
		        "%s: the path is missing; write sqlite:///path/to/file", url);
		return NULL;
	}
	struct sqlite *sqlite = g_new0(struct sqlite, 1);

	sqlite->db.name = g_strdup(url);
	/* A leading ':' or "file:" must not mean something else to SQLite. */
	sqlite->path = g_path_is_absolute(path) || strcmp(path, ":memory:") == 0
	                       ? g_strdup(path)
	                       : g_build_filename(".", path, NULL);
	sqlite->statements = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, statement_free);
	if (!open_handle(sqlite, flags, error)) {
		sqlite_close(&sqlite->db);
		return NULL;
	}
	return &sqlite->db;
}

static bool sqlite_set_lock_wait_ms(struct db *db, unsigned wait_ms, GError **error)
{
	if (sqlite3_busy_timeout(sqlite_of(db)->handle, (int)MIN(wait_ms, G_MAXINT)) == SQLITE_OK)
		return true;
	return fail(sqlite_of(db), "setting the lock wait", error);
}

static bool sqlite_exec(struct db *db, const char *sql, GError **error)
{
	if (sqlite3_exec(sqlite_of(db)->handle, sql, NULL, NULL, NULL) == SQLITE_OK)
		return true;
	return fail(sqlite_of(db), "a script", error);
}

/* $N is a name to SQLite, which numbers parameters as they appear; this finds each by its name. */
static bool map_parameters(struct sqlite *sqlite, struct statement *statement, GError **error)
{
	size_t n = (size_t)sqlite3_bind_parameter_count(statement->stmt);

	statement->n = n;
	statement->index = g_new0(int, n + 1);
	for (size_t i = 0; i < n; i++) {
		char name[24];

		snprintf(name, sizeof(name), "$%zu", i + 1);
		statement->index[i] = sqlite3_bind_parameter_index(statement->stmt, name);
		if (statement->index[i] == 0) {
			error_set(error, ERROR_CONFIG, "db.sql",
			        "%s: a statement leaves out parameter %s; this is a fault of the "
			        "program, please report it",
			        sqlite->db.name, name);
			return false;
		}
	}
	return true;
}

static struct statement *statement_prepare(struct sqlite *sqlite, const char *sql, GError **error)
{
	const char *tail = NULL;
	struct statement *statement = g_new0(struct statement, 1);

	if (sqlite3_prepare_v3(sqlite->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement->stmt,
	            &tail) != SQLITE_OK)
		fail(sqlite, "preparing a statement", error);
	else if (statement->stmt == NULL || tail[strspn(tail, " \t\r\n;")] != '\0')
		error_set(error, ERROR_CONFIG, "db.sql",
		        "%s: exactly one statement was expected; this is a fault of the program, "
		        "please report it",
		        sqlite->db.name);
	else if (map_parameters(sqlite, statement, error))
		return statement;
	statement_free(statement);
	return NULL;
}

static struct recent *recent_of(struct sqlite *sqlite, const char *sql)
{
	return &sqlite->recent[((uintptr_t)sql >> 4) % RECENT_STATEMENTS];
}

static struct statement *statement_find(struct sqlite *sqlite, const char *sql)
{
	struct recent *recent = recent_of(sqlite, sql);
	gpointer text, statement;

	if (recent->sql != NULL && strcmp(recent->sql, sql) == 0)
		return recent->statement;
	if (!g_hash_table_lookup_extended(sqlite->statements, sql, &text, &statement))
		return NULL;
	*recent = (struct recent){text, statement};
	return statement;
}

static struct statement *statement_get(struct sqlite *sqlite, const char *sql, GError **error)
{
	struct statement *statement = statement_find(sqlite, sql);

	if (statement != NULL)
		return statement;
	statement = statement_prepare(sqlite, sql, error);
	if (statement == NULL)
		return NULL;
	if (g_hash_table_size(sqlite->statements) >= MAX_STATEMENTS) {
		g_hash_table_remove_all(sqlite->statements);
		memset(sqlite->recent, 0, sizeof(sqlite->recent));
	}
	g_hash_table_insert(sqlite->statements, g_strdup(sql), statement);
	return statement;
}

static int bind_value(sqlite3_stmt *stmt, int index, const struct db_value *value, bool keep)
{
	sqlite3_destructor_type life = keep ? SQLITE_TRANSIENT : SQLITE_STATIC;

	switch (value->type) {
	case DB_INT:
		return sqlite3_bind_int64(stmt, index, value->number);
	case DB_TEXT:
		return sqlite3_bind_text64(
		        stmt, index, value->bytes, value->len, life, SQLITE_UTF8);
	case DB_BLOB:
		return sqlite3_bind_blob64(stmt, index, value->bytes, value->len, life);
	case DB_NULL:
		break;
	}
	return sqlite3_bind_null(stmt, index);
}

static struct db_result *sqlite_query(struct db *db, const char *sql, size_t n,
        const struct db_value *values, bool keep, GError **error)
{
	struct sqlite *sqlite = sqlite_of(db);
	struct statement *statement = statement_get(sqlite, sql, error);

	if (statement == NULL)
		return NULL;
	if (statement->n != n) {
		error_set(error, ERROR_CONFIG, "db.sql",
		        "%s: a statement with %zu parameters was given %zu; this is a fault of the "
		        "program, please report it",
		        db->name, statement->n, n);
		return NULL;
	}
	for (size_t i = 0; i < n; i++) {
		if (bind_value(statement->stmt, statement->index[i], &values[i], keep) !=
		        SQLITE_OK) {
			fail(sqlite, "binding a parameter", error);
			sqlite3_clear_bindings(statement->stmt);
			return NULL;
		}
	}
	struct sqlite_result *result = g_new0(struct sqlite_result, 1);

	result->sqlite = sqlite;
	result->stmt = statement->stmt;
	return &result->result;
}

static int sqlite_next(struct db_result *base, GError **error)
{
	struct sqlite_result *result = (struct sqlite_result *)base;
	int code = sqlite3_step(result->stmt);

	if (code == SQLITE_ROW)
		return 1;
	if (code == SQLITE_DONE) {
		if (!sqlite3_stmt_readonly(result->stmt))
			base->db->changes = sqlite3_changes64(result->sqlite->handle);
		/* Releases the read lock now, not only when the result is freed. */
		sqlite3_reset(result->stmt);
		return 0;
	}
	fail(result->sqlite, "a statement", error);
	return -1;
}

static void sqlite_result_free(struct db_result *base)
{
	struct sqlite_result *result = (struct sqlite_result *)base;

	sqlite3_reset(result->stmt);
	sqlite3_clear_bindings(result->stmt);
	g_free(result);
}

/* A statement without parameters and rows. */
static bool run_kept(struct sqlite *sqlite, const char *sql, const char *doing, GError **error)
{
	const struct statement *statement = statement_get(sqlite, sql, error);

	if (statement == NULL)
		return false;
	bool good = sqlite3_step(statement->stmt) == SQLITE_DONE || fail(sqlite, doing, error);

	sqlite3_reset(statement->stmt);
	return good;
}

static bool sqlite_begin(struct db *db, GError **error)
{
	/* An immediate transaction cannot fail half-way for want of the write lock. */
	const char *sql = db->flags & DB_READ_ONLY ? "BEGIN" : "BEGIN IMMEDIATE";

	return run_kept(sqlite_of(db), sql, "beginning a transaction", error);
}

static bool sqlite_set_relaxed(struct db *db, bool relaxed, GError **error)
{
	struct sqlite *sqlite = sqlite_of(db);

	if (sqlite->relaxed == relaxed)
		return true;
	/* Of a write-ahead log: NORMAL leaves flushing it to the next commit under FULL. */
	if (!pragma(sqlite, relaxed ? "PRAGMA synchronous = NORMAL" : "PRAGMA synchronous = FULL",
	            error))
		return false;
	sqlite->relaxed = relaxed;
	return true;
}

static void sqlite_rollback(struct db *db)
{
	struct sqlite *sqlite = sqlite_of(db);

	/* Some errors roll back by themselves. */
	if (!sqlite3_get_autocommit(sqlite->handle))
		sqlite3_exec(sqlite->handle, "ROLLBACK", NULL, NULL, NULL);
}

static bool sqlite_commit(struct db *db, GError **error)
{
	if (run_kept(sqlite_of(db), "COMMIT", "COMMIT", error))
		return true;
	sqlite_rollback(db);
	return false;
}

static int sqlite_columns(const struct db_result *result)
{
	return sqlite3_column_count(result_of(result)->stmt);
}

static const char *sqlite_column_name(const struct db_result *result, int column)
{
	return sqlite3_column_name(result_of(result)->stmt, column);
}

static bool sqlite_is_null(const struct db_result *result, int column)
{
	return sqlite3_column_type(result_of(result)->stmt, column) == SQLITE_NULL;
}

static const char *sqlite_text(const struct db_result *result, int column)
{
	return (const char *)sqlite3_column_text(result_of(result)->stmt, column);
}

static bool sqlite_number(const struct db_result *result, int column, int64_t *out)
{
	if (sqlite3_column_type(result_of(result)->stmt, column) == SQLITE_INTEGER) {
		*out = sqlite3_column_int64(result_of(result)->stmt, column);
		return true;
	}
	return db_parse_int64(sqlite_text(result, column), out);
}

static double sqlite_real(const struct db_result *result, int column)
{
	return sqlite3_column_double(result_of(result)->stmt, column);
}

static const void *sqlite_blob(const struct db_result *result, int column, size_t *len)
{
	const void *bytes = sqlite3_column_blob(result_of(result)->stmt, column);

	*len = (size_t)sqlite3_column_bytes(result_of(result)->stmt, column);
	/* SQLite gives NULL for an empty blob; it is not SQL's NULL. */
	return bytes != NULL ? bytes : "";
}

const struct db_driver db_sqlite = {
        .kind = DB_SQLITE,
        .open = sqlite_open,
        .close = sqlite_close,
        .set_lock_wait_ms = sqlite_set_lock_wait_ms,
        .exec = sqlite_exec,
        .query = sqlite_query,
        .next = sqlite_next,
        .result_free = sqlite_result_free,
        .begin = sqlite_begin,
        .set_relaxed = sqlite_set_relaxed,
        .commit = sqlite_commit,
        .rollback = sqlite_rollback,
        .columns = sqlite_columns,
        .column_name = sqlite_column_name,
        .is_null = sqlite_is_null,
        .number = sqlite_number,
        .real = sqlite_real,
        .text = sqlite_text,
        .blob = sqlite_blob,
};
