#include "core/clock.h"
#include "core/error.h"
#include "oauth/keypair_private.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_BITS 2048
#define DEFAULT_DAYS (5 * 365)
#define MAX_KEY_FILE_BYTES (256 * 1024)

G_DEFINE_AUTOPTR_CLEANUP_FUNC(PKCS12, PKCS12_free)

void key_pair_free(struct key_pair *pair)
{
	if (pair->certificate != NULL)
		certificate_free(pair->certificate);
	EVP_PKEY_free(pair->key);
	g_free(pair);
}

const struct certificate *key_pair_certificate(const struct key_pair *pair)
{
	return pair->certificate;
}

struct key_pair *key_pair_join(X509 *x509, EVP_PKEY *key, const char *where, GError **error)
{
	g_autoptr(EVP_PKEY) public_key = X509_get_pubkey(x509);
	bool same = public_key != NULL && EVP_PKEY_eq(public_key, key) == 1;
	ERR_clear_error();
	if (!same) {
		error_set(error, ERROR_CONFIG, "keyring.mismatch",
		        "the key and the certificate in %s do not belong together: give the key "
		        "that the certificate was made for",
		        where);
		return NULL;
	}
	struct certificate *certificate = certificate_from_x509(x509, error);
	if (certificate == NULL)
		return NULL;
	struct key_pair *pair = g_new0(struct key_pair, 1);
	pair->certificate = certificate;
	EVP_PKEY_up_ref(key);
	pair->key = key;
	return pair;
}

struct key_pair *key_pair_copy(const struct key_pair *pair)
{
	struct key_pair *copy = g_new0(struct key_pair, 1);
	copy->certificate = certificate_copy(pair->certificate);
	EVP_PKEY_up_ref(pair->key);
	copy->key = pair->key;
	return copy;
}

static bool add_extension(X509 *x509, int nid, const char *value)
{
	g_autoptr(X509_EXTENSION) extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	return extension != NULL && X509_add_ext(x509, extension, -1) == 1;
}

static bool add_alternative_names(X509 *x509, const struct key_request *request)
{
	GENERAL_NAMES *list = GENERAL_NAMES_new();
	const char *const *names = request->names;
	bool good = list != NULL;
	for (unsigned i = 0; good && (i == 0 || (names != NULL && names[i - 1] != NULL)); i++) {
		const char *text = i == 0 ? request->common_name : names[i - 1];
		if (i > 0 && g_ascii_strcasecmp(text, request->common_name) == 0)
			continue;
		GENERAL_NAME *name = GENERAL_NAME_new();
		ASN1_IA5STRING *value = ASN1_IA5STRING_new();
		good = name != NULL && value != NULL && ASN1_STRING_set(value, text, -1) == 1;
		if (good) {
			GENERAL_NAME_set0_value(name, GEN_DNS, value);
			good = sk_GENERAL_NAME_push(list, name) > 0;
		} else {
			ASN1_IA5STRING_free(value);
		}
		if (!good)
			GENERAL_NAME_free(name);
	}
	good = good && X509_add1_ext_i2d(x509, NID_subject_alt_name, list, 0, 0) == 1;
	GENERAL_NAMES_free(list);
	return good;
}

static bool set_serial(X509 *x509)
{
	unsigned char bytes[16];
	if (RAND_bytes(bytes, sizeof bytes) != 1)
		return false;
	bytes[0] = (unsigned char)((bytes[0] & 0x7f) | 0x40);
	BIGNUM *number = BN_bin2bn(bytes, sizeof bytes, NULL);
	bool good =
	        number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509)) != NULL;
	BN_free(number);
	return good;
}

static bool set_dates(X509 *x509, int64_t days)
{
	/* An hour back, because the clocks of those who fetch it need not agree with ours. */
	time_t now = (time_t)(clock_utc_us() / CLOCK_US_PER_S);
	time_t begin = now - 3600;
	return X509_time_adj_ex(X509_getm_notBefore(x509), 0, 0, &begin) != NULL &&
	       X509_time_adj_ex(X509_getm_notAfter(x509), (int)days, 0, &now) != NULL;
}

