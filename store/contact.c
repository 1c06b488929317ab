#include "store/contact.h"

#include "store/image.h"
#include "store/store_private.h"

#include <string.h>

void contact_status_free(struct contact_status *status)
{
	g_free(status->dialect);
	g_free(status->mail_state);
	g_free(status->im_version);
	g_free(status);
}

void contact_item_free(struct contact_item *item)
{
	g_free(item->item_id);
	g_free(item->change_key);
	g_free(item->key);
	g_free(item->address);
	g_free(item->op_uuid);
	if (item->contact != NULL)
		contact_free(item->contact);
	g_free(item);
}

struct contact_status *store_contact_status(struct store *store, int64_t mailbox_id, GError **error)
{
	autoptr(contact_status) status = g_new0(struct contact_status, 1);
	status->dirty = true;
	autoptr(db_result) row = db_query(store->db,
	        "SELECT dialect, mail_state, round, im_version, im_read_utc_us, dirty, emptied,"
	        " unmapped, migrated_utc_us, rolled_back_utc_us, generation, mail_full_utc_us"
	        " FROM contact_status WHERE mailbox_id = $1",
	        DB_VALUES(db_int(mailbox_id)), error);
	int got = row != NULL ? db_next(row, error) : -1;
	if (got < 0)
		return NULL;
	if (got > 0) {
		status->dialect = db_column_dup(row, 0);
		status->mail_state = db_column_dup(row, 1);
		status->round = db_column_int64(row, 2);
		status->im_version = db_column_dup(row, 3);
		status->im_read_utc_us = db_column_int64(row, 4);
		status->dirty = db_column_int64(row, 5) != 0;
		status->emptied = db_column_int64(row, 6) != 0;
		status->unmapped = db_column_int64(row, 7);
		status->migrated_utc_us = db_column_int64(row, 8);
		status->rolled_back_utc_us = db_column_int64(row, 9);
		status->generation = db_column_int64(row, 10);
		status->mail_full_utc_us = db_column_int64(row, 11);
	}
	return g_steal_pointer(&status);
}

static bool save_status(struct store *store, int64_t mailbox_id,
        const struct contact_status *status, GError **error)
{
	return db_run(store->db,
	        "INSERT INTO contact_status (mailbox_id, dialect, mail_state, round, im_version,"
	        " im_read_utc_us, dirty, emptied, unmapped, migrated_utc_us, rolled_back_utc_us,"
	        " generation, mail_full_utc_us)"
	        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
	        " ON CONFLICT (mailbox_id) DO UPDATE SET dialect = excluded.dialect,"
	        " mail_state = excluded.mail_state, round = excluded.round,"
	        " im_version = excluded.im_version, im_read_utc_us = excluded.im_read_utc_us,"
	        " dirty = excluded.dirty, emptied = excluded.emptied,"
	        " unmapped = excluded.unmapped, migrated_utc_us = excluded.migrated_utc_us,"
	        " rolled_back_utc_us = excluded.rolled_back_utc_us,"
	        " generation = excluded.generation,"
	        " mail_full_utc_us = excluded.mail_full_utc_us",
	        DB_VALUES(db_int(mailbox_id), db_text(status->dialect), db_text(status->mail_state),
	                db_int(status->round), db_text(status->im_version),
	                db_int(status->im_read_utc_us), db_int(status->dirty),
	                db_int(status->emptied), db_int(status->unmapped),
	                db_int(status->migrated_utc_us), db_int(status->rolled_back_utc_us),
	                db_int(status->generation), db_int(status->mail_full_utc_us)),
	        error);
}

bool store_contact_status_save(struct store *store, const struct lease *lease,
        const struct contact_status *status, GError **error)
{
	return store_begin(store, error) &&
	       store_end(store,
	               lease_check(store, lease, error) &&
	                       save_status(store, lease->mailbox->id, status, error),
	               error);
}

/* Feeds a list to db_run_rows(). The texts live until the next row. */
struct feed {
	const GPtrArray *list;
	guint next;
	int64_t mailbox_id, round, now_utc_us;
	char *image;
};

#define THEIRS_COLUMNS 10

