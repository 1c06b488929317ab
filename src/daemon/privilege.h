/*
 * imexd does not work as root.
 */
#ifndef IMEX_DAEMON_PRIVILEGE_H
#define IMEX_DAEMON_PRIVILEGE_H

#include "core/config.h"

/*
 * Started by root, becomes the user [imex] run_as for good; started by anybody else, does nothing.
 * privilege.user (CONFIG) when there is no such user or it is root; privilege.drop when the system
 * refuses.
 */
bool privilege_drop(const struct config *config, GError **error);

#endif
