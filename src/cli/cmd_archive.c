#include "cli/archive.h"
#include "cli/commands.h"

static const struct command *const subcommands[] = {
        &archive_status,
        &archive_backfill,
        &archive_deliver,
        &archive_explain,
        &archive_coverage,
        &archive_gaps,
        &archive_reconcile,
        &archive_gate,
        &archive_runs,
        &archive_undo,
        NULL,
};

const struct command cmd_archive = {
        .name = "archive",
        .summary = "Put conversations into mailboxes, and see what becomes of them",
        .subcommands = subcommands,
};
