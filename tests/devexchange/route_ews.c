/* POST /EWS/Exchange.asmx: credentials, faults around the operation, the answer on the wire. */
#include "habits.h"
#include "move.h"
#include "send.h"
#include "signing.h"

#include <stdio.h>
#include <string.h>

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
		answer_free(soap_handle(l->devx, &l->who, 0, l->body->str, l->body->len, NULL));
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

/* One request under one fault, before the operation. */
struct stroke {
	struct exchange *x;
	const struct identity *who;
	struct fault_hit *fault;
	const char *operation, *mailbox; /* as far as they are known */
};

static void record_plain(
        const struct exchange *x, const char *operation, int status, const char *text)
{
	GString plain = {.str = (gchar *)(uintptr_t)text, .len = strlen(text)};

	record_exchange(x->devx, operation, x->body, RECORD_PLAIN, status, &plain);
}

static enum MHD_Result refuse(const struct exchange *x, const struct auth_result *auth)
{
	record_plain(x, NULL, 401, "");
	return http_unauthorized(x, auth);
}

static enum MHD_Result strike_status(struct stroke *s)
{
	int status = s->fault->status > 0 ? s->fault->status : 503;
	const char *text = status == 503 ? "The service is unavailable." : "The request failed.";
	struct auth_result refused = {0};
	char seconds[24];
	const char *more[] = {"Retry-After", seconds, NULL};

	if (status == 401)
		return refuse(s->x, &refused);
	record_plain(s->x, s->operation, status, text);
	g_snprintf(seconds, sizeof seconds, "%d", s->fault->retry_after_s);
	return http_text(
	        s->x, status, "text/html", text, s->fault->retry_after_s >= 0 ? more : NULL);
}

static enum MHD_Result strike_answer(struct stroke *s, struct answer *a)
{
	/* A rule may name a code that no server has. */
	const char *word = code_known(a->code) != NULL ? RECORD_ANSWER : RECORD_SPOILT;

	count_answer(s->operation, a->code, NULL);
	record_exchange(s->x->devx, s->operation, s->x->body, word, a->status, a->body);
	enum MHD_Result rc = send_plain(s->x, a);
	answer_free(a);
	return rc;
}

static enum MHD_Result strike_busy(struct stroke *s)
{
	return strike_answer(s, soap_fault("ErrorServerBusy", s->fault->back_off_ms));
}

static enum MHD_Result strike_code(struct stroke *s)
{
	return strike_answer(s, soap_fault(s->fault->code, s->fault->back_off_ms));
}

static enum MHD_Result strike_message(struct stroke *s)
{
	return strike_answer(s, soap_message(s->operation, s->fault->code, s->fault->back_off_ms));
}

static enum MHD_Result strike_move(struct stroke *s)
{
	const char *url = *s->fault->text != '\0' ? s->fault->text : NULL;

	move_begin(store_find(s->x->devx->store, s->mailbox), s->fault->delay_ms, url,
	        s->fault->status > 0 ? s->fault->status : 302);
	return strike_answer(s, soap_fault("ErrorMailboxMoveInProgress", -1));
}

static enum MHD_Result strike_reset(struct stroke *s)
{
	record_exchange(s->x->devx, s->operation, s->x->body, RECORD_UNSENT, 0, NULL);
	http_reset(s->x);
	return MHD_NO;
}

static enum MHD_Result strike_late(struct stroke *s)
{
	late_start(s->x, s->who, s->fault->delay_ms);
	return strike_reset(s);
}

/* The faults that end the exchange before the operation. */
static enum MHD_Result (*const strikes[FAULT_KINDS])(struct stroke *s) = {
        [FAULT_HTTP] = strike_status,
        [FAULT_BUSY] = strike_busy,
        [FAULT_CODE] = strike_code,
        [FAULT_MESSAGE] = strike_message,
        [FAULT_RESET_BEFORE] = strike_reset,
        [FAULT_LATE_EFFECT] = strike_late,
        [FAULT_MOVE] = strike_move,
};

/* Some need to know more of the request than others. */
static bool strikes_at(const struct stroke *s)
{
	if (s->fault->kind == FAULT_MESSAGE)
		return s->operation != NULL;
	if (s->fault->kind == FAULT_MOVE)
		return s->mailbox != NULL;
	return strikes[s->fault->kind] != NULL;
}

/* Faults of the server itself; the request then meets it as it is. False: it is refused now. */
static bool change_server(struct exchange *x, struct fault_hit *f)
{
	struct devx *devx = x->devx;
	struct auth_result auth;

	if (f->kind == FAULT_SKEW)
		devx->clock_skew_s = f->skew_s;
	else if (f->kind != FAULT_ROLL || !signing_change(devx->signing, "roll"))
		return true;
	fault_struck(devx->faults, f);
	char *host = http_host(x);
	auth_check(devx, http_header(x, "Authorization"), 1, host, &auth);
	g_free(host);
	if (!auth.ok)
		refuse(x, &auth);
	g_free(auth.diagnostics);
	return auth.ok;
}

/* That the client's affinity cookie names; 0: none. */
static uint32_t back_end(const struct exchange *x)
{
	const char *cookies = http_header(x, "Cookie");
	const char *at = cookies != NULL ? strstr(cookies, AFFINITY_COOKIE) : NULL;

	return at != NULL ? (uint32_t)g_ascii_strtoull(at + strlen(AFFINITY_COOKIE), NULL, 10) : 0;
}

static enum MHD_Result perform(
        struct exchange *x, const struct identity *who, struct fault_hit *fault)
{
	struct answer *a =
	        soap_handle(x->devx, who, back_end(x), x->body->str, x->body->len, fault);

	count_answer(a->operation, a->code, a->mailbox != NULL ? a->mailbox->smtp : NULL);
	sleep_ms(x->devx, a->delay_ms);
	enum MHD_Result rc = send_answer(x, a, fault);
	answer_free(a);
	return rc;
}

static enum MHD_Result handle(struct exchange *x, const struct identity *who)
{
	struct faults *faults = x->devx->faults;
	struct fault_hit hit = {.kind = FAULT_NONE};
	struct stroke s = {.x = x, .who = who, .fault = &hit};
	enum MHD_Result rc;

	if (faults_active(faults)) {
		soap_peek(x->devx, who, x->body->str, x->body->len, &s.operation, &s.mailbox);
		hit = faults_take(faults, s.operation, s.mailbox);
	}
	if (strikes_at(&s)) {
		fault_struck(faults, &hit);
		rc = strikes[hit.kind](&s);
	} else {
		rc = change_server(x, &hit) ? perform(x, who, &hit) : MHD_YES;
	}
	faults_settle(faults, &hit);
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
	struct auth_result auth;

	if (strcmp(x->method, "POST") != 0)
		return http_text(x, 405, "text/plain; charset=utf-8", "Method Not Allowed", NULL);
	MHD_get_connection_values(x->connection, MHD_HEADER_KIND, count_header, &count);
	char *host = http_host(x);
	auth_check(x->devx, http_header(x, "Authorization"), count.count, host, &auth);
	g_free(host);
	enum MHD_Result rc;
	if (auth.bad_request || (auth.ok && grommunio() && x->body->len == 0)) {
		record_plain(x, NULL, 400, "Bad Request");
		rc = http_text(x, 400, "text/plain", "Bad Request", NULL);
	} else if (!auth.ok) {
		rc = refuse(x, &auth);
	} else {
		count_event(auth.who.by_token ? "auth.bearer" : "auth.basic");
		rc = handle(x, &auth.who);
	}
	g_free(auth.diagnostics);
	return rc;
}
