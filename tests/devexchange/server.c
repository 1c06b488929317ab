#include "server.h"

#include "habits.h"
#include "http.h"
#include "tls.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define MAX_BODY (64 * 1024 * 1024)

static const struct {
	const char *path; /* lower case */
	bool prefix;
	enum MHD_Result (*handle)(struct exchange *x);
} routes[] = {
        {"/ews/exchange.asmx", false, route_ews},
        {"/ews/exchange.asmx/s/getuserphoto", false, route_photo},
        {"/autodiscover/metadata/json/1", false, route_metadata},
        {"/autodiscover/autodiscover.xml", false, route_autodiscover_pox},
        {"/autodiscover/autodiscover.json", true, route_autodiscover_json},
        {"/control/", true, route_control},
};

const char *http_header(const struct exchange *x, const char *name)
{
	return MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, name);
}

char *http_host(const struct exchange *x)
{
	const char *host = http_header(x, "Host");

	if (host == NULL)
		return g_strdup("");
	if (*host == '[')
		return g_strndup(host, strcspn(host, "]") + 1);
	return g_strndup(host, strcspn(host, ":"));
}

enum MHD_Result http_text(const struct exchange *x, int status, const char *type, const char *text,
        const char *const *more)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(
	        strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);

	if (type != NULL)
		MHD_add_response_header(r, "Content-Type", type);
	for (; more != NULL && *more != NULL; more += 2)
		MHD_add_response_header(r, more[0], more[1]);
	enum MHD_Result rc = MHD_queue_response(x->connection, (unsigned)status, r);
	MHD_destroy_response(r);
	return rc;
}

enum MHD_Result http_unauthorized(const struct exchange *x, const struct auth_result *result)
{
	struct MHD_Response *r =
	        MHD_create_response_from_buffer(0, (void *)(uintptr_t) "", MHD_RESPMEM_PERSISTENT);
	char *host = http_host(x);
	char *basic = g_strdup_printf("Basic realm=\"%s\"", host);

	count_event("auth.refused");
	if (!grommunio()) {
		char *id = g_uuid_string_random();
		char *bearer = auth_bearer_challenge(x->devx, result->invalid_token);
		MHD_add_response_header(r, "WWW-Authenticate", bearer);
		MHD_add_response_header(r, "request-id", id);
		g_free(bearer);
		g_free(id);
	}
	MHD_add_response_header(r, "WWW-Authenticate", basic);
	if (result->diagnostics != NULL)
		MHD_add_response_header(r, "x-ms-diagnostics", result->diagnostics);
	enum MHD_Result rc = MHD_queue_response(x->connection, 401, r);
	MHD_destroy_response(r);
	g_free(basic);
	g_free(host);
	return rc;
}

void http_reset(const struct exchange *x)
{
	const union MHD_ConnectionInfo *info =
	        MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct linger now = {.l_onoff = 1, .l_linger = 0};

	if (info == NULL)
		return;
	setsockopt(info->connect_fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	/* Connecting to nowhere dissolves the association at once and sends the reset. */
	struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
	if (connect(info->connect_fd, &nowhere, sizeof nowhere) != 0)
		shutdown(info->connect_fd, SHUT_RDWR);
}

static enum MHD_Result route(struct exchange *x)
{
	char *path = g_ascii_strdown(x->url, -1);
	enum MHD_Result rc = MHD_NO;
	bool found = false;

	for (size_t i = 0; i < G_N_ELEMENTS(routes) && !found; i++) {
		if (routes[i].prefix ? g_str_has_prefix(path, routes[i].path)
		                     : strcmp(path, routes[i].path) == 0) {
			found = true;
			rc = routes[i].handle(x);
		}
	}
	g_free(path);
	if (!found)
		rc = http_text(x, 404, "text/plain", "Not Found", NULL);
	return rc;
}

/* --- habits of grommunio's HTTP server */

#define LARGE_BODY 90000

static enum MHD_Result refuse(const struct exchange *x)
{
	const char *const close[] = {"Connection", "close", NULL};

	count_event("refused");
	return http_text(x, 400, "text/plain; charset=utf-8", "Bad Request\r\n", close);
}

/* The second large request of one connection. */
static bool large_again(const struct exchange *x)
{
	const union MHD_ConnectionInfo *info =
	        MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	int *large = info != NULL ? info->socket_context : NULL;

	return large != NULL && x->body->len >= LARGE_BODY && ++*large > 1;
}

/*
 * Called when the first line of a request is read. Expect: 100-continue is never answered: a header
 * of our own before the client's keeps libmicrohttpd from it.
 */
static void *on_uri(void *data, const char *uri, struct MHD_Connection *connection)
{
	(void)data;
	(void)uri;
	if (grommunio())
		MHD_set_connection_value(connection, MHD_HEADER_KIND, "Expect", "nothing");
	return NULL;
}

static enum MHD_Result on_request(void *data, struct MHD_Connection *connection, const char *url,
        const char *method, const char *version, const char *upload, size_t *upload_size,
        void **slot)
{
	struct exchange *x = *slot;

	if (x == NULL) {
		x = g_new0(struct exchange, 1);
		x->devx = data;
		x->connection = connection;
		x->body = g_string_new(NULL);
		*slot = x;
		count_event("requests");
		return grommunio() && http_header(x, "Transfer-Encoding") != NULL ? refuse(x)
		                                                                  : MHD_YES;
	}
	if (*upload_size > 0) {
		if (x->body->len + *upload_size > MAX_BODY)
			x->too_large = true;
		else
			g_string_append_len(x->body, upload, (gssize)*upload_size);
		*upload_size = 0;
		return MHD_YES;
	}
	x->url = url;
	x->method = method;
	x->version = version;
	if (x->too_large)
		return http_text(x, 413, "text/plain", "Request Entity Too Large", NULL);
	if (grommunio() && large_again(x))
		return refuse(x);
	return route(x);
}

static void on_done(void *data, struct MHD_Connection *connection, void **slot,
        enum MHD_RequestTerminationCode why)
{
	struct exchange *x = *slot;
	(void)data;
	(void)connection;
	(void)why;

	if (x != NULL) {
		if (x->reset_after)
			http_reset(x);
		g_string_free(x->body, TRUE);
		g_free(x);
	}
	*slot = NULL;
}

static void on_connection(void *data, struct MHD_Connection *connection, void **slot,
        enum MHD_ConnectionNotificationCode code)
{
	(void)data;
	(void)connection;
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		count_event("connections");
		*slot = g_new0(int, 1);
	} else {
		g_free(*slot);
	}
}

