#include "core/error.h"
#include "core/thread.h"
#include "wire/http.h"
#include "wire/http_private.h"

#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

Suite *http_suite(void);

/* What the client may see of the test's servers; each test changes what it needs. */
static struct http_options options;
static struct http_client *client;

static void open_client(void)
{
	g_autoptr(GError) error = NULL;

	client = http_client_new(&options, &error);
	ck_assert_msg(client != NULL, "%s", error != NULL ? error->message : "");
}

static void set_up(void)
{
	options = (struct http_options){
	        .ca_file = g_build_filename(g_getenv("IMEX_TEST_HTTP"), "ca.pem", NULL),
	        .allow_loopback = true,
	};
	open_client();
}

static void tear_down(void)
{
	g_clear_pointer(&client, http_client_free);
	g_free((char *)(uintptr_t)options.ca_file);
}

/* Opens the client again with the options as they are now. */
static void reopen(void)
{
	http_client_free(client);
	open_client();
}

static char *url_at(const char *scheme, const char *host, const char *port, const char *path)
{
	g_autofree char *variable = g_strconcat("IMEX_TEST_PORT_", port, NULL);

	return g_strdup_printf("%s://%s:%s/%s", scheme, host, g_getenv(variable), path);
}

static struct http_response *answer_to(struct http_request *request, const char *path)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *url = url_at("https", "localhost", "GOOD", path);
	struct http_response *response = NULL;

	request->url = url;
	ck_assert_msg(http_perform(client, request, &response, &error), "%s: %s", path,
	        error != NULL ? error->message : "");
	ck_assert_ptr_null(error);
	return response;
}

static struct http_response *get(const char *path)
{
	struct http_request request = {0};

	return answer_to(&request, path);
}

static void expect_body(const char *path, const char *body)
{
	autoptr(http_response) response = get(path);

	ck_assert_str_eq((const char *)response->body->data, body);
}

static void fails_at(
        struct http_request *request, char *url, const char *reason, enum error_class error_class)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *owned = url;
	struct http_response *response = NULL;

	request->url = owned;
	ck_assert_msg(!http_perform(client, request, &response, &error), "%s worked", url);
	ck_assert_ptr_null(response);
	ck_assert_ptr_nonnull(error);
	ck_assert_msg(error_is(error, reason), "%s: expected %s, got %s: %s", url, reason,
	        error_reason(error), error->message);
	ck_assert_msg(error_class_of(error) == error_class, "%s: %s: class %s", url, reason,
	        error_class_name(error_class_of(error)));
	ck_assert_ptr_null(strstr(error->message, "secret"));
	ck_assert_ptr_null(strchr(error->message, '\n'));
}

/* A POST that must not be repeated, and the same as a read. */
static void post_fails(const char *path, const char *reason)
{
	struct http_request request = {.method = "POST", .body = "x", .body_len = 1};

	fails_at(&request, url_at("https", "localhost", "GOOD", path), reason, ERROR_UNCERTAIN);
	request.repeatable = true;
	fails_at(&request, url_at("https", "localhost", "GOOD", path), reason, ERROR_RETRY);
}

START_TEST(statuses_are_answers)
{
	static const int statuses[] = {200, 204, 302, 401, 404, 500, 503};

	for (size_t i = 0; i < G_N_ELEMENTS(statuses); i++) {
		g_autofree char *path = g_strdup_printf("status/%d", statuses[i]);
		autoptr(http_response) response = get(path);

		ck_assert_int_eq(response->status, statuses[i]);
	}
}
END_TEST

