#include "store/local.h"

#include "store/record.h"
#include "store/store_private.h"

void local_item_free(struct local_item *item)
{
	g_free(item->segment_id);
	g_free(item->owner);
	g_free(item->hash);
	g_free(item->because);
	g_free(item);
}

static void free_item(gpointer item)
{
	local_item_free(item);
}

static bool record(struct store *store, const struct local_item *item, GError **error)
{
	const struct archive_event event = {
	        .what = "local.kept",
	        .at_utc_us = item->kept_utc_us,
	        .conversation_id = item->conversation_id,
	        .segment_id = item->segment_id,
	        .hash = item->hash,
	        .detail = item->owner,
	};
	return archive_record(store, &event, error);
}

static bool keep(struct store *store, const struct local_item *item, bool *is_new, GError **error)
{
	int64_t changed = 0;
	if (!store_run(store,
	            "INSERT INTO local_item (conversation_id, segment_id, owner, shown, hash, "
	            "because, kept_utc_us) VALUES ($1, $2, $3, $4, $5, $6, $7) "
	            "ON CONFLICT (conversation_id, segment_id, owner) DO NOTHING",
	            DB_VALUES(db_int(item->conversation_id), db_text(item->segment_id),
	                    db_text(item->owner), db_int(item->shown), db_text(item->hash),
	                    db_text(item->because), db_int(item->kept_utc_us)),
	            &changed, error))
		return false;
	*is_new = changed == 1;
	return !*is_new || record(store, item, error);
}

bool store_local_keep(
        struct store *store, const struct local_item *item, bool *is_new, GError **error)
{
	bool unused = false;
	return store_begin(store, error) &&
	       store_end(store, keep(store, item, is_new != NULL ? is_new : &unused, error), error);
}

GPtrArray *store_local_items(struct store *store, const char *owner, unsigned limit, GError **error)
{
	g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(free_item);
	autoptr(db_result) rows = db_query(store->db,
	        "SELECT conversation_id, segment_id, owner, shown, hash, because, kept_utc_us "
	        "FROM local_item WHERE owner = $1 ORDER BY kept_utc_us, segment_id LIMIT $2",
	        DB_VALUES(db_text(owner), db_int(limit)), error);
	int got = rows != NULL ? 1 : -1;
	while (got > 0 && (got = db_next(rows, error)) > 0) {
		struct local_item *item = g_new0(struct local_item, 1);
		item->conversation_id = db_column_int64(rows, 0);
		item->segment_id = db_column_dup(rows, 1);
		item->owner = db_column_dup(rows, 2);
		item->shown = db_column_int64(rows, 3);
		item->hash = db_column_dup(rows, 4);
		item->because = db_column_dup(rows, 5);
		item->kept_utc_us = db_column_int64(rows, 6);
		g_ptr_array_add(list, item);
	}
	return got == 0 ? g_steal_pointer(&list) : NULL;
}

bool store_local_count(struct store *store, const char *owner, int64_t *items, GError **error)
{
	return db_get_int64(store->db,
	        "SELECT count(*) FROM local_item WHERE owner = coalesce($1, owner)",
	        DB_VALUES(db_text(owner)), items, NULL, error);
}
