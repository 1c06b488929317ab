/*
 * The subcommands of `imex archive`, one file per theme.
 */
#ifndef IMEX_CLI_ARCHIVE_H
#define IMEX_CLI_ARCHIVE_H

#include "cli/command.h"

extern const struct command archive_coverage, archive_gaps; /* archive_audit.c */
extern const struct command archive_backfill; /* archive_backfill.c */
extern const struct command archive_deliver; /* archive_deliver.c */
extern const struct command archive_explain, archive_status; /* archive_status.c */
extern const struct command archive_queue, archive_failures, archive_retry, archive_hold;
extern const struct command archive_release; /* archive_queue.c */

#endif
