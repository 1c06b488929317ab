#include "ews/answer.h"

#include "core/error.h"
#include "ews/codes.h"

#include <string.h>

#define MAX_DEPTH 64
#define MAX_TEXT_BYTES (2 << 20) /* sync states may be large, nothing else is */
#define NAME_CACHE 256
#define MAX_MESSAGES 100000

struct ews_answer {
	struct xml_reader *reader;
	const struct ews_op *op;
	const struct ews_answer_handler *handler;
	void *data;

	enum ews_element stack[MAX_DEPTH + 1]; /* [1] is the root element */
	unsigned depth;
	unsigned message_depth; /* of the response message that is open; 0: none */
	unsigned messages; /* that have ended */
	bool fault;

	/* Of the message or fault that is open. */
	GString *code, *inner_code, *words, *fault_code;
	GString *value_name;
	int64_t back_off_ms;

	char *server_version;
	/* Names are interned by the reader: a pointer says which element it is. */
	struct {
		const char *ns, *local;
		enum ews_element element;
	} name_cache[NAME_CACHE];
};

static enum ews_element find(struct ews_answer *answer, const char *ns, const char *local)
{
	size_t slot = ((uintptr_t)local >> 3 ^ (uintptr_t)ns >> 5) % NAME_CACHE;
	if (answer->name_cache[slot].local != local || answer->name_cache[slot].ns != ns) {
		answer->name_cache[slot].ns = ns;
		answer->name_cache[slot].local = local;
		answer->name_cache[slot].element = ews_element_find(ns, local);
	}
	return answer->name_cache[slot].element;
}

static void forget_problem(struct ews_answer *answer)
{
	g_string_truncate(answer->code, 0);
	g_string_truncate(answer->inner_code, 0);
	g_string_truncate(answer->words, 0);
	g_string_truncate(answer->fault_code, 0);
	answer->back_off_ms = -1;
}

static bool protocol_error(struct ews_answer *answer, const char *what, GError **error)
{
	ews_protocol_set(error, answer->op->name, what);
	return false;
}

static bool is_answer_to(const struct ews_op *op, const char *local)
{
	size_t len = strlen(op->name);
	return strncmp(local, op->name, len) == 0 && g_str_has_prefix(local + len, "Response");
}

static void note_version(struct ews_answer *answer, const struct xml_attrs *attrs)
{
	const char *major = xml_attr_value(attrs, "MajorVersion");
	const char *minor = xml_attr_value(attrs, "MinorVersion");
	const char *build = xml_attr_value(attrs, "MajorBuildNumber");
	const char *version = xml_attr_value(attrs, "Version");
	g_free(answer->server_version);
	answer->server_version = g_strdup_printf("%s %s.%s.%s", version == NULL ? "EWS" : version,
	        major == NULL ? "?" : major, minor == NULL ? "?" : minor,
	        build == NULL ? "?" : build);
}

/* Children of Envelope, of Header and of Body, until a response message has begun. */
static bool start_outside(struct ews_answer *answer, enum ews_element element, const char *local,
        const struct xml_attrs *attrs, GError **error)
{
	const enum ews_element *stack = answer->stack;
	unsigned depth = answer->depth;
	if (depth == 1)
		return element == ELEMENT_Envelope ||
		       protocol_error(answer, "it is no SOAP envelope", error);
	if (element == ELEMENT_ServerVersionInfo && stack[depth - 1] == ELEMENT_Header)
		note_version(answer, attrs);
	if (depth == 3 && stack[2] == ELEMENT_Body) {
		if (element == ELEMENT_Fault) {
			answer->fault = true;
			forget_problem(answer);
			return true;
		}
		if (!is_answer_to(answer->op, local))
			return protocol_error(answer, "it answers another operation", error);
		answer->message_depth = xml_attr_value(attrs, "ResponseClass") != NULL ? 3 : 0;
	} else if (depth == 5 && stack[2] == ELEMENT_Body && stack[4] == ELEMENT_ResponseMessages) {
		answer->message_depth = 5;
	}
	if (answer->message_depth == depth)
		forget_problem(answer);
	return true;
}

