#include "oauth/metadata.h"

#include "core/digest.h"
#include "core/error.h"
#include "oauth/principal.h"
#include "wire/json.h"

#include <string.h>

#define MAX_DEPTH 8

static void endpoint_free(gpointer data)
{
	struct metadata_endpoint *endpoint = data;
	g_free(endpoint->location);
	g_free(endpoint->protocol);
	g_free(endpoint->usage);
	g_free(endpoint);
}

static void certificate_destroy(gpointer certificate)
{
	certificate_free(certificate);
}

void metadata_free(struct metadata *metadata)
{
	g_free(metadata->name);
	g_free(metadata->service_name);
	g_free(metadata->issuer);
	g_free(metadata->realm);
	g_ptr_array_unref(metadata->keys);
	g_ptr_array_unref(metadata->endpoints);
	g_free(metadata);
}

/* The member of that name in any case; NULL when absent, or there in two spellings. */
static json_t *member(json_t *object, const char *name)
{
	json_t *found = NULL;
	if (!json_is_object(object))
		return NULL;
	void *at = json_object_iter(object);
	for (; at != NULL; at = json_object_iter_next(object, at)) {
		if (g_ascii_strcasecmp(json_object_iter_key(at), name) != 0)
			continue;
		if (found != NULL)
			return NULL;
		found = json_object_iter_value(at);
	}
	return found;
}

static const char *text_member(json_t *object, const char *name)
{
	return json_string_value(member(object, name));
}

static void set_not_metadata(GError **error, const char *where, const char *what)
{
	error_set(error, ERROR_CONFIG, "metadata.not_metadata",
	        "%s is JSON but not a metadata document (%s): give the URL that ends in "
	        "/metadata/json/1",
	        where, what);
}

/* Issuer, id and realm, from whichever members the product writes. */
static bool read_names(struct metadata *metadata, json_t *root, const char *where, GError **error)
{
	const char *issuer = text_member(root, "issuer");
	const char *service = text_member(root, "serviceName");
	const char *realm = text_member(root, "realm");
	g_autofree char *id = NULL;
	g_autofree char *issuer_realm = NULL;
	if (issuer == NULL || !principal_split_issuer(issuer, &id, &issuer_realm)) {
		set_not_metadata(error, where, "it has no issuer of the form id@realm");
		return false;
	}
	const char *own_id = service != NULL ? service : id;
	if (!principal_is_guid(own_id) || !principal_is_guid(id)) {
		set_not_metadata(error, where, "its service name or issuer is no GUID");
		return false;
	}
	const char *own_realm = realm != NULL && realm[0] != '\0' ? realm : issuer_realm;
	if (!g_str_equal(own_realm, "*") && !principal_is_realm(own_realm)) {
		set_not_metadata(error, where, "its realm has characters that no realm has");
		return false;
	}
	if (!g_str_equal(issuer_realm, "*") && !principal_is_realm(issuer_realm)) {
		set_not_metadata(
		        error, where, "its issuer's realm has characters that no realm has");
		return false;
	}
	metadata->name = g_strdup(text_member(root, "name"));
	metadata->service_name = g_ascii_strdown(own_id, -1);
	metadata->realm = g_strdup(own_realm);
	g_autofree char *lower_id = g_ascii_strdown(id, -1);
	metadata->issuer = principal_issuer(lower_id, issuer_realm);
	return true;
}

static bool holds_key(const GPtrArray *keys, const char *sha256)
{
	for (guint i = 0; i < keys->len; i++)
		if (g_str_equal(certificate_sha256(g_ptr_array_index(keys, i)), sha256))
			return true;
	return false;
}

/* A key that cannot be used is counted and left out; one whose x5t lies spoils the document. */
static bool read_key(struct metadata *metadata, json_t *entry, const char *where, GError **error)
{
	json_t *holder = member(entry, "keyvalue");
	const char *type = text_member(holder, "type");
	const char *value = text_member(holder, "value");
	const char *usage = text_member(entry, "usage");
	bool usable = value != NULL && type != NULL &&
	              g_ascii_strcasecmp(type, "x509certificate") == 0 &&
	              (usage == NULL || g_ascii_strcasecmp(usage, "signing") == 0);
	autoptr(certificate) certificate = usable ? certificate_from_base64(value, NULL) : NULL;
	if (certificate == NULL) {
		metadata->skipped_keys++;
		return true;
	}
	const char *claimed = text_member(member(entry, "keyinfo"), "x5t");
	if (claimed != NULL && !g_str_equal(claimed, certificate_x5t(certificate))) {
		error_set(error, ERROR_CONFIG, "metadata.x5t",
		        "%s gives a key an x5t that is not its certificate's: tell the "
		        "administrator of that server",
		        where);
		return false;
	}
	if (!holds_key(metadata->keys, certificate_sha256(certificate)))
		g_ptr_array_add(metadata->keys, g_steal_pointer(&certificate));
	return true;
}

