#include "tests/unit/db/engines.h"

#include <stdio.h>
#include <string.h>

Suite *db_suite(void);

/* Every test runs once per engine: _i says which. */
#define ENGINE_TEST(name)                                                                          \
	static void name##_body(void);                                                             \
	START_TEST(name)                                                                           \
	{                                                                                          \
		engine_open(_i);                                                                   \
		name##_body();                                                                     \
		engine_close();                                                                    \
	}                                                                                          \
	END_TEST                                                                                   \
	static void name##_body(void)

static struct db_result *must_query(
        struct db *db, const char *sql, size_t n, const struct db_value *values)
{
	g_autoptr(GError) error = NULL;
	struct db_result *result = db_query(db, sql, n, values, &error);

	ck_assert_msg(result != NULL, "%s: %s", sql, error != NULL ? error->message : "");
	return result;
}

static int must_next(struct db_result *result)
{
	g_autoptr(GError) error = NULL;
	int got = db_next(result, &error);

	ck_assert_msg(got >= 0, "%s", error != NULL ? error->message : "");
	return got;
}

static const char table_t[] = "CREATE TABLE t (id BIGINT PRIMARY KEY, name TEXT, data BYTEA)";

ENGINE_TEST(kind_and_name)
{
	bool is_sqlite = g_str_has_prefix(engine_url, "sqlite:");

	ck_assert_int_eq(db_kind(one), is_sqlite ? DB_SQLITE : DB_POSTGRESQL);
	ck_assert(g_str_has_prefix(db_name(one), is_sqlite ? engine_url : "postgresql://imex@"));
}

ENGINE_TEST(parameters_out_of_order_and_repeated)
{
	must_exec(one, table_t);
	must(db_run(one, "INSERT INTO t (name, id, data) VALUES ($2, $1, $3)",
	        DB_VALUES(db_int(7), db_text("seven"), db_null()), error));
	must(db_run(one, "INSERT INTO t (name, id) SELECT name, id + $2 FROM t WHERE id = $1",
	        DB_VALUES(db_int(7), db_int(10)), error));
	must(db_run(one, "UPDATE t SET name = $1 WHERE name = $2 AND name <> $1 AND id > $3",
	        DB_VALUES(db_text("new"), db_text("seven"), db_int(10)), error));
	ck_assert_int_eq(db_changes(one), 1);
	autoptr(db_result) rows =
	        must_query(one, "SELECT id, name, data FROM t ORDER BY id", DB_NO_VALUES);

	ck_assert_int_eq(must_next(rows), 1);
	ck_assert_int_eq(db_columns(rows), 3);
	ck_assert_str_eq(db_column_name(rows, 1), "name");
	ck_assert_int_eq(db_column_int64(rows, 0), 7);
	ck_assert_str_eq(db_column_text(rows, 1), "seven");
	ck_assert(db_column_is_null(rows, 2));
	ck_assert_int_eq(must_next(rows), 1);
	ck_assert_int_eq(db_column_int64(rows, 0), 17);
	ck_assert_str_eq(db_column_text(rows, 1), "new");
	ck_assert_int_eq(must_next(rows), 0);
	ck_assert_int_eq(must_next(rows), 0);
}

ENGINE_TEST(more_than_nine_parameters)
{
	must_exec(one, "CREATE TABLE w (a INT, b INT, c INT, d INT, e INT, f INT, g INT, h INT, "
	               "i INT, j INT, k INT, l INT)");
	must(db_run(one, "INSERT INTO w VALUES ($12, $11, $10, $9, $8, $7, $6, $5, $4, $3, $2, $1)",
	        DB_VALUES(db_int(1), db_int(2), db_int(3), db_int(4), db_int(5), db_int(6),
	                db_int(7), db_int(8), db_int(9), db_int(10), db_int(11), db_int(12)),
	        error));
	ck_assert_int_eq(number_of(one, "SELECT a FROM w"), 12);
	ck_assert_int_eq(number_of(one, "SELECT c FROM w"), 10);
	ck_assert_int_eq(number_of(one, "SELECT l FROM w"), 1);
}

