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
/* The first line of a file that only its owner can read; cli.password otherwise. Owned. */
char *cli_read_password(const char *path, GError **error);

#endif