static int feed_theirs(void *data, struct db_value *values, GError **error)
{
	(void)error;
	struct feed *feed = data;
	const struct contact_item *item = NULL;
	while (feed->next < feed->list->len) {
		item = g_ptr_array_index(feed->list, feed->next++);
		if (!item->deleted)
			break;
		item = NULL;
	}
	if (item == NULL)
		return 0;
	g_free(feed->image);
	feed->image = image_write(item->contact);
	const struct db_value row[THEIRS_COLUMNS] = {db_int(feed->mailbox_id),
	        db_text(item->item_id), db_text(item->key), db_text(item->address),
	        db_text(item->change_key), db_text(item->op_uuid), db_text(feed->image),
	        db_int(item->changed_utc_us), db_int(feed->round),
	        item->op_uuid != NULL ? db_text(item->change_key) : db_null()};
	memcpy(values, row, sizeof row);
	return 1;
}

static bool put_theirs(struct store *store, struct feed *feed, GError **error)
{
	bool good = db_run_rows(store->db,
	        "INSERT INTO contact_theirs (mailbox_id, item_id, key, address, change_key,"
	        " op_uuid, image, changed_utc_us, round, made_change_key)"
	        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
	        " ON CONFLICT (mailbox_id, item_id) DO UPDATE SET key = excluded.key,"
	        " address = excluded.address, change_key = excluded.change_key,"
	        " op_uuid = excluded.op_uuid, image = excluded.image,"
	        " round = CASE WHEN excluded.round < 0 THEN contact_theirs.round"
	        " ELSE excluded.round END,"
	        " changed_utc_us = CASE WHEN contact_theirs.image = excluded.image"
	        " AND contact_theirs.key IS NOT DISTINCT FROM excluded.key"
	        " THEN contact_theirs.changed_utc_us ELSE excluded.changed_utc_us END",
	        THEIRS_COLUMNS, feed_theirs, feed, error);
	g_clear_pointer(&feed->image, g_free);
	return good;
}

static bool delete_theirs(
        struct store *store, int64_t mailbox_id, const char *item_id, GError **error)
{
	return db_run(store->db,
	        "DELETE FROM contact_theirs WHERE mailbox_id = $1 AND item_id = $2",
	        DB_VALUES(db_int(mailbox_id), db_text(item_id)), error);
}

/* The order counts: an item may be told, deleted and told again in one batch. */
static bool stage_theirs(struct store *store, const struct lease *lease, int64_t round,
        const GPtrArray *items, GError **error)
{
	struct feed feed = {.list = items, .mailbox_id = lease->mailbox->id, .round = round};
	if (!lease_check(store, lease, error) || !put_theirs(store, &feed, error))
		return false;
	g_autoptr(GHashTable) last = g_hash_table_new(g_str_hash, g_str_equal);
	for (guint i = 0; i < items->len; i++) {
		struct contact_item *item = g_ptr_array_index(items, i);
		g_hash_table_insert(last, item->item_id, item);
	}
	GHashTableIter iter;
	void *id, *item;
	g_hash_table_iter_init(&iter, last);
	while (g_hash_table_iter_next(&iter, &id, &item))
		if (((struct contact_item *)item)->deleted &&
		        !delete_theirs(store, feed.mailbox_id, id, error))
			return false;
	return true;
}

bool store_contact_stage_theirs(struct store *store, const struct lease *lease, int64_t round,
        const GPtrArray *items, GError **error)
{
	return store_begin(store, error) &&
	       store_end(store, stage_theirs(store, lease, round, items, error), error);
}

/* Forgets what a full reading did not show. */
static bool sweep_theirs(
        struct store *store, int64_t mailbox_id, int64_t round, bool *changed, GError **error)
{
	if (!db_run(store->db, "DELETE FROM contact_theirs WHERE mailbox_id = $1 AND round < $2",
	            DB_VALUES(db_int(mailbox_id), db_int(round)), error))
		return false;
	*changed = *changed || db_changes(store->db) > 0;
	return db_run(store->db, "DELETE FROM contact_group WHERE mailbox_id = $1 AND round < $2",
	        DB_VALUES(db_int(mailbox_id), db_int(round)), error);
}

