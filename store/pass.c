#include "store/pass.h"

#include "store/store_private.h"

static const char *const kind_names[PASS_KINDS] = {"contacts", "archive"};

const char *pass_kind_name(enum pass_kind kind)
{
	return kind_names[kind];
}

static bool write_good(struct store *store, int64_t id, enum pass_kind kind, int64_t now_utc_us,
        int64_t next_try_utc_us, int64_t backlog, GError **error)
{
	return db_run(store->db,
	        "INSERT INTO pass (mailbox_id, kind, last_utc_us, good_utc_us, next_try_utc_us,"
	        " backlog) VALUES ($1, $2, $3, $3, $4, $5)"
	        " ON CONFLICT (mailbox_id, kind) DO UPDATE SET last_utc_us = excluded.last_utc_us,"
	        " good_utc_us = excluded.good_utc_us, failures = 0, reason = NULL, message = NULL,"
	        " needs_person = 0, next_try_utc_us = excluded.next_try_utc_us,"
	        " backlog = excluded.backlog",
	        DB_VALUES(db_int(id), db_text(pass_kind_name(kind)), db_int(now_utc_us),
	                db_int(next_try_utc_us), db_int(backlog)),
	        error);
}

/* Trying again helps only once somebody has mended what is wrong. */
static bool needs_person(const GError *cause, int64_t next_try_utc_us)
{
	enum error_class class = error_class_of(cause);
	return class == ERROR_CONFIG || class == ERROR_MAILBOX || next_try_utc_us == 0;
}

static bool write_failed(struct store *store, int64_t id, enum pass_kind kind, int64_t now_utc_us,
        const GError *cause, int64_t next_try_utc_us, int64_t backlog, GError **error)
{
	return db_run(store->db,
	        "INSERT INTO pass (mailbox_id, kind, last_utc_us, failures, reason, message,"
	        " needs_person, next_try_utc_us, backlog) VALUES ($1, $2, $3, 1, $4, $5, $6, $7, "
	        "$8)"
	        " ON CONFLICT (mailbox_id, kind) DO UPDATE SET last_utc_us = excluded.last_utc_us,"
	        " failures = pass.failures + 1, reason = excluded.reason,"
	        " message = excluded.message, needs_person = excluded.needs_person,"
	        " next_try_utc_us = excluded.next_try_utc_us, backlog = excluded.backlog",
	        DB_VALUES(db_int(id), db_text(pass_kind_name(kind)), db_int(now_utc_us),
	                db_text(error_reason(cause)), db_text(cause->message),
	                db_int(needs_person(cause, next_try_utc_us)), db_int(next_try_utc_us),
	                db_int(backlog)),
	        error);
}

bool store_pass_record(struct store *store, const struct lease *lease, enum pass_kind kind,
        int64_t now_utc_us, const GError *cause, int64_t next_try_utc_us, int64_t backlog,
        GError **error)
{
	int64_t id = lease->mailbox->id;
	if (!store_begin(store, error))
		return false;
	bool good = lease_check(store, lease, error) &&
	            (cause == NULL ? write_good(store, id, kind, now_utc_us, next_try_utc_us,
	                                     backlog, error)
	                           : write_failed(store, id, kind, now_utc_us, cause,
	                                     next_try_utc_us, backlog, error));
	return store_end(store, good, error);
}

void pass_free(struct pass *pass)
{
	g_free(pass->owner);
	g_free(pass->reason);
	g_free(pass->message);
	g_free(pass);
}

static void free_pass(gpointer pass)
{
	pass_free(pass);
}

static struct pass *from_row(const struct db_result *row)
{
	struct pass *pass = g_new0(struct pass, 1);
	pass->mailbox_id = db_column_int64(row, 0);
	pass->owner = db_column_dup(row, 1);
	bool contacts = g_strcmp0(db_column_text(row, 2), kind_names[PASS_CONTACTS]) == 0;
	pass->kind = contacts ? PASS_CONTACTS : PASS_ARCHIVE;
	pass->last_utc_us = db_column_int64(row, 3);
	pass->good_utc_us = db_column_int64(row, 4);
	pass->failures = db_column_int64(row, 5);
	pass->reason = db_column_dup(row, 6);
	pass->message = db_column_dup(row, 7);
	pass->needs_person = db_column_int64(row, 8) != 0;
	pass->next_try_utc_us = db_column_int64(row, 9);
	pass->backlog = db_column_int64(row, 10);
	return pass;
}

#define PASS_SQL                                                                                   \
	"SELECT p.mailbox_id, m.owner, p.kind, p.last_utc_us, p.good_utc_us, p.failures,"          \
	" p.reason, p.message, p.needs_person, p.next_try_utc_us, p.backlog"                       \
	" FROM pass p JOIN mailbox m ON m.mailbox_id = p.mailbox_id"

bool store_pass_get(struct store *store, int64_t mailbox_id, enum pass_kind kind, struct pass **out,
        GError **error)
{
	*out = NULL;
	autoptr(db_result) row =
	        db_query(store->db, PASS_SQL " WHERE p.mailbox_id = $1 AND p.kind = $2",
	                DB_VALUES(db_int(mailbox_id), db_text(pass_kind_name(kind))), error);
	int got = row != NULL ? db_next(row, error) : -1;
	if (got > 0)
		*out = from_row(row);
	return got >= 0;
}

GPtrArray *store_pass_failing(struct store *store, unsigned limit, GError **error)
{
	g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(free_pass);
	autoptr(db_result) rows = db_query(store->db,
	        PASS_SQL " WHERE p.failures > 0 ORDER BY m.owner, p.kind DESC LIMIT $1",
	        DB_VALUES(db_int(limit)), error);
	int got = rows != NULL ? 1 : -1;
	while (got > 0 && (got = db_next(rows, error)) > 0)
		g_ptr_array_add(list, from_row(rows));
	return got == 0 ? g_steal_pointer(&list) : NULL;
}

bool store_pass_summary(
        struct store *store, enum pass_kind kind, struct pass_summary *out, GError **error)
{
	/* sum() of bigint is numeric on PostgreSQL. */
	autoptr(db_result) row = db_query(store->db,
	        "SELECT count(*), coalesce(cast(sum(CASE WHEN failures > 0 THEN 1 ELSE 0 END)"
	        " AS BIGINT), 0), coalesce(cast(sum(needs_person) AS BIGINT), 0),"
	        " coalesce(cast(sum(backlog) AS BIGINT), 0), coalesce(max(good_utc_us), 0),"
	        " coalesce(min(good_utc_us), 0) FROM pass WHERE kind = $1",
	        DB_VALUES(db_text(pass_kind_name(kind))), error);
	if (row == NULL || db_next(row, error) <= 0)
		return false;
	out->mailboxes = db_column_int64(row, 0);
	out->failing = db_column_int64(row, 1);
	out->needing_person = db_column_int64(row, 2);
	out->backlog = db_column_int64(row, 3);
	out->newest_good_utc_us = db_column_int64(row, 4);
	out->oldest_good_utc_us = db_column_int64(row, 5);
	return true;
}
