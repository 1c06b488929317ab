#include "oauth/token.h"

#include "core/clock.h"
#include "fixture.h"
#include "oauth/base64.h"
#include "oauth/jws.h"

#include <string.h>

Suite *token_suite(void);

#define URL "https://mail.corp.example/EWS/Exchange.asmx"

static char *folder;
static struct token_source *source;
static struct mailbox *bob;

static void setup(void)
{
	folder = fixture_folder();
	source = fixture_source(folder);
	bob = mailbox_new("bob@corp.example", "bob@corp.example", "main");
}

static void teardown(void)
{
	clock_unset();
	mailbox_free(bob);
	token_source_free(source);
	fixture_remove(folder);
}

static char *token(const struct mailbox *user)
{
	char *header = NULL;
	g_autoptr(GError) error = NULL;
	token_for(source, "exchange", URL, user, &header, NULL, &error);
	ck_assert_no_error(error);
	ck_assert(g_str_has_prefix(header, "Bearer "));
	memmove(header, header + 7, strlen(header) - 6);
	return header;
}

static void assert_refused(const char *partner, const char *url, const char *reason)
{
	char *header = NULL;
	g_autoptr(GError) error = NULL;
	ck_assert(!token_for(source, partner, url, bob, &header, NULL, &error));
	ck_assert_ptr_null(header);
	ck_assert_reason(error, reason);
	ck_assert_int_eq(error_class_of(error), ERROR_CONFIG);
}

/* The text of a part, byte for byte. */
static char *part(const char *compact, unsigned number)
{
	g_auto(GStrv) parts = g_strsplit(compact, ".", 3);
	g_autoptr(GByteArray) bytes = base64url_decode(parts[number], strlen(parts[number]));
	ck_assert_ptr_nonnull(bytes);
	return g_strndup((const char *)bytes->data, bytes->len);
}

static void set_partner(struct partner *partner)
{
	g_autoptr(GPtrArray) partners = g_ptr_array_new();
	g_ptr_array_add(partners, partner);
	token_source_set_partners(source, partners);
}

START_TEST(tokens_are_written_as_the_other_side_expects)
{
	clock_set_utc_us(INT64_C(1800000060) * CLOCK_US_PER_S);
	bob->sip = g_strdup("bob@sip.example");
	bob->upn = g_strdup("bob.upn@corp.example");
	g_autofree char *outer = token(bob);
	ck_assert(g_str_has_suffix(outer, "."));
	g_autofree char *outer_header = part(outer, 0);
	ck_assert_str_eq(outer_header, "{\"typ\":\"JWT\",\"alg\":\"none\"}");
	autoptr(jws) read = jws_parse(outer, NULL);
	const char *actor = json_string_value(json_object_get(read->payload, "actortoken"));
	g_autofree char *claims = part(outer, 1);
	g_autofree char *expected = g_strdup_printf(
	        "{\"aud\":\"00000002-0000-0ff1-ce00-000000000000/mail.corp.example@corp.example\","
	        "\"iss\":\"" FIXTURE_APP "@corp.example\",\"nbf\":\"1800000000\","
	        "\"exp\":\"1800028800\",\"nameid\":\"bob.upn@corp.example\","
	        "\"smtp\":\"bob@corp.example\",\"sip\":\"bob@sip.example\","
	        "\"upn\":\"bob.upn@corp.example\",\"actortoken\":\"%s\"}",
	        actor);
	ck_assert_str_eq(claims, expected);
	g_autofree char *actor_header = part(actor, 0);
	g_autofree char *expected_header = g_strdup_printf("{\"typ\":\"JWT\",\"alg\":\"RS256\","
	                                                   "\"x5t\":\"%s\"}",
	        certificate_x5t(key_pair_certificate(fixture_pair(0))));
	ck_assert_str_eq(actor_header, expected_header);
	g_autofree char *actor_claims = part(actor, 1);
	ck_assert_str_eq(actor_claims,
	        "{\"aud\":\"00000002-0000-0ff1-ce00-000000000000/mail.corp.example@corp.example\","
	        "\"iss\":\"" FIXTURE_APP "@corp.example\",\"nbf\":\"1800000000\","
	        "\"exp\":\"1800028800\",\"nameid\":\"" FIXTURE_APP "@corp.example\","
	        "\"trustedfordelegation\":\"true\"}");
	autoptr(jws) signed_token = jws_parse(actor, NULL);
	ck_assert(certificate_verify(key_pair_certificate(fixture_pair(0)),
	        signed_token->signed_bytes, strlen(signed_token->signed_bytes),
	        signed_token->signature->data, signed_token->signature->len));
}
END_TEST