static void note_value_name(
        struct ews_answer *answer, enum ews_element element, const struct xml_attrs *attrs)
{
	if (element != ELEMENT_Value || answer->stack[answer->depth - 1] != ELEMENT_MessageXml)
		return;
	const char *name = xml_attr_value(attrs, "Name");
	g_string_assign(answer->value_name, name == NULL ? "" : name);
}

static bool on_start(void *data, const char *ns, const char *local, const struct xml_attrs *attrs,
        GError **error)
{
	struct ews_answer *answer = data;
	if (answer->depth >= MAX_DEPTH)
		return protocol_error(answer, "it is nested too deep", error);
	enum ews_element element = find(answer, ns, local);
	answer->stack[++answer->depth] = element;
	if (answer->fault) {
		note_value_name(answer, element, attrs);
		return true;
	}
	if (answer->message_depth == 0)
		return start_outside(answer, element, local, attrs, error);
	note_value_name(answer, element, attrs);
	const struct ews_answer_handler *handler = answer->handler;
	return handler->start == NULL ||
	       handler->start(answer, element, attrs, answer->data, error);
}

/* Values of MessageXml, which stands in faults and in response messages. */
static void note_value(struct ews_answer *answer, const char *text)
{
	if (g_ascii_strcasecmp(answer->value_name->str, "BackOffMilliseconds") == 0) {
		g_autofree char *number = g_strstrip(g_strdup(text));
		guint64 ms;
		if (g_ascii_string_to_unsigned(number, 10, 0, G_MAXINT64, &ms, NULL))
			answer->back_off_ms = (int64_t)ms;
	} else if (g_ascii_strcasecmp(answer->value_name->str, "InnerErrorResponseCode") == 0) {
		g_string_assign(answer->inner_code, text);
	}
}

static void note_problem(struct ews_answer *answer, enum ews_element element, const char *text)
{
	if (element == ELEMENT_ResponseCode)
		g_string_assign(answer->code, text);
	else if (element == ELEMENT_MessageText || element == ELEMENT_faultstring)
		g_string_assign(answer->words, text);
	else if (element == ELEMENT_faultcode)
		g_string_assign(answer->fault_code, text);
	else if (element == ELEMENT_Value && answer->stack[answer->depth - 1] == ELEMENT_MessageXml)
		note_value(answer, text);
}

static const char *text_or_null(const GString *string)
{
	return string->len == 0 ? NULL : string->str;
}

static void describe(const struct ews_answer *answer, struct ews_problem *problem)
{
	*problem = (struct ews_problem){
	        .operation = answer->op->name,
	        .code = text_or_null(answer->code),
	        .inner_code = text_or_null(answer->inner_code),
	        .text = text_or_null(answer->words),
	        .back_off_ms = answer->back_off_ms,
	        .changes = answer->op->changes,
	};
	if (problem->back_off_ms < 0)
		problem->back_off_ms = ews_back_off_in_text(problem->text);
}

static bool end_message(struct ews_answer *answer, GError **error)
{
	g_autoptr(GError) failure = NULL;
	const char *code = answer->code->str;
	if (answer->code->len == 0) {
		protocol_error(answer, "a response message without ResponseCode", &failure);
		if (answer->op->changes)
			error_reclass(failure, ERROR_UNCERTAIN);
	} else if (!ews_code_is_success(code)) {
		struct ews_problem problem;
		describe(answer, &problem);
		ews_problem_set(&failure, &problem);
	}
	bool ok = true;
	if (answer->handler->message != NULL)
		ok = answer->handler->message(
		        answer, failure, ews_code_is_stopped(code), answer->data, error);
	else if (failure != NULL) {
		g_propagate_error(error, g_steal_pointer(&failure));
		ok = false;
	}
	if (++answer->messages > MAX_MESSAGES && ok)
		ok = protocol_error(answer, "too many response messages", error);
	answer->message_depth = 0;
	return ok;
}

static bool on_end(
        void *data, const char *ns, const char *local, const char *text, size_t len, GError **error)
{
	(void)ns;
	(void)local;
	struct ews_answer *answer = data;
	enum ews_element element = answer->stack[answer->depth];
	bool ok = true;
	if (answer->fault) {
		if (text != NULL)
			note_problem(answer, element, text);
	} else if (answer->message_depth == answer->depth) {
		ok = end_message(answer, error);
	} else if (answer->message_depth != 0) {
		unsigned depth = ews_answer_depth(answer);
		if (text != NULL &&
		        (depth == 1 || answer->stack[answer->depth - 1] == ELEMENT_MessageXml))
			note_problem(answer, element, text);
		if (answer->handler->end != NULL)
			ok = answer->handler->end(answer, element, text, len, answer->data, error);
	}
	answer->depth--;
	return ok;
}

