/*
 * The subcommands of `imex contacts`.
 */
#ifndef IMEX_CLI_CONTACTS_H
#define IMEX_CLI_CONTACTS_H

#include "cli/command.h"

/* contacts_status.c, contacts_explain.c: where lists stand */
extern const struct command contacts_status;
extern const struct command contacts_explain;
extern const struct command contacts_preflight_move;
extern const struct command contacts_unpin;
/* contacts_look.c: from the store alone */
extern const struct command contacts_conflicts;
extern const struct command contacts_waiting;
extern const struct command contacts_groups;
/* contacts_show.c: lists and their versions */
extern const struct command contacts_show;
extern const struct command contacts_diff;
extern const struct command contacts_history;
/* contacts_check.c: both sides read anew */
extern const struct command contacts_test;
extern const struct command contacts_verify;
/* contacts_transfer.c: lists in files */
extern const struct command contacts_export;
extern const struct command contacts_import;
/* contacts_work.c: on the wire */
extern const struct command contacts_sync;
/* contacts_back.c: lists that are brought back */
extern const struct command contacts_restore;
extern const struct command contacts_rollback_command;

#endif
