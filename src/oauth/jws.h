/*
 * JSON Web Signatures in compact form (RFC 7515), as far as server-to-server tokens use them: three
 * parts, RS256 or none.
 */
#ifndef IMEX_OAUTH_JWS_H
#define IMEX_OAUTH_JWS_H

#include "oauth/keyring.h"
#include "wire/json.h"

#define JWS_MAX_BYTES 16384
#define JWS_MAX_DEPTH 4

struct jws {
	json_t *header, *payload; /* objects */
	GByteArray *signature; /* empty: unsigned */
	char *signed_bytes; /* "header.payload" exactly as received */
};

/*
 * Splits and decodes; proves nothing. Strict: three segments, base64url with neither padding nor
 * stray bits, objects of UTF-8 JSON without duplicate members, size and depth limited.
 * jws.malformed (ITEM).
 */
struct jws *jws_parse(const char *compact, GError **error);
void jws_free(struct jws *jws);
AUTO_DEFINE(jws, jws_free);

/* Signed by the keyring's current key; the header is {typ, alg, x5t}. Owned. */
char *jws_sign(struct keyring *keyring, const char *x5t, json_t *payload, GError **error);
/* {"typ":"JWT","alg":"none"}, with an empty third part. Owned. */
char *jws_unsigned(json_t *payload);

#endif
