/* From what curl and OpenSSL say to a sentence that names cause and next step. */
#include "wire/http_private.h"

#include <string.h>

/* The class of a fault after which nobody knows whether the request was carried out. */
static enum error_class class_of(const struct http_exchange *exchange)
{
	return exchange->sends > 0 && !exchange->repeatable ? ERROR_UNCERTAIN : ERROR_RETRY;
}

static const char *next_step(const struct http_exchange *exchange)
{
	return class_of(exchange) == ERROR_UNCERTAIN
	               ? "the request may have been carried out, so look before repeating it"
	               : "try again";
}

static void fail(const struct http_exchange *exchange, enum error_class error_class,
        const char *reason, const char *why, const char *next, GError **error)
{
	g_autofree char *origin = http_origin(exchange->request->url);

	error_set(error, error_class, reason, "%s: %s; %s", origin != NULL ? origin : "a bad URL",
	        why, next);
}

/* curl's own words, which name no more than hosts, ports and TLS errors. */
static const char *words(const struct http_exchange *exchange, CURLcode code)
{
	const char *said = exchange->client->curl_error;

	return said[0] != '\0' ? said : curl_easy_strerror(code);
}

/* X509_V_ERR_ values of OpenSSL, whose headers are not for this layer. */
/* VERIFY_UNKNOWN is what curl puts there before it has seen a certificate. */
enum { VERIFY_UNKNOWN = 1, VERIFY_NOT_YET_VALID = 9, VERIFY_EXPIRED = 10, VERIFY_NAME = 62 };

/* Parts of messages by which OpenSSL says that what came is no TLS record. */
static const char *const not_tls[] = {
        "wrong version number", "packet length too long", "http request", "unknown protocol"};

static bool is_not_tls(const char *said)
{
	for (size_t i = 0; i < G_N_ELEMENTS(not_tls); i++) {
		if (strstr(said, not_tls[i]) != NULL)
			return true;
	}
	return false;
}

static void fail_tls(const struct http_exchange *exchange, CURLcode code, GError **error)
{
	const char *said = words(exchange, code);
	long verify = 0;

	curl_easy_getinfo(exchange->client->curl, CURLINFO_SSL_VERIFYRESULT, &verify);
	if (verify == VERIFY_EXPIRED)
		fail(exchange, ERROR_CONFIG, "http.tls_expired", "its certificate has expired",
		        "renew it, and check the clocks of both sides", error);
	else if (verify == VERIFY_NOT_YET_VALID)
		fail(exchange, ERROR_CONFIG, "http.tls_expired", "its certificate is not valid yet",
		        "check the clocks of both sides", error);
	else if (verify == VERIFY_NAME || strstr(said, "does not match target host") != NULL ||
	         strstr(said, "no alternative certificate subject name") != NULL)
		fail(exchange, ERROR_CONFIG, "http.tls_name", "its certificate is for another name",
		        "use the name that stands in the certificate, or have it reissued", error);
	else if (code == CURLE_SSL_CACERT_BADFILE)
		fail(exchange, ERROR_CONFIG, "http.tls_ca_file",
		        "the file of trusted CAs holds no certificate that can be read",
		        "name a PEM file with the certificate of the server's CA", error);
	else if (is_not_tls(said))
		fail(exchange, ERROR_CONFIG, "http.tls_not", "it does not speak TLS on this port",
		        "check the port, or whether the URL should begin with http", error);
	else if (code == CURLE_PEER_FAILED_VERIFICATION || verify > VERIFY_UNKNOWN)
		fail(exchange, ERROR_CONFIG, "http.tls_untrusted",
		        "its certificate is signed by a CA that is not trusted",
		        "name that CA's certificate as CA file, if it is the right one", error);
	else
		fail(exchange, ERROR_RETRY, "http.tls", said,
		        "check which TLS versions and certificates the other side accepts", error);
}

static void fail_connect(const struct http_exchange *exchange, CURLcode code, GError **error)
{
	g_autofree char *why = NULL;

	if (exchange->refused[0] == '\0' || exchange->sockets > 0) {
		fail(exchange, ERROR_RETRY, "http.unreachable", words(exchange, code),
		        "check that the server runs and that no firewall is between", error);
		return;
	}
	why = g_strdup_printf("its name leads to %s, which is not allowed", exchange->refused);
	fail(exchange, ERROR_CONFIG, "http.address_refused", why,
	        "check DNS, or allow such addresses for this server", error);
}

void http_fail_timeout(const struct http_exchange *exchange, const char *why, GError **error)
{
	if (exchange->sends == 0)
		fail(exchange, ERROR_RETRY, "http.unreachable", "it was not connected in time",
		        "check that the server runs and that no firewall is between", error);
	else
		fail(exchange, class_of(exchange), "http.timeout", why, next_step(exchange), error);
}

