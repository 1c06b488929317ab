#include "oauth/trust.h"

#include "core/clock.h"
#include "core/error.h"
#include "fixture.h"

#include <string.h>

Suite *trust_suite(void);

#define URL "https://mail.corp.example/autodiscover/metadata/json/1"
#define HOLD_S 3600

/* A document in Exchange's shape with the keys of the pairs whose bit is set. */
struct document {
	const char *id, *realm, *issuer_realm, *endpoint;
	unsigned pairs;
};

static const struct document usual = {PRINCIPAL_EXCHANGE, "corp.example", "corp.example",
        "https://mail.corp.example/autodiscover/metadata/json/1", 1 << 0};

static struct metadata *document(struct document d)
{
	g_autoptr(GString) text = g_string_new(NULL);
	g_string_append_printf(text,
	        "{\"realm\":\"%s\",\"serviceName\":\"%s\",\"issuer\":\"%s@%s\",\"endpoints\":[{"
	        "\"location\":\"%s\",\"protocol\":\"OAuth2\"}],\"keys\":[",
	        d.realm, d.id, d.id, d.issuer_realm, d.endpoint);
	const char *separator = "";
	for (unsigned i = 0; i < 3; i++) {
		if (!(d.pairs & 1U << i))
			continue;
		g_autofree char *der = certificate_base64(key_pair_certificate(fixture_pair(i)));
		g_string_append_printf(text,
		        "%s{\"keyvalue\":{\"type\":\"x509Certificate\",\"value\":\"%s\"}}",
		        separator, der);
		separator = ",";
	}
	g_string_append(text, "]}");
	g_autoptr(GError) error = NULL;
	struct metadata *metadata = metadata_parse(text->str, text->len, "the document", &error);
	ck_assert_no_error(error);
	return metadata;
}

static struct partner *adopted(struct document d)
{
	autoptr(metadata) metadata = document(d);
	struct partner *partner = partner_new("exchange");
	g_autoptr(GError) error = NULL;
	ck_assert(trust_adopt(partner, metadata, URL, NULL, FIXTURE_APP "@corp.example", &error));
	return partner;
}

static void teardown(void)
{
	clock_unset();
}

START_TEST(adopts_what_the_document_says)
{
	autoptr(partner) partner = adopted(usual);
	ck_assert_str_eq(partner->issuer, PRINCIPAL_EXCHANGE "@corp.example");
	ck_assert_str_eq(partner->metadata_url, URL);
	ck_assert(partner_has_origin(partner, "https://mail.corp.example:443"));
	ck_assert_uint_eq(partner->keys->len, 1);
	ck_assert(partner->verified);
}
END_TEST

static void assert_not_adopted(struct document d, const char *realm, const char *reason)
{
	autoptr(metadata) metadata = document(d);
	autoptr(partner) partner = partner_new("x");
	g_autoptr(GError) error = NULL;
	ck_assert(!trust_adopt(partner, metadata, URL, realm, FIXTURE_APP "@corp.example", &error));
	ck_assert_reason(error, reason);
	ck_assert_uint_eq(partner->keys->len, 0);
}

START_TEST(wildcard_issuer_needs_a_realm)
{
	struct document any = usual;
	any.realm = any.issuer_realm = "*";
	assert_not_adopted(any, NULL, "partner.realm");
	autoptr(metadata) metadata = document(any);
	autoptr(partner) partner = partner_new("x");
	ck_assert(trust_adopt(partner, metadata, URL, "corp.example", NULL, NULL));
	ck_assert_str_eq(partner->issuer, PRINCIPAL_EXCHANGE "@corp.example");
	assert_not_adopted(usual, "other.example", "partner.realm");
}
END_TEST

START_TEST(our_own_id_is_no_partner)
{
	struct document own = usual;
	own.id = FIXTURE_APP;
	assert_not_adopted(own, NULL, "partner.own_id");
}
END_TEST

