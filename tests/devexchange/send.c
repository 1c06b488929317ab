/* Answers on their way out: whole, in pieces, or spoilt by a fault. */
#include "send.h"

#include "move.h"
#include "stream.h"

#include <string.h>

/* An answer that leaves in pieces: some bytes, a pause, more bytes, at last perhaps a reset. */
struct piecemeal {
	struct exchange x;
	GString *body;
	uint64_t split; /* pause once before this offset; 0: none */
	size_t step; /* at most so many bytes at a time; 0: any */
	int64_t pause_ms;
	uint64_t cut; /* reset at this offset; 0: never */
	bool chunked; /* without a length beforehand */
	bool paused;
};

void sleep_ms(const struct devx *devx, int64_t ms)
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

	if (a->content_type != NULL)
		MHD_add_response_header(r, "Content-Type", a->content_type);
	if (a->location != NULL)
		MHD_add_response_header(r, "Location", a->location);
	MHD_add_response_header(r, "request-id", id);
	MHD_add_response_header(r, "X-FEServer", "DEVEXCHANGE");
	if (client_id != NULL && xml_bool(http_header(x, "return-client-request-id")))
		MHD_add_response_header(r, "client-request-id", client_id);
	if (a->mailbox != NULL && xml_bool(http_header(x, "X-PreferServerAffinity"))) {
		char *cookie = g_strdup_printf(
		        AFFINITY_COOKIE "%u; path=/; secure; HttpOnly", move_back_end(a->mailbox));
		MHD_add_response_header(r, "Set-Cookie", cookie);
		g_free(cookie);
	}
	enum MHD_Result rc = MHD_queue_response(x->connection, (unsigned)a->status, r);
	MHD_destroy_response(r);
	g_free(id);
	return rc;
}

enum MHD_Result send_plain(const struct exchange *x, struct answer *a)
{
	gsize length = a->body->len;
	struct MHD_Response *r = MHD_create_response_from_buffer(
	        length, g_string_free(a->body, FALSE), MHD_RESPMEM_MUST_FREE);

	a->body = g_string_new(NULL);
	return send_response(x, r, a);
}

static enum MHD_Result send_pieces(
        const struct exchange *x, struct answer *a, const struct piecemeal *how)
{
	struct piecemeal *p = g_new0(struct piecemeal, 1);

	*p = *how;
	p->x = *x;
	p->body = a->body;
	a->body = g_string_new(NULL);
	struct MHD_Response *r = MHD_create_response_from_callback(
	        how->chunked ? MHD_SIZE_UNKNOWN : p->body->len, 16384, piece, p, piecemeal_free);
	return send_response(x, r, a);
}

/* --- faults that need an answer to spoil */

static uint64_t spot(const struct fault_hit *f, const GString *body)
{
	uint64_t at = f->bytes > 0 ? (uint64_t)f->bytes : body->len / 2;

	return MIN(at, body->len > 0 ? body->len - 1 : 0);
}

/* Puts the text before the end of the last character data; returns its offset, 0 for none. */
static uint64_t insert_text(GString *body, const char *text)
{
	for (gsize i = body->len; i > 1; i--)
		if (body->str[i - 1] == '<' && body->str[i] == '/' && body->str[i - 2] != '>') {
			g_string_insert(body, (gssize)i - 1, text);
			return i - 1;
		}
	return 0;
}

/* Each changes the answer, or how it will be sent; false when there is nothing to spoil. */
typedef bool (*spoiler)(struct answer *a, const struct fault_hit *f, struct piecemeal *how);

static bool spoil_nothing(struct answer *a, const struct fault_hit *f, struct piecemeal *how)
{
	(void)a;
	(void)f;
	(void)how;
	return true;
}

static bool spoil_cut(struct answer *a, const struct fault_hit *f, struct piecemeal *how)
{
	how->cut = MAX(spot(f, a->body), 1);
	return true;
}

static bool spoil_truncate(struct answer *a, const struct fault_hit *f, struct piecemeal *how)
{
	(void)how;
	g_string_truncate(a->body, spot(f, a->body));
	return true;
}

