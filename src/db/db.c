#include "db/db.h"

#include "db/db_driver.h"
#include <errno.h>
#include <string.h>

/* Which URL belongs to which driver. */
static const struct {
	const char *scheme;
	const struct db_driver *driver;
} schemes[] = {
        {"sqlite:", &db_sqlite},
        {"postgresql:", &db_postgresql},
        {"postgres:", &db_postgresql},
};

/* The limit of PostgreSQL's protocol; SQLite's is higher than this when it stands in an array. */
#define MAX_VALUES 1024

struct db *db_open(const char *url, unsigned flags, GError **error)
{
	for (size_t i = 0; i < G_N_ELEMENTS(schemes); i++) {
		if (!g_str_has_prefix(url, schemes[i].scheme))
			continue;
		struct db *db = schemes[i].driver->open(url, flags, error);

		if (db == NULL)
			return NULL;
		db->driver = schemes[i].driver;
		db->flags = flags;
		return db;
	}
	/* The URL itself is not shown: it might hold a password. */
	error_set(error, ERROR_CONFIG, "db.url",
	        "a database URL begins with none of \"sqlite:\" and \"postgresql:\"; write "
	        "sqlite:///path/to/file or postgresql://user@host/name");
	return NULL;
}

void db_close(struct db *db)
{
	if (db == NULL)
		return;
	g_assert(!db->result_open);
	db_rollback(db);
	db->driver->close(db);
}

enum db_kind db_kind(const struct db *db)
{
	return db->driver->kind;
}

const char *db_name(const struct db *db)
{
	return db->name;
}

bool db_set_lock_wait_ms(struct db *db, unsigned wait_ms, GError **error)
{
	return db->driver->set_lock_wait_ms(db, wait_ms, error);
}

struct db_value db_null(void)
{
	return (struct db_value){.type = DB_NULL};
}

struct db_value db_int(int64_t number)
{
	return (struct db_value){.type = DB_INT, .number = number};
}

struct db_value db_text(const char *text)
{
	return db_text_len(text, text != NULL ? strlen(text) : 0);
}

struct db_value db_text_len(const char *text, size_t len)
{
	if (text == NULL)
		return db_null();
	return (struct db_value){.type = DB_TEXT, .bytes = text, .len = len};
}

struct db_value db_blob(const void *bytes, size_t len)
{
	if (bytes == NULL)
		return db_null();
	return (struct db_value){.type = DB_BLOB, .bytes = bytes, .len = len};
}

/* A failed statement spoils its transaction on both engines alike. */
static bool spoil(struct db *db)
{
	if (db->in_transaction)
		db->spoiled = true;
	return false;
}

static bool ready(struct db *db, GError **error)
{
	if (db->result_open) {
		error_set(error, ERROR_CONFIG, "db.result_open",
		        "%s: a statement was started while the rows of another are still being "
		        "read; this is a fault of the program, please report it",
		        db->name);
		return false;
	}
	if (db->spoiled) {
		error_set(error, ERROR_CONFIG, "db.aborted",
		        "%s: an earlier statement of this transaction failed, so nothing of it can "
		        "be kept; roll it back and begin anew",
		        db->name);
		return false;
	}
	return true;
}

static bool values_check(struct db *db, size_t n, const struct db_value *values, GError **error)
{
	if (n > MAX_VALUES) {
		error_set(error, ERROR_CONFIG, "db.sql", "%s: %zu parameters are more than %d",
		        db->name, n, MAX_VALUES);
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		if (values[i].len > G_MAXINT) {
			error_set(error, ERROR_ITEM, "db.too_large",
			        "%s: parameter %zu has %zu bytes, more than a column can hold",
			        db->name, i + 1, values[i].len);
			return false;
		}
		if (values[i].type == DB_TEXT &&
		        !g_utf8_validate_len(values[i].bytes, values[i].len, NULL)) {
			error_set(error, ERROR_ITEM, "db.value",
			        "%s: parameter %zu is not valid UTF-8 or contains a NUL; store it "
			        "as bytes or mend it first",
			        db->name, i + 1);
			return false;
		}
	}
	return true;
}

bool db_exec(struct db *db, const char *sql, GError **error)
{
	if (!ready(db, error))
		return false;
	return db->driver->exec(db, sql, error) || spoil(db);
}