START_TEST(app_only_says_nothing_of_delegation)
{
	g_autofree char *actor = token(NULL);
	g_autofree char *claims = part(actor, 1);
	ck_assert_ptr_null(strstr(claims, "trustedfordelegation"));
	ck_assert_ptr_null(strstr(claims, "actortoken"));
}
END_TEST

START_TEST(one_signature_serves_a_thousand_requests)
{
	uint64_t handed_out = 0, signatures = 0;
	for (unsigned i = 0; i < 500; i++) {
		g_free(token(bob));
		g_free(token(NULL));
	}
	token_source_counts(source, &handed_out, &signatures);
	ck_assert_uint_eq(handed_out, 1000);
	ck_assert_uint_eq(signatures, 2);
	printf("# %u requests, %u signatures\n", (unsigned)handed_out, (unsigned)signatures);
}
END_TEST

static uint64_t signatures_so_far(void)
{
	uint64_t handed_out = 0, signatures = 0;
	token_source_counts(source, &handed_out, &signatures);
	return signatures;
}

START_TEST(renewed_five_minutes_before_the_end)
{
	int64_t begin = clock_utc_us();
	clock_set_utc_us(begin);
	g_autofree char *first = token(NULL);
	clock_set_utc_us(begin + (28800 - 60 - 301) * CLOCK_US_PER_S);
	g_autofree char *second = token(NULL);
	ck_assert_str_eq(first, second);
	clock_set_utc_us(begin + (28800 - 60 - 299) * CLOCK_US_PER_S);
	g_autofree char *third = token(NULL);
	ck_assert_str_ne(first, third);
	/* A clock that is set back must not leave a token from the future in use. */
	clock_set_utc_us(begin);
	g_autofree char *fourth = token(NULL);
	ck_assert_str_eq(first, fourth);
	ck_assert_uint_eq(signatures_so_far(), 3);
}
END_TEST

START_TEST(one_token_per_host)
{
	autoptr(partner) partner = fixture_partner(1);
	partner_add_origin(partner, "https://autodiscover.corp.example:443");
	set_partner(partner);
	g_free(token(NULL));
	g_autofree char *other = NULL;
	ck_assert(token_for(source, "exchange",
	        "https://Autodiscover.corp.example/autodiscover/autodiscover.svc", NULL, &other,
	        NULL, NULL));
	g_autofree char *claims = part(other + 7, 1);
	ck_assert_ptr_nonnull(strstr(claims, "/autodiscover.corp.example@corp.example"));
	ck_assert_uint_eq(signatures_so_far(), 2);
}
END_TEST

START_TEST(tokens_go_to_recorded_origins_over_tls_only)
{
	assert_refused("exchange", "https://evil.example/EWS/Exchange.asmx", "token.origin");
	assert_refused("exchange", "https://mail.corp.example:8443/EWS/", "token.origin");
	assert_refused("exchange", "http://mail.corp.example/EWS/Exchange.asmx", "token.origin");
	assert_refused("exchange", "mail.corp.example", "token.origin");
	assert_refused("nobody", URL, "token.no_partner");
}
END_TEST

START_TEST(disabled_partner)
{
	g_free(token(NULL));
	autoptr(partner) partner = fixture_partner(1);
	partner->enabled = false;
	set_partner(partner);
	assert_refused("exchange", URL, "token.disabled");
	partner->enabled = true;
	partner->authorization_server = g_strdup("microsoft.sts");
	set_partner(partner);
	assert_refused("exchange", URL, "token.unsupported");
}
END_TEST

