#include "store/lease.h"

#include "core/clock.h"
#include "store/mailbox.h"
#include "store/store_private.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void lease_free(struct lease *lease)
{
	if (lease->mailbox != NULL)
		mailbox_free(lease->mailbox);
	g_free(lease->holder);
	g_free(lease);
}

char *lease_holder_new(void)
{
	g_autofree char *uuid = g_uuid_string_random();
	return g_strdup_printf("%s/%d/%.8s", g_get_host_name(), (int)getpid(), uuid);
}

/* Inside a transaction, with the lease row locked or known to be free. */
static bool take(struct store *store, int64_t id, const char *holder, int64_t until_utc_us,
        struct lease **out, GError **error)
{
	autoptr(lease) lease = g_new0(struct lease, 1);
	bool found = false;
	lease->holder = g_strdup(holder);
	lease->until_utc_us = until_utc_us;
	if (!store_run_returning(store,
	            "UPDATE lease SET holder = $2, until_utc_us = $3, woken_utc_us = NULL,"
	            " generation = generation + 1 WHERE mailbox_id = $1 RETURNING generation",
	            DB_VALUES(db_int(id), db_text(holder), db_int(until_utc_us)),
	            &lease->generation, &found, error) ||
	        !db_run(store->db, "UPDATE mailbox SET generation = $2 WHERE mailbox_id = $1",
	                DB_VALUES(db_int(id), db_int(lease->generation)), error) ||
	        !store_mailbox_by_id(store, id, &lease->mailbox, error))
		return false;
	g_assert(found && lease->mailbox != NULL);
	*out = g_steal_pointer(&lease);
	return true;
}

static bool claim_due(struct store *store, const char *holder, int64_t now_utc_us,
        int64_t duration_s, struct lease **out, GError **error)
{
	static const char sqlite[] =
	        "SELECT mailbox_id FROM lease WHERE due_utc_us <= $1"
	        " AND until_utc_us <= $1 ORDER BY due_utc_us, mailbox_id LIMIT 1";
	static const char postgresql[] = "SELECT mailbox_id FROM lease WHERE due_utc_us <= $1"
	                                 " AND until_utc_us <= $1 ORDER BY due_utc_us, mailbox_id"
	                                 " LIMIT 1 FOR UPDATE SKIP LOCKED";
	int64_t id = 0;
	bool found = false;
	if (!db_get_int64(store->db, store_sql(store, sqlite, postgresql),
	            DB_VALUES(db_int(now_utc_us)), &id, &found, error))
		return false;
	int64_t until = now_utc_us + duration_s * CLOCK_US_PER_S;
	return !found || take(store, id, holder, until, out, error);
}

/* Claims are relaxed commits: a power cut ends all who could hold a lease in one file. */
bool store_lease_claim(struct store *store, const char *holder, int64_t now_utc_us,
        int64_t duration_s, struct lease **out, GError **error)
{
	*out = NULL;
	autoptr(lease) lease = NULL;
	store_relax(store, true);
	bool good = store_begin(store, error) &&
	            store_end(store,
	                    claim_due(store, holder, now_utc_us, duration_s, &lease, error), error);
	store_relax(store, false);
	if (good)
		*out = g_steal_pointer(&lease);
	return good;
}

/* Who has the mailbox. A row that is locked is being claimed right now; PostgreSQL waits for it. */
static bool read_holder(struct store *store, int64_t id, char **holder, int64_t *until_utc_us,
        bool *found, GError **error)
{
	autoptr(db_result) result = db_query(store->db,
	        store_sql(store, "SELECT holder, until_utc_us FROM lease WHERE mailbox_id = $1",
	                "SELECT holder, until_utc_us FROM lease WHERE mailbox_id = $1 FOR UPDATE"),
	        DB_VALUES(db_int(id)), error);
	if (result == NULL)
		return false;
	int got = db_next(result, error);
	*found = got > 0;
	if (got > 0) {
		*holder = db_column_dup(result, 0);
		*until_utc_us = db_column_int64(result, 1);
	}
	return got >= 0;
}

