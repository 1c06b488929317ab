/* POST /EWS/Exchange.asmx: credentials, faults around the operation, the answer on the wire. */
#include "http.h"
#include "stream.h"

#include <stdio.h>
#include <string.h>

/* An answer that leaves in pieces: some bytes, a pause, more bytes, at last perhaps a reset. */
struct piecemeal {
	struct exchange x;
	GString *body;
	uint64_t split; /* pause once before this offset; 0: none */
	size_t step; /* at most so many bytes at a time; 0: any */
	int64_t pause_ms;
	uint64_t cut; /* reset at this offset; 0: never */
	bool paused;
};

static void sleep_ms(const struct devx *devx, int64_t ms)
{
	int64_t until = now_ms() + ms;

	for (int64_t left = ms; left > 0 && !devx->stopping; left = until - now_ms())
		g_usleep((gulong)MIN(left, 100) * 1000);
}

static ssize_t piece(void *data, uint64_t at, char *out, size_t max)
{
	struct piecemeal *p = data;
	uint64_t end = p->body->len;

	if (p->cut > 0 && at >= p->cut) {
		http_reset(&p->x);
		return MHD_CONTENT_READER_END_WITH_ERROR;
	}
	if (at >= end)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (p->split > 0 && at < p->split)
		end = p->split;
	if (p->cut > 0 && at < p->cut && p->cut < end)
		end = p->cut;
	if ((p->split > 0 && at == p->split && !p->paused) || (p->step > 0 && at > 0)) {
		p->paused = true;
		sleep_ms(p->x.devx, p->pause_ms);
	}
	size_t n = MIN((size_t)(end - at), max);
	if (p->step > 0)
		n = MIN(n, p->step);
	memcpy(out, p->body->str + at, n);
	return (ssize_t)n;
}

static void piecemeal_free(void *data)
{
	struct piecemeal *p = data;

	g_string_free(p->body, TRUE);
	g_free(p);
}

static enum MHD_Result send_response(
        const struct exchange *x, struct MHD_Response *r, const struct answer *a)
{
	char *id = g_uuid_string_random();
	const char *client_id = http_header(x, "client-request-id");

	MHD_add_response_header(r, "Content-Type", a->content_type);
	MHD_add_response_header(r, "request-id", id);
	MHD_add_response_header(r, "X-FEServer", "DEVEXCHANGE");
	if (client_id != NULL && xml_bool(http_header(x, "return-client-request-id")))
		MHD_add_response_header(r, "client-request-id", client_id);
	if (xml_bool(http_header(x, "X-PreferServerAffinity")))
		MHD_add_response_header(r, "Set-Cookie",
		        "X-BackEndOverrideCookie=devexchange~1; path=/; secure; HttpOnly");
	enum MHD_Result rc = MHD_queue_response(x->connection, (unsigned)a->status, r);
	MHD_destroy_response(r);
	g_free(id);
	return rc;
}

static enum MHD_Result send_plain(const struct exchange *x, struct answer *a)
{
	gsize length = a->body->len;
	struct MHD_Response *r = MHD_create_response_from_buffer(
	        length, g_string_free(a->body, FALSE), MHD_RESPMEM_MUST_FREE);

	a->body = g_string_new(NULL);
	return send_response(x, r, a);
}

static enum MHD_Result send_pieces(
        const struct exchange *x, struct answer *a, const struct piecemeal *how, bool chunked)
{
	struct piecemeal *p = g_new0(struct piecemeal, 1);

	*p = *how;
	p->x = *x;
	p->body = a->body;
	a->body = g_string_new(NULL);
	struct MHD_Response *r = MHD_create_response_from_callback(
	        chunked ? MHD_SIZE_UNKNOWN : p->body->len, 16384, piece, p, piecemeal_free);
	return send_response(x, r, a);
}

/* --- faults that need an answer to spoil */

static uint64_t spot(const struct fault_hit *f, const GString *body)
{
	uint64_t at = f->bytes > 0 ? (uint64_t)f->bytes : body->len / 2;

	return MIN(at, body->len > 0 ? body->len - 1 : 0);
}

