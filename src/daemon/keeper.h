/*
 * Trust while imexd runs: one thread that follows the partners in the store and the issuer keys on
 * disk within seconds, refreshes partners' metadata daily and when an unknown key turns up, and
 * warns about certificates that come to their end (oauth/watch.h).
 */
#ifndef IMEX_DAEMON_KEEPER_H
#define IMEX_DAEMON_KEEPER_H

#include "core/config.h"
#include "oauth/token.h"
#include "oauth/verify.h"

struct keeper;

/*
 * Loads keys and partners, then starts the thread. config outlives the keeper. With no partner and
 * with no key it starts all the same and says so in the log. Errors: those of token_source_new()
 * and store_open().
 */
struct keeper *keeper_start(const struct config *config, GError **error);
void keeper_stop(struct keeper *keeper);
AUTO_DEFINE(keeper, keeper_stop);

/* For the workers' sessions; any thread. Borrowed. */
struct token_source *keeper_tokens(struct keeper *keeper);

/*
 * verify_authorization() against the partners of now; any thread. A key that a partner does not
 * have yet makes the keeper look at its metadata, at most every [partner] refresh_min.
 */
struct verify_identity *keeper_verify(struct keeper *keeper, const struct verify_rules *rules,
        const char *const *authorization, GError **error);
/* verify_challenge() with the partners of now. Owned. */
char *keeper_challenge(struct keeper *keeper, const struct verify_rules *rules, bool invalid);

#endif
