/*
 * HTTP client on libcurl: one client is one easy handle, kept alive, used by one thread.
 *
 * TLS is always verified. Addresses are checked at connect, whatever name led there: loopback and
 * link-local (cloud metadata services live there) only when allowed. Proxies in the environment are
 * ignored. Request bodies are never chunked and carry no `Expect:`, because some servers refuse
 * both.
 *
 * Reasons of errors and their classes. The sentence names the origin, the cause, the next step.
 *
 *   http.name            RETRY      host name unknown
 *   http.unreachable     RETRY      refused, no route, or not connected in time
 *   http.address_refused CONFIG     the name leads to an address that is not allowed
 *   http.tls_not         CONFIG     the other side does not speak TLS
 *   http.tls_untrusted   CONFIG     certificate signed by a CA that is not trusted
 *   http.tls_ca_file     CONFIG     our file of trusted CAs holds no certificate
 *   http.tls_expired     CONFIG     certificate expired or not yet valid
 *   http.tls_name        CONFIG     certificate is for another name
 *   http.tls             RETRY      handshake failed for another cause
 *   http.timeout         RETRY, or UNCERTAIN when the request had begun to be sent
 *   http.reset           the same: connection lost, answer cut short
 *   http.protocol        the same: the answer is not HTTP
 *   http.cancelled       the same: options.cancelled said so
 *   http.too_large       ITEM       the answer exceeds a ceiling
 *   http.redirect        CONFIG     a redirect leaves the origin, or there are too many
 *   http.request         CONFIG     bad URL, scheme or header
 *
 * A request marked repeatable, and GET and HEAD, are never UNCERTAIN. An error of on_head or
 * on_body is handed on untouched. HTTP status 4xx and 5xx are answers, not errors.
 */
#ifndef IMEX_WIRE_HTTP_H
#define IMEX_WIRE_HTTP_H

#include "core/auto.h"
#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_client;
struct http_share;

/* Before any thread starts, and after the last has ended. Does libxml2's set-up too. */
void http_global_init(void);
void http_global_cleanup(void);

/* DNS answers and TLS sessions for clients of several threads. Outlives its clients. */
struct http_share *http_share_new(void);
void http_share_free(struct http_share *share);
AUTO_DEFINE(http_share, http_share_free);

/* Zero or NULL means the default. Strings are copied. */
struct http_options {
	const char *ca_file; /* PEM, trusted instead of the system's CAs; NULL: those */
	const char *user_agent; /* "imex/VERSION" */
	int connect_timeout_ms; /* DNS, TCP and TLS together; 10 s */
	int first_byte_timeout_ms; /* from the last byte sent; 60 s */
	int total_timeout_ms; /* deadline of a whole exchange; 120 s; HTTP_NO_DEADLINE: none */
	int stall_timeout_ms; /* no byte for so long ends it; 30 s */
	size_t max_body_bytes; /* after decompression; 64 MiB */
	size_t max_header_bytes; /* all headers of one answer; 64 KiB */
	bool allow_loopback;
	bool allow_link_local;
	bool allow_plain; /* http:// too */
	bool follow_redirects; /* GET and HEAD, within the origin, at most 5 */
	bool compressed; /* offer gzip and deflate */
	bool keep_peer; /* fill response.peer_*, for those who look at the way itself */
	const char *resolve; /* "host:port:address": answer instead of DNS (tests, split horizon) */
	struct http_share *share;
	bool (*cancelled)(void *data); /* asked about once a second and at every progress */
	void *cancelled_data;
};

#define HTTP_NO_DEADLINE (-1)

struct http_client *http_client_new(const struct http_options *options, GError **error);
void http_client_free(struct http_client *client);
AUTO_DEFINE(http_client, http_client_free);

/* Cookies are kept within a client and sent back; forget them when the mailbox changes, and on 401.
 */
void http_client_clear_cookies(struct http_client *client);
/* Cookies and connections: the next request looks up, connects and is routed anew. */
void http_client_reset(struct http_client *client);

struct http_response {
	int status;
	GPtrArray *headers; /* char *, "Name: value" in order of arrival, of the last answer */
	GByteArray *body; /* what was collected; empty when streamed; a NUL follows data[len] */
	bool reused; /* went over a kept connection */
	int64_t sent_bytes, received_bytes;
	char *peer_address; /* numeric; NULL without options.keep_peer */
	char *peer_certificate; /* PEM of its own TLS certificate; NULL likewise, or over http:// */
};

void http_response_free(struct http_response *response);
AUTO_DEFINE(http_response, http_response_free);

/* The first header of that name (case does not matter), white space trimmed; NULL when absent. */
const char *http_response_header(const struct http_response *response, const char *name);
/* All of that name ("WWW-Authenticate" comes several times): NULL-terminated array of borrowed
 * strings. */
const char **http_response_headers(const struct http_response *response, const char *name);

struct http_request {
	const char *method; /* NULL: GET */
	const char *url;
	const GPtrArray *headers; /* char *, "Name: value"; may be NULL; CR and LF are refused */
	const void *body;
	size_t body_len;
	const char *content_type; /* NULL: none sent */
	int deadline_ms; /* 0: total_timeout_ms of the client */
	size_t max_body_bytes; /* 0: that of the client */
	bool repeatable; /* a read: may be sent again when a kept connection turns out dead */
	/*
	 * Called once, before the body, with status and headers of the final answer. Sets *stream
	 * when on_body is to have this body; otherwise it is collected. NULL: on_body has the body
	 * of every 2xx answer if on_body is set, all else is collected.
	 */
	bool (*on_head)(const struct http_response *head, bool *stream, void *data, GError **error);
	bool (*on_body)(const char *bytes, size_t len, void *data, GError **error);
	void *data;
};

/* false: no answer, *out is NULL. */
bool http_perform(struct http_client *client, const struct http_request *request,
        struct http_response **out, GError **error);

/* "https://host:443" of an http or https URL, lower case, port always there; NULL when it is
 * neither. */
char *http_origin(const char *url);
bool http_same_origin(const char *a, const char *b);

#endif