START_TEST(a_post_is_plain)
{
	g_autoptr(GPtrArray) headers = g_ptr_array_new();
	g_autofree char *body = g_strnfill(2000000, 'b');
	struct http_request request = {.method = "POST",
	        .headers = headers,
	        .body = body,
	        .body_len = 2000000,
	        .content_type = "text/xml; charset=utf-8"};

	g_ptr_array_add(headers, (gpointer)(uintptr_t) "X-AnchorMailbox: bob@mail.example");
	g_ptr_array_add(headers, (gpointer)(uintptr_t) "Authorization: Bearer secret");
	autoptr(http_response) response = answer_to(&request, "echo");
	const char *text = (const char *)response->body->data;

	ck_assert(g_str_has_prefix(text, "POST /echo HTTP/1.1\r\n"));
	ck_assert_ptr_nonnull(strstr(text, "\r\nContent-Length: 2000000\r\n"));
	ck_assert_ptr_nonnull(strstr(text, "\r\nContent-Type: text/xml; charset=utf-8\r\n"));
	ck_assert_ptr_nonnull(strstr(text, "\r\nX-AnchorMailbox: bob@mail.example"));
	ck_assert_ptr_nonnull(strstr(text, "\r\nAuthorization: Bearer secret"));
	ck_assert_ptr_nonnull(strstr(text, "\r\nUser-Agent: imex/"));
	ck_assert_ptr_null(strstr(text, "Expect"));
	ck_assert_ptr_null(strstr(text, "chunked"));
	ck_assert_ptr_null(strstr(text, "Accept-Encoding"));
	ck_assert_uint_eq(strlen(strstr(text, "\r\n\r\n") + 4), 2000000);
	ck_assert_int_gt(response->received_bytes, 2000000);
}
END_TEST

