/*
 * One line per command, in the order of the alphabet; commands.c lists them for people.
 */
#ifndef IMEX_CLI_COMMANDS_H
#define IMEX_CLI_COMMANDS_H

#include "cli/command.h"

extern const struct command cmd_archive;
extern const struct command cmd_queue;
extern const struct command cmd_cert;
extern const struct command cmd_check;
extern const struct command cmd_contacts;
extern const struct command cmd_doctor;
extern const struct command cmd_export;
extern const struct command cmd_init;
extern const struct command cmd_metadata;
extern const struct command cmd_migrate;
extern const struct command cmd_partner;
extern const struct command cmd_pause;
extern const struct command cmd_policy;
extern const struct command cmd_resume;
extern const struct command cmd_status;
extern const struct command cmd_store;
extern const struct command cmd_survey;
extern const struct command cmd_token;
extern const struct command cmd_user;

#endif
