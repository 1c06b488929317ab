/*
 * X.509 certificates, as far as server-to-server trust needs them: the RSA key in them, how they
 * are named in tokens, their dates and names. Immutable after loading; may be read by any thread.
 */
#ifndef IMEX_OAUTH_CERTIFICATE_H
#define IMEX_OAUTH_CERTIFICATE_H

#include "core/auto.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Keys outside these are refused: weak, or slow enough to be a weapon. */
#define CERTIFICATE_MIN_RSA_BITS 2048
#define CERTIFICATE_MAX_RSA_BITS 8192
#define CERTIFICATE_MAX_DER_BYTES 16384

struct certificate;

/* Errors: certificate.malformed, certificate.weak (not RSA, or too short or long a key). */
struct certificate *certificate_from_der(const void *der, size_t len, GError **error);
/* Plain base64 of the DER form, as metadata documents carry it; no line breaks. */
struct certificate *certificate_from_base64(const char *text, GError **error);
/* First certificate of a PEM file (certificate.unreadable when there is no such file). DER also. */
struct certificate *certificate_from_file(const char *path, GError **error);
/*
 * Subject (owned) and end of the first certificate in a PEM text, whatever its key: for TLS
 * certificates, with which imex itself verifies nothing. certificate.malformed.
 */
bool certificate_pem_end(
        const char *pem, int64_t *not_after_utc_us, char **subject, GError **error);
struct certificate *certificate_copy(const struct certificate *certificate);
void certificate_free(struct certificate *certificate);
AUTO_DEFINE(certificate, certificate_free);

/* base64url without padding of the SHA-1 of the DER form: 27 characters. Selects, never proves. */
const char *certificate_x5t(const struct certificate *certificate);
/* The same SHA-1 in upper-case hex: what Windows calls the thumbprint. */
const char *certificate_thumbprint(const struct certificate *certificate);
/* Lower-case hex SHA-256 of the DER form: what imex pins. */
const char *certificate_sha256(const struct certificate *certificate);
const char *certificate_subject(const struct certificate *certificate); /* RFC 2253 */
GBytes *certificate_der(const struct certificate *certificate); /* borrowed */
char *certificate_base64(const struct certificate *certificate); /* owned */
char *certificate_pem(const struct certificate *certificate); /* owned */
int64_t certificate_not_before_utc_us(const struct certificate *certificate);
int64_t certificate_not_after_utc_us(const struct certificate *certificate);
unsigned certificate_bits(const struct certificate *certificate);
/* DNS names of the subject's common name and the alternative names, lower case; borrowed. */
const char *const *certificate_names(const struct certificate *certificate);
bool certificate_has_name(const struct certificate *certificate, const char *domain);

/*
 * RS256 (RSASSA-PKCS1-v1_5 with SHA-256) over the bytes by the certificate's key. False without an
 * error means: not signed by it.
 */
bool certificate_verify(const struct certificate *certificate, const void *signed_bytes,
        size_t signed_len, const void *signature, size_t signature_len);

#endif
