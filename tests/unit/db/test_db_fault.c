/* What one engine alone can do to us: files, connections, lost answers. */
#include "tests/unit/db/engines.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

Suite *db_fault_suite(void);

static void open_fails(
        const char *url, unsigned flags, const char *reason, enum error_class error_class)
{
	GError *error = NULL;

	ck_assert_ptr_null(db_open(url, flags, &error));
	check_error(&error, reason, error_class);
}

START_TEST(urls_of_nobody)
{
	open_fails("mysql://user:secret@host/x", 0, "db.url", ERROR_CONFIG);
	open_fails("", 0, "db.url", ERROR_CONFIG);
	open_fails("/var/lib/imex/imex.db", 0, "db.url", ERROR_CONFIG);
	open_fails("sqlite:", 0, "db.url", ERROR_CONFIG);
	open_fails("postgresql://user:secret@[broken/x", 0, "db.url", ERROR_CONFIG);
	open_fails("postgresql://u:secret@/x?nonsense=1", 0, "db.url", ERROR_CONFIG);
}
END_TEST

static char *in_folder(const char *folder, const char *name)
{
	return g_strdup_printf("sqlite://%s/%s", folder, name);
}

START_TEST(files_absent_and_foreign)
{
	g_autofree char *folder = g_dir_make_tmp("imexdb.XXXXXX", NULL);
	g_autofree char *path = g_build_filename(folder, "x", NULL);
	g_autofree char *url = in_folder(folder, "x");
	g_autofree char *deep = in_folder(folder, "no/such/x");
	g_autofree char *itself = in_folder(folder, "");

	open_fails(url, 0, "db.absent", ERROR_CONFIG);
	open_fails(url, DB_READ_ONLY, "db.absent", ERROR_CONFIG);
	open_fails(url, DB_READ_ONLY | DB_CREATE, "db.absent", ERROR_CONFIG);
	ck_assert(!g_file_test(path, G_FILE_TEST_EXISTS));
	open_fails(deep, DB_CREATE, "db.absent", ERROR_CONFIG);
	open_fails(itself, 0, "db.corrupt", ERROR_CONFIG);
	ck_assert(g_file_set_contents(path, "this is a text and no database at all\n", -1, NULL));
	open_fails(url, 0, "db.corrupt", ERROR_CONFIG);
	open_fails(url, DB_READ_ONLY, "db.corrupt", ERROR_CONFIG);
	open_fails(url, DB_CREATE, "db.corrupt", ERROR_CONFIG);
	g_remove(path);
	g_rmdir(folder);
}
END_TEST

/* Overwrites the second page, which holds the table. */
START_TEST(a_damaged_file)
{
	engine_open(ENGINE_SQLITE);
	must_exec(one, "CREATE TABLE t (id BIGINT PRIMARY KEY); INSERT INTO t VALUES (1), (2)");
	must_exec(one, "PRAGMA wal_checkpoint(TRUNCATE)");
	g_clear_pointer(&two, db_close);
	g_clear_pointer(&one, db_close);
	char junk[4096];
	FILE *file = fopen(engine_url + strlen("sqlite://"), "r+");

	memset(junk, 0x55, sizeof(junk));
	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fseek(file, 4096, SEEK_SET), 0);
	ck_assert_uint_eq(fwrite(junk, 1, sizeof(junk), file), sizeof(junk));
	ck_assert_int_eq(fclose(file), 0);
	g_autoptr(GError) why = NULL;

	one = db_open(engine_url, 0, &why);
	ck_assert_msg(one != NULL, "%s", why != NULL ? why->message : "");
	must_fail(db_run(one, "SELECT id FROM t", DB_NO_VALUES, error), "db.corrupt", ERROR_CONFIG);
	engine_close();
}
END_TEST

