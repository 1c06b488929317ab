#include "oauth/issuer.h"

#include "core/clock.h"
#include "oauth/jws.h"
#include "oauth/principal.h"

/* A token begins a little in the past, for partners whose clock is slow. */
#define BACKDATE_S 60

void actor_token_clear(struct actor_token *token)
{
	g_free(token->compact);
	g_free(token->nameid);
	g_free(token->key);
	*token = (struct actor_token){0};
}

static char *self_key(void *data, GError **error)
{
	return keyring_signing_x5t(data, error);
}

/* The claims in the order in which every known implementation writes them; times are strings. */
static json_t *self_claims(
        const struct actor_request *request, const char *issuer, int64_t nbf_s, int64_t exp_s)
{
	g_autofree char *nbf = g_strdup_printf("%" G_GINT64_FORMAT, nbf_s);
	g_autofree char *exp = g_strdup_printf("%" G_GINT64_FORMAT, exp_s);
	json_t *claims = json_pack("{s:s, s:s, s:s, s:s, s:s}", "aud", request->audience, "iss",
	        issuer, "nbf", nbf, "exp", exp, "nameid", issuer);
	g_assert(claims != NULL);
	/* An app-only token says nothing about delegation. */
	if (request->delegate)
		json_object_set_new(claims, "trustedfordelegation", json_string("true"));
	return claims;
}

static bool self_issue(
        void *data, const struct actor_request *request, struct actor_token *out, GError **error)
{
	g_autofree char *issuer = principal_issuer(request->app_id, request->realm);
	int64_t nbf_s = clock_utc_us() / CLOCK_US_PER_S - BACKDATE_S;
	int64_t exp_s = nbf_s + request->lifetime_s;
	g_autofree char *x5t = self_key(data, error);
	if (x5t == NULL)
		return false;
	json_auto_t *claims = self_claims(request, issuer, nbf_s, exp_s);
	char *compact = jws_sign(data, x5t, claims, error);
	if (compact == NULL)
		return false;
	*out = (struct actor_token){.compact = compact,
	        .nameid = g_steal_pointer(&issuer),
	        .key = g_steal_pointer(&x5t),
	        .nbf_s = nbf_s,
	        .exp_s = exp_s};
	return true;
}

const struct actor_issuer actor_issuer_self = {"self", self_key, self_issue};
