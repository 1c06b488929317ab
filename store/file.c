#include "store/file.h"

#include "core/clock.h"
#include "store/store_private.h"

void file_link_free(struct file_link *link)
{
	g_free(link->url);
	g_free(link->hash);
	g_free(link->reason);
	g_free(link);
}

bool store_file_link_get(
        struct store *store, const char *url, struct file_link **out, GError **error)
{
	*out = NULL;
	autoptr(db_result) result = db_query(store->db,
	        "SELECT hash, reason, first_try_utc_us, next_try_utc_us FROM file_link "
	        "WHERE url = $1",
	        DB_VALUES(db_text(url)), error);
	int got = result != NULL ? db_next(result, error) : -1;
	if (got <= 0)
		return got == 0;
	struct file_link *link = g_new0(struct file_link, 1);
	link->url = g_strdup(url);
	link->hash = db_column_dup(result, 0);
	link->reason = db_column_dup(result, 1);
	link->first_try_utc_us = db_column_int64(result, 2);
	link->next_try_utc_us = db_column_int64(result, 3);
	*out = link;
	return true;
}

bool store_file_link_put(struct store *store, const struct file_link *link, GError **error)
{
	return db_run(store->db,
	        "INSERT INTO file_link (url, hash, reason, first_try_utc_us, next_try_utc_us) "
	        "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (url) DO UPDATE SET hash = excluded.hash, "
	        "reason = excluded.reason, next_try_utc_us = excluded.next_try_utc_us "
	        "WHERE file_link.hash IS NULL",
	        DB_VALUES(db_text(link->url), db_text(link->hash), db_text(link->reason),
	                db_int(link->first_try_utc_us), db_int(link->next_try_utc_us)),
	        error);
}

static bool put(struct store *store, const struct file_link *link, GBytes *content, GError **error)
{
	gsize len = 0;
	const void *bytes = g_bytes_get_data(content, &len);
	return db_run(store->db,
	               "INSERT INTO file_content (hash, content, fetched_utc_us) "
	               "VALUES ($1, $2, $3) ON CONFLICT (hash) DO NOTHING",
	               DB_VALUES(db_text(link->hash), db_blob(bytes != NULL ? bytes : "", len),
	                       db_int(clock_utc_us())),
	               error) &&
	       store_file_link_put(store, link, error);
}

bool store_file_put(
        struct store *store, const struct file_link *link, GBytes *content, GError **error)
{
	return store_begin(store, error) &&
	       store_end(store, put(store, link, content, error), error);
}

bool store_file_content(struct store *store, const char *hash, GBytes **content, GError **error)
{
	*content = NULL;
	autoptr(db_result) result =
	        db_query(store->db, "SELECT content FROM file_content WHERE hash = $1",
	                DB_VALUES(db_text(hash)), error);
	int got = result != NULL ? db_next(result, error) : -1;
	if (got <= 0)
		return got == 0;
	size_t len = 0;
	const void *bytes = db_column_blob(result, 0, &len);
	*content = g_bytes_new(bytes, len);
	return true;
}
