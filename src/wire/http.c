#include "wire/http.h"

#include "core/clock.h"
#include "wire/http_private.h"
#include <config.h>
#include <string.h>
#include <unistd.h>

#define MAX_REDIRECTS 5
#define RECEIVE_BUFFER_BYTES (128 * 1024L)

static const struct http_options defaults = {
        .user_agent = PACKAGE_NAME "/" PACKAGE_VERSION,
        .connect_timeout_ms = 10 * 1000,
        .first_byte_timeout_ms = 60 * 1000,
        .total_timeout_ms = 120 * 1000,
        .stall_timeout_ms = 30 * 1000,
        .max_body_bytes = (size_t)64 * 1024 * 1024,
        .max_header_bytes = (size_t)64 * 1024,
};

#define DEFAULT(field)                                                                             \
	do {                                                                                       \
		if (options->field == 0)                                                           \
			options->field = defaults.field;                                           \
	} while (0)

static void fill_defaults(struct http_options *options)
{
	DEFAULT(user_agent);
	DEFAULT(connect_timeout_ms);
	DEFAULT(first_byte_timeout_ms);
	DEFAULT(total_timeout_ms);
	DEFAULT(stall_timeout_ms);
	DEFAULT(max_body_bytes);
	DEFAULT(max_header_bytes);
}

