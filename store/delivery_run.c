#include "store/delivery_run.h"

#include "core/clock.h"
#include "store/delivery_private.h"

#include <string.h>

char *delivery_run_id(int64_t now_utc_us)
{
	g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(now_utc_us / CLOCK_US_PER_S);
	g_autofree char *text = g_date_time_format(time, "%Y%m%dT%H%M%S");
	return g_strdup_printf("%s-%06x", text, g_random_int() & 0xffffff);
}

char *delivery_run_of_day(const char *begun, int64_t now_utc_us)
{
	g_autofree char *today = delivery_run_id(now_utc_us);
	return g_strdup_printf("%.8s%s", today, strrchr(begun, '-'));
}

void delivery_run_free(struct delivery_run *run)
{
	g_free(run->id);
	g_free(run);
}

GPtrArray *store_delivery_runs(struct store *store, unsigned limit, GError **error)
{
	g_autoptr(GPtrArray) runs =
	        g_ptr_array_new_with_free_func((GDestroyNotify)delivery_run_free);
	autoptr(db_result) result = db_query(store->db,
	        "SELECT run, MIN(sent_utc_us), MAX(sent_utc_us), COUNT(*), "
	        "COUNT(CASE WHEN state = 'confirmed' AND undone_utc_us IS NULL THEN 1 END), "
	        "COUNT(undone_utc_us) FROM delivery WHERE run IS NOT NULL GROUP BY run "
	        "ORDER BY MAX(sent_utc_us) DESC, run LIMIT $1",
	        DB_VALUES(db_int(limit)), error);
	int got = result != NULL ? 1 : -1;
	while (got > 0 && (got = db_next(result, error)) > 0) {
		struct delivery_run *run = g_new0(struct delivery_run, 1);
		run->id = db_column_dup(result, 0);
		run->first_sent_utc_us = db_column_int64(result, 1);
		run->last_sent_utc_us = db_column_int64(result, 2);
		run->deliveries = db_column_int64(result, 3);
		run->confirmed = db_column_int64(result, 4);
		run->undone = db_column_int64(result, 5);
		g_ptr_array_add(runs, run);
	}
	return got == 0 ? g_steal_pointer(&runs) : NULL;
}

GPtrArray *store_deliveries_of_run(
        struct store *store, const char *run, int64_t mailbox_id, GError **error)
{
	return delivery_read_list(store,
	        "SELECT " DELIVERY_COLUMNS " FROM delivery WHERE run = $1 AND mailbox_id = $2 "
	        "AND state = 'confirmed' AND undone_utc_us IS NULL ORDER BY uuid",
	        DB_VALUES(db_text(run), db_int(mailbox_id)), error);
}

static bool undone(struct store *store, const struct lease *lease, const struct delivery *delivery,
        const char *detail, int64_t now_utc_us, GError **error)
{
	return lease_check(store, lease, error) &&
	       store_run(store,
	               "UPDATE delivery SET undone_utc_us = $3, sweep_utc_us = NULL "
	               "WHERE mailbox_id = $1 AND uuid = $2 AND state = 'confirmed'",
	               DB_VALUES(db_int(delivery->mailbox_id), db_text(delivery->uuid),
	                       db_int(now_utc_us)),
	               NULL, error) &&
	       delivery_record(store, "delivery.undone", delivery, detail, now_utc_us, error);
}

bool store_delivery_undone(struct store *store, const struct lease *lease,
        const struct delivery *delivery, const char *detail, int64_t now_utc_us, GError **error)
{
	return store_begin(store, error) &&
	       store_end(store, undone(store, lease, delivery, detail, now_utc_us, error), error);
}