/* Puts the text before the last character data of the answer and returns its offset. */
static uint64_t insert_text(GString *body, const char *text)
{
	for (gsize i = body->len; i > 1; i--)
		if (body->str[i - 1] == '<' && body->str[i] == '/' && i > 1 &&
		        body->str[i - 2] != '>') {
			g_string_insert(body, (gssize)i - 1, text);
			return i - 1;
		}
	return 0;
}

static void break_markup(GString *body)
{
	char *at = g_strstr_len(body->str + body->len / 2, -1, "</");

	if (at != NULL)
		g_string_erase(body, at - body->str, 2);
}

static enum MHD_Result send_spoilt(struct exchange *x, struct answer *a, const struct fault_hit *f)
{
	struct piecemeal how = {.pause_ms = 50};

	if (f->kind == FAULT_RESET_WITHIN) {
		how.cut = MAX(spot(f, a->body), 1);
		return send_pieces(x, a, &how, false);
	}
	if (f->kind == FAULT_TRUNCATE) {
		g_string_truncate(a->body, spot(f, a->body));
	} else if (f->kind == FAULT_MALFORMED) {
		break_markup(a->body);
	} else if (f->kind == FAULT_CONTENT_TYPE) {
		a->content_type = "text/html; charset=utf-8";
	} else if (f->kind == FAULT_ILLEGAL_CHAR) {
		how.split = insert_text(a->body, f->text) + strlen(f->text) / 2;
		return send_pieces(x, a, &how, true);
	} else if (f->kind == FAULT_OVERSIZE) {
		g_string_append(a->body, "<!--");
		gsize from = a->body->len;
		g_string_set_size(a->body, from + (gsize)(f->bytes > 0 ? f->bytes : 64 << 20));
		memset(a->body->str + from, ' ', a->body->len - from);
		g_string_append(a->body, "-->");
	} else if (f->kind == FAULT_DRIP) {
		how.step = f->bytes > 0 ? (size_t)f->bytes : 64;
		how.pause_ms = f->delay_ms;
		return send_pieces(x, a, &how, true);
	} else if (f->kind == FAULT_RESET_AFTER) {
		x->reset_after = true;
	}
	return send_plain(x, a);
}

/* --- faults that keep the operation from running, or from being answered */

struct late {
	struct devx *devx;
	struct identity who;
	GString *body;
	int64_t delay_ms;
};

static void *late_thread(void *data)
{
	struct late *l = data;

	sleep_ms(l->devx, l->delay_ms);
	if (!l->devx->stopping)
		answer_free(soap_handle(l->devx, &l->who, NULL, l->body->str, l->body->len, NULL));
	g_string_free(l->body, TRUE);
	count_event("late_effects_done");
	__atomic_sub_fetch(&l->devx->late_running, 1, __ATOMIC_SEQ_CST);
	g_free(l);
	return NULL;
}

static void late_start(struct exchange *x, const struct identity *who, int64_t delay_ms)
{
	struct late *l = g_new0(struct late, 1);
	pthread_t thread;

	l->devx = x->devx;
	l->who = *who;
	l->delay_ms = delay_ms;
	l->body = g_string_new_len(x->body->str, (gssize)x->body->len);
	__atomic_add_fetch(&x->devx->late_running, 1, __ATOMIC_SEQ_CST);
	if (pthread_create(&thread, NULL, late_thread, l) == 0)
		pthread_detach(thread);
}

static enum MHD_Result send_status(const struct exchange *x, const struct fault_hit *f)
{
	struct auth_result refused = {0};
	char seconds[24];
	const char *more[] = {"Retry-After", seconds, NULL};

	if (f->status == 401)
		return http_unauthorized(x, &refused);
	g_snprintf(seconds, sizeof seconds, "%d", f->retry_after_s);
	return http_text(x, f->status, "text/html",
	        f->status == 503 ? "The service is unavailable." : "The request failed.",
	        f->retry_after_s >= 0 ? more : NULL);
}