/* Checks the peer's address whatever name led there; curl then tries the next one, if any. */
static curl_socket_t on_socket(void *data, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct http_exchange *exchange = data;
	const struct http_options *options = &exchange->client->options;
	enum http_address kind = http_address_kind(&address->addr);
	bool allowed = kind == HTTP_ADDRESS_FINE ||
	               (kind == HTTP_ADDRESS_LOOPBACK && options->allow_loopback) ||
	               (kind == HTTP_ADDRESS_LINK_LOCAL && options->allow_link_local);

	(void)purpose;
	if (!allowed) {
		http_address_text(&address->addr, exchange->refused, sizeof(exchange->refused));
		return CURL_SOCKET_BAD;
	}
	exchange->sockets++;
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/*
 * Connected, and the request is about to be sent. When a kept connection turns out dead, curl sends
 * the request again over a new one by itself; what must not happen twice is stopped here.
 */
static int on_send(void *data, char *peer, char *own, int peer_port, int own_port)
{
	struct http_exchange *exchange = data;

	(void)peer;
	(void)own;
	(void)peer_port;
	(void)own_port;
	if (exchange->sends > 0 && !exchange->repeatable) {
		exchange->stop = HTTP_STOP_RESEND;
		return CURL_PREREQFUNC_ABORT;
	}
	exchange->sends++;
	exchange->waiting_since_us = 0;
	exchange->moved_us = clock_mono_us();
	return CURL_PREREQFUNC_OK;
}

static bool is_over(int64_t since_us, int limit_ms, int64_t now_us)
{
	return limit_ms > 0 && since_us != 0 && now_us - since_us > (int64_t)limit_ms * 1000;
}

/* Called about once a second and at every progress. Not 0 ends the exchange. */
static int on_progress(
        void *data, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
	struct http_exchange *exchange = data;
	const struct http_options *options = &exchange->client->options;
	int64_t now_us = clock_mono_us();

	(void)down_total;
	(void)up_total;
	if (exchange->stop != HTTP_STOP_NONE)
		return 1;
	if (exchange->moved != down + up) {
		exchange->moved = down + up;
		exchange->moved_us = now_us;
	}
	bool waiting = exchange->sends > 0 && !exchange->head_seen &&
	               (size_t)up >= exchange->request->body_len;

	if (waiting && exchange->waiting_since_us == 0)
		exchange->waiting_since_us = now_us;
	if (options->cancelled != NULL && options->cancelled(options->cancelled_data))
		exchange->stop = HTTP_STOP_CANCELLED;
	else if (waiting &&
	         is_over(exchange->waiting_since_us, options->first_byte_timeout_ms, now_us))
		exchange->stop = HTTP_STOP_FIRST_BYTE;
	else if (!waiting && exchange->sends > 0 &&
	         is_over(exchange->moved_us, options->stall_timeout_ms, now_us))
		exchange->stop = HTTP_STOP_STALL;
	return exchange->stop != HTTP_STOP_NONE;
}

static bool is_redirect(const struct http_exchange *exchange)
{
	static const int statuses[] = {301, 302, 303, 307, 308};
	const char *method = exchange->request->method;

	if (!exchange->client->options.follow_redirects || exchange->request->body != NULL ||
	        (method != NULL && strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0))
		return false;
	for (size_t i = 0; i < G_N_ELEMENTS(statuses); i++) {
		if (exchange->response->status == statuses[i])
			return http_response_header(exchange->response, "Location") != NULL;
	}
	return false;
}

/* All headers are there; 1xx answers are preludes of the real one. */
static bool head_done(struct http_exchange *exchange)
{
	const struct http_request *request = exchange->request;
	struct http_response *response = exchange->response;
	long status = 0;

	curl_easy_getinfo(exchange->client->curl, CURLINFO_RESPONSE_CODE, &status);
	response->status = (int)status;
	if (status < 200)
		return true;
	exchange->head_done = true;
	if (is_redirect(exchange))
		return true;
	if (request->on_head == NULL) {
		exchange->stream = request->on_body != NULL && status < 300;
		return true;
	}
	if (request->on_head(response, &exchange->stream, request->data, &exchange->error)) {
		g_assert(!exchange->stream || request->on_body != NULL);
		return true;
	}
	exchange->stop = HTTP_STOP_HANDLER;
	return false;
}

static void add_header(GPtrArray *headers, const char *line, size_t len)
{
	/* A line that begins with white space continues the one before (RFC 9112, 5.2). */
	if ((line[0] == ' ' || line[0] == '\t') && headers->len > 0) {
		g_autofree char *more = g_strndup(line, len);
		char **last = (char **)&headers->pdata[headers->len - 1];
		char *joined = g_strconcat(*last, " ", g_strstrip(more), NULL);

		g_free(*last);
		*last = joined;
		return;
	}
	g_ptr_array_add(headers, g_strndup(line, len));
}

static size_t on_header(char *line, size_t size, size_t count, void *data)
{
	struct http_exchange *exchange = data;
	size_t len = size * count, text_len = len;

	exchange->head_seen = true;
	exchange->moved_us = clock_mono_us();
	exchange->header_bytes += len;
	if (exchange->header_bytes > exchange->client->options.max_header_bytes) {
		exchange->stop = HTTP_STOP_HEADERS_TOO_LARGE;
		return 0;
	}
	/* Trailers of a chunked body come here, too; nobody asks for them. */
	if (exchange->head_done)
		return len;
	while (text_len > 0 && (line[text_len - 1] == '\r' || line[text_len - 1] == '\n'))
		text_len--;
	if (text_len == 0)
		return head_done(exchange) ? len : 0;
	if (text_len >= 5 && memcmp(line, "HTTP/", 5) == 0)
		g_ptr_array_set_size(exchange->response->headers, 0);
	else
		add_header(exchange->response->headers, line, text_len);
	return len;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *data)
{
	struct http_exchange *exchange = data;
	const struct http_request *request = exchange->request;
	size_t len = size * count;

	if (len > exchange->max_body_bytes - exchange->body_bytes) {
		exchange->stop = HTTP_STOP_BODY_TOO_LARGE;
		return 0;
	}
	exchange->body_bytes += len;
	if (!exchange->stream) {
		g_byte_array_append(exchange->response->body, (const guint8 *)bytes, (guint)len);
		return len;
	}
	if (request->on_body(bytes, len, request->data, &exchange->error))
		return len;
	exchange->stop = HTTP_STOP_HANDLER;
	return 0;
}

/* What is the same for every request. */
static void handle_open(struct http_client *client)
{
	const struct http_options *options = &client->options;
	CURL *curl = client->curl = curl_easy_init();

	g_assert(curl != NULL);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, client->curl_error);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(
	        curl, CURLOPT_PROTOCOLS_STR, options->allow_plain ? "http,https" : "https");
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_COOKIEFILE, "");
	curl_easy_setopt(curl, CURLOPT_USERAGENT, client->user_agent);
	curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, RECEIVE_BUFFER_BYTES);
	curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
	if (client->ca_file != NULL) {
		curl_easy_setopt(curl, CURLOPT_CAINFO, client->ca_file);
		curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	}
	if (options->compressed)
		curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "gzip, deflate");
	if (options->keep_peer)
		curl_easy_setopt(curl, CURLOPT_CERTINFO, 1L);
	if (client->resolve != NULL)
		curl_easy_setopt(curl, CURLOPT_RESOLVE, client->resolve);
	if (options->share != NULL)
		curl_easy_setopt(curl, CURLOPT_SHARE, http_share_handle(options->share));
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, on_socket);
	curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, on_send);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
}

