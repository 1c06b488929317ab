#include "fixture.h"
#include "mint.h"

#include "core/clock.h"
#include "oauth/base64.h"
#include "oauth/jws.h"

#include <stdlib.h>
#include <string.h>

Suite *verify_suite(void);

static struct mint *mint;
static GPtrArray *partners;

static void setup(void)
{
	mint = mint_new();
	partners = mint_partners();
}

static void teardown(void)
{
	clock_unset();
	g_ptr_array_unref(partners);
	mint_free(mint);
}

static struct partner *exchange(void)
{
	return g_ptr_array_index(partners, 0);
}

/* Changes, one for each attack; the twin is the same token with the point put right. */

static void put_algorithm(struct shape *s, const char *name)
{
	json_put(s->header, "alg", name);
	s->signature = g_strdup("");
}

static void alg_none(struct shape *s)
{
	put_algorithm(s, "none");
}

static void alg_none_capital(struct shape *s)
{
	put_algorithm(s, "None");
}

static void alg_none_upper(struct shape *s)
{
	put_algorithm(s, "NONE");
}

static void alg_none_mixed(struct shape *s)
{
	put_algorithm(s, "nOnE");
}

static void alg_none_app_only(struct shape *s)
{
	s->app_only = true;
	put_algorithm(s, "none");
}

static void outer_alg_capital(struct shape *s)
{
	json_put(s->outer_header, "alg", "None");
}

static void outer_without_actor(struct shape *s)
{
	s->carrier = NULL;
}

static void outer_signed(struct shape *s)
{
	s->outer_signature = g_strdup("AAAA");
}

static void alg_other(struct shape *s)
{
	json_put(s->header, "alg", "RS384");
}

static void alg_lower(struct shape *s)
{
	json_put(s->header, "alg", "rs256");
}

static void alg_missing(struct shape *s)
{
	json_put(s->header, "alg", NULL);
}

/* HS256 with the partner's public certificate as the secret. */
static void hmac(struct shape *s, const void *secret, size_t len)
{
	json_put(s->header, "alg", "HS256");
	char *header = json_dumps(s->header, JSON_COMPACT);
	char *claims = json_dumps(s->claims, JSON_COMPACT);
	g_autofree char *head = base64url_encode(header, strlen(header));
	g_autofree char *body = base64url_encode(claims, strlen(claims));
	g_autofree char *input = g_strconcat(head, ".", body, NULL);
	guint8 digest[32];
	gsize size = sizeof digest;
	GHmac *mac = g_hmac_new(G_CHECKSUM_SHA256, secret, len);
	g_hmac_update(mac, (const guchar *)input, -1);
	g_hmac_get_digest(mac, digest, &size);
	g_hmac_unref(mac);
	s->signature = base64url_encode(digest, size);
	free(header);
	free(claims);
}

static void hmac_pem(struct shape *s)
{
	g_autofree char *pem = certificate_pem(key_pair_certificate(fixture_pair(1)));
	hmac(s, pem, strlen(pem));
}

static void hmac_der(struct shape *s)
{
	gsize len = 0;
	const void *der =
	        g_bytes_get_data(certificate_der(key_pair_certificate(fixture_pair(1))), &len);
	hmac(s, der, len);
}

static void hmac_x5t(struct shape *s)
{
	const char *x5t = certificate_x5t(key_pair_certificate(fixture_pair(1)));
	hmac(s, x5t, strlen(x5t));
}

static void junk_signature(struct shape *s)
{
	s->signature = g_strdup("AAAA");
}

static void junk_signature_of_full_length(struct shape *s)
{
	guint8 bytes[256] = {0};
	s->signature = base64url_encode(bytes, sizeof bytes);
}

static void empty_signature(struct shape *s)
{
	s->signature = g_strdup("");
}

static void issuer_missing(struct shape *s)
{
	json_put(s->claims, "iss", NULL);
}

static void audience_missing(struct shape *s)
{
	json_put(s->claims, "aud", NULL);
}

static void nameid_missing(struct shape *s)
{
	json_put(s->claims, "nameid", NULL);
}

/* The token claims to be our own, with the x5t of our own published certificate. */
static void our_own_issuer(struct shape *s)
{
	json_put(s->claims, "iss", FIXTURE_APP "@corp.example");
	json_put(s->claims, "nameid", FIXTURE_APP "@corp.example");
	json_put(s->outer_claims, "iss", FIXTURE_APP "@corp.example");
	json_put(s->header, "x5t", certificate_x5t(key_pair_certificate(fixture_pair(0))));
	s->signature = g_strdup("AAAA");
}

static void our_own_issuer_signed(struct shape *s)
{
	our_own_issuer(s);
	g_clear_pointer(&s->signature, g_free);
	s->signer = 0;
}

static void put_attacker_key(struct shape *s, const char *name, json_t *value)
{
	json_object_set_new(s->header, name, value);
}

static void key_jwk(struct shape *s)
{
	put_attacker_key(
	        s, "jwk", json_pack("{s:s, s:s, s:s}", "kty", "RSA", "e", "AQAB", "n", "AQAB"));
	s->signer = 2;
}

static void key_x5c(struct shape *s)
{
	g_autofree char *der = certificate_base64(key_pair_certificate(fixture_pair(2)));
	put_attacker_key(s, "x5c", json_pack("[s]", der));
	s->signer = 2;
}

static void key_jku(struct shape *s)
{
	put_attacker_key(s, "jku", json_string("https://attacker.example/keys"));
}

static void key_x5u(struct shape *s)
{
	put_attacker_key(s, "x5u", json_string("https://attacker.example/cert"));
}

static void header_crit(struct shape *s)
{
	put_attacker_key(s, "crit", json_pack("[s]", "exp"));
}

static void header_zip(struct shape *s)
{
	put_attacker_key(s, "zip", json_string("DEF"));
}

static void header_b64(struct shape *s)
{
	put_attacker_key(s, "b64", json_false());
}

static void kid_traversal(struct shape *s)
{
	json_put(s->header, "x5t", "../../../../dev/null");
	json_put(s->header, "kid", "' OR 1=1 --");
}