static struct db_result *start(struct db *db, const char *sql, size_t n,
        const struct db_value *values, bool keep, GError **error)
{
	if (!ready(db, error))
		return NULL;
	if (!values_check(db, n, values, error)) {
		spoil(db);
		return NULL;
	}
	db->changes = 0;
	struct db_result *result = db->driver->query(db, sql, n, values, keep, error);

	if (result == NULL) {
		spoil(db);
		return NULL;
	}
	result->db = db;
	db->result_open = true;
	return result;
}

struct db_result *db_query(
        struct db *db, const char *sql, size_t n, const struct db_value *values, GError **error)
{
	return start(db, sql, n, values, true, error);
}

int db_next(struct db_result *result, GError **error)
{
	if (result->failed) {
		error_set(error, ERROR_CONFIG, "db.aborted",
		        "%s: rows were read on after an error; this is a fault of the program, "
		        "please report it",
		        result->db->name);
		return -1;
	}
	if (result->done)
		return 0;
	int got = result->db->driver->next(result, error);

	result->has_row = got == 1;
	result->done = got != 1;
	result->failed = got < 0;
	if (result->failed)
		spoil(result->db);
	return got;
}

void db_result_free(struct db_result *result)
{
	if (result == NULL)
		return;
	result->db->result_open = false;
	result->db->driver->result_free(result);
}

static bool run_to_end(
        struct db *db, const char *sql, size_t n, const struct db_value *values, GError **error)
{
	autoptr(db_result) result = start(db, sql, n, values, false, error);

	if (result == NULL)
		return false;
	int got;

	while ((got = db_next(result, error)) == 1)
		;
	return got == 0;
}

bool db_run(struct db *db, const char *sql, size_t n, const struct db_value *values, GError **error)
{
	return run_to_end(db, sql, n, values, error);
}

int64_t db_changes(const struct db *db)
{
	return db->changes;
}

int db_next_values(struct db *db, size_t n, db_row_fn next, void *data, struct db_value *values,
        GError **error)
{
	int got = next(data, values, error);

	if (got == 1 && !values_check(db, n, values, error))
		return -1;
	return got;
}

static bool run_rows_one_by_one(
        struct db *db, const char *sql, size_t n, db_row_fn next, void *data, GError **error)
{
	g_autofree struct db_value *values = g_new0(struct db_value, n);
	int64_t sum = 0;
	int got;

	while ((got = db_next_values(db, n, next, data, values, error)) == 1) {
		if (!run_to_end(db, sql, n, values, error))
			return false;
		sum += db->changes;
	}
	db->changes = sum;
	return got == 0;
}

bool db_run_rows(
        struct db *db, const char *sql, size_t n, db_row_fn next, void *data, GError **error)
{
	g_assert(n > 0 && n <= MAX_VALUES);
	if (!ready(db, error))
		return false;
	if (!db->in_transaction) {
		error_set(error, ERROR_CONFIG, "db.aborted",
		        "%s: many rows are written outside a transaction; this is a fault of the "
		        "program, please report it",
		        db->name);
		return false;
	}
	db->changes = 0;
	bool (*run_rows)(struct db *, const char *, size_t, db_row_fn, void *, GError **) =
	        db->driver->run_rows != NULL ? db->driver->run_rows : run_rows_one_by_one;

	return run_rows(db, sql, n, next, data, error) || spoil(db);
}

static bool readable(const struct db_result *result, int column)
{
	g_assert(result->has_row && column >= 0 && column < db_columns(result));
	return !result->db->driver->is_null(result, column);
}

bool db_column_is_null(const struct db_result *result, int column)
{
	return !readable(result, column);
}

int64_t db_column_int64(const struct db_result *result, int column)
{
	int64_t number = 0;

	if (readable(result, column) && result->db->driver->number(result, column, &number))
		return number;
	return 0;
}

bool db_column_int64_checked(
        const struct db_result *result, int column, int64_t *out, GError **error)
{
	if (readable(result, column) && result->db->driver->number(result, column, out))
		return true;
	*out = 0;
	error_set(error, ERROR_ITEM, "db.value",
	        "%s: column %s of a row is not a whole number; the row is skipped, look at it with "
	        "an SQL client",
	        result->db->name, db_column_name(result, column));
	return false;
}

double db_column_double(const struct db_result *result, int column)
{
	return readable(result, column) ? result->db->driver->real(result, column) : 0.0;
}

const char *db_column_text(const struct db_result *result, int column)
{
	return readable(result, column) ? result->db->driver->text(result, column) : NULL;
}

