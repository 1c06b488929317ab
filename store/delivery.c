#include "store/delivery_private.h"

#include "core/clock.h"
#include "store/record.h"
#include "store/store_private.h"

void delivery_free(struct delivery *delivery)
{
	g_free(delivery->uuid);
	g_free(delivery->segment_id);
	g_free(delivery->folder);
	g_free(delivery->state);
	g_free(delivery->item_id);
	g_free(delivery->reason);
	g_free(delivery->message);
	g_free(delivery->run);
	g_free(delivery);
}

static struct delivery *from_row(const struct db_result *row)
{
	struct delivery *delivery = g_new0(struct delivery, 1);
	delivery->mailbox_id = db_column_int64(row, 0);
	delivery->uuid = db_column_dup(row, 1);
	delivery->conversation_id = db_column_int64(row, 2);
	delivery->segment_id = db_column_dup(row, 3);
	delivery->folder = db_column_dup(row, 4);
	delivery->shown = db_column_int64(row, 5);
	delivery->state = db_column_dup(row, 6);
	delivery->attempts = db_column_int64(row, 7);
	delivery->planned_utc_us = db_column_int64(row, 8);
	delivery->first_sent_utc_us = db_column_int64(row, 9);
	delivery->sent_utc_us = db_column_int64(row, 10);
	delivery->confirmed_utc_us = db_column_int64(row, 11);
	delivery->next_try_utc_us = db_column_int64(row, 12);
	delivery->item_id = db_column_dup(row, 13);
	delivery->reason = db_column_dup(row, 14);
	delivery->message = db_column_dup(row, 15);
	delivery->run = db_column_dup(row, 16);
	delivery->undone_utc_us = db_column_int64(row, 17);
	return delivery;
}

GPtrArray *delivery_read_list(struct store *store, const char *sql, size_t n,
        const struct db_value *values, GError **error)
{
	g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func((GDestroyNotify)delivery_free);
	autoptr(db_result) result = db_query(store->db, sql, n, values, error);
	int got = result != NULL ? 1 : -1;
	while (got > 0 && (got = db_next(result, error)) > 0)
		g_ptr_array_add(rows, from_row(result));
	return got == 0 ? g_steal_pointer(&rows) : NULL;
}

bool delivery_record(struct store *store, const char *what, const struct delivery *delivery,
        const char *detail, int64_t now_utc_us, GError **error)
{
	const struct archive_event event = {
	        .what = what,
	        .at_utc_us = now_utc_us,
	        .mailbox_id = delivery->mailbox_id,
	        .segment_id = delivery->segment_id,
	        .delivery_uuid = delivery->uuid,
	        .detail = detail,
	};
	return archive_record(store, &event, error);
}

static bool plan(struct store *store, const struct delivery *delivery, int64_t now_utc_us,
        bool *is_new, GError **error)
{
	int64_t changed = 0;
	if (!store_run(store,
	            "INSERT INTO delivery (mailbox_id, uuid, conversation_id, segment_id, folder, "
	            "shown, state, planned_utc_us, next_try_utc_us) "
	            "VALUES ($1, $2, $3, $4, $5, $6, 'planned', $7, $7) "
	            "ON CONFLICT (mailbox_id, segment_id, folder) DO NOTHING",
	            DB_VALUES(db_int(delivery->mailbox_id), db_text(delivery->uuid),
	                    db_int(delivery->conversation_id), db_text(delivery->segment_id),
	                    db_text(delivery->folder), db_int(delivery->shown), db_int(now_utc_us)),
	            &changed, error))
		return false;
	*is_new = changed == 1;
	return !*is_new ||
	       (delivery_record(
	                store, "delivery.planned", delivery, delivery->folder, now_utc_us, error) &&
	               store_lease_wake(store, delivery->mailbox_id, now_utc_us, error));
}

bool store_delivery_plan(struct store *store, const struct delivery *delivery, int64_t now_utc_us,
        bool *is_new, GError **error)
{
	bool unused = false;
	return store_begin(store, error) &&
	       store_end(store,
	               plan(store, delivery, now_utc_us, is_new != NULL ? is_new : &unused, error),
	               error);
}

GPtrArray *store_deliveries_due(
        struct store *store, int64_t mailbox_id, int64_t now_utc_us, unsigned limit, GError **error)
{
	return delivery_read_list(store,
	        "SELECT " DELIVERY_COLUMNS
	        " FROM delivery WHERE mailbox_id = $1 AND state = 'planned' "
	        "AND next_try_utc_us <= $2 ORDER BY next_try_utc_us, planned_utc_us, uuid LIMIT $3",
	        DB_VALUES(db_int(mailbox_id), db_int(now_utc_us), db_int(limit)), error);
}

