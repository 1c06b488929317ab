/*
 * Validation of server-to-server bearer tokens ([MS-XOAUTH] 3.2.5.6 and stricter): an unsigned
 * outer token that wraps a signed actor token, or the actor token alone. Written apart from the
 * code that issues such tokens, on GnuTLS, so that a misreading does not confirm itself.
 */
#ifndef DEVX_TOKEN_H
#define DEVX_TOKEN_H

#include "soap.h"

struct token_verdict {
	bool ok;
	int number; /* of x-ms-diagnostics */
	const char *category;
	char *reason; /* g_free */
	struct identity who;
	char key[64]; /* x5t of the key that signed the actor token */
	char *signature; /* g_free; of the actor token, as it was sent */
};

/* host: the name under which the client reached this server, without port. */
void token_check(
        struct devx *devx, const char *token, const char *host, struct token_verdict *verdict);

#endif
