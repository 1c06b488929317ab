#include "token.h"

#include "devx.h"
#include "partner.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

#define MAX_SEGMENT (64 * 1024)
#define MAX_LIFETIME_S 86400

struct jwt {
	char *signed_part; /* header.payload as received */
	json_t *header, *claims;
	unsigned char *signature;
	size_t signature_length;
};

struct audience {
	char *principal, *host, *realm;
};

static bool refuse(struct token_verdict *v, int number, const char *category, const char *format,
        ...) G_GNUC_PRINTF(4, 5);

static bool refuse(
        struct token_verdict *v, int number, const char *category, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	v->ok = false;
	v->number = number;
	v->category = category;
	g_free(v->reason);
	v->reason = g_strdup_vprintf(format, args);
	va_end(args);
	return false;
}

static bool malformed(struct token_verdict *v, const char *why)
{
	return refuse(v, 2000001, "invalid_token",
	        "OAuth token submitted with the request cannot be parsed. %s", why);
}

/* base64url without padding, every unused bit zero; NULL otherwise. */
static unsigned char *decode_segment(const char *text, size_t length, size_t *out_length)
{
	static const char alphabet[] =
	        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	unsigned char *out;
	uint32_t bits = 0;
	unsigned held = 0;
	size_t n = 0;

	if (length > MAX_SEGMENT || length % 4 == 1)
		return NULL;
	out = g_malloc(length / 4 * 3 + 4);
	for (size_t i = 0; i < length; i++) {
		const char *at = text[i] != '\0' ? strchr(alphabet, text[i]) : NULL;
		if (at == NULL) {
			g_free(out);
			return NULL;
		}
		bits = bits << 6 | (uint32_t)(at - alphabet);
		held += 6;
		if (held >= 8) {
			held -= 8;
			out[n++] = (unsigned char)(bits >> held);
			bits &= (1u << held) - 1;
		}
	}
	if (bits != 0) {
		g_free(out);
		return NULL;
	}
	out[n] = '\0';
	*out_length = n;
	return out;
}

static json_t *decode_object(const char *text, size_t length)
{
	size_t n;
	unsigned char *bytes = decode_segment(text, length, &n);
	json_t *object = NULL;

	/* jansson refuses invalid UTF-8, a byte order mark and duplicate members. */
	if (bytes != NULL && n > 0)
		object = json_loadb((const char *)bytes, n, JSON_REJECT_DUPLICATES, NULL);
	g_free(bytes);
	if (object != NULL && !json_is_object(object)) {
		json_decref(object);
		object = NULL;
	}
	return object;
}

static void jwt_clear(struct jwt *j)
{
	g_free(j->signed_part);
	g_free(j->signature);
	json_decref(j->header);
	json_decref(j->claims);
	*j = (struct jwt){0};
}

static bool jwt_parse(const char *text, struct jwt *j, struct token_verdict *v)
{
	const char *dot1 = strchr(text, '.');
	const char *dot2 = dot1 != NULL ? strchr(dot1 + 1, '.') : NULL;

	*j = (struct jwt){0};
	if (dot2 == NULL || strchr(dot2 + 1, '.') != NULL)
		return malformed(v, "It does not have three segments.");
	j->header = decode_object(text, (size_t)(dot1 - text));
	j->claims = decode_object(dot1 + 1, (size_t)(dot2 - dot1 - 1));
	j->signature = decode_segment(dot2 + 1, strlen(dot2 + 1), &j->signature_length);
	j->signed_part = g_strndup(text, (gsize)(dot2 - text));
	if (j->header == NULL || j->claims == NULL || j->signature == NULL)
		return malformed(v, "A segment is not what it should be.");
	return true;
}

static const char *claim(const struct jwt *j, const char *name)
{
	return json_string_value(json_object_get(j->claims, name));
}

static const char *header_of(const struct jwt *j, const char *name)
{
	return json_string_value(json_object_get(j->header, name));
}

