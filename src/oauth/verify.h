/*
 * Accepting partners' tokens: deny by default (MS-XOAUTH 3.2.5.6, and what attacks have taught).
 *
 * The order: one Authorization value, strict parse; the issuer names the partner, the partner gives
 * the keys, x5t picks one of them; signature; then times, audience, application, delegation; last
 * the user, all of whose names must lead to the same person. Nothing in a token chooses an
 * algorithm, a key outside the partner's, or an address to fetch.
 *
 * Errors, class ITEM, for the log only; a stranger is told nothing but "invalid_token":
 *   verify.absent        no Authorization header, or an empty Bearer: a request for the challenge
 *   verify.malformed     not a token by the strict rules
 *   verify.algorithm     not RS256, or an outer token that is not exactly "none"
 *   verify.header        a header member that names keys or changes the rules (jwk, x5u, crit ...)
 *   verify.claim         a claim is missing, of the wrong type or there twice
 *   verify.issuer        the issuer is no partner, or the partner is disabled
 *   verify.key           no usable key of that partner has this x5t
 *   verify.signature     not signed by that key
 *   verify.time          not yet valid, expired, or valid for too long
 *   verify.audience      made for somebody else
 *   verify.application   nameid is not the partner's application
 *   verify.delegation    it may not speak for users
 *   verify.trust         the partner is not trusted that far
 *   verify.mismatch      outer and actor token do not belong together
 *   verify.user          the names lead to no user, or to several
 */
#ifndef IMEX_OAUTH_VERIFY_H
#define IMEX_OAUTH_VERIFY_H

#include "core/auto.h"
#include "model/partner.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* The longest that a token may be valid. */
#define VERIFY_MAX_LIFETIME_S INT64_C(86400)

enum verify_name { VERIFY_UPN, VERIFY_SMTP, VERIFY_SIP };

/*
 * Who has that canonical address: *owner is owned, NULL when nobody has. False: could not be asked,
 * with the error set.
 */
typedef bool verify_find_user(
        void *data, enum verify_name kind, const char *address, char **owner, GError **error);

struct verify_rules {
	const char *app_id; /* ours */
	const char *realm; /* ours */
	const char *const *hosts; /* names that we are reached by, NULL-ended */
	const char *const *domains; /* domains of our users, NULL-ended */
	int64_t skew_s;
	verify_find_user *find_user;
	void *find_user_data;
};

/* Who is calling, once everything holds. */
struct verify_identity {
	char *partner; /* its name */
	char *app_id;
	char *owner; /* the user it speaks for; NULL: for itself */
	int64_t expires_utc_us;
};

void verify_identity_free(struct verify_identity *identity);
AUTO_DEFINE(verify_identity, verify_identity_free);

/*
 * authorization: the values of all Authorization headers of the request, NULL-ended. partners:
 * struct partner *. *unknown_key (may be NULL) is the name of the partner whose issuer was right
 * but whose keys do not include the x5t, owned: its metadata may have changed.
 */
struct verify_identity *verify_authorization(const struct verify_rules *rules,
        const GPtrArray *partners, const char *const *authorization, char **unknown_key,
        GError **error);

/* WWW-Authenticate for a 401. invalid: a token was there and refused. Owned. */
char *verify_challenge(const struct verify_rules *rules, const GPtrArray *partners, bool invalid);

#endif
