#include "core/thread.h"
#include "store/store_private.h"
#include "tests/unit/store/fixture.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

Suite *store_suite(void);

static void run_sql(const char *sql)
{
	g_autoptr(GError) problem = NULL;
	autoptr(db) db = db_open(store_url, DB_CREATE, &problem);
	ck_assert_msg(db != NULL, "%s", problem != NULL ? problem->message : "");
	must(db_exec(db, sql, error));
}

static void must_not_open(enum store_open_mode mode, const char *reason, const char *names)
{
	g_autoptr(GError) problem = NULL;
	autoptr(store) opened = store_open(store_url, mode, &problem);
	ck_assert_ptr_null(opened);
	ck_assert_ptr_nonnull(problem);
	ck_assert_int_eq(error_class_of(problem), ERROR_CONFIG);
	ck_assert_msg(strstr(problem->message, names) != NULL, "%s", problem->message);
	check_reason(&problem, reason);
}

static int newest(void)
{
	int number = 0;
	for (const struct migration *m = store_migrations; m->number != 0; m++) {
		ck_assert_int_gt(m->number, number);
		number = m->number;
	}
	return number;
}

/* Every file of sql/ is in the program: one that is missing in sql/local.mk would be missed late.
 */
START_TEST(all_embedded)
{
	g_autofree char *folder = g_build_filename(g_getenv("srcdir"), "sql", NULL);
	g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
	ck_assert_ptr_nonnull(dir);
	const char *file;
	unsigned files = 0;
	while ((file = g_dir_read_name(dir)) != NULL) {
		if (!g_str_has_suffix(file, ".sql"))
			continue;
		g_autofree char *name = g_strndup(file, strlen(file) - 4);
		const struct migration *m = store_migrations;
		while (m->number != 0 && !g_str_equal(m->name, name))
			m++;
		ck_assert_msg(m->number != 0, "%s is not listed in sql/local.mk", file);
		files++;
	}
	ck_assert_uint_ge(files, 1);
}
END_TEST

STORE_TEST(created_again)
{
	must(store_property_set(store, "colour", "green", error));
	must(store_property_set(other, "colour", "blue", error));
	g_autoptr(GError) problem = NULL;
	autoptr(store) third = store_open(store_url, STORE_CREATE, &problem);
	ck_assert_msg(third != NULL, "%s", problem != NULL ? problem->message : "");
	g_autofree char *value = NULL;
	must(store_property_get(third, "colour", &value, error));
	ck_assert_str_eq(value, "blue");
	must(store_property_set(third, "colour", NULL, error));
	g_autofree char *gone = NULL;
	must(store_property_get(store, "colour", &gone, error));
	ck_assert_ptr_null(gone);
}

START_TEST(absent)
{
	store_test_prepare(_i);
	must_not_open(STORE_EXISTING, "store.absent", "imex init");
	must_not_open(STORE_UPGRADE, "store.absent", "imex init");
	store_test_done();
}
END_TEST

START_TEST(foreign)
{
	store_test_prepare(_i);
	run_sql("CREATE TABLE songs (title TEXT)");
	must_not_open(STORE_EXISTING, "store.foreign", "another program");
	must_not_open(STORE_CREATE, "store.foreign", "another program");
	run_sql("INSERT INTO songs VALUES ('still here')");
	store_test_done();
}
END_TEST

STORE_TEST(newer)
{
	run_sql("INSERT INTO schema_version VALUES (9999, '9999_future', 1)");
	must_not_open(STORE_EXISTING, "store.newer", "9999");
	must_not_open(STORE_CREATE, "store.newer", "9999");
	must_not_open(STORE_UPGRADE, "store.newer", "9999");
}

/* The schema of a later imex: everything of this one, and one more. */
static const char *const more_sqlite[] = {"CREATE TABLE more (a TEXT);", NULL};
static const char *const wrong_sql[] = {
        "CREATE TABLE half (a TEXT);", "CREATE TABLE half (a TEXT);", NULL};

static struct migration *later(const char *const *sql)
{
	GArray *table = g_array_new(TRUE, TRUE, sizeof(struct migration));
	for (const struct migration *m = store_migrations; m->number != 0; m++)
		g_array_append_vals(table, m, 1);
	struct migration more = {9999, "9999_more", sql, sql};
	g_array_append_val(table, more);
	return (struct migration *)(void *)g_array_free(table, FALSE);
}

