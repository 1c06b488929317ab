#include "im/upload.h"

#include "core/error.h"
#include "wire/http.h"

#include <string.h>

#define MIB ((size_t)1024 * 1024)
#define FETCH_TIMEOUT_MS 60000

struct upload {
	struct http_client *client;
	GHashTable *origins; /* "https://host:443" */
	size_t max_bytes;
};

struct upload *upload_new(const struct config *config, GError **error)
{
	g_autofree struct upload *upload = g_new0(struct upload, 1);
	const char *const *hosts = config_list(config, "archive", NULL, "upload_hosts");
	bool loopback = config_bool(config, "archive", NULL, "upload_allow_loopback");
	upload->max_bytes = (size_t)config_int(config, "archive", NULL, "files_max_mb") * MIB;
	const struct http_options options = {
	        .ca_file = config_string(config, "archive", NULL, "upload_ca_file"),
	        .total_timeout_ms = FETCH_TIMEOUT_MS,
	        .max_body_bytes = upload->max_bytes,
	        .allow_loopback = loopback,
	        .follow_redirects = true,
	};
	upload->client = http_client_new(&options, error);
	if (upload->client == NULL)
		return NULL;
	upload->origins = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	for (const char *const *host = hosts; *host != NULL; host++) {
		g_autofree char *url = g_strdup_printf("https://%s/", *host);
		char *origin = strpbrk(*host, "/?#@\\") == NULL ? http_origin(url) : NULL;
		if (origin == NULL) {
			error_set(error, ERROR_CONFIG, "upload.host",
			        "archive.upload_hosts: \"%s\" is no host name; write it as "
			        "upload.example or upload.example:5443",
			        *host);
			upload_free(g_steal_pointer(&upload));
			return NULL;
		}
		g_hash_table_add(upload->origins, origin);
	}
	return g_steal_pointer(&upload);
}

void upload_free(struct upload *upload)
{
	http_client_free(upload->client);
	g_hash_table_unref(upload->origins);
	g_free(upload);
}

bool upload_is_wanted(const struct upload *upload)
{
	return g_hash_table_size(upload->origins) > 0;
}

bool upload_is_known(const struct upload *upload, const char *url)
{
	g_autofree char *origin = http_origin(url);
	return origin != NULL && g_hash_table_contains(upload->origins, origin);
}

static bool accept(const struct http_response *response, const char *url, GError **error)
{
	if (response->status == 200)
		return true;
	/* What is not there will not come back; what is troubled may. */
	bool later = response->status >= 500 || response->status == 408 || response->status == 429;
	error_set(error, later ? ERROR_RETRY : ERROR_ITEM, later ? "upload.trouble" : "upload.gone",
	        "%s answered HTTP %d", url, response->status);
	return false;
}

GBytes *upload_fetch(struct upload *upload, const char *url, GError **error)
{
	g_autoptr(GError) fault = NULL;
	autoptr(http_response) response = NULL;
	if (!upload_is_known(upload, url)) {
		error_set(error, ERROR_ITEM, "upload.host",
		        "%s is not of a host in archive.upload_hosts, so it is not fetched", url);
		return NULL;
	}
	const struct http_request request = {.url = url, .repeatable = true};
	if (!http_perform(upload->client, &request, &response, &fault)) {
		if (error_is(fault, "http.too_large"))
			error_set(error, ERROR_ITEM, "upload.too_large",
			        "it is larger than the %zu MiB of archive.files_max_mb",
			        upload->max_bytes / MIB);
		else
			g_propagate_error(error, g_steal_pointer(&fault));
		return NULL;
	}
	if (!accept(response, url, error))
		return NULL;
	return g_bytes_new(response->body->data, response->body->len);
}
