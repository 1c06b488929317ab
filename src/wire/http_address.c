/* Where a request may go: addresses and origins. */
#include "wire/http_private.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

/* First match wins; RFC 6890 and its registries. */
static const struct {
	uint32_t net;
	unsigned bits;
	enum http_address kind;
} nets[] = {
        {0x7F000000, 8, HTTP_ADDRESS_LOOPBACK}, {0xA9FE0000, 16, HTTP_ADDRESS_LINK_LOCAL},
        {0x00000000, 8, HTTP_ADDRESS_NEVER},
        {0xE0000000, 3, HTTP_ADDRESS_NEVER}, /* multicast, reserved, broadcast */
};

static enum http_address kind_of_ipv4(const unsigned char *bytes)
{
	uint32_t address = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
	                   (uint32_t)bytes[2] << 8 | bytes[3];

	for (size_t i = 0; i < G_N_ELEMENTS(nets); i++) {
		if ((address ^ nets[i].net) >> (32 - nets[i].bits) == 0)
			return nets[i].kind;
	}
	return HTTP_ADDRESS_FINE;
}

/* Prefixes behind which an IPv4 address stands, and where: mapped, compatible, NAT64, 6to4. */
static const struct {
	unsigned char prefix[12];
	size_t len, at;
} wrappers[] = {
        {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF}, 12, 12},
        {{0}, 12, 12},
        {{0, 0x64, 0xFF, 0x9B}, 12, 12},
        {{0x20, 0x02}, 2, 2},
};

static enum http_address kind_of_ipv6(const unsigned char *bytes)
{
	static const unsigned char loopback[16] = {[15] = 1};

	if (memcmp(bytes, loopback, sizeof(loopback)) == 0)
		return HTTP_ADDRESS_LOOPBACK;
	for (size_t i = 0; i < G_N_ELEMENTS(wrappers); i++) {
		if (memcmp(bytes, wrappers[i].prefix, wrappers[i].len) == 0)
			return kind_of_ipv4(bytes + wrappers[i].at);
	}
	if (bytes[0] == 0xFF)
		return HTTP_ADDRESS_NEVER;
	if (bytes[0] == 0xFE && (bytes[1] & 0xC0) == 0x80)
		return HTTP_ADDRESS_LINK_LOCAL;
	return HTTP_ADDRESS_FINE;
}

enum http_address http_address_kind(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, address, sizeof(in));
		return kind_of_ipv4((const unsigned char *)&in.sin_addr);
	}
	if (address->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, address, sizeof(in6));
		return kind_of_ipv6(in6.sin6_addr.s6_addr);
	}
	return HTTP_ADDRESS_NEVER;
}

void http_address_text(const struct sockaddr *address, char *text, size_t len)
{
	const void *bytes = NULL;

	g_strlcpy(text, "an address of another family", len);
	if (address->sa_family == AF_INET)
		bytes = &((const struct sockaddr_in *)(const void *)address)->sin_addr;
	else if (address->sa_family == AF_INET6)
		bytes = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
	if (bytes != NULL)
		inet_ntop(address->sa_family, bytes, text, (socklen_t)len);
}

/* A part of the URL, or NULL; freed with curl_free(). */
static char *url_part(CURLU *parsed, CURLUPart part, unsigned flags)
{
	char *text = NULL;

	return curl_url_get(parsed, part, &text, flags) == CURLUE_OK ? text : NULL;
}

char *http_origin(const char *url)
{
	CURLU *parsed = curl_url();
	char *origin = NULL, *scheme = NULL, *host = NULL, *port = NULL;

	if (curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK) {
		scheme = url_part(parsed, CURLUPART_SCHEME, 0);
		host = url_part(parsed, CURLUPART_HOST, 0);
		port = url_part(parsed, CURLUPART_PORT, CURLU_DEFAULT_PORT);
	}
	if (host != NULL && port != NULL &&
	        (strcmp(scheme, "https") == 0 || strcmp(scheme, "http") == 0)) {
		g_autofree char *lower = g_ascii_strdown(host, -1);

		origin = g_strdup_printf("%s://%s:%s", scheme, lower, port);
	}
	curl_free(scheme);
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(parsed);
	return origin;
}

bool http_same_origin(const char *a, const char *b)
{
	g_autofree char *origin_a = http_origin(a), *origin_b = http_origin(b);

	return origin_a != NULL && origin_b != NULL && strcmp(origin_a, origin_b) == 0;
}

char *http_resolve_url(const char *url, const char *location)
{
	CURLU *parsed = curl_url();
	char *text = NULL, *resolved = NULL;

	/* Setting a relative URL on top of an absolute one resolves it. */
	if (curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK &&
	        curl_url_set(parsed, CURLUPART_URL, location, 0) == CURLUE_OK)
		text = url_part(parsed, CURLUPART_URL, 0);
	resolved = g_strdup(text);
	curl_free(text);
	curl_url_cleanup(parsed);
	return resolved;
}