ENGINE_TEST(parameters_that_stand_alone)
{
	g_autofree char *text = NULL;
	int64_t number = 0;

	must(db_get_int64(one, "SELECT CAST($1 AS BIGINT) + 1", DB_VALUES(db_int(G_MAXINT64 - 1)),
	        &number, NULL, error));
	ck_assert_int_eq(number, G_MAXINT64);
	must(db_get_text(one, "SELECT CAST($1 AS TEXT) WHERE CAST($2 AS BIGINT) IS NULL",
	        DB_VALUES(db_text("x"), db_null()), &text, error));
	ck_assert_str_eq(text, "x");
}

ENGINE_TEST(reading_on_after_an_error)
{
	must_exec(one, "CREATE TABLE n (i BIGINT CHECK (i > 0))");
	g_autoptr(GError) first = NULL;
	autoptr(db_result) rows =
	        db_query(one, "INSERT INTO n VALUES (0) RETURNING i", DB_NO_VALUES, &first);

	ck_assert_ptr_nonnull(rows);
	ck_assert_int_eq(db_next(rows, &first), -1);
	ck_assert(error_is(first, "db.constraint"));
	must_fail(db_next(rows, error) >= 0, "db.aborted", ERROR_CONFIG);
}

ENGINE_TEST(wrong_number_of_parameters)
{
	must_exec(one, table_t);
	must_fail(db_run(one, "INSERT INTO t (id) VALUES ($1)", DB_NO_VALUES, error), "db.sql",
	        ERROR_CONFIG);
	must_fail(db_run(one, "INSERT INTO t (id) VALUES ($1)", DB_VALUES(db_int(1), db_int(2)),
	                  error),
	        "db.sql", ERROR_CONFIG);
	must_fail(db_run(one, "INSERT INTO t (id, name) VALUES ($1, $3)",
	                  DB_VALUES(db_int(1), db_int(2), db_text("x")), error),
	        "db.sql", ERROR_CONFIG);
	ck_assert_int_eq(number_of(one, "SELECT count(*) FROM t"), 0);
}

ENGINE_TEST(nulls_and_empty_are_different)
{
	must_exec(one, table_t);
	must(db_run(one, "INSERT INTO t VALUES (1, $1, $2)",
	        DB_VALUES(db_text(NULL), db_blob(NULL, 0)), error));
	must(db_run(one, "INSERT INTO t VALUES (2, $1, $2)", DB_VALUES(db_text(""), db_blob("", 0)),
	        error));
	ck_assert_int_eq(number_of(one, "SELECT id FROM t WHERE name IS NULL AND data IS NULL"), 1);
	ck_assert_int_eq(
	        number_of(one, "SELECT id FROM t WHERE name = '' AND length(data) = 0"), 2);
	autoptr(db_result) rows =
	        must_query(one, "SELECT name, data FROM t ORDER BY id", DB_NO_VALUES);
	size_t len = 9;

	ck_assert_int_eq(must_next(rows), 1);
	ck_assert_ptr_null(db_column_text(rows, 0));
	ck_assert_ptr_null(db_column_dup(rows, 0));
	ck_assert_ptr_null(db_column_blob(rows, 1, &len));
	ck_assert_uint_eq(len, 0);
	ck_assert_int_eq(db_column_int64(rows, 0), 0);
	ck_assert_int_eq(must_next(rows), 1);
	ck_assert_str_eq(db_column_text(rows, 0), "");
	ck_assert_ptr_nonnull(db_column_blob(rows, 1, &len));
	ck_assert_uint_eq(len, 0);
}

