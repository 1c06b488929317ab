#include "oauth/trust.h"

#include "core/clock.h"
#include "core/error.h"
#include "oauth/principal.h"

#include <string.h>

/* The [server NAME] that is at the same origin; NULL when there is none. */
static const char *server_at(const struct config *config, const char *url)
{
	for (const char *const *name = config_names(config, "server"); *name != NULL; name++) {
		const char *its = config_string(config, "server", *name, "url");
		if (its != NULL && http_same_origin(its, url))
			return *name;
	}
	return NULL;
}

struct http_client *trust_client_new(const struct config *config, const char *url, GError **error)
{
	bool loopback = config_bool(config, "partner", NULL, "allow_loopback");
	const char *ca_file = config_string(config, "partner", NULL, "ca_file");
	const char *server = server_at(config, url);
	if (server != NULL) {
		loopback = loopback || config_bool(config, "server", server, "allow_loopback");
		if (ca_file == NULL)
			ca_file = config_string(config, "server", server, "ca_file");
	}
	const struct http_options options = {
	        .ca_file = ca_file,
	        .connect_timeout_ms = 10000,
	        .first_byte_timeout_ms = 20000,
	        .total_timeout_ms = 30000,
	        .max_body_bytes = METADATA_MAX_BYTES,
	        .allow_loopback = loopback,
	        .allow_link_local = loopback,
	        .follow_redirects = true,
	        .keep_peer = true,
	};
	return http_client_new(&options, error);
}

struct metadata *trust_fetch(struct http_client *client, const char *url, GError **error)
{
	if (g_ascii_strncasecmp(url, "https://", 8) != 0) {
		error_set(error, ERROR_CONFIG, "metadata.plain",
		        "%s is not an https URL, and keys are only believed over TLS: give the "
		        "https URL",
		        url);
		return NULL;
	}
	const struct http_request request = {.url = url, .repeatable = true};
	autoptr(http_response) response = NULL;
	g_autoptr(GError) cause = NULL;
	if (!http_perform(client, &request, &response, &cause)) {
		if (error_is(cause, "http.too_large"))
			error_set(error, ERROR_CONFIG, "metadata.too_large",
			        "%s is larger than 256 KiB, so it is no metadata document: check "
			        "the URL",
			        url);
		else
			g_propagate_error(error, g_steal_pointer(&cause));
		return NULL;
	}
	if (response->status != 200) {
		error_set(error, response->status >= 500 ? ERROR_RETRY : ERROR_CONFIG,
		        "metadata.status",
		        "%s answers HTTP status %d instead of a document: check the path "
		        "(/autodiscover/metadata/json/1 for Exchange, /metadata/json/1 for Skype, "
		        "/_layouts/15/metadata/json/1 for SharePoint)",
		        url, response->status);
		return NULL;
	}
	return metadata_parse((const char *)response->body->data, response->body->len, url, error);
}

static struct partner_key *key_of(const struct certificate *certificate)
{
	struct partner_key *key = g_new0(struct partner_key, 1);
	key->x5t = g_strdup(certificate_x5t(certificate));
	key->der = g_bytes_ref(certificate_der(certificate));
	key->not_before_utc_us = certificate_not_before_utc_us(certificate);
	key->not_after_utc_us = certificate_not_after_utc_us(certificate);
	return key;
}

static bool check_realm(const char *name, const char *realm, GError **error)
{
	if (realm != NULL && principal_is_realm(realm))
		return true;
	error_set(error, ERROR_CONFIG, "partner.realm",
	        "%s: %s: give the one that its tokens are to be taken from with --realm", name,
	        realm == NULL || g_str_equal(realm, "*")
	                ? "the partner speaks for any realm"
	                : "the realm has characters that no realm has");
	return false;
}

static bool check_not_us(const char *name, const char *issuer, const char *own, GError **error)
{
	if (own == NULL || !g_str_equal(issuer, own))
		return true;
	error_set(error, ERROR_CONFIG, "partner.own_id",
	        "%s has our own issuer %s, and whoever had its key could be us: give the "
	        "partner's URL, or give this installation an id of its own (imex.app_id)",
	        name, issuer);
	return false;
}

static void set_text(char **field, const char *value)
{
	g_free(*field);
	*field = g_strdup(value);
}

static void set_endpoints(struct partner *partner, const struct metadata *metadata)
{
	g_ptr_array_set_size(partner->endpoints, 0);
	for (guint i = 0; i < metadata->endpoints->len; i++) {
		const struct metadata_endpoint *endpoint =
		        g_ptr_array_index(metadata->endpoints, i);
		g_autofree char *origin = http_origin(endpoint->location);
		if (origin == NULL || g_ptr_array_find_with_equal_func(
		                              partner->endpoints, origin, g_str_equal, NULL))
			continue;
		g_ptr_array_add(partner->endpoints, g_steal_pointer(&origin));
	}
}