static void kid_is_ignored(struct shape *s)
{
	json_put(s->header, "kid", "' OR 1=1 --");
}

static void x5t_missing(struct shape *s)
{
	json_put(s->header, "x5t", NULL);
}

static void x5t_of_other_partner(struct shape *s)
{
	json_put(s->header, "x5t", certificate_x5t(key_pair_certificate(fixture_pair(2))));
	s->signer = 2;
}

static void signed_by_other_partner(struct shape *s)
{
	s->signer = 2;
}

static void type_missing(struct shape *s)
{
	json_put(s->header, "typ", NULL);
}

/* The other partner, which is of another realm, speaks for itself ... */
static void other_app_only(struct shape *s)
{
	const char *name = PRINCIPAL_SHAREPOINT "@other.example";
	json_put(s->header, "x5t", certificate_x5t(key_pair_certificate(fixture_pair(2))));
	json_put(s->claims, "iss", name);
	json_put(s->claims, "nameid", name);
	s->signer = 2;
	s->app_only = true;
}

/* ... but may not speak for a user of ours. */
static void other_realm_for_our_user(struct shape *s)
{
	other_app_only(s);
	s->app_only = false;
	json_put(s->outer_claims, "iss", PRINCIPAL_SHAREPOINT "@other.example");
}

static void user_of_other_domain(struct shape *s)
{
	static const char *const names[] = {"smtp", "sip", "upn", "nameid"};
	for (unsigned i = 0; i < G_N_ELEMENTS(names); i++)
		json_put(s->outer_claims, names[i], "bob@other.example");
}

static void issuer_realm_differs(struct shape *s)
{
	json_put(s->claims, "iss", PRINCIPAL_EXCHANGE "@other.example");
}

static void issuer_realm_case(struct shape *s)
{
	json_put(s->claims, "iss", PRINCIPAL_EXCHANGE "@Corp.example");
}

static void outer_issuer_differs(struct shape *s)
{
	json_put(s->outer_claims, "iss", PRINCIPAL_SHAREPOINT "@corp.example");
}

static void outer_issuer_case(struct shape *s)
{
	json_put(s->outer_claims, "iss", "00000002-0000-0FF1-CE00-000000000000@corp.example");
}

static void outer_audience_differs(struct shape *s)
{
	json_put(s->outer_claims, "aud", FIXTURE_APP "/IM.corp.example@corp.example");
}

static void delegation_missing(struct shape *s)
{
	json_put(s->claims, "trustedfordelegation", NULL);
}

static void delegation_missing_app_only(struct shape *s)
{
	delegation_missing(s);
	s->app_only = true;
}

static void delegation_false(struct shape *s)
{
	json_put(s->claims, "trustedfordelegation", "false");
}

static void delegation_boolean(struct shape *s)
{
	json_object_set_new(s->claims, "trustedfordelegation", json_true());
}

static void delegation_capital(struct shape *s)
{
	json_put(s->claims, "trustedfordelegation", "True");
}

static void put_audience(struct shape *s, const char *audience)
{
	json_put(s->claims, "aud", audience);
	json_put(s->outer_claims, "aud", audience);
}

#define AUDIENCE_ATTACK(name, text)                                                                \
	static void name(struct shape *s)                                                          \
	{                                                                                          \
		put_audience(s, text);                                                             \
	}

AUDIENCE_ATTACK(audience_host_case, FIXTURE_APP "/IM.Corp.Example@corp.example")
AUDIENCE_ATTACK(audience_other_host, FIXTURE_APP "/mail.corp.example@corp.example")
AUDIENCE_ATTACK(audience_no_host, FIXTURE_APP "@corp.example")
AUDIENCE_ATTACK(audience_no_realm, FIXTURE_APP "/im.corp.example")
AUDIENCE_ATTACK(audience_extra_at, FIXTURE_APP "/im.corp.example@corp.example@corp.example")
AUDIENCE_ATTACK(audience_subdomain, FIXTURE_APP "/a.im.corp.example@corp.example")
AUDIENCE_ATTACK(audience_superdomain, FIXTURE_APP "/corp.example@corp.example")
AUDIENCE_ATTACK(audience_trailing_dot, FIXTURE_APP "/im.corp.example.@corp.example")
AUDIENCE_ATTACK(audience_port, FIXTURE_APP "/im.corp.example:8443@corp.example")
AUDIENCE_ATTACK(audience_other_service, PRINCIPAL_EXCHANGE "/im.corp.example@corp.example")
AUDIENCE_ATTACK(
        audience_id_case, "7B1C0C7E-1D7E-4A5E-9A2F-0123456789AB/im.corp.example@corp.example")
AUDIENCE_ATTACK(audience_other_realm, FIXTURE_APP "/im.corp.example@other.example")
AUDIENCE_ATTACK(audience_realm_case, FIXTURE_APP "/im.corp.example@Corp.example")

static void audience_array(struct shape *s)
{
	json_object_set_new(
	        s->claims, "aud", json_pack("[s]", FIXTURE_APP "/im.corp.example@corp.example"));
}

static int64_t now_s(void)
{
	return clock_utc_us() / CLOCK_US_PER_S;
}

static void put_time(json_t *claims, const char *name, int64_t time_s)
{
	g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT, time_s);
	json_put(claims, name, text);
}

static void put_span(struct shape *s, int64_t nbf_s, int64_t exp_s)
{
	put_time(s->claims, "nbf", nbf_s);
	put_time(s->claims, "exp", exp_s);
}

/* The clock stands still in these tests, so that a second decides. */
static void expired_within_skew(struct shape *s)
{
	put_span(s, now_s() - 3600, now_s() - 299);
}

static void expired(struct shape *s)
{
	put_span(s, now_s() - 3600, now_s() - 300);
}

static void future_within_skew(struct shape *s)
{
	put_span(s, now_s() + 300, now_s() + 3600);
}

static void future(struct shape *s)
{
	put_span(s, now_s() + 301, now_s() + 3600);
}

static void longest_life(struct shape *s)
{
	put_span(s, now_s() - 1, now_s() - 1 + 86700);
}