START_TEST(realm_of_a_partner_for_any_realm_is_ours)
{
	autoptr(partner) partner = fixture_partner(1);
	g_free(partner->realm);
	partner->realm = g_strdup("*");
	set_partner(partner);
	g_autofree char *actor = token(NULL);
	g_autofree char *claims = part(actor, 1);
	ck_assert_ptr_nonnull(strstr(claims, "mail.corp.example@corp.example\""));
}
END_TEST

#define ISSUER FIXTURE_APP "@corp.example"
#define BEARER "Bearer client_id=\"" PRINCIPAL_EXCHANGE "\""

static const struct {
	const char *header;
	const char *reason; /* NULL: fits */
} challenges[] = {
        {BEARER ", trusted_issuers=\"" ISSUER "\"", NULL},
        {BEARER ", trusted_issuers=\"" FIXTURE_APP "@*\", realm=\"corp.example\"", NULL},
        {BEARER, NULL},
        {"Basic realm=\"x\"", "token.challenge"},
        {"Bearer realm=\"x\"", "token.challenge"},
        {"", "token.challenge"},
        {"Bearer client_id=\"" PRINCIPAL_SHAREPOINT "\", trusted_issuers=\"" ISSUER "\"",
                "token.client_id"},
        {BEARER ", realm=\"other.example\", trusted_issuers=\"" ISSUER "\"", "token.realm"},
        {BEARER ", trusted_issuers=\"" PRINCIPAL_SKYPE "@corp.example\"", "token.not_trusted"},
        {BEARER ", trusted_issuers=\"" FIXTURE_APP "@other.example\"", "token.not_trusted"},
        {BEARER ", trusted_issuers=\"\"", "token.not_trusted"},
        {"Bearer client_id=\"", "challenge.malformed"},
};

START_TEST(challenge_is_checked_not_obeyed)
{
	const char *const headers[] = {challenges[_i].header, NULL};
	g_autoptr(GError) error = NULL;
	bool fits = token_check_challenge(source, "exchange", headers, &error);
	if (challenges[_i].reason == NULL) {
		ck_assert_no_error(error);
		ck_assert(fits);
	} else {
		ck_assert(!fits);
		ck_assert_reason(error, challenges[_i].reason);
	}
}
END_TEST

static const char *const good_challenge[] = {
        BEARER ", trusted_issuers=\"" ISSUER "\", error=\"invalid_token\"", NULL};

START_TEST(refused_token_is_rebuilt_once)
{
	struct token_use use = {.source = source, .partner = "exchange", .url = URL};
	g_autofree char *first = NULL;
	g_autofree char *second = NULL;
	char *third = NULL;
	g_autoptr(GError) error = NULL;
	ck_assert(token_authorize(&use, bob, false, NULL, NULL, &first, NULL));
	ck_assert(token_authorize(&use, bob, true, good_challenge, NULL, &second, NULL));
	ck_assert_uint_eq(signatures_so_far(), 2);
	ck_assert(!token_authorize(&use, bob, true, good_challenge, NULL, &third, &error));
	ck_assert_ptr_null(third);
	ck_assert_reason(error, "token.refused");
	ck_assert_int_gt(error_retry_at(error), clock_utc_us());
	ck_assert_uint_eq(signatures_so_far(), 2);
}
END_TEST

START_TEST(two_workers_refused_at_once_make_one_token)
{
	struct token_use one = {.source = source, .partner = "exchange", .url = URL};
	struct token_use two = one;
	char *value = NULL;
	ck_assert(token_authorize(&one, bob, false, NULL, NULL, &value, NULL));
	g_clear_pointer(&value, g_free);
	ck_assert(token_authorize(&two, bob, false, NULL, NULL, &value, NULL));
	g_clear_pointer(&value, g_free);
	ck_assert(token_authorize(&one, bob, true, good_challenge, NULL, &value, NULL));
	g_clear_pointer(&value, g_free);
	ck_assert(token_authorize(&two, bob, true, good_challenge, NULL, &value, NULL));
	g_clear_pointer(&value, g_free);
	ck_assert_uint_eq(signatures_so_far(), 2);
}
END_TEST

