/*
 * The life of struct cli; commands see command.h only.
 */
#ifndef IMEX_CLI_CONTEXT_H
#define IMEX_CLI_CONTEXT_H

#include "cli/command.h"

/* The configuration is $IMEX_CONFIG, else the system's imex.conf, until --config names another. */
struct cli *cli_new(void);
void cli_free(struct cli *cli);
AUTO_DEFINE(cli, cli_free);

#endif
