/*
 * Tokens for partners: who signs, what is in them, and how long they are kept.
 *
 * A call in a user's name carries an outer token (unsigned, names the user) that holds the actor
 * token (signed by our issuer key); an app-only call carries the actor token alone, and the caller
 * adds ExchangeImpersonation. Formats: MS-XOAUTH 2.2; times are strings of Unix seconds.
 *
 * One actor token per partner, host and kind is kept until five minutes before its end, so that
 * signing is not on the path of a request. A token_source may be used by any thread.
 */
#ifndef IMEX_OAUTH_TOKEN_H
#define IMEX_OAUTH_TOKEN_H

#include "core/config.h"
#include "model/mailbox.h"
#include "model/partner.h"
#include "oauth/keyring.h"

struct token_source;

/*
 * Reads application id, realm, lifetime and the keys' folder from the configuration, and from
 * [server NAME] which further origins belong to its partner. Errors of class CONFIG: token.app_id,
 * token.realm, keyring.*.
 */
struct token_source *token_source_new(const struct config *config, GError **error);
void token_source_free(struct token_source *source);
AUTO_DEFINE(token_source, token_source_free);

/* Replaces what is known of partners (struct partner *, copied). Tokens of changed ones are
 * dropped. */
void token_source_set_partners(struct token_source *source, const GPtrArray *partners);

/*
 * The value of the Authorization header ("Bearer ..."), owned, for a request to url in the name of
 * user, or app-only when user is NULL. *generation (may be NULL) names the actor token in it, for
 * token_refused(). Errors, class CONFIG: token.no_partner, token.disabled, token.origin (url is at
 * no origin recorded for the partner), token.unsupported (its tokens come from an authorization
 * server), keyring.*.
 */
bool token_for(struct token_source *source, const char *partner, const char *url,
        const struct mailbox *user, char **header, uint64_t *generation, GError **error);

/*
 * The server has answered 401 to the token of that generation. www_authenticate: the values of
 * those headers, NULL-ended; diagnostics: x-ms-diagnostics or NULL. True: the challenge fits and
 * the token was dropped, so ask token_for() anew and try once more. False says why that is
 * pointless, class CONFIG: token.challenge (none that we can serve), token.client_id, token.realm,
 * token.not_trusted (our issuer is not among the trusted), token.refused (a new token was refused
 * as well; error_retry_at() says when to ask again), token.user (class MAILBOX: the server does not
 * know the user).
 */
bool token_refused(struct token_source *source, const char *partner, uint64_t generation,
        const char *const *www_authenticate, const char *diagnostics, GError **error);

/*
 * The two above in the shape that an EWS session takes (ews_authorize); data is a struct token_use,
 * one per session.
 */
struct token_use {
	struct token_source *source;
	const char *partner;
	const char *url;
	bool app_only; /* the caller sends ExchangeImpersonation */
	uint64_t generation; /* kept by token_authorize() */
};
/* For the configured [server NAME]; url is NULL when it has none. */
struct token_use token_use_of(
        struct token_source *source, const struct config *config, const char *server);
bool token_authorize(void *data, const struct mailbox *mailbox, bool refused,
        const char *const *www_authenticate, const char *diagnostics, char **value, GError **error);

/* Drops every token that is kept. */
void token_source_forget(struct token_source *source);

/*
 * Whether a challenge fits the partner and us; the checks of token_refused() alone. For commands
 * that explain.
 */
bool token_check_challenge(struct token_source *source, const char *partner,
        const char *const *www_authenticate, GError **error);

/* How this installation is known: "id@realm"; borrowed. */
const char *token_source_issuer(const struct token_source *source);
const char *token_source_realm(const struct token_source *source);
const char *token_source_app_id(const struct token_source *source);
struct keyring *token_source_keyring(struct token_source *source);
/* Tokens handed out, and signatures made for them. */
void token_source_counts(struct token_source *source, uint64_t *handed_out, uint64_t *signatures);

/* The configured realm: [oauth] realm, else the first SIP domain. NULL with token.realm. */
const char *token_realm(const struct config *config, GError **error);

#endif
