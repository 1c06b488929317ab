/*
 * Tokens as a partner would make them, right or wrong in exactly one point. The partner "exchange"
 * (pair 1) speaks to us (FIXTURE_APP at im.corp.example, realm corp.example); "other" (pair 2) is a
 * second partner of its own realm.
 */
#ifndef IMEX_TESTS_UNIT_OAUTH_MINT_H
#define IMEX_TESTS_UNIT_OAUTH_MINT_H

#include "oauth/verify.h"
#include "wire/json.h"

/* What is about to become a token; a mutation changes it before it is encoded and signed. */
struct shape {
	json_t *header, *claims; /* of the actor token */
	json_t *outer_header, *outer_claims;
	char *header_text, *claims_text; /* instead of the JSON values, when set */
	char *outer_claims_text; /* holds %s where the actor token goes */
	char *signature; /* base64url, instead of a real one */
	char *outer_signature;
	const char *carrier; /* "actortoken" */
	unsigned signer; /* number of the pair */
	bool app_only;
	char *compact; /* instead of everything */
};

struct mint;
struct mint *mint_new(void);
void mint_free(struct mint *mint);

struct shape *shape_new(void); /* a good pair: exchange speaks for bob */
void shape_free(struct shape *shape);
/* The compact token; owned. */
char *mint_token(struct mint *mint, const struct shape *shape);
/* A signature by pair `number` over text; base64url, owned. */
char *mint_signature(struct mint *mint, unsigned number, const char *text);

/* The rules and partners of the tests; find_user knows bob and carol. */
extern const struct verify_rules mint_rules;
GPtrArray *mint_partners(void);
/* Verifies one token; the reason of the refusal, or NULL when it is accepted. */
const char *mint_verdict(const GPtrArray *partners, const char *compact);

/* Sets a text; NULL removes the member. */
void json_put(json_t *object, const char *name, const char *text);

#endif
