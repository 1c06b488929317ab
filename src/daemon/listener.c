#include "daemon/listener.h"

#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"
#include "core/thread.h"
#include "daemon/listener_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_CONNECTIONS 128
#define MAX_PER_ADDRESS 32
#define TIMEOUT_S 15
#define MEMORY_BYTES (48 * 1024) /* of one connection: a token may have 16 KiB */

/* A request of a configuration that has gone may still go on for so long. */
#define FORMER_S 10

/* Who answers while one configuration holds. */
struct tenure {
	struct listener_site *site;
	unsigned requests; /* under way */
	bool over; /* they are broken off */
};

struct listener {
	struct MHD_Daemon *daemon;
	char *address;
	struct mutex mutex; /* of the tenures */
	struct cond left; /* a request ended */
	struct tenure *current;
};

/* "ADDRESS:PORT"; freeaddrinfo(). NULL after the error was set. */
static struct addrinfo *parse_address(const char *text, GError **error)
{
	const char *colon = strrchr(text, ':');
	g_autofree char *host = colon != NULL ? g_strndup(text, (gsize)(colon - text)) : NULL;
	guint64 port = 0;
	if (host == NULL || host[0] == '\0' ||
	        !g_ascii_string_to_unsigned(colon + 1, 10, 0, 65535, &port, NULL)) {
		error_set(error, ERROR_CONFIG, "listener.address",
		        "listen.address = %s is no address and port: write 0.0.0.0:8443 or "
		        "[::]:8443",
		        text);
		return NULL;
	}
	size_t len = strlen(host);
	if (host[0] == '[' && host[len - 1] == ']') {
		memmove(host, host + 1, len - 2);
		host[len - 2] = '\0';
	}
	const struct addrinfo hints = {
	        .ai_flags = AI_NUMERICHOST | AI_PASSIVE, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	if (getaddrinfo(host, colon + 1, &hints, &found) == 0)
		return found;
	error_set(error, ERROR_CONFIG, "listener.address",
	        "listen.address = %s is no IP address and port: write 0.0.0.0:8443 or "
	        "[::]:8443",
	        text);
	return NULL;
}

/* A listening socket; -1 after the error was set. */
static int bind_socket(const char *text, GError **error)
{
	struct addrinfo *found = parse_address(text, error);
	if (found == NULL)
		return -1;
	int fd = socket(found->ai_family, found->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int one = 1;
	bool good = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
	            bind(fd, found->ai_addr, found->ai_addrlen) == 0 && listen(fd, 128) == 0;
	int cause = errno;
	freeaddrinfo(found);
	if (good)
		return fd;
	error_set(error, ERROR_CONFIG, "listener.bind",
	        "imexd cannot listen at %s (%s): stop what listens there, or choose another "
	        "listen.address",
	        text, g_strerror(cause));
	if (fd >= 0)
		close(fd);
	return -1;
}

static unsigned port_of(int fd)
{
	struct sockaddr_storage address = {0};
	socklen_t len = sizeof address;
	char port[8] = "0";
	if (getsockname(fd, (struct sockaddr *)&address, &len) == 0)
		getnameinfo((struct sockaddr *)&address, len, NULL, 0, port, sizeof port,
		        NI_NUMERICSERV);
	return (unsigned)g_ascii_strtoull(port, NULL, 10);
}

/* One request */

static enum MHD_Result collect_authorization(
        void *data, enum MHD_ValueKind kind, const char *name, const char *value)
{
	(void)kind;
	GPtrArray *list = data;
	if (g_ascii_strcasecmp(name, "Authorization") == 0 && value != NULL)
		g_ptr_array_add(list, g_strdup(value));
	return MHD_YES;
}

static enum MHD_Result send_answer(
        struct MHD_Connection *connection, const struct listener_answer *answer)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
	        strlen(answer->body), answer->body, MHD_RESPMEM_MUST_COPY);
	if (response == NULL)
		return MHD_NO;
	MHD_add_response_header(response, "Content-Type", answer->type);
	MHD_add_response_header(response, "Cache-Control", answer->cache);
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	if (answer->challenge != NULL)
		MHD_add_response_header(response, "WWW-Authenticate", answer->challenge);
	if (answer->allow != NULL)
		MHD_add_response_header(response, "Allow", answer->allow);
	if (answer->retry_after_s > 0) {
		g_autofree char *seconds = g_strdup_printf("%u", answer->retry_after_s);
		MHD_add_response_header(response, "Retry-After", seconds);
	}
	enum MHD_Result sent = MHD_queue_response(connection, answer->status, response);
	MHD_destroy_response(response);
	return sent;
}

/* A request under way. */
struct exchange {
	struct tenure *tenure;
	struct listener_post *post; /* or NULL: it has no body that is wanted */
};

static struct exchange *exchange_new(struct listener *listener)
{
	struct exchange *exchange = g_new0(struct exchange, 1);
	mutex_lock(&listener->mutex);
	exchange->tenure = listener->current;
	exchange->tenure->requests++;
	mutex_unlock(&listener->mutex);
	return exchange;
}