/* Seconds since 1970, as a JSON number or as digits in a string. */
static bool time_claim(const struct jwt *j, const char *name, int64_t *out)
{
	const json_t *value = json_object_get(j->claims, name);
	char *end;

	if (json_is_integer(value)) {
		*out = json_integer_value(value);
	} else if (json_is_string(value)) {
		const char *text = json_string_value(value);
		if (!g_ascii_isdigit(*text) || strlen(text) > 12)
			return false;
		*out = g_ascii_strtoll(text, &end, 10);
		if (*end != '\0')
			return false;
	} else {
		return false;
	}
	return *out > 0 && *out < 100000000000;
}

static bool check_times(struct devx *devx, const struct jwt *j, bool actor, struct token_verdict *v)
{
	int64_t nbf, exp, now = devx_now_s(devx), skew = devx->options.skew_s;

	if (!time_claim(j, "nbf", &nbf) || !time_claim(j, "exp", &exp) || exp <= nbf)
		return malformed(v, "nbf or exp is missing or invalid.");
	if (now > exp + skew)
		return refuse(v, 2000002, "token_expired", "The token has expired.");
	if (now < nbf - skew)
		return refuse(v, 2000002, "token_not_yet_valid", "The token is not valid yet.");
	if (actor && exp - nbf > MAX_LIFETIME_S + 2 * skew)
		return refuse(v, 2000002, "invalid_lifetime", "The token lives too long.");
	return true;
}

static void audience_clear(struct audience *a)
{
	g_free(a->principal);
	g_free(a->host);
	g_free(a->realm);
}

static bool audience_parse(const char *text, struct audience *a)
{
	*a = (struct audience){0};
	const char *slash = text != NULL ? strchr(text, '/') : NULL;
	const char *at = slash != NULL ? strchr(slash, '@') : NULL;

	if (at == NULL || strchr(slash + 1, '/') != NULL || strchr(at + 1, '@') != NULL ||
	        slash == text || at == slash + 1 || at[1] == '\0')
		return false;
	a->principal = g_strndup(text, (gsize)(slash - text));
	a->host = g_strndup(slash + 1, (gsize)(at - slash - 1));
	a->realm = g_strdup(at + 1);
	return true;
}

static bool check_audience(
        struct devx *devx, const struct jwt *j, const char *host, struct token_verdict *v)
{
	struct audience a;
	bool ok = false;
	const char *expected = devx->options.host != NULL ? devx->options.host : host;

	if (!audience_parse(claim(j, "aud"), &a) || strcmp(a.principal, devx->options.app_id) != 0)
		refuse(v, 2000003, "invalid_resource",
		        "The audience claim value is invalid 'aud'.");
	else if (g_ascii_strcasecmp(a.host, expected) != 0)
		refuse(v, 2000003, "invalid_resource",
		        "The hostname component of the audience claim value is invalid. Expected "
		        "'%s'. "
		        "Actual '%s'.",
		        expected, a.host);
	else if (strcmp(a.realm, devx->options.realm) != 0)
		refuse(v, 2000004, "invalid_tenant",
		        "The tenant for tenant guid '%s' does not exist.", a.realm);
	else
		ok = true;
	audience_clear(&a);
	return ok;
}

static bool check_header(const struct jwt *j, struct token_verdict *v)
{
	static const char *const forbidden[] = {"jwk", "jku", "x5u", "x5c", "crit", "zip", "b64"};
	const char *typ = header_of(j, "typ"), *alg = header_of(j, "alg");

	for (size_t i = 0; i < G_N_ELEMENTS(forbidden); i++)
		if (json_object_get(j->header, forbidden[i]) != NULL)
			return malformed(v, "The header carries a key or an extension.");
	if (typ == NULL || strcmp(typ, "JWT") != 0)
		return malformed(v, "typ is not JWT.");
	if (alg == NULL || strcmp(alg, "RS256") != 0)
		return refuse(
		        v, 2000000, "invalid_signature", "The token has an invalid signature.");
	if (j->signature_length == 0)
		return refuse(
		        v, 2000000, "invalid_signature", "The token has an invalid signature.");
	return true;
}