ENGINE_TEST(blobs_keep_every_byte)
{
	unsigned char bytes[1000];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * 7);
	must_exec(one, table_t);
	must(db_run(one, "INSERT INTO t (id, data) VALUES (1, $1)",
	        DB_VALUES(db_blob(bytes, sizeof(bytes))), error));
	ck_assert_int_eq(number_of(one, "SELECT length(data) FROM t"), sizeof(bytes));
	autoptr(db_result) rows = must_query(one, "SELECT data FROM t WHERE data = $1",
	        DB_VALUES(db_blob(bytes, sizeof(bytes))));
	size_t len = 0;

	ck_assert_int_eq(must_next(rows), 1);
	const void *read = db_column_blob(rows, 0, &len);

	ck_assert_uint_eq(len, sizeof(bytes));
	ck_assert_mem_eq(read, bytes, sizeof(bytes));
}

/* Composed and decomposed, astral, right to left, the last code points, quoting characters. */
static const char *const texts[] = {"plain", "u\xCC\x88 \xC3\xBC", "\xF0\x9F\x98\x80",
        "\xD7\xA9\xD7\x9C\xD7\x95\xD7\x9D", "\xF4\x8F\xBF\xBF \xEF\xBF\xBF", "'; DROP TABLE t; --",
        "back\\slash \"quotes\"\n\ttab", "$1 %s", "\x01\x7f"};

ENGINE_TEST(text_comes_back_byte_for_byte)
{
	must_exec(one, table_t);
	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autofree char *read = NULL;

		must(db_run(one, "INSERT INTO t (id, name) VALUES ($1, $2)",
		        DB_VALUES(db_int((int64_t)i), db_text(texts[i])), error));
		must(db_get_text(one, "SELECT name FROM t WHERE name = $1 AND id = $2",
		        DB_VALUES(db_text(texts[i]), db_int((int64_t)i)), &read, error));
		ck_assert_str_eq(read, texts[i]);
	}
}

ENGINE_TEST(text_that_is_no_text_is_refused)
{
	must_exec(one, table_t);
	must_fail(db_run(one, "INSERT INTO t (id, name) VALUES (1, $1)",
	                  DB_VALUES(db_text_len("a\0b", 3)), error),
	        "db.value", ERROR_ITEM);
	must_fail(db_run(one, "INSERT INTO t (id, name) VALUES (1, $1)", DB_VALUES(db_text("\xFF")),
	                  error),
	        "db.value", ERROR_ITEM);
	must_fail(db_run(one, "INSERT INTO t (id, name) VALUES (1, $1)",
	                  DB_VALUES(db_text("\xED\xA0\x80")), error),
	        "db.value", ERROR_ITEM);
	must(db_run(one, "INSERT INTO t (id, name) VALUES (1, $1)",
	        DB_VALUES(db_text_len("abc", 2)), error));
	ck_assert_int_eq(number_of(one, "SELECT count(*) FROM t WHERE name = 'ab'"), 1);
}

ENGINE_TEST(numbers_of_64_bits)
{
	static const int64_t numbers[] = {0, -1, G_MAXINT64, G_MININT64, 1760000000000000};

	must_exec(one, table_t);
	for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++) {
		int64_t read = 5;
		bool found = false;

		must(db_run(one, "INSERT INTO t (id) VALUES ($1)", DB_VALUES(db_int(numbers[i])),
		        error));
		must(db_get_int64(one, "SELECT id FROM t WHERE id = $1",
		        DB_VALUES(db_int(numbers[i])), &read, &found, error));
		ck_assert(found);
		ck_assert_int_eq(read, numbers[i]);
	}
	/* A sum of BIGINT is NUMERIC to PostgreSQL. */
	ck_assert_int_eq(number_of(one, "SELECT sum(id) FROM t WHERE id BETWEEN -1 AND 9"), -1);
}

