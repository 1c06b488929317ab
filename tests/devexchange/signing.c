#include "signing.h"

#include "tls.h"

#include <glib/gstdio.h>
#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMMON_NAME "Microsoft Exchange Server Auth Certificate"
#define DAYS 1825

enum slot { CURRENT, NEXT, PREVIOUS, SLOTS };

static const struct {
	const char *name, *certificate_file, *key_file;
} slots[SLOTS] = {
        {"current", "signing.pem", "signing.key"},
        {"next", "signing-next.pem", "signing-next.key"},
        {"previous", "signing-previous.pem", "signing-previous.key"},
};

struct signer {
	char *certificate_pem, *key_pem;
	char *der_base64, *x5t;
	gnutls_privkey_t key;
};

struct signing {
	pthread_mutex_t lock;
	char *dir;
	struct signer *signers[SLOTS]; /* NULL: none */
};

static void signer_free(struct signer *s)
{
	g_free(s->certificate_pem);
	g_free(s->key_pem);
	g_free(s->der_base64);
	g_free(s->x5t);
	if (s->key != NULL)
		gnutls_privkey_deinit(s->key);
	g_free(s);
}

static gnutls_datum_t datum(char *text)
{
	return (gnutls_datum_t){(unsigned char *)text, (unsigned)strlen(text)};
}

static int read_certificate(struct signer *s)
{
	gnutls_datum_t pem = datum(s->certificate_pem), der;
	gnutls_x509_crt_t crt;

	gnutls_x509_crt_init(&crt);
	int rc = gnutls_x509_crt_import(crt, &pem, GNUTLS_X509_FMT_PEM);
	if (rc == 0)
		rc = gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, &der);
	gnutls_x509_crt_deinit(crt);
	if (rc < 0)
		return rc;
	s->der_base64 = g_base64_encode(der.data, der.size);
	s->x5t = x5t_of_der(der.data, der.size);
	gnutls_free(der.data);
	return 0;
}

/* Takes both texts. */
static struct signer *signer_new(char *certificate_pem, char *key_pem)
{
	struct signer *s = g_new0(struct signer, 1);
	gnutls_datum_t pem = datum(key_pem);

	s->certificate_pem = certificate_pem;
	s->key_pem = key_pem;
	int rc = read_certificate(s);
	if (rc == 0)
		rc = gnutls_privkey_init(&s->key);
	if (rc == 0)
		rc = gnutls_privkey_import_x509_raw(s->key, &pem, GNUTLS_X509_FMT_PEM, NULL, 0);
	if (rc == 0)
		return s;
	fprintf(stderr, "devexchange: a signing certificate cannot be read: %s\n",
	        gnutls_strerror(rc));
	signer_free(s);
	return NULL;
}

static struct signer *signer_make(void)
{
	char *certificate_pem, *key_pem;

	if (!tls_make_self_signed(COMMON_NAME, DAYS, &certificate_pem, &key_pem))
		return NULL;
	return signer_new(certificate_pem, key_pem);
}

static bool load_slot(struct signing *signing, enum slot slot)
{
	char *certificate_pem = tls_load(signing->dir, slots[slot].certificate_file);
	char *key_pem = tls_load(signing->dir, slots[slot].key_file);

	if (certificate_pem == NULL || key_pem == NULL) {
		g_free(certificate_pem);
		g_free(key_pem);
		return true;
	}
	signing->signers[slot] = signer_new(certificate_pem, key_pem);
	return signing->signers[slot] != NULL;
}

static void remove_file(const char *dir, const char *name)
{
	char *path = g_build_filename(dir, name, NULL);

	g_unlink(path);
	g_free(path);
}

static bool save_slot(const struct signing *signing, enum slot slot)
{
	const struct signer *s = signing->signers[slot];

	if (s != NULL)
		return tls_save(signing->dir, slots[slot].key_file, s->key_pem, true) &&
		       tls_save(signing->dir, slots[slot].certificate_file, s->certificate_pem,
		               false);
	remove_file(signing->dir, slots[slot].certificate_file);
	remove_file(signing->dir, slots[slot].key_file);
	return true;
}

/* Takes s; NULL empties the slot. */
static void put(struct signing *signing, enum slot slot, struct signer *s)
{
	if (signing->signers[slot] != NULL)
		signer_free(signing->signers[slot]);
	signing->signers[slot] = s;
}

static struct signer *take(struct signing *signing, enum slot slot)
{
	struct signer *s = signing->signers[slot];

	signing->signers[slot] = NULL;
	return s;
}

static bool fill(struct signing *signing, enum slot slot)
{
	struct signer *made = signer_make();

	if (made != NULL)
		put(signing, slot, made);
	return made != NULL;
}

