#include "oauth/metadata.h"

#include "core/error.h"
#include "fixture.h"

#include <string.h>

Suite *metadata_suite(void);

/* A document with the certificate of pair 0 in the place of CERT and its x5t in that of X5T. */
static char *fill(const char *format)
{
	const struct certificate *certificate = key_pair_certificate(fixture_pair(0));
	g_autofree char *der = certificate_base64(certificate);
	g_autoptr(GString) text = g_string_new(format);
	g_string_replace(text, "CERT", der, 0);
	g_string_replace(text, "X5T", certificate_x5t(certificate), 0);
	return g_string_free(g_steal_pointer(&text), FALSE);
}

static struct metadata *parse(const char *text, GError **error)
{
	return metadata_parse(text, strlen(text), "https://x.example/metadata/json/1", error);
}

#define EXCHANGE                                                                                   \
	"{\"id\":\"_70b34511-d105-4e2b-9675-39f53305bb01\",\"version\":\"1.0\","                   \
	"\"name\":\"Exchange\",\"realm\":\"corp.example\","                                        \
	"\"serviceName\":\"00000002-0000-0ff1-ce00-000000000000\","                                \
	"\"issuer\":\"00000002-0000-0ff1-ce00-000000000000@corp.example\","                        \
	"\"allowedAudiences\":[\"00000002-0000-0ff1-ce00-000000000000@corp.example\"],"            \
	"\"keys\":[{\"usage\":\"signing\",\"keyinfo\":{\"x5t\":\"X5T\"},"                          \
	"\"keyvalue\":{\"type\":\"x509Certificate\",\"value\":\"CERT\"}}],"                        \
	"\"endpoints\":[{\"location\":\"https:\\/\\/mail.corp.example\\/autodiscover\\/metadata"   \
	"\\/json\\/1\",\"protocol\":\"OAuth2\",\"usage\":\"metadata\"}]}"

#define SHAREPOINT                                                                                 \
	"{\"issuer\":\"00000003-0000-0FF1-ce00-000000000000@af90cc03-1111-2222-3333-444444444444"  \
	"\",\"keys\":[{\"keyValue\":{\"type\":\"x509certificate\",\"value\":\"CERT\"},"            \
	"\"usage\":\"Signing\"}],\"name\":\"00000003-0000-0ff1-ce00-000000000000\","               \
	"\"serviceName\":\"00000003-0000-0FF1-CE00-000000000000\"}"

#define ACS                                                                                        \
	"{\"keys\":[{\"usage\":\"signing\",\"keyValue\":{\"type\":\"x509Certificate\","            \
	"\"value\":\"CERT\"}},{\"usage\":\"encryption\",\"keyValue\":{\"type\":"                   \
	"\"x509Certificate\",\"value\":\"CERT\"}},{\"usage\":\"signing\",\"keyValue\":{\"type\":"  \
	"\"symmetric\",\"value\":\"AAAA\"}}],\"endpoints\":[{\"location\":"                        \
	"\"https://accounts.example/tokens/OAuth/2\",\"protocol\":\"OAuth2\",\"usage\":"           \
	"\"issuance\"},{\"location\":\"https://accounts.example/d\",\"protocol\":"                 \
	"\"DelegationIssuance1.0\"}],\"issuer\":\"00000001-0000-0000-c000-000000000000@*\"}"

START_TEST(exchange_spelling)
{
	g_autofree char *text = fill(EXCHANGE);
	g_autoptr(GError) error = NULL;
	autoptr(metadata) m = parse(text, &error);
	ck_assert_no_error(error);
	ck_assert_str_eq(m->name, "Exchange");
	ck_assert_str_eq(m->realm, "corp.example");
	ck_assert_str_eq(m->issuer, PRINCIPAL_EXCHANGE "@corp.example");
	ck_assert_uint_eq(m->keys->len, 1);
	ck_assert_uint_eq(m->endpoints->len, 1);
	const struct metadata_endpoint *endpoint = g_ptr_array_index(m->endpoints, 0);
	ck_assert_str_eq(
	        endpoint->location, "https://mail.corp.example/autodiscover/metadata/json/1");
}
END_TEST

START_TEST(sharepoint_spelling)
{
	g_autofree char *text = fill(SHAREPOINT);
	g_autoptr(GError) error = NULL;
	autoptr(metadata) m = parse(text, &error);
	ck_assert_no_error(error);
	ck_assert_str_eq(m->service_name, PRINCIPAL_SHAREPOINT);
	ck_assert_str_eq(m->realm, "af90cc03-1111-2222-3333-444444444444");
	ck_assert_uint_eq(m->endpoints->len, 0);
}
END_TEST

START_TEST(acs_spelling)
{
	g_autofree char *text = fill(ACS);
	g_autoptr(GError) error = NULL;
	autoptr(metadata) m = parse(text, &error);
	ck_assert_no_error(error);
	ck_assert_str_eq(m->realm, "*");
	ck_assert_uint_eq(m->keys->len, 1);
	ck_assert_uint_eq(m->skipped_keys, 2);
	ck_assert_uint_eq(m->endpoints->len, 2);
}
END_TEST

