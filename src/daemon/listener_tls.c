#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"
#include "core/thread.h"
#include "daemon/listener_private.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_CHAIN 8
#define LOOK_US CLOCK_US_PER_S

/* A certificate with its chain and key, in the library's form. */
struct identity {
	gnutls_pcert_st chain[MAX_CHAIN];
	unsigned chain_len;
	gnutls_privkey_t key;
};

/* Where the identity in use comes from, and what its files looked like then. */
struct files {
	char *certificate, *key; /* paths */
	struct stat certificate_seen, key_seen;
};

static struct mutex mutex = MUTEX_INIT;
/*
 * The last one is in use. Handshakes under way may still read the others, so they are kept until
 * the last listener stops; they are few, one per change of the files.
 */
static GPtrArray *identities;
static struct files files;
static unsigned listeners;
static int64_t looked_mono_us;

static void identity_free(gpointer data)
{
	struct identity *identity = data;
	for (unsigned i = 0; i < identity->chain_len; i++)
		gnutls_pcert_deinit(&identity->chain[i]);
	if (identity->key != NULL)
		gnutls_privkey_deinit(identity->key);
	g_free(identity);
}

static void set_error(GError **error, const char *path, const char *why)
{
	error_set(error, ERROR_CONFIG, "listener.tls",
	        "the listener's TLS file %s cannot be used (%s): give PEM files in "
	        "listen.tls_certificate and listen.tls_key",
	        path != NULL ? path : "(not set)", why);
}

static bool read_file(const char *path, gnutls_datum_t *out, struct stat *seen, GError **error)
{
	g_autoptr(GError) cause = NULL;
	char *bytes = NULL;
	gsize len = 0;
	if (path == NULL || stat(path, seen) != 0) {
		set_error(error, path, path != NULL ? g_strerror(errno) : "it is not configured");
		return false;
	}
	if (!g_file_get_contents(path, &bytes, &len, &cause)) {
		set_error(error, path, cause->message);
		return false;
	}
	*out = (gnutls_datum_t){.data = (unsigned char *)bytes, .size = (unsigned)len};
	return true;
}

static bool read_key(struct identity *identity, struct files *from, GError **error)
{
	gnutls_datum_t pem = {0};
	if (!read_file(from->key, &pem, &from->key_seen, error))
		return false;
	bool exposed = (from->key_seen.st_mode & (S_IRWXG | S_IRWXO)) != 0;
	int result = gnutls_privkey_init(&identity->key);
	if (result == 0 && !exposed)
		result = gnutls_privkey_import_x509_raw(
		        identity->key, &pem, GNUTLS_X509_FMT_PEM, NULL, 0);
	gnutls_memset(pem.data, 0, pem.size);
	g_free(pem.data);
	if (exposed)
		set_error(error, from->key, "others can read the key; type chmod 600");
	else if (result != 0)
		set_error(error, from->key, gnutls_strerror(result));
	return !exposed && result == 0;
}

static bool read_chain(struct identity *identity, struct files *from, GError **error)
{
	gnutls_datum_t pem = {0};
	if (!read_file(from->certificate, &pem, &from->certificate_seen, error))
		return false;
	unsigned len = MAX_CHAIN;
	int result = gnutls_pcert_list_import_x509_raw(
	        identity->chain, &len, &pem, GNUTLS_X509_FMT_PEM, 0);
	g_free(pem.data);
	if (result < 0 || len == 0) {
		set_error(error, from->certificate,
		        result < 0 ? gnutls_strerror(result) : "there is no certificate in it");
		return false;
	}
	identity->chain_len = len;
	return true;
}

/* Whether the key is the certificate's: both have the same public key id. */
static bool belong_together(
        const struct identity *identity, const struct files *from, GError **error)
{
	unsigned char of_key[64], of_certificate[64];
	size_t key_len = sizeof of_key, certificate_len = sizeof of_certificate;
	gnutls_pubkey_t public_key = NULL;
	int result = gnutls_pubkey_init(&public_key);
	if (result == 0)
		result = gnutls_pubkey_import_privkey(public_key, identity->key, 0, 0);
	if (result == 0)
		result = gnutls_pubkey_get_key_id(
		        public_key, GNUTLS_KEYID_USE_SHA256, of_key, &key_len);
	if (result == 0)
		result = gnutls_pubkey_get_key_id(identity->chain[0].pubkey,
		        GNUTLS_KEYID_USE_SHA256, of_certificate, &certificate_len);
	if (public_key != NULL)
		gnutls_pubkey_deinit(public_key);
	if (result == 0 && key_len == certificate_len &&
	        memcmp(of_key, of_certificate, key_len) == 0)
		return true;
	set_error(error, from->key, "it is not the key of the certificate");
	return false;
}

