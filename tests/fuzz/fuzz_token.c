/*
 * A token from a stranger. Only whoever holds the partner's key can make a token that is accepted,
 * so what is accepted must hold the one actor token that was signed with it, byte for byte.
 */
#include "core/clock.h"
#include "oauth/certificate.h"
#include "oauth/jws.h"
#include "oauth/principal.h"
#include "oauth/verify.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

#define NOW_S INT64_C(1800000000) /* while signed_actor is valid */

static const char certificate_text[] =
        "MIICzzCCAbegAwIBAgIUROqNUjvtjifU6lmvCNtWSU3TzXQwDQYJKoZIhvcNAQELBQAwDzENMAsGA1UEAwwEZnV6"
        "ejAgFw0yMDAxMDEwMDAwMDBaGA8yMDc0MTAwNDAwMDAwMFowDzENMAsGA1UEAwwEZnV6ejCCASIwDQYJKoZIhvcN"
        "AQEBBQADggEPADCCAQoCggEBAMTsGRGByYxwdK9JW1IRVNlMzQXLFL8F0YZzhQcnh3GuDgHhTGYoAXWY/9mGD3NU"
        "UBknm8CysifCIpwqnjHj3y7bUllppHs70ZcxILWpx3/elhez7lBR2Sus+4TcemrXQbGGxs+C5SyGNyKptvqu9Ffg"
        "5R4O0raI9hUFEJ9YAa09W1gN8zRWt7AeW495y/58WE0tH00q5Rc3OJ6TO1XMzIG3UdkAOJJMeppwn9ovRKAC8opz"
        "ZjIW33E1yEr4dWK7D98jyYLaZuuD97w8Yj/lTftAJKnuNnDBjk/PQmF/qcd9uye4Ze3rE5hsM5kr6LamDDJDe9Yk"
        "DjtEspi2sus+09kCAwEAAaMhMB8wDAYDVR0TAQH/BAIwADAPBgNVHREECDAGggRmdXp6MA0GCSqGSIb3DQEBCwUA"
        "A4IBAQCKpbR2MpxPYpksEZI/0Cfx7pepdD1kGHTTkxogkngbxmS6BZ/aFqJpeSbgclasCY0zLmOlyYaF8mdbOaBR"
        "2qvxJVAmZeJ9/Vauw4c3TK8/7Imn3wx9HV3S4h9gzr/+Mxe1jegwMRnKZM4LCYPT1RTVPqIU9Fn54k+grA3xwzis"
        "SEF2tRAm/fX/Wiuvxx+k5o6TmklFniTZaOYuGCGuV0k0B/U3NXMD2lKZ37HOoSq+Q7BaM6w4Xg0ZCCd7oozBhwBj"
        "07pYHhHJZEBUCtlRakcekCOkLAPMYA8/lyXeW8yfbUCwHVH0xnubeHfCVLT4YfV9ZE6FTdBZ8zybnnHYeBNx";

/* The one token that is signed by its key; the corpus has it alone and wrapped. */
static const char signed_actor[] =
        "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsIng1dCI6InN4S0ZQanFYUzJKRnBONFlFNnVRc2lxRVlCZyJ9.eyJ"
        "hdWQiOiI3YjFjMGM3ZS0xZDdlLTRhNWUtOWEyZi0wMTIzNDU2Nzg5YWIvaW0uZXhhbXBsZUBjb3JwLmV4YW1wbGU"
        "iLCJpc3MiOiIwMDAwMDAwMi0wMDAwLTBmZjEtY2UwMC0wMDAwMDAwMDAwMDBAY29ycC5leGFtcGxlIiwibmJmIjo"
        "iMTc5OTk5OTk0MCIsImV4cCI6IjE4MDAwMjg3NDAiLCJuYW1laWQiOiIwMDAwMDAwMi0wMDAwLTBmZjEtY2UwMC0"
        "wMDAwMDAwMDAwMDBAY29ycC5leGFtcGxlIiwidHJ1c3RlZGZvcmRlbGVnYXRpb24iOiJ0cnVlIn0.B5Cy9C4d9xg"
        "XOCFkNYiteSklFwd8IH-qcAwa2c3EhQcoVRWCmhDJFQSIW5pnm5J0XPBumjLeB-dbAKCtnqW5FOrSVy-oo5ystiS"
        "psfafvLidUs3we0G4_REtSYrQvhUBJCnSj_CNORQi_fFMW8M1q0I3UXZ2vRTzdh-1vwhPwktqzWYJjgESC5yokvH"
        "Yd3M1VDNvzyyXwwE9ifJWLwec6Mw9yyyWCFsNDfv3hasyRvo2typiQvi0C62swkuiZX_3lbiD7S_o6Mf6EvtlZ6l"
        "FxmENAwSDYHIDLTRRcs9LjXp4yKktX5AR0nTkiAs_rjrbaRfudVht-0Xa68pQtEdfTw";

