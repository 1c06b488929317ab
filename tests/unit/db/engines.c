#include "tests/unit/db/engines.h"

#include <glib/gstdio.h>
#include <string.h>

struct db *one, *two;
char *engine_url;
static char *folder;

void must_exec(struct db *db, const char *sql)
{
	must(db_exec(db, sql, error));
}

int64_t number_of(struct db *db, const char *sql)
{
	int64_t number = -1;

	must(db_get_int64(db, sql, DB_NO_VALUES, &number, NULL, error));
	return number;
}

void check_error(GError **error, const char *reason, enum error_class error_class)
{
	ck_assert_msg(*error != NULL, "no error was set, expected %s", reason);
	ck_assert_msg(error_is(*error, reason), "expected %s, got %s: %s", reason,
	        error_reason(*error), (*error)->message);
	ck_assert_int_eq(error_class_of(*error), error_class);
	ck_assert_msg(
	        strchr((*error)->message, '\n') == NULL, "not one line: %s", (*error)->message);
	ck_assert_msg(strstr((*error)->message, "secret") == NULL, "a password is shown: %s",
	        (*error)->message);
	g_clear_error(error);
}

void engine_open(int engine)
{
	g_autoptr(GError) error = NULL;

	folder = g_dir_make_tmp("imexdb.XXXXXX", NULL);
	ck_assert_ptr_nonnull(folder);
	engine_url = engine == ENGINE_SQLITE ? g_strdup_printf("sqlite://%s/test.db", folder)
	                                     : g_strdup(g_getenv("IMEX_TEST_PG_URL"));
	one = db_open(engine_url, DB_CREATE, &error);
	ck_assert_msg(one != NULL, "%s", error != NULL ? error->message : "");
	if (engine == ENGINE_POSTGRESQL)
		must_exec(one, "DROP SCHEMA public CASCADE; CREATE SCHEMA public");
	two = db_open(engine_url, 0, &error);
	ck_assert_msg(two != NULL, "%s", error != NULL ? error->message : "");
}

void engine_close(void)
{
	db_close(one);
	db_close(two);
	one = two = NULL;
	static const char *const names[] = {"test.db", "test.db-wal", "test.db-shm", "other"};

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *path = g_build_filename(folder, names[i], NULL);

		g_remove(path);
	}
	g_rmdir(folder);
	g_clear_pointer(&folder, g_free);
	g_clear_pointer(&engine_url, g_free);
}
