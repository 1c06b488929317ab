#include "store/snapshot.h"

#include "core/clock.h"
#include "store/image.h"
#include "store/store_private.h"

#include <string.h>

void snapshot_free(struct snapshot *snapshot)
{
	g_free(snapshot->cause);
	g_free(snapshot);
}

static void free_snapshot(void *snapshot)
{
	snapshot_free(snapshot);
}

static void free_contact(void *contact)
{
	contact_free(contact);
}

bool snapshot_expired(const GPtrArray *list, guint i, const struct snapshot_retention *retention,
        int64_t now_utc_us)
{
	const struct snapshot *one = g_ptr_array_index(list, i);
	int64_t age_us = now_utc_us - one->taken_utc_us;
	if (i == 0 || age_us < retention->all_us)
		return false;
	const struct snapshot *later = g_ptr_array_index(list, i - 1);
	bool last_of_day =
	        later->taken_utc_us / CLOCK_US_PER_DAY != one->taken_utc_us / CLOCK_US_PER_DAY;
	return age_us >= retention->daily_us || !last_of_day;
}

/* The list as it is agreed now, the IM side's alone, and the one of the newest version. */
#define AGREED_SQL                                                                                 \
	"SELECT a.key, coalesce(p.image, a.im_image) AS im_image, a.mail_image"                    \
	" FROM contact_agreed a LEFT JOIN contact_pending p"                                       \
	" ON p.mailbox_id = a.mailbox_id AND p.key = a.key"                                        \
	" WHERE a.mailbox_id = $1 AND (p.key IS NULL OR p.image IS NOT NULL)"                      \
	" UNION ALL SELECT p.key, p.image, p.image FROM contact_pending p"                         \
	" WHERE p.mailbox_id = $1 AND p.image IS NOT NULL AND NOT EXISTS"                          \
	" (SELECT 1 FROM contact_agreed a WHERE a.mailbox_id = $1 AND a.key = p.key)"
#define OURS_SQL                                                                                   \
	"SELECT key, image AS im_image, image AS mail_image FROM contact_ours"                     \
	" WHERE mailbox_id = $1 AND image IS NOT NULL"
#define NEWEST_SQL                                                                                 \
	"SELECT key, im_image, mail_image FROM contact_version_row"                                \
	" WHERE mailbox_id = $1 AND until_version IS NULL"

#define CLOSE_SQL(list)                                                                            \
	"UPDATE contact_version_row SET until_version = $2"                                        \
	" WHERE mailbox_id = $1 AND until_version IS NULL AND key IN (SELECT key FROM"             \
	" (" NEWEST_SQL " EXCEPT SELECT * FROM (" list ") AS c) AS gone)"
/* Of the first version: there is nothing that it could be compared with. */
#define FIRST_SQL(list)                                                                            \
	"INSERT INTO contact_version_row (mailbox_id, key, first_version, im_image, mail_image)"   \
	" SELECT $1, key, $2, im_image, mail_image FROM (" list ") AS c"
#define OPEN_SQL(list)                                                                             \
	"INSERT INTO contact_version_row (mailbox_id, key, first_version, im_image, mail_image)"   \
	" SELECT $1, key, $2, im_image, mail_image FROM"                                           \
	" (SELECT * FROM (" list ") AS c EXCEPT " NEWEST_SQL ") AS fresh"

static const char *const close_sql[] = {
        [SNAPSHOT_AGREED] = CLOSE_SQL(AGREED_SQL), [SNAPSHOT_OURS] = CLOSE_SQL(OURS_SQL)};
static const char *const open_sql[] = {
        [SNAPSHOT_AGREED] = OPEN_SQL(AGREED_SQL), [SNAPSHOT_OURS] = OPEN_SQL(OURS_SQL)};
static const char *const first_sql[] = {
        [SNAPSHOT_AGREED] = FIRST_SQL(AGREED_SQL), [SNAPSHOT_OURS] = FIRST_SQL(OURS_SQL)};