bool trust_adopt(struct partner *partner, const struct metadata *metadata, const char *url,
        const char *realm, const char *own_issuer, GError **error)
{
	const char *issuer_realm = strchr(metadata->issuer, '@') + 1;
	const char *chosen = realm != NULL ? realm : issuer_realm;
	if (!check_realm(partner->name, chosen, error))
		return false;
	if (!g_str_equal(issuer_realm, "*") && !g_str_equal(issuer_realm, chosen)) {
		error_set(error, ERROR_CONFIG, "partner.realm",
		        "%s issues tokens in the realm %s, not in %s: leave --realm away",
		        partner->name, issuer_realm, chosen);
		return false;
	}
	g_autofree char *id = g_strndup(
	        metadata->issuer, (gsize)(strchr(metadata->issuer, '@') - metadata->issuer));
	g_autofree char *issuer = principal_issuer(id, chosen);
	g_autofree char *origin = http_origin(url);
	if (!check_not_us(partner->name, issuer, own_issuer, error))
		return false;
	set_text(&partner->app_id, metadata->service_name);
	set_text(&partner->realm, g_str_equal(metadata->realm, "*") ? chosen : metadata->realm);
	set_text(&partner->issuer, issuer);
	set_text(&partner->metadata_url, url);
	g_ptr_array_set_size(partner->keys, 0);
	for (guint i = 0; i < metadata->keys->len; i++)
		g_ptr_array_add(partner->keys, key_of(g_ptr_array_index(metadata->keys, i)));
	set_endpoints(partner, metadata);
	if (origin != NULL)
		partner_add_origin(partner, origin);
	partner->verified = true;
	partner->refreshed_utc_us = partner->tried_utc_us = clock_utc_us();
	return true;
}

bool trust_adopt_certificate(struct partner *partner, const struct certificate *certificate,
        const char *app_id, const char *realm, const char *own_issuer, GError **error)
{
	if (!check_realm(partner->name, realm, error))
		return false;
	g_autofree char *issuer = principal_issuer(app_id, realm);
	if (!check_not_us(partner->name, issuer, own_issuer, error))
		return false;
	set_text(&partner->app_id, app_id);
	set_text(&partner->realm, realm);
	set_text(&partner->issuer, issuer);
	g_clear_pointer(&partner->metadata_url, g_free);
	g_ptr_array_set_size(partner->keys, 0);
	g_ptr_array_add(partner->keys, key_of(certificate));
	partner->verified = true;
	return true;
}

/* Refresh */

static bool changed(const struct partner *known, const char *what, const char *before,
        const char *after, GError **error)
{
	error_set(error, ERROR_CONFIG, "partner.changed",
	        "the metadata of %s names another %s (%.200s instead of %.200s), so it is not "
	        "believed and the old keys stay: ask its administrator, then remove the partner "
	        "and add it again",
	        known->name, what, after, before);
	return false;
}

static bool check_same(const struct partner *known, const struct metadata *metadata, GError **error)
{
	const char *its_realm = strchr(metadata->issuer, '@') + 1;
	const char *our_realm = strchr(known->issuer, '@') + 1;
	size_t id_len = (size_t)(our_realm - known->issuer);
	bool same_issuer = strncmp(known->issuer, metadata->issuer, id_len) == 0 &&
	                   (g_str_equal(its_realm, "*") || g_str_equal(its_realm, our_realm));
	if (!same_issuer)
		return changed(known, "issuer", known->issuer, metadata->issuer, error);
	if (!g_str_equal(metadata->realm, "*") && !g_str_equal(metadata->realm, known->realm))
		return changed(known, "realm", known->realm, metadata->realm, error);
	if (!g_str_equal(metadata->service_name, known->app_id))
		return changed(known, "service name", known->app_id, metadata->service_name, error);
	for (guint i = 0; known->verified && i < metadata->endpoints->len; i++) {
		const struct metadata_endpoint *endpoint =
		        g_ptr_array_index(metadata->endpoints, i);
		g_autofree char *origin = http_origin(endpoint->location);
		bool was_there =
		        origin != NULL && g_ptr_array_find_with_equal_func(
		                                  known->endpoints, origin, g_str_equal, NULL);
		if (!was_there)
			return changed(known, "endpoint", "those known", endpoint->location, error);
	}
	return true;
}

static bool in_document(const struct metadata *metadata, const struct partner_key *key)
{
	for (guint i = 0; i < metadata->keys->len; i++)
		if (g_bytes_equal(certificate_der(g_ptr_array_index(metadata->keys, i)), key->der))
			return true;
	return false;
}