static bool theirs_done(struct store *store, const struct lease *lease,
        struct contact_status *status, const char *mail_state, bool full, bool changed,
        int64_t now_utc_us, GError **error)
{
	if (!lease_check(store, lease, error) ||
	        (full && !sweep_theirs(store, lease->mailbox->id, status->round, &changed, error)))
		return false;
	g_free(status->mail_state);
	status->mail_state = g_strdup(mail_state);
	if (full)
		status->mail_full_utc_us = now_utc_us;
	status->dirty = status->dirty || changed;
	return save_status(store, lease->mailbox->id, status, error);
}

bool store_contact_theirs_done(struct store *store, const struct lease *lease,
        struct contact_status *status, const char *mail_state, bool full, bool changed,
        int64_t now_utc_us, GError **error)
{
	return store_begin(store, error) && store_end(store,
	                                            theirs_done(store, lease, status, mail_state,
	                                                    full, changed, now_utc_us, error),
	                                            error);
}

#define OURS_COLUMNS 5

static const char put_ours_sql[] =
        "INSERT INTO contact_ours (mailbox_id, key, image, changed_utc_us, round)"
        " VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (mailbox_id, key) DO UPDATE SET image = excluded.image,"
        " round = excluded.round,"
        " changed_utc_us = CASE WHEN contact_ours.image IS NOT DISTINCT FROM excluded.image"
        " THEN contact_ours.changed_utc_us ELSE excluded.changed_utc_us END";

static int feed_ours(void *data, struct db_value *values, GError **error)
{
	(void)error;
	struct feed *feed = data;
	if (feed->next >= feed->list->len)
		return 0;
	const struct contact *contact = g_ptr_array_index(feed->list, feed->next++);
	g_free(feed->image);
	feed->image = image_write(contact);
	const struct db_value row[OURS_COLUMNS] = {db_int(feed->mailbox_id), db_text(contact->key),
	        db_text(feed->image), db_int(feed->now_utc_us), db_int(feed->round)};
	memcpy(values, row, sizeof row);
	return 1;
}

static int feed_unreadable(void *data, struct db_value *values, GError **error)
{
	(void)error;
	struct feed *feed = data;
	if (feed->next >= feed->list->len)
		return 0;
	const struct db_value row[OURS_COLUMNS] = {db_int(feed->mailbox_id),
	        db_text(g_ptr_array_index(feed->list, feed->next++)), db_null(),
	        db_int(feed->now_utc_us), db_int(feed->round)};
	memcpy(values, row, sizeof row);
	return 1;
}

static bool put_ours(struct store *store, const GPtrArray *list, db_row_fn next, int64_t mailbox_id,
        int64_t round, int64_t now_utc_us, GError **error)
{
	struct feed feed = {
	        .list = list, .mailbox_id = mailbox_id, .round = round, .now_utc_us = now_utc_us};
	bool good = list == NULL ||
	            db_run_rows(store->db, put_ours_sql, OURS_COLUMNS, next, &feed, error);
	g_free(feed.image);
	return good;
}

static bool stage_ours(struct store *store, const struct lease *lease,
        struct contact_status *status, const GPtrArray *contacts, const GPtrArray *unreadable,
        const char *version, int64_t now_utc_us, GError **error)
{
	int64_t id = lease->mailbox->id;
	status->round++;
	if (!lease_check(store, lease, error) ||
	        !put_ours(store, contacts, feed_ours, id, status->round, now_utc_us, error) ||
	        !put_ours(
	                store, unreadable, feed_unreadable, id, status->round, now_utc_us, error) ||
	        !db_run(store->db, "DELETE FROM contact_ours WHERE mailbox_id = $1 AND round < $2",
	                DB_VALUES(db_int(id), db_int(status->round)), error))
		return false;
	bool changed = db_changes(store->db) > 0;
	int64_t touched = 0;
	if (!db_get_int64(store->db,
	            "SELECT count(*) FROM contact_ours"
	            " WHERE mailbox_id = $1 AND changed_utc_us >= $2",
	            DB_VALUES(db_int(id), db_int(now_utc_us)), &touched, NULL, error))
		return false;
	g_free(status->im_version);
	status->im_version = g_strdup(version);
	status->im_read_utc_us = now_utc_us;
	status->dirty = status->dirty || changed || touched > 0;
	return save_status(store, id, status, error);
}