ENGINE_TEST(a_column_that_is_no_number)
{
	int64_t number = 3;

	must_exec(one, "CREATE TABLE s (a TEXT); INSERT INTO s VALUES ('12'), ('12x'), "
	               "('99999999999999999999'), ('')");
	autoptr(db_result) rows = must_query(one, "SELECT a FROM s", DB_NO_VALUES);

	ck_assert_int_eq(must_next(rows), 1);
	must(db_column_int64_checked(rows, 0, &number, error));
	ck_assert_int_eq(number, 12);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(must_next(rows), 1);
		must_fail(db_column_int64_checked(rows, 0, &number, error), "db.value", ERROR_ITEM);
		ck_assert_int_eq(number, 0);
	}
}

ENGINE_TEST(real_and_boolean_columns)
{
	must_exec(one, "CREATE TABLE r (a DOUBLE PRECISION, b BOOLEAN, c BOOLEAN); "
	               "INSERT INTO r VALUES (1760000000.25, TRUE, FALSE)");
	autoptr(db_result) rows = must_query(one, "SELECT a, b, c FROM r", DB_NO_VALUES);

	ck_assert_int_eq(must_next(rows), 1);
	ck_assert_double_eq(db_column_double(rows, 0), 1760000000.25);
	ck_assert_int_eq(db_column_int64(rows, 1), 1);
	ck_assert_int_eq(db_column_int64(rows, 2), 0);
}

ENGINE_TEST(get_of_nothing_and_of_too_much)
{
	int64_t number = 3;
	bool found = true;
	g_autofree char *text = NULL;

	must_exec(one, table_t);
	must(db_get_int64(one, "SELECT id FROM t", DB_NO_VALUES, &number, &found, error));
	ck_assert(!found);
	must(db_get_int64(one, "SELECT max(id) FROM t", DB_NO_VALUES, &number, &found, error));
	ck_assert(!found);
	must(db_get_text(one, "SELECT name FROM t", DB_NO_VALUES, &text, error));
	ck_assert_ptr_null(text);
	must_exec(one, "INSERT INTO t (id) VALUES (1), (2)");
	must_fail(db_get_int64(one, "SELECT id FROM t", DB_NO_VALUES, &number, &found, error),
	        "db.sql", ERROR_CONFIG);
	ck_assert_int_eq(number_of(one, "SELECT count(*) FROM t"), 2);
}

/* More texts than are kept prepared. */
ENGINE_TEST(statements_without_end)
{
	for (int i = 0; i < 1100; i++) {
		g_autofree char *sql = g_strdup_printf("SELECT %d + CAST($1 AS BIGINT)", i);
		int64_t number = 0;

		must(db_get_int64(one, sql, DB_VALUES(db_int(1)), &number, NULL, error));
		ck_assert_int_eq(number, i + 1);
	}
}

ENGINE_TEST(large_values)
{
	size_t len = (size_t)5 << 20, read_len = 0;
	g_autofree char *text = g_strnfill(len, 'x');

	must_exec(one, table_t);
	must(db_run(one, "INSERT INTO t VALUES (1, $1, $2)",
	        DB_VALUES(db_text_len(text, len), db_blob(text, len)), error));
	autoptr(db_result) rows = must_query(one, "SELECT name, data FROM t", DB_NO_VALUES);

	ck_assert_int_eq(must_next(rows), 1);
	ck_assert_uint_eq(strlen(db_column_text(rows, 0)), len);
	ck_assert_mem_eq(db_column_blob(rows, 1, &read_len), text, len);
	ck_assert_uint_eq(read_len, len);
}

ENGINE_TEST(rows_stream_and_may_be_left)
{
	must_exec(one, "CREATE TABLE n (i BIGINT); INSERT INTO n WITH RECURSIVE c(i) AS "
	               "(SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 20000) SELECT i FROM c");
	int64_t sum = 0;
	struct db_result *rows = must_query(one, "SELECT i FROM n ORDER BY i", DB_NO_VALUES);

	while (must_next(rows) == 1)
		sum += db_column_int64(rows, 0);
	db_result_free(rows);
	ck_assert_int_eq(sum, 20000 * 20001 / 2);
	/* Left after three rows, outside and inside a transaction; the connection stays usable. */
	for (int inside = 0; inside < 2; inside++) {
		if (inside)
			must(db_begin(one, error));
		rows = must_query(one, "SELECT i FROM n ORDER BY i", DB_NO_VALUES);
		for (int i = 0; i < 3; i++)
			ck_assert_int_eq(must_next(rows), 1);
		db_result_free(rows);
		ck_assert_int_eq(number_of(one, "SELECT count(*) FROM n"), 20000);
		if (inside)
			must(db_commit(one, error));
	}
}

