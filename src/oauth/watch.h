/*
 * Certificates that come to their end: our issuer's, the listener's, the partners' issuers' and
 * those of the servers that they are reached at.
 */
#ifndef IMEX_OAUTH_WATCH_H
#define IMEX_OAUTH_WATCH_H

#include "core/auto.h"
#include "core/config.h"
#include "model/partner.h"
#include "oauth/keyring.h"

/* One certificate, or the place where one should be. Strings are owned unless const. */
struct watched {
	const char *what; /* "issuer", "listener", "partner issuer", "TLS" */
	char *whose; /* "current", a file, a partner's name, an origin */
	char *subject; /* NULL when it could not be read */
	int64_t ends_utc_us; /* 0: unknown */
	bool replaced; /* another one of the same owner goes on after it */
	char *trouble; /* why it could not be looked at, or NULL */
	bool missed; /* trouble that has already come: expired, or none there at all */
	char *next; /* what to do about its end */
};

/*
 * All of them, as struct watched. partners: struct partner *; disabled ones are left out. on_wire:
 * the TLS certificates of partners and mail servers are fetched, too; nothing but an anonymous HEAD
 * is sent. What cannot be looked at is in the list with its trouble. Owned.
 */
GPtrArray *watch_certificates(const struct config *config, struct keyring *keyring,
        const GPtrArray *partners, bool on_wire);
void watched_free(struct watched *watched);

#define WATCH_NONE (-1)
/*
 * The limit that a certificate has fallen below: 60, 30, 14 or 7 days, 0 when it has expired;
 * WATCH_NONE while it has longer or another one replaces it.
 */
int watched_limit(const struct watched *watched, int64_t now_utc_us);
/* Whole days until its end; negative after it. */
int64_t watched_days(const struct watched *watched, int64_t now_utc_us);

#endif
