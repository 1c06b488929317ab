#include "ews/session_private.h"

#include "core/clock.h"
#include "core/error.h"
#include "ews/codes.h"
#include "ews/contact_driver.h"

#include <string.h>

#define DEADLINE_MS 120000
#define MAX_ANSWER_BYTES (UINT64_C(1) << 30)
#define MAX_REQUEST_BYTES ((size_t)256 << 20)
#define BATCH_ITEMS 100
#define BATCH_BYTES ((size_t)4 << 20)
/* From this size on, grommunio may refuse a second request on the same connection. */
#define LARGE_BYTES 65536

/* One request on its way, and what came back. */
struct exchange {
	struct ews_session *session;
	const struct ews_op *op;
	const struct ews_answer_handler *handler;
	void *data;
	int status;
	bool streamed; /* the body went to the answer reader */
	bool reused;
	int64_t retry_after_s;
	char *server_says; /* x-ms-diagnostics and the like, or NULL */
	GPtrArray *challenges; /* char *, NULL-ended; of a 401 */
};

static void exchange_clear(struct exchange *exchange)
{
	g_clear_pointer(&exchange->server_says, g_free);
	g_clear_pointer(&exchange->challenges, g_ptr_array_unref);
}

static bool options_check(const struct ews_options *options, GError **error)
{
	g_autofree char *origin = options->url == NULL ? NULL : http_origin(options->url);
	if (origin == NULL)
		error_set(error, ERROR_CONFIG, "ews.request",
		        "the mail server's URL \"%s\" is not an https URL; give it as "
		        "https://HOST/EWS/Exchange.asmx",
		        options->url == NULL ? "" : options->url);
	else if (options->authorize == NULL && (options->user == NULL || options->password == NULL))
		error_set(error, ERROR_CONFIG, "ews.request",
		        "no credentials for %s; add a partner, or user and password to its "
		        "section of the configuration",
		        origin);
	else
		return true;
	return false;
}

static char *basic_credentials(const char *user, const char *password)
{
	g_autofree char *both = g_strdup_printf("%s:%s", user, password);
	g_autofree char *encoded = g_base64_encode((const guchar *)both, strlen(both));
	return g_strdup_printf("Basic %s", encoded);
}

static bool perform_http(
        void *data, const struct http_request *request, struct http_response **out, GError **error)
{
	return http_perform(data, request, out, error);
}

struct ews_session *ews_session_open(const struct ews_options *options, GError **error)
{
	if (!options_check(options, error))
		return NULL;
	static const struct http_options defaults;
	const struct http_options *http = options->http == NULL ? &defaults : options->http;
	autoptr(http_client) client = http_client_new(http, error);
	if (client == NULL)
		return NULL;
	struct ews_session *session = g_new0(struct ews_session, 1);
	session->url = g_strdup(options->url);
	session->access = options->access;
	session->authorize = options->authorize;
	session->authorize_data = options->authorize_data;
	if (options->authorize == NULL)
		session->basic = basic_credentials(options->user, options->password);
	session->admit = options->admit;
	session->admit_data = options->admit_data;
	session->deadline_ms = http->total_timeout_ms > 0 ? http->total_timeout_ms : DEADLINE_MS;
	session->max_answer_bytes =
	        options->max_answer_bytes == 0 ? MAX_ANSWER_BYTES : options->max_answer_bytes;
	session->batch_items = options->batch_items == 0 ? BATCH_ITEMS : options->batch_items;
	session->batch_bytes = options->batch_bytes == 0 ? BATCH_BYTES : options->batch_bytes;
	session->contact_email = options->contact_email;
	session->http = g_steal_pointer(&client);
	session->writer = xml_writer_new(MAX_REQUEST_BYTES);
	session->answer = ews_answer_new();
	session->perform = perform_http;
	session->perform_data = session->http;
	session->groups.by_id =
	        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)group_free);
	return session;
}

void ews_session_close(struct ews_session *session)
{
	http_client_free(session->http);
	xml_writer_free(session->writer);
	ews_answer_free(session->answer);
	g_hash_table_unref(session->groups.by_id);
	ews_ucs_unwatch(session);
	if (session->mailbox != NULL)
		mailbox_free(session->mailbox);
	g_free(session->basic);
	g_free(session->url);
	g_free(session);
}

void ews_session_use_mailbox(struct ews_session *session, const struct mailbox *mailbox)
{
	if (session->mailbox != NULL)
		mailbox_free(session->mailbox);
	session->mailbox = mailbox == NULL ? NULL : mailbox_copy(mailbox);
	http_client_clear_cookies(session->http);
	g_hash_table_remove_all(session->groups.by_id);
	session->groups.loaded = false;
	ews_ucs_unwatch(session);
}

const char *ews_session_server_version(const struct ews_session *session)
{
	return ews_answer_server_version(session->answer);
}

struct ews_statistics ews_session_statistics(const struct ews_session *session)
{
	struct ews_statistics statistics = session->statistics;
	statistics.mended_characters = ews_answer_mended(session->answer);
	return statistics;
}