static void too_long_life(struct shape *s)
{
	put_span(s, now_s() - 1, now_s() - 1 + 86701);
}

static void ends_at_beginning(struct shape *s)
{
	put_span(s, now_s(), now_s());
}

static void outer_expired(struct shape *s)
{
	put_time(s->outer_claims, "nbf", now_s() - 3600);
	put_time(s->outer_claims, "exp", now_s() - 300);
}

static void exp_number(struct shape *s)
{
	json_object_set_new(s->claims, "exp", json_integer(now_s() + 100));
	json_object_set_new(s->claims, "nbf", json_integer(now_s() - 100));
}

static void exp_missing(struct shape *s)
{
	json_put(s->claims, "exp", NULL);
}

static void nbf_missing(struct shape *s)
{
	json_put(s->claims, "nbf", NULL);
}

static void exp_zero(struct shape *s)
{
	json_put(s->claims, "exp", "0");
}

static void exp_negative(struct shape *s)
{
	json_object_set_new(s->claims, "exp", json_integer(-1));
}

static void exp_huge(struct shape *s)
{
	json_object_set_new(s->claims, "exp", json_real(1e30));
}

static void exp_huge_text(struct shape *s)
{
	json_put(s->claims, "exp", "99999999999999999999999");
}

static void exp_nan(struct shape *s)
{
	json_put(s->claims, "exp", "NaN");
}

static void exp_trailing(struct shape *s)
{
	json_put(s->claims, "exp", "1900000000x");
}

static void exp_fraction(struct shape *s)
{
	json_object_set_new(s->claims, "exp", json_real((double)now_s() + 100.5));
}

static void user_smtp_only(struct shape *s)
{
	json_put(s->outer_claims, "sip", NULL);
	json_put(s->outer_claims, "upn", NULL);
}

static void user_nameid_only(struct shape *s)
{
	user_smtp_only(s);
	json_put(s->outer_claims, "smtp", NULL);
}

static void user_without_nameid(struct shape *s)
{
	json_put(s->outer_claims, "nameid", NULL);
}

static void user_two(struct shape *s)
{
	json_put(s->outer_claims, "upn", "carol@corp.example");
}

static void user_two_by_nameid(struct shape *s)
{
	json_put(s->outer_claims, "nameid", "carol@corp.example");
}

static void user_unknown(struct shape *s)
{
	user_smtp_only(s);
	json_put(s->outer_claims, "smtp", "mallory@corp.example");
}

static void user_case(struct shape *s)
{
	json_put(s->outer_claims, "smtp", "Bob@Corp.Example");
}

static void user_prefix(struct shape *s)
{
	json_put(s->outer_claims, "smtp", "smtp:bob@corp.example");
}

static void user_sip_prefix(struct shape *s)
{
	json_put(s->outer_claims, "sip", "sip:bob@corp.example");
}

static void user_homoglyph(struct shape *s)
{
	json_put(s->outer_claims, "smtp",
	        "b\xd0\xbe"
	        "b@corp.example"); /* Cyrillic o */
}

static void user_folding(struct shape *s)
{
	/* A full-width c, which the mapping of domain names folds to c. */
	json_put(s->outer_claims, "smtp", "bob@\xef\xbd\x83orp.example");
}

static void user_with_resource(struct shape *s)
{
	json_put(s->outer_claims, "sip", "bob@corp.example/phone");
}

static void user_empty(struct shape *s)
{
	json_put(s->outer_claims, "smtp", "");
}

static void user_number(struct shape *s)
{
	json_object_set_new(s->outer_claims, "smtp", json_integer(1));
}

static void user_sid(struct shape *s)
{
	json_put(s->outer_claims, "nameid", "s-1-5-21-1-2-3-1000");
	json_put(s->outer_claims, "nii", "urn:office:idp:activedirectory");
}

static void user_puid(struct shape *s)
{
	json_put(s->outer_claims, "nameid", "10032001E2CBE43B");
}

static void nested(struct shape *s)
{
	g_autofree char *inner = mint_token(mint, s);
	json_put(s->claims, "actortoken", inner);
}

static void both_carriers(struct shape *s)
{
	json_put(s->outer_claims, "actort", "x");
}

static void carrier_by_specification(struct shape *s)
{
	s->carrier = "actort";
}

static void carrier_object(struct shape *s)
{
	s->carrier = NULL;
	json_object_set_new(s->outer_claims, "actortoken", json_object());
}

/* Takes the finished token and changes its text. */
static char *finished(struct shape *s)
{
	s->app_only = true;
	return mint_token(mint, s);
}

static void app_only(struct shape *s)
{
	s->app_only = true;
}

static void signature_truncated(struct shape *s)
{
	s->compact = finished(s);
	s->compact[strlen(s->compact) - 6] = '\0';
}

static void signature_longer(struct shape *s)
{
	g_autofree char *token = finished(s);
	s->compact = g_strconcat(token, "AAAA", NULL);
}

static void signature_padded(struct shape *s)
{
	g_autofree char *token = finished(s);
	s->compact = g_strconcat(token, "==", NULL);
}

/* 256 bytes are 342 digits, of whose last one four bits are unused. */
static void signature_stray_bits(struct shape *s)
{
	s->compact = finished(s);
	char *last = s->compact + strlen(s->compact) - 1;
	static const char alphabet[] =
	        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	*last = alphabet[(strchr(alphabet, *last) - alphabet) | 1];
}

static void plain_base64(struct shape *s)
{
	s->compact = finished(s);
	/* A dash or underline there must be; else the twin shows nothing, and "+" is put in. */
	char *at = strpbrk(s->compact, "-_");
	if (at == NULL)
		at = s->compact + strlen(s->compact) - 5;
	*at = *at == '_' ? '/' : '+';
}

static void two_segments(struct shape *s)
{
	g_autofree char *token = mint_token(mint, s);
	s->compact = g_strndup(token, strlen(token) - 1);
}

static void four_segments(struct shape *s)
{
	g_autofree char *token = finished(s);
	s->compact = g_strconcat(token, ".AAAA", NULL);
}

