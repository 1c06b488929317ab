/* What the files of the HTTP client share. Only src/wire/http*.c and their tests include this. */
#ifndef IMEX_WIRE_HTTP_PRIVATE_H
#define IMEX_WIRE_HTTP_PRIVATE_H

#include "core/error.h"
#include "wire/http.h"
#include <curl/curl.h>
#include <sys/socket.h>

struct http_client {
	struct http_options options; /* every zero replaced by its default */
	char *ca_file, *user_agent;
	struct curl_slist *resolve;
	CURL *curl;
	char curl_error[CURL_ERROR_SIZE];
};

/* Why an exchange was ended by us. */
enum http_stop {
	HTTP_STOP_NONE,
	HTTP_STOP_HANDLER, /* exchange.error says more */
	HTTP_STOP_CANCELLED,
	HTTP_STOP_FIRST_BYTE,
	HTTP_STOP_STALL,
	HTTP_STOP_BODY_TOO_LARGE,
	HTTP_STOP_HEADERS_TOO_LARGE,
	HTTP_STOP_RESEND, /* curl wanted to send again what must not be sent twice */
};

/* One request and its answer, while they are under way. */
struct http_exchange {
	struct http_client *client;
	const struct http_request *request;
	struct http_response *response;
	GError *error;
	enum http_stop stop;
	bool repeatable;
	unsigned sends; /* how often a request began to be sent */
	unsigned sockets; /* opened */
	char refused[64]; /* the address that was not allowed, or "" */
	bool head_seen, head_done, stream;
	size_t header_bytes, body_bytes, max_body_bytes;
	curl_off_t moved; /* bytes in both directions at moved_us */
	int64_t moved_us;
	int64_t waiting_since_us; /* all was sent; 0: not yet */
};

/* Turns what curl says into our error. */
void http_fail(const struct http_exchange *exchange, CURLcode code, GError **error);
void http_fail_timeout(const struct http_exchange *exchange, const char *why, GError **error);

enum http_address {
	HTTP_ADDRESS_FINE,
	HTTP_ADDRESS_LOOPBACK,
	HTTP_ADDRESS_LINK_LOCAL,
	HTTP_ADDRESS_NEVER
};

/* What kind of peer this is; IPv4 addresses inside IPv6 ones are looked at, too. */
enum http_address http_address_kind(const struct sockaddr *address);
/* Numeric, for messages. */
void http_address_text(const struct sockaddr *address, char *text, size_t len);

/* The handle of a share. */
CURLSH *http_share_handle(struct http_share *share);

/* Location resolved against url; NULL when it is no URL. */
char *http_resolve_url(const char *url, const char *location);

#endif