struct http_client *http_client_new(const struct http_options *options, GError **error)
{
	if (options->ca_file != NULL && access(options->ca_file, R_OK) != 0) {
		error_set(error, ERROR_CONFIG, "http.request",
		        "CA file %s cannot be read; check its path and mode", options->ca_file);
		return NULL;
	}
	struct http_client *client = g_new0(struct http_client, 1);

	client->options = *options;
	fill_defaults(&client->options);
	client->ca_file = g_strdup(options->ca_file);
	client->user_agent = g_strdup(client->options.user_agent);
	if (options->resolve != NULL)
		client->resolve = curl_slist_append(NULL, options->resolve);
	/* Those of the caller may be gone later. */
	client->options.ca_file = client->options.user_agent = client->options.resolve = NULL;
	handle_open(client);
	return client;
}

void http_client_free(struct http_client *client)
{
	if (client == NULL)
		return;
	curl_easy_cleanup(client->curl);
	curl_slist_free_all(client->resolve);
	g_free(client->ca_file);
	g_free(client->user_agent);
	g_free(client);
}

void http_client_clear_cookies(struct http_client *client)
{
	curl_easy_setopt(client->curl, CURLOPT_COOKIELIST, "ALL");
}

void http_client_reset(struct http_client *client)
{
	curl_easy_cleanup(client->curl);
	handle_open(client);
}

static struct http_response *response_new(void)
{
	struct http_response *response = g_new0(struct http_response, 1);

	response->headers = g_ptr_array_new_with_free_func(g_free);
	response->body = g_byte_array_new();
	return response;
}

void http_response_free(struct http_response *response)
{
	if (response == NULL)
		return;
	g_ptr_array_unref(response->headers);
	g_byte_array_unref(response->body);
	g_free(response->peer_address);
	g_free(response->peer_certificate);
	g_free(response);
}

/* The value when the line is a header of that name, else NULL. */
static const char *header_value(const char *line, const char *name)
{
	size_t len = strlen(name);

	if (g_ascii_strncasecmp(line, name, len) != 0 || line[len] != ':')
		return NULL;
	return line + len + 1 + strspn(line + len + 1, " \t");
}

const char *http_response_header(const struct http_response *response, const char *name)
{
	for (guint i = 0; i < response->headers->len; i++) {
		const char *value = header_value(response->headers->pdata[i], name);

		if (value != NULL)
			return value;
	}
	return NULL;
}

const char **http_response_headers(const struct http_response *response, const char *name)
{
	GPtrArray *values = g_ptr_array_new();

	for (guint i = 0; i < response->headers->len; i++) {
		const char *value = header_value(response->headers->pdata[i], name);

		if (value != NULL)
			g_ptr_array_add(values, (gpointer)(uintptr_t)value);
	}
	g_ptr_array_add(values, NULL);
	return (const char **)g_ptr_array_free(values, FALSE);
}

static bool refuse(const char *what, GError **error)
{
	error_set(error, ERROR_CONFIG, "http.request",
	        "an HTTP request was not sent, because %s; mend the URL or the configuration",
	        what);
	return false;
}

static bool url_check(const struct http_client *client, const char *url, GError **error)
{
	g_autofree char *origin = http_origin(url);

	if (origin == NULL)
		return refuse("its URL is neither http nor https", error);
	if (g_str_has_prefix(origin, "http:") && !client->options.allow_plain)
		return refuse("its URL begins with http, which would send it in the clear", error);
	/* User and password in a URL end up in logs; they belong into a header. */
	const char *authority = strstr(url, "//");

	if (authority != NULL && memchr(authority + 2, '@', strcspn(authority + 2, "/?#")) != NULL)
		return refuse("its URL holds a user name or password", error);
	return true;
}