static void write_impersonation(struct xml_writer *w, const struct mailbox *mailbox)
{
	xml_start(w, "t:ExchangeImpersonation");
	xml_start(w, "t:ConnectingSID");
	xml_text_element(w, "t:PrimarySmtpAddress", mailbox->smtp);
	xml_end(w);
	xml_end(w);
}

struct xml_writer *ews_request(struct ews_session *session, const struct ews_op *op)
{
	struct xml_writer *w = session->writer;
	g_autofree char *element = g_strconcat("m:", op->name, NULL);
	xml_writer_reset(w);
	xml_start(w, "s:Envelope");
	xml_attr(w, "xmlns:s", EWS_NS_SOAP);
	xml_attr(w, "xmlns:m", EWS_NS_MESSAGES);
	xml_attr(w, "xmlns:t", EWS_NS_TYPES);
	xml_start(w, "s:Header");
	xml_empty_element(w, "t:RequestServerVersion", "Version", "Exchange2013", NULL);
	if (session->access == EWS_ACCESS_IMPERSONATE && session->mailbox != NULL)
		write_impersonation(w, session->mailbox);
	xml_end(w);
	xml_start(w, "s:Body");
	xml_start(w, element);
	return w;
}

static int64_t retry_after(const struct http_response *head)
{
	const char *text = http_response_header(head, "Retry-After");
	guint64 seconds;
	if (text == NULL || !g_ascii_string_to_unsigned(text, 10, 0, 86400, &seconds, NULL))
		return -1;
	return (int64_t)seconds;
}

static char *diagnostics(const struct http_response *head)
{
	static const char *const names[] = {"x-ms-diagnostics", "X-CasErrorCode"};
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		const char *value = http_response_header(head, names[i]);
		if (value != NULL)
			return g_strdup(value);
	}
	return NULL;
}

static GPtrArray *challenges_of(const struct http_response *head)
{
	GPtrArray *challenges = g_ptr_array_new_with_free_func(g_free);
	g_autofree const char **values = http_response_headers(head, "WWW-Authenticate");
	for (size_t i = 0; values != NULL && values[i] != NULL; i++)
		g_ptr_array_add(challenges, g_strdup(values[i]));
	g_ptr_array_add(challenges, NULL);
	return challenges;
}

static bool is_xml(const struct http_response *head)
{
	const char *type = http_response_header(head, "Content-Type");
	return type == NULL || strstr(type, "xml") != NULL;
}

static bool on_head(const struct http_response *head, bool *stream, void *data, GError **error)
{
	(void)error;
	struct exchange *exchange = data;
	exchange_clear(exchange);
	exchange->status = head->status;
	exchange->retry_after_s = retry_after(head);
	exchange->server_says = diagnostics(head);
	exchange->challenges = challenges_of(head);
	/* Answers, good ones and faults, come with these two. */
	exchange->streamed = (head->status == 200 || head->status == 500) && is_xml(head);
	*stream = exchange->streamed;
	ews_answer_begin(
	        exchange->session->answer, exchange->op, exchange->handler, exchange->data);
	return true;
}

static bool on_body(const char *bytes, size_t len, void *data, GError **error)
{
	struct exchange *exchange = data;
	return ews_answer_feed(exchange->session->answer, bytes, len, error);
}

static bool authorization(const struct exchange *exchange, char **header, GError **error)
{
	const struct ews_session *session = exchange->session;
	g_autofree char *value = NULL;
	bool refused = exchange->status == 401;
	if (session->authorize == NULL)
		value = g_strdup(session->basic);
	else if (!session->authorize(session->authorize_data, session->mailbox, refused,
	                 refused ? (const char *const *)exchange->challenges->pdata : NULL,
	                 refused ? exchange->server_says : NULL, &value, error))
		return false;
	*header = g_strdup_printf("Authorization: %s", value);
	return true;
}

static GPtrArray *headers_for(
        const struct ews_session *session, const struct ews_op *op, char *authorization_header)
{
	GPtrArray *headers = g_ptr_array_new_with_free_func(g_free);
	g_autofree char *request_id = g_uuid_string_random();
	g_ptr_array_add(headers, authorization_header);
	g_ptr_array_add(
	        headers, g_strdup_printf("SOAPAction: \"" EWS_NS_MESSAGES "/%s\"", op->name));
	g_ptr_array_add(headers, g_strdup_printf("client-request-id: %s", request_id));
	g_ptr_array_add(headers, g_strdup("Accept: text/xml"));
	if (session->mailbox != NULL)
		g_ptr_array_add(
		        headers, g_strdup_printf("X-AnchorMailbox: %s", session->mailbox->smtp));
	return headers;
}

