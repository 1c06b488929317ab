#include "partner.h"

#include "tls.h"

#include <curl/curl.h>
#include <gnutls/x509.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define MAX_DOCUMENT (256 * 1024)
#define MAX_KEYS 16

static void key_free(gpointer data)
{
	struct partner_key *k = data;

	g_free(k->x5t);
	gnutls_pubkey_deinit(k->key);
	g_free(k);
}

static void partner_free(gpointer data)
{
	struct partner *p = data;

	g_free(p->source);
	g_free(p->ca_file);
	g_free(p->issuer);
	g_free(p->app_id);
	g_ptr_array_free(p->keys, TRUE);
	g_free(p);
}

struct partners *partners_new(void)
{
	struct partners *ps = g_new0(struct partners, 1);

	pthread_mutex_init(&ps->lock, NULL);
	ps->list = g_ptr_array_new_with_free_func(partner_free);
	return ps;
}

void partners_free(struct partners *ps)
{
	g_ptr_array_free(ps->list, TRUE);
	pthread_mutex_destroy(&ps->lock);
	g_free(ps);
}

struct partner *partner_add(struct partners *ps, const char *source, const char *ca_file)
{
	struct partner *p = g_new0(struct partner, 1);

	p->source = g_strdup(source);
	p->ca_file = g_strdup(ca_file);
	p->keys = g_ptr_array_new_with_free_func(key_free);
	p->enabled = p->full_trust = true;
	pthread_mutex_lock(&ps->lock);
	g_ptr_array_add(ps->list, p);
	pthread_mutex_unlock(&ps->lock);
	return p;
}

static size_t collect(char *bytes, size_t size, size_t n, void *data)
{
	GString *body = data;

	if (body->len + size * n > MAX_DOCUMENT)
		return 0;
	g_string_append_len(body, bytes, (gssize)(size * n));
	return size * n;
}

static char *fetch(const struct partner *p, char **reason)
{
	GString *body = g_string_new(NULL);
	char problem[CURL_ERROR_SIZE] = "";
	long status = 0;
	CURL *curl = curl_easy_init();

	curl_easy_setopt(curl, CURLOPT_URL, p->source);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, 2000L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 5000L);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	if (p->ca_file != NULL)
		curl_easy_setopt(curl, CURLOPT_CAINFO, p->ca_file);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, problem);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
	CURLcode rc = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_cleanup(curl);
	if (rc != CURLE_OK || status != 200) {
		*reason = rc != CURLE_OK
		                  ? g_strdup_printf("%s: %s", p->source,
		                            *problem != '\0' ? problem : curl_easy_strerror(rc))
		                  : g_strdup_printf("%s: status %ld", p->source, status);
		g_string_free(body, TRUE);
		return NULL;
	}
	return g_string_free(body, FALSE);
}

static json_t *member(json_t *object, const char *name)
{
	const char *key;
	json_t *value;

	json_object_foreach (object, key, value)
		if (g_ascii_strcasecmp(key, name) == 0)
			return value;
	return NULL;
}

static const char *text_member(json_t *object, const char *name)
{
	return json_string_value(member(object, name));
}

/* One certificate of the document; NULL with *reason when it cannot be trusted. */
static struct partner_key *key_from(json_t *entry, char **reason)
{
	json_t *value = member(entry, "keyvalue");
	const char *text = text_member(value, "value"), *type = text_member(value, "type");
	gnutls_x509_crt_t crt;
	gsize length = 0;