static bool hurry(
        struct store *store, int64_t mailbox_id, int64_t now_utc_us, int64_t *n, GError **error)
{
	g_autofree char *detail = NULL;
	if (!store_run(store,
	            "UPDATE delivery SET next_try_utc_us = $2 WHERE state = 'planned' AND "
	            "next_try_utc_us > $2 AND (CAST($1 AS BIGINT) = 0 OR mailbox_id = $1)",
	            DB_VALUES(db_int(mailbox_id), db_int(now_utc_us)), n, error))
		return false;
	detail = g_strdup_printf("%" G_GINT64_FORMAT, *n);
	const struct archive_event event = {
	        .what = "queue.flushed",
	        .at_utc_us = now_utc_us,
	        .mailbox_id = mailbox_id,
	        .detail = detail,
	};
	return *n == 0 || archive_record(store, &event, error);
}

bool store_deliveries_hurry(
        struct store *store, int64_t mailbox_id, int64_t now_utc_us, int64_t *n, GError **error)
{
	return store_begin(store, error) &&
	       store_end(store, hurry(store, mailbox_id, now_utc_us, n, error), error);
}

bool store_queue_bytes(struct store *store, int64_t *bytes, GError **error)
{
	*bytes = 0;
	return db_get_int64(store->db,
	        "SELECT CAST(SUM(LENGTH(r.mime)) AS BIGINT) FROM (SELECT DISTINCT "
	        "conversation_id, segment_id, shown FROM delivery WHERE state <> 'confirmed') AS w "
	        "JOIN rendering r ON r.conversation_id = w.conversation_id AND "
	        "r.segment_id = w.segment_id AND r.shown = w.shown",
	        DB_NO_VALUES, bytes, NULL, error);
}

void delivery_step_free(struct delivery_step *step)
{
	g_free(step->what);
	g_free(step->detail);
	g_free(step);
}

GPtrArray *store_delivery_history(struct store *store, const char *uuid, GError **error)
{
	g_autoptr(GPtrArray) steps =
	        g_ptr_array_new_with_free_func((GDestroyNotify)delivery_step_free);
	autoptr(db_result) result = db_query(store->db,
	        "SELECT at_utc_us, what, detail FROM archive_event WHERE delivery_uuid = $1 "
	        "ORDER BY id",
	        DB_VALUES(db_text(uuid)), error);
	int got = result != NULL ? 1 : -1;
	while (got > 0 && (got = db_next(result, error)) > 0) {
		struct delivery_step *step = g_new0(struct delivery_step, 1);
		step->at_utc_us = db_column_int64(result, 0);
		step->what = db_column_dup(result, 1);
		step->detail = db_column_dup(result, 2);
		g_ptr_array_add(steps, step);
	}
	return got == 0 ? g_steal_pointer(&steps) : NULL;
}

bool store_folder_state_get(
        struct store *store, int64_t mailbox_id, const char *folder, char **state, GError **error)
{
	*state = NULL;
	return db_get_text(store->db,
	        "SELECT state FROM folder_state WHERE mailbox_id = $1 AND folder = $2",
	        DB_VALUES(db_int(mailbox_id), db_text(folder)), state, error);
}

static bool put_state(struct store *store, const struct lease *lease, const char *folder,
        const char *state, int64_t now_utc_us, GError **error)
{
	int64_t mailbox_id = lease->mailbox->id;
	if (!lease_check(store, lease, error))
		return false;
	if (state == NULL)
		return db_run(store->db,
		        "DELETE FROM folder_state WHERE mailbox_id = $1 AND folder = $2",
		        DB_VALUES(db_int(mailbox_id), db_text(folder)), error);
	return db_run(store->db,
	        "INSERT INTO folder_state (mailbox_id, folder, state, saved_utc_us) "
	        "VALUES ($1, $2, $3, $4) ON CONFLICT (mailbox_id, folder) DO UPDATE SET "
	        "state = excluded.state, saved_utc_us = excluded.saved_utc_us",
	        DB_VALUES(db_int(mailbox_id), db_text(folder), db_text(state), db_int(now_utc_us)),
	        error);
}

bool store_folder_state_put(struct store *store, const struct lease *lease, const char *folder,
        const char *state, int64_t now_utc_us, GError **error)
{
	return store_begin(store, error) &&
	       store_end(store, put_state(store, lease, folder, state, now_utc_us, error), error);
}
