#include "core/error.h"
#include "core/log.h"
#include "daemon/listener_private.h"

#include <gnutls/x509.h>
#include <string.h>
#include <time.h>

#define MAX_CERTIFICATES 16
#define DIGEST_BYTES 32

/* One [sender NAME]: who may post, and how it is known. */
struct sender {
	char *name;
	char *partner; /* or NULL */
	unsigned char digests[MAX_CERTIFICATES][DIGEST_BYTES]; /* SHA-256 of the certificates */
	unsigned certificates;
};

struct listener_senders {
	GPtrArray *list; /* struct sender */
	bool certificates; /* any sender has some */
};

static void sender_free(gpointer data)
{
	struct sender *sender = data;
	g_free(sender->name);
	g_free(sender->partner);
	g_free(sender);
}

void listener_senders_free(struct listener_senders *senders)
{
	g_ptr_array_unref(senders->list);
	g_free(senders);
}

bool listener_senders_ask(const struct listener_senders *senders)
{
	return senders->certificates;
}

static bool unusable(const char *name, const char *path, const char *why, GError **error)
{
	error_set(error, ERROR_CONFIG, "listener.sender",
	        "the certificates %s of [sender %s] cannot be used (%s): give a PEM file", path,
	        name, why);
	return false;
}

static bool take_certificate(struct sender *sender, gnutls_x509_crt_t certificate)
{
	size_t len = DIGEST_BYTES;
	return gnutls_x509_crt_get_fingerprint(certificate, GNUTLS_DIG_SHA256,
	               sender->digests[sender->certificates++], &len) == 0;
}

static bool read_certificates(struct sender *sender, const char *path, GError **error)
{
	g_autofree char *pem = NULL;
	gsize len = 0;
	g_autoptr(GError) cause = NULL;
	gnutls_x509_crt_t list[MAX_CERTIFICATES];
	unsigned n = MAX_CERTIFICATES;
	if (!g_file_get_contents(path, &pem, &len, &cause))
		return unusable(sender->name, path, cause->message, error);
	const gnutls_datum_t datum = {(unsigned char *)pem, (unsigned)len};
	int result = gnutls_x509_crt_list_import(
	        list, &n, &datum, GNUTLS_X509_FMT_PEM, GNUTLS_X509_CRT_LIST_IMPORT_FAIL_IF_EXCEED);
	if (result < 0)
		return unusable(sender->name, path, gnutls_strerror(result), error);
	bool good = n > 0;
	for (unsigned i = 0; i < n; i++) {
		good = good && take_certificate(sender, list[i]);
		gnutls_x509_crt_deinit(list[i]);
	}
	return good || unusable(sender->name, path, "there is no certificate in it", error);
}

static bool add_sender(struct listener_senders *senders, const struct config *config,
        const char *name, GError **error)
{
	const char *path = config_string(config, "sender", name, "certificate");
	struct sender *sender = g_new0(struct sender, 1);
	g_ptr_array_add(senders->list, sender);
	sender->name = g_strdup(name);
	sender->partner = g_strdup(config_string(config, "sender", name, "partner"));
	if (path == NULL && sender->partner == NULL) {
		error_set(error, ERROR_CONFIG, "listener.sender",
		        "[sender %s] has neither certificate nor partner, so nobody could be "
		        "known as it: give one",
		        name);
		return false;
	}
	senders->certificates = senders->certificates || path != NULL;
	return path == NULL || read_certificates(sender, path, error);
}

struct listener_senders *listener_senders_new(const struct config *config, GError **error)
{
	autoptr(listener_senders) senders = g_new0(struct listener_senders, 1);
	senders->list = g_ptr_array_new_with_free_func(sender_free);
	for (const char *const *name = config_names(config, "sender"); *name != NULL; name++)
		if (!add_sender(senders, config, *name, error))
			return NULL;
	return g_steal_pointer(&senders);
}

const char *listener_senders_by_partner(const struct listener_senders *senders, const char *partner)
{
	for (guint i = 0; i < senders->list->len; i++) {
		const struct sender *sender = senders->list->pdata[i];
		if (g_strcmp0(sender->partner, partner) == 0)
			return sender->name;
	}
	return NULL;
}

static bool has_digest(const struct sender *sender, const unsigned char *digest)
{
	for (unsigned i = 0; i < sender->certificates; i++)
		if (memcmp(sender->digests[i], digest, DIGEST_BYTES) == 0)
			return true;
	return false;
}

static const char *by_digest(const struct listener_senders *senders, const unsigned char *digest)
{
	for (guint i = 0; i < senders->list->len; i++) {
		const struct sender *sender = senders->list->pdata[i];
		if (has_digest(sender, digest))
			return sender->name;
	}
	return NULL;
}

/* The certificate itself is what is known; who signed it says nothing more. */
static bool is_current(gnutls_x509_crt_t certificate)
{
	time_t now = time(NULL);
	return gnutls_x509_crt_get_activation_time(certificate) <= now &&
	       gnutls_x509_crt_get_expiration_time(certificate) > now;
}

const char *listener_senders_by_certificate(
        const struct listener_senders *senders, gnutls_session_t session)
{
	unsigned n = 0;
	const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &n);
	gnutls_x509_crt_t certificate;
	unsigned char digest[DIGEST_BYTES];
	size_t len = sizeof digest;
	if (chain == NULL || n == 0 || gnutls_x509_crt_init(&certificate) != 0)
		return NULL;
	const char *name = NULL;
	if (gnutls_x509_crt_import(certificate, &chain[0], GNUTLS_X509_FMT_DER) == 0 &&
	        gnutls_x509_crt_get_fingerprint(certificate, GNUTLS_DIG_SHA256, digest, &len) == 0)
		name = by_digest(senders, digest);
	if (name != NULL && !is_current(certificate)) {
		log_warn("ingest.certificate",
		        "sender %s shows a certificate that is not valid now: renew it and put it "
		        "into the file of [sender %s]",
		        name, name);
		name = NULL;
	}
	gnutls_x509_crt_deinit(certificate);
	return name;
}