static bool fill(X509 *x509, EVP_PKEY *key, const struct key_request *request)
{
	X509_NAME *subject = X509_get_subject_name(x509);
	return X509_set_version(x509, X509_VERSION_3) == 1 && set_serial(x509) &&
	       set_dates(x509, request->days != 0 ? request->days : DEFAULT_DAYS) &&
	       X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
	               (const unsigned char *)request->common_name, -1, -1, 0) == 1 &&
	       X509_set_issuer_name(x509, subject) == 1 && X509_set_pubkey(x509, key) == 1 &&
	       add_extension(x509, NID_basic_constraints, "critical,CA:FALSE") &&
	       add_extension(x509, NID_key_usage, "critical,digitalSignature") &&
	       add_alternative_names(x509, request) && X509_sign(x509, key, EVP_sha256()) > 0;
}

struct key_pair *key_pair_create(const struct key_request *request, GError **error)
{
	unsigned bits = request->bits != 0 ? request->bits : DEFAULT_BITS;
	if (bits < CERTIFICATE_MIN_RSA_BITS || bits > CERTIFICATE_MAX_RSA_BITS) {
		error_set(error, ERROR_CONFIG, "certificate.weak",
		        "a key of %u bits is outside %d to %d: choose 2048, 3072 or 4096", bits,
		        CERTIFICATE_MIN_RSA_BITS, CERTIFICATE_MAX_RSA_BITS);
		return NULL;
	}
	g_autoptr(EVP_PKEY) key = EVP_RSA_gen((size_t)bits);
	g_autoptr(X509) x509 = X509_new();
	if (key == NULL || x509 == NULL || !fill(x509, key, request)) {
		error_set(error, ERROR_CONFIG, "keyring.create",
		        "no certificate for %s could be made (%s): check that the names are plain "
		        "domains of at most 64 characters",
		        request->common_name, crypto_complaint());
		return NULL;
	}
	return key_pair_join(x509, key, "the new certificate", error);
}

/* No pass phrase is ever asked for: a daemon has nobody to answer. */
static int no_pass_phrase(char *buffer, int size, int writing, void *data)
{
	(void)buffer, (void)size, (void)writing, (void)data;
	return 0;
}

static bool check_mode(int fd, const char *path, GError **error)
{
	struct stat info;
	if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size > MAX_KEY_FILE_BYTES) {
		error_set(error, ERROR_CONFIG, "keyring.unreadable",
		        "the key file %s is not a plain file of sensible size: give a PEM file",
		        path);
		return false;
	}
	if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
		error_set(error, ERROR_CONFIG, "keyring.exposed",
		        "the private key %s can be read by others (mode %04o): type chmod 600 %s, "
		        "and make a new key if somebody may have copied it",
		        path, (unsigned)info.st_mode & 07777, path);
		return false;
	}
	return true;
}

EVP_PKEY *key_pair_read_key(const char *path, GError **error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		error_set(error, ERROR_CONFIG, "keyring.unreadable",
		        "the key file %s cannot be read (%s): check its name and owner", path,
		        g_strerror(errno));
		return NULL;
	}
	if (!check_mode(fd, path, error)) {
		close(fd);
		return NULL;
	}
	g_autoptr(BIO) in = BIO_new_fd(fd, BIO_CLOSE);
	EVP_PKEY *key = in != NULL ? PEM_read_bio_PrivateKey(in, NULL, no_pass_phrase, NULL) : NULL;
	ERR_clear_error();
	if (key == NULL)
		error_set(error, ERROR_CONFIG, "keyring.damaged",
		        "there is no unencrypted PEM key in %s: restore it from a backup, or give "
		        "the right file",
		        path);
	return key;
}

struct key_pair *key_pair_from_pem(
        const char *certificate_path, const char *key_path, GError **error)
{
	autoptr(certificate) certificate = certificate_from_file(certificate_path, error);
	if (certificate == NULL)
		return NULL;
	const char *path = key_path != NULL ? key_path : certificate_path;
	g_autoptr(EVP_PKEY) key = key_pair_read_key(path, error);
	return key != NULL ? key_pair_join(certificate_x509(certificate), key, path, error) : NULL;
}