static const char changed_sql[] =
        "SELECT count(*) FROM contact_version_row r WHERE r.mailbox_id = $1"
        " AND r.first_version = $2 AND EXISTS (SELECT 1 FROM contact_version_row o"
        " WHERE o.mailbox_id = $1 AND o.key = r.key AND o.until_version = $2)";

static const char contacts_sql[] = "SELECT count(*) FROM contact_version_row"
                                   " WHERE mailbox_id = $1 AND until_version IS NULL";

static const char sweep_sql[] =
        "DELETE FROM contact_version_row WHERE mailbox_id = $1 AND until_version IS NOT NULL"
        " AND NOT EXISTS (SELECT 1 FROM contact_version v WHERE v.mailbox_id = $1"
        " AND v.version >= contact_version_row.first_version"
        " AND v.version < contact_version_row.until_version)";

static bool run_counted(struct store *store, const char *sql, int64_t mailbox_id, int64_t version,
        int64_t *rows, GError **error)
{
	return store_run(store, sql, DB_VALUES(db_int(mailbox_id), db_int(version)), rows, error);
}

static bool write_version(
        struct store *store, int64_t mailbox_id, const struct snapshot *version, GError **error)
{
	return db_run(store->db,
	        "INSERT INTO contact_version (mailbox_id, version, taken_utc_us, cause, contacts,"
	        " added, changed, removed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
	        DB_VALUES(db_int(mailbox_id), db_int(version->version),
	                db_int(version->taken_utc_us), db_text(version->cause),
	                db_int(version->contacts), db_int(version->added), db_int(version->changed),
	                db_int(version->removed)),
	        error);
}

static bool remove_expired(struct store *store, int64_t mailbox_id,
        const struct snapshot_retention *retention, int64_t now_utc_us, GError **error)
{
	g_autoptr(GPtrArray) list = store_snapshot_list(store, mailbox_id, error);
	bool any = false;
	for (guint i = 0; list != NULL && i < list->len; i++) {
		const struct snapshot *one = g_ptr_array_index(list, i);
		if (!snapshot_expired(list, i, retention, now_utc_us))
			continue;
		any = true;
		if (!db_run(store->db,
		            "DELETE FROM contact_version WHERE mailbox_id = $1 AND version = $2",
		            DB_VALUES(db_int(mailbox_id), db_int(one->version)), error))
			return false;
	}
	return list != NULL &&
	       (!any || db_run(store->db, sweep_sql, DB_VALUES(db_int(mailbox_id)), error));
}

static bool take(struct store *store, const struct lease *lease, enum snapshot_of of,
        const char *cause, const struct snapshot_retention *retention, int64_t now_utc_us,
        GError **error)
{
	int64_t id = lease->mailbox->id, newest = 0, closed = 0, opened = 0, agreed = 0;
	if (!lease_check(store, lease, error) ||
	        !db_get_int64(store->db,
	                "SELECT count(*) FROM contact_agreed WHERE mailbox_id = $1",
	                DB_VALUES(db_int(id)), &agreed, NULL, error) ||
	        !db_get_int64(store->db,
	                "SELECT coalesce(max(version), 0) FROM contact_version"
	                " WHERE mailbox_id = $1",
	                DB_VALUES(db_int(id)), &newest, NULL, error))
		return false;
	if (of == SNAPSHOT_OURS && agreed > 0)
		return true;
	g_autofree char *why = g_strdup(cause);
	struct snapshot version = {.version = newest + 1, .taken_utc_us = now_utc_us, .cause = why};
	bool first = newest == 0;
	if ((!first && !run_counted(store, close_sql[of], id, version.version, &closed, error)) ||
	        !run_counted(store, first ? first_sql[of] : open_sql[of], id, version.version,
	                &opened, error))
		return false;
	if (!first && closed == 0 && opened == 0)
		return true;
	if (!db_get_int64(store->db, changed_sql, DB_VALUES(db_int(id), db_int(version.version)),
	            &version.changed, NULL, error) ||
	        !db_get_int64(store->db, contacts_sql, DB_VALUES(db_int(id)), &version.contacts,
	                NULL, error))
		return false;
	version.added = opened - version.changed;
	version.removed = closed - version.changed;
	return write_version(store, id, &version, error) &&
	       remove_expired(store, id, retention, now_utc_us, error);
}

