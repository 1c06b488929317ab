/*
 * imexd's HTTPS listener ([listen] address): what partners and strangers may ask.
 *
 *	GET /metadata/json/1	the metadata document, for anybody
 *	GET /v1/whoami		a partner's token: who it says the caller is
 *	GET /v1/gate?user=A&peer=B	a [sender NAME]: whether IM may go on (sync/gate.h)
 *	GET /health		"ok"; 503 when a source is read too late (sync/lag.h)
 *	POST /v1/messages	a [sender NAME]: what was said, see imex-ingest(5)
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
 * Whether imexd could listen with that configuration, as far as its files say: listener.address,
 * listener.tls, of class CONFIG. Good when [listen] address is unset.
 */
bool listener_check(const struct config *config, GError **error);

/*
 * Runs threads of its own; [listen] address is set. config and keeper outlive it. A *former one at
 * the same address goes on under this configuration: no connection is refused or closed, and once
 * this returns no request of the former configuration is under way; *former is NULL then. Errors
 * of class CONFIG: listener.address, listener.tls, listener.bind, listener.sender; *former goes on
 * as it was.
 */
struct listener *listener_start(const struct config *config, struct keeper *keeper,
        struct listener **former, GError **error);
void listener_stop(struct listener *listener);
AUTO_DEFINE(listener, listener_stop);

#endif