ENGINE_TEST(one_result_at_a_time)
{
	must_exec(one, table_t);
	struct db_result *rows = must_query(one, "SELECT id FROM t", DB_NO_VALUES);

	must_fail(
	        db_run(one, "DELETE FROM t", DB_NO_VALUES, error), "db.result_open", ERROR_CONFIG);
	must_fail(db_exec(one, "DELETE FROM t", error), "db.result_open", ERROR_CONFIG);
	must_fail(db_begin(one, error), "db.result_open", ERROR_CONFIG);
	db_result_free(rows);
	must(db_run(one, "DELETE FROM t", DB_NO_VALUES, error));
}

ENGINE_TEST(returning_gives_rows_and_changes)
{
	int64_t id = 0;

	must_exec(one, table_t);
	must(db_get_int64(one, "INSERT INTO t (id) VALUES ($1) RETURNING id + 1",
	        DB_VALUES(db_int(41)), &id, NULL, error));
	ck_assert_int_eq(id, 42);
	ck_assert_int_eq(db_changes(one), 1);
	ck_assert_int_eq(number_of(two, "SELECT count(*) FROM t"), 1);
	must(db_run(one, "DELETE FROM t WHERE id = $1", DB_VALUES(db_int(99)), error));
	ck_assert_int_eq(db_changes(one), 0);
}

ENGINE_TEST(unique_and_other_constraints)
{
	must_exec(one, "CREATE TABLE u (id BIGINT PRIMARY KEY, name TEXT NOT NULL UNIQUE, "
	               "size INT CHECK (size > 0), parent BIGINT REFERENCES u (id))");
	must_exec(one, "INSERT INTO u VALUES (1, 'a', 1, NULL)");
	must_fail(db_run(one, "INSERT INTO u VALUES (1, 'b', 1, NULL)", DB_NO_VALUES, error),
	        "db.unique", ERROR_ITEM);
	must_fail(db_run(one, "INSERT INTO u VALUES (2, 'a', 1, NULL)", DB_NO_VALUES, error),
	        "db.unique", ERROR_ITEM);
	must_fail(db_run(one, "INSERT INTO u VALUES (2, NULL, 1, NULL)", DB_NO_VALUES, error),
	        "db.constraint", ERROR_ITEM);
	must_fail(db_run(one, "INSERT INTO u VALUES (2, 'b', 0, NULL)", DB_NO_VALUES, error),
	        "db.constraint", ERROR_ITEM);
	must_fail(db_run(one, "INSERT INTO u VALUES (2, 'b', 1, 77)", DB_NO_VALUES, error),
	        "db.constraint", ERROR_ITEM);
	must(db_run(one, "INSERT INTO u VALUES (1, 'b', 1, NULL) ON CONFLICT DO NOTHING",
	        DB_NO_VALUES, error));
	ck_assert_int_eq(db_changes(one), 0);
}

ENGINE_TEST(bad_sql_is_named)
{
	must_fail(db_run(one, "SELEC 1", DB_NO_VALUES, error), "db.sql", ERROR_CONFIG);
	must_fail(
	        db_run(one, "SELECT x FROM nowhere", DB_NO_VALUES, error), "db.sql", ERROR_CONFIG);
	must_fail(db_exec(one, "CREATE TABLE q (a INT); nonsense", error), "db.sql", ERROR_CONFIG);
	must_fail(db_run(one, "SELECT 1; SELECT 2", DB_NO_VALUES, error), "db.sql", ERROR_CONFIG);
	/* Double quotes are names, never strings. */
	must_fail(db_run(one, "SELECT \"nothing\"", DB_NO_VALUES, error), "db.sql", ERROR_CONFIG);
	ck_assert_int_eq(number_of(one, "SELECT 'a' LIKE 'A'"), 0);
}

