/* Envelopes, headers, impersonation, the dispatcher, faults. */
#include "soap.h"

#include "budget.h"
#include "devx.h"
#include "habits.h"
#include "move.h"
#include "schema.h"

#include <string.h>

static const struct {
	const char *name;
	enum ews_version version;
} versions[] = {
        {"Exchange2007", V2007},
        {"Exchange2007_SP1", V2007_SP1},
        {"Exchange2009", V2010},
        {"Exchange2010", V2010},
        {"Exchange2010_SP1", V2010_SP1},
        {"Exchange2010_SP2", V2010_SP2},
        {"Exchange2012", V2013},
        {"Exchange2013", V2013},
        {"Exchange2013_SP1", V2013_SP1},
        {"Exchange2015", V2013_SP1},
        {"Exchange2016", V2016},
        {"V2015_10_05", V2016},
        {"V2016_01_06", V2016},
        {"V2016_04_13", V2016},
        {"V2016_07_13", V2016},
        {"V2016_10_10", V2016},
        {"V2017_01_07", V2016},
        {"V2017_04_14", V2016},
        {"V2017_07_11", V2016},
};

/* grommunio's beginning of every envelope. */
#define GROMMUNIO_ENVELOPE                                                                         \
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?><SOAP:Envelope xmlns:SOAP=\"" NS_URI_SOAP       \
	"\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\""                               \
	" xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\">"

void envelope_open(GString *out)
{
	bool g = grommunio();

	g_string_append(out, g ? GROMMUNIO_ENVELOPE "<SOAP:Header>"
	                       : "<?xml version=\"1.0\" encoding=\"utf-8\"?>"
	                         "<s:Envelope xmlns:s=\"" NS_URI_SOAP "\"><s:Header>");
	g_string_append_printf(out,
	        "<t:ServerVersionInfo MajorVersion=\"15\" MinorVersion=\"%d\" "
	        "MajorBuildNumber=\"%d\" "
	        "MinorBuildNumber=\"%d\" Version=\"V2017_07_11\" xmlns:t=\"" NS_URI_T "\"/>",
	        g ? 0 : 2, g ? 847 : 1118, g ? 4040 : 40);
	g_string_append(out, g ? "</SOAP:Header><SOAP:Body>" : "</s:Header><s:Body>");
}

void envelope_close(GString *out)
{
	g_string_append(
	        out, grommunio() ? "</SOAP:Body></SOAP:Envelope>" : "</s:Body></s:Envelope>");
}

struct fault {
	const char *code; /* response code */
	const char *text;
	int line, column;
	const char *violation; /* NULL unless a schema fault */
	int64_t back_off_ms; /* negative: none */
};

static void fault_detail(GString *out, const struct fault *f)
{
	g_string_append_printf(out,
	        "<detail><e:ResponseCode xmlns:e=\"" NS_URI_E "\">%s</e:ResponseCode>", f->code);
	g_string_append(out, "<e:Message xmlns:e=\"" NS_URI_E "\">");
	xml_escape(out, f->text);
	g_string_append(out, "</e:Message>");
	if (f->violation != NULL) {
		g_string_append_printf(out,
		        "<t:MessageXml xmlns:t=\"" NS_URI_T "\"><t:LineNumber>%d</t:LineNumber>"
		        "<t:LinePosition>%d</t:LinePosition>",
		        f->line, f->column);
		xml_put(out, "t:Violation", f->violation);
		g_string_append(out, "</t:MessageXml>");
	} else if (f->back_off_ms >= 0) {
		g_string_append_printf(out,
		        "<t:MessageXml xmlns:t=\"" NS_URI_T
		        "\"><t:Value Name=\"BackOffMilliseconds\">%" //
		        G_GINT64_FORMAT "</t:Value></t:MessageXml>",
		        f->back_off_ms);
	}
	g_string_append(out, "</detail>");
}

/* grommunio's faults have no detail and come with status 200 unless the operation is unknown. */
static void fault_grommunio(struct answer *a, const struct fault *f, bool server)
{
	g_string_append_printf(a->body,
	        GROMMUNIO_ENVELOPE "<SOAP:Header/><SOAP:Body><SOAP:Fault>"
	                           "<faultcode xsi:type=\"xsd:string\">SOAP:%s</faultcode>"
	                           "<faultstring xsi:type=\"xsd:string\">",
	        server ? "Server" : "Client");
	xml_escape(a->body, f->violation != NULL ? f->violation : f->text);
	g_string_append(a->body, "</faultstring></SOAP:Fault></SOAP:Body></SOAP:Envelope>");
	a->status = server ? 500 : 200;
}