START_TEST(methods_do_not_stick)
{
	static const struct {
		const char *method, *body, *line;
	} cases[] = {
	        {"PUT", "x", "PUT /echo HTTP/1.1\r\n"},
	        {NULL, NULL, "GET /echo HTTP/1.1\r\n"},
	        {"POST", NULL, "POST /echo HTTP/1.1\r\n"},
	        {"DELETE", NULL, "DELETE /echo HTTP/1.1\r\n"},
	        {"HEAD", NULL, ""},
	        {"GET", NULL, "GET /echo HTTP/1.1\r\n"},
	        {"PATCH", "", "PATCH /echo HTTP/1.1\r\n"},
	        {"GET", NULL, "GET /echo HTTP/1.1\r\n"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		struct http_request request = {.method = cases[i].method,
		        .body = cases[i].body,
		        .body_len = cases[i].body != NULL ? strlen(cases[i].body) : 0};
		autoptr(http_response) response = answer_to(&request, "echo");
		const char *text = (const char *)response->body->data;

		ck_assert_msg(g_str_has_prefix(text, cases[i].line), "%s: %s", cases[i].line, text);
		ck_assert_ptr_null(strstr(text, "urlencoded"));
		if (g_strcmp0(cases[i].method, "GET") == 0)
			ck_assert_ptr_null(strstr(text, "Content-Length"));
	}
}
END_TEST

START_TEST(headers_of_one_name)
{
	autoptr(http_response) response = get("several");
	g_autofree const char **values = http_response_headers(response, "WWW-Authenticate");

	ck_assert_int_eq(response->status, 401);
	ck_assert_str_eq(values[0], "Bearer client_id=\"1\"");
	ck_assert_str_eq(values[1], "Negotiate");
	ck_assert_str_eq(values[2], "Basic realm=\"r\"");
	ck_assert_ptr_null(values[3]);
	ck_assert_str_eq(http_response_header(response, "x-fold"), "one two");
	ck_assert_ptr_null(http_response_header(response, "WWW"));
	g_autofree const char **none = http_response_headers(response, "X-None");

	ck_assert_ptr_null(none[0]);
}
END_TEST

START_TEST(preludes_are_skipped)
{
	autoptr(http_response) response = get("continue");

	ck_assert_int_eq(response->status, 200);
	ck_assert_str_eq((const char *)response->body->data, "done");
	ck_assert_str_eq(http_response_header(response, "X-Final"), "1");
	ck_assert_ptr_null(http_response_header(response, "X-Prelude"));
}
END_TEST

START_TEST(connections_are_kept_and_reset)
{
	expect_body("connection", "1");
	autoptr(http_response) second = get("connection");

	ck_assert_str_eq((const char *)second->body->data, "2");
	ck_assert(second->reused);
	http_client_reset(client);
	autoptr(http_response) third = get("connection");

	ck_assert_str_eq((const char *)third->body->data, "1");
	ck_assert(!third->reused);
}
END_TEST

START_TEST(the_peer_is_kept_when_asked_for)
{
	autoptr(http_response) without = get("connection");

	ck_assert_ptr_null(without->peer_address);
	ck_assert_ptr_null(without->peer_certificate);
	options.keep_peer = true;
	reopen();
	autoptr(http_response) with = get("connection");

	ck_assert(g_str_equal(with->peer_address, "127.0.0.1") ||
	          g_str_equal(with->peer_address, "::1"));
	ck_assert(g_str_has_prefix(with->peer_certificate, "-----BEGIN CERTIFICATE-----"));
}
END_TEST

START_TEST(cookies_are_kept_until_cleared)
{
	expect_body("cookies/set", "none");
	expect_body("cookies/show", "a=1");
	expect_body("cookies/show", "a=1");
	http_client_clear_cookies(client);
	expect_body("cookies/show", "none");
	expect_body("cookies/set", "none");
	expect_body("cookies/show", "a=1");
	http_client_reset(client);
	expect_body("cookies/show", "none");
}
END_TEST

START_TEST(chunks_are_put_together)
{
	autoptr(http_response) response = get("chunked/100");

	ck_assert_uint_eq(response->body->len, 100);
	ck_assert(g_str_has_prefix(
	        (const char *)response->body->data, "abcdefghijklmnopqrstuvwxyzab"));
	ck_assert_ptr_null(http_response_header(response, "X-Trailer"));
}
END_TEST

struct sink {
	size_t bytes, stop_at;
	int status;
	bool want;
};

static bool sink_head(const struct http_response *head, bool *stream, void *data, GError **error)
{
	struct sink *sink = data;

	(void)error;
	sink->status = head->status;
	*stream = sink->want;
	return true;
}

static bool sink_body(const char *bytes, size_t len, void *data, GError **error)
{
	struct sink *sink = data;

	(void)bytes;
	sink->bytes += len;
	if (sink->stop_at == 0 || sink->bytes < sink->stop_at)
		return true;
	error_set(error, ERROR_MAILBOX, "test.sink", "the sink is full");
	return false;
}

START_TEST(bodies_stream)
{
	struct sink sink = {.want = true};
	struct http_request request = {.on_body = sink_body, .data = &sink};
	autoptr(http_response) good = answer_to(&request, "big/1000000");

	ck_assert_uint_eq(sink.bytes, 1000000);
	ck_assert_uint_eq(good->body->len, 0);
	/* Other answers than 2xx are collected, so that their words can be read. */
	autoptr(http_response) bad = answer_to(&request, "status/500");

	ck_assert_uint_eq(sink.bytes, 1000000);
	ck_assert_str_eq((const char *)bad->body->data, "body of 500");
	/* Unless on_head wants it otherwise. */
	request.on_head = sink_head;
	autoptr(http_response) wanted = answer_to(&request, "status/500");

	ck_assert_int_eq(sink.status, 500);
	ck_assert_uint_eq(sink.bytes, 1000011);
	sink.want = false;
	autoptr(http_response) collected = answer_to(&request, "status/200");

	ck_assert_str_eq((const char *)collected->body->data, "body of 200");
	ck_assert_uint_eq(wanted->body->len + good->body->len, 0);
}
END_TEST

START_TEST(a_sink_can_stop)
{
	struct sink sink = {.stop_at = 100000};
	struct http_request request = {.on_body = sink_body, .data = &sink};

	fails_at(&request, url_at("https", "localhost", "GOOD", "flood"), "test.sink",
	        ERROR_MAILBOX);
	ck_assert_uint_lt(sink.bytes, 200000);
	expect_body("connection", "1");
}
END_TEST

START_TEST(answers_have_a_ceiling)
{
	struct http_request request = {.max_body_bytes = 1000};

	autoptr(http_response) fits = answer_to(&request, "big/1000");

	ck_assert_uint_eq(fits->body->len, 1000);
	fails_at(&request, url_at("https", "localhost", "GOOD", "big/1001"), "http.too_large",
	        ERROR_ITEM);
	fails_at(&request, url_at("https", "localhost", "GOOD", "chunked/1001"), "http.too_large",
	        ERROR_ITEM);
	fails_at(&request, url_at("https", "localhost", "GOOD", "flood"), "http.too_large",
	        ERROR_ITEM);
	request.max_body_bytes = 0;
	fails_at(&request, url_at("https", "localhost", "GOOD", "headers/80"), "http.too_large",
	        ERROR_ITEM);
	autoptr(http_response) headers = get("headers/50");

	ck_assert_uint_eq(headers->headers->len, 51);
}
END_TEST

START_TEST(compression_does_not_pass_the_ceiling)
{
	expect_body("gzip/100", "plain");
	options.compressed = true;
	reopen();
	autoptr(http_response) fits = get("gzip/100000");

	ck_assert_uint_eq(fits->body->len, 100000);
	struct http_request request = {.max_body_bytes = 100000};

	fails_at(&request, url_at("https", "localhost", "GOOD", "gzip/10000000"), "http.too_large",
	        ERROR_ITEM);
}
END_TEST

/* Who is wrong, and how that is named. */
static const struct {
	const char *scheme, *host, *port, *reason;
	enum error_class error_class;
} peers[] = {
        {"https", "localhost", "OTHER", "http.tls_untrusted", ERROR_CONFIG},
        {"https", "localhost", "EXPIRED", "http.tls_expired", ERROR_CONFIG},
        {"https", "localhost", "EARLY", "http.tls_expired", ERROR_CONFIG},
        {"https", "localhost", "NAME", "http.tls_name", ERROR_CONFIG},
        {"https", "127.0.0.1", "GOOD", "http.tls_name", ERROR_CONFIG},
        {"https", "localhost", "PLAIN", "http.tls_not", ERROR_CONFIG},
        {"https", "localhost", "BANNER", "http.tls_not", ERROR_CONFIG},
        {"https", "localhost", "CLOSED", "http.unreachable", ERROR_RETRY},
        {"https", "no-such-host.invalid", "GOOD", "http.name", ERROR_RETRY},
        {"http", "localhost", "PLAIN", "http.request", ERROR_CONFIG},
        {"ftp", "localhost", "PLAIN", "http.request", ERROR_CONFIG},
        {"file", "localhost", "PLAIN", "http.request", ERROR_CONFIG},
        {"https", "user:secret@localhost", "GOOD", "http.request", ERROR_CONFIG},
};

START_TEST(peers_are_named)
{
	struct http_request request = {.method = "POST", .body = "x", .body_len = 1};

	fails_at(&request, url_at(peers[_i].scheme, peers[_i].host, peers[_i].port, "echo"),
	        peers[_i].reason, peers[_i].error_class);
}
END_TEST

START_TEST(plain_only_when_allowed)
{
	options.allow_plain = true;
	reopen();
	g_autoptr(GError) error = NULL;
	g_autofree char *url = url_at("http", "localhost", "PLAIN", "status/200");
	struct http_request request = {.url = url};
	autoptr(http_response) response = NULL;

	ck_assert_msg(http_perform(client, &request, &response, &error), "%s",
	        error != NULL ? error->message : "");
	ck_assert_int_eq(response->status, 200);
}
END_TEST

START_TEST(bad_requests_are_not_sent)
{
	g_autoptr(GPtrArray) headers = g_ptr_array_new();
	struct http_request request = {.headers = headers};

	fails_at(&request, g_strdup("nonsense"), "http.request", ERROR_CONFIG);
	fails_at(&request, g_strdup(""), "http.request", ERROR_CONFIG);
	fails_at(&request, g_strdup("https://"), "http.request", ERROR_CONFIG);
	g_ptr_array_add(headers, (gpointer)(uintptr_t) "X: secret\r\nInjected: 1");
	fails_at(&request, url_at("https", "localhost", "GOOD", "echo"), "http.request",
	        ERROR_CONFIG);
	headers->pdata[0] = (gpointer)(uintptr_t) "no colon";
	fails_at(&request, url_at("https", "localhost", "GOOD", "echo"), "http.request",
	        ERROR_CONFIG);
	request.headers = NULL;
	request.content_type = "text/xml\nX: 1";
	fails_at(&request, url_at("https", "localhost", "GOOD", "echo"), "http.request",
	        ERROR_CONFIG);
	request.content_type = NULL;
	request.method = "GET / HTTP/1.1\r\nX:";
	fails_at(&request, url_at("https", "localhost", "GOOD", "echo"), "http.request",
	        ERROR_CONFIG);
}
END_TEST

START_TEST(a_ca_file_that_is_not_there)
{
	struct http_options absent = {.ca_file = "/nonexistent/ca.pem"};
	g_autoptr(GError) error = NULL;

	ck_assert_ptr_null(http_client_new(&absent, &error));
	ck_assert(error_is(error, "http.request"));
	ck_assert_ptr_nonnull(strstr(error->message, "/nonexistent/ca.pem"));
}
END_TEST

START_TEST(a_ca_file_without_a_certificate)
{
	struct http_request request = {0};
	g_autofree char *path = NULL;
	int fd = g_file_open_tmp("imex-ca-XXXXXX", &path, NULL);
	struct http_options bad = {.ca_file = path, .allow_loopback = true};

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, "service\n", 8), 8);
	close(fd);
	http_client_free(client);
	client = http_client_new(&bad, NULL);
	fails_at(&request, url_at("https", "localhost", "GOOD", "echo"), "http.tls_ca_file",
	        ERROR_CONFIG);
	unlink(path);
}
END_TEST

