/*
 * The metadata document that servers publish about themselves: id, realm, issuer and keys.
 *
 * Read in all product spellings (Exchange, SharePoint, ACS, Skype): member names in any case,
 * keyinfo optional, several keys. x5t is computed from each certificate and must equal the one
 * given, when one is given. Written in Exchange's shape.
 */
#ifndef IMEX_OAUTH_METADATA_H
#define IMEX_OAUTH_METADATA_H

#include "model/partner.h"
#include "oauth/certificate.h"

#define METADATA_MAX_BYTES (256 * 1024)
#define METADATA_MAX_KEYS 8
#define METADATA_MAX_ENDPOINTS 16

struct metadata_endpoint {
	char *location;
	char *protocol;
	char *usage; /* or NULL */
};

struct metadata {
	char *name; /* or NULL */
	char *service_name; /* principal id, lower case */
	char *issuer; /* id@realm */
	char *realm; /* from "realm", else from the issuer; "*": any */
	GPtrArray *keys; /* struct certificate *, usable ones, at least one */
	GPtrArray
	        *endpoints; /* struct metadata_endpoint *; the token endpoint has protocol OAuth2 */
	unsigned skipped_keys; /* keys that were there and could not be used */
};

/*
 * Errors, class CONFIG: metadata.not_json, metadata.not_metadata (JSON, but not this document),
 * metadata.no_key (no usable key), metadata.too_many_keys, metadata.too_large, metadata.x5t.
 * where names the document in messages.
 */
struct metadata *metadata_parse(const char *bytes, size_t len, const char *where, GError **error);
void metadata_free(struct metadata *metadata);
AUTO_DEFINE(metadata, metadata_free);

/* Ours: the document and its length. certificates as keyring_published() gives them. Owned. */
struct metadata_own {
	const char *app_id;
	const char *realm;
	const char *name; /* "imex" */
	const char *public_url; /* "https://im.corp.example:8443"; NULL: no endpoint is named */
	const GPtrArray *certificates;
};
char *metadata_print(const struct metadata_own *own);

#endif
