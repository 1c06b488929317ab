#include "oauth/watch.h"

#include "core/clock.h"
#include "core/error.h"
#include "oauth/trust.h"
#include "wire/http.h"

#include <string.h>

static const int limits_days[] = {0, 7, 14, 30, 60};

void watched_free(struct watched *watched)
{
	g_free(watched->whose);
	g_free(watched->subject);
	g_free(watched->trouble);
	g_free(watched->next);
	g_free(watched);
}

static void watched_destroy(gpointer watched)
{
	watched_free(watched);
}

int64_t watched_days(const struct watched *watched, int64_t now_utc_us)
{
	int64_t left_us = watched->ends_utc_us - now_utc_us;
	return left_us / CLOCK_US_PER_DAY - (left_us < 0);
}

int watched_limit(const struct watched *watched, int64_t now_utc_us)
{
	if (watched->missed)
		return 0;
	if (watched->replaced || watched->ends_utc_us == 0)
		return WATCH_NONE;
	for (unsigned i = 0; i < G_N_ELEMENTS(limits_days); i++)
		if (watched->ends_utc_us - now_utc_us <= limits_days[i] * CLOCK_US_PER_DAY)
			return limits_days[i];
	return WATCH_NONE;
}

static struct watched *add(GPtrArray *list, const char *what, const char *whose, char *next)
{
	struct watched *watched = g_new0(struct watched, 1);
	watched->what = what;
	watched->whose = g_strdup(whose);
	watched->next = next;
	g_ptr_array_add(list, watched);
	return watched;
}

/* Our issuer */

static void add_own(GPtrArray *list, struct keyring *keyring)
{
	int64_t current_ends = 0;
	for (int slot = KEY_CURRENT; slot <= KEY_NEXT; slot++) {
		autoptr(certificate) one = keyring_certificate(keyring, (enum key_slot)slot);
		if (one == NULL)
			continue;
		struct watched *watched = add(list, "issuer", key_slot_name((enum key_slot)slot),
		        g_strdup("run imex cert stage --effective TIME"));
		watched->subject = g_strdup(certificate_subject(one));
		watched->ends_utc_us = certificate_not_after_utc_us(one);
		if (slot == KEY_CURRENT)
			current_ends = watched->ends_utc_us;
	}
	int64_t effective = keyring_effective_utc_us(keyring);
	if (list->len == 0) {
		struct watched *watched =
		        add(list, "issuer", "current", g_strdup("run imex cert create"));
		watched->trouble = g_strdup("there is none, so no token can be signed");
		watched->missed = true;
	} else if (effective != 0 && effective <= current_ends) {
		struct watched *current = g_ptr_array_index(list, 0);
		current->replaced = true;
	}
}

/* TLS certificates, whose keys may be of any kind */

static void set_from_pem(struct watched *watched, const char *pem)
{
	g_autoptr(GError) cause = NULL;
	if (!certificate_pem_end(pem, &watched->ends_utc_us, &watched->subject, &cause))
		watched->trouble = g_strdup(cause->message);
}

static void add_listener(GPtrArray *list, const struct config *config)
{
	const char *path = config_string(config, "listen", NULL, "tls_certificate");
	g_autofree char *pem = NULL;
	g_autoptr(GError) cause = NULL;
	if (config_string(config, "listen", NULL, "address") == NULL || path == NULL)
		return;
	struct watched *watched = add(list, "listener", path,
	        g_strdup("put the renewed one into this file; imexd reads it without a restart"));
	if (g_file_get_contents(path, &pem, NULL, &cause))
		set_from_pem(watched, pem);
	else
		watched->trouble = g_strdup(cause->message);
}

static void add_tls(GPtrArray *list, const struct config *config, const char *origin)
{
	struct watched *watched = add(
	        list, "TLS", origin, g_strdup("ask the administrator of that server to renew it"));
	g_autoptr(GError) cause = NULL;
	autoptr(http_client) client = trust_client_new(config, origin, &cause);
	const struct http_request request = {.method = "HEAD", .url = origin};
	autoptr(http_response) response = NULL;
	if (client != NULL && http_perform(client, &request, &response, &cause) &&
	        response->peer_certificate != NULL) {
		set_from_pem(watched, response->peer_certificate);
		return;
	}
	watched->missed = error_is(cause, "http.tls_expired");
	watched->trouble = g_strdup(cause != NULL ? cause->message : "it showed no certificate");
}

static void note_origin(GPtrArray *origins, const char *url)
{
	g_autofree char *origin = url != NULL ? http_origin(url) : NULL;
	if (origin != NULL && g_str_has_prefix(origin, "https:") &&
	        !g_ptr_array_find_with_equal_func(origins, origin, g_str_equal, NULL))
		g_ptr_array_add(origins, g_steal_pointer(&origin));
}

static void add_servers(GPtrArray *list, const struct config *config, const GPtrArray *partners)
{
	g_autoptr(GPtrArray) origins = g_ptr_array_new_with_free_func(g_free);
	for (const char *const *name = config_names(config, "server"); *name != NULL; name++)
		note_origin(origins, config_string(config, "server", *name, "url"));
	for (guint i = 0; i < partners->len; i++) {
		const struct partner *partner = g_ptr_array_index(partners, i);
		if (!partner->enabled)
			continue;
		note_origin(origins, partner->metadata_url);
		for (guint at = 0; at < partner->origins->len; at++)
			note_origin(origins, g_ptr_array_index(partner->origins, at));
	}
	for (guint i = 0; i < origins->len; i++)
		add_tls(list, config, g_ptr_array_index(origins, i));
}

/* Partners' issuers */

static bool goes_on_after(const struct partner *partner, const struct partner_key *key)
{
	for (guint i = 0; i < partner->keys->len; i++) {
		const struct partner_key *other = g_ptr_array_index(partner->keys, i);
		if (other->state == PARTNER_KEY_ACTIVE &&
		        other->not_after_utc_us > key->not_after_utc_us &&
		        other->not_before_utc_us <= key->not_after_utc_us)
			return true;
	}
	return false;
}

static void add_partner(GPtrArray *list, const struct partner *partner)
{
	for (guint i = 0; i < partner->keys->len; i++) {
		const struct partner_key *key = g_ptr_array_index(partner->keys, i);
		struct watched *watched = add(list, "partner issuer", partner->name,
		        g_strdup_printf("ask its administrator to stage the next one, then run "
		                        "imex partner refresh %s",
		                partner->name));
		gsize len = 0;
		const void *der = g_bytes_get_data(key->der, &len);
		autoptr(certificate) certificate = certificate_from_der(der, len, NULL);
		watched->subject =
		        g_strdup(certificate != NULL ? certificate_subject(certificate) : key->x5t);
		watched->ends_utc_us = key->not_after_utc_us;
		watched->replaced = goes_on_after(partner, key);
	}
}

GPtrArray *watch_certificates(const struct config *config, struct keyring *keyring,
        const GPtrArray *partners, bool on_wire)
{
	GPtrArray *list = g_ptr_array_new_with_free_func(watched_destroy);
	add_own(list, keyring);
	add_listener(list, config);
	for (guint i = 0; i < partners->len; i++) {
		const struct partner *partner = g_ptr_array_index(partners, i);
		if (partner->enabled)
			add_partner(list, partner);
	}
	if (on_wire)
		add_servers(list, config, partners);
	return list;
}