START_TEST(the_systems_cas_do_not_know_ours)
{
	struct http_request request = {0};
	struct http_options system = {.allow_loopback = true};

	http_client_free(client);
	client = http_client_new(&system, NULL);
	fails_at(&request, url_at("https", "localhost", "GOOD", "echo"), "http.tls_untrusted",
	        ERROR_CONFIG);
}
END_TEST

START_TEST(loopback_only_when_allowed)
{
	struct http_request request = {0};

	options.allow_loopback = false;
	reopen();
	fails_at(&request, url_at("https", "localhost", "GOOD", "count/loop"),
	        "http.address_refused", ERROR_CONFIG);
	fails_at(&request, url_at("https", "127.0.0.1", "GOOD", "count/loop"),
	        "http.address_refused", ERROR_CONFIG);
	fails_at(&request, url_at("https", "[::1]", "GOOD", "count/loop"), "http.address_refused",
	        ERROR_CONFIG);
	/* A name of which nobody would think so. */
	g_autofree char *resolve =
	        g_strdup_printf("mail.example:%s:169.254.169.254", g_getenv("IMEX_TEST_PORT_GOOD"));

	options.resolve = resolve;
	options.allow_loopback = true;
	reopen();
	fails_at(&request, url_at("https", "mail.example", "GOOD", "count/loop"),
	        "http.address_refused", ERROR_CONFIG);
	expect_body("counted/loop", "0");
	options.resolve = NULL;
}
END_TEST