static void white_space(struct shape *s)
{
	g_autofree char *token = finished(s);
	s->compact = g_strconcat(token, " ", NULL);
}

static void line_break(struct shape *s)
{
	g_autofree char *token = finished(s);
	s->compact = g_strconcat(token, "\n", NULL);
}

static void huge(struct shape *s)
{
	g_autofree char *token = finished(s);
	g_autofree char *filler = g_strnfill(1 << 20, 'A');
	s->compact = g_strconcat(filler, token, NULL);
}

/* The header's text, with something put before its closing brace. */
static char *header_with(struct shape *s, const char *more)
{
	char *plain = json_dumps(s->header, JSON_COMPACT);
	char *text = g_strdup_printf("%.*s%s}", (int)strlen(plain) - 1, plain, more);
	free(plain);
	return text;
}

static char *claims_with(json_t *claims, const char *more)
{
	char *plain = json_dumps(claims, JSON_COMPACT);
	char *text = g_strdup_printf("%.*s%s}", (int)strlen(plain) - 1, plain, more);
	free(plain);
	return text;
}

static void header_new_member(struct shape *s)
{
	s->header_text = header_with(s, ",\"new\":\"none\"");
}

static void duplicate_alg(struct shape *s)
{
	s->header_text = header_with(s, ",\"alg\":\"none\"");
}

static void duplicate_alg_escaped(struct shape *s)
{
	s->header_text = header_with(s, ",\"\\u0061lg\":\"none\"");
}

static void claim_new_member(struct shape *s)
{
	s->claims_text = claims_with(s->claims, ",\"oid\":\"x\",\"xms_spcu\":true");
}

static void duplicate_issuer(struct shape *s)
{
	s->claims_text = claims_with(s->claims, ",\"iss\":\"x\"");
}

static void outer_new_member(struct shape *s)
{
	s->outer_claims_text = claims_with(s->outer_claims, ",\"x\":1,\"actortoken\":\"%s\"");
}

static void duplicate_smtp(struct shape *s)
{
	s->outer_claims_text = claims_with(
	        s->outer_claims, ",\"smtp\":\"carol@corp.example\",\"actortoken\":\"%s\"");
}

static void duplicate_carrier(struct shape *s)
{
	s->outer_claims_text =
	        claims_with(s->outer_claims, ",\"actortoken\":\"x\",\"actortoken\":\"%s\"");
}

static void byte_order_mark(struct shape *s)
{
	g_autofree char *plain = claims_with(s->claims, "");
	s->claims_text = g_strconcat("\xef\xbb\xbf", plain, NULL);
}

static void bad_utf8(struct shape *s)
{
	s->claims_text = claims_with(s->claims, ",\"x\":\"\xff\xfe\"");
}

static void embedded_nul(struct shape *s)
{
	s->claims_text = claims_with(s->claims, ",\"x\":\"a\\u0000b\"");
}

static void too_deep(struct shape *s)
{
	s->claims_text = claims_with(s->claims, ",\"x\":[[[[[[[[1]]]]]]]]");
}

static void claims_array(struct shape *s)
{
	s->claims_text = g_strdup("[1]");
}

static void trailing_garbage(struct shape *s)
{
	g_autofree char *plain = claims_with(s->claims, "");
	s->claims_text = g_strconcat(plain, "{}", NULL);
}

/* Changes of what we know of the partner. */
static void partner_disabled(struct shape *s)
{
	(void)s;
	exchange()->enabled = false;
}

static void partner_removed(struct shape *s)
{
	(void)s;
	g_ptr_array_remove_index(partners, 0);
}

static struct partner_key *first_key(void)
{
	return g_ptr_array_index(exchange()->keys, 0);
}

static void key_near_end(struct shape *s)
{
	(void)s;
	first_key()->not_after_utc_us = clock_utc_us() + 1;
}

static void key_expired(struct shape *s)
{
	(void)s;
	first_key()->not_after_utc_us = clock_utc_us();
}

static void key_held(struct shape *s)
{
	(void)s;
	first_key()->state = PARTNER_KEY_HELD;
	first_key()->usable_utc_us = clock_utc_us() + 1;
}

static void key_hold_over(struct shape *s)
{
	(void)s;
	first_key()->state = PARTNER_KEY_HELD;
	first_key()->usable_utc_us = clock_utc_us();
}

static void key_removed(struct shape *s)
{
	(void)s;
	g_ptr_array_set_size(exchange()->keys, 0);
}

static void trust_application(struct shape *s)
{
	(void)s;
	exchange()->trust = PARTNER_APPLICATION;
}

static void trust_application_app_only(struct shape *s)
{
	trust_application(s);
	s->app_only = true;
}

static void trust_user(struct shape *s)
{
	(void)s;
	exchange()->trust = PARTNER_USER;
}

static void trust_user_app_only(struct shape *s)
{
	trust_user(s);
	s->app_only = true;
}

static void sid_allowed(struct shape *s)
{
	user_sid(s);
	exchange()->accept_sid = true;
}

static void sid_alone(struct shape *s)
{
	user_nameid_only(s);
	sid_allowed(s);
}

static void application_differs(struct shape *s)
{
	json_put(s->claims, "nameid", PRINCIPAL_SKYPE "@corp.example");
	json_put(s->outer_claims, "iss", PRINCIPAL_SKYPE "@corp.example");
}

typedef void change(struct shape *shape);

