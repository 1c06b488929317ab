#include "cli/probe.h"

#include "core/clock.h"
#include "core/error.h"
#include "oauth/principal.h"
#include "oauth/trust.h"
#include "wire/http.h"

#include <string.h>
#include <time.h>

struct probe {
	struct http_response *response;
	const char **headers;
	int64_t at_utc_us;
};

struct probe *probe_challenge(
        const struct config *config, const char *url, bool bearer, GError **error)
{
	http_global_init();
	autoptr(http_client) client = trust_client_new(config, url, error);
	if (client == NULL)
		return NULL;
	g_autoptr(GPtrArray) headers = g_ptr_array_new();
	char empty[] = "Authorization: Bearer";
	if (bearer)
		g_ptr_array_add(headers, empty);
	/* The challenge comes before the body is looked at; some servers know no GET here. */
	static const char body[] =
	        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\">"
	        "<s:Body/></s:Envelope>";
	const struct http_request request = {.method = "POST",
	        .url = url,
	        .headers = headers,
	        .body = body,
	        .body_len = sizeof body - 1,
	        .content_type = "text/xml; charset=utf-8",
	        .repeatable = true};
	struct http_response *response = NULL;
	if (!http_perform(client, &request, &response, error))
		return NULL;
	if (response->status != 401) {
		error_set(error, ERROR_CONFIG, "probe.status",
		        "%s answers HTTP status %d to a request without a credential instead of "
		        "401: check that "
		        "the URL is that of Exchange Web Services",
		        url, response->status);
		http_response_free(response);
		return NULL;
	}
	struct probe *probe = g_new0(struct probe, 1);
	probe->response = response;
	probe->headers = http_response_headers(response, "WWW-Authenticate");
	probe->at_utc_us = clock_utc_us();
	return probe;
}

void probe_free(struct probe *probe)
{
	g_free(probe->headers);
	http_response_free(probe->response);
	g_free(probe);
}

const char *const *probe_headers(const struct probe *probe)
{
	return probe->headers;
}

bool probe_clock_offset_s(const struct probe *probe, int64_t *offset_s)
{
	const char *date = http_response_header(probe->response, "Date");
	struct tm parts = {0};
	const char *end = date != NULL ? strptime(date, "%a, %d %b %Y %H:%M:%S", &parts) : NULL;
	if (end == NULL)
		return false;
	*offset_s = (int64_t)timegm(&parts) - probe->at_utc_us / CLOCK_US_PER_S;
	return true;
}

const char *probe_address(const struct probe *probe)
{
	return probe->response->peer_address;
}

const char *probe_certificate(const struct probe *probe)
{
	return probe->response->peer_certificate;
}

const char *cli_partner_url(const struct config *config, const char *partner, GError **error)
{
	for (const char *const *name = config_names(config, "server"); *name != NULL; name++)
		if (g_str_equal(config_string(config, "server", *name, "partner"), partner) &&
		        g_str_equal(config_string(config, "server", *name, "auth"), "token"))
			return config_require(config, "server", *name, "url", error);
	error_set(error, ERROR_CONFIG, "server.unknown",
	        "%s: no [server NAME] with auth = token has the partner %s: add one, or say --url",
	        config_path(config), partner);
	return NULL;
}

char *cli_public_host(const struct config *config, GError **error)
{
	const char *url = config_require(config, "listen", NULL, "public_url", error);
	g_autofree char *origin = url != NULL ? http_origin(url) : NULL;
	if (url != NULL && origin == NULL)
		error_set(error, ERROR_CONFIG, "listener.address",
		        "listen.public_url = %s is no https URL", url);
	return origin != NULL ? principal_origin_host(origin) : NULL;
}

char **cli_sip_domains(const struct config *config)
{
	GPtrArray *domains = g_ptr_array_new();
	for (const char *const *name = config_names(config, "domain"); *name != NULL; name++) {
		const char *sip = config_string(config, "domain", *name, "sip_domain");
		g_ptr_array_add(domains, g_strdup(sip != NULL ? sip : *name));
	}
	g_ptr_array_add(domains, NULL);
	return (char **)g_ptr_array_free(domains, FALSE);
}
