#include "core/config.h"
#include "core/error.h"

#include <check.h>
#include <string.h>

Suite *config_suite(void);

static const char text[] = "[imex]\n"
                           "workers = 8\n"
                           "state_dir = state\n"
                           "[sync]\n"
                           "interval = 10m\n"
                           "[server exchange]\n"
                           "url = https://mail.corp.example/EWS/Exchange.asmx\n"
                           "allow_loopback = yes\n"
                           "[server other]\n";

START_TEST(values)
{
	g_autoptr(GError) error = NULL;
	autoptr(config) config = config_parse("/etc/imex/imex.conf", text, &error);
	ck_assert_msg(config != NULL, "%s", error != NULL ? error->message : "");
	ck_assert_int_eq(config_int(config, "imex", NULL, "workers"), 8);
	ck_assert_str_eq(config_string(config, "imex", NULL, "state_dir"), "/etc/imex/state");
	ck_assert_int_eq(config_duration_s(config, "sync", NULL, "interval"), 600);
	ck_assert_int_eq(config_duration_s(config, "archive", NULL, "idle_gap"), 600);
	ck_assert(config_bool(config, "server", "exchange", "allow_loopback"));
	ck_assert(!config_bool(config, "server", "other", "allow_loopback"));
	const char *const *servers = config_names(config, "server");
	ck_assert_str_eq(servers[0], "exchange");
	ck_assert_str_eq(servers[1], "other");
	ck_assert_ptr_null(servers[2]);
	ck_assert_ptr_null(config_require(config, "server", "other", "url", &error));
	ck_assert(error_is(error, "config.missing"));
}
END_TEST

static const struct {
	const char *text, *reason, *names;
} bad[] = {
        {"[imex]\nworker = 1\n", "config.unknown", "workers"},
        {"[imx]\nworkers = 1\n", "config.unknown", "[imx]"},
        {"[imex]\nworkers = many\n", "config.value", "workers"},
        {"[imex]\nworkers = 0\n", "config.value", "workers"},
        {"[imex]\nmode = dry\n", "config.value", "run|observe"},
        {"[sync]\ninterval = 10 weeks\n", "config.value", "interval"},
        {"[server]\nurl = https://x\n", "config.section_name", "[server NAME]"},
        {"[sync x]\ninterval = 1m\n", "config.section_name", "[sync]"},
        {"[server x]\nurl = nowhere\n", "config.value", "URL"},
        {"[server x]\nallow_loopback = maybe\n", "config.value", "yes or no"},
        {"workers = 1\n", "config.syntax", "imex.conf"},
};

START_TEST(refused)
{
	g_autoptr(GError) error = NULL;
	autoptr(config) config = config_parse("imex.conf", bad[_i].text, &error);
	ck_assert_ptr_null(config);
	ck_assert_msg(error_is(error, bad[_i].reason), "%s", error->message);
	ck_assert_int_eq(error_class_of(error), ERROR_CONFIG);
	ck_assert_msg(strstr(error->message, bad[_i].names) != NULL, "%s", error->message);
}
END_TEST

START_TEST(unreadable)
{
	g_autoptr(GError) error = NULL;
	ck_assert_ptr_null(config_load("/nonexistent/imex.conf", &error));
	ck_assert(error_is(error, "config.unreadable"));
}
END_TEST

START_TEST(defaults_are_legal)
{
	for (const struct setting *row = config_settings; row->section != NULL; row++) {
		if (row->default_value == NULL)
			continue;
		bool named = g_strv_contains(config_named_sections, row->section);
		g_autofree char *one = g_strdup_printf("[%s%s]\n%s = %s\n", row->section,
		        named ? " x" : "", row->name, row->default_value);
		g_autoptr(GError) error = NULL;
		autoptr(config) config = config_parse("default", one, &error);
		ck_assert_msg(config != NULL, "%s", error != NULL ? error->message : "");
	}
}
END_TEST

Suite *config_suite(void)
{
	Suite *suite = suite_create("config");
	TCase *tests = tcase_create("config");
	tcase_add_test(tests, values);
	tcase_add_loop_test(tests, refused, 0, G_N_ELEMENTS(bad));
	tcase_add_test(tests, unreadable);
	tcase_add_test(tests, defaults_are_legal);
	suite_add_tcase(suite, tests);
	return suite;
}