static bool listen_address(const char *text, struct sockaddr_in *address)
{
	const char *colon = strrchr(text, ':');
	char host[64], *end;

	memset(address, 0, sizeof *address);
	address->sin_family = AF_INET;
	if (colon == NULL || (size_t)(colon - text) >= sizeof host)
		return false;
	g_strlcpy(host, text, (gsize)(colon - text) + 1);
	guint64 port = g_ascii_strtoull(colon + 1, &end, 10);
	if (end == colon + 1 || *end != '\0' || port > 65535)
		return false;
	address->sin_port = htons((uint16_t)port);
	if (strcmp(host, "localhost") == 0)
		g_strlcpy(host, "127.0.0.1", sizeof host);
	return inet_pton(AF_INET, host, &address->sin_addr) == 1;
}

static void mhd_log(void *data, const char *format, va_list args) G_GNUC_PRINTF(2, 0);

static void mhd_log(void *data, const char *format, va_list args)
{
	const struct devx *devx = data;

	if (devx->options.verbose)
		vfprintf(stderr, format, args);
}

bool server_start(struct devx *devx)
{
	struct sockaddr_in address;

	if (!listen_address(devx->options.listen, &address)) {
		fprintf(stderr, "devexchange: --listen wants ADDRESS:PORT, not '%s'\n",
		        devx->options.listen);
		return false;
	}
	devx->daemon = MHD_start_daemon(MHD_USE_TLS | MHD_USE_THREAD_PER_CONNECTION |
	                                        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL |
	                                        MHD_USE_ERROR_LOG,
	        ntohs(address.sin_port), NULL, NULL, on_request, devx, MHD_OPTION_EXTERNAL_LOGGER,
	        mhd_log, devx, MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_HTTPS_MEM_KEY,
	        devx->tls->key_pem, MHD_OPTION_HTTPS_MEM_CERT, devx->tls->cert_pem,
	        MHD_OPTION_NOTIFY_COMPLETED, on_done, NULL, MHD_OPTION_NOTIFY_CONNECTION,
	        on_connection, NULL, MHD_OPTION_URI_LOG_CALLBACK, on_uri, NULL,
	        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)131072, MHD_OPTION_CONNECTION_LIMIT,
	        (unsigned)4000, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)300,
	        MHD_OPTION_LISTENING_ADDRESS_REUSE, (unsigned)1, MHD_OPTION_END);
	if (devx->daemon == NULL) {
		fprintf(stderr, "devexchange: cannot listen on %s\n", devx->options.listen);
		return false;
	}
	const union MHD_DaemonInfo *info =
	        MHD_get_daemon_info(devx->daemon, MHD_DAEMON_INFO_BIND_PORT);
	devx->port = info != NULL ? info->port : ntohs(address.sin_port);
	return true;
}

void server_stop(struct devx *devx)
{
	devx->stopping = true;
	if (devx->daemon != NULL)
		MHD_stop_daemon(devx->daemon);
	devx->daemon = NULL;
}
