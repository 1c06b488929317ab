#include "tls.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define DAY 86400

struct issue {
	const char *common_name;
	const char *host; /* further DNS name, or NULL */
	bool ca, server;
	int days;
	gnutls_x509_crt_t issuer; /* NULL: self-signed */
	gnutls_x509_privkey_t issuer_key;
};

static bool fail(const char *what, int rc)
{
	fprintf(stderr, "devexchange: %s: %s\n", what, gnutls_strerror(rc));
	return false;
}

static gnutls_x509_privkey_t key_new(void)
{
	gnutls_x509_privkey_t key;

	gnutls_x509_privkey_init(&key);
	int rc = gnutls_x509_privkey_generate(key, GNUTLS_PK_RSA, 2048, 0);
	if (rc < 0) {
		fail("cannot make a key", rc);
		gnutls_x509_privkey_deinit(key);
		return NULL;
	}
	return key;
}

static void add_names(gnutls_x509_crt_t crt, const char *host)
{
	static const unsigned char v4[4] = {127, 0, 0, 1};
	static const unsigned char v6[16] = {[15] = 1};

	gnutls_x509_crt_set_subject_alt_name(
	        crt, GNUTLS_SAN_DNSNAME, "localhost", 9, GNUTLS_FSAN_APPEND);
	gnutls_x509_crt_set_subject_alt_name(
	        crt, GNUTLS_SAN_IPADDRESS, v4, sizeof v4, GNUTLS_FSAN_APPEND);
	gnutls_x509_crt_set_subject_alt_name(
	        crt, GNUTLS_SAN_IPADDRESS, v6, sizeof v6, GNUTLS_FSAN_APPEND);
	if (host != NULL)
		gnutls_x509_crt_set_subject_alt_name(
		        crt, GNUTLS_SAN_DNSNAME, host, (unsigned)strlen(host), GNUTLS_FSAN_APPEND);
}

static gnutls_x509_crt_t issue(gnutls_x509_privkey_t key, const struct issue *i)
{
	gnutls_x509_crt_t crt;
	unsigned char serial[16];

	gnutls_x509_crt_init(&crt);
	gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof serial);
	serial[0] = (unsigned char)((serial[0] & 0x7f) | 1);
	gnutls_x509_crt_set_version(crt, 3);
	gnutls_x509_crt_set_serial(crt, serial, sizeof serial);
	gnutls_x509_crt_set_activation_time(crt, time(NULL) - DAY);
	gnutls_x509_crt_set_expiration_time(crt, time(NULL) + (time_t)i->days * DAY);
	gnutls_x509_crt_set_key(crt, key);
	gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, i->common_name,
	        (unsigned)strlen(i->common_name));
	gnutls_x509_crt_set_basic_constraints(crt, i->ca, -1);
	gnutls_x509_crt_set_key_usage(
	        crt, i->ca ? GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN
	                   : GNUTLS_KEY_DIGITAL_SIGNATURE | GNUTLS_KEY_KEY_ENCIPHERMENT);
	if (i->server) {
		gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_SERVER, 0);
		add_names(crt, i->host);
	}
	unsigned char id[20];
	size_t size = sizeof id;
	if (gnutls_x509_crt_get_key_id(crt, 0, id, &size) == 0)
		gnutls_x509_crt_set_subject_key_id(crt, id, size);
	int rc = gnutls_x509_crt_sign2(crt, i->issuer != NULL ? i->issuer : crt,
	        i->issuer_key != NULL ? i->issuer_key : key, GNUTLS_DIG_SHA256, 0);
	if (rc < 0) {
		fail("cannot sign a certificate", rc);
		gnutls_x509_crt_deinit(crt);
		return NULL;
	}
	return crt;
}

static char *crt_pem(gnutls_x509_crt_t crt)
{
	gnutls_datum_t out;

	gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &out);
	char *text = g_strndup((char *)out.data, out.size);
	gnutls_free(out.data);
	return text;
}

static char *key_pem(gnutls_x509_privkey_t key)
{
	gnutls_datum_t out;

	gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL, 0, &out);
	char *text = g_strndup((char *)out.data, out.size);
	gnutls_free(out.data);
	return text;
}

bool tls_save(const char *dir, const char *name, const char *text, bool secret)
{
	char *path = g_build_filename(dir, name, NULL);
	GError *error = NULL;
	bool ok = g_file_set_contents_full(
	        path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, secret ? 0600 : 0644, &error);

	if (!ok) {
		fprintf(stderr, "devexchange: %s\n", error->message);
		g_error_free(error);
	}
	g_free(path);
	return ok;
}

