/*
 * Where `imex export` takes its items from.
 */
#ifndef IMEX_CLI_EXPORT_H
#define IMEX_CLI_EXPORT_H

#include "archive/export.h"
#include "cli/command.h"
#include "store/store.h"
#include "sync/transcribe.h"
#include "sync/usermap.h"

struct export_run {
	struct cli *cli;
	const struct config *config;
	struct store *store;
	struct usermap *map;
	struct transcriber *transcriber;
	struct export *export;
	enum export_format format;
	bool from_mailbox;
	int64_t since_utc_us, until_utc_us;
	GPtrArray *users; /* canonical addresses; empty: all */
	unsigned left_out; /* items that could not be read, each told on standard error */
};

/* What imex captured; segments that are still open included. */
bool export_from_archive(struct export_run *run, GError **error);
/* Our items in the mailboxes, as the mail server gives them back. */
bool export_from_mailboxes(struct export_run *run, GError **error);

#endif
