/*
 * Principals of server-to-server tokens: applications are named by a GUID in a realm.
 *
 *	id@realm	issuer, nameid
 *	id/host@realm	audience
 *
 * Ids are written in lower case; realms are compared byte for byte, hosts without regard to case.
 */
#ifndef IMEX_OAUTH_PRINCIPAL_H
#define IMEX_OAUTH_PRINCIPAL_H

#include <glib.h>
#include <stdbool.h>

#define PRINCIPAL_EXCHANGE "00000002-0000-0ff1-ce00-000000000000"
#define PRINCIPAL_SHAREPOINT "00000003-0000-0ff1-ce00-000000000000"
#define PRINCIPAL_SKYPE "00000004-0000-0ff1-ce00-000000000000"
#define REALM_MAX_BYTES 255

/*
 * A GUID in lower case, from a GUID in any case or from "exchange", "sharepoint", "skype". Owned;
 * NULL with principal.invalid (class CONFIG).
 */
char *principal_id(const char *text, GError **error);
/* "exchange" for the well-known ones, else NULL. Static. */
const char *principal_nickname(const char *id);
bool principal_is_guid(const char *text);
/* A realm: DNS-like or a GUID, no space, no "@", "/" or quote. */
bool principal_is_realm(const char *text);

/* "id@realm". Owned. */
char *principal_issuer(const char *id, const char *realm);
/* Splits "id@realm" at its only "@"; false when it has another form. Both owned. */
bool principal_split_issuer(const char *issuer, char **id, char **realm);

char *principal_audience(const char *id, const char *host, const char *realm);
/* Exactly three parts, none empty; all owned. */
bool principal_split_audience(const char *audience, char **id, char **host, char **realm);

/* The host of an origin as http_origin() writes it ("https://host:443"). Owned. */
char *principal_origin_host(const char *origin);

#endif
