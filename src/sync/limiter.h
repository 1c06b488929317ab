/*
 * Politeness towards one mail server, shared by all workers: how many connections, how many
 * requests a second, and pauses that the server asked for or that a refused login makes wise.
 * Any thread may use it.
 */
#ifndef IMEX_SYNC_LIMITER_H
#define IMEX_SYNC_LIMITER_H

#include "core/auto.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct limiter;

struct limiter *limiter_new(
        const char *server, unsigned max_connections, unsigned max_requests_per_s);
void limiter_free(struct limiter *limiter);
AUTO_DEFINE(limiter, limiter_free);

/* Asked while waiting; true gives up. */
typedef bool limiter_stopping(void *data);

/* Takes a connection, waiting for one; false when asked to stop. Each needs limiter_leave(). */
bool limiter_enter(struct limiter *limiter, limiter_stopping *stopping, void *data);
void limiter_leave(struct limiter *limiter);

/*
 * Waits until a request may be started. limiter.stopped (RETRY) when asked to stop meanwhile;
 * limiter.paused (BACKOFF, with retry-at) while the server is paused.
 */
bool limiter_admit(struct limiter *limiter, limiter_stopping *stopping, void *data, GError **error);

/*
 * How the work on one mailbox ended; cause NULL: well. Several busy answers in a row pause the
 * server until the latest time it named; a refused login pauses it for five minutes and twice as
 * long every time, up to two hours, so that no account gets locked.
 */
void limiter_tell(struct limiter *limiter, const GError *cause);

/* 0: not paused. */
int64_t limiter_paused_until(struct limiter *limiter);

#endif