static void fault_write(struct answer *a, const struct fault *f, bool server)
{
	g_string_truncate(a->body, 0);
	g_free(a->code);
	a->code = g_strdup(f->code);
	if (grommunio()) {
		fault_grommunio(a, f, server);
		return;
	}
	a->status = 500;
	envelope_open(a->body);
	g_string_append_printf(a->body,
	        "<s:Fault><faultcode xmlns:a=\"" NS_URI_T
	        "\">a:%s</faultcode><faultstring xml:lang=\"en-US\">",
	        f->code);
	xml_escape(a->body, f->text);
	g_string_append(a->body, "</faultstring>");
	fault_detail(a->body, f);
	g_string_append(a->body, "</s:Fault>");
	envelope_close(a->body);
}

static void fault_code(struct answer *a, const char *code)
{
	fault_write(a, &(struct fault){.code = code, .text = code_text(code), .back_off_ms = -1},
	        false);
}

static void fault_schema(struct answer *a, int line, int column, const char *violation)
{
	char *text = g_strdup_printf("The request failed schema validation: %s", violation);
	fault_write(a,
	        &(struct fault){.code = "ErrorSchemaValidation",
	                .text = text,
	                .line = line,
	                .column = column,
	                .violation = violation,
	                .back_off_ms = -1},
	        false);
	g_free(text);
}

/* What is no request at all: grommunio says little about it. */
static void fault_no_request(
        struct answer *a, int line, int column, const char *violation, const char *short_text)
{
	if (grommunio())
		fault_write(a, &(struct fault){.code = "ErrorSchemaValidation", .text = short_text},
		        true);
	else
		fault_schema(a, line, column, violation);
}

/* HTTP 200 with one error message. */
static void message_write(struct answer *a, const char *operation, const struct fault *f)
{
	const struct operation *op = operation_find(operation);
	bool direct = op != NULL && (op->flags & OP_DIRECT) != 0;

	envelope_open(a->body);
	g_string_append_printf(a->body,
	        "<m:%sResponse xmlns:m=\"" NS_URI_M "\" xmlns:t=\"" NS_URI_T "\"", operation);
	if (!direct)
		g_string_append_printf(
		        a->body, "><m:ResponseMessages><m:%sResponseMessage", operation);
	g_string_append(a->body, " ResponseClass=\"Error\"><m:MessageText>");
	xml_escape(a->body, code_text(f->code));
	g_string_append_printf(a->body,
	        "</m:MessageText><m:ResponseCode>%s</m:ResponseCode>"
	        "<m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>",
	        f->code);
	if (f->back_off_ms >= 0)
		g_string_append_printf(a->body,
		        "<m:MessageXml><t:Value Name=\"BackOffMilliseconds\">%" G_GINT64_FORMAT
		        "</t:Value></m:MessageXml>",
		        f->back_off_ms);
	g_string_append(a->body, error_payload(operation));
	if (!direct)
		g_string_append_printf(
		        a->body, "</m:%sResponseMessage></m:ResponseMessages>", operation);
	g_string_append_printf(a->body, "</m:%sResponse>", operation);
	envelope_close(a->body);
	a->code = g_strdup(f->code);
}

/* --- who the request is for */

static const char *impersonated(struct ctx *ctx, const struct xml_node *sid, struct mailbox **out)
{
	struct store *store = ctx->devx->store;
	const struct xml_node *one = sid != NULL ? sid->first : NULL;

	*out = NULL;
	if (one == NULL)
		return "ErrorInvalidExchangeImpersonationHeaderData";
	if (strcmp(one->name, "PrincipalName") == 0)
		*out = store_find_upn(store, one->text);
	else if (strcmp(one->name, "PrimarySmtpAddress") == 0 ||
	         strcmp(one->name, "SmtpAddress") == 0)
		*out = store_find(store, one->text);
	if (*out == NULL || (*out)->disabled)
		return "ErrorNonExistentMailbox";
	return NULL;
}

static const char *find_self(struct ctx *ctx)
{
	const struct xml_node *imp = xml_child(ctx->header, "ExchangeImpersonation");

	if (imp != NULL) {
		struct mailbox *target;
		const char *code = impersonated(ctx, xml_child(imp, "ConnectingSID"), &target);
		if (code != NULL)
			return code;
		if (ctx->who.kind == ID_USER && target != ctx->who.user &&
		        !ctx->who.user->impersonator)
			return "ErrorImpersonateUserDenied";
		ctx->self = target;
		return NULL;
	}
	if (ctx->who.kind == ID_APP)
		return "ErrorImpersonationRequired";
	ctx->self = ctx->who.user;
	return NULL;
}