static const struct {
	const char *text;
	enum http_address kind;
} addresses[] = {
        {"10.0.0.1", HTTP_ADDRESS_FINE},
        {"192.168.1.1", HTTP_ADDRESS_FINE},
        {"8.8.8.8", HTTP_ADDRESS_FINE},
        {"126.255.255.255", HTTP_ADDRESS_FINE},
        {"127.0.0.1", HTTP_ADDRESS_LOOPBACK},
        {"127.255.255.255", HTTP_ADDRESS_LOOPBACK},
        {"128.0.0.1", HTTP_ADDRESS_FINE},
        {"169.254.169.254", HTTP_ADDRESS_LINK_LOCAL},
        {"169.253.1.1", HTTP_ADDRESS_FINE},
        {"0.0.0.0", HTTP_ADDRESS_NEVER},
        {"0.1.2.3", HTTP_ADDRESS_NEVER},
        {"223.255.255.255", HTTP_ADDRESS_FINE},
        {"224.0.0.1", HTTP_ADDRESS_NEVER},
        {"255.255.255.255", HTTP_ADDRESS_NEVER},
        {"::1", HTTP_ADDRESS_LOOPBACK},
        {"::", HTTP_ADDRESS_NEVER},
        {"::ffff:127.0.0.1", HTTP_ADDRESS_LOOPBACK},
        {"::ffff:169.254.169.254", HTTP_ADDRESS_LINK_LOCAL},
        {"::ffff:10.0.0.1", HTTP_ADDRESS_FINE},
        {"::127.0.0.1", HTTP_ADDRESS_LOOPBACK},
        {"64:ff9b::7f00:1", HTTP_ADDRESS_LOOPBACK},
        {"64:ff9b::808:808", HTTP_ADDRESS_FINE},
        {"2002:7f00:1::1", HTTP_ADDRESS_LOOPBACK},
        {"2002:a9fe:a9fe::", HTTP_ADDRESS_LINK_LOCAL},
        {"fe80::1", HTTP_ADDRESS_LINK_LOCAL},
        {"febf::1", HTTP_ADDRESS_LINK_LOCAL},
        {"fec0::1", HTTP_ADDRESS_FINE},
        {"fd00::1", HTTP_ADDRESS_FINE},
        {"ff02::1", HTTP_ADDRESS_NEVER},
        {"2001:db8::1", HTTP_ADDRESS_FINE},
};