ENGINE_TEST(transactions_keep_or_drop_all)
{
	must_exec(one, table_t);
	ck_assert(!db_in_transaction(one));
	must(db_begin(one, error));
	ck_assert(db_in_transaction(one));
	must(db_run(one, "INSERT INTO t (id) VALUES (1)", DB_NO_VALUES, error));
	ck_assert_int_eq(number_of(two, "SELECT count(*) FROM t"), 0);
	must(db_commit(one, error));
	ck_assert_int_eq(number_of(two, "SELECT count(*) FROM t"), 1);
	must(db_begin(one, error));
	must(db_run(one, "DELETE FROM t", DB_NO_VALUES, error));
	db_rollback(one);
	db_rollback(one);
	ck_assert_int_eq(number_of(one, "SELECT count(*) FROM t"), 1);
	/* Closing drops what was not committed. */
	must(db_begin(two, error));
	must(db_run(two, "DELETE FROM t", DB_NO_VALUES, error));
	g_clear_pointer(&two, db_close);
	ck_assert_int_eq(number_of(one, "SELECT count(*) FROM t"), 1);
}

ENGINE_TEST(an_error_spoils_the_transaction)
{
	must_exec(one, table_t);
	must(db_begin(one, error));
	must(db_run(one, "INSERT INTO t (id) VALUES (1)", DB_NO_VALUES, error));
	must_fail(db_run(one, "INSERT INTO t (id) VALUES (1)", DB_NO_VALUES, error), "db.unique",
	        ERROR_ITEM);
	must_fail(db_run(one, "INSERT INTO t (id) VALUES (2)", DB_NO_VALUES, error), "db.aborted",
	        ERROR_CONFIG);
	must_fail(db_commit(one, error), "db.aborted", ERROR_CONFIG);
	ck_assert(!db_in_transaction(one));
	ck_assert_int_eq(number_of(one, "SELECT count(*) FROM t"), 0);
	/* The same when it was db.c that refused, without asking the engine. */
	must(db_begin(one, error));
	must(db_run(one, "INSERT INTO t (id) VALUES (1)", DB_NO_VALUES, error));
	must_fail(db_run(one, "UPDATE t SET name = $1", DB_VALUES(db_text("\xC3")), error),
	        "db.value", ERROR_ITEM);
	must_fail(db_commit(one, error), "db.aborted", ERROR_CONFIG);
	ck_assert_int_eq(number_of(one, "SELECT count(*) FROM t"), 0);
	must(db_begin(one, error));
	must(db_commit(one, error));
}

ENGINE_TEST(a_commit_that_fails_has_rolled_back)
{
	must_exec(one, "CREATE TABLE p (id BIGINT PRIMARY KEY); CREATE TABLE c (p BIGINT "
	               "REFERENCES p (id) DEFERRABLE INITIALLY DEFERRED)");
	must(db_begin(one, error));
	must(db_run(one, "INSERT INTO c VALUES (5)", DB_NO_VALUES, error));
	must_fail(db_commit(one, error), "db.constraint", ERROR_ITEM);
	ck_assert(!db_in_transaction(one));
	must(db_begin(one, error));
	must(db_commit(one, error));
	ck_assert_int_eq(number_of(one, "SELECT count(*) FROM c"), 0);
}