static PKCS12 *read_pkcs12(const char *path, GError **error)
{
	g_autoptr(BIO) in = BIO_new_file(path, "rb");
	PKCS12 *bundle = in != NULL ? d2i_PKCS12_bio(in, NULL) : NULL;
	ERR_clear_error();
	if (bundle == NULL)
		error_set(error, ERROR_CONFIG,
		        in == NULL ? "keyring.unreadable" : "keyring.damaged",
		        in == NULL ? "the file %s cannot be read: check its name and rights"
		                   : "%s is not a PKCS#12 file: give a .p12 or .pfx file",
		        path);
	return bundle;
}

/*
 * Opens it. What Windows exported until a few years ago is encrypted by RC2, which OpenSSL 3 has in
 * a provider of its own.
 */
static bool open_pkcs12(PKCS12 *bundle, const char *path, const char *password, EVP_PKEY **key,
        X509 **x509, GError **error)
{
	bool opened = PKCS12_parse(bundle, password, key, x509, NULL) == 1;
	bool right = opened || PKCS12_verify_mac(bundle, password, -1) == 1;
	if (!opened && right) {
		OSSL_PROVIDER *legacy = OSSL_PROVIDER_try_load(NULL, "legacy", 1);
		opened = legacy != NULL && PKCS12_parse(bundle, password, key, x509, NULL) == 1;
		if (legacy != NULL)
			OSSL_PROVIDER_unload(legacy);
	}
	ERR_clear_error();
	if (!opened && right)
		error_set(error, ERROR_CONFIG, "keyring.encryption",
		        "the password opens %s, but its encryption is not known here: export it "
		        "again with AES",
		        path);
	else if (!opened)
		error_set(error, ERROR_CONFIG, "keyring.password",
		        "the password does not open %s: check the password file", path);
	return opened;
}

struct key_pair *key_pair_from_pkcs12(const char *path, const char *password, GError **error)
{
	g_autoptr(PKCS12) bundle = read_pkcs12(path, error);
	if (bundle == NULL)
		return NULL;
	EVP_PKEY *key = NULL;
	X509 *x509 = NULL;
	struct key_pair *pair = NULL;
	if (!open_pkcs12(bundle, path, password, &key, &x509, error))
		return NULL;
	if (key == NULL || x509 == NULL)
		error_set(error, ERROR_CONFIG, "keyring.damaged",
		        "%s does not hold both a key and its certificate: export it again with "
		        "its private key",
		        path);
	else
		pair = key_pair_join(x509, key, path, error);
	EVP_PKEY_free(key);
	X509_free(x509);
	return pair;
}

BIO *key_pair_key_pem(const struct key_pair *pair, GError **error)
{
	/* Secure memory is wiped when it is freed. */
	g_autoptr(BIO) out = BIO_new(BIO_s_secmem());
	if (out == NULL ||
	        PEM_write_bio_PKCS8PrivateKey(out, pair->key, NULL, NULL, 0, NULL, NULL) != 1) {
		error_set(error, ERROR_CONFIG, "keyring.create", "the key cannot be written (%s)",
		        crypto_complaint());
		return NULL;
	}
	return g_steal_pointer(&out);
}

bool key_pair_write_pkcs12(
        const struct key_pair *pair, const char *path, const char *password, GError **error)
{
	g_autoptr(PKCS12) bundle = PKCS12_create(password, "imex token issuer", pair->key,
	        certificate_x509(pair->certificate), NULL, 0, 0, 0, 0, 0);
	int fd = bundle != NULL ? open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600) : -1;
	int cause = errno;
	g_autoptr(BIO) out = fd >= 0 ? BIO_new_fd(fd, BIO_CLOSE) : NULL;
	if (out != NULL && i2d_PKCS12_bio(out, bundle) == 1 && fsync(fd) == 0)
		return true;
	error_set(error, ERROR_CONFIG, "keyring.export",
	        "%s cannot be written (%s): name a new file in a folder that you may write", path,
	        bundle != NULL ? g_strerror(cause) : crypto_complaint());
	if (fd >= 0)
		unlink(path);
	return false;
}
