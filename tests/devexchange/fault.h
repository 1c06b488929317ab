/*
 * Faults on command. A rule says which requests it strikes (operation, mailbox), when (skip so
 * many, strike so often, with a probability from a seed) and what happens. Every strike
 * is counted and can be asked for, so that a test whose fault did not strike can fail.
 */
#ifndef DEVX_FAULT_H
#define DEVX_FAULT_H

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum fault_kind {
	FAULT_NONE,
	/* not performed */
	FAULT_HTTP, /* `status` (default 503), `retry_after_s` */
	FAULT_BUSY, /* SOAP fault ErrorServerBusy with `back_off_ms` */
	FAULT_CODE, /* SOAP fault with `code` */
	FAULT_MESSAGE, /* HTTP 200, one response message with `code` */
	FAULT_RESET_BEFORE,
	/*
	 * The mailbox moves for `delay_ms`; then it is on another back end, or at `text`, the EWS
	 * address that requests are referred to with `status` (default 302).
	 */
	FAULT_MOVE,
	/* the server changes before it looks at the token of this request */
	FAULT_ROLL, /* a new signing certificate in the metadata document */
	FAULT_SKEW, /* its clock goes wrong by `skew_s` */
	/* performed */
	FAULT_LOST_ANSWER, /* performed, then the connection is reset without a byte */
	FAULT_LATE_EFFECT, /* connection reset at once, performed `delay_ms` later */
	FAULT_RESET_WITHIN, /* `bytes` of the answer (default: half), then reset */
	FAULT_RESET_AFTER, /* the whole answer, then reset in place of keep-alive */
	FAULT_TRUNCATE, /* well-formed HTTP, XML cut after `bytes` (default: half) */
	FAULT_MALFORMED, /* a tag in the middle is not closed */
	FAULT_ILLEGAL_CHAR, /* `text` (default "&#x1F;") in text content, split over segments */
	FAULT_CONTENT_TYPE, /* text/html */
	FAULT_OVERSIZE, /* `bytes` of comment after the body */
	FAULT_DRIP, /* `bytes` a time, `delay_ms` between */
	FAULT_DELAY, /* answer `delay_ms` late */
	FAULT_SILENCE, /* performed; nothing is answered for `delay_ms`, then reset */
	/* within the operation */
	FAULT_SYNC_STATE, /* ErrorInvalidSyncStateData for a request with a state */
	FAULT_GHOST_ITEM, /* a change in SyncFolderItems whose id GetItem does not find */
	FAULT_BAD_ITEM, /* the `item`th (from 0) of a batch fails with `code` */
	FAULT_BATCH_STOPPED, /* from the `item`th on: ErrorBatchProcessingStopped */
	FAULT_CONFLICT, /* UpdateItem: ErrorIrresolvableConflict */
	FAULT_SAME_STATE, /* the sync state comes back unchanged with more to come */
	FAULT_SUBSCRIPTION, /* the subscription is forgotten */
	FAULT_KINDS
};

struct fault_hit {
	uint64_t rule;
	enum fault_kind kind;
	int status, retry_after_s, item, skew_s;
	int64_t back_off_ms, delay_ms, bytes;
	char code[80];
	char text[256];
	bool struck;
};

struct faults;

struct faults *faults_new(void);
void faults_free(struct faults *faults);
/* Adds a rule from its JSON description; 0 with *reason (g_free) when it is wrong. */
uint64_t faults_add(struct faults *faults, const json_t *rule, char **reason);
/* "kind=lost-answer,operation=CreateItem,count=1" */
uint64_t faults_add_text(struct faults *faults, const char *text, char **reason);
bool faults_remove(struct faults *faults, uint64_t id); /* 0: all */
json_t *faults_list(struct faults *faults);
bool faults_active(struct faults *faults);
/*
 * The first rule that is due for this request; kind is FAULT_NONE when none is. Whoever carries
 * the fault out counts it; one that found nothing to strike at is given back in the end.
 */
struct fault_hit faults_take(struct faults *faults, const char *operation, const char *mailbox);
void fault_struck(struct faults *faults, struct fault_hit *hit);
void faults_settle(struct faults *faults, const struct fault_hit *hit);

#endif