struct look {
	struct partner *partner;
	struct trust_change change;
	GError *error;
};

static struct look look_again(const struct partner *known, struct document d, bool accept)
{
	autoptr(metadata) metadata = document(d);
	struct look look = {0};
	if (!trust_refresh(
	            known, metadata, HOLD_S, accept, &look.partner, &look.change, &look.error))
		ck_assert_ptr_null(look.partner);
	return look;
}

static void assert_changed(const struct partner *known, struct document d)
{
	struct look look = look_again(known, d, true);
	ck_assert_reason(look.error, "partner.changed");
	g_error_free(look.error);
}

START_TEST(other_names_are_not_believed)
{
	autoptr(partner) partner = adopted(usual);
	struct document d = usual;
	d.id = PRINCIPAL_SHAREPOINT;
	assert_changed(partner, d);
	d = usual;
	d.realm = "other.example";
	assert_changed(partner, d);
	d = usual;
	d.issuer_realm = "other.example";
	assert_changed(partner, d);
	d = usual;
	d.endpoint = "https://evil.example/metadata/json/1";
	assert_changed(partner, d);
	d.endpoint = "https://mail.corp.example:444/autodiscover/metadata/json/1";
	assert_changed(partner, d);
	d = usual;
	d.endpoint = "https://mail.corp.example:443/elsewhere";
	struct look look = look_again(partner, d, false);
	ck_assert_no_error(look.error);
	partner_free(look.partner);
}
END_TEST

START_TEST(a_roll_with_overlap_is_followed)
{
	autoptr(partner) first = adopted(usual);
	struct document d = usual;
	d.pairs = 1 << 0 | 1 << 1;
	struct look both = look_again(first, d, false);
	ck_assert_uint_eq(both.change.added, 1);
	ck_assert_uint_eq(both.change.held, 0);
	ck_assert_uint_eq(both.partner->keys->len, 2);
	d.pairs = 1 << 1;
	struct look later = look_again(both.partner, d, false);
	ck_assert_uint_eq(later.change.removed, 1);
	ck_assert_uint_eq(later.partner->keys->len, 1);
	ck_assert_ptr_null(later.partner->alarm);
	partner_free(both.partner);
	partner_free(later.partner);
}
END_TEST

START_TEST(all_keys_at_once_are_held)
{
	int64_t now = clock_utc_us();
	clock_set_utc_us(now);
	autoptr(partner) first = adopted(usual);
	struct document d = usual;
	d.pairs = 1 << 1;
	struct look held = look_again(first, d, false);
	ck_assert(held.change.replaced_all);
	ck_assert_uint_eq(held.change.held, 1);
	ck_assert_uint_eq(held.partner->keys->len, 2);
	ck_assert_ptr_nonnull(held.partner->alarm);
	const struct partner_key *new_key = g_ptr_array_index(held.partner->keys, 0);
	ck_assert_int_eq(new_key->state, PARTNER_KEY_HELD);
	ck_assert_int_eq(new_key->usable_utc_us, now + HOLD_S * CLOCK_US_PER_S);
	/* Looking again in between neither releases it nor begins the time anew. */
	clock_set_utc_us(now + (HOLD_S - 1) * CLOCK_US_PER_S);
	struct look between = look_again(held.partner, d, false);
	new_key = g_ptr_array_index(between.partner->keys, 0);
	ck_assert_int_eq(new_key->usable_utc_us, now + HOLD_S * CLOCK_US_PER_S);
	ck_assert_uint_eq(between.partner->keys->len, 2);
	clock_set_utc_us(now + HOLD_S * CLOCK_US_PER_S);
	struct look released = look_again(between.partner, d, false);
	ck_assert_uint_eq(released.change.released, 1);
	ck_assert_uint_eq(released.partner->keys->len, 1);
	ck_assert_ptr_null(released.partner->alarm);
	partner_free(held.partner);
	partner_free(between.partner);
	partner_free(released.partner);
}
END_TEST