static bool signature_good(const struct jwt *j, gnutls_pubkey_t key)
{
	gnutls_datum_t data = {(unsigned char *)j->signed_part, (unsigned)strlen(j->signed_part)};
	gnutls_datum_t signature = {j->signature, (unsigned)j->signature_length};

	return gnutls_pubkey_verify_data2(key, GNUTLS_SIGN_RSA_SHA256, 0, &data, &signature) >= 0;
}

/* What the verdict needs to remember of the partner once its lock is given back. */
struct trusted {
	char *app_id, *issuer;
	bool enabled, full_trust, known_key, verified;
	bool found;
};

static void trusted_clear(struct trusted *t)
{
	g_free(t->app_id);
	g_free(t->issuer);
	*t = (struct trusted){0};
}

static struct trusted try_partners(struct devx *devx, const struct jwt *j)
{
	const char *iss = claim(j, "iss"), *x5t = header_of(j, "x5t");
	struct trusted t = {0};

	pthread_mutex_lock(&devx->partners->lock);
	for (guint i = 0; i < devx->partners->list->len && !t.found; i++) {
		const struct partner *p = devx->partners->list->pdata[i];
		if (!p->loaded || strcmp(p->issuer, iss) != 0)
			continue;
		t.found = true;
		t.issuer = g_strdup(p->issuer);
		t.app_id = g_strdup(p->app_id);
		t.enabled = p->enabled;
		t.full_trust = p->full_trust;
		for (guint k = 0; k < p->keys->len && x5t != NULL; k++) {
			const struct partner_key *key = p->keys->pdata[k];
			if (strcmp(key->x5t, x5t) != 0 || key->expires_s <= devx_now_s(devx))
				continue;
			t.known_key = true;
			t.verified = signature_good(j, key->key);
			break;
		}
	}
	pthread_mutex_unlock(&devx->partners->lock);
	return t;
}

static bool check_issuer(
        struct devx *devx, const struct jwt *j, struct trusted *t, struct token_verdict *v)
{
	if (claim(j, "iss") == NULL)
		return malformed(v, "iss is missing.");
	*t = try_partners(devx, j);
	if (!t->found || !t->known_key) {
		/* The partner may have rolled its key since: one refresh, limited in rate. */
		trusted_clear(t);
		partners_refresh(devx->partners, REFRESH_STALE);
		*t = try_partners(devx, j);
	}
	if (!t->found)
		return refuse(v, 2000009, "invalid_issuer",
		        "The issuer of the token is unknown. Issuer was '%s'.", claim(j, "iss"));
	if (!t->enabled)
		return refuse(v, 2000008, "invalid_grant",
		        "The token should have valid permissions or linked account associated with "
		        "partner application '%s'.",
		        t->app_id);
	if (!t->verified)
		return refuse(
		        v, 2000000, "invalid_signature", "The token has an invalid signature.");
	return true;
}

static bool check_actor(struct devx *devx, const struct jwt *actor, const char *host,
        struct trusted *t, struct token_verdict *v)
{
	const char *nameid;

	if (!check_header(actor, v) || !check_issuer(devx, actor, t, v) ||
	        !check_times(devx, actor, true, v) || !check_audience(devx, actor, host, v))
		return false;
	nameid = claim(actor, "nameid");
	if (nameid == NULL || strcmp(nameid, t->issuer) != 0)
		return malformed(v, "nameid is not the issuing application.");
	if (json_object_get(actor->claims, "actortoken") != NULL ||
	        json_object_get(actor->claims, "actort") != NULL)
		return malformed(v, "An actor token carries an actor token.");
	g_strlcpy(v->key, header_of(actor, "x5t"), sizeof v->key);
	v->signature = g_base64_encode(actor->signature, actor->signature_length);
	return true;
}

/* Every address that the token states must lead to one and the same user. */
static struct mailbox *resolve_user(struct devx *devx, const struct jwt *outer, const char **why)
{
	struct mailbox *found[4] = {0}, *user = NULL;
	const char *upn = claim(outer, "upn"), *smtp = claim(outer, "smtp");
	const char *sip = claim(outer, "sip"), *nameid = claim(outer, "nameid");
	const char *stated[4] = {upn, smtp, sip, nameid};