START_TEST(a_new_file_is_private)
{
	struct stat status;

	engine_open(ENGINE_SQLITE);
	must_exec(one, "CREATE TABLE t (id BIGINT)");
	ck_assert_int_eq(stat(engine_url + strlen("sqlite://"), &status), 0);
	ck_assert_int_eq(status.st_mode & 0777, 0600);
	g_autofree char *wal = g_strconcat(engine_url + strlen("sqlite://"), "-wal", NULL);

	ck_assert_int_eq(stat(wal, &status), 0);
	ck_assert_int_eq(status.st_mode & 0777, 0600);
	ck_assert_int_eq(number_of(one, "PRAGMA foreign_keys"), 1);
	ck_assert_int_eq(number_of(one, "PRAGMA synchronous"), 2);
	engine_close();
}
END_TEST

START_TEST(relative_and_memory)
{
	g_autoptr(GError) error = NULL;
	autoptr(db) memory = db_open("sqlite::memory:", DB_CREATE, &error);

	ck_assert_msg(memory != NULL, "%s", error != NULL ? error->message : "");
	must_exec(memory, "CREATE TABLE t (id BIGINT)");
	g_autofree char *folder = g_dir_make_tmp("imexdb.XXXXXX", NULL);

	ck_assert_int_eq(chdir(folder), 0);
	/* Neither ":" nor "file:" at the start is magic. */
	autoptr(db) odd = db_open("sqlite:file:odd?mode=memory", DB_CREATE, &error);

	ck_assert_msg(odd != NULL, "%s", error != NULL ? error->message : "");
	ck_assert(g_file_test("file:odd?mode=memory", G_FILE_TEST_EXISTS));
	g_clear_pointer(&odd, db_close);
	g_remove("file:odd?mode=memory");
	ck_assert_int_eq(chdir("/"), 0);
	g_rmdir(folder);
}
END_TEST

START_TEST(servers_absent_and_unwilling)
{
	g_autofree char *no_database =
	        g_strdup_printf("%s&dbname=absent", g_getenv("IMEX_TEST_PG_URL"));
	g_autofree char *no_user =
	        g_strdup_printf("%s&user=nobody_at_all", g_getenv("IMEX_TEST_PG_URL"));

	open_fails("postgresql://u:secret@/x?host=/nonexistent", 0, "db.unreachable", ERROR_RETRY);
	open_fails("postgresql://u:secret@127.0.0.1:1/x", 0, "db.unreachable", ERROR_RETRY);
	open_fails(no_database, 0, "db.absent", ERROR_CONFIG);
	open_fails(no_user, 0, "db.denied", ERROR_CONFIG);
}
END_TEST

static void end_session_of(struct db *victim, struct db *by)
{
	int64_t pid = number_of(victim, "SELECT pg_backend_pid()");

	must(db_run(by, "SELECT pg_terminate_backend($1, 5000)", DB_VALUES(db_int(pid)), error));
}

START_TEST(a_lost_connection_comes_back)
{
	engine_open(ENGINE_POSTGRESQL);
	must_exec(one, "CREATE TABLE t (id BIGINT)");
	end_session_of(one, two);
	/* Idle: the farewell is seen before the statement is sent. */
	must(db_run(one, "INSERT INTO t VALUES (1)", DB_NO_VALUES, error));
	must(db_begin(one, error));
	must(db_run(one, "INSERT INTO t VALUES (2)", DB_NO_VALUES, error));
	int64_t pid = number_of(one, "SELECT pg_backend_pid()");

	must(db_run(two, "SELECT pg_terminate_backend($1, 5000)", DB_VALUES(db_int(pid)), error));
	must_fail(db_run(one, "INSERT INTO t VALUES (3)", DB_NO_VALUES, error), "db.unreachable",
	        ERROR_RETRY);
	must_fail(db_commit(one, error), "db.aborted", ERROR_CONFIG);
	must(db_begin(one, error));
	must(db_run(one, "INSERT INTO t VALUES (4)", DB_NO_VALUES, error));
	must(db_commit(one, error));
	ck_assert_int_eq(number_of(one, "SELECT sum(id) FROM t"), 5);
	engine_close();
}
END_TEST

