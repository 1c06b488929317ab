/*
 * Tokens for the commands that speak to mail servers.
 */
#ifndef IMEX_CLI_TRUST_H
#define IMEX_CLI_TRUST_H

#include "cli/command.h"
#include "oauth/token.h"

/* A token source that knows the store's partners; the caller frees it. */
struct token_source *cli_tokens(struct cli *cli, GError **error);

#endif
