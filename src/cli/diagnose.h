/*
 * Findings of `imex check` and `imex doctor`: one line each, good or with what mends it.
 */
#ifndef IMEX_CLI_DIAGNOSE_H
#define IMEX_CLI_DIAGNOSE_H

#include "cli/command.h"

struct findings;

struct findings *findings_new(void);
void findings_free(struct findings *findings);
AUTO_DEFINE(findings, findings_free);

void findings_good(struct findings *findings, const char *what, const char *format, ...)
        G_GNUC_PRINTF(3, 4);
/* Not wrong yet, but to be looked at: does not change the exit code. */
void findings_warn(struct findings *findings, const char *what, const char *format, ...)
        G_GNUC_PRINTF(3, 4);
/* The error's sentence says what is wrong, why, and what mends it. Frees the error. */
void findings_bad(struct findings *findings, const char *what, GError *error);
/* Prints all; CLI_FAILED when one was bad. */
enum cli_exit findings_end(struct findings *findings, const struct cli *cli);

/* Our own files only: configuration, keys, names in the certificate, store, user map, partners. */
void diagnose_own(struct cli *cli, struct findings *findings);

#endif