static bool request_check(
        const struct http_client *client, const struct http_request *request, GError **error)
{
	if (!url_check(client, request->url, error))
		return false;
	for (const char *p = request->method; p != NULL && *p != '\0'; p++) {
		if (!g_ascii_isupper(*p))
			return refuse("its method is not a word in capitals", error);
	}
	if (request->content_type != NULL && strpbrk(request->content_type, "\r\n") != NULL)
		return refuse("its content type holds a line break", error);
	for (guint i = 0; request->headers != NULL && i < request->headers->len; i++) {
		const char *line = request->headers->pdata[i];

		/* The header itself is not shown: it might hold a token. */
		if (strpbrk(line, "\r\n") != NULL || strchr(line, ':') == NULL)
			return refuse("a header has no name or holds a line break", error);
	}
	return true;
}

static struct curl_slist *headers_make(const struct http_request *request)
{
	g_autofree char *type =
	        g_strconcat("Content-Type:", request->content_type != NULL ? " " : "",
	                request->content_type, NULL);
	/* Some servers answer neither "Expect: 100-continue" nor chunks. */
	struct curl_slist *list = curl_slist_append(NULL, "Expect:");

	/* Without a value it keeps curl from naming a form's. */
	list = curl_slist_append(list, type);
	for (guint i = 0; request->headers != NULL && i < request->headers->len; i++)
		list = curl_slist_append(list, request->headers->pdata[i]);
	return list;
}

static void method_set(CURL *curl, const struct http_request *request)
{
	const char *method = request->method != NULL ? request->method : "GET";
	bool is_head = strcmp(method, "HEAD") == 0, is_get = strcmp(method, "GET") == 0;
	bool has_body =
	        request->body != NULL || !(is_head || is_get || strcmp(method, "DELETE") == 0 ||
	                                         strcmp(method, "OPTIONS") == 0);

	/* This also undoes NOBODY and POST of the request before. */
	curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
	if (is_head)
		curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
	if (has_body) {
		curl_easy_setopt(curl, CURLOPT_POST, 1L);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
		curl_easy_setopt(
		        curl, CURLOPT_POSTFIELDS, request->body != NULL ? request->body : "");
	}
	bool is_native = is_head || (is_get && !has_body) || strcmp(method, "POST") == 0;

	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, is_native ? NULL : method);
}

/* Whom we spoke to. */
static void peer_keep(CURL *curl, struct http_response *response)
{
	struct curl_certinfo *chain = NULL;
	char *address = NULL;

	if (curl_easy_getinfo(curl, CURLINFO_PRIMARY_IP, &address) == CURLE_OK)
		response->peer_address = g_strdup(address);
	if (curl_easy_getinfo(curl, CURLINFO_CERTINFO, &chain) != CURLE_OK || chain == NULL ||
	        chain->num_of_certs < 1)
		return;
	for (const struct curl_slist *fact = chain->certinfo[0]; fact != NULL; fact = fact->next) {
		if (g_str_has_prefix(fact->data, "Cert:"))
			response->peer_certificate = g_strdup(fact->data + strlen("Cert:"));
	}
}

static void response_fill(struct http_exchange *exchange)
{
	CURL *curl = exchange->client->curl;
	struct http_response *response = exchange->response;
	curl_off_t down = 0;
	long connects = 0, request_bytes = 0, header_bytes = 0;

	curl_easy_getinfo(curl, CURLINFO_NUM_CONNECTS, &connects);
	curl_easy_getinfo(curl, CURLINFO_REQUEST_SIZE, &request_bytes);
	curl_easy_getinfo(curl, CURLINFO_HEADER_SIZE, &header_bytes);
	curl_easy_getinfo(curl, CURLINFO_SIZE_DOWNLOAD_T, &down);
	response->reused = connects == 0;
	response->sent_bytes = request_bytes;
	response->received_bytes = header_bytes + down;
	if (exchange->client->options.keep_peer)
		peer_keep(curl, response);
	/* So that a collected text can be read as one. */
	g_byte_array_append(response->body, (const guint8 *)"", 1);
	g_byte_array_set_size(response->body, response->body->len - 1);
}

