/*
 * The parts of the listener: listener.c speaks HTTP, listener_site.c knows the answers,
 * listener_tls.c has the certificate.
 */
#ifndef IMEX_DAEMON_LISTENER_PRIVATE_H
#define IMEX_DAEMON_LISTENER_PRIVATE_H

#include "core/config.h"
#include "daemon/keeper.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>

struct listener_site;

/* An answer; the texts are owned where not const. */
struct listener_answer {
	unsigned status;
	const char *type; /* Content-Type */
	const char *cache; /* Cache-Control */
	char *challenge; /* WWW-Authenticate, or NULL */
	char *body;
};

void listener_answer_clear(struct listener_answer *answer);

struct listener_site *listener_site_new(
        const struct config *config, struct keeper *keeper, GError **error);
void listener_site_free(struct listener_site *site);
AUTO_DEFINE(listener_site, listener_site_free);

/* Any thread. authorization: the values of all Authorization headers, NULL-ended. */
void listener_site_answer(struct listener_site *site, const char *method, const char *path,
        const char *const *authorization, struct listener_answer *answer);

/*
 * The listener's TLS certificate, read anew when its files change; the library's call-back has no
 * place for state, so there is one per process. listener.tls.
 */
bool listener_tls_open(const struct config *config, GError **error);
void listener_tls_close(void);
int listener_tls_retrieve(gnutls_session_t session, const gnutls_datum_t *authorities,
        int n_authorities, const gnutls_pk_algorithm_t *algorithms, int n_algorithms,
        gnutls_pcert_st **chain, unsigned *chain_len, gnutls_privkey_t *key);

#endif