static bool find_bob(
        void *data, enum verify_name kind, const char *address, char **owner, GError **error)
{
	(void)data, (void)kind, (void)error;
	*owner = g_str_equal(address, "bob@corp.example") ? g_strdup(address) : NULL;
	return true;
}

static struct partner *make_partner(void)
{
	struct partner *partner = partner_new("exchange");
	autoptr(certificate) certificate = certificate_from_base64(certificate_text, NULL);
	g_assert(certificate != NULL);
	partner->app_id = g_strdup(PRINCIPAL_EXCHANGE);
	partner->realm = g_strdup("corp.example");
	partner->issuer = g_strdup(PRINCIPAL_EXCHANGE "@corp.example");
	partner->verified = true;
	struct partner_key *key = g_new0(struct partner_key, 1);
	key->x5t = g_strdup(certificate_x5t(certificate));
	key->der = g_bytes_ref(certificate_der(certificate));
	key->not_after_utc_us = certificate_not_after_utc_us(certificate);
	g_ptr_array_add(partner->keys, key);
	return partner;
}

static void partner_destroy(gpointer partner)
{
	partner_free(partner);
}

/* The actor token in what was accepted. */
static void check_accepted(const char *text)
{
	text += strspn(text, " ");
	autoptr(jws) jws = jws_parse(text, NULL);
	g_assert(jws != NULL);
	json_t *carried = json_object_get(jws->payload, "actortoken");
	if (carried == NULL)
		carried = json_object_get(jws->payload, "actort");
	g_assert_cmpstr(carried != NULL ? json_string_value(carried) : text, ==, signed_actor);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const hosts[] = {"im.example", NULL};
	static const char *const domains[] = {"corp.example", NULL};
	const struct verify_rules rules = {.app_id = "7b1c0c7e-1d7e-4a5e-9a2f-0123456789ab",
	        .realm = "corp.example",
	        .hosts = hosts,
	        .domains = domains,
	        .skew_s = 300,
	        .find_user = find_bob};
	g_autofree char *text = g_strndup((const char *)data, size);
	g_autofree char *value = g_strconcat("Bearer ", text, NULL);
	const char *const headers[] = {value, NULL};
	g_autoptr(GPtrArray) nobody = g_ptr_array_new();
	g_autoptr(GPtrArray) partners = g_ptr_array_new_with_free_func(partner_destroy);
	g_autoptr(GError) error = NULL;

	clock_set_utc_us(NOW_S * CLOCK_US_PER_S);
	g_assert(verify_authorization(&rules, nobody, headers, NULL, &error) == NULL);
	g_assert(error != NULL);
	g_clear_error(&error);
	g_ptr_array_add(partners, make_partner());
	autoptr(verify_identity) who =
	        verify_authorization(&rules, partners, headers, NULL, &error);
	g_assert((who == NULL) == (error != NULL));
	g_assert(who != NULL || !g_str_equal(text, signed_actor));
	if (who != NULL)
		check_accepted(text);
	autoptr(jws) jws = jws_parse(text, NULL);
	if (jws != NULL)
		g_assert(json_is_object(jws->header) && json_is_object(jws->payload) &&
		         g_str_has_prefix(text, jws->signed_bytes));
	return 0;
}
