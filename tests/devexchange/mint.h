/*
 * Tokens with which this server calls a partner application, as Exchange makes them: the actor
 * token alone, or in an unsigned outer token that names a user. Written apart from the code that
 * they are shown to.
 */
#ifndef DEVX_MINT_H
#define DEVX_MINT_H

#include "devx.h"

struct mint {
	const char *audience; /* "id/host@realm" of whom it is for */
	const char *slot; /* of the key that signs: "current" ... */
	int64_t lifetime_s;
};

/* user: NULL for the actor token alone. g_free; NULL: there is no such key. */
char *mint_token(struct devx *devx, const struct mint *mint, const struct mailbox *user);

#endif