static bool send_once(struct exchange *exchange, const char *body, size_t len, GError **error)
{
	struct ews_session *session = exchange->session;
	char *authorization_header = NULL;
	if (!authorization(exchange, &authorization_header, error))
		return false;
	g_autoptr(GPtrArray) headers = headers_for(session, exchange->op, authorization_header);
	if (session->admit != NULL &&
	        !session->admit(session->admit_data, session->deadline_ms, error))
		return false;
	if (session->fresh_for_large && len > LARGE_BYTES)
		http_client_reset(session->http);
	struct http_request request = {
	        .method = "POST",
	        .url = session->url,
	        .headers = headers,
	        .body = body,
	        .body_len = len,
	        .content_type = "text/xml; charset=utf-8",
	        .deadline_ms = session->deadline_ms,
	        .max_body_bytes = session->max_answer_bytes,
	        .repeatable = !exchange->op->changes,
	        .on_head = on_head,
	        .on_body = on_body,
	        .data = exchange,
	};
	exchange->status = 0;
	session->statistics.requests++;
	autoptr(http_response) response = NULL;
	if (!session->perform(session->perform_data, &request, &response, error))
		return false;
	exchange->reused = response->reused;
	session->statistics.sent_bytes += (uint64_t)response->sent_bytes;
	session->statistics.received_bytes += (uint64_t)response->received_bytes;
	return true;
}

/* Whether the same request should go out once more, and what has to be done before. */
static bool worth_repeating(struct exchange *exchange, size_t len)
{
	struct ews_session *session = exchange->session;
	if (exchange->status == 401 || exchange->status == 440)
		http_client_clear_cookies(session->http);
	if (exchange->status == 401) /* the same password again would only lock the account */
		return session->authorize != NULL;
	if (exchange->status != 400 || !exchange->reused || len <= LARGE_BYTES)
		return false;
	session->fresh_for_large = true;
	return !exchange->op->changes;
}

static bool status_error(const struct exchange *exchange, GError **error)
{
	struct ews_problem problem = {
	        .operation = exchange->op->name,
	        .text = exchange->server_says,
	        .back_off_ms = -1,
	        .changes = exchange->op->changes,
	};
	if (exchange->status >= 200 && exchange->status < 300)
		ews_protocol_set(error, exchange->op->name, "no XML");
	else
		ews_status_set(error, exchange->status, &problem, exchange->retry_after_s);
	return false;
}

/* What came with status 500 was no SOAP: then the status is all that was said. */
static bool only_status(const struct exchange *exchange, const GError *failure)
{
	const char *reason = error_reason(failure);
	return exchange->status == 500 && exchange->streamed &&
	       !ews_answer_understood(exchange->session->answer) &&
	       (g_str_has_prefix(reason, "xml.") || g_str_equal(reason, "ews.protocol"));
}

static bool judge(const struct exchange *exchange, GError **error)
{
	if (!exchange->streamed)
		return status_error(exchange, error);
	return ews_answer_finish(exchange->session->answer, error);
}

/*
 * When the answer of a changing request cannot be read, nobody knows what was done. The classes
 * that response codes and the HTTP client give are right already.
 */
static void mark_uncertain(const struct exchange *exchange, GError *failure)
{
	const char *reason = error_reason(failure);
	bool unreadable = g_str_has_prefix(reason, "xml.") || g_str_equal(reason, "ews.protocol") ||
	                  g_str_equal(reason, "http.too_large");
	if (exchange->op->changes && unreadable)
		error_reclass(failure, ERROR_UNCERTAIN);
}

bool ews_call(struct ews_session *session, const struct ews_op *op,
        const struct ews_answer_handler *handler, void *data, GError **error)
{
	const char *body;
	size_t len;
	if (!xml_writer_finish(session->writer, &body, &len, error))
		return false;
	session->statistics.replaced_characters += xml_writer_replaced(session->writer);
	struct exchange exchange = {.session = session, .op = op, .handler = handler, .data = data};
	GError *failure = NULL;
	bool ok = send_once(&exchange, body, len, &failure);
	if (ok && worth_repeating(&exchange, len))
		ok = send_once(&exchange, body, len, &failure);
	ok = ok && judge(&exchange, &failure);
	if (!ok && only_status(&exchange, failure)) {
		g_clear_error(&failure);
		status_error(&exchange, &failure);
	}
	if (!ok) {
		mark_uncertain(&exchange, failure);
		if (session->mailbox != NULL && error_subject(failure) == NULL)
			error_set_subject(failure, session->mailbox->smtp);
		g_propagate_error(error, failure);
	}
	exchange_clear(&exchange);
	return ok;
}

void ews_item_ref_clear(struct ews_item_ref *ref)
{
	g_clear_pointer(&ref->id, g_free);
	g_clear_pointer(&ref->change_key, g_free);
}

void ews_item_ref_set(struct ews_item_ref *ref, const char *id, const char *change_key)
{
	char *new_id = g_strdup(id), *new_key = g_strdup(change_key);
	ews_item_ref_clear(ref);
	ref->id = new_id;
	ref->change_key = new_key;
}

void ews_item_ref_free(struct ews_item_ref *ref)
{
	ews_item_ref_clear(ref);
	g_free(ref);
}

struct ews_outcome *ews_outcomes_new(size_t n)
{
	return g_new0(struct ews_outcome, n);
}

void ews_outcomes_free(struct ews_outcome *outcomes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		ews_item_ref_clear(&outcomes[i].ref);
		g_clear_error(&outcomes[i].error);
	}
	g_free(outcomes);
}