char *db_column_dup(const struct db_result *result, int column)
{
	return g_strdup(db_column_text(result, column));
}

const void *db_column_blob(const struct db_result *result, int column, size_t *len)
{
	*len = 0;
	return readable(result, column) ? result->db->driver->blob(result, column, len) : NULL;
}

int db_columns(const struct db_result *result)
{
	return result->db->driver->columns(result);
}

const char *db_column_name(const struct db_result *result, int column)
{
	return result->db->driver->column_name(result, column);
}

/* Reads on to the end, because only then a lone write is known to be kept. */
static bool finish_single(struct db_result *result, GError **error)
{
	int got = db_next(result, error);

	if (got == 1) {
		error_set(error, ERROR_CONFIG, "db.sql",
		        "%s: a query for one row gave several; this is a fault of the program, "
		        "please report it",
		        result->db->name);
		spoil(result->db);
	}
	return got == 0;
}

bool db_get_int64(struct db *db, const char *sql, size_t n, const struct db_value *values,
        int64_t *out, bool *found, GError **error)
{
	bool is_there = false;
	autoptr(db_result) result = db_query(db, sql, n, values, error);

	*out = 0;
	if (found != NULL)
		*found = false;
	if (result == NULL)
		return false;
	int got = db_next(result, error);

	if (got < 0)
		return false;
	if (got == 1 && !db_column_is_null(result, 0)) {
		is_there = true;
		if (!db_column_int64_checked(result, 0, out, error))
			return spoil(db);
	}
	if (got == 1 && !finish_single(result, error))
		return false;
	if (found != NULL)
		*found = is_there;
	return true;
}

bool db_get_text(struct db *db, const char *sql, size_t n, const struct db_value *values,
        char **text, GError **error)
{
	autoptr(db_result) result = db_query(db, sql, n, values, error);

	*text = NULL;
	if (result == NULL)
		return false;
	int got = db_next(result, error);

	if (got < 0)
		return false;
	g_autofree char *first = got == 1 ? db_column_dup(result, 0) : NULL;

	if (got == 1 && !finish_single(result, error))
		return false;
	*text = g_steal_pointer(&first);
	return true;
}

bool db_begin(struct db *db, GError **error)
{
	g_assert(!db->in_transaction);
	if (!ready(db, error) || !db->driver->begin(db, error))
		return false;
	db->in_transaction = true;
	return true;
}

bool db_commit(struct db *db, GError **error)
{
	g_assert(db->in_transaction);
	if (!ready(db, error)) {
		if (db->spoiled)
			db_rollback(db);
		return false;
	}
	bool kept = db->driver->commit(db, error);

	db->in_transaction = false;
	return kept;
}

void db_rollback(struct db *db)
{
	if (!db->in_transaction)
		return;
	g_assert(!db->result_open);
	db->driver->rollback(db);
	db->in_transaction = false;
	db->spoiled = false;
}

bool db_set_relaxed(struct db *db, bool relaxed, GError **error)
{
	g_assert(!db->in_transaction && !db->result_open);
	return db->driver->set_relaxed == NULL || db->driver->set_relaxed(db, relaxed, error);
}

bool db_in_transaction(const struct db *db)
{
	return db->in_transaction;
}

/* Skips white space and comments, which may stand before the first word. */
static const char *first_word(const char *sql)
{
	for (;;) {
		while (g_ascii_isspace(*sql))
			sql++;
		if (g_str_has_prefix(sql, "--")) {
			sql += strcspn(sql, "\n");
		} else if (g_str_has_prefix(sql, "/*")) {
			const char *end = strstr(sql, "*/");

			sql = end != NULL ? end + 2 : sql + strlen(sql);
		} else {
			return sql;
		}
	}
}

bool db_sql_reads(const char *sql)
{
	const char *word = first_word(sql);

	return g_ascii_strncasecmp(word, "SELECT", 6) == 0 && !g_ascii_isalnum(word[6]);
}

bool db_parse_int64(const char *text, int64_t *out)
{
	char *end = NULL;

	if (!g_ascii_isdigit(text[text[0] == '-' || text[0] == '+']))
		return false;
	/* GLib's first call in a process may leave an errno of another cause. */
	errno = 0;
	*out = g_ascii_strtoll(text, &end, 10);
	return errno != ERANGE && *end == '\0';
}
