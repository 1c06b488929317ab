/*
 * A session with a mail server as the configuration describes it: [server NAME].
 */
#ifndef IMEX_SYNC_MAILSERVER_H
#define IMEX_SYNC_MAILSERVER_H

#include "core/config.h"
#include "ews/session.h"

/* What the caller adds. With auth = token, authorize is token_authorize() of oauth/token.h. */
struct mailserver_hooks {
	ews_authorize *authorize;
	void *authorize_data;
	ews_admit *admit; /* may be NULL */
	void *admit_data;
};

/* Whether [server NAME] is there and takes tokens; false with server.unknown when it is not. */
bool mailserver_takes_tokens(
        const struct config *config, const char *name, bool *tokens, GError **error);

/*
 * Opens a session; nothing is sent yet. With auth = basic the password is that of core/secret.h.
 * Errors of class CONFIG: server.unknown, secret.*, config.missing.
 */
struct ews_session *mailserver_open(const struct config *config, const char *name,
        const struct mailserver_hooks *hooks, GError **error);

#endif
