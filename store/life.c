#include "store/life.h"

#include "store/store_private.h"

static enum life_answer answer(const struct db_result *row, int column)
{
	if (db_column_is_null(row, column))
		return LIFE_UNKNOWN;
	return db_column_int64(row, column) != 0 ? LIFE_YES : LIFE_NO;
}

static struct db_value answer_value(enum life_answer value)
{
	return value == LIFE_UNKNOWN ? db_null() : db_int(value == LIFE_YES);
}

bool store_life(struct store *store, int64_t mailbox_id, struct contact_life *out, GError **error)
{
	*out = (struct contact_life){0};
	autoptr(db_result) row = db_query(store->db,
	        "SELECT occupied, adopted_utc_us, rolling_back_utc_us, completed FROM contact_life"
	        " WHERE mailbox_id = $1",
	        DB_VALUES(db_int(mailbox_id)), error);
	int got = row != NULL ? db_next(row, error) : -1;
	if (got > 0)
		*out = (struct contact_life){
		        .occupied = answer(row, 0),
		        .adopted_utc_us = db_column_int64(row, 1),
		        .rolling_back_utc_us = db_column_int64(row, 2),
		        .completed = answer(row, 3),
		};
	return got >= 0;
}

static bool save(
        struct store *store, int64_t mailbox_id, const struct contact_life *life, GError **error)
{
	return db_run(store->db,
	        "INSERT INTO contact_life (mailbox_id, occupied, adopted_utc_us,"
	        " rolling_back_utc_us, completed) VALUES ($1, $2, $3, $4, $5)"
	        " ON CONFLICT (mailbox_id) DO UPDATE SET occupied = excluded.occupied,"
	        " adopted_utc_us = excluded.adopted_utc_us,"
	        " rolling_back_utc_us = excluded.rolling_back_utc_us,"
	        " completed = excluded.completed",
	        DB_VALUES(db_int(mailbox_id), answer_value(life->occupied),
	                db_int(life->adopted_utc_us), db_int(life->rolling_back_utc_us),
	                answer_value(life->completed)),
	        error);
}

bool store_life_save(struct store *store, const struct lease *lease,
        const struct contact_life *life, GError **error)
{
	return store_begin(store, error) &&
	       store_end(store,
	               lease_check(store, lease, error) &&
	                       save(store, lease->mailbox->id, life, error),
	               error);
}

bool store_life_look(
        struct store *store, int64_t mailbox_id, bool *holds_contacts, bool *agreed, GError **error)
{
	int64_t number;
	return db_get_int64(store->db, "SELECT 1 FROM contact_theirs WHERE mailbox_id = $1 LIMIT 1",
	               DB_VALUES(db_int(mailbox_id)), &number, holds_contacts, error) &&
	       db_get_int64(store->db, "SELECT 1 FROM contact_agreed WHERE mailbox_id = $1 LIMIT 1",
	               DB_VALUES(db_int(mailbox_id)), &number, agreed, error);
}

GHashTable *store_life_kept(struct store *store, int64_t mailbox_id, GError **error)
{
	g_autoptr(GHashTable) keys = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	autoptr(db_result) rows =
	        db_query(store->db, "SELECT key FROM contact_kept WHERE mailbox_id = $1",
	                DB_VALUES(db_int(mailbox_id)), error);
	int got = rows != NULL ? 1 : -1;
	while (got > 0 && (got = db_next(rows, error)) > 0)
		g_hash_table_add(keys, db_column_dup(rows, 0));
	return got == 0 ? g_steal_pointer(&keys) : NULL;
}

bool store_life_keep(
        struct store *store, const struct lease *lease, const char *key, GError **error)
{
	return store_begin(store, error) &&
	       store_end(store,
	               lease_check(store, lease, error) &&
	                       db_run(store->db,
	                               "INSERT INTO contact_kept (mailbox_id, key)"
	                               " VALUES ($1, $2) ON CONFLICT (mailbox_id, key) DO NOTHING",
	                               DB_VALUES(db_int(lease->mailbox->id), db_text(key)), error),
	               error);
}

bool store_life_kept_sweep(struct store *store, const struct lease *lease, GError **error)
{
	return store_begin(store, error) &&
	       store_end(store,
	               lease_check(store, lease, error) &&
	                       db_run(store->db,
	                               "DELETE FROM contact_kept WHERE mailbox_id = $1 AND"
	                               " (NOT EXISTS (SELECT 1 FROM contact_ours o WHERE"
	                               " o.mailbox_id = $1 AND o.key = contact_kept.key)"
	                               " OR EXISTS (SELECT 1 FROM contact_theirs t WHERE"
	                               " t.mailbox_id = $1 AND t.key = contact_kept.key))",
	                               DB_VALUES(db_int(lease->mailbox->id)), error),
	               error);
}

bool store_life_copy(struct store *from, int64_t mailbox_id, struct store *to,
        const struct lease *lease, GError **error)
{
	struct contact_life life;
	g_autoptr(GHashTable) kept = store_life_kept(from, mailbox_id, error);
	bool good = kept != NULL && store_life(from, mailbox_id, &life, error) &&
	            store_life_save(to, lease, &life, error);
	GHashTableIter iter;
	gpointer key;
	if (!good)
		return false;
	g_hash_table_iter_init(&iter, kept);
	while (good && g_hash_table_iter_next(&iter, &key, NULL))
		good = store_life_keep(to, lease, key, error);
	return good;
}
