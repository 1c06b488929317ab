/*
 * The subcommands of `imex queue`: cmd_queue.c lists, queue_change.c changes.
 */
#ifndef IMEX_CLI_QUEUE_H
#define IMEX_CLI_QUEUE_H

#include "cli/command.h"

#include <stdint.h>

extern const struct command queue_retry, queue_hold, queue_release, queue_flush;

struct store;

/* The id of that user's mailbox, 0 for user NULL; mailbox.unknown when there is nothing for it. */
bool queue_user(struct store *store, const char *user, int64_t *mailbox_id, GError **error);

#endif