/* Every attack is refused for its reason; its twin (NULL: the unchanged token) is accepted. */
static const struct attack {
	const char *name;
	change *bad;
	const char *reason;
	change *good;
} attacks[] = {
        {"1 actor alg none", alg_none, "verify.algorithm", NULL},
        {"1 actor alg None", alg_none_capital, "verify.algorithm", NULL},
        {"1 actor alg NONE", alg_none_upper, "verify.algorithm", NULL},
        {"1 actor alg nOnE", alg_none_mixed, "verify.algorithm", NULL},
        {"1 bare alg none", alg_none_app_only, "verify.algorithm", app_only},
        {"2 outer without actor", outer_without_actor, "verify.algorithm", NULL},
        {"2 outer alg None", outer_alg_capital, "verify.algorithm", NULL},
        {"2 outer with signature", outer_signed, "verify.algorithm", NULL},
        {"3 HS256 with PEM", hmac_pem, "verify.algorithm", NULL},
        {"3 HS256 with DER", hmac_der, "verify.algorithm", NULL},
        {"3 HS256 with x5t", hmac_x5t, "verify.algorithm", NULL},
        {"3 RS384", alg_other, "verify.algorithm", NULL},
        {"3 rs256", alg_lower, "verify.algorithm", NULL},
        {"3 no alg", alg_missing, "verify.algorithm", NULL},
        {"4 junk signature", junk_signature, "verify.signature", NULL},
        {"4 zero signature", junk_signature_of_full_length, "verify.signature", NULL},
        {"4 empty signature", empty_signature, "verify.signature", NULL},
        {"4 iss missing", issuer_missing, "verify.claim", NULL},
        {"4 aud missing", audience_missing, "verify.claim", NULL},
        {"4 nameid missing", nameid_missing, "verify.claim", NULL},
        {"4 own issuer, junk", our_own_issuer, "verify.issuer", NULL},
        {"4 own issuer, own key", our_own_issuer_signed, "verify.issuer", NULL},
        {"5 jwk", key_jwk, "verify.header", NULL},
        {"5 x5c", key_x5c, "verify.header", NULL},
        {"5 jku", key_jku, "verify.header", kid_is_ignored},
        {"5 x5u", key_x5u, "verify.header", kid_is_ignored},
        {"5 crit", header_crit, "verify.header", header_new_member},
        {"5 zip", header_zip, "verify.header", header_new_member},
        {"5 b64", header_b64, "verify.header", header_new_member},
        {"5 kid traversal", kid_traversal, "verify.key", kid_is_ignored},
        {"5 x5t missing", x5t_missing, "verify.key", NULL},
        {"5 typ missing", type_missing, "verify.header", NULL},
        {"6 x5t and key of another partner", x5t_of_other_partner, "verify.key", other_app_only},
        {"6 signed by another partner", signed_by_other_partner, "verify.signature", NULL},
        {"7 partner of another realm", other_realm_for_our_user, "verify.trust", other_app_only},
        {"7 user of another domain", user_of_other_domain, "verify.user", NULL},
        {"7 issuer of another realm", issuer_realm_differs, "verify.issuer", NULL},
        {"7 issuer realm case", issuer_realm_case, "verify.issuer", NULL},
        {"8 outer iss", outer_issuer_differs, "verify.mismatch", NULL},
        {"8 outer iss case", outer_issuer_case, "verify.mismatch", NULL},
        {"8 outer aud", outer_audience_differs, "verify.mismatch", audience_host_case},
        {"8 application", application_differs, "verify.application", NULL},
        {"9 no delegation", delegation_missing, "verify.delegation", delegation_missing_app_only},
        {"9 delegation false", delegation_false, "verify.delegation", NULL},
        {"9 delegation boolean", delegation_boolean, "verify.delegation", NULL},
        {"9 delegation True", delegation_capital, "verify.delegation", NULL},
        {"10 other host", audience_other_host, "verify.audience", audience_host_case},
        {"10 no host", audience_no_host, "verify.audience", NULL},
        {"10 no realm", audience_no_realm, "verify.audience", NULL},
        {"10 extra @", audience_extra_at, "verify.audience", NULL},
        {"10 subdomain", audience_subdomain, "verify.audience", NULL},
        {"10 superdomain", audience_superdomain, "verify.audience", NULL},
        {"10 trailing dot", audience_trailing_dot, "verify.audience", NULL},
        {"10 port", audience_port, "verify.audience", NULL},
        {"10 other service", audience_other_service, "verify.audience", NULL},
        {"10 id case", audience_id_case, "verify.audience", NULL},
        {"10 other realm", audience_other_realm, "verify.audience", NULL},
        {"10 realm case", audience_realm_case, "verify.audience", NULL},
        {"10 array", audience_array, "verify.claim", NULL},
        {"11 expired", expired, "verify.time", expired_within_skew},
        {"11 future", future, "verify.time", future_within_skew},
        {"11 too long", too_long_life, "verify.time", longest_life},
        {"11 ends at its beginning", ends_at_beginning, "verify.time", NULL},
        {"11 outer expired", outer_expired, "verify.time", NULL},
        {"11 exp missing", exp_missing, "verify.claim", exp_number},
        {"11 nbf missing", nbf_missing, "verify.claim", NULL},
        {"11 exp 0", exp_zero, "verify.claim", NULL},
        {"11 exp negative", exp_negative, "verify.claim", exp_number},
        {"11 exp 1e30", exp_huge, "verify.claim", exp_number},
        {"11 exp huge text", exp_huge_text, "verify.claim", NULL},
        {"11 exp NaN", exp_nan, "verify.claim", NULL},
        {"11 exp 12x", exp_trailing, "verify.claim", NULL},
        {"11 exp fraction", exp_fraction, "verify.claim", exp_number},
        {"12 smtp of one, upn of another", user_two, "verify.user", NULL},
        {"12 nameid of another", user_two_by_nameid, "verify.user", NULL},
        {"12 no nameid", user_without_nameid, "verify.claim", user_nameid_only},
        {"12 unknown", user_unknown, "verify.user", user_smtp_only},
        {"12 smtp twice", duplicate_smtp, "verify.malformed", outer_new_member},
        {"12 smtp: prefix", user_prefix, "verify.user", user_case},
        {"12 sip: prefix", user_sip_prefix, "verify.user", user_case},
        {"12 homoglyph", user_homoglyph, "verify.user", NULL},
        {"12 case folding", user_folding, "verify.user", user_case},
        {"12 resource", user_with_resource, "verify.user", NULL},
        {"12 empty", user_empty, "verify.claim", NULL},
        {"12 number", user_number, "verify.claim", NULL},
        {"12 SID not allowed", user_sid, "verify.user", sid_allowed},
        {"12 SID alone", sid_alone, "verify.user", sid_allowed},
        {"12 PUID", user_puid, "verify.user", NULL},
        {"13 actor in actor", nested, "verify.claim", NULL},
        {"13 both carriers", both_carriers, "verify.claim", carrier_by_specification},
        {"13 carrier object", carrier_object, "verify.claim", NULL},
        {"13 carrier twice", duplicate_carrier, "verify.malformed", outer_new_member},
        {"14 truncated signature", signature_truncated, "verify.signature", app_only},
        {"14 longer signature", signature_longer, "verify.signature", app_only},
        {"14 padding", signature_padded, "verify.malformed", app_only},
        {"14 stray bits", signature_stray_bits, "verify.malformed", app_only},
        {"14 plain base64", plain_base64, "verify.malformed", app_only},
        {"14 no trailing dot", two_segments, "verify.malformed", NULL},
        {"14 four segments", four_segments, "verify.malformed", app_only},
        {"14 white space", white_space, "verify.malformed", app_only},
        {"14 line break", line_break, "verify.malformed", app_only},
        {"15 alg twice", duplicate_alg, "verify.malformed", header_new_member},
        {"15 alg twice, escaped", duplicate_alg_escaped, "verify.malformed", header_new_member},
        {"15 iss twice", duplicate_issuer, "verify.malformed", claim_new_member},
        {"15 byte order mark", byte_order_mark, "verify.malformed", claim_new_member},
        {"15 bad UTF-8", bad_utf8, "verify.malformed", claim_new_member},
        {"15 NUL", embedded_nul, "verify.malformed", claim_new_member},
        {"15 too deep", too_deep, "verify.malformed", claim_new_member},
        {"15 array", claims_array, "verify.malformed", claim_new_member},
        {"15 trailing garbage", trailing_garbage, "verify.malformed", claim_new_member},
        {"17 expired key", key_expired, "verify.key", key_near_end},
        {"17 held key", key_held, "verify.key", key_hold_over},
        {"17 removed key", key_removed, "verify.key", NULL},
        {"17 disabled partner", partner_disabled, "verify.issuer", NULL},
        {"17 removed partner", partner_removed, "verify.issuer", NULL},
        {"17 trust application", trust_application, "verify.trust", trust_application_app_only},
        {"17 trust user", trust_user_app_only, "verify.trust", trust_user},
        {"19 one megabyte", huge, "verify.malformed", app_only},
};

