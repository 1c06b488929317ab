/* For the files of this folder that hold keys: the OpenSSL side of a certificate. */
#ifndef IMEX_OAUTH_CERTIFICATE_PRIVATE_H
#define IMEX_OAUTH_CERTIFICATE_PRIVATE_H

#include "oauth/certificate.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

/* Scoped ownership of OpenSSL's objects, which leak silently in error paths. */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_PKEY, EVP_PKEY_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_PKEY_CTX, EVP_PKEY_CTX_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_MD_CTX, EVP_MD_CTX_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(X509, X509_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(X509_EXTENSION, X509_EXTENSION_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BIO, BIO_free_all)

/* Takes a reference of its own. */
struct certificate *certificate_from_x509(X509 *x509, GError **error);
X509 *certificate_x509(const struct certificate *certificate); /* borrowed */

/* OpenSSL's last complaint as text, its queue emptied. Static buffer of the thread. */
const char *crypto_complaint(void);

#endif
