/* The HTTPS side: routes, bodies, answers, and the faults that strike the connection. */
#ifndef DEVX_SERVER_H
#define DEVX_SERVER_H

#include "devx.h"

bool server_start(struct devx *devx);
void server_stop(struct devx *devx);

#endif
