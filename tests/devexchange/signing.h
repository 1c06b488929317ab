/*
 * The certificates that tokens are signed with, as Exchange keeps them: the current one signs; the
 * next one is in the metadata document before it does, the previous one for as long as its tokens
 * are about. Each stands in one directory as PEM (signing.pem, signing.key; signing-next.*,
 * signing-previous.*), and is used again when it is there. Any thread.
 */
#ifndef DEVX_SIGNING_H
#define DEVX_SIGNING_H

#include <jansson.h>
#include <stdbool.h>

struct signing;

/* NULL prints the reason to stderr. A current one is made when there is none. */
struct signing *signing_open(const char *dir);
void signing_free(struct signing *signing);

/*
 * stage: makes the next one; publish: it becomes the current one, and that the previous one;
 * clear-previous: it is gone; roll: a new current one, at once. False: there is none to do that
 * with, or another verb.
 */
bool signing_change(struct signing *signing, const char *verb);

/* {"current": x5t, "next": ...} of those that there are. */
json_t *signing_slots(struct signing *signing);
/* The member "keys" of the metadata document. */
json_t *signing_keys(struct signing *signing);
/* base64url of the text; g_free. */
char *base64url_of_json(const json_t *value);
/* The claims as a compact JWS; g_free. NULL: there is no such slot, or its key does not sign. */
char *signing_sign(struct signing *signing, const char *slot, const json_t *claims);

#endif
