/*
 * How workers' sessions authenticate: tokens from one token source for the servers that take them.
 */
#ifndef IMEX_DAEMON_AUTH_H
#define IMEX_DAEMON_AUTH_H

#include "core/config.h"
#include "oauth/token.h"
#include "sync/worker.h"

/* Whether any [server NAME] takes tokens; else no token source is needed. */
bool auth_needs_tokens(const struct config *config);

/* A token source that knows the partners in the store as they are now; the caller frees it. */
struct token_source *auth_tokens_new(const struct config *config, GError **error);

struct auth {
	const struct config *config;
	struct token_source *tokens; /* NULL when none is needed */
};

/* The shape that workers take; auth is borrowed and must outlive them. */
struct worker_auth auth_for_workers(struct auth *auth);

#endif