static const char *find_version(struct ctx *ctx)
{
	const struct xml_node *node = xml_child(ctx->header, "RequestServerVersion");
	const char *text = xml_attr(node, "Version");

	ctx->version = V2007;
	if (node == NULL)
		return NULL;
	for (size_t i = 0; text != NULL && i < G_N_ELEMENTS(versions); i++)
		if (strcmp(versions[i].name, text) == 0) {
			ctx->version = versions[i].version;
			return NULL;
		}
	return "ErrorInvalidServerVersion";
}

/* --- dispatch */

static bool operation_absent(const struct devx *devx, const struct operation *op)
{
	bool g = grommunio();

	if ((op->flags & OP_UCS) != 0 && (g || devx->options.no_ucs))
		return true;
	return (g && (op->flags & OP_NOT_GROMMUNIO) != 0) ||
	       (devx->options.refused != NULL &&
	               g_strv_contains((const char *const *)devx->options.refused, op->name));
}

static void fault_unknown(const struct devx *devx, struct answer *a, const struct xml_node *body)
{
	char *text = grommunio()
	                     ? g_strdup_printf("Unknown request '%s'.", body->name)
	                     : g_strdup_printf("The request failed schema validation: The element "
	                                       "'%s' is not an "
	                                       "operation of this server.",
	                               body->name);
	fault_write(a,
	        &(struct fault){.code = devx->options.no_ucs && g_strstr_len(body->name, -1, "Im")
	                                        ? "ErrorInvalidOperation"
	                                        : "ErrorSchemaValidation",
	                .text = text,
	                .line = body->line,
	                .column = body->column,
	                .violation = grommunio() ? NULL : text,
	                .back_off_ms = -1},
	        true);
	g_free(text);
}

/* True when the mailbox is not where the request looks for it, and the answer says so. */
static bool is_away(const struct ctx *ctx, const struct operation *op, struct answer *a)
{
	switch (move_whereabouts(ctx->self, ctx->back_end, &a->location, &a->status)) {
	case MOVE_UNDER_WAY:
		fault_code(a, "ErrorMailboxMoveInProgress");
		return true;
	case MOVE_ELSEWHERE:
		a->content_type = NULL;
		return true;
	case MOVE_STALE_COOKIE:
		break;
	case MOVE_HERE:
		return false;
	}
	if ((op->flags & OP_AFFINITY) != 0) {
		message_write(a, op->name,
		        &(struct fault){.code = "ErrorProxyRequestNotAllowed", .back_off_ms = -1});
	} else if ((op->flags & OP_WRITES) != 0) {
		a->status = 500; /* the wrong back end refuses, without a word in SOAP */
		a->content_type = NULL;
	} else {
		return false;
	}
	return true;
}

static bool is_cut_off(struct ctx *ctx, struct answer *a)
{
	struct fault f = {.code = "ErrorServerBusy", .text = code_text("ErrorServerBusy")};

	if (budget_allows(ctx, &f.back_off_ms))
		return false;
	fault_write(a, &f, true);
	return true;
}

static void run_operation(struct ctx *ctx, const struct operation *op, struct answer *a)
{
	ctx->operation = op->name;
	ctx->out = a->body;
	envelope_open(a->body);
	op->run(ctx);
	if (ctx->locked != NULL)
		mailbox_unlock(ctx->locked);
	ctx->locked = NULL;
	envelope_close(a->body);
	if (ctx->status != 0)
		a->status = ctx->status;
	a->delay_ms = ctx->delay_ms;
	a->stream = ctx->stream;
	a->stream_ids = ctx->stream_ids;
	a->stream_minutes = ctx->stream_minutes;
}