static const char *verdict_after(change *change_it)
{
	struct shape *shape = shape_new();
	if (change_it != NULL)
		change_it(shape);
	g_autofree char *compact = mint_token(mint, shape);
	shape_free(shape);
	return mint_verdict(partners, compact);
}

START_TEST(attack_is_refused_and_twin_accepted)
{
	const struct attack *attack = &attacks[_i];
	clock_set_utc_us(clock_utc_us());
	const char *good = verdict_after(attack->good);
	ck_assert_msg(good == NULL, "the twin of %s was refused: %s", attack->name, good);
	g_ptr_array_unref(partners);
	partners = mint_partners();
	const char *bad = verdict_after(attack->bad);
	ck_assert_msg(g_strcmp0(bad, attack->reason) == 0, "%s: %s instead of %s", attack->name,
	        bad != NULL ? bad : "accepted", attack->reason);
}
END_TEST

START_TEST(says_who_is_calling)
{
	struct shape *shape = shape_new();
	g_autofree char *compact = mint_token(mint, shape);
	g_autofree char *value = g_strconcat("bEaReR  ", compact, NULL);
	const char *const headers[] = {value, NULL};
	autoptr(verify_identity) user =
	        verify_authorization(&mint_rules, partners, headers, NULL, NULL);
	ck_assert_str_eq(user->partner, "exchange");
	ck_assert_str_eq(user->owner, "bob@corp.example");
	shape->app_only = true;
	g_autofree char *bare = mint_token(mint, shape);
	g_autofree char *bare_value = g_strconcat("Bearer ", bare, NULL);
	const char *const bare_headers[] = {bare_value, NULL};
	autoptr(verify_identity) itself =
	        verify_authorization(&mint_rules, partners, bare_headers, NULL, NULL);
	ck_assert_ptr_null(itself->owner);
	ck_assert_str_eq(itself->app_id, PRINCIPAL_EXCHANGE);
	shape_free(shape);
}
END_TEST

/* reason: NULL when they are accepted. */
static void assert_headers(const char *one, const char *two, const char *reason)
{
	const char *const headers[] = {one, two, NULL};
	g_autoptr(GError) error = NULL;
	autoptr(verify_identity) who =
	        verify_authorization(&mint_rules, partners, headers, NULL, &error);
	if (reason == NULL) {
		ck_assert_no_error(error);
		ck_assert_ptr_nonnull(who);
		return;
	}
	ck_assert_ptr_null(who);
	ck_assert_reason(error, reason);
}

/* Attack 20. */
START_TEST(one_authorization_header_of_one_scheme)
{
	struct shape *shape = shape_new();
	g_autofree char *compact = mint_token(mint, shape);
	g_autofree char *value = g_strconcat("Bearer ", compact, NULL);
	g_autofree char *folded = g_strconcat(value, ", Basic YTpi", NULL);
	g_autofree char *glued = g_strconcat("Bearer", compact, NULL);
	assert_headers(value, NULL, NULL);
	assert_headers(NULL, NULL, "verify.absent");
	assert_headers("Bearer", NULL, "verify.absent");
	assert_headers("Bearer ", NULL, "verify.absent");
	assert_headers("Basic YTpi", NULL, "verify.absent");
	assert_headers(value, value, "verify.malformed");
	assert_headers(folded, NULL, "verify.malformed");
	assert_headers(glued, NULL, "verify.absent");
	shape_free(shape);
}
END_TEST