GPtrArray *store_deliveries_open(
        struct store *store, int64_t mailbox_id, const char *folder, GError **error)
{
	return delivery_read_list(store,
	        "SELECT " DELIVERY_COLUMNS " FROM delivery WHERE mailbox_id = $1 AND folder = $2 "
	        "AND state <> 'confirmed'",
	        DB_VALUES(db_int(mailbox_id), db_text(folder)), error);
}

GPtrArray *store_deliveries_to_sweep(
        struct store *store, int64_t mailbox_id, int64_t now_utc_us, GError **error)
{
	return delivery_read_list(store,
	        "SELECT " DELIVERY_COLUMNS
	        " FROM delivery WHERE mailbox_id = $1 AND sweep_utc_us <= $2 "
	        "AND state = 'confirmed' ORDER BY first_sent_utc_us, uuid",
	        DB_VALUES(db_int(mailbox_id), db_int(now_utc_us)), error);
}

static bool refuse_changed(const struct delivery *delivery, GError **error)
{
	error_set(error, ERROR_MAILBOX, "delivery.changed",
	        "delivery %s was changed by another process meanwhile: this pass stops, the next "
	        "one goes on",
	        delivery->uuid);
	return false;
}

static bool mark_sent(struct store *store, const struct lease *lease, const GPtrArray *deliveries,
        const char *run, int64_t now_utc_us, GError **error)
{
	if (!lease_check(store, lease, error))
		return false;
	for (guint i = 0; i < deliveries->len; i++) {
		const struct delivery *delivery = deliveries->pdata[i];
		int64_t changed = 0;
		if (!store_run(store,
		            "UPDATE delivery SET state = 'sent', attempts = attempts + 1, "
		            "sent_utc_us = $3, run = $4, "
		            "first_sent_utc_us = COALESCE(first_sent_utc_us, $3) "
		            "WHERE mailbox_id = $1 AND uuid = $2 AND state = 'planned'",
		            DB_VALUES(db_int(delivery->mailbox_id), db_text(delivery->uuid),
		                    db_int(now_utc_us), db_text(run)),
		            &changed, error))
			return false;
		if (changed != 1)
			return refuse_changed(delivery, error);
		if (!delivery_record(store, "delivery.sent", delivery, run, now_utc_us, error))
			return false;
	}
	return true;
}

bool store_deliveries_sent(struct store *store, const struct lease *lease,
        const GPtrArray *deliveries, const char *run, int64_t now_utc_us, GError **error)
{
	return store_begin(store, error) &&
	       store_end(store, mark_sent(store, lease, deliveries, run, now_utc_us, error), error);
}

/* What each outcome does to the row: its state and the name of the event. */
static const struct {
	const char *state, *event;
} outcomes[] = {
        [DELIVERY_CONFIRMED] = {"confirmed", "delivery.confirmed"},
        [DELIVERY_AGAIN] = {"planned", "delivery.again"},
        [DELIVERY_UNCERTAIN] = {"sent", "delivery.uncertain"},
        [DELIVERY_FAILED] = {"failed", "delivery.failed"},
};

static bool record_one(struct store *store, const struct delivery_result *result,
        int64_t now_utc_us, GError **error)
{
	const struct delivery *delivery = result->delivery;
	bool confirmed = result->outcome == DELIVERY_CONFIRMED;
	const char *reason = result->cause != NULL ? error_reason(result->cause) : NULL;
	int64_t changed = 0;
	if (!store_run(store,
	            "UPDATE delivery SET state = $3, item_id = $4, reason = $5, message = $6, "
	            "next_try_utc_us = $7, sweep_utc_us = $8, confirmed_utc_us = $9 "
	            "WHERE mailbox_id = $1 AND uuid = $2 AND state = 'sent'",
	            DB_VALUES(db_int(delivery->mailbox_id), db_text(delivery->uuid),
	                    db_text(outcomes[result->outcome].state), db_text(result->item_id),
	                    db_text(reason),
	                    db_text(result->cause != NULL ? result->cause->message : NULL),
	                    db_int(result->next_try_utc_us),
	                    result->sweep_utc_us != 0 ? db_int(result->sweep_utc_us) : db_null(),
	                    confirmed ? db_int(now_utc_us) : db_null()),
	            &changed, error))
		return false;
	if (changed != 1)
		return refuse_changed(delivery, error);
	return delivery_record(store, outcomes[result->outcome].event, delivery,
	        confirmed ? result->item_id : reason, now_utc_us, error);
}