static void refuse_held(
        struct store *store, int64_t id, const char *holder, int64_t until_utc_us, GError **error)
{
	autoptr(mailbox) mailbox = NULL;
	if (!store_mailbox_by_id(store, id, &mailbox, error))
		return;
	g_autofree char *until = clock_format_iso(until_utc_us);
	error_set(error, ERROR_MAILBOX, "lease.held",
	        "%s is being worked on by %s: try again when it is done, at the latest at %s",
	        mailbox != NULL ? mailbox->owner : "the mailbox", holder, until);
	if (error != NULL) {
		error_set_retry_at(*error, until_utc_us);
		error_set_subject(*error, mailbox != NULL ? mailbox->owner : NULL);
	}
}

static bool claim_this(struct store *store, int64_t id, const char *holder, int64_t now_utc_us,
        int64_t duration_s, struct lease **out, GError **error)
{
	g_autofree char *other = NULL;
	int64_t until = 0;
	bool found = false;
	if (!read_holder(store, id, &other, &until, &found, error))
		return false;
	if (!found) {
		error_set(error, ERROR_MAILBOX, "mailbox.unknown",
		        "mailbox %" G_GINT64_FORMAT
		        " is not in the store, or its mapping was changed: start again",
		        id);
		return false;
	}
	if (until > now_utc_us) {
		refuse_held(store, id, other, until, error);
		return false;
	}
	return take(store, id, holder, now_utc_us + duration_s * CLOCK_US_PER_S, out, error);
}

bool store_lease_claim_mailbox(struct store *store, int64_t mailbox_id, const char *holder,
        int64_t now_utc_us, int64_t duration_s, struct lease **out, GError **error)
{
	*out = NULL;
	autoptr(lease) lease = NULL;
	store_relax(store, true);
	bool good =
	        store_begin(store, error) && store_end(store,
	                                             claim_this(store, mailbox_id, holder,
	                                                     now_utc_us, duration_s, &lease, error),
	                                             error);
	store_relax(store, false);
	if (good)
		*out = g_steal_pointer(&lease);
	return good;
}

static bool refuse_lost(const struct lease *lease, GError **error)
{
	error_set(error, ERROR_MAILBOX, "lease.lost",
	        "another worker has taken over the mailbox of %s: this one stops here and the "
	        "other "
	        "goes on",
	        lease->mailbox->owner);
	if (error != NULL)
		error_set_subject(*error, lease->mailbox->owner);
	return false;
}

bool store_lease_renew(struct store *store, struct lease *lease, int64_t now_utc_us,
        int64_t duration_s, GError **error)
{
	int64_t until = now_utc_us + duration_s * CLOCK_US_PER_S;
	int64_t changed = 0;
	if (!store_run(store,
	            "UPDATE lease SET until_utc_us = $3 WHERE mailbox_id = $1 AND generation = $2",
	            DB_VALUES(db_int(lease->mailbox->id), db_int(lease->generation), db_int(until)),
	            &changed, error))
		return false;
	if (changed != 1)
		return refuse_lost(lease, error);
	lease->until_utc_us = until;
	return true;
}

bool store_lease_release(
        struct store *store, const struct lease *lease, int64_t next_due_utc_us, GError **error)
{
	return db_run(store->db,
	        "UPDATE lease SET holder = NULL, until_utc_us = 0, woken_utc_us = NULL,"
	        " due_utc_us = CASE WHEN woken_utc_us < $3 THEN woken_utc_us ELSE $3 END"
	        " WHERE mailbox_id = $1 AND generation = $2",
	        DB_VALUES(db_int(lease->mailbox->id), db_int(lease->generation),
	                db_int(next_due_utc_us)),
	        error);
}