START_TEST(unknown_key_is_told_once_the_issuer_is_known)
{
	struct shape *shape = shape_new();
	json_put(shape->header, "x5t", "AAAAAAAAAAAAAAAAAAAAAAAAAAA");
	g_autofree char *compact = mint_token(mint, shape);
	g_autofree char *value = g_strconcat("Bearer ", compact, NULL);
	const char *const headers[] = {value, NULL};
	g_autofree char *unknown = NULL;
	ck_assert_ptr_null(verify_authorization(&mint_rules, partners, headers, &unknown, NULL));
	ck_assert_str_eq(unknown, "exchange");
	g_clear_pointer(&unknown, g_free);
	json_put(shape->claims, "iss", PRINCIPAL_SKYPE "@corp.example");
	g_autofree char *foreign = mint_token(mint, shape);
	g_autofree char *foreign_value = g_strconcat("Bearer ", foreign, NULL);
	const char *const foreign_headers[] = {foreign_value, NULL};
	ck_assert_ptr_null(
	        verify_authorization(&mint_rules, partners, foreign_headers, &unknown, NULL));
	ck_assert_ptr_null(unknown);
	shape_free(shape);
}
END_TEST

START_TEST(challenge_says_what_a_stranger_may_know)
{
	exchange()->enabled = false;
	g_autofree char *text = verify_challenge(&mint_rules, partners, true);
	ck_assert_str_eq(text, "Bearer client_id=\"" FIXTURE_APP
	                       "\", realm=\"corp.example\", trusted_issuers=\"" PRINCIPAL_SHAREPOINT
	                       "@other.example\", token_types=\"app_asserted_user_v1 "
	                       "service_asserted_app_v1\", error=\"invalid_token\"");
	exchange()->enabled = true;
	g_autofree char *plain = verify_challenge(&mint_rules, partners, false);
	ck_assert_ptr_null(strstr(plain, "error"));
	ck_assert_ptr_nonnull(strstr(plain, PRINCIPAL_EXCHANGE "@corp.example,"));
}
END_TEST

/* Mutations */

#define MUTATIONS 10000U

/*
 * Whether what was accepted is what was said: the signed token byte for byte, and of the outer
 * token every claim that is looked at. Its times it asserts by itself, and a name of the user may
 * be missing as long as the others lead to him.
 */
static bool says_the_same(const char *before, const char *after)
{
	static const char *const looked_at[] = {
	        "aud", "iss", "nameid", "smtp", "sip", "upn", "actortoken", "actort"};
	autoptr(jws) a = jws_parse(before, NULL);
	autoptr(jws) b = jws_parse(after, NULL);
	if (b == NULL || json_object_get(b->payload, "actortoken") == NULL ||
	        b->signature->len != 0 || !json_equal(a->header, b->header))
		return false;
	for (unsigned i = 0; i < G_N_ELEMENTS(looked_at); i++) {
		const char *x = json_string_value(json_object_get(a->payload, looked_at[i]));
		const char *y = json_string_value(json_object_get(b->payload, looked_at[i]));
		bool is_token = g_str_has_prefix(looked_at[i], "actor");
		if (y != NULL &&
		        (x == NULL || (is_token ? strcmp(x, y) : g_ascii_strcasecmp(x, y))))
			return false;
	}
	return true;
}

/* Swaps, drops, repeats or reorders members of the outer token's claims. */
static char *shuffle_members(GRand *random, const char *compact)
{
	g_auto(GStrv) parts = g_strsplit(compact, ".", 3);
	g_autoptr(GByteArray) body = base64url_decode(parts[1], strlen(parts[1]));
	g_autofree char *text = g_strndup((const char *)body->data, body->len);
	g_autofree char *inside = g_strndup(text + 1, strlen(text) - 2);
	g_auto(GStrv) members = g_strsplit(inside, "\",\"", -1);
	unsigned n = g_strv_length(members);
	unsigned a = (unsigned)g_rand_int_range(random, 0, (gint32)n);
	unsigned b = (unsigned)g_rand_int_range(random, 0, (gint32)n);
	if (g_rand_boolean(random)) {
		char *swap = members[a];
		members[a] = members[b];
		members[b] = swap;
	} else {
		char *again = g_strdup(members[b]);
		g_free(members[a]);
		members[a] = again;
	}
	g_autofree char *joined = g_strjoinv("\",\"", members);
	g_autofree char *whole = g_strconcat("{", joined, "}", NULL);
	g_autofree char *encoded = base64url_encode(whole, strlen(whole));
	return g_strconcat(parts[0], ".", encoded, ".", parts[2], NULL);
}

static char *flip_bit(GRand *random, const char *compact)
{
	char *copy = g_strdup(compact);
	size_t at = (size_t)g_rand_int_range(random, 0, (gint32)strlen(copy));
	copy[at] = (char)(copy[at] ^ (1 << g_rand_int_range(random, 0, 7)));
	if (copy[at] == '\0')
		copy[at] = 'A';
	return copy;
}

/* A bit of the decoded outer claims, so that the change gets past base64. */
static char *flip_claim_bit(GRand *random, const char *compact)
{
	g_auto(GStrv) parts = g_strsplit(compact, ".", 3);
	g_autoptr(GByteArray) body = base64url_decode(parts[1], strlen(parts[1]));
	guint at = (guint)g_rand_int_range(random, 0, (gint32)body->len);
	body->data[at] = (guint8)(body->data[at] ^ (1 << g_rand_int_range(random, 0, 8)));
	g_autofree char *encoded = base64url_encode(body->data, body->len);
	return g_strconcat(parts[0], ".", encoded, ".", parts[2], NULL);
}

static char *swap_segments(GRand *random, const char *compact)
{
	g_auto(GStrv) parts = g_strsplit(compact, ".", 3);
	unsigned a = (unsigned)g_rand_int_range(random, 0, 3);
	unsigned b = (unsigned)g_rand_int_range(random, 0, 3);
	char *swap = parts[a];
	parts[a] = parts[b];
	parts[b] = swap;
	return g_strjoinv(".", parts);
}

static char *cut(GRand *random, const char *compact)
{
	return g_strndup(compact, (gsize)g_rand_int_range(random, 0, (gint32)strlen(compact)));
}

static char *mutate(GRand *random, const char *compact)
{
	typedef char *mutation(GRand * random, const char *compact);
	static mutation *const mutations[] = {
	        flip_bit, flip_claim_bit, flip_claim_bit, shuffle_members, swap_segments, cut};
	return mutations[g_rand_int_range(random, 0, G_N_ELEMENTS(mutations))](random, compact);
}