bool store_contact_stage_ours(struct store *store, const struct lease *lease,
        struct contact_status *status, const GPtrArray *contacts, const GPtrArray *unreadable,
        const char *version, int64_t now_utc_us, GError **error)
{
	return store_begin(store, error) && store_end(store,
	                                            stage_ours(store, lease, status, contacts,
	                                                    unreadable, version, now_utc_us, error),
	                                            error);
}

void contact_row_free(struct contact_row *row)
{
	g_free(row->key);
	g_free(row->agreed_item_id);
	struct contact *const contacts[] = {row->ours, row->agreed_im, row->agreed_mail};
	for (unsigned i = 0; i < G_N_ELEMENTS(contacts); i++)
		if (contacts[i] != NULL)
			contact_free(contacts[i]);
	g_ptr_array_unref(row->items);
	g_free(row);
}

static void free_row(void *row)
{
	contact_row_free(row);
}

static void free_item(void *item)
{
	contact_item_free(item);
}

enum side { SIDE_OURS, SIDE_AGREED, SIDE_THEIRS };

/*
 * Both engines walk the three indexes side by side and stop at the limit. By more than the key
 * SQLite would sort each contact by itself.
 */
#define ROWS_SQL(condition)                                                                        \
	"SELECT key, 0 AS side, '' AS item_id, image, NULL AS second, NULL AS change_key,"         \
	" NULL AS op_uuid, NULL AS address, changed_utc_us, NULL AS made_change_key"               \
	" FROM contact_ours WHERE mailbox_id = $1 AND key " condition " $2"                        \
	" UNION ALL SELECT key, 1, item_id, im_image, mail_image, change_key, NULL, NULL,"         \
	" agreed_utc_us, NULL FROM contact_agreed WHERE mailbox_id = $1 AND key " condition " $2"  \
	" UNION ALL SELECT key, 2, item_id, image, NULL, change_key, op_uuid, address,"            \
	" changed_utc_us, made_change_key FROM contact_theirs WHERE mailbox_id = $1 AND "          \
	"key " condition " $2"                                                                     \
	" ORDER BY 1 LIMIT $3"

static const char rows_sql[] = ROWS_SQL(">");
static const char row_sql[] = ROWS_SQL("=");

static struct contact_item *item_of(const struct db_result *result)
{
	struct contact_item *item = g_new0(struct contact_item, 1);
	item->key = db_column_dup(result, 0);
	item->item_id = db_column_dup(result, 2);
	item->change_key = db_column_dup(result, 5);
	item->op_uuid = db_column_dup(result, 6);
	item->address = db_column_dup(result, 7);
	item->contact = image_read(
	        item->key != NULL ? item->key : item->address, db_column_text(result, 3));
	item->changed_utc_us = db_column_int64(result, 8);
	const char *made = db_column_text(result, 9);
	item->untouched = made != NULL && g_strcmp0(made, item->change_key) == 0;
	return item;
}

static void add_to_row(struct contact_row *row, const struct db_result *result)
{
	const char *image = db_column_text(result, 3);
	switch ((enum side)db_column_int64(result, 1)) {
	case SIDE_OURS:
		row->ours = image_read(row->key, image);
		row->unreadable = image == NULL;
		row->ours_changed_utc_us = db_column_int64(result, 8);
		break;
	case SIDE_AGREED:
		row->agreed_item_id = db_column_dup(result, 2);
		row->agreed_utc_us = db_column_int64(result, 8);
		row->agreed_im = image_read(row->key, image);
		row->agreed_mail = image_read(row->key, db_column_text(result, 4));
		break;
	case SIDE_THEIRS:
	default:
		g_ptr_array_add(row->items, item_of(result));
		break;
	}
}

static int compare_items(const void *a, const void *b)
{
	const struct contact_item *const *first = a, *const *second = b;
	return strcmp((*first)->item_id, (*second)->item_id);
}