START_TEST(a_person_may_accept_held_keys)
{
	autoptr(partner) first = adopted(usual);
	struct document d = usual;
	d.pairs = 1 << 1;
	struct look look = look_again(first, d, true);
	const struct partner_key *key = g_ptr_array_index(look.partner->keys, 0);
	ck_assert_int_eq(key->state, PARTNER_KEY_ACTIVE);
	ck_assert_uint_eq(look.partner->keys->len, 1);
	partner_free(look.partner);
}
END_TEST

START_TEST(keys_near_their_end_may_be_replaced)
{
	int64_t end = certificate_not_after_utc_us(key_pair_certificate(fixture_pair(0)));
	autoptr(partner) first = adopted(usual);
	struct document d = usual;
	d.pairs = 1 << 1;
	clock_set_utc_us(end - 30 * CLOCK_US_PER_DAY);
	struct look early = look_again(first, d, false);
	ck_assert_uint_eq(early.change.held, 1);
	clock_set_utc_us(end - 30 * CLOCK_US_PER_DAY + 1);
	struct look late = look_again(first, d, false);
	ck_assert_uint_eq(late.change.held, 0);
	ck_assert_uint_eq(late.partner->keys->len, 1);
	partner_free(early.partner);
	partner_free(late.partner);
}
END_TEST

START_TEST(certificate_alone)
{
	autoptr(partner) partner = partner_new("exchange");
	g_autoptr(GError) error = NULL;
	const struct certificate *certificate = key_pair_certificate(fixture_pair(0));
	ck_assert(trust_adopt_certificate(
	        partner, certificate, PRINCIPAL_EXCHANGE, "corp.example", NULL, &error));
	ck_assert_str_eq(partner->issuer, PRINCIPAL_EXCHANGE "@corp.example");
	ck_assert(!trust_adopt_certificate(
	        partner, certificate, PRINCIPAL_EXCHANGE, NULL, NULL, &error));
	ck_assert_reason(error, "partner.realm");
	g_clear_error(&error);
	ck_assert(!trust_adopt_certificate(partner, certificate, FIXTURE_APP, "corp.example",
	        FIXTURE_APP "@corp.example", &error));
	ck_assert_reason(error, "partner.own_id");
}
END_TEST

START_TEST(fetch_wants_https)
{
	autoptr(config) config = config_parse("x.conf", "[imex]\nmode = run\n", NULL);
	g_autoptr(GError) error = NULL;
	autoptr(http_client) client = trust_client_new(config, URL, &error);
	ck_assert_no_error(error);
	ck_assert_ptr_null(trust_fetch(client, "http://mail.corp.example/metadata/json/1", &error));
	ck_assert_reason(error, "metadata.plain");
	g_clear_error(&error);
	ck_assert_ptr_null(trust_fetch(client, "https://127.0.0.1:1/metadata/json/1", &error));
	ck_assert_reason(error, "http.address_refused");
}
END_TEST

Suite *trust_suite(void)
{
	Suite *suite = suite_create("trust");
	TCase *tests = tcase_create("trust");
	tcase_add_checked_fixture(tests, NULL, teardown);
	tcase_add_test(tests, adopts_what_the_document_says);
	tcase_add_test(tests, wildcard_issuer_needs_a_realm);
	tcase_add_test(tests, our_own_id_is_no_partner);
	tcase_add_test(tests, other_names_are_not_believed);
	tcase_add_test(tests, a_roll_with_overlap_is_followed);
	tcase_add_test(tests, all_keys_at_once_are_held);
	tcase_add_test(tests, a_person_may_accept_held_keys);
	tcase_add_test(tests, keys_near_their_end_may_be_replaced);
	tcase_add_test(tests, certificate_alone);
	tcase_add_test(tests, fetch_wants_https);
	suite_add_tcase(suite, tests);
	return suite;
}
