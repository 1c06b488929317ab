/*
 * The command line: `imex [--config FILE] COMMAND [options]`, after git's shape.
 *
 * One file per command (cmd_NAME.c) with one struct command, listed in commands.c. The framework
 * parses the options, prints --help, and turns a GError into one line and an exit code.
 */
#ifndef IMEX_CLI_COMMAND_H
#define IMEX_CLI_COMMAND_H

#include "core/config.h"
#include "core/error.h"

#include <glib.h>
#include <stdbool.h>
#include <stdio.h>

enum cli_exit {
	CLI_DONE = 0,
	CLI_FAILED = 1,
	CLI_USAGE = 2, /* wrong use or configuration */
	CLI_PARTIAL = 3, /* done in part: the report says which */
};

struct store;

/* What every command gets. */
struct cli {
	char *config_path;
	/* gboolean: the option parser writes an int. */
	gboolean json; /* --json */
	gboolean dry_run; /* --dry-run */
	gboolean quiet; /* --quiet: no progress */
	gboolean verbose; /* --verbose */
	struct config *config; /* by cli_config() */
	struct store *store; /* by cli_store() */
};

/* Which of the common options a command takes. */
enum command_flags {
	COMMAND_JSON = 1 << 0,
	COMMAND_DRY_RUN = 1 << 1,
	COMMAND_QUIET = 1 << 2,
};

struct command {
	const char *name; /* "partner", or "add" of a subcommand */
	const char *usage; /* what follows the name: "NAME --metadata URL" */
	const char *summary; /* one line, no full stop */
	const char *help; /* more lines for --help, or NULL */
	unsigned flags; /* enum command_flags */
	/* Options, ended by an all-NULL entry; the variables are file-static. NULL: none. */
	const GOptionEntry *options;
	/* Either a list of subcommands, NULL-ended, or run. argv[0] is the first operand. */
	const struct command *const *subcommands;
	enum cli_exit (*run)(struct cli *cli, int argc, char **argv);
};

/* All commands, NULL-ended, in the order that `imex --help` shows. */
extern const struct command *const commands[];

/* The configuration, loaded at first use; NULL after the error has been set. */
const struct config *cli_config(struct cli *cli, GError **error);
/* The store, opened at first use (the schema must be current); NULL after the error has been set.
 */
struct store *cli_store(struct cli *cli, GError **error);

/* Prints "imex: SENTENCE" and gives the exit code of the error's class. Frees the error. */
enum cli_exit cli_fail(GError *error);
/* Prints "imex: SENTENCE" and how to get help; always CLI_USAGE. */
enum cli_exit cli_usage(const struct command *command, const char *format, ...) G_GNUC_PRINTF(2, 3);

/*
 * A listing: aligned columns for people, or with --json an array of objects. Columns are named at
 * the start; each row gives one text per column (NULL is shown as "-" and written as null).
 */
struct cli_table;
struct cli_table *cli_table_new(const char *const *columns);
void cli_table_row(struct cli_table *table, const char *const *cells);
unsigned cli_table_rows(const struct cli_table *table);
void cli_table_print(const struct cli_table *table, const struct cli *cli, FILE *out);
void cli_table_free(struct cli_table *table);
AUTO_DEFINE(cli_table, cli_table_free);

/*
 * Progress on standard error: one line that is rewritten on a terminal, a plain line at most every
 * ten seconds elsewhere, nothing with --quiet. total may be 0 when it is not known.
 */
void cli_progress(const struct cli *cli, const char *what, uint64_t done, uint64_t total);
void cli_progress_end(const struct cli *cli);

#endif