ENGINE_TEST(somebody_elses_lock_is_busy)
{
	must_exec(one, table_t);
	must_exec(one, "INSERT INTO t (id) VALUES (1)");
	must(db_set_lock_wait_ms(two, 20, error));
	must(db_begin(one, error));
	must(db_run(one, "UPDATE t SET name = 'x'", DB_NO_VALUES, error));
	must_fail(db_run(two, "UPDATE t SET name = 'y'", DB_NO_VALUES, error), "db.busy",
	        ERROR_RETRY);
	/* SQLite refuses at once, PostgreSQL when the row is touched. */
	must_fail(
	        db_begin(two, error) && db_run(two, "UPDATE t SET name = 'y'", DB_NO_VALUES, error),
	        "db.busy", ERROR_RETRY);
	db_rollback(two);
	must(db_commit(one, error));
	must(db_run(two, "UPDATE t SET name = 'y'", DB_NO_VALUES, error));
}

struct feed {
	int64_t next, end, bad_at, fail_at;
};

static int feed_row(void *data, struct db_value *values, GError **error)
{
	struct feed *feed = data;

	if (feed->next == feed->fail_at) {
		error_set(error, ERROR_MAILBOX, "test.feed", "the source broke");
		return -1;
	}
	if (feed->next >= feed->end)
		return 0;
	values[0] = db_int(feed->next == feed->bad_at ? 0 : feed->next);
	values[1] = db_text("row");
	feed->next++;
	return 1;
}

static const char insert_row[] = "INSERT INTO t (id, name) VALUES ($1, $2)";

ENGINE_TEST(many_rows_in_one_go)
{
	struct feed feed = {.end = 3001, .bad_at = -1, .fail_at = -1};

	must_exec(one, table_t);
	must_fail(db_run_rows(one, insert_row, 2, feed_row, &feed, error), "db.aborted",
	        ERROR_CONFIG);
	must(db_begin(one, error));
	must(db_run_rows(one, insert_row, 2, feed_row, &feed, error));
	ck_assert_int_eq(db_changes(one), 3001);
	must(db_commit(one, error));
	ck_assert_int_eq(number_of(two, "SELECT count(*) FROM t"), 3001);
	ck_assert_int_eq(number_of(two, "SELECT sum(id) FROM t"), 3000 * 3001 / 2);
}

ENGINE_TEST(many_rows_of_which_one_is_bad)
{
	/* At the start, within the first pipeline, at its edges, in a later one, the last. */
	static const int64_t places[] = {1, 2, 127, 128, 255, 256, 257, 700, 999};

	must_exec(one, table_t);
	for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
		struct feed feed = {.end = 1000, .bad_at = places[i], .fail_at = -1};

		must(db_begin(one, error));
		must_fail(db_run_rows(one, insert_row, 2, feed_row, &feed, error), "db.unique",
		        ERROR_ITEM);
		must_fail(db_commit(one, error), "db.aborted", ERROR_CONFIG);
		feed = (struct feed){.end = 1000, .bad_at = -1, .fail_at = places[i]};
		must(db_begin(one, error));
		must_fail(db_run_rows(one, insert_row, 2, feed_row, &feed, error), "test.feed",
		        ERROR_MAILBOX);
		db_rollback(one);
		ck_assert_int_eq(number_of(one, "SELECT count(*) FROM t"), 0);
	}
}

ENGINE_TEST(read_only_is_kept_by_the_engine)
{
	must_exec(one, table_t);
	g_clear_pointer(&two, db_close);
	g_autoptr(GError) why = NULL;

	two = db_open(engine_url, DB_READ_ONLY, &why);
	ck_assert_msg(two != NULL, "%s", why != NULL ? why->message : "");
	ck_assert_int_eq(number_of(two, "SELECT count(*) FROM t"), 0);
	must_fail(db_run(two, "INSERT INTO t (id) VALUES (1)", DB_NO_VALUES, error), "db.denied",
	        ERROR_CONFIG);
	must_fail(db_exec(two, "DROP TABLE t", error), "db.denied", ERROR_CONFIG);
	must(db_begin(two, error));
	ck_assert_int_eq(number_of(two, "SELECT count(*) FROM t"), 0);
	must_exec(one, "INSERT INTO t (id) VALUES (1)");
	must(db_commit(two, error));
	ck_assert_int_eq(number_of(two, "SELECT count(*) FROM t"), 1);
}