STORE_TEST(upgraded)
{
	g_autofree struct migration *table = later(more_sqlite);
	must(store_property_set(store, "colour", "green", error));
	must_fail(store_migrate(store, table, STORE_EXISTING, error), "store.older");
	must_fail(store_migrate(store, table, STORE_CREATE, error), "store.older");
	must(store_migrate(store, table, STORE_UPGRADE, error));
	struct store_upgrade_report report = store_upgrade_report(store);
	ck_assert_int_eq(report.from, newest());
	ck_assert_int_eq(report.to, 9999);
	must(db_exec(store->db, "INSERT INTO more VALUES ('x')", error));
	must(store_migrate(store, table, STORE_EXISTING, error));
	must_not_open(STORE_EXISTING, "store.newer", "9999");
	if (db_kind(store->db) == DB_POSTGRESQL) {
		ck_assert_ptr_null(report.backup_path);
		return;
	}
	struct stat st;
	ck_assert_int_eq(stat(report.backup_path, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
	g_autofree char *url = g_strconcat("sqlite://", report.backup_path, NULL);
	g_autoptr(GError) problem = NULL;
	autoptr(store) backup = store_open(url, STORE_EXISTING, &problem);
	ck_assert_msg(backup != NULL, "%s", problem != NULL ? problem->message : "");
	g_autofree char *value = NULL;
	must(store_property_get(backup, "colour", &value, error));
	ck_assert_str_eq(value, "green");
}

/* A migration is done or not: the half of one leaves nothing behind. */
STORE_TEST(upgrade_fails)
{
	g_autofree struct migration *wrong = later(wrong_sql);
	must_fail(store_migrate(store, wrong, STORE_UPGRADE, error), "db.sql");
	must(store_migrate(store, store_migrations, STORE_EXISTING, error));
	g_autofree struct migration *right = later(more_sqlite);
	must(store_migrate(store, right, STORE_UPGRADE, error));
	must_fail(db_exec(store->db, "INSERT INTO half VALUES ('x')", error), "db.sql");
}

/* The folder is taken away under the open file: that stops root, too. */
START_TEST(backup_fails)
{
	store_test_prepare(ENGINE_SQLITE);
	store_open_both();
	g_autofree struct migration *table = later(more_sqlite);
	g_autofree char *moved = g_strconcat(store_folder, ".moved", NULL);
	ck_assert_int_eq(g_rename(store_folder, moved), 0);
	must_fail(store_migrate(store, table, STORE_UPGRADE, error), "store.backup");
	ck_assert_int_eq(g_rename(moved, store_folder), 0);
	must(store_migrate(store, store_migrations, STORE_EXISTING, error));
	store_test_done();
}
END_TEST

/* As an unprivileged user, whom a folder's permissions stop. */
START_TEST(unwritable)
{
	store_test_prepare(ENGINE_SQLITE);
	ck_assert_int_eq(g_chmod(store_folder, 0555), 0);
	if (geteuid() == 0)
		ck_assert_int_eq(seteuid(65534), 0);
	must_not_open(STORE_CREATE, "db.denied", "imex.db");
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(0), 0);
	g_chmod(store_folder, 0700);
	store_test_done();
}
END_TEST

START_TEST(corrupt)
{
	store_test_prepare(ENGINE_SQLITE);
	g_autofree char *path = g_build_filename(store_folder, "imex.db", NULL);
	char noise[4096];
	memset(noise, 0x5a, sizeof noise);
	ck_assert(g_file_set_contents(path, noise, sizeof noise, NULL));
	must_not_open(STORE_EXISTING, "db.corrupt", "imex.db");
	must_not_open(STORE_CREATE, "db.corrupt", "imex.db");
	struct stat st;
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_size, sizeof noise);
	store_test_done();
}
END_TEST

START_TEST(url_of_nothing)
{
	store_test_prepare(ENGINE_SQLITE);
	g_free(store_url);
	store_url = g_strdup("mysql://localhost/imex");
	must_not_open(STORE_EXISTING, "db.url", "sqlite:///");
	store_test_done();
}
END_TEST