START_TEST(kinds_of_addresses)
{
	for (size_t i = 0; i < G_N_ELEMENTS(addresses); i++) {
		struct sockaddr_in in = {.sin_family = AF_INET};
		struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
		bool is_v4 = inet_pton(AF_INET, addresses[i].text, &in.sin_addr) == 1;

		ck_assert(is_v4 || inet_pton(AF_INET6, addresses[i].text, &in6.sin6_addr) == 1);
		const struct sockaddr *address =
		        is_v4 ? (const struct sockaddr *)&in : (const struct sockaddr *)&in6;

		ck_assert_msg(http_address_kind(address) == addresses[i].kind, "%s is kind %d",
		        addresses[i].text, (int)http_address_kind(address));
	}
	struct sockaddr unix_socket = {.sa_family = AF_UNIX};

	ck_assert_int_eq(http_address_kind(&unix_socket), HTTP_ADDRESS_NEVER);
}
END_TEST

START_TEST(redirects_are_answers_by_default)
{
	autoptr(http_response) response = get("redirect/other");

	ck_assert_int_eq(response->status, 302);
	ck_assert_ptr_nonnull(http_response_header(response, "Location"));
	ck_assert_str_eq((const char *)response->body->data, "elsewhere");
}
END_TEST

START_TEST(redirects_stay_within_the_origin)
{
	static const char *const leaving[] = {"other", "plain", "name", "nowhere", "loop"};
	struct sink sink = {.want = true};
	struct http_request request = {.on_head = sink_head, .on_body = sink_body, .data = &sink};

	options.follow_redirects = true;
	options.allow_plain = true;
	reopen();
	autoptr(http_response) response = answer_to(&request, "redirect/same");

	ck_assert_int_eq(response->status, 200);
	ck_assert_int_eq(sink.status, 200);
	ck_assert_uint_gt(sink.bytes, 20);
	for (size_t i = 0; i < G_N_ELEMENTS(leaving); i++) {
		g_autofree char *path = g_strconcat("redirect/", leaving[i], NULL);
		struct http_request plain = {0};

		fails_at(&plain, url_at("https", "localhost", "GOOD", path), "http.redirect",
		        ERROR_CONFIG);
	}
	expect_body("counted/leak", "0");
	/* What changes something is never sent on. */
	struct http_request post = {.method = "POST", .body = "x", .body_len = 1};
	autoptr(http_response) kept = answer_to(&post, "redirect/same");

	ck_assert_int_eq(kept->status, 302);
}
END_TEST

