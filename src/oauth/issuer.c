#include "oauth/issuer.h"

#include "core/clock.h"
#include "core/error.h"
#include "oauth/jws.h"
#include "oauth/principal.h"

/* A token begins a little in the past, for partners whose clock is slow. */
#define BACKDATE_S 60
#define ROLL_TRIES 5

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

/* Signed by the key of now, and *x5t of that key. Owned. */
static char *self_sign(struct keyring *keyring, json_t *claims, char **x5t, GError **error)
{
	g_autoptr(GError) cause = NULL;
	char *compact = NULL;
	/* The header names the key before the key signs: when it rolls in between, begin anew. */
	for (unsigned tries = 0; compact == NULL && tries < ROLL_TRIES; tries++) {
		g_clear_error(&cause);
		g_clear_pointer(x5t, g_free);
		*x5t = self_key(keyring, &cause);
		if (*x5t != NULL)
			compact = jws_sign(keyring, *x5t, claims, &cause);
		if (compact == NULL && !error_is(cause, "keyring.rolled"))
			break;
	}
	if (compact == NULL)
		g_propagate_error(error, g_steal_pointer(&cause));
	return compact;
}

static bool self_issue(
        void *data, const struct actor_request *request, struct actor_token *out, GError **error)
{
	g_autofree char *issuer = principal_issuer(request->app_id, request->realm);
	int64_t nbf_s = clock_utc_us() / CLOCK_US_PER_S - BACKDATE_S;
	int64_t exp_s = nbf_s + request->lifetime_s;
	g_autofree char *x5t = NULL;
	json_auto_t *claims = self_claims(request, issuer, nbf_s, exp_s);
	char *compact = self_sign(data, claims, &x5t, error);
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