/* One exchange with one URL. */
static bool exchange_run(
        struct http_exchange *exchange, const char *url, long timeout_ms, GError **error)
{
	CURL *curl = exchange->client->curl;
	struct curl_slist *headers = headers_make(exchange->request);

	exchange->client->curl_error[0] = '\0';
	method_set(curl, exchange->request);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
	        (long)exchange->client->options.connect_timeout_ms);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout_ms);
	curl_easy_setopt(curl, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)exchange->max_body_bytes);
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, exchange);
	curl_easy_setopt(curl, CURLOPT_PREREQDATA, exchange);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, exchange);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, exchange);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, exchange);
	CURLcode code = curl_easy_perform(curl);

	/* Nothing of the caller's is kept. */
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, NULL);
	curl_slist_free_all(headers);
	if (exchange->stop == HTTP_STOP_HANDLER)
		g_propagate_error(error, g_steal_pointer(&exchange->error));
	else if (code != CURLE_OK || exchange->stop != HTTP_STOP_NONE)
		http_fail(exchange, code, error);
	else
		response_fill(exchange);
	return code == CURLE_OK && exchange->stop == HTTP_STOP_NONE;
}

static bool is_safe(const struct http_request *request)
{
	return request->repeatable || request->method == NULL ||
	       strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;
}

/* The next URL of a redirect within the origin. */
static bool redirect(const struct http_exchange *exchange, const char *url, unsigned hops,
        char **next, GError **error)
{
	g_autofree char *target =
	        http_resolve_url(url, http_response_header(exchange->response, "Location"));
	g_autofree char *origin = http_origin(url);
	g_autofree char *target_origin = target != NULL ? http_origin(target) : NULL;

	if (target_origin == NULL || strcmp(origin, target_origin) != 0) {
		error_set(error, ERROR_CONFIG, "http.redirect",
		        "%s: it redirects to %s; if that is right, use that URL in the first place",
		        origin, target_origin != NULL ? target_origin : "something that is no URL");
		return false;
	}
	if (hops == MAX_REDIRECTS) {
		error_set(error, ERROR_CONFIG, "http.redirect",
		        "%s: it redirects again and again; check the URL", origin);
		return false;
	}
	*next = g_steal_pointer(&target);
	return true;
}

/* Follows redirects as far as allowed; the last answer is in the exchange. */
static bool exchange_follow(struct http_exchange *exchange, long timeout_ms, GError **error)
{
	g_autofree char *url = g_strdup(exchange->request->url);
	int64_t until_us = clock_mono_us() + (int64_t)timeout_ms * 1000;

	for (unsigned hops = 0;; hops++) {
		long left_ms = (long)((until_us - clock_mono_us()) / 1000);

		if (timeout_ms != 0 && left_ms <= 0) {
			http_fail_timeout(exchange, "its answer was not complete in time", error);
			return false;
		}
		if (!exchange_run(exchange, url, timeout_ms != 0 ? left_ms : 0, error))
			return false;
		if (!is_redirect(exchange))
			return true;
		char *next = NULL;

		if (!redirect(exchange, url, hops, &next, error))
			return false;
		g_free(url);
		url = next;
		http_response_free(exchange->response);
		exchange->response = response_new();
		exchange->head_seen = exchange->head_done = false;
		exchange->header_bytes = exchange->body_bytes = 0;
	}
}

bool http_perform(struct http_client *client, const struct http_request *request,
        struct http_response **out, GError **error)
{
	const struct http_options *options = &client->options;
	int deadline_ms =
	        request->deadline_ms != 0 ? request->deadline_ms : options->total_timeout_ms;

	*out = NULL;
	if (!request_check(client, request, error))
		return false;
	struct http_exchange exchange = {
	        .client = client,
	        .request = request,
	        .response = response_new(),
	        .repeatable = is_safe(request),
	        .max_body_bytes = request->max_body_bytes != 0 ? request->max_body_bytes
	                                                       : options->max_body_bytes,
	};
	bool done = exchange_follow(&exchange, deadline_ms > 0 ? deadline_ms : 0, error);

	if (done)
		*out = g_steal_pointer(&exchange.response);
	http_response_free(exchange.response);
	g_clear_error(&exchange.error);
	return done;
}
