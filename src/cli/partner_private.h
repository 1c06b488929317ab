/* What the files of `imex partner` share. */
#ifndef IMEX_CLI_PARTNER_PRIVATE_H
#define IMEX_CLI_PARTNER_PRIVATE_H

#include "cli/command.h"
#include "model/partner.h"

extern const struct command partner_add;
extern const struct command partner_ensure;
extern const struct command partner_set;
extern const struct command partner_refresh;
extern const struct command partner_recipe;

/* Adds "https://host" of a URL to where tokens for the partner may go; partner.origin. */
bool partner_take_origin(struct partner *partner, const char *url, GError **error);

#endif