START_TEST(mutations_are_refused_unless_they_say_the_same)
{
	const char *given = g_getenv("IMEX_TEST_SEED");
	guint32 seed = given != NULL ? (guint32)g_ascii_strtoull(given, NULL, 10) : g_random_int();
	printf("# seed %u (IMEX_TEST_SEED)\n", seed);
	fflush(stdout);
	g_autoptr(GRand) random = g_rand_new_with_seed(seed);
	struct shape *shape = shape_new();
	g_autofree char *compact = mint_token(mint, shape);
	shape_free(shape);
	unsigned accepted = 0;
	for (unsigned i = 0; i < MUTATIONS; i++) {
		g_autofree char *other = mutate(random, compact);
		if (mint_verdict(partners, other) != NULL)
			continue;
		ck_assert_msg(
		        says_the_same(compact, other), "seed %u, mutation %u: %s", seed, i, other);
		accepted++;
	}
	printf("# %u of %u mutations said the same\n", accepted, MUTATIONS);
	/* Swapping a member with itself must be among them, or the test tests nothing. */
	ck_assert_uint_gt(accepted, 0);
	ck_assert_uint_lt(accepted, MUTATIONS / 2);
}
END_TEST

/* The shared vector */

static char *read_vector(const char *name)
{
	const char *shared = g_getenv("IMEX_SHARED");
	const char *source = g_getenv("srcdir");
	g_autofree char *beside =
	        g_build_filename(source != NULL ? source : ".", "..", "shared", NULL);
	g_autofree char *path =
	        g_build_filename(shared != NULL ? shared : beside, "oauth-vector", name, NULL);
	char *text = NULL;
	if (g_file_get_contents(path, &text, NULL, NULL))
		g_strchomp(text);
	return text;
}

static bool find_vector_user(
        void *data, enum verify_name kind, const char *address, char **owner, GError **error)
{
	(void)data, (void)kind, (void)error;
	*owner = g_str_equal(address, "bob@fabrikam.example") ? g_strdup(address) : NULL;
	return true;
}

/* id: who the partner with that certificate is. */
static const char *vector_verdict(
        const char *name, const char *id, const char *certificate_pem_text)
{
	static const char *const vector_hosts[] = {"mail.fabrikam.example", NULL};
	static const char *const vector_domains[] = {"fabrikam.example", NULL};
	const struct verify_rules rules = {.app_id = PRINCIPAL_EXCHANGE,
	        .realm = "fabrikam.example",
	        .hosts = vector_hosts,
	        .domains = vector_domains,
	        .skew_s = 300,
	        .find_user = find_vector_user};
	g_autofree char *folder = fixture_folder();
	g_autofree char *path = g_build_filename(folder, "cert.pem", NULL);
	ck_assert(g_file_set_contents(path, certificate_pem_text, -1, NULL));
	autoptr(certificate) certificate = certificate_from_file(path, NULL);
	fixture_remove(g_steal_pointer(&folder));
	autoptr(partner) skype = fixture_partner(1);
	g_free(skype->issuer);
	g_free(skype->app_id);
	skype->app_id = g_strdup(id);
	skype->issuer = principal_issuer(id, "fabrikam.example");
	struct partner_key *key = g_ptr_array_index(skype->keys, 0);
	g_free(key->x5t);
	g_bytes_unref(key->der);
	key->x5t = g_strdup(certificate_x5t(certificate));
	key->der = g_bytes_ref(certificate_der(certificate));
	key->not_after_utc_us = certificate_not_after_utc_us(certificate);
	g_autoptr(GPtrArray) list = g_ptr_array_new();
	g_ptr_array_add(list, skype);
	g_autofree char *compact = read_vector(name);
	g_autofree char *value = g_strconcat("Bearer ", compact, NULL);
	const char *const headers[] = {value, NULL};
	g_autoptr(GError) error = NULL;
	autoptr(verify_identity) identity =
	        verify_authorization(&rules, list, headers, NULL, &error);
	return identity != NULL ? NULL : error_reason(error);
}

START_TEST(shared_vector)
{
	g_autofree char *certificate = read_vector("cert.pem");
	if (certificate == NULL) {
		printf("# skipped: no shared data\n");
		return;
	}
	clock_set_utc_us(INT64_C(1700000100) * CLOCK_US_PER_S);
	ck_assert_ptr_null(vector_verdict("actor.jwt", PRINCIPAL_SKYPE, certificate));
	ck_assert_ptr_null(vector_verdict("apponly.jwt", PRINCIPAL_SKYPE, certificate));
	ck_assert_ptr_null(vector_verdict("outer.jwt", PRINCIPAL_SKYPE, certificate));
	/* Its issuer was changed after signing: it fails even where that issuer is the partner. */
	ck_assert_str_eq(
	        vector_verdict("actor-bad-sig.jwt", PRINCIPAL_SKYPE, certificate), "verify.issuer");
	ck_assert_str_eq(vector_verdict("actor-bad-sig.jwt", PRINCIPAL_EXCHANGE, certificate),
	        "verify.signature");
	clock_set_utc_us(INT64_C(1700028800 + 300) * CLOCK_US_PER_S);
	ck_assert_str_eq(vector_verdict("outer.jwt", PRINCIPAL_SKYPE, certificate), "verify.time");
}
END_TEST

Suite *verify_suite(void)
{
	Suite *suite = suite_create("verify");
	TCase *tests = tcase_create("verify");
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 300);
	tcase_add_loop_test(tests, attack_is_refused_and_twin_accepted, 0, G_N_ELEMENTS(attacks));
	tcase_add_test(tests, says_who_is_calling);
	tcase_add_test(tests, one_authorization_header_of_one_scheme);
	tcase_add_test(tests, unknown_key_is_told_once_the_issuer_is_known);
	tcase_add_test(tests, challenge_says_what_a_stranger_may_know);
	tcase_add_test(tests, mutations_are_refused_unless_they_say_the_same);
	tcase_add_test(tests, shared_vector);
	suite_add_tcase(suite, tests);
	return suite;
}
