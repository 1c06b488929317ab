/*
 * All IM users that an installation knows: of its sources and of the user map file.
 */
#ifndef IMEX_CLI_OWNERS_H
#define IMEX_CLI_OWNERS_H

#include "core/config.h"
#include "sync/usermap.h"

/*
 * Canonical addresses (char *), sorted, each once, ended by NULL. Owned; NULL when a source cannot
 * be read: a part of the users would look like all of them. map may be NULL.
 */
GPtrArray *cli_owners(const struct config *config, const struct usermap *map, GError **error);

#endif