	*why = "does not exist";
	if (upn != NULL)
		found[0] = store_find_upn(devx->store, upn);
	if (smtp != NULL)
		found[1] = store_find(devx->store, smtp);
	if (sip != NULL)
		found[2] = store_find_sip(devx->store, sip);
	if (nameid != NULL) {
		found[3] = store_find_upn(devx->store, nameid);
		if (found[3] == NULL)
			found[3] = store_find(devx->store, nameid);
	}
	for (int i = 0; i < 4; i++) {
		if (stated[i] == NULL)
			continue;
		if (found[i] == NULL || found[i]->disabled)
			return NULL;
		if (user != NULL && user != found[i]) {
			*why = "is ambiguous";
			return NULL;
		}
		user = found[i];
	}
	return user;
}

static bool check_outer(struct devx *devx, const struct jwt *outer, const struct jwt *actor,
        const struct trusted *t, struct token_verdict *v)
{
	const char *iss = claim(outer, "iss"), *aud = claim(outer, "aud"), *why;
	const char *delegation = claim(actor, "trustedfordelegation");

	if (!check_times(devx, outer, false, v))
		return false;
	if (iss == NULL || strcmp(iss, claim(actor, "nameid")) != 0)
		return malformed(v, "The outer issuer is not the actor.");
	if (aud == NULL || strcmp(aud, claim(actor, "aud")) != 0)
		return refuse(v, 2000003, "invalid_resource",
		        "The audience claim value is invalid 'aud'.");
	if (delegation == NULL || strcmp(delegation, "true") != 0 || !t->full_trust)
		return refuse(v, 2000008, "invalid_grant",
		        "The token should have valid permissions or linked account associated with "
		        "partner application '%s'.",
		        t->app_id);
	v->who.user = resolve_user(devx, outer, &why);
	if (v->who.user == NULL)
		return refuse(v, 2000005, "invalid_user",
		        "The user specified by the user-context in the token %s.", why);
	v->who.kind = ID_USER;
	return true;
}

static bool is_outer(const struct jwt *j)
{
	const char *alg = header_of(j, "alg"), *typ = header_of(j, "typ");

	return alg != NULL && strcmp(alg, "none") == 0 && typ != NULL && strcmp(typ, "JWT") == 0 &&
	       j->signature_length == 0;
}

static void accept_app(const struct trusted *t, struct token_verdict *v)
{
	v->ok = true;
	v->who.by_token = true;
	g_strlcpy(v->who.app, t->app_id, sizeof v->who.app);
}

static void check_wrapped(
        struct devx *devx, const struct jwt *outer, const char *host, struct token_verdict *v)
{
	const json_t *a = json_object_get(outer->claims, "actortoken");
	const json_t *b = json_object_get(outer->claims, "actort");
	const json_t *carrier = a != NULL ? a : b;
	struct trusted t = {0};
	struct jwt actor;

	if ((a != NULL && b != NULL) || !json_is_string(carrier)) {
		malformed(v, "It needs exactly one actor token.");
		return;
	}
	if (jwt_parse(json_string_value(carrier), &actor, v) &&
	        check_actor(devx, &actor, host, &t, v) && check_outer(devx, outer, &actor, &t, v))
		accept_app(&t, v);
	jwt_clear(&actor);
	trusted_clear(&t);
}

void token_check(struct devx *devx, const char *token, const char *host, struct token_verdict *v)
{
	struct trusted t = {0};
	struct jwt j;

	*v = (struct token_verdict){0};
	if (jwt_parse(token, &j, v)) {
		if (is_outer(&j)) {
			check_wrapped(devx, &j, host, v);
		} else if (check_actor(devx, &j, host, &t, v)) {
			v->who.kind = ID_APP;
			accept_app(&t, v);
		}
	}
	jwt_clear(&j);
	trusted_clear(&t);
}
