/* The Authorization header: Basic, or a bearer token; and the challenge when it is not enough. */
#ifndef DEVX_AUTH_H
#define DEVX_AUTH_H

#include "soap.h"

struct auth_result {
	bool ok;
	bool bad_request; /* more than one header, or an oversized one */
	struct identity who;
	char *diagnostics; /* value of x-ms-diagnostics, or NULL */
	bool invalid_token; /* a token was sent and refused */
};

/* authorization: the header's value, or NULL; count: how many such headers there were. */
void auth_check(struct devx *devx, const char *authorization, int count, const char *host,
        struct auth_result *result);
/* The WWW-Authenticate value for bearer tokens; g_free. */
char *auth_bearer_challenge(struct devx *devx, bool invalid_token);

#endif