bool lease_check(struct store *store, const struct lease *lease, GError **error)
{
	g_assert(store->depth > 0);
	int64_t id = lease->mailbox->id, one = 0;
	bool found = false;
	/* The row has been locked since then. */
	if (store->checked_mailbox == id && store->checked_generation == lease->generation)
		return true;
	/* SQLite's transactions are immediate: nobody else writes until commit. */
	if (!db_get_int64(store->db,
	            store_sql(store,
	                    "SELECT 1 FROM mailbox WHERE mailbox_id = $1 AND generation = $2",
	                    "SELECT 1 FROM mailbox WHERE mailbox_id = $1 AND generation = $2"
	                    " FOR UPDATE"),
	            DB_VALUES(db_int(id), db_int(lease->generation)), &one, &found, error))
		return false;
	if (!found)
		return refuse_lost(lease, error);
	store->checked_mailbox = id;
	store->checked_generation = lease->generation;
	return true;
}

bool lease_run(struct store *store, const struct lease *lease, const char *sql, size_t n,
        const struct db_value *values, GError **error)
{
	return store_begin(store, error) &&
	       store_end(store,
	               lease_check(store, lease, error) && db_run(store->db, sql, n, values, error),
	               error);
}

bool lease_outlasts(const struct lease *lease, int64_t deadline_utc_us)
{
	return deadline_utc_us <= lease->until_utc_us;
}

bool store_lease_wake(struct store *store, int64_t mailbox_id, int64_t due_utc_us, GError **error)
{
	return db_run(store->db,
	        "UPDATE lease SET"
	        " due_utc_us = CASE WHEN due_utc_us < $2 THEN due_utc_us ELSE $2 END,"
	        " woken_utc_us = CASE WHEN woken_utc_us < $2 THEN woken_utc_us ELSE $2 END"
	        " WHERE mailbox_id = $1",
	        DB_VALUES(db_int(mailbox_id), db_int(due_utc_us)), error);
}

bool store_lease_next_due(
        struct store *store, int64_t now_utc_us, int64_t *due_utc_us, GError **error)
{
	bool found = false;
	if (!db_get_int64(store->db, "SELECT min(due_utc_us) FROM lease WHERE until_utc_us <= $1",
	            DB_VALUES(db_int(now_utc_us)), due_utc_us, &found, error))
		return false;
	if (!found)
		*due_utc_us = LEASE_NEVER_UTC_US;
	return true;
}

/* holder is "host/pid/random". */
static bool is_dead(const char *holder)
{
	g_auto(GStrv) parts = g_strsplit(holder, "/", 3);
	if (g_strv_length(parts) != 3 || !g_str_equal(parts[0], g_get_host_name()))
		return false;
	guint64 pid = 0;
	if (!g_ascii_string_to_unsigned(parts[1], 10, 1, INT_MAX, &pid, NULL))
		return false;
	return kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

static GPtrArray *dead_holders(struct store *store, GError **error)
{
	g_autoptr(GPtrArray) dead = g_ptr_array_new_with_free_func(g_free);
	autoptr(db_result) rows = db_query(store->db,
	        "SELECT DISTINCT holder FROM lease WHERE holder IS NOT NULL AND until_utc_us > 0",
	        DB_NO_VALUES, error);
	int got = rows != NULL ? 1 : -1;
	while (got > 0 && (got = db_next(rows, error)) > 0)
		if (is_dead(db_column_text(rows, 0)))
			g_ptr_array_add(dead, db_column_dup(rows, 0));
	return got == 0 ? g_steal_pointer(&dead) : NULL;
}

bool store_lease_break_dead(struct store *store, GError **error)
{
	g_autoptr(GPtrArray) dead = dead_holders(store, error);
	bool good = dead != NULL;
	for (guint i = 0; good && i < dead->len; i++)
		good = db_run(store->db,
		        "UPDATE lease SET holder = NULL, until_utc_us = 0 WHERE holder = $1",
		        DB_VALUES(db_text(g_ptr_array_index(dead, i))), error);
	return good;
}
