#include "mint.h"

#include "signing.h"

/* A token begins a little in the past, for servers whose clock is slow. */
#define BACKDATE_S 300

/* What both tokens say; times are strings in them. */
static json_t *common_claims(struct devx *devx, const struct mint *mint)
{
	char *issuer = g_strdup_printf("%s@%s", devx->options.app_id, devx->options.realm);
	int64_t begins_s = devx_now_s(devx) - BACKDATE_S;
	char *nbf = g_strdup_printf("%" G_GINT64_FORMAT, begins_s);
	char *exp = g_strdup_printf("%" G_GINT64_FORMAT, begins_s + mint->lifetime_s);
	json_t *claims = json_pack(
	        "{s:s,s:s,s:s,s:s}", "iss", issuer, "aud", mint->audience, "nbf", nbf, "exp", exp);

	g_free(issuer);
	g_free(nbf);
	g_free(exp);
	return claims;
}

static char *actor_token(struct devx *devx, const struct mint *mint, json_t *common, bool delegate)
{
	json_t *claims = json_copy(common);

	json_object_set(claims, "nameid", json_object_get(claims, "iss"));
	if (delegate)
		json_object_set_new(claims, "trustedfordelegation", json_string("true"));
	char *token = signing_sign(devx->signing, mint->slot, claims);
	json_decref(claims);
	return token;
}

/* Takes actor. */
static char *outer_token(json_t *common, char *actor, const struct mailbox *user)
{
	json_t *header = json_pack("{s:s,s:s}", "typ", "JWT", "alg", "none");
	json_t *claims = json_copy(common);

	json_object_set_new(claims, "nameid", json_string(user->upn));
	json_object_set_new(claims, "upn", json_string(user->upn));
	json_object_set_new(claims, "smtp", json_string(user->smtp));
	json_object_set_new(claims, "sip", json_string(user->sip));
	json_object_set_new(claims, "actortoken", json_string(actor));
	char *a = base64url_of_json(header), *b = base64url_of_json(claims);
	char *token = g_strconcat(a, ".", b, ".", NULL);
	json_decref(header);
	json_decref(claims);
	g_free(a);
	g_free(b);
	g_free(actor);
	return token;
}

char *mint_token(struct devx *devx, const struct mint *mint, const struct mailbox *user)
{
	json_t *common = common_claims(devx, mint);
	char *token = actor_token(devx, mint, common, user != NULL);

	if (token != NULL && user != NULL)
		token = outer_token(common, token, user);
	json_decref(common);
	return token;
}