struct opener {
	struct thread *thread;
	GError *problem;
};

static void open_one(void *data)
{
	struct opener *opener = data;
	autoptr(store) opened = store_open(store_url, STORE_CREATE, &opener->problem);
	ck_assert((opened == NULL) == (opener->problem != NULL));
}

/* All of them get the same store, whoever is first. */
START_TEST(created_at_once)
{
	store_test_prepare(_i);
	struct opener openers[4] = {0};
	for (unsigned i = 0; i < G_N_ELEMENTS(openers); i++)
		openers[i].thread = thread_start("opener", open_one, &openers[i]);
	for (unsigned i = 0; i < G_N_ELEMENTS(openers); i++)
		thread_join(openers[i].thread);
	for (unsigned i = 0; i < G_N_ELEMENTS(openers); i++)
		ck_assert_msg(openers[i].problem == NULL, "%s", openers[i].problem->message);
	store_open_both();
	store_test_done();
}
END_TEST

static bool set_and(bool good, GError **error)
{
	return store_property_set(store, "inner", "1", error) && good;
}

static void check_property(const char *name, const char *expected)
{
	g_autofree char *value = NULL;
	must(store_property_get(other, name, &value, error));
	ck_assert_pstr_eq(value, expected);
}

STORE_TEST(transactions_nest)
{
	must(store_begin(store, error));
	must(store_property_set(store, "outer", "1", error));
	must(store_begin(store, error));
	must(store_end(store, set_and(true, error), error));
	check_property("inner", NULL);
	must(store_commit(store, error));
	check_property("outer", "1");
	check_property("inner", "1");
}

STORE_TEST(inner_failure_undoes_all)
{
	must(store_begin(store, error));
	must(store_property_set(store, "outer", "1", error));
	must(store_begin(store, error));
	must(store_property_set(store, "inner", "1", error));
	ck_assert(!store_end(store, false, NULL));
	must_fail(store_commit(store, error), "store.aborted");
	check_property("outer", NULL);
	check_property("inner", NULL);
	store_rollback(store);
	must(store_property_set(store, "later", "1", error));
	check_property("later", "1");
}

/* Whether a commit would be flushed to disk now; PostgreSQL's always are. */
static bool is_firm(void)
{
	int64_t level = 2;
	if (db_kind(store->db) == DB_SQLITE)
		must(db_get_int64(
		        store->db, "PRAGMA synchronous", DB_NO_VALUES, &level, NULL, error));
	return level == 2;
}

STORE_TEST(firm_among_relaxed)
{
	bool sqlite = db_kind(store->db) == DB_SQLITE;
	ck_assert(is_firm());
	store_relax(store, true);
	must(store_begin(store, error));
	ck_assert(is_firm() == !sqlite);
	must(store_property_set(store, "relaxed", "1", error));
	must(store_commit(store, error));
	must(store_begin_firm(store, error));
	ck_assert(is_firm());
	must(store_property_set(store, "firm", "1", error));
	must(store_commit(store, error));
	ck_assert(is_firm() == !sqlite);
	must(store_begin_firm(store, error));
	must(store_begin(store, error));
	store_rollback(store);
	ck_assert(is_firm());
	must_fail(store_commit(store, error), "store.aborted");
	ck_assert(is_firm() == !sqlite);
	store_relax(store, false);
	ck_assert(is_firm());
	check_property("relaxed", "1");
	check_property("firm", "1");
}

Suite *store_suite(void)
{
	Suite *suite = suite_create("store");
	TCase *tests = tcase_create("store");
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, all_embedded);
	store_test_add(tests, created_again);
	store_test_add(tests, created_at_once);
	store_test_add(tests, absent);
	store_test_add(tests, foreign);
	store_test_add(tests, newer);
	store_test_add(tests, upgraded);
	store_test_add(tests, upgrade_fails);
	tcase_add_test(tests, backup_fails);
	tcase_add_test(tests, unwritable);
	tcase_add_test(tests, corrupt);
	tcase_add_test(tests, url_of_nothing);
	store_test_add(tests, transactions_nest);
	store_test_add(tests, inner_failure_undoes_all);
	store_test_add(tests, firm_among_relaxed);
	suite_add_tcase(suite, tests);
	return suite;
}
