/*
 * What a user may cost the server, as Exchange's throttling policy counts it: a budget of time that
 * is charged for scans of folders and recharges steadily. Below zero each costly request is held
 * up; far below, every request for the mailbox gets ErrorServerBusy until the budget has recovered.
 * Whoever acts for somebody spends that one's budget. grommunio has nothing of the kind.
 */
#ifndef DEVX_BUDGET_H
#define DEVX_BUDGET_H

#include "soap.h"

/* Defaults of EwsMaxBurst (ms), EwsRechargeRate (ms an hour), EwsCutoffBalance (ms). */
#define BUDGET_BURST_MS 300000
#define BUDGET_RECHARGE_MS 900000
#define BUDGET_CUTOFF_MS 3000000
#define BUDGET_SCAN_US 50 /* for each entry that a scan looks at */

/* A scan over so many entries; the answer is held up when the budget is overdrawn. */
void budget_charge(struct ctx *ctx, int64_t entries);
/* False when the mailbox is cut off, for so long. */
bool budget_allows(struct ctx *ctx, int64_t *back_off_ms);

#endif
