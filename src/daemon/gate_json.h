/*
 * The gate's answer as JSON: the same for `imex archive gate --json` and for GET /v1/gate.
 */
#ifndef IMEX_DAEMON_GATE_JSON_H
#define IMEX_DAEMON_GATE_JSON_H

#include "sync/gate.h"
#include "wire/json.h"

/* New reference. */
json_t *gate_json(const char *user, const struct gate *gate);

#endif