char *tls_load(const char *dir, const char *name)
{
	char *path = g_build_filename(dir, name, NULL), *text = NULL;

	g_file_get_contents(path, &text, NULL, NULL);
	g_free(path);
	return text;
}

static bool make_server(struct tls *tls, const char *dir, const char *host)
{
	gnutls_x509_privkey_t ca_key = key_new(), key = key_new();
	gnutls_x509_crt_t ca = NULL, crt = NULL;

	if (ca_key != NULL && key != NULL)
		ca = issue(ca_key, &(struct issue){.common_name = "devexchange throw-away CA",
		                           .ca = true,
		                           .days = 30});
	if (ca != NULL)
		crt = issue(key, &(struct issue){.common_name = host != NULL ? host : "localhost",
		                         .host = host,
		                         .server = true,
		                         .days = 30,
		                         .issuer = ca,
		                         .issuer_key = ca_key});
	bool ok = crt != NULL;
	if (ok) {
		tls->ca_pem = crt_pem(ca);
		tls->cert_pem = crt_pem(crt);
		tls->key_pem = key_pem(key);
		ok = tls_save(dir, "ca.pem", tls->ca_pem, false) &&
		     tls_save(dir, "server.pem", tls->cert_pem, false) &&
		     tls_save(dir, "server.key", tls->key_pem, true);
	}
	if (ca != NULL)
		gnutls_x509_crt_deinit(ca);
	if (crt != NULL)
		gnutls_x509_crt_deinit(crt);
	if (ca_key != NULL)
		gnutls_x509_privkey_deinit(ca_key);
	if (key != NULL)
		gnutls_x509_privkey_deinit(key);
	return ok;
}

char *base64url(const unsigned char *bytes, size_t length)
{
	char *text = g_base64_encode(bytes, length);

	g_strdelimit(text, "=", '\0');
	g_strdelimit(text, "+", '-');
	return g_strdelimit(text, "/", '_');
}

char *x5t_of_der(const unsigned char *der, size_t length)
{
	unsigned char digest[20];

	gnutls_hash_fast(GNUTLS_DIG_SHA1, der, length, digest);
	return base64url(digest, sizeof digest);
}

bool tls_make_self_signed(
        const char *common_name, int days, char **certificate_pem, char **private_key_pem)
{
	gnutls_x509_privkey_t key = key_new();
	gnutls_x509_crt_t crt = NULL;

	if (key == NULL)
		return false;
	crt = issue(key, &(struct issue){.common_name = common_name, .days = days});
	if (crt != NULL) {
		*certificate_pem = crt_pem(crt);
		*private_key_pem = key_pem(key);
		gnutls_x509_crt_deinit(crt);
	}
	gnutls_x509_privkey_deinit(key);
	return crt != NULL;
}

static bool load_given(struct tls *tls, const char *cert_file, const char *key_file)
{
	GError *error = NULL;

	if (!g_file_get_contents(cert_file, &tls->cert_pem, NULL, &error) ||
	        !g_file_get_contents(key_file, &tls->key_pem, NULL, &error)) {
		fprintf(stderr, "devexchange: %s\n", error->message);
		g_error_free(error);
		return false;
	}
	return true;
}

bool tls_prepare(struct tls *tls, const char *dir, const char *host, const char *cert_file,
        const char *key_file)
{
	if (g_mkdir_with_parents(dir, 0700) != 0) {
		fprintf(stderr, "devexchange: cannot make %s: %s\n", dir, g_strerror(errno));
		return false;
	}
	if (cert_file != NULL) {
		if (!load_given(tls, cert_file, key_file))
			return false;
	} else {
		tls->ca_path = g_build_filename(dir, "ca.pem", NULL);
		tls->ca_pem = tls_load(dir, "ca.pem");
		tls->cert_pem = tls_load(dir, "server.pem");
		tls->key_pem = tls_load(dir, "server.key");
		if ((tls->ca_pem == NULL || tls->cert_pem == NULL || tls->key_pem == NULL) &&
		        !make_server(tls, dir, host))
			return false;
	}
	return true;
}

void tls_free(struct tls *tls)
{
	g_free(tls->cert_pem);
	g_free(tls->key_pem);
	g_free(tls->ca_pem);
	g_free(tls->ca_path);
	g_free(tls);
}
