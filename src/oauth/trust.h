/*
 * Partners from their own words: fetching a metadata document, making a partner of it, and deciding
 * what a later look at it may change.
 *
 * A document is fetched over https only and never from another origin than the one named. A later
 * one is refused, and the old keys stay, when it names another issuer, realm or service, or an
 * endpoint at an origin that was not there before. One that replaces every key at once is suspect:
 * the new keys are held for a while, unless the old ones were about to end.
 */
#ifndef IMEX_OAUTH_TRUST_H
#define IMEX_OAUTH_TRUST_H

#include "core/config.h"
#include "model/partner.h"
#include "oauth/metadata.h"
#include "wire/http.h"

/* Keys that end within this time may be replaced all at once. */
#define TRUST_NEAR_END_US (30 * CLOCK_US_PER_DAY)

/*
 * A client for the metadata at url, with small limits. CA and address policy are those of
 * [partner]; where that says nothing, those of a [server NAME] at the same origin.
 */
struct http_client *trust_client_new(const struct config *config, const char *url, GError **error);

/*
 * Fetches and parses. Errors: those of wire/http.h (http.unreachable, http.tls_* ...),
 * metadata.plain (not https), metadata.status (not 200), and metadata.*. All four of "unreachable",
 * "TLS refused", "not JSON" and "not a metadata document" are told apart.
 */
struct metadata *trust_fetch(struct http_client *client, const char *url, GError **error);

/*
 * Fills a new partner from its document: id, issuer, realm, keys, endpoints, the URL and its
 * origin. realm is the operator's word, or NULL; a document for any realm ("*") needs one.
 * partner.realm, partner.own_id (it has our own issuer, own_issuer).
 */
bool trust_adopt(struct partner *partner, const struct metadata *metadata, const char *url,
        const char *realm, const char *own_issuer, GError **error);
/* The same from a certificate alone; app_id and realm are needed. */
bool trust_adopt_certificate(struct partner *partner, const struct certificate *certificate,
        const char *app_id, const char *realm, const char *own_issuer, GError **error);

struct trust_change {
	unsigned added, removed, held, released; /* keys */
	bool replaced_all; /* every key at once */
};

/*
 * What a new look at the document makes of a partner: *updated is a changed copy, owned. accept
 * takes held keys at once (a person said so). False with partner.changed (class CONFIG) when the
 * document must not be believed; the partner stays as it was and an alarm should be kept.
 */
bool trust_refresh(const struct partner *known, const struct metadata *metadata, int64_t key_hold_s,
        bool accept, struct partner **updated, struct trust_change *change, GError **error);

#endif