static bool on_text(void *data, const char *bytes, size_t len, GError **error)
{
	struct ews_answer *answer = data;
	return answer->handler->text == NULL ||
	       answer->handler->text(answer, bytes, len, answer->data, error);
}

static const struct xml_handler xml_events = {
        .start = on_start,
        .end = on_end,
        .text = on_text,
};

struct ews_answer *ews_answer_new(void)
{
	struct ews_answer *answer = g_new0(struct ews_answer, 1);
	answer->code = g_string_new(NULL);
	answer->inner_code = g_string_new(NULL);
	answer->words = g_string_new(NULL);
	answer->fault_code = g_string_new(NULL);
	answer->value_name = g_string_new(NULL);
	/* The ceiling of bytes is kept by the HTTP client, which knows it per session. */
	answer->reader = xml_reader_new(&xml_events, answer,
	        &(struct xml_limits){.max_text_bytes = MAX_TEXT_BYTES, .max_depth = MAX_DEPTH});
	return answer;
}

void ews_answer_free(struct ews_answer *answer)
{
	xml_reader_free(answer->reader);
	g_string_free(answer->code, TRUE);
	g_string_free(answer->inner_code, TRUE);
	g_string_free(answer->words, TRUE);
	g_string_free(answer->fault_code, TRUE);
	g_string_free(answer->value_name, TRUE);
	g_free(answer->server_version);
	g_free(answer);
}

void ews_answer_begin(struct ews_answer *answer, const struct ews_op *op,
        const struct ews_answer_handler *handler, void *data)
{
	xml_reader_reset(answer->reader);
	memset(answer->name_cache, 0, sizeof answer->name_cache);
	answer->op = op;
	answer->handler = handler;
	answer->data = data;
	answer->depth = 0;
	answer->message_depth = 0;
	answer->messages = 0;
	answer->fault = false;
	g_string_truncate(answer->value_name, 0);
	forget_problem(answer);
}

bool ews_answer_feed(struct ews_answer *answer, const char *bytes, size_t len, GError **error)
{
	return xml_reader_feed(answer->reader, bytes, len, error);
}

static void fault_set(const struct ews_answer *answer, GError **error)
{
	struct ews_problem problem;
	describe(answer, &problem);
	/* faultcode is "a:ErrorServerBusy"; detail/ResponseCode says the same and comes first. */
	const char *colon = strrchr(answer->fault_code->str, ':');
	const char *fault_code = colon == NULL ? answer->fault_code->str : colon + 1;
	if (problem.code == NULL && g_str_has_prefix(fault_code, "Error"))
		problem.code = fault_code;
	if (problem.code != NULL)
		ews_problem_set(error, &problem);
	else
		ews_fault_set(error, &problem, fault_code);
}

bool ews_answer_finish(struct ews_answer *answer, GError **error)
{
	if (!xml_reader_finish(answer->reader, error))
		return false;
	if (answer->fault) {
		fault_set(answer, error);
		return false;
	}
	if (answer->messages == 0)
		return protocol_error(answer, "it holds no response message", error);
	return true;
}

unsigned ews_answer_depth(const struct ews_answer *answer)
{
	return answer->depth - answer->message_depth;
}

enum ews_element ews_answer_above(const struct ews_answer *answer, unsigned up)
{
	return answer->depth > up ? answer->stack[answer->depth - up] : ELEMENT_OTHER;
}

unsigned ews_answer_index(const struct ews_answer *answer)
{
	return answer->messages;
}

void ews_answer_stream_text(struct ews_answer *answer)
{
	xml_reader_stream_text(answer->reader);
}

bool ews_answer_understood(const struct ews_answer *answer)
{
	return answer->fault || answer->messages > 0;
}

const char *ews_answer_server_version(const struct ews_answer *answer)
{
	return answer->server_version;
}

uint64_t ews_answer_mended(const struct ews_answer *answer)
{
	return xml_reader_mended(answer->reader);
}
