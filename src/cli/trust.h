/*
 * Tokens, keys and times for the commands.
 */
#ifndef IMEX_CLI_TRUST_H
#define IMEX_CLI_TRUST_H

#include "cli/command.h"
#include "oauth/token.h"

/* A token source that knows the store's partners; the caller frees it. */
struct token_source *cli_tokens(struct cli *cli, GError **error);
/* The issuer's keys; the caller closes them. */
struct keyring *cli_keyring(struct cli *cli, GError **error);

/* "2026-11-23" and the like for people; NULL for 0. Owned. */
char *cli_time_text(int64_t utc_us);

#endif
