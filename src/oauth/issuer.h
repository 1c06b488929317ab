/*
 * Who signs the actor token. One driver per way: imex itself, or (to come) an authorization server
 * to which imex proves itself. The token source wraps, keeps and checks; it does not care who
 * signed.
 */
#ifndef IMEX_OAUTH_ISSUER_H
#define IMEX_OAUTH_ISSUER_H

#include "oauth/keyring.h"

struct actor_request {
	const char *app_id, *realm; /* ours */
	const char *audience;
	bool delegate; /* an outer token that names a user will wrap it */
	int64_t lifetime_s;
};

struct actor_token {
	char *compact; /* the signed token */
	char *nameid; /* its nameid: the iss of an outer token */
	char *key; /* what signed it; when that changes, the token is made anew */
	int64_t nbf_s, exp_s; /* Unix seconds */
};

struct actor_issuer {
	const char *name; /* "self" */
	/* What would sign now (compared with actor_token.key); owned; NULL with an error. */
	char *(*key)(void *data, GError **error);
	bool (*issue)(void *data, const struct actor_request *request, struct actor_token *out,
	        GError **error);
};

void actor_token_clear(struct actor_token *token);

/* Self-issued (MS-XOAUTH 2.2); data is the struct keyring. */
extern const struct actor_issuer actor_issuer_self;

#endif