static const struct partner_key *known_key(const struct partner *known, const GBytes *der)
{
	for (guint i = 0; i < known->keys->len; i++) {
		const struct partner_key *key = g_ptr_array_index(known->keys, i);
		if (g_bytes_equal(key->der, der))
			return key;
	}
	return NULL;
}

static bool is_active(const struct partner_key *key, int64_t now_utc_us)
{
	return key->state == PARTNER_KEY_ACTIVE ||
	       (key->usable_utc_us != 0 && now_utc_us >= key->usable_utc_us);
}

/* Whether the new keys have no trusted one beside them, and no old one was about to end. */
static bool is_suspect(
        const struct partner *known, const struct metadata *metadata, int64_t now_utc_us)
{
	bool had_key = false;
	for (guint i = 0; i < known->keys->len; i++) {
		const struct partner_key *key = g_ptr_array_index(known->keys, i);
		if (!is_active(key, now_utc_us))
			continue;
		if (in_document(metadata, key) ||
		        key->not_after_utc_us - now_utc_us < TRUST_NEAR_END_US)
			return false;
		had_key = true;
	}
	return had_key;
}

/* One key of the document, as the partner will have it. */
static struct partner_key *merged_key(const struct partner *known,
        const struct certificate *certificate, int64_t hold_until_utc_us, bool accept,
        struct trust_change *change)
{
	int64_t now = clock_utc_us();
	const struct partner_key *old = known_key(known, certificate_der(certificate));
	struct partner_key *key = old != NULL ? partner_key_copy(old) : key_of(certificate);
	if (old == NULL) {
		change->added++;
		key->state = hold_until_utc_us > now ? PARTNER_KEY_HELD : PARTNER_KEY_ACTIVE;
		key->usable_utc_us = key->state == PARTNER_KEY_HELD ? hold_until_utc_us : 0;
	}
	if (key->state == PARTNER_KEY_HELD && (accept || is_active(key, now))) {
		key->state = PARTNER_KEY_ACTIVE;
		key->usable_utc_us = 0;
		change->released += old != NULL;
	}
	change->held += key->state == PARTNER_KEY_HELD;
	return key;
}

/* Keys that the document no longer has go, unless all that it has are still held. */
static void keep_old_keys(struct partner *updated, const struct partner *known,
        const struct metadata *metadata, bool all_held, struct trust_change *change)
{
	for (guint i = 0; i < known->keys->len; i++) {
		const struct partner_key *key = g_ptr_array_index(known->keys, i);
		if (in_document(metadata, key))
			continue;
		if (all_held && key->state == PARTNER_KEY_ACTIVE)
			g_ptr_array_add(updated->keys, partner_key_copy(key));
		else
			change->removed++;
	}
}

static void set_alarm(struct partner *updated, const struct trust_change *change, int64_t until)
{
	g_clear_pointer(&updated->alarm, g_free);
	if (change->held == 0)
		return;
	g_autofree char *time = clock_format_iso(until);
	updated->alarm = g_strdup_printf(
	        "it replaced all of its keys at once; the new ones are held until %s, or until "
	        "imex partner refresh %s --accept-keys",
	        time, updated->name);
}

static int64_t latest_hold(const struct partner *partner)
{
	int64_t latest = 0;
	for (guint i = 0; i < partner->keys->len; i++) {
		const struct partner_key *key = g_ptr_array_index(partner->keys, i);
		if (key->state == PARTNER_KEY_HELD)
			latest = MAX(latest, key->usable_utc_us);
	}
	return latest;
}

bool trust_refresh(const struct partner *known, const struct metadata *metadata, int64_t key_hold_s,
        bool accept, struct partner **updated, struct trust_change *change, GError **error)
{
	*change = (struct trust_change){0};
	if (!check_same(known, metadata, error))
		return false;
	int64_t now = clock_utc_us();
	change->replaced_all = is_suspect(known, metadata, now);
	int64_t hold_until = change->replaced_all ? now + key_hold_s * CLOCK_US_PER_S : 0;
	struct partner *copy = partner_copy(known);
	g_ptr_array_set_size(copy->keys, 0);
	for (guint i = 0; i < metadata->keys->len; i++)
		g_ptr_array_add(copy->keys, merged_key(known, g_ptr_array_index(metadata->keys, i),
		                                    hold_until, accept, change));
	keep_old_keys(copy, known, metadata, change->held == metadata->keys->len, change);
	if (!known->verified)
		set_endpoints(copy, metadata);
	copy->verified = true;
	copy->refreshed_utc_us = copy->tried_utc_us = now;
	set_alarm(copy, change, latest_hold(copy));
	*updated = copy;
	return true;
}