static bool spoil_markup(struct answer *a, const struct fault_hit *f, struct piecemeal *how)
{
	char *at = g_strstr_len(a->body->str + a->body->len / 2, -1, "</");
	(void)f;
	(void)how;

	if (at != NULL)
		g_string_erase(a->body, at - a->body->str, 2);
	return at != NULL;
}

static bool spoil_type(struct answer *a, const struct fault_hit *f, struct piecemeal *how)
{
	(void)f;
	(void)how;
	a->content_type = "text/html; charset=utf-8";
	return true;
}

static bool spoil_text(struct answer *a, const struct fault_hit *f, struct piecemeal *how)
{
	const char *text = *f->text != '\0' ? f->text : "&#x1F;";
	uint64_t at = insert_text(a->body, text);

	how->split = at + strlen(text) / 2;
	how->pause_ms = 50;
	how->chunked = true;
	return at > 0;
}

static bool spoil_size(struct answer *a, const struct fault_hit *f, struct piecemeal *how)
{
	(void)how;
	g_string_append(a->body, "<!--");
	gsize from = a->body->len;
	g_string_set_size(a->body, from + (gsize)(f->bytes > 0 ? f->bytes : 64 << 20));
	memset(a->body->str + from, ' ', a->body->len - from);
	g_string_append(a->body, "-->");
	return true;
}

static bool spoil_pace(struct answer *a, const struct fault_hit *f, struct piecemeal *how)
{
	(void)a;
	how->step = f->bytes > 0 ? (size_t)f->bytes : 64;
	how->pause_ms = f->delay_ms;
	how->chunked = true;
	return true;
}

static const struct {
	spoiler spoil;
	const char *record;
} spoilers[FAULT_KINDS] = {
        [FAULT_LOST_ANSWER] = {spoil_nothing, RECORD_UNSENT},
        [FAULT_SILENCE] = {spoil_nothing, RECORD_UNSENT},
        [FAULT_RESET_WITHIN] = {spoil_cut, RECORD_UNSENT},
        [FAULT_RESET_AFTER] = {spoil_nothing, RECORD_ANSWER},
        [FAULT_TRUNCATE] = {spoil_truncate, RECORD_SPOILT},
        [FAULT_MALFORMED] = {spoil_markup, RECORD_SPOILT},
        [FAULT_ILLEGAL_CHAR] = {spoil_text, RECORD_SPOILT},
        [FAULT_CONTENT_TYPE] = {spoil_type, RECORD_SPOILT},
        [FAULT_OVERSIZE] = {spoil_size, RECORD_SPOILT},
        [FAULT_DRIP] = {spoil_pace, RECORD_ANSWER},
        [FAULT_DELAY] = {spoil_nothing, RECORD_ANSWER},
};

enum MHD_Result send_answer(struct exchange *x, struct answer *a, struct fault_hit *f)
{
	struct piecemeal how = {0};
	bool spoilt = spoilers[f->kind].spoil != NULL && spoilers[f->kind].spoil(a, f, &how);

	if (spoilt)
		fault_struck(x->devx->faults, f);
	record_exchange(x->devx, a->operation, x->body,
	        a->content_type == NULL ? RECORD_PLAIN
	        : spoilt                ? spoilers[f->kind].record
	                                : RECORD_ANSWER,
	        a->status, a->body);
	if (f->kind == FAULT_SILENCE || f->kind == FAULT_DELAY)
		sleep_ms(x->devx, f->delay_ms);
	if (f->kind == FAULT_LOST_ANSWER || f->kind == FAULT_SILENCE) {
		http_reset(x);
		return MHD_NO;
	}
	x->reset_after = f->kind == FAULT_RESET_AFTER;
	if (how.cut > 0 || (spoilt && how.chunked))
		return send_pieces(x, a, &how);
	if (a->stream && (!spoilt || f->kind == FAULT_DELAY))
		return send_response(x, stream_response(x->devx, a), a);
	return send_plain(x, a);
}
