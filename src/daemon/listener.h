/*
 * imexd's HTTPS listener ([listen] address): what partners and strangers may ask.
 *
 *	GET /metadata/json/1	the metadata document, for anybody
 *	GET /v1/whoami		a partner's token: who it says the caller is
 *	GET /v1/gate?user=A&peer=B	a [sender NAME]: whether IM may go on (sync/gate.h)
 *	GET /health		"ok"; 503 when a source is read too late (sync/lag.h) or the store
 *fails POST /v1/messages	a [sender NAME]: what was said, see imex-ingest(5)
 *
 * It verifies partners' tokens and answers 401 with the challenge otherwise. The TLS certificate is
 * reloaded when its files change.
 */
#ifndef IMEX_DAEMON_LISTENER_H
#define IMEX_DAEMON_LISTENER_H

#include "core/config.h"
#include "daemon/keeper.h"

struct listener;

/*
 * NULL without an error when [listen] address is unset. Runs threads of its own. config and keeper
 * outlive it. Errors of class CONFIG: listener.address, listener.tls, listener.bind,
 * listener.sender.
 */
struct listener *listener_start(const struct config *config, struct keeper *keeper, GError **error);
void listener_stop(struct listener *listener);
AUTO_DEFINE(listener, listener_stop);

/* The port it listens on: the configured one, or the one chosen for port 0. */
unsigned listener_port(const struct listener *listener);

#endif