static struct identity *identity_read(struct files *from, GError **error)
{
	struct identity *identity = g_new0(struct identity, 1);
	if (read_chain(identity, from, error) && read_key(identity, from, error) &&
	        belong_together(identity, from, error))
		return identity;
	identity_free(identity);
	return NULL;
}

static bool has_changed(const char *path, const struct stat *seen)
{
	struct stat now;
	return stat(path, &now) == 0 &&
	       (now.st_ino != seen->st_ino || now.st_size != seen->st_size ||
	               now.st_mtim.tv_sec != seen->st_mtim.tv_sec ||
	               now.st_mtim.tv_nsec != seen->st_mtim.tv_nsec);
}

static void follow(void)
{
	int64_t now = clock_mono_us();
	if (now - looked_mono_us < LOOK_US)
		return;
	looked_mono_us = now;
	if (!has_changed(files.certificate, &files.certificate_seen) &&
	        !has_changed(files.key, &files.key_seen))
		return;
	g_autoptr(GError) cause = NULL;
	struct identity *identity = identity_read(&files, &cause);
	if (identity == NULL) {
		log_error(
		        "listener.certificate", "%s; the one before stays in use", cause->message);
		return;
	}
	g_ptr_array_add(identities, identity);
	log_info("listener.certificate", "the listener's certificate was read anew");
}

static void files_clear(struct files *from)
{
	g_free(from->certificate);
	g_free(from->key);
	*from = (struct files){0};
}

static struct files files_of(const struct config *config)
{
	return (struct files){
	        .certificate = g_strdup(config_string(config, "listen", NULL, "tls_certificate")),
	        .key = g_strdup(config_string(config, "listen", NULL, "tls_key"))};
}

bool listener_tls_check(const struct config *config, GError **error)
{
	struct files from = files_of(config);
	struct identity *identity = identity_read(&from, error);
	bool good = identity != NULL;
	g_clear_pointer(&identity, identity_free);
	files_clear(&from);
	return good;
}

bool listener_tls_change(const struct config *config, GError **error)
{
	struct files from = files_of(config);
	struct identity *identity = identity_read(&from, error);
	if (identity == NULL) {
		files_clear(&from);
		return false;
	}
	mutex_lock(&mutex);
	files_clear(&files);
	files = from;
	if (identities == NULL)
		identities = g_ptr_array_new_with_free_func(identity_free);
	g_ptr_array_add(identities, identity);
	mutex_unlock(&mutex);
	return true;
}

bool listener_tls_open(const struct config *config, GError **error)
{
	if (!listener_tls_change(config, error))
		return false;
	mutex_lock(&mutex);
	listeners++;
	mutex_unlock(&mutex);
	return true;
}

void listener_tls_close(void)
{
	mutex_lock(&mutex);
	if (--listeners == 0) {
		g_clear_pointer(&identities, g_ptr_array_unref);
		files_clear(&files);
	}
	mutex_unlock(&mutex);
}

int listener_tls_retrieve(gnutls_session_t session, const gnutls_datum_t *authorities,
        int n_authorities, const gnutls_pk_algorithm_t *algorithms, int n_algorithms,
        gnutls_pcert_st **chain, unsigned *chain_len, gnutls_privkey_t *key)
{
	(void)session, (void)authorities, (void)n_authorities, (void)algorithms, (void)n_algorithms;
	mutex_lock(&mutex);
	follow();
	struct identity *identity = g_ptr_array_index(identities, identities->len - 1);
	*chain = identity->chain;
	*chain_len = identity->chain_len;
	*key = identity->key;
	mutex_unlock(&mutex);
	return 0;
}
