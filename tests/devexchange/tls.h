/*
 * Certificates, made with GnuTLS and kept as PEM in one directory: a throw-away CA with a server
 * certificate (ca.pem, server.pem, server.key), used again when they are there.
 */
#ifndef DEVX_TLS_H
#define DEVX_TLS_H

#include <glib.h>
#include <stdbool.h>

struct tls {
	char *cert_pem, *key_pem; /* of the HTTPS server */
	char *ca_pem; /* NULL when a certificate was given */
	char *ca_path;
};

/* False prints the reason to stderr. */
bool tls_prepare(struct tls *tls, const char *dir, const char *host, const char *cert_file,
        const char *key_file);
void tls_free(struct tls *tls);

bool tls_make_self_signed(
        const char *common_name, int days, char **certificate_pem, char **private_key_pem);
/* A file of the directory; secret: for its owner only. False prints the reason to stderr. */
bool tls_save(const char *dir, const char *name, const char *text, bool secret);
char *tls_load(const char *dir, const char *name); /* g_free; NULL: none */

/* Without padding; g_free. */
char *base64url(const unsigned char *bytes, size_t length);
/* base64url of the SHA-1 of a DER certificate. */
char *x5t_of_der(const unsigned char *der, size_t length);

#endif