ENGINE_TEST(schema_changes_under_a_cached_statement)
{
	must_exec(one, table_t);
	must_exec(one, "INSERT INTO t (id) VALUES (1)");
	struct db_result *rows = must_query(one, "SELECT * FROM t", DB_NO_VALUES);

	ck_assert_int_eq(must_next(rows), 1);
	ck_assert_int_eq(db_columns(rows), 3);
	db_result_free(rows);
	must_exec(two, "ALTER TABLE t ADD COLUMN more TEXT");
	/* PostgreSQL may refuse the old plan once; the next try has the new column. */
	g_autoptr(GError) ignored = NULL;

	ck_assert(db_run(one, "SELECT * FROM t", DB_NO_VALUES, &ignored) || ignored != NULL);
	rows = must_query(one, "SELECT * FROM t", DB_NO_VALUES);
	ck_assert_int_eq(must_next(rows), 1);
	ck_assert_int_eq(db_columns(rows), 4);
	db_result_free(rows);
}

/* A driver may remember a statement by where its text stood. */
ENGINE_TEST(another_text_in_the_same_place)
{
	char sql[16];

	for (int round = 0; round < 3; round++) {
		snprintf(sql, sizeof sql, "SELECT %d", round);
		ck_assert_int_eq(number_of(one, sql), round);
	}
}

ENGINE_TEST(relaxed_commits_are_seen_by_others)
{
	bool is_sqlite = db_kind(one) == DB_SQLITE;

	must_exec(one, table_t);
	for (int relaxed = 1; relaxed >= 0; relaxed--) {
		must(db_set_relaxed(one, relaxed, error));
		if (is_sqlite)
			ck_assert_int_eq(number_of(one, "PRAGMA synchronous"), relaxed ? 1 : 2);
		must(db_begin(one, error));
		must(db_run(
		        one, "INSERT INTO t (id) VALUES ($1)", DB_VALUES(db_int(relaxed)), error));
		must(db_commit(one, error));
		ck_assert_int_eq(number_of(two, "SELECT count(*) FROM t"), 2 - relaxed);
	}
}

Suite *db_suite(void)
{
	Suite *suite = suite_create("db");
	TCase *tests = tcase_create("conformance");
	const TTest *const all[] = {
	        kind_and_name,
	        parameters_out_of_order_and_repeated,
	        more_than_nine_parameters,
	        parameters_that_stand_alone,
	        reading_on_after_an_error,
	        wrong_number_of_parameters,
	        nulls_and_empty_are_different,
	        blobs_keep_every_byte,
	        text_comes_back_byte_for_byte,
	        text_that_is_no_text_is_refused,
	        numbers_of_64_bits,
	        a_column_that_is_no_number,
	        real_and_boolean_columns,
	        get_of_nothing_and_of_too_much,
	        statements_without_end,
	        large_values,
	        rows_stream_and_may_be_left,
	        one_result_at_a_time,
	        returning_gives_rows_and_changes,
	        unique_and_other_constraints,
	        bad_sql_is_named,
	        transactions_keep_or_drop_all,
	        an_error_spoils_the_transaction,
	        a_commit_that_fails_has_rolled_back,
	        somebody_elses_lock_is_busy,
	        many_rows_in_one_go,
	        many_rows_of_which_one_is_bad,
	        read_only_is_kept_by_the_engine,
	        schema_changes_under_a_cached_statement,
	        another_text_in_the_same_place,
	        relaxed_commits_are_seen_by_others,
	};

	for (size_t i = 0; i < G_N_ELEMENTS(all); i++)
		tcase_add_loop_test(tests, all[i], 0, ENGINES);
	suite_add_tcase(suite, tests);
	return suite;
}