static void sort_items(GPtrArray *rows)
{
	for (guint i = 0; i < rows->len; i++) {
		const struct contact_row *row = g_ptr_array_index(rows, i);
		if (row->items->len > 1)
			g_ptr_array_sort(row->items, compare_items);
	}
}

static struct contact_row *row_for(GPtrArray *rows, const char *key)
{
	struct contact_row *last = rows->len > 0 ? g_ptr_array_index(rows, rows->len - 1) : NULL;
	if (last != NULL && g_str_equal(last->key, key))
		return last;
	struct contact_row *row = g_new0(struct contact_row, 1);
	row->key = g_strdup(key);
	row->items = g_ptr_array_new_with_free_func(free_item);
	g_ptr_array_add(rows, row);
	return row;
}

bool store_contact_rows(struct store *store, int64_t mailbox_id, const char *after_key,
        unsigned limit, GPtrArray **rows, GError **error)
{
	g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(free_row);
	autoptr(db_result) result = db_query(store->db, rows_sql,
	        DB_VALUES(db_int(mailbox_id), db_text(after_key), db_int(limit)), error);
	unsigned read = 0;
	int got = result != NULL ? 1 : -1;
	while (got > 0 && (got = db_next(result, error)) > 0) {
		add_to_row(row_for(list, db_column_text(result, 0)), result);
		read++;
	}
	if (got < 0)
		return false;
	db_result_free(g_steal_pointer(&result));
	if (read == limit && list->len == 1)
		return store_contact_rows(store, mailbox_id, after_key, limit * 2, rows, error);
	/* More of the last key's may follow. */
	if (read == limit)
		g_ptr_array_remove_index(list, list->len - 1);
	sort_items(list);
	*rows = g_steal_pointer(&list);
	return true;
}

#define MAX_TWINS 1000

struct contact_row *store_contact_row(
        struct store *store, int64_t mailbox_id, const char *key, GError **error)
{
	g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(free_row);
	autoptr(db_result) result = db_query(store->db, row_sql,
	        DB_VALUES(db_int(mailbox_id), db_text(key), db_int(MAX_TWINS)), error);
	int got = result != NULL ? 1 : -1;
	row_for(list, key);
	while (got > 0 && (got = db_next(result, error)) > 0)
		add_to_row(row_for(list, key), result);
	sort_items(list);
	return got == 0 ? g_ptr_array_steal_index(list, 0) : NULL;
}

#define ITEMS_SQL(condition)                                                                       \
	"SELECT key, 2, item_id, image, NULL, change_key, op_uuid, address, changed_utc_us,"       \
	" made_change_key"                                                                         \
	" FROM contact_theirs WHERE mailbox_id = $1 AND " condition "$2 ORDER BY item_id LIMIT $3"

GPtrArray *store_contact_items(struct store *store, int64_t mailbox_id, const char *after_id,
        unsigned limit, GError **error)
{
	g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(free_item);
	autoptr(db_result) result = db_query(store->db, ITEMS_SQL("round >= 0 AND item_id > "),
	        DB_VALUES(db_int(mailbox_id), db_text(after_id), db_int(limit)), error);
	int got = result != NULL ? 1 : -1;
	while (got > 0 && (got = db_next(result, error)) > 0)
		g_ptr_array_add(list, item_of(result));
	return got == 0 ? g_steal_pointer(&list) : NULL;
}

bool store_contact_item(struct store *store, int64_t mailbox_id, const char *item_id,
        struct contact_item **item, GError **error)
{
	autoptr(db_result) result = db_query(store->db, ITEMS_SQL("item_id = "),
	        DB_VALUES(db_int(mailbox_id), db_text(item_id), db_int(1)), error);
	int got = result != NULL ? db_next(result, error) : -1;
	*item = got > 0 ? item_of(result) : NULL;
	return got >= 0;
}

bool store_contact_item_read(
        struct store *store, int64_t mailbox_id, const char *item_id, bool *read, GError **error)
{
	int64_t round = 0;
	return db_get_int64(store->db,
	        "SELECT round FROM contact_theirs WHERE mailbox_id = $1 AND item_id = $2"
	        " AND round >= 0",
	        DB_VALUES(db_int(mailbox_id), db_text(item_id)), &round, read, error);
}

