#include "sync/limiter.h"

#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"
#include "core/thread.h"

#define BUSY_IN_A_ROW 3
#define BUSY_PAUSE_US (60 * CLOCK_US_PER_S)
#define REFUSED_PAUSE_US (300 * CLOCK_US_PER_S)
#define REFUSED_DOUBLINGS 5
#define LOOK_UP_US (CLOCK_US_PER_S / 5)

struct limiter {
	char *server;
	unsigned max_connections, max_requests_per_s;
	struct mutex mutex;
	struct cond changed;
	unsigned connections;
	int64_t next_mono_us; /* when the next request may start */
	int64_t paused_until_utc_us, busy_until_utc_us;
	unsigned busy, refused; /* in a row */
};

struct limiter *limiter_new(
        const char *server, unsigned max_connections, unsigned max_requests_per_s)
{
	struct limiter *limiter = g_new0(struct limiter, 1);
	limiter->server = g_strdup(server);
	limiter->max_connections = max_connections;
	limiter->max_requests_per_s = max_requests_per_s;
	mutex_init(&limiter->mutex);
	cond_init(&limiter->changed);
	return limiter;
}

void limiter_free(struct limiter *limiter)
{
	mutex_destroy(&limiter->mutex);
	cond_destroy(&limiter->changed);
	g_free(limiter->server);
	g_free(limiter);
}

static bool asked_to_stop(limiter_stopping *stopping, void *data)
{
	return stopping != NULL && stopping(data);
}

bool limiter_enter(struct limiter *limiter, limiter_stopping *stopping, void *data)
{
	bool entered = false;
	mutex_lock(&limiter->mutex);
	while (!asked_to_stop(stopping, data)) {
		if (limiter->connections < limiter->max_connections) {
			limiter->connections++;
			entered = true;
			break;
		}
		cond_wait_until(&limiter->changed, &limiter->mutex, clock_mono_us() + LOOK_UP_US);
	}
	mutex_unlock(&limiter->mutex);
	return entered;
}

void limiter_leave(struct limiter *limiter)
{
	mutex_lock(&limiter->mutex);
	limiter->connections--;
	cond_broadcast(&limiter->changed);
	mutex_unlock(&limiter->mutex);
}

static bool refuse_paused(const struct limiter *limiter, GError **error)
{
	g_autofree char *until = clock_format_iso(limiter->paused_until_utc_us);
	error_set(error, ERROR_BACKOFF, "limiter.paused",
	        "mail server %s is left in peace until %s, because it was busy or refused the "
	        "login",
	        limiter->server, until);
	if (error != NULL)
		error_set_retry_at(*error, limiter->paused_until_utc_us);
	return false;
}

/*
 * Requests are spread evenly; one that was not asked for in time is not made up for, but for a
 * burst of a tenth of a second.
 */
static int64_t take_turn(struct limiter *limiter)
{
	int64_t now = clock_mono_us();
	int64_t gap = CLOCK_US_PER_S / limiter->max_requests_per_s;
	int64_t turn = MAX(limiter->next_mono_us, now - CLOCK_US_PER_S / 10);
	limiter->next_mono_us = turn + gap;
	return turn;
}

bool limiter_admit(struct limiter *limiter, limiter_stopping *stopping, void *data, GError **error)
{
	mutex_lock(&limiter->mutex);
	bool paused = limiter->paused_until_utc_us > clock_utc_us();
	if (paused)
		refuse_paused(limiter, error);
	int64_t turn = paused ? 0 : take_turn(limiter);
	mutex_unlock(&limiter->mutex);
	if (paused)
		return false;
	for (int64_t now = clock_mono_us(); now < turn; now = clock_mono_us()) {
		if (asked_to_stop(stopping, data)) {
			error_set(error, ERROR_RETRY, "limiter.stopped",
			        "asked to stop before the next request to mail server %s",
			        limiter->server);
			return false;
		}
		clock_sleep_us(MIN(turn - now, LOOK_UP_US));
	}
	return true;
}

static bool is_refused_login(const GError *cause)
{
	return error_is(cause, "ews.unauthorized") || error_is(cause, "ews.locked") ||
	       error_is(cause, "token.refused");
}

static void pause_until(struct limiter *limiter, int64_t until_utc_us, const char *why)
{
	if (until_utc_us <= limiter->paused_until_utc_us)
		return;
	limiter->paused_until_utc_us = until_utc_us;
	g_autofree char *until = clock_format_iso(until_utc_us);
	log_warn("server.paused", "mail server %s is paused until %s: %s", limiter->server, until,
	        why);
}

void limiter_tell(struct limiter *limiter, const GError *cause)
{
	int64_t now = clock_utc_us();
	mutex_lock(&limiter->mutex);
	if (cause != NULL && error_is(cause, "ews.busy")) {
		limiter->busy_until_utc_us = MAX(limiter->busy_until_utc_us, error_retry_at(cause));
		if (++limiter->busy >= BUSY_IN_A_ROW)
			pause_until(limiter, MAX(limiter->busy_until_utc_us, now + BUSY_PAUSE_US),
			        "it said several times that it is busy");
	} else if (cause != NULL && is_refused_login(cause)) {
		int64_t wait = REFUSED_PAUSE_US << MIN(limiter->refused, REFUSED_DOUBLINGS);
		limiter->refused++;
		pause_until(limiter, now + wait, "it refused the login");
	} else if (cause == NULL) {
		limiter->busy = limiter->refused = 0;
	}
	mutex_unlock(&limiter->mutex);
}

int64_t limiter_paused_until(struct limiter *limiter)
{
	mutex_lock(&limiter->mutex);
	int64_t until = limiter->paused_until_utc_us;
	mutex_unlock(&limiter->mutex);
	return until > clock_utc_us() ? until : 0;
}