static void exchange_free(struct listener *listener, struct exchange *exchange)
{
	g_clear_pointer(&exchange->post, listener_post_free);
	mutex_lock(&listener->mutex);
	exchange->tenure->requests--;
	cond_broadcast(&listener->left);
	mutex_unlock(&listener->mutex);
	g_free(exchange);
}

static bool is_over(struct listener *listener, const struct exchange *exchange)
{
	mutex_lock(&listener->mutex);
	bool over = exchange->tenure->over;
	mutex_unlock(&listener->mutex);
	return over;
}

static gnutls_session_t session_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
	        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	return info != NULL ? info->tls_session : NULL;
}

static const char *argument(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, name);
}

static uint64_t content_length(struct MHD_Connection *connection)
{
	const char *text = MHD_lookup_connection_value(
	        connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
	guint64 length = 0;
	if (text == NULL ||
	        !g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT64 - 1, &length, NULL))
		return UINT64_MAX;
	return length;
}

/* Borrows from the connection and from *authorization, which is owned. */
static struct listener_request request_of(struct MHD_Connection *connection, const char *url,
        const char *method, GPtrArray **authorization)
{
	*authorization = g_ptr_array_new_with_free_func(g_free);
	MHD_get_connection_values(
	        connection, MHD_HEADER_KIND, collect_authorization, *authorization);
	g_ptr_array_add(*authorization, NULL);
	return (struct listener_request){
	        .method = method,
	        .path = url,
	        .authorization = (const char *const *)(*authorization)->pdata,
	        .session = session_of(connection),
	        .content_length = content_length(connection),
	        .user = argument(connection, "user"),
	        .peer = argument(connection, "peer"),
	};
}

/* The headers are there. What is refused is answered before its body is read. */
static enum MHD_Result begin(struct MHD_Connection *connection, const char *url, const char *method,
        struct exchange *exchange)
{
	if (!g_str_equal(url, LISTENER_POST_PATH) || !g_str_equal(method, "POST"))
		return MHD_YES;
	g_autoptr(GPtrArray) authorization = NULL;
	const struct listener_request request = request_of(connection, url, method, &authorization);
	struct listener_answer answer = {0};
	exchange->post = listener_post_begin(exchange->tenure->site, &request, &answer);
	enum MHD_Result result =
	        exchange->post != NULL ? MHD_YES : send_answer(connection, &answer);
	listener_answer_clear(&answer);
	return result;
}

static enum MHD_Result end(struct MHD_Connection *connection, const char *url, const char *method,
        struct exchange *exchange)
{
	g_autoptr(GPtrArray) authorization = NULL;
	const struct listener_request request = request_of(connection, url, method, &authorization);
	struct listener_answer answer = {0};
	if (exchange->post != NULL)
		listener_post_end(exchange->post, &answer);
	else
		listener_site_answer(exchange->tenure->site, &request, &answer);
	enum MHD_Result sent = send_answer(connection, &answer);
	listener_answer_clear(&answer);
	return sent;
}

/* MHD calls this with the headers first, then for each piece of the body, then without one. */
static enum MHD_Result on_request(void *data, struct MHD_Connection *connection, const char *url,
        const char *method, const char *version, const char *upload, size_t *upload_size,
        void **state)
{
	(void)version;
	struct listener *listener = data;
	struct exchange *exchange = *state;
	if (exchange == NULL) {
		*state = exchange_new(listener);
		return begin(connection, url, method, *state);
	}
	if (is_over(listener, exchange))
		return MHD_NO;
	if (*upload_size == 0)
		return end(connection, url, method, exchange);
	size_t len = *upload_size;
	*upload_size = 0;
	return exchange->post == NULL || listener_post_feed(exchange->post, upload, len) ? MHD_YES
	                                                                                 : MHD_NO;
}

static void on_completed(void *data, struct MHD_Connection *connection, void **state,
        enum MHD_RequestTerminationCode code)
{
	(void)connection, (void)code;
	if (*state != NULL)
		exchange_free(data, *state);
	*state = NULL;
}

static bool asks(struct listener *listener)
{
	mutex_lock(&listener->mutex);
	bool asked = listener_site_asks(listener->current->site);
	mutex_unlock(&listener->mutex);
	return asked;
}

/* Before the handshake: a client that has a certificate is asked for it. */
static void on_connection(void *data, struct MHD_Connection *connection, void **state,
        enum MHD_ConnectionNotificationCode code)
{
	(void)state;
	gnutls_session_t session = session_of(connection);
	if (code == MHD_CONNECTION_NOTIFY_STARTED && session != NULL && asks(data)) {
		gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUEST);
		/* The certificates themselves are known, so no authorities are named. */
		gnutls_certificate_send_x509_rdn_sequence(session, 1);
	}
}

G_GNUC_PRINTF(2, 0)
static void on_library_log(void *data, const char *format, va_list arguments)
{
	(void)data;
	g_autofree char *text = g_strdup_vprintf(format, arguments);
	log_debug("listener.library", "%s", g_strchomp(text));
}

