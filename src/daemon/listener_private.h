/*
 * The parts of the listener: listener.c speaks HTTP, listener_site.c knows the answers,
 * listener_ingest.c takes what is posted, listener_sender.c knows who may post, listener_tls.c has
 * the certificate.
 */
#ifndef IMEX_DAEMON_LISTENER_PRIVATE_H
#define IMEX_DAEMON_LISTENER_PRIVATE_H

#include "core/config.h"
#include "daemon/keeper.h"
#include "sync/usermap.h"
#include "wire/json.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>

/* Where messages are posted. */
#define LISTENER_POST_PATH "/v1/messages"

struct listener_site;

/* An answer; the texts are owned where not const. */
struct listener_answer {
	unsigned status;
	const char *type; /* Content-Type */
	const char *cache; /* Cache-Control */
	const char *allow; /* Allow, or NULL */
	unsigned retry_after_s; /* Retry-After; 0: none */
	char *challenge; /* WWW-Authenticate, or NULL */
	char *body;
};

/* What is asked; borrowed. */
struct listener_request {
	const char *method, *path;
	const char *const *authorization; /* the values of all Authorization headers, NULL-ended */
	gnutls_session_t session; /* NULL when the library does not tell */
	const char *user, *peer; /* arguments of the URL, or NULL */
	uint64_t content_length; /* UINT64_MAX: not told */
};

void listener_answer_clear(struct listener_answer *answer);

struct listener_site *listener_site_new(
        const struct config *config, struct keeper *keeper, GError **error);
void listener_site_free(struct listener_site *site);
AUTO_DEFINE(listener_site, listener_site_free);

/* Any thread. */
void listener_site_answer(struct listener_site *site, const struct listener_request *request,
        struct listener_answer *answer);

/* Whether clients are to be asked for a certificate. */
bool listener_site_asks(const struct listener_site *site);
/*
 * Which [sender NAME] asks, by certificate or by partner token; NULL after *answer was filled.
 * Borrowed from the site.
 */
const char *listener_site_sender(struct listener_site *site, const struct listener_request *request,
        struct listener_answer *answer);
/* Short answers. */
void listener_answer_plain(struct listener_answer *answer, unsigned status, const char *text);
/* Takes json. */
void listener_answer_json(struct listener_answer *answer, unsigned status, json_t *json);
void listener_answer_error(
        struct listener_answer *answer, unsigned status, const char *reason, const char *message);

/* Who may post. listener.sender. */
struct listener_senders;
struct listener_senders *listener_senders_new(const struct config *config, GError **error);
void listener_senders_free(struct listener_senders *senders);
AUTO_DEFINE(listener_senders, listener_senders_free);
bool listener_senders_ask(const struct listener_senders *senders);
/* NAME of the [sender NAME]; NULL when there is none. Borrowed. */
const char *listener_senders_by_partner(
        const struct listener_senders *senders, const char *partner);
const char *listener_senders_by_certificate(
        const struct listener_senders *senders, gnutls_session_t session);

/*
 * POST /v1/messages. begin comes with the headers and gives NULL after *answer was filled; then
 * feed with every piece of the body (false: close the connection) and end with the answer.
 */
struct listener_post;
struct listener_post *listener_post_begin(struct listener_site *site,
        const struct listener_request *request, struct listener_answer *answer);
bool listener_post_feed(struct listener_post *post, const char *bytes, size_t len);
void listener_post_end(struct listener_post *post, struct listener_answer *answer);
void listener_post_free(struct listener_post *post);
AUTO_DEFINE(listener_post, listener_post_free);

/* Where posts go: a store of its own. NULL when there is no [sender NAME]. */
struct listener_inlet;
bool listener_inlet_new(const struct config *config, const struct usermap *map,
        struct listener_inlet **out, GError **error);
void listener_inlet_free(struct listener_inlet *inlet);
AUTO_DEFINE(listener_inlet, listener_inlet_free);
struct listener_inlet *listener_site_inlet(struct listener_site *site);

/*
 * The listener's TLS certificate, read anew when its files change; the library's call-back has no
 * place for state, so there is one per process. listener.tls.
 */
bool listener_tls_check(const struct config *config, GError **error);
/* Each listener opens and closes it once; in between another configuration may change it. */
bool listener_tls_open(const struct config *config, GError **error);
bool listener_tls_change(const struct config *config, GError **error);
void listener_tls_close(void);
int listener_tls_retrieve(gnutls_session_t session, const gnutls_datum_t *authorities,
        int n_authorities, const gnutls_pk_algorithm_t *algorithms, int n_algorithms,
        gnutls_pcert_st **chain, unsigned *chain_len, gnutls_privkey_t *key);

#endif
