#include "im/source.h"

#include "tests/unit/im/fixture.h"

#include <glib/gstdio.h>
#include <string.h>

Suite *source_suite(void);

static bool opens(const char *url, GError **error)
{
	const struct im_source_options options = {.url = url};
	autoptr(im_source) opened = im_source_open_url(&options, error);
	return opened != NULL;
}

START_TEST(no_such_kind)
{
	must_fail(opens("icq://x", error), "source.url", ERROR_CONFIG);
	must_fail(opens("sqlite:///x", error), "source.url", ERROR_CONFIG);
	must_fail(opens("", error), "source.url", ERROR_CONFIG);
	must_fail(opens("prosody+sqlite:///nowhere/prosody.sqlite", error), "db.absent",
	        ERROR_CONFIG);
}
END_TEST

static char *file_of(const char *bytes, size_t len)
{
	char *path = NULL;
	int fd = g_file_open_tmp("imexsource.XXXXXX", &path, NULL);
	ck_assert_int_ge(fd, 0);
	g_close(fd, NULL);
	ck_assert(g_file_set_contents(path, bytes, (gssize)len, NULL));
	return path;
}

START_TEST(no_database)
{
	char noise[4096];
	memset(noise, 'x', sizeof(noise));
	g_autofree char *path = file_of(noise, sizeof(noise));
	g_autofree char *url = g_strconcat("prosody+sqlite://", path, NULL);
	must_fail(opens(url, error), "db.corrupt", ERROR_CONFIG);
	g_remove(path);
}
END_TEST

START_TEST(foreign_database)
{
	g_autofree char *path = file_of("", 0);
	g_autofree char *url = g_strconcat("sqlite://", path, NULL);
	g_autofree char *source_url = g_strconcat("prosody+", url, NULL);
	must_fail(opens(source_url, error), "source.foreign", ERROR_CONFIG);
	autoptr(db) db = db_open(url, DB_FOREIGN, NULL);
	ck_assert_ptr_nonnull(db);
	/* A table of that name alone does not make it Prosody's. */
	must(db_exec(db, "CREATE TABLE prosody (host TEXT, store TEXT)", error));
	must_fail(opens(source_url, error), "source.foreign", ERROR_CONFIG);
	g_remove(path);
}
END_TEST

START_TEST(configured)
{
	g_autofree char *path = file_of("", 0);
	g_autofree char *text =
	        g_strdup_printf("[source prosody]\nurl = prosody+sqlite://%s\nwrite = sql-offline\n"
	                        "[source empty]\nwrite = none\n",
	                path);
	autoptr(config) config = config_parse("/etc/imex/imex.conf", text, NULL);
	ck_assert_ptr_nonnull(config);
	must_fail(im_source_open(config, "prosody", error) != NULL, "source.foreign", ERROR_CONFIG);
	must_fail(im_source_open(config, "other", error) != NULL, "source.unknown", ERROR_CONFIG);
	must_fail(im_source_open(config, "empty", error) != NULL, "config.missing", ERROR_CONFIG);
	g_remove(path);
}
END_TEST

START_TEST(passwords_are_not_shown)
{
	const struct im_source_options options = {
	        .url = "prosody+postgresql://u:secret@127.0.0.1:1/"
	               "db?password=other&connect_timeout=1"};
	GError *error = NULL;
	ck_assert_ptr_null(im_source_open_url(&options, &error));
	ck_assert_ptr_nonnull(error);
	ck_assert_ptr_null(strstr(error->message, "secret"));
	ck_assert_ptr_null(strstr(error->message, "other"));
	g_clear_error(&error);
}
END_TEST

Suite *source_suite(void)
{
	Suite *suite = suite_create("source");
	TCase *tests = tcase_create("source");
	tcase_add_test(tests, no_such_kind);
	tcase_add_test(tests, no_database);
	tcase_add_test(tests, foreign_database);
	tcase_add_test(tests, configured);
	tcase_add_test(tests, passwords_are_not_shown);
	suite_add_tcase(suite, tests);
	return suite;
}