static bool record_all(struct store *store, const struct lease *lease,
        const struct delivery_result *results, size_t n, int64_t now_utc_us, GError **error)
{
	bool good = lease_check(store, lease, error);
	for (size_t i = 0; good && i < n; i++)
		good = record_one(store, &results[i], now_utc_us, error);
	return good;
}

bool store_deliveries_record(struct store *store, const struct lease *lease,
        const struct delivery_result *results, size_t n, int64_t now_utc_us, GError **error)
{
	return store_begin(store, error) &&
	       store_end(store, record_all(store, lease, results, n, now_utc_us, error), error);
}

static bool found(struct store *store, const struct lease *lease, const struct delivery *delivery,
        const char *item_id, int64_t sweep_utc_us, int64_t now_utc_us, GError **error)
{
	int64_t changed = 0;
	if (!lease_check(store, lease, error) ||
	        !store_run(store,
	                "UPDATE delivery SET state = 'confirmed', item_id = $3, reason = NULL, "
	                "message = NULL, sweep_utc_us = $4, confirmed_utc_us = $5 "
	                "WHERE mailbox_id = $1 AND uuid = $2 AND state <> 'confirmed'",
	                DB_VALUES(db_int(delivery->mailbox_id), db_text(delivery->uuid),
	                        db_text(item_id),
	                        sweep_utc_us != 0 ? db_int(sweep_utc_us) : db_null(),
	                        db_int(now_utc_us)),
	                &changed, error))
		return false;
	if (changed != 1)
		return refuse_changed(delivery, error);
	return delivery_record(store, "delivery.found", delivery, item_id, now_utc_us, error);
}

bool store_delivery_found(struct store *store, const struct lease *lease,
        const struct delivery *delivery, const char *item_id, int64_t sweep_utc_us,
        int64_t now_utc_us, GError **error)
{
	return store_begin(store, error) &&
	       store_end(store,
	               found(store, lease, delivery, item_id, sweep_utc_us, now_utc_us, error),
	               error);
}

static bool swept(struct store *store, const struct lease *lease, const struct delivery *delivery,
        unsigned removed, int64_t now_utc_us, GError **error)
{
	if (!lease_check(store, lease, error) ||
	        !store_run(store,
	                "UPDATE delivery SET sweep_utc_us = NULL "
	                "WHERE mailbox_id = $1 AND uuid = $2",
	                DB_VALUES(db_int(delivery->mailbox_id), db_text(delivery->uuid)), NULL,
	                error))
		return false;
	return removed == 0 ||
	       delivery_record(store, "delivery.twin_removed", delivery, NULL, now_utc_us, error);
}

bool store_delivery_swept(struct store *store, const struct lease *lease,
        const struct delivery *delivery, unsigned removed, int64_t now_utc_us, GError **error)
{
	return store_begin(store, error) &&
	       store_end(store, swept(store, lease, delivery, removed, now_utc_us, error), error);
}

static bool set_state(struct store *store, int64_t mailbox_id, const char *uuid, const char *state,
        int64_t now_utc_us, bool *changed, GError **error)
{
	int64_t rows = 0;
	const struct archive_event event = {
	        .what = "delivery.set",
	        .at_utc_us = now_utc_us,
	        .mailbox_id = mailbox_id,
	        .delivery_uuid = uuid,
	        .detail = state,
	};
	/* What was sent must be looked up first, so that a person cannot make a second item. */
	if (!store_run(store,
	            "UPDATE delivery SET state = $3, next_try_utc_us = $4 "
	            "WHERE mailbox_id = $1 AND uuid = $2 AND state IN ('planned', 'failed', "
	            "'held') "
	            "AND state <> $3",
	            DB_VALUES(
	                    db_int(mailbox_id), db_text(uuid), db_text(state), db_int(now_utc_us)),
	            &rows, error))
		return false;
	*changed = rows == 1;
	return !*changed || (archive_record(store, &event, error) &&
	                            store_lease_wake(store, mailbox_id, now_utc_us, error));
}

bool store_delivery_set_state(struct store *store, int64_t mailbox_id, const char *uuid,
        const char *state, int64_t now_utc_us, bool *changed, GError **error)
{
	return store_begin(store, error) &&
	       store_end(store,
	               set_state(store, mailbox_id, uuid, state, now_utc_us, changed, error),
	               error);
}

