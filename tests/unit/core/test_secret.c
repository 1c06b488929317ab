#include "core/secret.h"

#include "core/error.h"

#include <check.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

Suite *secret_suite(void);

static char *folder;

static void setup(void)
{
	folder = g_dir_make_tmp("imexsecret.XXXXXX", NULL);
	ck_assert_ptr_nonnull(folder);
	g_unsetenv("CREDENTIALS_DIRECTORY");
}

static void teardown(void)
{
	g_autofree char *path = g_build_filename(folder, "pass", NULL);
	g_remove(path);
	g_rmdir(folder);
	g_free(folder);
}

/* The path of a file with that text. Owned. */
static char *file_with(const char *text, unsigned mode)
{
	char *path = g_build_filename(folder, "pass", NULL);
	ck_assert(g_file_set_contents(path, text, -1, NULL));
	ck_assert_int_eq(chmod(path, mode), 0);
	return path;
}

static void fails(const char *path, const char *reason, const char *names)
{
	g_autoptr(GError) error = NULL;
	ck_assert_ptr_null(secret_read(path, &error));
	ck_assert_msg(error_is(error, reason), "%s: %s", error_reason(error), error->message);
	ck_assert_int_eq(error_class_of(error), ERROR_CONFIG);
	ck_assert_ptr_nonnull(strstr(error->message, names));
}

START_TEST(the_first_line_is_the_password)
{
	static const char *const texts[] = {
	        "s3cret pass", "s3cret pass\n", "s3cret pass\r\nmore\n"};
	for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autofree char *path = file_with(texts[i], 0600);
		g_autoptr(GError) error = NULL;
		char *secret = secret_read(path, &error);
		ck_assert_pstr_eq(secret, "s3cret pass");
		secret_free(secret);
	}
	secret_free(NULL);
}
END_TEST

START_TEST(bad_files)
{
	g_autofree char *large = g_strnfill(SECRET_MAX_BYTES + 1, 'x');
	g_autofree char *path = file_with("\nsecond", 0600);
	fails(path, "secret.empty", path);
	g_free(file_with(large, 0600));
	fails(path, "secret.empty", "1024");
	g_free(file_with("secret", 0604));
	fails(path, "secret.exposed", "chmod 600");
	g_free(file_with("secret", 0640));
	g_autoptr(GError) error = NULL;
	char *shared = secret_read(path, &error);
	ck_assert_pstr_eq(shared, "secret");
	secret_free(shared);
	g_remove(path);
	fails(path, "secret.unreadable", path);
}
END_TEST

static struct config *server(const char *settings)
{
	g_autofree char *text = g_strconcat("[server mail]\n", settings, NULL);
	g_autoptr(GError) error = NULL;
	struct config *config = config_parse("imex.conf", text, &error);
	ck_assert_msg(config != NULL, "%s", error != NULL ? error->message : "");
	return config;
}

static void setting_fails(const char *settings, const char *reason, const char *names)
{
	autoptr(config) config = server(settings);
	g_autoptr(GError) error = NULL;
	ck_assert_ptr_null(secret_of(config, "server", "mail", &error));
	ck_assert_msg(error_is(error, reason), "%s: %s", error_reason(error), error->message);
	ck_assert_msg(strstr(error->message, names) != NULL, "%s", error->message);
}

START_TEST(a_credential_of_systemd)
{
	autoptr(config) config = server("password_credential = pass\n");
	g_autoptr(GError) error = NULL;
	setting_fails("password_credential = pass\n", "secret.credential", "LoadCredential=pass:");
	g_setenv("CREDENTIALS_DIRECTORY", folder, TRUE);
	setting_fails("password_credential = pass\n", "secret.unreadable", "[server mail]");
	/* systemd gives it with an access list, whose mask looks like a group's rights. */
	g_autofree char *path = file_with("from systemd\n", 0440);
	char *secret = secret_of(config, "server", "mail", &error);
	ck_assert_pstr_eq(secret, "from systemd");
	secret_free(secret);
	g_free(file_with("for all to see\n", 0444));
	setting_fails("password_credential = pass\n", "secret.exposed", path);
	setting_fails("password_credential = ../pass\n", "secret.credential", "no name");
	g_unsetenv("CREDENTIALS_DIRECTORY");
}
END_TEST

START_TEST(one_of_both_settings)
{
	setting_fails("url = https://mail.example/\n", "secret.setting", "needs one of");
	setting_fails("password_file = /x\npassword_credential = x\n", "secret.setting",
	        "needs only one of");
}
END_TEST

Suite *secret_suite(void)
{
	Suite *suite = suite_create("secret");
	TCase *tcase = tcase_create("secret");
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, the_first_line_is_the_password);
	tcase_add_test(tcase, bad_files);
	tcase_add_test(tcase, a_credential_of_systemd);
	tcase_add_test(tcase, one_of_both_settings);
	suite_add_tcase(suite, tcase);
	return suite;
}
