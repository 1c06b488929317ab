/*
 * A partner application: a server with which tokens are exchanged directly. What imex knows about
 * it: who it is, which keys it signs with, where tokens for it may go, and how far it is trusted.
 */
#ifndef IMEX_MODEL_PARTNER_H
#define IMEX_MODEL_PARTNER_H

#include "core/auto.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* How far a partner's own tokens are trusted. */
enum partner_trust {
	PARTNER_FULL, /* speaks for itself and for any user of its realm */
	PARTNER_APPLICATION, /* speaks for itself only */
	PARTNER_USER, /* speaks for users only, never for itself */
};

enum partner_key_state {
	PARTNER_KEY_ACTIVE, /* verifies tokens */
	PARTNER_KEY_HELD, /* seen in the metadata, not believed before usable_utc_us */
};

struct partner_key {
	char *x5t; /* computed from the certificate: 27 characters */
	GBytes *der; /* the certificate */
	int64_t not_before_utc_us, not_after_utc_us; /* of the certificate */
	enum partner_key_state state;
	int64_t usable_utc_us; /* when a held key becomes active by itself; 0: now */
};

struct partner {
	char *name; /* what commands and [server NAME] partner = call it: "exchange" */
	char *app_id; /* its principal id, a lower-case GUID */
	char *realm; /* exactly as the partner writes it; "*" when it serves any realm */
	char *issuer; /* "iss" of its tokens: app_id@realm unless its metadata says otherwise */
	char *metadata_url; /* NULL: keys were given by hand */
	char *authorization_server; /* who signs for it; NULL: it signs for itself */
	enum partner_trust trust;
	bool enabled;
	bool verified; /* false: added without fetching its metadata */
	bool accept_sid; /* whether its tokens may name users by SID */
	GPtrArray *keys; /* struct partner_key *, newest first */
	GPtrArray *origins; /* char *, "https://host:443": where tokens for it may be sent */
	GPtrArray *endpoints; /* char *, origins that its metadata names; compared, never used */
	int64_t refreshed_utc_us; /* last good look at the metadata; 0: never */
	int64_t tried_utc_us; /* last look of any kind */
	char *alarm; /* what a person should look at, or NULL */
};

struct partner *partner_new(const char *name);
struct partner *partner_copy(const struct partner *partner);
void partner_free(struct partner *partner);
AUTO_DEFINE(partner, partner_free);

struct partner_key *partner_key_copy(const struct partner_key *key);
void partner_key_free(struct partner_key *key);

/* The key of that x5t, or NULL. Borrowed. */
struct partner_key *partner_find_key(const struct partner *partner, const char *x5t);
/* Whether tokens may be sent there; origin as http_origin() writes it. */
bool partner_has_origin(const struct partner *partner, const char *origin);
void partner_add_origin(struct partner *partner, const char *origin);

const char *partner_trust_name(enum partner_trust trust);
/* "full", "application" or "user". */
bool partner_trust_parse(const char *name, enum partner_trust *trust);

#endif
