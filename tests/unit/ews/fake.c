#include "fake.h"

#include "core/error.h"
#include "ews/elements.h"

#include <check.h>
#include <string.h>

struct canned {
	int status;
	char *headers;
	char *body;
	size_t lose_after; /* SIZE_MAX: never */
};

static void canned_free(void *data)
{
	struct canned *canned = data;
	g_free(canned->headers);
	g_free(canned->body);
	g_free(canned);
}

static void lost(const struct http_request *request, GError **error)
{
	error_set(error, request->repeatable ? ERROR_RETRY : ERROR_UNCERTAIN, "http.reset",
	        "connection lost");
}

static bool give_body(const struct fake *fake, const struct canned *canned,
        const struct http_request *request, GError **error)
{
	size_t len = strlen(canned->body), at = 0;
	while (at < len) {
		size_t piece = MIN(fake->chunk, len - at);
		if (canned->lose_after != SIZE_MAX && at + piece > canned->lose_after) {
			lost(request, error);
			return false;
		}
		if (!request->on_body(canned->body + at, piece, request->data, error))
			return false;
		at += piece;
	}
	return true;
}

static void keep_request(struct fake *fake, const struct http_request *request)
{
	g_ptr_array_add(fake->requests, g_strndup(request->body, request->body_len));
	GString *headers = g_string_new(NULL);
	for (guint i = 0; request->headers != NULL && i < request->headers->len; i++)
		g_string_append_printf(headers, "%s\n", (char *)request->headers->pdata[i]);
	g_ptr_array_add(fake->headers, g_string_free(headers, FALSE));
}

static bool fake_perform(
        void *data, const struct http_request *request, struct http_response **out, GError **error)
{
	struct fake *fake = data;
	keep_request(fake, request);
	struct canned *canned = g_queue_pop_head(fake->answers);
	ck_assert_msg(canned != NULL, "a request too many: %s", (const char *)request->body);
	if (canned->lose_after == 0) {
		canned_free(canned);
		lost(request, error);
		return false;
	}
	struct http_response *head = g_new0(struct http_response, 1);
	head->status = canned->status;
	head->headers = g_ptr_array_new_with_free_func(g_free);
	head->body = g_byte_array_new();
	g_auto(GStrv) lines = g_strsplit(canned->headers, "\n", -1);
	for (char **line = lines; *line != NULL; line++)
		g_ptr_array_add(head->headers, g_strdup(*line));
	bool stream = false;
	bool ok = request->on_head(head, &stream, request->data, error);
	if (ok && stream)
		ok = give_body(fake, canned, request, error);
	canned_free(canned);
	if (ok)
		*out = head;
	else
		http_response_free(head);
	return ok;
}

struct fake *fake_new_with(const struct ews_options *options)
{
	struct fake *fake = g_new0(struct fake, 1);
	g_autoptr(GError) error = NULL;
	fake->session = ews_session_open(options, &error);
	ck_assert_msg(fake->session != NULL, "%s", error == NULL ? "" : error->message);
	fake->session->perform = fake_perform;
	fake->session->perform_data = fake;
	fake->mailbox = mailbox_new("alice@im.example", "alice@corp.example", "exchange");
	ews_session_use_mailbox(fake->session, fake->mailbox);
	fake->answers = g_queue_new();
	fake->requests = g_ptr_array_new_with_free_func(g_free);
	fake->headers = g_ptr_array_new_with_free_func(g_free);
	fake->chunk = 1000;
	return fake;
}

struct fake *fake_new(void)
{
	return fake_new_with(&(struct ews_options){
	        .url = "https://mail.corp.example/EWS/Exchange.asmx",
	        .access = EWS_ACCESS_IMPERSONATE,
	        .user = "imex",
	        .password = "secret",
	});
}

void fake_free(struct fake *fake)
{
	ews_session_close(fake->session);
	mailbox_free(fake->mailbox);
	g_queue_free_full(fake->answers, canned_free);
	g_ptr_array_unref(fake->requests);
	g_ptr_array_unref(fake->headers);
	g_free(fake);
}

static char *wrap(const char *content)
{
	return g_strdup_printf(
	        "<?xml version=\"1.0\" encoding=\"utf-8\"?>"
	        "<s:Envelope xmlns:s=\"" EWS_NS_SOAP "\" xmlns:m=\"" EWS_NS_MESSAGES
	        "\" xmlns:t=\"" EWS_NS_TYPES "\">"
	        "<s:Header><t:ServerVersionInfo MajorVersion=\"15\" "
	        "MinorVersion=\"1\" MajorBuildNumber=\"2507\" MinorBuildNumber=\"6\" "
	        "Version=\"Exchange2016\"/></s:Header>"
	        "<s:Body>%s</s:Body></s:Envelope>",
	        content);
}

static void queue(struct fake *fake, int status, const char *headers, char *body, size_t lose_after)
{
	struct canned *canned = g_new0(struct canned, 1);
	canned->status = status;
	canned->headers = g_strdup(headers == NULL ? "Content-Type: text/xml" : headers);
	canned->body = body;
	canned->lose_after = lose_after;
	g_queue_push_tail(fake->answers, canned);
}

void fake_answer(struct fake *fake, const char *content)
{
	queue(fake, strstr(content, "<s:Fault>") != NULL ? 500 : 200, NULL, wrap(content),
	        SIZE_MAX);
}

void fake_answer_raw(struct fake *fake, int status, const char *headers, const char *content)
{
	queue(fake, status, headers, g_strdup(content), SIZE_MAX);
}

void fake_lose(struct fake *fake, const char *content, size_t bytes)
{
	queue(fake, 200, NULL, wrap(content), bytes);
}

const char *fake_request(const struct fake *fake, unsigned i)
{
	ck_assert_uint_lt(i, fake->requests->len);
	char *request = fake->requests->pdata[i];
	char *body = strstr(request, "<s:Body>");
	ck_assert_ptr_nonnull(body);
	char *end = strstr(body, "</s:Body>");
	if (end != NULL)
		*end = '\0';
	return body + strlen("<s:Body>");
}

unsigned fake_count(const struct fake *fake)
{
	return fake->requests->len;
}

char *fake_batch(const char *op, const char *messages)
{
	return g_strdup_printf(
	        "<m:%sResponse><m:ResponseMessages>%s</m:ResponseMessages></m:%sResponse>", op,
	        messages, op);
}

char *fake_message(const char *op, const char *content)
{
	return g_strdup_printf("<m:%sResponseMessage ResponseClass=\"Success\">"
	                       "<m:ResponseCode>NoError</m:ResponseCode>%s</m:%sResponseMessage>",
	        op, content, op);
}

char *fake_failure(const char *op, const char *code)
{
	return g_strdup_printf("<m:%sResponseMessage ResponseClass=\"Error\">"
	                       "<m:MessageText>no</m:MessageText>"
	                       "<m:ResponseCode>%s</m:ResponseCode><m:DescriptiveLinkKey>0"
	                       "</m:DescriptiveLinkKey></m:%sResponseMessage>",
	        op, code, op);
}

char *fake_direct(const char *op, const char *content)
{
	return g_strdup_printf("<m:%sResponse ResponseClass=\"Success\">"
	                       "<m:ResponseCode>NoError</m:ResponseCode>%s</m:%sResponse>",
	        op, content, op);
}

char *fake_direct_failure(const char *op, const char *code)
{
	return g_strdup_printf("<m:%sResponse ResponseClass=\"Error\"><m:MessageText>no"
	                       "</m:MessageText><m:ResponseCode>%s</m:ResponseCode></m:%sResponse>",
	        op, code, op);
}
