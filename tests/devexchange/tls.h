/*
 * Certificates: a throw-away CA with a server certificate, and the signing certificate whose
 * public part the metadata document publishes. Made with GnuTLS, kept as PEM in one directory
 * (ca.pem, server.pem, server.key, signing.pem, signing.key), reused when already there.
 */
#ifndef DEVX_TLS_H
#define DEVX_TLS_H

#include <glib.h>
#include <pthread.h>
#include <stdbool.h>

struct tls {
	char *cert_pem, *key_pem; /* of the HTTPS server */
	char *ca_pem; /* NULL when a certificate was given */
	char *ca_path;
	pthread_mutex_t lock; /* guards what follows */
	char *signing_pem;
	char *signing_der_base64; /* the certificate as in the metadata document */
	char *signing_x5t;
};

/* False prints the reason to stderr. */
bool tls_prepare(struct tls *tls, const char *dir, const char *host, const char *cert_file,
        const char *key_file);
/* Copies of the certificate as in the metadata document; g_free. */
void tls_signing(struct tls *tls, char **der_base64, char **x5t);
/* A new signing certificate in place of the present one. */
bool tls_roll_signing(struct tls *tls, const char *dir);
void tls_free(struct tls *tls);

/* base64url without padding of the SHA-1 of a DER certificate. */
char *x5t_of_der(const unsigned char *der, size_t length);

#endif