static struct MHD_Daemon *start_daemon(struct listener *listener, int fd)
{
	return MHD_start_daemon(MHD_USE_TLS | MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG, 0,
	        NULL, NULL, on_request, listener, MHD_OPTION_EXTERNAL_LOGGER, on_library_log, NULL,
	        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_HTTPS_CERT_CALLBACK, listener_tls_retrieve,
	        MHD_OPTION_HTTPS_PRIORITIES,
	        "NORMAL:-VERS-ALL:+VERS-TLS1.2:+VERS-TLS1.3:-CIPHER-ALL:+AES-256-GCM:+AES-128-GCM"
	        ":+CHACHA20-POLY1305",
	        MHD_OPTION_THREAD_POOL_SIZE, 2U, MHD_OPTION_CONNECTION_LIMIT, MAX_CONNECTIONS,
	        MHD_OPTION_PER_IP_CONNECTION_LIMIT, MAX_PER_ADDRESS, MHD_OPTION_CONNECTION_TIMEOUT,
	        TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_BYTES,
	        MHD_OPTION_NOTIFY_COMPLETED, on_completed, listener, MHD_OPTION_NOTIFY_CONNECTION,
	        on_connection, listener, MHD_OPTION_END);
}

static struct tenure *tenure_new(const struct config *config, struct keeper *keeper, GError **error)
{
	struct listener_site *site = listener_site_new(config, keeper, error);
	if (site == NULL)
		return NULL;
	struct tenure *tenure = g_new0(struct tenure, 1);
	tenure->site = site;
	return tenure;
}

static void tenure_free(struct tenure *tenure)
{
	listener_site_free(tenure->site);
	g_free(tenure);
}

bool listener_check(const struct config *config, GError **error)
{
	const char *address = config_string(config, "listen", NULL, "address");
	if (address == NULL)
		return true;
	struct addrinfo *found = parse_address(address, error);
	if (found == NULL)
		return false;
	freeaddrinfo(found);
	return listener_tls_check(config, error);
}

/* Takes fd and tenure. */
static struct listener *open_at(const char *address, int fd, struct tenure *tenure, GError **error)
{
	struct listener *listener = g_new0(struct listener, 1);
	unsigned port = port_of(fd);
	listener->address = g_strdup(address);
	mutex_init(&listener->mutex);
	cond_init(&listener->left);
	listener->current = tenure;
	listener->daemon = start_daemon(listener, fd);
	if (listener->daemon == NULL) {
		error_set(error, ERROR_CONFIG, "listener.bind",
		        "the HTTPS listener at %s does not start (%s): check the limits of open "
		        "files and threads",
		        address, g_strerror(errno));
		close(fd);
		listener_stop(listener);
		return NULL;
	}
	log_info("listener.started", "listening at %s, port %u", address, port);
	return listener;
}

static struct listener *open_new(
        const struct config *config, struct keeper *keeper, const char *address, GError **error)
{
	if (!listener_tls_open(config, error))
		return NULL;
	int fd = bind_socket(address, error);
	struct tenure *tenure = fd >= 0 ? tenure_new(config, keeper, error) : NULL;
	if (tenure != NULL)
		return open_at(address, fd, tenure, error);
	listener_tls_close();
	if (fd >= 0)
		close(fd);
	return NULL;
}

/* Mutex held. What takes too long is broken off, at the latest when the library times it out. */
static void wait_for_requests(struct listener *listener, struct tenure *former)
{
	int64_t until = clock_mono_us() + FORMER_S * CLOCK_US_PER_S;
	while (former->requests > 0 && cond_wait_until(&listener->left, &listener->mutex, until))
		;
	former->over = true;
	while (former->requests > 0)
		cond_wait(&listener->left, &listener->mutex);
}

static bool turn(struct listener *listener, const struct config *config, struct keeper *keeper,
        GError **error)
{
	struct tenure *next = tenure_new(config, keeper, error);
	if (next == NULL)
		return false;
	if (!listener_tls_change(config, error)) {
		tenure_free(next);
		return false;
	}
	mutex_lock(&listener->mutex);
	struct tenure *former = listener->current;
	listener->current = next;
	wait_for_requests(listener, former);
	mutex_unlock(&listener->mutex);
	tenure_free(former);
	log_info("listener.turned", "listening at %s goes on", listener->address);
	return true;
}

struct listener *listener_start(const struct config *config, struct keeper *keeper,
        struct listener **former, GError **error)
{
	const char *address = config_string(config, "listen", NULL, "address");
	if (*former == NULL || !g_str_equal((*former)->address, address))
		return open_new(config, keeper, address, error);
	return turn(*former, config, keeper, error) ? g_steal_pointer(former) : NULL;
}

void listener_stop(struct listener *listener)
{
	if (listener->daemon != NULL)
		MHD_stop_daemon(listener->daemon);
	tenure_free(listener->current);
	listener_tls_close();
	cond_destroy(&listener->left);
	mutex_destroy(&listener->mutex);
	g_free(listener->address);
	g_free(listener);
}