START_TEST(a_lost_answer_to_commit_is_uncertain)
{
	engine_open(ENGINE_POSTGRESQL);
	must_exec(one, "CREATE TABLE t (id BIGINT)");
	g_autoptr(GError) why = NULL;
	autoptr(db) cut = db_open(g_getenv("IMEX_TEST_PG_CUT_URL"), 0, &why);

	ck_assert_msg(cut != NULL, "%s", why != NULL ? why->message : "");
	must(db_begin(cut, error));
	must(db_run(cut, "INSERT INTO t VALUES (1)", DB_NO_VALUES, error));
	must_fail(db_commit(cut, error), "db.uncertain", ERROR_UNCERTAIN);
	ck_assert(!db_in_transaction(cut));
	/* It had been kept, which only looking can tell; and the connection works again. */
	ck_assert_int_eq(number_of(cut, "SELECT count(*) FROM t"), 1);
	engine_close();
}
END_TEST

START_TEST(a_lost_answer_to_a_lone_statement)
{
	engine_open(ENGINE_POSTGRESQL);
	must_exec(one, "CREATE TABLE t (id BIGINT)");
	/* The session ends itself in the middle of the statement. */
	must_fail(db_run(one, "INSERT INTO t SELECT 1 FROM pg_terminate_backend(pg_backend_pid())",
	                  DB_NO_VALUES, error),
	        "db.uncertain", ERROR_UNCERTAIN);
	must_fail(db_run(one, " /* look */ select pg_terminate_backend(pg_backend_pid())",
	                  DB_NO_VALUES, error),
	        "db.unreachable", ERROR_RETRY);
	ck_assert_int_eq(number_of(one, "SELECT count(*) FROM t"), 0);
	engine_close();
}
END_TEST

struct breaking {
	struct db *victim, *by;
	int64_t pid, next, at;
};

static int breaking_row(void *data, struct db_value *values, GError **unused)
{
	struct breaking *breaking = data;

	(void)unused;
	if (breaking->next == breaking->at)
		must(db_run(breaking->by, "SELECT pg_terminate_backend($1, 5000)",
		        DB_VALUES(db_int(breaking->pid)), error));
	values[0] = db_int(breaking->next++);
	return breaking->next <= 2000;
}

/* At the start, with answers unread, and when the pipeline has been full before. */
START_TEST(a_connection_lost_in_a_pipeline)
{
	static const int64_t places[] = {0, 1, 130, 255, 256, 300, 1999};

	engine_open(ENGINE_POSTGRESQL);
	must_exec(one, "CREATE TABLE t (id BIGINT)");
	for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
		struct breaking breaking = {one, two, 0, 0, places[i]};

		must(db_begin(one, error));
		breaking.pid = number_of(one, "SELECT pg_backend_pid()");
		must_fail(db_run_rows(one, "INSERT INTO t VALUES ($1)", 1, breaking_row, &breaking,
		                  error),
		        "db.unreachable", ERROR_RETRY);
		must_fail(db_commit(one, error), "db.aborted", ERROR_CONFIG);
		ck_assert_int_eq(number_of(one, "SELECT count(*) FROM t"), 0);
	}
	engine_close();
}
END_TEST

START_TEST(a_deadlock_is_busy)
{
	engine_open(ENGINE_POSTGRESQL);
	must_exec(one, "CREATE TABLE t (id BIGINT); INSERT INTO t VALUES (1)");
	must(db_begin(one, error));
	must_fail(
	        db_exec(one, "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40P01'; END $$", error),
	        "db.busy", ERROR_RETRY);
	db_rollback(one);
	engine_close();
}
END_TEST

Suite *db_fault_suite(void)
{
	Suite *suite = suite_create("db_fault");
	TCase *tests = tcase_create("faults");

	tcase_add_test(tests, urls_of_nobody);
	tcase_add_test(tests, files_absent_and_foreign);
	tcase_add_test(tests, a_damaged_file);
	tcase_add_test(tests, a_new_file_is_private);
	tcase_add_test(tests, relative_and_memory);
	tcase_add_test(tests, servers_absent_and_unwilling);
	tcase_add_test(tests, a_lost_connection_comes_back);
	tcase_add_test(tests, a_lost_answer_to_commit_is_uncertain);
	tcase_add_test(tests, a_lost_answer_to_a_lone_statement);
	tcase_add_test(tests, a_connection_lost_in_a_pipeline);
	tcase_add_test(tests, a_deadlock_is_busy);
	suite_add_tcase(suite, tests);
	return suite;
}
