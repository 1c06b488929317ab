/*
 * Whom a command is about: canonical addresses and domains from its words.
 */
#ifndef IMEX_CLI_SUBJECT_H
#define IMEX_CLI_SUBJECT_H

#include "core/auto.h"

#include <glib.h>

/* Owned; NULL with cli.subject (CONFIG) when text is no user's IM address. */
char *cli_user(const char *text, GError **error);
/* Owned; NULL with cli.subject (CONFIG) when text is no domain. */
char *cli_domain(const char *text, GError **error);

#endif
