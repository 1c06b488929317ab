#include "oauth/principal.h"

#include "core/error.h"
#include "fixture.h"

Suite *principal_suite(void);

START_TEST(names_and_guids)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *exchange = principal_id("Exchange", &error);
	ck_assert_str_eq(exchange, PRINCIPAL_EXCHANGE);
	g_autofree char *upper = principal_id("00000004-0000-0FF1-CE00-000000000000", &error);
	ck_assert_str_eq(upper, PRINCIPAL_SKYPE);
	ck_assert_str_eq(principal_nickname(upper), "skype");
	ck_assert_ptr_null(principal_nickname(FIXTURE_APP));
	ck_assert_ptr_null(principal_id("00000004-0000-0ff1-ce00-00000000000", &error));
	ck_assert_reason(error, "principal.invalid");
}
END_TEST

static const struct {
	const char *text;
	bool good;
} audiences[] = {
        {"id/host@realm", true},
        {"id/host", false},
        {"id@realm", false},
        {"/host@realm", false},
        {"id/@realm", false},
        {"id/host@", false},
        {"id/host@realm@more", false},
        {"id/host/more@realm", false},
        {"id@realm/host", false},
        {"", false},
};

START_TEST(audience_has_three_parts)
{
	g_autofree char *id = NULL;
	g_autofree char *host = NULL;
	g_autofree char *realm = NULL;
	ck_assert(principal_split_audience(audiences[_i].text, &id, &host, &realm) ==
	          audiences[_i].good);
	if (audiences[_i].good)
		ck_assert_str_eq(host, "host");
}
END_TEST

START_TEST(realms)
{
	ck_assert(principal_is_realm("corp.example"));
	ck_assert(principal_is_realm("5de110f8-2e0f-4d45-891d-bcf2218e253d"));
	ck_assert(!principal_is_realm(""));
	ck_assert(!principal_is_realm("*"));
	ck_assert(!principal_is_realm("a b"));
	ck_assert(!principal_is_realm("a\"b"));
	ck_assert(!principal_is_realm("a@b"));
}
END_TEST

START_TEST(origin_host)
{
	g_autofree char *plain = principal_origin_host("https://mail.corp.example:443");
	ck_assert_str_eq(plain, "mail.corp.example");
	g_autofree char *six = principal_origin_host("https://[::1]:8443");
	ck_assert_str_eq(six, "[::1]");
	ck_assert_ptr_null(principal_origin_host("nothing"));
}
END_TEST

Suite *principal_suite(void)
{
	Suite *suite = suite_create("principal");
	TCase *tests = tcase_create("principal");
	tcase_add_test(tests, names_and_guids);
	tcase_add_loop_test(tests, audience_has_three_parts, 0, G_N_ELEMENTS(audiences));
	tcase_add_test(tests, realms);
	tcase_add_test(tests, origin_host);
	suite_add_tcase(suite, tests);
	return suite;
}