static const struct {
	const char *from, *to; /* what is changed in the good document */
	const char *reason;
} broken[] = {
        {"{\"id\"", "<html>", "metadata.not_json"},
        {"\"version\"", "\"version\":\"1\",\"version\"", "metadata.not_json"},
        {"\"issuer\"", "\"other\"", "metadata.not_metadata"},
        {"000000@corp.example\",\"allowed", "000000\",\"allowed", "metadata.not_metadata"},
        {"\"realm\":\"corp.example\"", "\"realm\":\"a b\"", "metadata.not_metadata"},
        {"\"serviceName\":\"00000002", "\"serviceName\":\"x", "metadata.not_metadata"},
        {"\"keys\":[", "\"key\":[", "metadata.not_metadata"},
        {"\"x5t\":\"", "\"x5t\":\"A", "metadata.x5t"},
        {"\"value\":\"MII", "\"value\":\"AII", "metadata.no_key"},
        {"\"usage\":\"signing\"", "\"usage\":\"encryption\"", "metadata.no_key"},
        {"x509Certificate", "jwk", "metadata.no_key"},
        /* The same name in two spellings would be read differently by different readers. */
        {"\"issuer\"", "\"Issuer\":\"x@y\",\"issuer\"", "metadata.not_metadata"},
};

START_TEST(refuses_broken)
{
	g_autofree char *text = fill(EXCHANGE);
	g_autoptr(GString) changed = g_string_new(text);
	ck_assert_uint_eq(g_string_replace(changed, broken[_i].from, broken[_i].to, 1), 1);
	g_autoptr(GError) error = NULL;
	ck_assert_ptr_null(parse(changed->str, &error));
	ck_assert_reason(error, broken[_i].reason);
}
END_TEST

START_TEST(refuses_too_many_and_too_large)
{
	g_autoptr(GString) text =
	        g_string_new("{\"issuer\":\"" PRINCIPAL_EXCHANGE "@x\",\"keys\":[");
	for (unsigned i = 0; i < 9; i++)
		g_string_append(text, i > 0 ? ",{}" : "{}");
	g_string_append(text, "]}");
	g_autoptr(GError) error = NULL;
	ck_assert_ptr_null(parse(text->str, &error));
	ck_assert_reason(error, "metadata.too_many_keys");
	g_clear_error(&error);
	g_autofree char *good = fill(EXCHANGE);
	g_autofree char *filler = g_strnfill(METADATA_MAX_BYTES, ' ');
	g_autofree char *large = g_strconcat(good, filler, NULL);
	ck_assert_ptr_null(parse(large, &error));
	ck_assert_reason(error, "metadata.too_large");
	g_clear_error(&error);
	ck_assert_ptr_null(parse("[]", &error));
	ck_assert_reason(error, "metadata.not_metadata");
}
END_TEST

START_TEST(own_document_is_read_back)
{
	g_autoptr(GPtrArray) certificates = g_ptr_array_new();
	g_ptr_array_add(certificates, certificate_copy(key_pair_certificate(fixture_pair(0))));
	g_ptr_array_add(certificates, certificate_copy(key_pair_certificate(fixture_pair(1))));
	const struct metadata_own own = {.app_id = FIXTURE_APP,
	        .realm = "corp.example",
	        .name = "imex",
	        .public_url = "https://im.corp.example:8443/",
	        .certificates = certificates};
	g_autofree char *text = metadata_print(&own);
	g_autofree char *again = metadata_print(&own);
	ck_assert_str_eq(text, again);
	g_autoptr(GError) error = NULL;
	autoptr(metadata) m = parse(text, &error);
	ck_assert_no_error(error);
	ck_assert_str_eq(m->issuer, FIXTURE_APP "@corp.example");
	ck_assert_uint_eq(m->keys->len, 2);
	ck_assert_str_eq(certificate_x5t(g_ptr_array_index(m->keys, 0)),
	        certificate_x5t(key_pair_certificate(fixture_pair(0))));
	const struct metadata_endpoint *endpoint = g_ptr_array_index(m->endpoints, 0);
	ck_assert_str_eq(endpoint->location, "https://im.corp.example:8443/metadata/json/1");
	certificate_free(g_ptr_array_index(certificates, 0));
	certificate_free(g_ptr_array_index(certificates, 1));
}
END_TEST

Suite *metadata_suite(void)
{
	Suite *suite = suite_create("metadata");
	TCase *tests = tcase_create("metadata");
	tcase_add_test(tests, exchange_spelling);
	tcase_add_test(tests, sharepoint_spelling);
	tcase_add_test(tests, acs_spelling);
	tcase_add_loop_test(tests, refuses_broken, 0, G_N_ELEMENTS(broken));
	tcase_add_test(tests, refuses_too_many_and_too_large);
	tcase_add_test(tests, own_document_is_read_back);
	suite_add_tcase(suite, tests);
	return suite;
}