START_TEST(answers_cut_short)
{
	post_fails("cut", "http.reset");
	post_fails("cutchunk", "http.reset");
	post_fails("hangup", "http.reset");
	post_fails("garbage", "http.protocol");
}
END_TEST

START_TEST(deadlines)
{
	struct http_request request = {
	        .method = "POST", .body = "x", .body_len = 1, .deadline_ms = 100};

	fails_at(&request, url_at("https", "localhost", "GOOD", "silence"), "http.timeout",
	        ERROR_UNCERTAIN);
	fails_at(&request, url_at("https", "localhost", "GOOD", "stall"), "http.timeout",
	        ERROR_UNCERTAIN);
	request.method = "GET";
	request.body = NULL;
	request.body_len = 0;
	fails_at(&request, url_at("https", "localhost", "GOOD", "silence"), "http.timeout",
	        ERROR_RETRY);
}
END_TEST

START_TEST(silence_has_limits_of_its_own)
{
	struct http_request request = {0};

	options.first_byte_timeout_ms = 50;
	reopen();
	fails_at(&request, url_at("https", "localhost", "GOOD", "silence"), "http.timeout",
	        ERROR_RETRY);
	options.first_byte_timeout_ms = 0;
	options.stall_timeout_ms = 50;
	options.total_timeout_ms = HTTP_NO_DEADLINE;
	reopen();
	fails_at(&request, url_at("https", "localhost", "GOOD", "stall"), "http.timeout",
	        ERROR_RETRY);
}
END_TEST

static bool cancel(void *data)
{
	(void)data;
	return true;
}

START_TEST(cancelling)
{
	struct http_request request = {0};

	options.cancelled = cancel;
	reopen();
	fails_at(&request, url_at("https", "localhost", "GOOD", "silence"), "http.cancelled",
	        ERROR_RETRY);
}
END_TEST

/* curl would send a request again when a kept connection turns out dead. */
START_TEST(nothing_is_sent_twice)
{
	struct http_request post = {.method = "POST", .body = "x", .body_len = 1};
	autoptr(http_response) first = answer_to(&post, "second/once");

	ck_assert_str_eq((const char *)first->body->data, "first");
	fails_at(&post, url_at("https", "localhost", "GOOD", "second/once"), "http.reset",
	        ERROR_UNCERTAIN);
	expect_body("counted/once", "2");
	/* A read is. */
	http_client_reset(client);
	post.repeatable = true;
	autoptr(http_response) second = answer_to(&post, "second/often");
	autoptr(http_response) third = answer_to(&post, "second/often");

	ck_assert_str_eq((const char *)third->body->data, "first");
	expect_body("counted/often", "3");
	ck_assert(second != NULL);
}
END_TEST

START_TEST(clients_share_names_and_sessions)
{
	autoptr(http_share) share = http_share_new();

	options.share = share;
	reopen();
	expect_body("connection", "1");
	reopen();
	expect_body("connection", "1");
	g_clear_pointer(&client, http_client_free);
}
END_TEST