/* True when the fault ends the exchange here; *rc is then its result. */
static bool struck_before(struct exchange *x, const struct identity *who, const struct fault_hit *f,
        const char *operation, enum MHD_Result *rc)
{
	struct answer *a = NULL;

	*rc = MHD_NO;
	if (f->kind == FAULT_HTTP) {
		*rc = send_status(x, f);
	} else if (f->kind == FAULT_BUSY) {
		a = soap_fault(x->devx, "ErrorServerBusy", f->back_off_ms);
	} else if (f->kind == FAULT_CODE) {
		a = soap_fault(x->devx, f->code, f->back_off_ms);
	} else if (f->kind == FAULT_MESSAGE) {
		a = soap_message(x->devx, operation, f->code, f->back_off_ms);
	} else if (f->kind == FAULT_RESET_BEFORE) {
		http_reset(x);
	} else if (f->kind == FAULT_LATE_EFFECT) {
		late_start(x, who, f->delay_ms);
		http_reset(x);
	} else {
		return false;
	}
	fault_struck(x->devx->faults, f);
	if (a != NULL) {
		count_answer(operation, a->code, NULL);
		*rc = send_plain(x, a);
		answer_free(a);
	}
	return true;
}

static bool spoils_answer(enum fault_kind kind)
{
	return kind >= FAULT_RESET_WITHIN && kind <= FAULT_DRIP;
}

static enum MHD_Result send_answer(struct exchange *x, struct answer *a, const struct fault_hit *f)
{
	if (f->kind == FAULT_LOST_ANSWER || f->kind == FAULT_SILENCE) {
		fault_struck(x->devx->faults, f);
		if (f->kind == FAULT_SILENCE)
			sleep_ms(x->devx, f->delay_ms);
		http_reset(x);
		return MHD_NO;
	}
	if (f->kind == FAULT_DELAY) {
		fault_struck(x->devx->faults, f);
		sleep_ms(x->devx, f->delay_ms);
	}
	if (spoils_answer(f->kind)) {
		fault_struck(x->devx->faults, f);
		return send_spoilt(x, a, f);
	}
	if (a->stream) {
		struct MHD_Response *r = stream_response(x->devx, a);
		return send_response(x, r, a);
	}
	return send_plain(x, a);
}

static enum MHD_Result handle(struct exchange *x, const struct identity *who)
{
	struct devx *devx = x->devx;
	struct fault_hit hit = {.kind = FAULT_NONE};
	enum MHD_Result rc;

	if (faults_active(devx->faults)) {
		const char *operation, *mailbox;
		soap_peek(devx, who, x->body->str, x->body->len, &operation, &mailbox);
		hit = faults_take(devx->faults, operation, mailbox);
		if (struck_before(x, who, &hit, operation, &rc))
			return rc;
	}
	struct answer *a = soap_handle(
	        devx, who, http_header(x, "X-AnchorMailbox"), x->body->str, x->body->len, &hit);
	count_answer(a->operation, a->code, a->mailbox != NULL ? a->mailbox->smtp : NULL);
	if (devx->options.record_dir != NULL)
		record_exchange(devx, a->operation, x->body->str, x->body->len, a->status,
		        a->body->str, a->body->len);
	rc = send_answer(x, a, &hit);
	answer_free(a);
	return rc;
}

struct header_count {
	const char *name;
	int count;
};

static enum MHD_Result count_header(
        void *data, enum MHD_ValueKind kind, const char *key, const char *value)
{
	struct header_count *c = data;
	(void)kind;
	(void)value;

	if (g_ascii_strcasecmp(key, c->name) == 0)
		c->count++;
	return MHD_YES;
}

enum MHD_Result route_ews(struct exchange *x)
{
	struct header_count count = {.name = "Authorization"};
	bool g = x->devx->options.profile == PROFILE_GROMMUNIO;
	struct auth_result auth;

	if (strcmp(x->method, "POST") != 0)
		return http_text(x, 405, "text/plain", "Method Not Allowed", NULL);
	MHD_get_connection_values(x->connection, MHD_HEADER_KIND, count_header, &count);
	char *host = http_host(x);
	auth_check(x->devx, http_header(x, "Authorization"), count.count, host, &auth);
	g_free(host);
	enum MHD_Result rc;
	if (auth.bad_request) {
		rc = http_text(x, 400, "text/plain", "Bad Request", NULL);
	} else if (!auth.ok) {
		rc = http_unauthorized(x, &auth);
	} else if (g && x->body->len == 0) {
		rc = http_text(x, 400, "text/plain", "Bad Request", NULL);
	} else {
		count_event(auth.who.by_token ? "auth.bearer" : "auth.basic");
		rc = handle(x, &auth.who);
	}
	g_free(auth.diagnostics);
	return rc;
}