static bool read_keys(struct metadata *metadata, json_t *root, const char *where, GError **error)
{
	json_t *keys = member(root, "keys");
	if (!json_is_array(keys)) {
		set_not_metadata(error, where, "it has no list of keys");
		return false;
	}
	if (json_array_size(keys) > METADATA_MAX_KEYS) {
		error_set(error, ERROR_CONFIG, "metadata.too_many_keys",
		        "%s lists %zu keys, more than %d: ask the administrator of that server "
		        "to remove old ones",
		        where, json_array_size(keys), METADATA_MAX_KEYS);
		return false;
	}
	for (size_t i = 0; i < json_array_size(keys); i++)
		if (!read_key(metadata, json_array_get(keys, i), where, error))
			return false;
	if (metadata->keys->len > 0)
		return true;
	error_set(error, ERROR_CONFIG, "metadata.no_key",
	        "%s has no usable key among %zu (wanted: an RSA certificate of at least %d bits "
	        "for "
	        "signing): ask the administrator of that server",
	        where, json_array_size(keys), CERTIFICATE_MIN_RSA_BITS);
	return false;
}

static bool read_endpoints(
        struct metadata *metadata, json_t *root, const char *where, GError **error)
{
	json_t *endpoints = member(root, "endpoints");
	if (json_array_size(endpoints) > METADATA_MAX_ENDPOINTS) {
		set_not_metadata(error, where, "it has too many endpoints");
		return false;
	}
	for (size_t i = 0; i < json_array_size(endpoints); i++) {
		json_t *entry = json_array_get(endpoints, i);
		const char *location = text_member(entry, "location");
		if (location == NULL)
			continue;
		struct metadata_endpoint *endpoint = g_new0(struct metadata_endpoint, 1);
		endpoint->location = g_strdup(location);
		endpoint->protocol = g_strdup(text_member(entry, "protocol"));
		endpoint->usage = g_strdup(text_member(entry, "usage"));
		g_ptr_array_add(metadata->endpoints, endpoint);
	}
	return true;
}

struct metadata *metadata_parse(const char *bytes, size_t len, const char *where, GError **error)
{
	g_autoptr(GError) cause = NULL;
	json_auto_t *root = NULL;
	if (!json_parse_limited(bytes, len, METADATA_MAX_BYTES, MAX_DEPTH, &root, &cause)) {
		bool large = error_is(cause, "json.too_large");
		error_set(error, ERROR_CONFIG, large ? "metadata.too_large" : "metadata.not_json",
		        "%s is not %s, so it is no metadata document (%s): give the URL that ends "
		        "in "
		        "/metadata/json/1",
		        where, large ? "of a sensible size" : "JSON", cause->message);
		return NULL;
	}
	autoptr(metadata) metadata = g_new0(struct metadata, 1);
	metadata->keys = g_ptr_array_new_with_free_func(certificate_destroy);
	metadata->endpoints = g_ptr_array_new_with_free_func(endpoint_free);
	if (!json_is_object(root)) {
		set_not_metadata(error, where, "it is no object");
		return NULL;
	}
	if (!read_names(metadata, root, where, error) || !read_keys(metadata, root, where, error) ||
	        !read_endpoints(metadata, root, where, error))
		return NULL;
	return g_steal_pointer(&metadata);
}

/* "_" and a GUID made of the content: the same document has the same id on every node. */
static char *document_id(const struct metadata_own *own)
{
	struct digest *sum = digest_begin();
	digest_add(sum, own->app_id, strlen(own->app_id));
	digest_add(sum, own->realm, strlen(own->realm));
	for (guint i = 0; i < own->certificates->len; i++) {
		const char *sha256 = certificate_sha256(g_ptr_array_index(own->certificates, i));
		digest_add(sum, sha256, strlen(sha256));
	}
	g_autofree char *hex = digest_end(sum);
	return g_strdup_printf(
	        "_%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

static json_t *own_key(const struct certificate *certificate)
{
	g_autofree char *value = certificate_base64(certificate);
	return json_pack("{s:s, s:{s:s}, s:{s:s, s:s}}", "usage", "signing", "keyinfo", "x5t",
	        certificate_x5t(certificate), "keyvalue", "type", "x509Certificate", "value",
	        value);
}

char *metadata_print(const struct metadata_own *own)
{
	g_autofree char *id = document_id(own);
	g_autofree char *issuer = principal_issuer(own->app_id, own->realm);
	json_auto_t *keys = json_array();
	for (guint i = 0; i < own->certificates->len; i++)
		json_array_append_new(keys, own_key(g_ptr_array_index(own->certificates, i)));
	json_auto_t *endpoints = json_array();
	if (own->public_url != NULL) {
		g_autofree char *base = g_strdup(own->public_url);
		while (g_str_has_suffix(base, "/"))
			base[strlen(base) - 1] = '\0';
		g_autofree char *location = g_strconcat(base, "/metadata/json/1", NULL);
		json_array_append_new(
		        endpoints, json_pack("{s:s, s:s, s:s}", "location", location, "protocol",
		                           "OAuth2", "usage", "metadata"));
	}
	json_auto_t *root = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:[s], s:O, s:O}", "id", id,
	        "version", "1.0", "name", own->name, "realm", own->realm, "serviceName",
	        own->app_id, "issuer", issuer, "allowedAudiences", issuer, "keys", keys,
	        "endpoints", endpoints);
	g_assert(root != NULL);
	return json_dumps(root, JSON_INDENT(1));
}
