/*
 * Partner applications: whose tokens this server accepts. Each is described by its metadata
 * document (facts of the document: issuer, service name, certificates), read from an HTTPS URL
 * or a file, and read again when a token names an unknown key, at most every few seconds.
 */
#ifndef DEVX_PARTNER_H
#define DEVX_PARTNER_H

#include <glib.h>
#include <gnutls/abstract.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct partner_key {
	char *x5t;
	gnutls_pubkey_t key;
	int64_t expires_s;
};

struct partner {
	char *source; /* URL or file of its metadata */
	char *ca_file;
	char *issuer; /* "id@realm" */
	char *app_id; /* service name */
	GPtrArray *keys; /* struct partner_key * */
	bool enabled;
	bool full_trust; /* may assert users */
	bool loaded;
	int64_t tried_ms;
};

struct partners {
	pthread_mutex_t lock;
	GPtrArray *list; /* struct partner * */
	uint64_t fetches;
};

struct partners *partners_new(void);
void partners_free(struct partners *partners);
/* Registers a partner; its document may be unreachable yet and is fetched when first needed. */
struct partner *partner_add(struct partners *partners, const char *source, const char *ca_file);
/* Reads the document; false with *reason (g_free) keeps the keys that were known. */
bool partner_refresh(struct partner *partner, char **reason);
enum refresh { REFRESH_UNLOADED, REFRESH_STALE, REFRESH_ALL };
/* Reads the documents of those never reached, or of every partner; but for REFRESH_ALL at most
 * once in 2 s each. */
void partners_refresh(struct partners *partners, enum refresh which);

#endif
