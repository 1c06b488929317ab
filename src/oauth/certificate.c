#include "oauth/certificate.h"

#include "core/clock.h"
#include "core/digest.h"
#include "core/error.h"
#include "oauth/base64.h"
#include "oauth/certificate_private.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

struct certificate {
	X509 *x509;
	EVP_PKEY *key;
	GBytes *der;
	char *x5t, *thumbprint, *sha256, *subject;
	int64_t not_before_utc_us, not_after_utc_us;
	GPtrArray *names; /* NULL-ended */
};

const char *crypto_complaint(void)
{
	static _Thread_local char text[256];
	unsigned long code = ERR_peek_last_error();
	ERR_clear_error();
	if (code == 0)
		return "no detail is known";
	ERR_error_string_n(code, text, sizeof text);
	return text;
}

void certificate_free(struct certificate *certificate)
{
	X509_free(certificate->x509);
	EVP_PKEY_free(certificate->key);
	if (certificate->der != NULL)
		g_bytes_unref(certificate->der);
	g_free(certificate->x5t);
	g_free(certificate->thumbprint);
	g_free(certificate->sha256);
	g_free(certificate->subject);
	if (certificate->names != NULL)
		g_ptr_array_unref(certificate->names);
	g_free(certificate);
}

static bool time_of(const ASN1_TIME *time, int64_t *utc_us)
{
	struct tm parts = {0};
	if (ASN1_TIME_to_tm(time, &parts) != 1)
		return false;
	*utc_us = (int64_t)timegm(&parts) * CLOCK_US_PER_S;
	return true;
}

static char *subject_of(const X509 *x509)
{
	g_autoptr(BIO) out = BIO_new(BIO_s_mem());
	char *text = NULL;
	if (out == NULL || X509_NAME_print_ex(out, X509_get_subject_name(x509), 0,
	                           XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) < 0)
		return g_strdup("");
	long len = BIO_get_mem_data(out, &text);
	return g_utf8_make_valid(text, len);
}

static void add_name(GPtrArray *names, const ASN1_STRING *value)
{
	const char *text = (const char *)ASN1_STRING_get0_data(value);
	int len = ASN1_STRING_length(value);
	/* A name with a NUL in it is an attempt to be read as two different names. */
	if (len <= 0 || memchr(text, '\0', (size_t)len) != NULL ||
	        !g_utf8_validate(text, len, NULL))
		return;
	g_autofree char *whole = g_strndup(text, (gsize)len);
	g_autofree char *name = g_ascii_strdown(whole, -1);
	for (guint i = 0; i < names->len; i++)
		if (g_str_equal(g_ptr_array_index(names, i), name))
			return;
	g_ptr_array_add(names, g_steal_pointer(&name));
}

static GPtrArray *names_of(const X509 *x509)
{
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
	const X509_NAME *subject = X509_get_subject_name(x509);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	if (at >= 0)
		add_name(names, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
	GENERAL_NAMES *alternatives = X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);
	for (int i = 0; i < sk_GENERAL_NAME_num(alternatives); i++) {
		const GENERAL_NAME *one = sk_GENERAL_NAME_value(alternatives, i);
		if (one->type == GEN_DNS)
			add_name(names, one->d.dNSName);
	}
	GENERAL_NAMES_free(alternatives);
	g_ptr_array_add(names, NULL);
	return names;
}

static void set_digests(struct certificate *certificate)
{
	gsize len = 0;
	const guchar *der = g_bytes_get_data(certificate->der, &len);
	guint8 digest[20];
	gsize digest_len = sizeof digest;
	g_autoptr(GChecksum) sha1 = g_checksum_new(G_CHECKSUM_SHA1);
	g_checksum_update(sha1, der, (gssize)len);
	g_checksum_get_digest(sha1, digest, &digest_len);
	certificate->x5t = base64url_encode(digest, digest_len);
	g_autofree char *lower = g_compute_checksum_for_data(G_CHECKSUM_SHA1, der, len);
	certificate->thumbprint = g_ascii_strup(lower, -1);
	certificate->sha256 = digest_of(der, len);
}

static bool check_key(const EVP_PKEY *key, GError **error)
{
	if (key == NULL || EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA) {
		error_set(error, ERROR_CONFIG, "certificate.weak",
		        "the certificate's key is not an RSA key, which tokens are signed with: "
		        "use a certificate with an RSA key of at least %d bits",
		        CERTIFICATE_MIN_RSA_BITS);
		return false;
	}
	int bits = EVP_PKEY_get_bits(key);
	if (bits < CERTIFICATE_MIN_RSA_BITS || bits > CERTIFICATE_MAX_RSA_BITS) {
		error_set(error, ERROR_CONFIG, "certificate.weak",
		        "the certificate's RSA key has %d bits, outside %d to %d: use another "
		        "certificate",
		        bits, CERTIFICATE_MIN_RSA_BITS, CERTIFICATE_MAX_RSA_BITS);
		return false;
	}
	return true;
}

static void malformed(GError **error, const char *what)
{
	ERR_clear_error();
	error_set(error, ERROR_CONFIG, "certificate.malformed",
	        "this is not a certificate (%s): give an X.509 certificate in PEM or DER form",
	        what);
}