/* Several clients of one share, each in a thread of its own. */
static void talk(void *data)
{
	g_autoptr(GError) error = NULL;
	autoptr(http_client) own = http_client_new(&options, &error);
	g_autofree char *url = url_at("https", "localhost", "GOOD", "chunked/50");
	int *good = data;

	for (int i = 0; own != NULL && i < 5; i++) {
		struct http_request request = {.url = url};
		autoptr(http_response) response = NULL;

		if (http_perform(own, &request, &response, &error) && response->body->len == 50)
			++*good;
		g_clear_error(&error);
		http_client_reset(own);
	}
}

START_TEST(threads_share_names_and_sessions)
{
	autoptr(http_share) share = http_share_new();
	struct thread *threads[3];
	int good[G_N_ELEMENTS(threads)] = {0};

	options.share = share;
	for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
		threads[i] = thread_start("talk", talk, &good[i]);
	for (size_t i = 0; i < G_N_ELEMENTS(threads); i++) {
		thread_join(threads[i]);
		ck_assert_int_eq(good[i], 5);
	}
}
END_TEST

START_TEST(origins)
{
	static const struct {
		const char *url, *origin;
	} cases[] = {
	        {"https://Mail.Example/EWS/Exchange.asmx", "https://mail.example:443"},
	        {"HTTPS://mail.example:8443", "https://mail.example:8443"},
	        {"http://mail.example/", "http://mail.example:80"},
	        {"https://[2001:DB8::1]/x", "https://[2001:db8::1]:443"},
	        {"https://mail.example\\@evil.example/", NULL},
	        {"ftp://mail.example/", NULL},
	        {"mail.example", NULL},
	        {"https:///x", NULL},
	        {"", NULL},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *origin = http_origin(cases[i].url);

		if (cases[i].origin == NULL)
			ck_assert_msg(
			        origin == NULL || strcmp(origin, "https://mail.example:443") != 0,
			        "%s gives %s", cases[i].url, origin);
		else
			ck_assert_msg(g_strcmp0(origin, cases[i].origin) == 0, "%s gives %s",
			        cases[i].url, origin);
	}
	ck_assert(http_same_origin("https://a.example/x", "https://A.example:443/y"));
	ck_assert(!http_same_origin("https://a.example/", "http://a.example/"));
	ck_assert(!http_same_origin("https://a.example/", "https://a.example:444/"));
	ck_assert(!http_same_origin("https://a.example/", "https://a.example.evil/"));
	ck_assert(!http_same_origin("nonsense", "nonsense"));
}
END_TEST

Suite *http_suite(void)
{
	Suite *suite = suite_create("http");
	TCase *tests = tcase_create("http");
	const TTest *const all[] = {
	        statuses_are_answers,
	        a_post_is_plain,
	        methods_do_not_stick,
	        headers_of_one_name,
	        preludes_are_skipped,
	        connections_are_kept_and_reset,
	        the_peer_is_kept_when_asked_for,
	        cookies_are_kept_until_cleared,
	        chunks_are_put_together,
	        bodies_stream,
	        a_sink_can_stop,
	        answers_have_a_ceiling,
	        compression_does_not_pass_the_ceiling,
	        plain_only_when_allowed,
	        bad_requests_are_not_sent,
	        a_ca_file_that_is_not_there,
	        a_ca_file_without_a_certificate,
	        the_systems_cas_do_not_know_ours,
	        loopback_only_when_allowed,
	        kinds_of_addresses,
	        redirects_are_answers_by_default,
	        redirects_stay_within_the_origin,
	        answers_cut_short,
	        deadlines,
	        silence_has_limits_of_its_own,
	        cancelling,
	        nothing_is_sent_twice,
	        clients_share_names_and_sessions,
	        threads_share_names_and_sessions,
	        origins,
	};

	tcase_add_checked_fixture(tests, set_up, tear_down);
	for (size_t i = 0; i < G_N_ELEMENTS(all); i++)
		tcase_add_test(tests, all[i]);
	tcase_add_loop_test(tests, peers_are_named, 0, G_N_ELEMENTS(peers));
	suite_add_tcase(suite, tests);
	return suite;
}
