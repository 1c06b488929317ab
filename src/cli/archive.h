/*
 * The subcommands of `imex archive`, one file per theme.
 */
#ifndef IMEX_CLI_ARCHIVE_H
#define IMEX_CLI_ARCHIVE_H

#include "cli/command.h"

extern const struct command archive_coverage; /* archive_coverage.c */
extern const struct command archive_explain; /* archive_explain.c */
extern const struct command archive_gaps, archive_reconcile; /* archive_gaps.c */
extern const struct command archive_gate; /* archive_gate.c */
extern const struct command archive_backfill; /* archive_backfill.c */
extern const struct command archive_deliver; /* archive_deliver.c */
extern const struct command archive_status; /* archive_status.c */
extern const struct command archive_runs, archive_undo; /* archive_undo.c */

/*
 * Reads what is new in all sources, and with history_since (ISO 8601, or NULL) what was sent since.
 */
bool archive_capture(struct cli *cli, const char *history_since, GError **error);

/*
 * Delivers what is due into the mailboxes of users (NULL-ended; NULL: all) in a run of its own, and
 * prints what became of it. With prepare, conversations that are over are closed and planned first.
 * Comes again until nothing is left that can be done, for at most wait_s after the first time.
 */
struct deliver_wish {
	char **users;
	bool prepare;
	bool no_wait; /* what was sent without an answer is left for later */
	int64_t wait_s;
};
enum cli_exit archive_deliver_now(struct cli *cli, const struct deliver_wish *wish);

#endif
