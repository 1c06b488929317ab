#include "mint.h"

#include "core/clock.h"
#include "fixture.h"
#include "oauth/base64.h"

#include <stdlib.h>
#include <string.h>

struct mint {
	char *folders[3];
	struct keyring *rings[3];
};

struct mint *mint_new(void)
{
	struct mint *mint = g_new0(struct mint, 1);
	for (unsigned i = 0; i < 3; i++) {
		mint->folders[i] = fixture_folder();
		mint->rings[i] = keyring_open(mint->folders[i], NULL);
		ck_assert(keyring_use(mint->rings[i], fixture_pair(i), NULL));
	}
	return mint;
}

void mint_free(struct mint *mint)
{
	for (unsigned i = 0; i < 3; i++) {
		keyring_close(mint->rings[i]);
		fixture_remove(mint->folders[i]);
	}
	g_free(mint);
}

void json_put(json_t *object, const char *name, const char *text)
{
	if (text == NULL)
		json_object_del(object, name);
	else
		json_object_set_new(object, name, json_string(text));
}

static void put_times(json_t *claims)
{
	int64_t now_s = clock_utc_us() / CLOCK_US_PER_S;
	g_autofree char *nbf = g_strdup_printf("%" G_GINT64_FORMAT, now_s - 60);
	g_autofree char *exp = g_strdup_printf("%" G_GINT64_FORMAT, now_s + 28740);
	json_put(claims, "nbf", nbf);
	json_put(claims, "exp", exp);
}

#define AUDIENCE FIXTURE_APP "/im.corp.example@corp.example"

struct shape *shape_new(void)
{
	struct shape *shape = g_new0(struct shape, 1);
	const char *x5t = certificate_x5t(key_pair_certificate(fixture_pair(1)));
	shape->header = json_pack("{s:s, s:s, s:s}", "typ", "JWT", "alg", "RS256", "x5t", x5t);
	shape->claims = json_pack("{s:s, s:s, s:s, s:s}", "aud", AUDIENCE, "iss",
	        PRINCIPAL_EXCHANGE "@corp.example", "nameid", PRINCIPAL_EXCHANGE "@corp.example",
	        "trustedfordelegation", "true");
	shape->outer_header = json_pack("{s:s, s:s}", "typ", "JWT", "alg", "none");
	shape->outer_claims = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "aud", AUDIENCE, "iss",
	        PRINCIPAL_EXCHANGE "@corp.example", "nameid", "bob@corp.example", "smtp",
	        "bob@corp.example", "sip", "bob@corp.example", "upn", "bob@corp.example");
	put_times(shape->claims);
	put_times(shape->outer_claims);
	shape->carrier = "actortoken";
	shape->signer = 1;
	return shape;
}

void shape_free(struct shape *shape)
{
	json_decref(shape->header);
	json_decref(shape->claims);
	json_decref(shape->outer_header);
	json_decref(shape->outer_claims);
	g_free(shape->header_text);
	g_free(shape->claims_text);
	g_free(shape->outer_claims_text);
	g_free(shape->signature);
	g_free(shape->outer_signature);
	g_free(shape->compact);
	g_free(shape);
}

static char *encode(json_t *object, const char *text)
{
	if (text != NULL)
		return base64url_encode(text, strlen(text));
	char *plain = json_dumps(object, JSON_COMPACT);
	char *encoded = base64url_encode(plain, strlen(plain));
	free(plain);
	return encoded;
}

char *mint_signature(struct mint *mint, unsigned number, const char *text)
{
	g_autoptr(GByteArray) signature = NULL;
	g_autoptr(GError) error = NULL;
	g_autofree char *x5t = keyring_signing_x5t(mint->rings[number], &error);
	ck_assert_no_error(error);
	keyring_sign(mint->rings[number], x5t, text, strlen(text), &signature, &error);
	ck_assert_no_error(error);
	return base64url_encode(signature->data, signature->len);
}

static char *actor_token(struct mint *mint, const struct shape *shape)
{
	g_autofree char *head = encode(shape->header, shape->header_text);
	g_autofree char *body = encode(shape->claims, shape->claims_text);
	g_autofree char *input = g_strconcat(head, ".", body, NULL);
	g_autofree char *tail = shape->signature != NULL
	                                ? g_strdup(shape->signature)
	                                : mint_signature(mint, shape->signer, input);
	return g_strconcat(input, ".", tail, NULL);
}

char *mint_token(struct mint *mint, const struct shape *shape)
{
	if (shape->compact != NULL)
		return g_strdup(shape->compact);
	g_autofree char *actor = actor_token(mint, shape);
	if (shape->app_only)
		return g_steal_pointer(&actor);
	g_autofree char *text = NULL;
	if (shape->outer_claims_text != NULL) {
		g_auto(GStrv) parts = g_strsplit(shape->outer_claims_text, "%s", 2);
		text = g_strconcat(parts[0], actor, parts[1], NULL);
	}
	json_auto_t *claims = json_deep_copy(shape->outer_claims);
	if (shape->carrier != NULL)
		json_put(claims, shape->carrier, actor);
	g_autofree char *head = encode(shape->outer_header, NULL);
	g_autofree char *body = encode(claims, text);
	return g_strconcat(head, ".", body, ".",
	        shape->outer_signature != NULL ? shape->outer_signature : "", NULL);
}

static bool find_user(
        void *data, enum verify_name kind, const char *address, char **owner, GError **error)
{
	(void)data, (void)kind, (void)error;
	static const char *const known[] = {"bob@corp.example", "carol@corp.example", NULL};
	*owner = g_strv_contains(known, address) ? g_strdup(address) : NULL;
	return true;
}

static const char *const hosts[] = {"im.corp.example", NULL};
static const char *const domains[] = {"corp.example", NULL};

const struct verify_rules mint_rules = {.app_id = FIXTURE_APP,
        .realm = "corp.example",
        .hosts = hosts,
        .domains = domains,
        .skew_s = 300,
        .find_user = find_user};

static void partner_destroy(gpointer partner)
{
	partner_free(partner);
}

GPtrArray *mint_partners(void)
{
	GPtrArray *partners = g_ptr_array_new_with_free_func(partner_destroy);
	g_ptr_array_add(partners, fixture_partner(1));
	struct partner *other = fixture_partner(2);
	g_free(other->name);
	g_free(other->app_id);
	g_free(other->realm);
	g_free(other->issuer);
	other->name = g_strdup("other");
	other->app_id = g_strdup(PRINCIPAL_SHAREPOINT);
	other->realm = g_strdup("other.example");
	other->issuer = principal_issuer(PRINCIPAL_SHAREPOINT, "other.example");
	g_ptr_array_add(partners, other);
	return partners;
}

const char *mint_verdict(const GPtrArray *partners, const char *compact)
{
	g_autofree char *value = g_strconcat("Bearer ", compact, NULL);
	const char *const headers[] = {value, NULL};
	g_autoptr(GError) error = NULL;
	autoptr(verify_identity) identity =
	        verify_authorization(&mint_rules, partners, headers, NULL, &error);
	if (identity != NULL)
		return NULL;
	ck_assert_ptr_nonnull(error);
	return error_reason(error);
}
