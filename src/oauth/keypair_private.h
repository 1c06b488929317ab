/* A private key with its certificate; shared by the files that make and keep them. */
#ifndef IMEX_OAUTH_KEYPAIR_PRIVATE_H
#define IMEX_OAUTH_KEYPAIR_PRIVATE_H

#include "oauth/certificate_private.h"
#include "oauth/keyring.h"

struct key_pair {
	struct certificate *certificate;
	EVP_PKEY *key;
};

/* Checks that they belong together; takes references of its own. */
struct key_pair *key_pair_join(X509 *x509, EVP_PKEY *key, const char *where, GError **error);
struct key_pair *key_pair_copy(const struct key_pair *pair);
/* PKCS#8 in PEM; owned by the BIO. */
BIO *key_pair_key_pem(const struct key_pair *pair, GError **error);
/* A PEM key file that only its owner can read; keyring.exposed, keyring.unreadable otherwise. */
EVP_PKEY *key_pair_read_key(const char *path, GError **error);
/* Writes it as PKCS#12 to a new file, 0600. */
bool key_pair_write_pkcs12(
        const struct key_pair *pair, const char *path, const char *password, GError **error);

#endif
