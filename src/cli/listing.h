/*
 * `imex --list-commands`, `--list-settings` and `--list-policies`: the tables of the program as
 * lines of fields separated by tabs. The manual is held against them; shell completion may use
 * them.
 */
#ifndef IMEX_CLI_LISTING_H
#define IMEX_CLI_LISTING_H

#include "cli/command.h"

/* "policy set", its usage, its options without the common ones: "--user,--domain,--global". */
void listing_commands(FILE *out);
/* Section, name, type, default, values (choices or range); empty where there is none. */
void listing_settings(FILE *out);
/* Name, values; the first value is the default. */
void listing_policies(FILE *out);

/* Prints the table that an option names; false when option names none. */
bool listing_option(const char *option, FILE *out);

#endif