	if (text == NULL || type == NULL || g_ascii_strcasecmp(type, "x509Certificate") != 0) {
		*reason = g_strdup("a key is not an x509Certificate");
		return NULL;
	}
	guchar *der = g_base64_decode(text, &length);
	gnutls_datum_t datum = {der, (unsigned)length};
	gnutls_x509_crt_init(&crt);
	struct partner_key *k = g_new0(struct partner_key, 1);
	gnutls_pubkey_init(&k->key);
	k->x5t = x5t_of_der(der, length);
	unsigned bits = 0;
	const char *stated = text_member(member(entry, "keyinfo"), "x5t");
	if (gnutls_x509_crt_import(crt, &datum, GNUTLS_X509_FMT_DER) < 0 ||
	        gnutls_pubkey_import_x509(k->key, crt, 0) < 0)
		*reason = g_strdup("a certificate cannot be read");
	else if (gnutls_pubkey_get_pk_algorithm(k->key, &bits) != GNUTLS_PK_RSA || bits < 2048 ||
	         bits > 8192)
		*reason = g_strdup("a key is not RSA of 2048 to 8192 bits");
	else if (stated != NULL && strcmp(stated, k->x5t) != 0)
		*reason = g_strdup("keyinfo.x5t does not match the certificate");
	else
		k->expires_s = gnutls_x509_crt_get_expiration_time(crt);
	gnutls_x509_crt_deinit(crt);
	g_free(der);
	if (*reason != NULL) {
		key_free(k);
		return NULL;
	}
	return k;
}

static GPtrArray *keys_from(json_t *list, char **reason)
{
	GPtrArray *keys = g_ptr_array_new_with_free_func(key_free);
	size_t i;
	json_t *entry;

	if (!json_is_array(list) || json_array_size(list) == 0 || json_array_size(list) > MAX_KEYS)
		*reason = g_strdup("it has no keys, or too many");
	json_array_foreach (list, i, entry) {
		const char *usage = text_member(entry, "usage");
		if (*reason != NULL)
			break;
		if (usage != NULL && g_ascii_strcasecmp(usage, "signing") != 0)
			continue;
		struct partner_key *k = key_from(entry, reason);
		if (k != NULL)
			g_ptr_array_add(keys, k);
	}
	if (*reason == NULL && keys->len == 0)
		*reason = g_strdup("it has no signing key");
	if (*reason != NULL) {
		g_ptr_array_free(keys, TRUE);
		return NULL;
	}
	return keys;
}

static bool partner_take(struct partner *p, const char *text, char **reason)
{
	json_error_t where;
	json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &where);
	char *why = NULL;

	if (root == NULL) {
		*reason = g_strdup_printf("%s: not JSON: %s", p->source, where.text);
		return false;
	}
	const char *issuer = text_member(root, "issuer"), *app = text_member(root, "serviceName");
	GPtrArray *keys = NULL;
	if (issuer == NULL || strchr(issuer, '@') == NULL || g_str_has_suffix(issuer, "@*"))
		why = g_strdup("its issuer is not id@realm");
	else if (app == NULL)
		why = g_strdup("it has no serviceName");
	else
		keys = keys_from(member(root, "keys"), &why);
	if (keys != NULL) {
		g_free(p->issuer);
		g_free(p->app_id);
		g_ptr_array_free(p->keys, TRUE);
		p->issuer = g_strdup(issuer);
		p->app_id = g_strdup(app);
		p->keys = keys;
		p->loaded = true;
	} else {
		*reason = g_strdup_printf("%s: %s", p->source, why);
	}
	g_free(why);
	json_decref(root);
	return keys != NULL;
}

bool partner_refresh(struct partner *p, char **reason)
{
	char *text = NULL;
	GError *error = NULL;

	*reason = NULL;
	if (g_str_has_prefix(p->source, "https://")) {
		text = fetch(p, reason);
	} else if (!g_file_get_contents(p->source, &text, NULL, &error)) {
		*reason = g_strdup(error->message);
		g_error_free(error);
	}
	bool ok = text != NULL && partner_take(p, text, reason);
	g_free(text);
	return ok;
}

void partners_refresh(struct partners *ps, enum refresh which)
{
	int64_t now = g_get_monotonic_time() / 1000;

	pthread_mutex_lock(&ps->lock);
	for (guint i = 0; i < ps->list->len; i++) {
		struct partner *p = ps->list->pdata[i];
		char *reason = NULL;
		if (which == REFRESH_UNLOADED && p->loaded)
			continue;
		if (which != REFRESH_ALL && p->tried_ms != 0 && now - p->tried_ms < 2000)
			continue;
		p->tried_ms = now;
		ps->fetches++;
		if (!partner_refresh(p, &reason))
			fprintf(stderr, "devexchange: partner metadata: %s\n", reason);
		g_free(reason);
	}
	pthread_mutex_unlock(&ps->lock);
}
