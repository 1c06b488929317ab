/*
 * Deliveries: one segment into one folder of one mailbox, exactly once.
 *
 * planned -> sent -> confirmed. "sent" is written before the request goes out, so that whatever was
 * under way when imex stopped is looked up before it is repeated; "confirmed" is final. "failed"
 * waits for a person, "held" was stopped by one. Verbs that take a lease write only while it holds
 * (lease.lost).
 */
#ifndef IMEX_STORE_DELIVERY_H
#define IMEX_STORE_DELIVERY_H

#include "core/auto.h"
#include "store/lease.h"
#include "store/store.h"

#include <glib.h>

struct delivery {
	int64_t mailbox_id;
	char *uuid;
	int64_t conversation_id;
	char *segment_id;
	char *folder; /* "history" or "purges" */
	int64_t shown; /* which rendering of the segment */
	char *state;
	int64_t attempts;
	int64_t planned_utc_us, first_sent_utc_us, sent_utc_us, confirmed_utc_us; /* 0: not yet */
	int64_t next_try_utc_us;
	char *item_id; /* the server's, once confirmed */
	char *reason, *message; /* of the last failure, or NULL */
	char *run; /* that sent it last, or NULL */
	int64_t undone_utc_us; /* when its item was removed by an undo; 0: not */
};

void delivery_free(struct delivery *delivery);
AUTO_DEFINE(delivery, delivery_free);

/*
 * Plans one unless there is one of that segment, mailbox and folder already. The mailbox becomes
 * due. *is_new may be NULL.
 */
bool store_delivery_plan(struct store *store, const struct delivery *delivery, int64_t now_utc_us,
        bool *is_new, GError **error);

/* Those to be sent now, oldest first: struct delivery, owned. */
GPtrArray *store_deliveries_due(struct store *store, int64_t mailbox_id, int64_t now_utc_us,
        unsigned limit, GError **error);
/* Those that are to be looked at once more for a twin. */
GPtrArray *store_deliveries_to_sweep(
        struct store *store, int64_t mailbox_id, int64_t now_utc_us, GError **error);

/* All that are not confirmed: an earlier request may have made them after all. */
GPtrArray *store_deliveries_open(
        struct store *store, int64_t mailbox_id, const char *folder, GError **error);

/* Marks them sent by that run, in one transaction, before the request. */
bool store_deliveries_sent(struct store *store, const struct lease *lease,
        const GPtrArray *deliveries, const char *run, int64_t now_utc_us, GError **error);

/* What became of one. */
enum delivery_outcome {
	DELIVERY_CONFIRMED, /* item_id is set */
	DELIVERY_AGAIN, /* surely not done; planned again for next_try_utc_us */
	DELIVERY_UNCERTAIN, /* stays "sent" */
	DELIVERY_FAILED, /* waits for a person */
};

struct delivery_result {
	const struct delivery *delivery;
	enum delivery_outcome outcome;
	const char *item_id;
	const GError *cause; /* or NULL */
	int64_t next_try_utc_us;
	int64_t sweep_utc_us; /* 0: no sweep */
};
/* Records n outcomes in one transaction. */
bool store_deliveries_record(struct store *store, const struct lease *lease,
        const struct delivery_result *results, size_t n, int64_t now_utc_us, GError **error);
/*
 * Its item is in the folder, whatever its state was: confirmed. sweep_utc_us 0: no sweep.
 */
bool store_delivery_found(struct store *store, const struct lease *lease,
        const struct delivery *delivery, const char *item_id, int64_t sweep_utc_us,
        int64_t now_utc_us, GError **error);
bool store_delivery_swept(struct store *store, const struct lease *lease,
        const struct delivery *delivery, unsigned removed, int64_t now_utc_us, GError **error);

/* A person's acts on one that is not confirmed: "planned" (try again now), "held". */
bool store_delivery_set_state(struct store *store, int64_t mailbox_id, const char *uuid,
        const char *state, int64_t now_utc_us, bool *changed, GError **error);

/*
 * Gives what is not confirmed to another mailbox of the same owner. Those that were sent stay
 * "sent", so that they are looked for there first: it may be the same mailbox under a new name.
 */
bool store_deliveries_move(struct store *store, int64_t from_id, int64_t to_id, GError **error);

/*
 * For listings. mailbox_id 0: of all; state NULL: every state but confirmed. Owned; at most limit,
 * by mailbox and time of planning.
 */
GPtrArray *store_deliveries(
        struct store *store, int64_t mailbox_id, const char *state, unsigned limit, GError **error);
bool store_delivery_get(
        struct store *store, const char *uuid, struct delivery **out, GError **error);

struct delivery_totals {
	int64_t planned, sent, confirmed, failed, held;
	int64_t oldest_planned_utc_us; /* of those not confirmed; 0 without any */
};
/* mailbox_id 0: of all. */
bool store_delivery_totals(
        struct store *store, int64_t mailbox_id, struct delivery_totals *out, GError **error);
/* When the mailbox has something to do next; INT64_MAX: nothing. */
bool store_delivery_next_due(struct store *store, int64_t mailbox_id, int64_t settle_us,
        int64_t *due_utc_us, GError **error);

#endif