bool store_snapshot_take(struct store *store, const struct lease *lease, enum snapshot_of of,
        const char *cause, const struct snapshot_retention *retention, int64_t now_utc_us,
        GError **error)
{
	return store_begin(store, error) &&
	       store_end(store, take(store, lease, of, cause, retention, now_utc_us, error), error);
}

static struct snapshot *from_row(const struct db_result *row)
{
	struct snapshot *snapshot = g_new0(struct snapshot, 1);
	snapshot->version = db_column_int64(row, 0);
	snapshot->taken_utc_us = db_column_int64(row, 1);
	snapshot->cause = db_column_dup(row, 2);
	snapshot->contacts = db_column_int64(row, 3);
	snapshot->added = db_column_int64(row, 4);
	snapshot->changed = db_column_int64(row, 5);
	snapshot->removed = db_column_int64(row, 6);
	return snapshot;
}

GPtrArray *store_snapshot_list(struct store *store, int64_t mailbox_id, GError **error)
{
	g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(free_snapshot);
	autoptr(db_result) rows = db_query(store->db,
	        "SELECT version, taken_utc_us, cause, contacts, added, changed, removed"
	        " FROM contact_version WHERE mailbox_id = $1 ORDER BY version DESC",
	        DB_VALUES(db_int(mailbox_id)), error);
	int got = rows != NULL ? 1 : -1;
	while (got > 0 && (got = db_next(rows, error)) > 0)
		g_ptr_array_add(list, from_row(rows));
	return got == 0 ? g_steal_pointer(&list) : NULL;
}

static void refuse_version(int64_t version, GError **error)
{
	if (version == 0)
		error_set(error, ERROR_CONFIG, "contacts.no_version",
		        "there is no version of this contact list yet: the first good pass over "
		        "the mailbox makes one");
	else
		error_set(error, ERROR_CONFIG, "contacts.no_version",
		        "there is no version %" G_GINT64_FORMAT
		        " of this contact list: imex contacts history lists those that are kept",
		        version);
}

struct snapshot *store_snapshot_find(
        struct store *store, int64_t mailbox_id, int64_t version, GError **error)
{
	g_autoptr(GPtrArray) list = store_snapshot_list(store, mailbox_id, error);
	if (list == NULL)
		return NULL;
	for (guint i = 0; i < list->len; i++) {
		const struct snapshot *one = g_ptr_array_index(list, i);
		if (version == 0 || one->version == version)
			return g_ptr_array_steal_index(list, i);
	}
	refuse_version(version, error);
	return NULL;
}

/* Neither side may be able to hold everything: what the IM side lacks is the mailbox's. */
static struct contact *read_contact(const char *key, const char *im_image, const char *mail_image)
{
	struct contact *contact = image_read(key, im_image);
	autoptr(contact) mail = image_read(key, mail_image);
	if (contact->name == NULL)
		contact->name = g_strdup(mail->name);
	if (contact->tel_uri == NULL)
		contact->tel_uri = g_strdup(mail->tel_uri);
	return contact;
}

static int by_key(const void *a, const void *b)
{
	const struct contact *const *first = a, *const *second = b;
	return strcmp((*first)->key, (*second)->key);
}

GPtrArray *store_snapshot_read(
        struct store *store, int64_t mailbox_id, int64_t version, GError **error)
{
	g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(free_contact);
	autoptr(db_result) rows = db_query(store->db,
	        "SELECT key, im_image, mail_image FROM contact_version_row WHERE mailbox_id = $1"
	        " AND first_version <= $2 AND (until_version IS NULL OR until_version > $2)",
	        DB_VALUES(db_int(mailbox_id), db_int(version)), error);
	int got = rows != NULL ? 1 : -1;
	while (got > 0 && (got = db_next(rows, error)) > 0)
		g_ptr_array_add(list, read_contact(db_column_text(rows, 0), db_column_text(rows, 1),
		                              db_column_text(rows, 2)));
	if (got < 0)
		return NULL;
	g_ptr_array_sort(list, by_key);
	return g_steal_pointer(&list);
}
