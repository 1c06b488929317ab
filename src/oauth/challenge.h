/*
 * The 401 challenge of a server that takes server-to-server tokens (MS-XOAUTH 3.2.5.4):
 *
 *	WWW-Authenticate: Bearer client_id="GUID", realm="...", trusted_issuers="id@realm,id@*",
 *	                  token_types="...", error="invalid_token",Negotiate,Basic realm="..."
 *
 * Several schemes may stand in one header or in several; quoted strings hold commas. A challenge is
 * checked, never obeyed: it cannot change whom a token is for.
 */
#ifndef IMEX_OAUTH_CHALLENGE_H
#define IMEX_OAUTH_CHALLENGE_H

#include "core/auto.h"

#include <glib.h>
#include <stdbool.h>

/* Ceilings: longer headers, and more schemes or parameters, are challenge.malformed. */
#define CHALLENGE_MAX_BYTES 16384
#define CHALLENGE_MAX_PARAMETERS 64
#define CHALLENGE_MAX_ISSUERS 64

struct challenge {
	bool bearer; /* a Bearer challenge was there; the rest is NULL or empty without */
	char *client_id; /* the audience's principal, lower case */
	char *realm; /* NULL: not said (Exchange usually) */
	char *error; /* "invalid_token", ... or NULL */
	char *token_types; /* or NULL */
	char *authorization_uri; /* or NULL; never followed */
	bool lists_issuers; /* trusted_issuers was there, if only an empty one: nobody is trusted */
	GPtrArray *trusted_issuers; /* char *, as written */
	GPtrArray *schemes; /* char *, lower case, every scheme seen: "bearer", "negotiate" */
};

/* headers: the values of all WWW-Authenticate headers, NULL-ended. challenge.malformed. */
struct challenge *challenge_parse(const char *const *headers, GError **error);
void challenge_free(struct challenge *challenge);
AUTO_DEFINE(challenge, challenge_free);

/* Whether trusted_issuers names issuer ("id@realm") exactly or as "id@*". */
bool challenge_trusts(const struct challenge *challenge, const char *issuer);

/*
 * x-ms-diagnostics: CODE;reason="...";error_category="...". False when there is none. *meaning is a
 * sentence on what to do, static, or NULL for a code that is not known; *reason is owned.
 */
bool diagnostics_parse(const char *header, int *code, char **reason, const char **meaning);

#endif