START_TEST(diagnostics_say_why)
{
	uint64_t generation = 0;
	char *value = NULL;
	g_autoptr(GError) error = NULL;
	ck_assert(token_for(source, "exchange", URL, bob, &value, &generation, NULL));
	g_clear_pointer(&value, g_free);
	ck_assert(!token_refused(source, "exchange", generation, good_challenge,
	        "2000005;reason=\"The user specified by the user-context in the token does not "
	        "exist.\";error_category=\"invalid_user\"",
	        &error));
	ck_assert_reason(error, "token.user");
	ck_assert_int_eq(error_class_of(error), ERROR_MAILBOX);
	g_clear_error(&error);
	const char *role = "2000008;reason=\"The token should have valid permissions.\";x";
	ck_assert(token_refused(source, "exchange", generation, good_challenge, role, NULL));
	ck_assert(token_for(source, "exchange", URL, bob, &value, &generation, NULL));
	g_clear_pointer(&value, g_free);
	ck_assert(!token_refused(source, "exchange", generation, good_challenge, role, &error));
	ck_assert_reason(error, "token.refused");
	ck_assert_ptr_nonnull(strstr(error->message, "2000008"));
	ck_assert_ptr_nonnull(strstr(error->message, "linked account lacks a role"));
}
END_TEST

START_TEST(new_key_signs_the_next_token)
{
	g_autofree char *before = token(NULL);
	ck_assert(keyring_use(token_source_keyring(source), fixture_pair(2), NULL));
	g_autofree char *after = token(NULL);
	ck_assert_str_ne(before, after);
	g_autofree char *header = part(after, 0);
	ck_assert_ptr_nonnull(
	        strstr(header, certificate_x5t(key_pair_certificate(fixture_pair(2)))));
}
END_TEST

START_TEST(names_from_the_configuration)
{
	ck_assert_str_eq(token_source_issuer(source), ISSUER);
	ck_assert_str_eq(token_source_realm(source), "corp.example");
	g_autoptr(GError) error = NULL;
	autoptr(config) empty = config_parse("x.conf", "[imex]\nmode = run\n", NULL);
	ck_assert_ptr_null(token_source_new(empty, &error));
	ck_assert_reason(error, "token.realm");
	g_clear_error(&error);
	autoptr(config) no_id = config_parse("x.conf", "[domain a.example]\n", NULL);
	ck_assert_ptr_null(token_source_new(no_id, &error));
	ck_assert_reason(error, "token.app_id");
	g_clear_error(&error);
	autoptr(config) sip = config_parse(
	        "x.conf", "[domain a.example]\nsip_domain = b.example\n[domain c.example]\n", NULL);
	ck_assert_str_eq(token_realm(sip, NULL), "b.example");
}
END_TEST

Suite *token_suite(void)
{
	Suite *suite = suite_create("token");
	TCase *tests = tcase_create("token");
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, tokens_are_written_as_the_other_side_expects);
	tcase_add_test(tests, app_only_says_nothing_of_delegation);
	tcase_add_test(tests, one_signature_serves_a_thousand_requests);
	tcase_add_test(tests, renewed_five_minutes_before_the_end);
	tcase_add_test(tests, one_token_per_host);
	tcase_add_test(tests, tokens_go_to_recorded_origins_over_tls_only);
	tcase_add_test(tests, disabled_partner);
	tcase_add_test(tests, realm_of_a_partner_for_any_realm_is_ours);
	tcase_add_loop_test(tests, challenge_is_checked_not_obeyed, 0, G_N_ELEMENTS(challenges));
	tcase_add_test(tests, refused_token_is_rebuilt_once);
	tcase_add_test(tests, two_workers_refused_at_once_make_one_token);
	tcase_add_test(tests, diagnostics_say_why);
	tcase_add_test(tests, new_key_signs_the_next_token);
	tcase_add_test(tests, names_from_the_configuration);
	suite_add_tcase(suite, tests);
	return suite;
}