static bool stage(struct signing *signing)
{
	return fill(signing, NEXT);
}

static bool roll(struct signing *signing)
{
	return fill(signing, CURRENT);
}

static bool publish(struct signing *signing)
{
	if (signing->signers[NEXT] == NULL)
		return false;
	put(signing, PREVIOUS, take(signing, CURRENT));
	put(signing, CURRENT, take(signing, NEXT));
	return true;
}

static bool clear_previous(struct signing *signing)
{
	bool was = signing->signers[PREVIOUS] != NULL;

	put(signing, PREVIOUS, NULL);
	return was;
}

static const struct {
	const char *verb;
	bool (*change)(struct signing *signing);
} changes[] = {
        {"stage", stage},
        {"publish", publish},
        {"clear-previous", clear_previous},
        {"roll", roll},
};

bool signing_change(struct signing *signing, const char *verb)
{
	bool changed = false;

	pthread_mutex_lock(&signing->lock);
	for (size_t i = 0; i < G_N_ELEMENTS(changes); i++)
		if (strcmp(changes[i].verb, verb) == 0)
			changed = changes[i].change(signing);
	for (enum slot slot = CURRENT; slot < SLOTS && changed; slot++)
		changed = save_slot(signing, slot);
	pthread_mutex_unlock(&signing->lock);
	return changed;
}

struct signing *signing_open(const char *dir)
{
	struct signing *signing = g_new0(struct signing, 1);
	bool good = true;

	pthread_mutex_init(&signing->lock, NULL);
	signing->dir = g_strdup(dir);
	for (enum slot slot = CURRENT; slot < SLOTS && good; slot++)
		good = load_slot(signing, slot);
	if (good && signing->signers[CURRENT] == NULL)
		good = signing_change(signing, "roll");
	if (good)
		return signing;
	signing_free(signing);
	return NULL;
}

void signing_free(struct signing *signing)
{
	for (enum slot slot = CURRENT; slot < SLOTS; slot++)
		put(signing, slot, NULL);
	pthread_mutex_destroy(&signing->lock);
	g_free(signing->dir);
	g_free(signing);
}

json_t *signing_slots(struct signing *signing)
{
	json_t *object = json_object();

	pthread_mutex_lock(&signing->lock);
	for (enum slot slot = CURRENT; slot < SLOTS; slot++)
		if (signing->signers[slot] != NULL)
			json_object_set_new(
			        object, slots[slot].name, json_string(signing->signers[slot]->x5t));
	pthread_mutex_unlock(&signing->lock);
	return object;
}

json_t *signing_keys(struct signing *signing)
{
	json_t *list = json_array();

	pthread_mutex_lock(&signing->lock);
	for (enum slot slot = CURRENT; slot < SLOTS; slot++) {
		const struct signer *s = signing->signers[slot];
		if (s == NULL)
			continue;
		json_array_append_new(
		        list, json_pack("{s:s,s:{s:s},s:{s:s,s:s}}", "usage", "signing", "keyinfo",
		                      "x5t", s->x5t, "keyvalue", "type", "x509Certificate", "value",
		                      s->der_base64));
	}
	pthread_mutex_unlock(&signing->lock);
	return list;
}

char *base64url_of_json(const json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT);
	char *encoded = base64url((const unsigned char *)text, strlen(text));

	free(text);
	return encoded;
}

static char *signed_part(const struct signer *s, const json_t *claims)
{
	json_t *header = json_pack("{s:s,s:s,s:s}", "typ", "JWT", "alg", "RS256", "x5t", s->x5t);
	char *a = base64url_of_json(header), *b = base64url_of_json(claims);
	char *text = g_strconcat(a, ".", b, NULL);

	json_decref(header);
	g_free(a);
	g_free(b);
	return text;
}

static char *sign(const struct signer *s, const json_t *claims)
{
	char *text = signed_part(s, claims), *compact = NULL;
	gnutls_datum_t data = datum(text), signature;

	if (gnutls_privkey_sign_data2(s->key, GNUTLS_SIGN_RSA_SHA256, 0, &data, &signature) >= 0) {
		char *tail = base64url(signature.data, signature.size);
		compact = g_strconcat(text, ".", tail, NULL);
		g_free(tail);
		gnutls_free(signature.data);
	}
	g_free(text);
	return compact;
}

char *signing_sign(struct signing *signing, const char *slot, const json_t *claims)
{
	char *compact = NULL;

	pthread_mutex_lock(&signing->lock);
	for (enum slot i = CURRENT; i < SLOTS; i++)
		if (strcmp(slots[i].name, slot) == 0 && signing->signers[i] != NULL)
			compact = sign(signing->signers[i], claims);
	pthread_mutex_unlock(&signing->lock);
	return compact;
}