static bool move(struct store *store, int64_t from_id, int64_t to_id, GError **error)
{
	int64_t moved = 0;
	/* Insert and delete: the column by which rows are distributed cannot be updated. */
	if (!store_run(store,
	            "INSERT INTO delivery (mailbox_id, uuid, conversation_id, segment_id, folder, "
	            "shown, state, attempts, planned_utc_us, first_sent_utc_us, sent_utc_us, "
	            "next_try_utc_us, reason, message, run) "
	            "SELECT CAST($2 AS BIGINT), uuid, conversation_id, segment_id, folder, shown, "
	            "state, attempts, planned_utc_us, first_sent_utc_us, sent_utc_us, "
	            "next_try_utc_us, reason, message, run FROM delivery "
	            "WHERE mailbox_id = $1 AND state <> 'confirmed'",
	            DB_VALUES(db_int(from_id), db_int(to_id)), &moved, error) ||
	        !db_run(store->db,
	                "DELETE FROM delivery WHERE mailbox_id = $1 AND state <> 'confirmed'",
	                DB_VALUES(db_int(from_id)), error))
		return false;
	g_autofree char *detail = g_strdup_printf(
	        "%" G_GINT64_FORMAT " from mailbox %" G_GINT64_FORMAT, moved, from_id);
	const struct archive_event event = {
	        .what = "delivery.moved",
	        .at_utc_us = clock_utc_us(),
	        .mailbox_id = to_id,
	        .detail = detail,
	};
	return moved == 0 || archive_record(store, &event, error);
}

bool store_deliveries_move(struct store *store, int64_t from_id, int64_t to_id, GError **error)
{
	return store_begin(store, error) &&
	       store_end(store, move(store, from_id, to_id, error), error);
}

GPtrArray *store_deliveries(
        struct store *store, int64_t mailbox_id, const char *state, unsigned limit, GError **error)
{
	return delivery_read_list(store,
	        "SELECT " DELIVERY_COLUMNS
	        " FROM delivery WHERE (CAST($1 AS BIGINT) = 0 OR mailbox_id = $1) "
	        "AND (state = $2 OR ($2 = '' AND state <> 'confirmed')) "
	        "ORDER BY mailbox_id, planned_utc_us, uuid LIMIT $3",
	        DB_VALUES(db_int(mailbox_id), db_text(state != NULL ? state : ""), db_int(limit)),
	        error);
}

bool store_delivery_get(
        struct store *store, const char *uuid, struct delivery **out, GError **error)
{
	g_autoptr(GPtrArray) rows = delivery_read_list(store,
	        "SELECT " DELIVERY_COLUMNS " FROM delivery WHERE uuid = $1",
	        DB_VALUES(db_text(uuid)), error);
	if (rows == NULL)
		return false;
	*out = rows->len > 0 ? g_ptr_array_steal_index(rows, 0) : NULL;
	return true;
}

bool store_delivery_totals(
        struct store *store, int64_t mailbox_id, struct delivery_totals *out, GError **error)
{
	*out = (struct delivery_totals){0};
	autoptr(db_result) result = db_query(store->db,
	        "SELECT COUNT(CASE WHEN state = 'planned' THEN 1 END), "
	        "COUNT(CASE WHEN state = 'sent' THEN 1 END), "
	        "COUNT(CASE WHEN state = 'confirmed' THEN 1 END), "
	        "COUNT(CASE WHEN state = 'failed' THEN 1 END), "
	        "COUNT(CASE WHEN state = 'held' THEN 1 END), "
	        "COALESCE(MIN(CASE WHEN state <> 'confirmed' THEN planned_utc_us END), 0) "
	        "FROM delivery WHERE CAST($1 AS BIGINT) = 0 OR mailbox_id = $1",
	        DB_VALUES(db_int(mailbox_id)), error);
	if (result == NULL || db_next(result, error) != 1)
		return false;
	out->planned = db_column_int64(result, 0);
	out->sent = db_column_int64(result, 1);
	out->confirmed = db_column_int64(result, 2);
	out->failed = db_column_int64(result, 3);
	out->held = db_column_int64(result, 4);
	out->oldest_planned_utc_us = db_column_int64(result, 5);
	return true;
}

bool store_delivery_next_due(struct store *store, int64_t mailbox_id, int64_t settle_us,
        int64_t *due_utc_us, GError **error)
{
	bool found = false;
	if (!db_get_int64(store->db,
	            "SELECT MIN(due) FROM ("
	            "SELECT next_try_utc_us AS due FROM delivery "
	            "WHERE mailbox_id = $1 AND state = 'planned' UNION ALL "
	            "SELECT sent_utc_us + $2 FROM delivery "
	            "WHERE mailbox_id = $1 AND state = 'sent' UNION ALL "
	            "SELECT sweep_utc_us FROM delivery "
	            "WHERE mailbox_id = $1 AND sweep_utc_us IS NOT NULL) AS dues",
	            DB_VALUES(db_int(mailbox_id), db_int(settle_us)), due_utc_us, &found, error))
		return false;
	if (!found)
		*due_utc_us = INT64_MAX;
	return true;
}
