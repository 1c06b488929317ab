#include "oauth/challenge.h"

#include "core/error.h"
#include "fixture.h"

#include <string.h>

Suite *challenge_suite(void);

#define EXCHANGE "00000002-0000-0ff1-ce00-000000000000"
#define SKYPE "00000004-0000-0ff1-ce00-000000000000"

static struct challenge *parse(const char *one, const char *two)
{
	const char *const headers[] = {one, two, NULL};
	g_autoptr(GError) error = NULL;
	struct challenge *challenge = challenge_parse(headers, &error);
	ck_assert_no_error(error);
	return challenge;
}

START_TEST(exchange_folds_schemes_into_one_header)
{
	autoptr(challenge) c = parse(
	        "Bearer client_id=\"" EXCHANGE "\", trusted_issuers=\"" SKYPE
	        "@contoso.com\", token_types=\"app_asserted_user_v1 service_asserted_app_v1\", "
	        "error=\"invalid_token\",Negotiate,NTLM,Basic realm=\"autodiscover.contoso.com\"",
	        NULL);
	ck_assert(c->bearer);
	ck_assert_str_eq(c->client_id, EXCHANGE);
	ck_assert_str_eq(c->error, "invalid_token");
	ck_assert_ptr_null(c->realm);
	ck_assert_uint_eq(c->trusted_issuers->len, 1);
	ck_assert_uint_eq(c->schemes->len, 4);
	ck_assert(challenge_trusts(c, SKYPE "@contoso.com"));
	ck_assert(!challenge_trusts(c, SKYPE "@Contoso.com"));
	ck_assert(!challenge_trusts(c, EXCHANGE "@contoso.com"));
}
END_TEST

START_TEST(hybrid_lists_issuers_with_commas)
{
	autoptr(challenge) c = parse(
	        "Bearer client_id=\"" EXCHANGE "\", trusted_issuers=\"00000001-0000-0000-c000-"
	        "000000000000@5de110f8-2e0f-4d45-891d-bcf2218e253d," SKYPE "@contoso.com\", "
	        "authorization_uri=\"https://login.windows.net/common/oauth2/authorize\"",
	        "Basic realm=\"mail.contoso.com\"");
	ck_assert_uint_eq(c->trusted_issuers->len, 2);
	ck_assert(challenge_trusts(c, SKYPE "@contoso.com"));
	ck_assert_ptr_null(c->realm);
	ck_assert_uint_eq(c->schemes->len, 2);
}
END_TEST

START_TEST(star_is_any_realm)
{
	autoptr(challenge) c =
	        parse("Bearer client_id=\"" EXCHANGE "\", trusted_issuers=\"00000001-"
	              "0001-0000-c000-000000000000@*\"",
	                "Basic Realm=\"\"");
	ck_assert(challenge_trusts(c, "00000001-0001-0000-c000-000000000000@anything"));
	ck_assert(!challenge_trusts(c, SKYPE "@anything"));
}
END_TEST

START_TEST(case_escapes_and_unknown_parameters)
{
	autoptr(challenge) c = parse("Negotiate oYG2MIGz==, bEARER CLIENT_ID=\"" EXCHANGE
	                             "\" , Realm = \"a\\\"b,c\", new_thing=token",
	        NULL);
	ck_assert_str_eq(c->client_id, EXCHANGE);
	ck_assert_str_eq(c->realm, "a\"b,c");
	ck_assert_str_eq(g_ptr_array_index(c->schemes, 0), "negotiate");
	ck_assert_uint_eq(c->schemes->len, 2);
}
END_TEST

START_TEST(realm_of_basic_is_not_that_of_bearer)
{
	autoptr(challenge) c = parse(
	        "Basic realm=\"x\", Bearer client_id=\"" EXCHANGE "\", Basic realm=\"y\"", NULL);
	ck_assert_ptr_null(c->realm);
	ck_assert_str_eq(c->client_id, EXCHANGE);
}
END_TEST

START_TEST(no_bearer)
{
	autoptr(challenge) c = parse("Basic realm=\"grommunio\"", NULL);
	ck_assert(!c->bearer);
	autoptr(challenge) empty = challenge_parse(NULL, NULL);
	ck_assert(!empty->bearer);
}
END_TEST

static const char *const broken[] = {
        ("Bearer client_id=\"" EXCHANGE),
        "Bearer client_id=\"a\\",
        "Bearer client_id=\"a\" client_id=\"b\"",
        "Bearer client_id=\"a\", client_id=\"b\"",
        "Bearer realm=\"a\", realm=\"b\"",
        "=\"x\"",
        "Bearer \"x\" y, \"",
        "\"Bearer\"",
        "Bearer client_id=\"a\x01\"",
};

START_TEST(refuses_broken)
{
	const char *const headers[] = {broken[_i], NULL};
	g_autoptr(GError) error = NULL;
	ck_assert_ptr_null(challenge_parse(headers, &error));
	ck_assert_reason(error, "challenge.malformed");
}
END_TEST

START_TEST(refuses_endless)
{
	g_autoptr(GString) text = g_string_new("Bearer a=1");
	for (unsigned i = 0; i < 100; i++)
		g_string_append(text, ",a=1");
	const char *const many[] = {text->str, NULL};
	ck_assert_ptr_null(challenge_parse(many, NULL));
	g_autofree char *blank = g_strnfill(20000, ' ');
	const char *const longer[] = {blank, NULL};
	ck_assert_ptr_null(challenge_parse(longer, NULL));
}
END_TEST

START_TEST(reads_diagnostics)
{
	int code = 0;
	g_autofree char *reason = NULL;
	const char *meaning = NULL;
	ck_assert(diagnostics_parse("2000008;reason=\"The token should have valid permissions or "
	                            "linked account associated with partner application '...'.\";"
	                            "error_category=\"invalid_grant\"",
	        &code, &reason, &meaning));
	ck_assert_int_eq(code, 2000008);
	ck_assert(g_str_has_prefix(reason, "The token should"));
	ck_assert(g_str_has_suffix(reason, "'...'."));
	ck_assert_ptr_nonnull(strstr(meaning, "linked account"));
	g_clear_pointer(&reason, g_free);
	ck_assert(diagnostics_parse("99;reason=\"a\nb", &code, &reason, &meaning));
	ck_assert_str_eq(reason, "a b");
	ck_assert_ptr_null(meaning);
	g_clear_pointer(&reason, g_free);
	ck_assert(!diagnostics_parse("none", &code, &reason, &meaning));
	ck_assert(!diagnostics_parse(NULL, &code, &reason, &meaning));
}
END_TEST

Suite *challenge_suite(void)
{
	Suite *suite = suite_create("challenge");
	TCase *tests = tcase_create("challenge");
	tcase_add_test(tests, exchange_folds_schemes_into_one_header);
	tcase_add_test(tests, hybrid_lists_issuers_with_commas);
	tcase_add_test(tests, star_is_any_realm);
	tcase_add_test(tests, case_escapes_and_unknown_parameters);
	tcase_add_test(tests, realm_of_basic_is_not_that_of_bearer);
	tcase_add_test(tests, no_bearer);
	tcase_add_loop_test(tests, refuses_broken, 0, G_N_ELEMENTS(broken));
	tcase_add_test(tests, refuses_endless);
	tcase_add_test(tests, reads_diagnostics);
	suite_add_tcase(suite, tests);
	return suite;
}