struct certificate *certificate_from_x509(X509 *x509, GError **error)
{
	autoptr(certificate) certificate = g_new0(struct certificate, 1);
	unsigned char *der = NULL;
	int len = i2d_X509(x509, &der);
	if (len <= 0 || len > CERTIFICATE_MAX_DER_BYTES) {
		OPENSSL_free(der);
		malformed(error, "it is empty or larger than 16 KiB");
		return NULL;
	}
	certificate->der = g_bytes_new(der, (gsize)len);
	OPENSSL_free(der);
	X509_up_ref(x509);
	certificate->x509 = x509;
	certificate->key = X509_get_pubkey(x509);
	ERR_clear_error();
	if (!check_key(certificate->key, error))
		return NULL;
	if (!time_of(X509_get0_notBefore(x509), &certificate->not_before_utc_us) ||
	        !time_of(X509_get0_notAfter(x509), &certificate->not_after_utc_us)) {
		malformed(error, "its dates cannot be read");
		return NULL;
	}
	certificate->subject = subject_of(x509);
	certificate->names = names_of(x509);
	set_digests(certificate);
	ERR_clear_error();
	return g_steal_pointer(&certificate);
}

struct certificate *certificate_from_der(const void *der, size_t len, GError **error)
{
	if (len == 0 || len > CERTIFICATE_MAX_DER_BYTES) {
		malformed(error, "it is empty or larger than 16 KiB");
		return NULL;
	}
	const unsigned char *at = der;
	g_autoptr(X509) x509 = d2i_X509(NULL, &at, (long)len);
	if (x509 == NULL || at != (const unsigned char *)der + len) {
		malformed(error, "its encoding is broken");
		return NULL;
	}
	return certificate_from_x509(x509, error);
}

struct certificate *certificate_from_base64(const char *text, GError **error)
{
	g_autoptr(GByteArray) der = base64_decode(text, strlen(text));
	if (der == NULL) {
		malformed(error, "it is not plain base64");
		return NULL;
	}
	return certificate_from_der(der->data, der->len, error);
}

struct certificate *certificate_from_file(const char *path, GError **error)
{
	g_autofree char *bytes = NULL;
	gsize len = 0;
	g_autoptr(GError) cause = NULL;
	if (!g_file_get_contents(path, &bytes, &len, &cause)) {
		error_set(error, ERROR_CONFIG, "certificate.unreadable",
		        "the certificate file %s cannot be read (%s): check its name and rights",
		        path, cause->message);
		return NULL;
	}
	struct certificate *certificate = NULL;
	g_autoptr(X509) x509 = NULL;
	if (len <= CERTIFICATE_MAX_DER_BYTES * 16 && strstr(bytes, "-----BEGIN") != NULL) {
		g_autoptr(BIO) in = BIO_new_mem_buf(bytes, (int)len);
		x509 = PEM_read_bio_X509(in, NULL, NULL, NULL);
		ERR_clear_error();
	}
	if (x509 != NULL)
		certificate = certificate_from_x509(x509, error);
	else
		certificate = certificate_from_der(bytes, len, error);
	if (certificate == NULL)
		g_prefix_error(error, "%s: ", path);
	return certificate;
}

bool certificate_pem_end(const char *pem, int64_t *not_after_utc_us, char **subject, GError **error)
{
	g_autoptr(BIO) in = BIO_new_mem_buf(pem, -1);
	g_autoptr(X509) x509 = PEM_read_bio_X509(in, NULL, NULL, NULL);
	ERR_clear_error();
	if (x509 == NULL || !time_of(X509_get0_notAfter(x509), not_after_utc_us)) {
		malformed(error, "there is none in it that can be read");
		return false;
	}
	*subject = subject_of(x509);
	return true;
}

struct certificate *certificate_copy(const struct certificate *certificate)
{
	struct certificate *copy = certificate_from_x509(certificate->x509, NULL);
	g_assert(copy != NULL);
	return copy;
}

X509 *certificate_x509(const struct certificate *certificate)
{
	return certificate->x509;
}

const char *certificate_x5t(const struct certificate *certificate)
{
	return certificate->x5t;
}

const char *certificate_thumbprint(const struct certificate *certificate)
{
	return certificate->thumbprint;
}

const char *certificate_sha256(const struct certificate *certificate)
{
	return certificate->sha256;
}

const char *certificate_subject(const struct certificate *certificate)
{
	return certificate->subject;
}

GBytes *certificate_der(const struct certificate *certificate)
{
	return certificate->der;
}

char *certificate_base64(const struct certificate *certificate)
{
	gsize len = 0;
	const guchar *der = g_bytes_get_data(certificate->der, &len);
	return g_base64_encode(der, len);
}

char *certificate_pem(const struct certificate *certificate)
{
	g_autoptr(BIO) out = BIO_new(BIO_s_mem());
	char *text = NULL;
	int written = out != NULL ? PEM_write_bio_X509(out, certificate->x509) : 0;
	g_assert(written == 1);
	long len = BIO_get_mem_data(out, &text);
	return g_strndup(text, (gsize)len);
}

int64_t certificate_not_before_utc_us(const struct certificate *certificate)
{
	return certificate->not_before_utc_us;
}

int64_t certificate_not_after_utc_us(const struct certificate *certificate)
{
	return certificate->not_after_utc_us;
}

unsigned certificate_bits(const struct certificate *certificate)
{
	return (unsigned)EVP_PKEY_get_bits(certificate->key);
}

const char *const *certificate_names(const struct certificate *certificate)
{
	return (const char *const *)certificate->names->pdata;
}

bool certificate_has_name(const struct certificate *certificate, const char *domain)
{
	for (const char *const *name = certificate_names(certificate); *name != NULL; name++)
		if (g_ascii_strcasecmp(*name, domain) == 0)
			return true;
	return false;
}

bool certificate_verify(const struct certificate *certificate, const void *signed_bytes,
        size_t signed_len, const void *signature, size_t signature_len)
{
	g_autoptr(EVP_MD_CTX) context = EVP_MD_CTX_new();
	bool good =
	        context != NULL &&
	        EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, certificate->key) == 1 &&
	        EVP_DigestVerify(context, signature, signature_len, signed_bytes, signed_len) == 1;
	ERR_clear_error();
	return good;
}