static void handle_envelope(struct ctx *ctx, struct answer *a, const struct xml_node *root)
{
	struct devx *devx = ctx->devx;
	struct schema_error bad;

	if (!xml_is(root, NS_SOAP, "Envelope")) {
		fault_no_request(a, root->line, root->column, "The root element is not s:Envelope.",
		        "Invalid SOAP envelope");
		return;
	}
	ctx->header = xml_child(root, "Header");
	const struct xml_node *body = xml_child(root, "Body");
	if (body == NULL || body->first == NULL) {
		fault_schema(a, root->line, root->column, "The envelope has no operation.");
		if (grommunio()) {
			g_string_assign(a->body, "Missing request node");
			a->status = 400;
		}
		return;
	}
	ctx->body = body->first;
	const struct operation *op = ctx->body->ns == NS_M ? operation_find(ctx->body->name) : NULL;
	if (op == NULL || operation_absent(devx, op)) {
		fault_unknown(devx, a, ctx->body);
		return;
	}
	a->operation = op->name;
	const char *code = find_version(ctx);
	if (code != NULL) {
		fault_code(a, code);
		return;
	}
	if (!schema_check_header(ctx->header, &bad) || !schema_check(ctx->body, &bad)) {
		fault_schema(a, bad.line, bad.column, bad.message);
		g_free(bad.message);
		return;
	}
	if (ctx->version < op->since) {
		fault_code(a, "ErrorIncorrectSchemaVersion");
		return;
	}
	code = find_self(ctx);
	if (code != NULL) {
		fault_code(a, code);
		return;
	}
	a->mailbox = ctx->self;
	if (!is_away(ctx, op, a) && !is_cut_off(ctx, a))
		run_operation(ctx, op, a);
}

static struct answer *answer_new(void)
{
	struct answer *a = g_new0(struct answer, 1);

	a->status = 200;
	a->content_type = grommunio() ? "text/xml" : "text/xml; charset=utf-8";
	a->body = g_string_sized_new(2048);
	return a;
}

struct answer *soap_fault(const char *code, int64_t back_off_ms)
{
	struct answer *a = answer_new();

	fault_write(a,
	        &(struct fault){.code = code, .text = code_text(code), .back_off_ms = back_off_ms},
	        true);
	return a;
}

struct answer *soap_message(const char *operation, const char *code, int64_t back_off_ms)
{
	struct answer *a = answer_new();

	message_write(a, operation, &(struct fault){.code = code, .back_off_ms = back_off_ms});
	return a;
}

void soap_peek(struct devx *devx, const struct identity *who, const char *bytes, size_t length,
        const char **operation, const char **mailbox)
{
	char *message;
	int line, column;
	struct xml_doc *doc = xml_parse(bytes, length, &message, &line, &column);
	struct ctx ctx = {.devx = devx, .who = *who};

	*operation = *mailbox = NULL;
	if (doc == NULL) {
		g_free(message);
		return;
	}
	const struct xml_node *body = xml_child(xml_root(doc), "Body");
	ctx.header = xml_child(xml_root(doc), "Header");
	const struct operation *op =
	        body != NULL && body->first != NULL ? operation_find(body->first->name) : NULL;
	if (op != NULL)
		*operation = op->name;
	if (find_self(&ctx) == NULL)
		*mailbox = ctx.self->smtp;
	xml_doc_free(doc);
}

bool ctx_fault(struct ctx *ctx, enum fault_kind kind)
{
	if (ctx->fault == NULL || ctx->fault->kind != kind)
		return false;
	fault_struck(ctx->devx->faults, ctx->fault);
	return true;
}

const char *ctx_item_fault(struct ctx *ctx, int index)
{
	const struct fault_hit *f = ctx->fault;

	if (f == NULL || index < f->item)
		return NULL;
	if (index == f->item && ctx_fault(ctx, FAULT_BAD_ITEM))
		return f->code;
	if (f->kind != FAULT_BATCH_STOPPED || (index > f->item && !f->struck))
		return NULL;
	if (index == f->item)
		ctx_fault(ctx, FAULT_BATCH_STOPPED);
	return "ErrorBatchProcessingStopped";
}

struct answer *soap_handle(struct devx *devx, const struct identity *who, uint32_t back_end,
        const char *bytes, size_t length, struct fault_hit *fault)
{
	struct answer *a = answer_new();
	struct ctx ctx = {.devx = devx, .who = *who, .back_end = back_end, .fault = fault};
	char *message;
	int line, column;

	struct xml_doc *doc = xml_parse(bytes, length, &message, &line, &column);
	if (doc == NULL) {
		fault_no_request(a, line, column, message, "Invalid XML");
		g_free(message);
		return a;
	}
	handle_envelope(&ctx, a, xml_root(doc));
	xml_doc_free(doc);
	return a;
}

void answer_free(struct answer *a)
{
	g_string_free(a->body, TRUE);
	g_free(a->code);
	g_free(a->location);
	if (a->stream_ids != NULL)
		g_ptr_array_free(a->stream_ids, TRUE);
	g_free(a);
}

void ctx_use(struct ctx *ctx, struct mailbox *mb)
{
	if (ctx->locked == mb)
		return;
	if (ctx->locked != NULL)
		mailbox_unlock(ctx->locked);
	mailbox_lock(mb);
	ctx->locked = mb;
}