GPtrArray *store_contact_unread(struct store *store, int64_t mailbox_id, GError **error)
{
	g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(free_item);
	autoptr(db_result) rows = db_query(store->db,
	        "SELECT item_id, address, op_uuid FROM contact_theirs"
	        " WHERE mailbox_id = $1 AND round < 0 ORDER BY item_id",
	        DB_VALUES(db_int(mailbox_id)), error);
	int got = rows != NULL ? 1 : -1;
	while (got > 0 && (got = db_next(rows, error)) > 0) {
		struct contact_item *item = g_new0(struct contact_item, 1);
		item->item_id = db_column_dup(rows, 0);
		item->address = db_column_dup(rows, 1);
		item->op_uuid = db_column_dup(rows, 2);
		g_ptr_array_add(list, item);
	}
	return got == 0 ? g_steal_pointer(&list) : NULL;
}

bool store_contact_still_there(struct store *store, const struct lease *lease, int64_t round,
        const char *item_id, GError **error)
{
	return store_begin(store, error) &&
	       store_end(store,
	               lease_check(store, lease, error) &&
	                       db_run(store->db,
	                               "UPDATE contact_theirs SET round = $3"
	                               " WHERE mailbox_id = $1 AND item_id = $2",
	                               DB_VALUES(db_int(lease->mailbox->id), db_text(item_id),
	                                       db_int(round)),
	                               error),
	               error);
}

bool store_contact_foreign(struct store *store, int64_t mailbox_id, int64_t *count, GError **error)
{
	return db_get_int64(store->db,
	        "SELECT count(*) FROM contact_theirs WHERE mailbox_id = $1 AND key IS NULL",
	        DB_VALUES(db_int(mailbox_id)), count, NULL, error);
}

static bool agree(struct store *store, int64_t mailbox_id, const char *key, const char *item_id,
        const char *change_key, const struct contact *im, const struct contact *mail,
        int64_t now_utc_us, GError **error)
{
	if (im == NULL || mail == NULL)
		return db_run(store->db,
		        "DELETE FROM contact_agreed WHERE mailbox_id = $1 AND key = $2",
		        DB_VALUES(db_int(mailbox_id), db_text(key)), error);
	g_autofree char *im_image = image_write(im);
	g_autofree char *mail_image = image_write(mail);
	return db_run(store->db,
	        "INSERT INTO contact_agreed (mailbox_id, key, item_id, change_key, im_image,"
	        " mail_image, agreed_utc_us) VALUES ($1, $2, $3, $4, $5, $6, $7)"
	        " ON CONFLICT (mailbox_id, key) DO UPDATE SET item_id = excluded.item_id,"
	        " change_key = excluded.change_key, im_image = excluded.im_image,"
	        " mail_image = excluded.mail_image, agreed_utc_us = excluded.agreed_utc_us",
	        DB_VALUES(db_int(mailbox_id), db_text(key), db_text(item_id), db_text(change_key),
	                db_text(im_image), db_text(mail_image), db_int(now_utc_us)),
	        error);
}

bool store_contact_agree(struct store *store, const struct lease *lease, const char *key,
        const char *item_id, const char *change_key, const struct contact *im,
        const struct contact *mail, int64_t now_utc_us, GError **error)
{
	return store_begin(store, error) &&
	       store_end(store,
	               lease_check(store, lease, error) &&
	                       agree(store, lease->mailbox->id, key, item_id, change_key, im, mail,
	                               now_utc_us, error),
	               error);
}

static bool reread(struct store *store, int64_t id, GError **error)
{
	return db_run(store->db,
	        "UPDATE contact_status SET mail_state = NULL, im_version = NULL, dirty = 1"
	        " WHERE mailbox_id = $1",
	        DB_VALUES(db_int(id)), error);
}

bool store_contact_reread(struct store *store, const struct lease *lease, GError **error)
{
	return store_begin(store, error) &&
	       store_end(store,
	               lease_check(store, lease, error) && reread(store, lease->mailbox->id, error),
	               error);
}
