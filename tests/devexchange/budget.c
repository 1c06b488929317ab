#include "budget.h"

#include "devx.h"
#include "habits.h"
#include "http.h"

#define REFUSED_US 1000 /* a request that comes in spite of the cut-off prolongs it */
#define MAX_DELAY_MS 1000
#define RATE 3600 /* milliseconds an hour are 3600 times microseconds a millisecond */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* What is left, in microseconds, after recharging. */
static int64_t recharge(const struct options *o, struct mailbox *mb)
{
	int64_t now = now_ms(), full = (int64_t)o->budget_burst_ms * 1000;
	int64_t back = (now - mb->budget_at_ms) * o->budget_recharge_ms / RATE;

	if (mb->budget_at_ms == 0)
		back = full;
	if (back > 0) {
		mb->budget_us = MIN(mb->budget_us + back, full);
		mb->budget_at_ms = now;
	}
	return mb->budget_us;
}

void budget_charge(struct ctx *ctx, int64_t entries)
{
	const struct options *o = &ctx->devx->options;
	int64_t cost = entries * o->scan_us;

	if (grommunio() || cost == 0)
		return;
	pthread_mutex_lock(&lock);
	recharge(o, ctx->self);
	ctx->self->budget_us -= cost;
	bool overdrawn = ctx->self->budget_us < 0;
	pthread_mutex_unlock(&lock);
	if (overdrawn) {
		ctx->delay_ms = MIN(ctx->delay_ms + cost / 1000, MAX_DELAY_MS);
		count_event("throttle.delayed");
	}
}

bool budget_allows(struct ctx *ctx, int64_t *back_off_ms)
{
	const struct options *o = &ctx->devx->options;
	int64_t cutoff = -(int64_t)o->budget_cutoff_ms * 1000;
	struct mailbox *mb = ctx->self;

	*back_off_ms = 0;
	pthread_mutex_lock(&lock);
	if (mb->budget_at_ms != 0 && recharge(o, mb) < cutoff) {
		mb->budget_us -= REFUSED_US;
		*back_off_ms = (cutoff - mb->budget_us) * RATE / MAX(o->budget_recharge_ms, 1) + 1;
	}
	pthread_mutex_unlock(&lock);
	if (*back_off_ms > 0)
		count_event("throttle.refused");
	return *back_off_ms == 0;
}