/* True when it was we who ended it. */
static bool fail_stopped(const struct http_exchange *exchange, GError **error)
{
	g_autofree char *why = NULL;

	switch (exchange->stop) {
	case HTTP_STOP_CANCELLED:
		fail(exchange, class_of(exchange), "http.cancelled", "the exchange was cancelled",
		        next_step(exchange), error);
		return true;
	case HTTP_STOP_FIRST_BYTE:
		http_fail_timeout(exchange, "it did not begin to answer in time", error);
		return true;
	case HTTP_STOP_STALL:
		http_fail_timeout(exchange, "it fell silent in the middle", error);
		return true;
	case HTTP_STOP_BODY_TOO_LARGE:
		why = g_strdup_printf(
		        "its answer is larger than %zu bytes", exchange->max_body_bytes);
		fail(exchange, ERROR_ITEM, "http.too_large", why,
		        "ask for less at once or raise the limit", error);
		return true;
	case HTTP_STOP_HEADERS_TOO_LARGE:
		fail(exchange, ERROR_ITEM, "http.too_large",
		        "the headers of its answer are too large",
		        "check what stands between, a proxy perhaps", error);
		return true;
	case HTTP_STOP_RESEND:
		fail(exchange, class_of(exchange), "http.reset",
		        "the kept connection was closed before an answer came", next_step(exchange),
		        error);
		return true;
	case HTTP_STOP_NONE:
	case HTTP_STOP_HANDLER:
		break;
	}
	return false;
}

/* What kind of fault a code of curl is; whatever is not here depends on whether we were connected.
 */
enum fault {
	FAULT_OTHER,
	FAULT_NAME,
	FAULT_CONNECT,
	FAULT_TIMEOUT,
	FAULT_TLS,
	FAULT_RESET,
	FAULT_PROTOCOL,
	FAULT_REQUEST,
	FAULT_LARGE
};

static const struct {
	CURLcode code;
	enum fault fault;
} faults[] = {
        {CURLE_COULDNT_RESOLVE_HOST, FAULT_NAME},
        {CURLE_COULDNT_RESOLVE_PROXY, FAULT_NAME},
        {CURLE_COULDNT_CONNECT, FAULT_CONNECT},
        {CURLE_OPERATION_TIMEDOUT, FAULT_TIMEOUT},
        {CURLE_SSL_CONNECT_ERROR, FAULT_TLS},
        {CURLE_PEER_FAILED_VERIFICATION, FAULT_TLS},
        {CURLE_SSL_CERTPROBLEM, FAULT_TLS},
        {CURLE_SSL_CIPHER, FAULT_TLS},
        {CURLE_SSL_CACERT_BADFILE, FAULT_TLS},
        {CURLE_SSL_ISSUER_ERROR, FAULT_TLS},
        {CURLE_GOT_NOTHING, FAULT_RESET},
        {CURLE_SEND_ERROR, FAULT_RESET},
        {CURLE_RECV_ERROR, FAULT_RESET},
        {CURLE_PARTIAL_FILE, FAULT_RESET},
        {CURLE_WEIRD_SERVER_REPLY, FAULT_PROTOCOL},
        {CURLE_UNSUPPORTED_PROTOCOL, FAULT_PROTOCOL},
        {CURLE_BAD_CONTENT_ENCODING, FAULT_PROTOCOL},
        {CURLE_WRITE_ERROR, FAULT_PROTOCOL},
        {CURLE_URL_MALFORMAT, FAULT_REQUEST},
        {CURLE_FILESIZE_EXCEEDED, FAULT_LARGE},
};

static enum fault fault_of(const struct http_exchange *exchange, CURLcode code)
{
	for (size_t i = 0; i < G_N_ELEMENTS(faults); i++) {
		if (faults[i].code == code)
			return faults[i].fault;
	}
	return exchange->sends > 0 ? FAULT_RESET : FAULT_CONNECT;
}

void http_fail(const struct http_exchange *exchange, CURLcode code, GError **error)
{
	if (fail_stopped(exchange, error))
		return;
	switch (fault_of(exchange, code)) {
	case FAULT_NAME:
		fail(exchange, ERROR_RETRY, "http.name", "its host name is unknown",
		        "check the name and this machine's DNS", error);
		break;
	case FAULT_TIMEOUT:
		http_fail_timeout(exchange, "its answer was not complete in time", error);
		break;
	case FAULT_TLS:
		fail_tls(exchange, code, error);
		break;
	case FAULT_RESET:
		fail(exchange, class_of(exchange), "http.reset", words(exchange, code),
		        next_step(exchange), error);
		break;
	case FAULT_PROTOCOL:
		fail(exchange, class_of(exchange), "http.protocol", words(exchange, code),
		        next_step(exchange), error);
		break;
	case FAULT_REQUEST:
		fail(exchange, ERROR_CONFIG, "http.request", words(exchange, code), "mend the URL",
		        error);
		break;
	case FAULT_LARGE:
		fail(exchange, ERROR_ITEM, "http.too_large", "its answer is larger than allowed",
		        "ask for less at once or raise the limit", error);
		break;
	case FAULT_CONNECT:
	case FAULT_OTHER:
		fail_connect(exchange, code, error);
		break;
	}
}
