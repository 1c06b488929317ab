#include "data_file.h"

#include "data_pack.h"
#include "habits.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define APPLICATION_ID 0x44455658 /* DEVX */
#define VERSION 1
#define DAMAGED "is damaged; take a copy from before, or begin with a new file"

enum statement {
	PUT_MAILBOX,
	PUT_FOLDER,
	DROP_FOLDER,
	PUT_ITEM,
	DROP_ITEM,
	DROP_ITEMS,
	PUT_TOMBSTONE,
	DROP_TOMBSTONES,
	PUT_PROPERTY,
	PUT_GROUP,
	STATEMENTS
};

static const char *const statements[STATEMENTS] = {
        [PUT_MAILBOX] = "INSERT INTO mailbox (guid, state) VALUES (?, ?)"
                        " ON CONFLICT (guid) DO UPDATE SET state = excluded.state",
        [PUT_FOLDER] = "REPLACE INTO folder (mailbox, id, state) VALUES (?, ?, ?)",
        [DROP_FOLDER] = "DELETE FROM folder WHERE mailbox = ? AND id = ?",
        [PUT_ITEM] = "REPLACE INTO item (mailbox, folder, id, state) VALUES (?, ?, ?, ?)",
        [DROP_ITEM] = "DELETE FROM item WHERE mailbox = ? AND folder = ? AND id = ?",
        [DROP_ITEMS] = "DELETE FROM item WHERE mailbox = ? AND folder = ?",
        [PUT_TOMBSTONE] = "REPLACE INTO tombstone (mailbox, folder, mod, id, uid)"
                          " VALUES (?, ?, ?, ?, ?)",
        [DROP_TOMBSTONES] = "DELETE FROM tombstone WHERE mailbox = ? AND folder = ?",
        [PUT_PROPERTY] = "INSERT INTO property (number, name) VALUES (?, ?)",
        [PUT_GROUP] = "REPLACE INTO directory_group (smtp) VALUES (?)",
};

/*
 * Default folders that are as they were made have no row. Folder 0 stands for the hierarchy: its
 * tombstones are those of folders.
 */
static const char schema[] =
        "CREATE TABLE about (profile TEXT NOT NULL, default_folders INTEGER NOT NULL);"
        "CREATE TABLE property (number INTEGER PRIMARY KEY, name TEXT NOT NULL);"
        "CREATE TABLE directory_group (smtp TEXT PRIMARY KEY);"
        "CREATE TABLE mailbox (position INTEGER PRIMARY KEY, guid INTEGER NOT NULL UNIQUE,"
        " state BLOB NOT NULL);"
        "CREATE TABLE folder (mailbox INTEGER, id INTEGER, state BLOB NOT NULL,"
        " PRIMARY KEY (mailbox, id));"
        "CREATE TABLE item (mailbox INTEGER, folder INTEGER, id INTEGER, state BLOB NOT NULL,"
        " PRIMARY KEY (mailbox, folder, id));"
        "CREATE TABLE tombstone (mailbox INTEGER, folder INTEGER, mod INTEGER, id INTEGER,"
        " uid INTEGER, PRIMARY KEY (mailbox, folder, mod));";

struct data_file {
	char *path;
	sqlite3 *db;
	sqlite3_stmt *prepared[STATEMENTS];
	pthread_mutex_t lock; /* of the connection */
	struct prop_numbers numbers;
};

static void complain(const struct data_file *file, const char *what, const char *why)
{
	fprintf(stderr, "devexchange: --data %s: %s%s%s\n", file->path, what,
	        why != NULL ? ": " : "", why != NULL ? why : "");
}

static int run(struct data_file *file, const char *sql)
{
	return sqlite3_exec(file->db, sql, NULL, NULL, NULL);
}

/* --- writing: whoever cannot write must not answer */

static void must(struct data_file *file, bool ok)
{
	if (ok)
		return;
	complain(file, "cannot write, so the server ends", sqlite3_errmsg(file->db));
	_exit(1);
}

static void must_run(struct data_file *file, const char *sql)
{
	must(file, run(file, sql) == SQLITE_OK);
}

static sqlite3_stmt *statement(struct data_file *file, enum statement which)
{
	sqlite3_stmt **s = &file->prepared[which];

	if (*s == NULL)
		must(file, sqlite3_prepare_v3(file->db, statements[which], -1,
		                   SQLITE_PREPARE_PERSISTENT, s, NULL) == SQLITE_OK);
	return *s;
}

/* Binds whole numbers, then the state if there is one, and runs. */
static void put(struct data_file *file, enum statement which, const uint64_t *numbers, int n,
        GVariant *state)
{
	sqlite3_stmt *s = statement(file, which);
	bool ok = true;

	for (int i = 0; i < n; i++)
		ok = ok && sqlite3_bind_int64(s, i + 1, (sqlite3_int64)numbers[i]) == SQLITE_OK;
	if (state != NULL) {
		g_variant_ref_sink(state);
		ok = ok && sqlite3_bind_blob64(s, n + 1, g_variant_get_data(state),
		                   g_variant_get_size(state), SQLITE_STATIC) == SQLITE_OK;
	}
	must(file, ok && sqlite3_step(s) == SQLITE_DONE);
	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
	if (state != NULL)
		g_variant_unref(state);
}

#define PUT(file, which, state, ...)                                                               \
	put(file, which, (const uint64_t[]){__VA_ARGS__},                                          \
	        (int)(sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t)), state)

static void put_text(
        struct data_file *file, enum statement which, uint64_t number, const char *text)
{
	sqlite3_stmt *s = statement(file, which);
	int at = 1;
	bool ok = which != PUT_PROPERTY ||
	          sqlite3_bind_int64(s, at++, (sqlite3_int64)number) == SQLITE_OK;

	ok = ok && sqlite3_bind_text(s, at, text, -1, SQLITE_STATIC) == SQLITE_OK;
	must(file, ok && sqlite3_step(s) == SQLITE_DONE);
	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
}

static void name_property(void *data, uint32_t number, const char *name)
{
	put_text(data, PUT_PROPERTY, number, name);
}

static void save_items(struct data_file *file, const struct folder *folder, uint64_t since)
{
	uint64_t guid = folder->mailbox->guid;
	GSequenceIter *i = g_sequence_get_end_iter(folder->tombstones);

	while (!g_sequence_iter_is_begin(i)) {
		i = g_sequence_iter_prev(i);
		const struct tombstone *t = g_sequence_get(i);
		if (t->mod <= since)
			break;
		PUT(file, DROP_ITEM, NULL, guid, folder->id, t->id);
		PUT(file, PUT_TOMBSTONE, NULL, guid, folder->id, t->mod, t->id, t->uid);
	}
	i = g_sequence_get_end_iter(folder->by_mod);
	while (!g_sequence_iter_is_begin(i)) {
		i = g_sequence_iter_prev(i);
		const struct item *item = g_sequence_get(i);
		if (item->mod <= since)
			break;
		PUT(file, PUT_ITEM, item_pack(item, &file->numbers), guid, folder->id, item->id);
	}
}

static uint64_t last_mod(GSequence *sequence, bool tombstones)
{
	if (sequence == NULL || g_sequence_is_empty(sequence))
		return 0;
	const void *last = g_sequence_get(g_sequence_iter_prev(g_sequence_get_end_iter(sequence)));
	return tombstones ? ((const struct tombstone *)last)->mod
	                  : ((const struct item *)last)->mod;
}

static void save_folders(struct data_file *file, struct mailbox *mb)
{
	uint64_t since = mb->saved_mod;
	GHashTableIter i;
	gpointer value;

	g_hash_table_iter_init(&i, mb->folders);
	while (g_hash_table_iter_next(&i, NULL, &value)) {
		const struct folder *folder = value;
		uint64_t items =
		        MAX(last_mod(folder->by_mod, false), last_mod(folder->tombstones, true));
		if (MAX(folder->mod, items) > since)
			PUT(file, PUT_FOLDER, folder_pack(folder, &file->numbers), mb->guid,
			        folder->id);
		if (items > since)
			save_items(file, folder, since);
	}
}

static void save_removed_folders(struct data_file *file, struct mailbox *mb)
{
	GSequenceIter *i = g_sequence_get_end_iter(mb->folder_tombstones);

	while (!g_sequence_iter_is_begin(i)) {
		i = g_sequence_iter_prev(i);
		const struct tombstone *t = g_sequence_get(i);
		if (t->mod <= mb->saved_mod)
			break;
		PUT(file, DROP_FOLDER, NULL, mb->guid, t->id);
		PUT(file, DROP_ITEMS, NULL, mb->guid, t->id);
		PUT(file, DROP_TOMBSTONES, NULL, mb->guid, t->id);
		PUT(file, PUT_TOMBSTONE, NULL, mb->guid, 0, t->mod, t->id, t->uid);
	}
}

/* Within a transaction. */
static void save(struct data_file *file, struct mailbox *mb)
{
	save_removed_folders(file, mb);
	save_folders(file, mb);
	PUT(file, PUT_MAILBOX, mailbox_pack(mb), mb->guid);
	mb->saved_mod = mb->mod;
}

void data_file_save(struct data_file *file, struct mailbox *mb)
{
	if (mb->mod == mb->saved_mod)
		return;
	pthread_mutex_lock(&file->lock);
	must_run(file, "BEGIN");
	save(file, mb);
	must_run(file, "COMMIT");
	pthread_mutex_unlock(&file->lock);
}

static void save_groups(struct data_file *file, struct store *store)
{
	for (guint i = 0; i < store->groups->len; i++)
		put_text(file, PUT_GROUP, 0, store->groups->pdata[i]);
}

void data_file_save_groups(struct data_file *file, struct store *store)
{
	pthread_mutex_lock(&file->lock);
	save_groups(file, store);
	pthread_mutex_unlock(&file->lock);
}

void data_file_attach(struct data_file *file, struct store *store)
{
	pthread_mutex_lock(&file->lock);
	must_run(file, "BEGIN");
	for (guint i = 0; i < store->mailboxes->len; i++)
		save(file, store->mailboxes->pdata[i]);
	save_groups(file, store);
	must_run(file, "COMMIT");
	pthread_mutex_unlock(&file->lock);
	store->data = file;
}

/* --- opening */

/* The first column of the first row; g_free; NULL when there is none or the query failed. */
static char *look_up(struct data_file *file, const char *sql)
{
	sqlite3_stmt *s = NULL;
	char *text = NULL;

	if (sqlite3_prepare_v2(file->db, sql, -1, &s, NULL) == SQLITE_OK &&
	        sqlite3_step(s) == SQLITE_ROW)
		text = g_strdup((const char *)sqlite3_column_text(s, 0));
	sqlite3_finalize(s);
	return text;
}

static bool refuse(const struct data_file *file, const char *what)
{
	complain(file, what, NULL);
	return false;
}

static bool open_database(struct data_file *file)
{
	/* The file holds passwords. */
	int fd = open(file->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0) {
		complain(file, "cannot be opened", g_strerror(errno));
		return false;
	}
	close(fd);
	int rc = sqlite3_open_v2(file->path, &file->db, SQLITE_OPEN_READWRITE, NULL);
	if (rc == SQLITE_OK)
		rc = run(file,
		        "PRAGMA locking_mode = EXCLUSIVE; SELECT count(*) FROM sqlite_master");
	if (rc == SQLITE_BUSY)
		return refuse(
		        file, "another process has it open; end that one, or name another file");
	if (rc != SQLITE_OK)
		complain(file, "is no data file of devexchange; name another, or move it away",
		        sqlite3_errmsg(file->db));
	return rc == SQLITE_OK;
}

/* Whose database this is, before anything is written to it. */
static bool check_owner(struct data_file *file, bool *is_new)
{
	char *tables = look_up(file, "SELECT count(*) FROM sqlite_master");
	char *id = look_up(file, "PRAGMA application_id");
	bool ours = id != NULL && atoi(id) == APPLICATION_ID;

	*is_new = g_strcmp0(tables, "0") == 0;
	g_free(tables);
	g_free(id);
	return *is_new || ours ||
	       refuse(file, "is a database of another program; name another file");
}

static bool prepare(struct data_file *file, bool is_new)
{
	char *sql = g_strdup_printf("BEGIN; %s INSERT INTO about VALUES ('%s', %zu);"
	                            "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
	        schema, habit_profile(), store_default_folders(), APPLICATION_ID, VERSION);
	bool ok = run(file, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
	                    "BEGIN IMMEDIATE; COMMIT") == SQLITE_OK &&
	          (!is_new || run(file, sql) == SQLITE_OK);

	if (!ok)
		complain(file, "cannot be prepared", sqlite3_errmsg(file->db));
	g_free(sql);
	return ok;
}

static bool check_content(struct data_file *file)
{
	char *version = look_up(file, "PRAGMA user_version");
	char *sound = look_up(file, "PRAGMA quick_check(1)");
	char *profile = look_up(file, "SELECT profile FROM about");
	char *folders = look_up(file, "SELECT default_folders FROM about");
	bool ok = false;

	if (sound != NULL)
		g_strdelimit(sound, "\n", ' ');
	if (g_strcmp0(sound, "ok") != 0)
		complain(file, DAMAGED, sound);
	else if (g_strcmp0(profile, habit_profile()) != 0)
		complain(file, "was made with the other --profile", profile);
	else if (version == NULL || atoi(version) != VERSION || folders == NULL ||
	         strtoull(folders, NULL, 10) != store_default_folders())
		refuse(file,
		        "was written by another version of devexchange; begin with a new file");
	else
		ok = true;
	g_free(version);
	g_free(sound);
	g_free(profile);
	g_free(folders);
	return ok;
}

/* --- reading */

/* Calls `row` for each row until one is not as it should be. */
static bool each(struct data_file *file, const char *sql,
        bool (*row)(struct data_file *file, struct store *store, sqlite3_stmt *s),
        struct store *store)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(file->db, sql, -1, &s, NULL);
	bool ok = rc == SQLITE_OK;

	while (ok && (rc = sqlite3_step(s)) == SQLITE_ROW)
		ok = row(file, store, s);
	if (!ok || rc != SQLITE_DONE)
		complain(file, DAMAGED,
		        rc == SQLITE_ROW ? sqlite3_sql(s) : sqlite3_errmsg(file->db));
	sqlite3_finalize(s);
	return ok && rc == SQLITE_DONE;
}

/* A column's GVariant, checked; NULL when it is none of that type. */
static GVariant *state(sqlite3_stmt *s, int column, const char *type)
{
	const void *bytes = sqlite3_column_blob(s, column);
	GBytes *copy = g_bytes_new(bytes, (gsize)sqlite3_column_bytes(s, column));
	GVariant *v =
	        g_variant_ref_sink(g_variant_new_from_bytes(G_VARIANT_TYPE(type), copy, FALSE));

	g_bytes_unref(copy);
	if (bytes != NULL && g_variant_is_normal_form(v))
		return v;
	g_variant_unref(v);
	return NULL;
}

static bool read_property(struct data_file *file, struct store *store, sqlite3_stmt *s)
{
	const char *name = (const char *)sqlite3_column_text(s, 1);
	(void)store;

	return name != NULL &&
	       prop_numbers_read(&file->numbers, (uint32_t)sqlite3_column_int64(s, 0), name);
}

static bool read_group(struct data_file *file, struct store *store, sqlite3_stmt *s)
{
	(void)file;
	g_ptr_array_add(store->groups, g_strdup((const char *)sqlite3_column_text(s, 0)));
	return true;
}

static bool read_mailbox(struct data_file *file, struct store *store, sqlite3_stmt *s)
{
	GVariant *v = state(s, 1, MAILBOX_TYPE);
	bool ok = v != NULL && mailbox_unpack(v, (uint64_t)sqlite3_column_int64(s, 0), store);
	(void)file;

	if (v != NULL)
		g_variant_unref(v);
	return ok;
}

static struct mailbox *mailbox_of(struct store *store, sqlite3_stmt *s)
{
	return store_find_guid(store, (uint64_t)sqlite3_column_int64(s, 0));
}

static bool read_folder(struct data_file *file, struct store *store, sqlite3_stmt *s)
{
	struct mailbox *mb = mailbox_of(store, s);
	GVariant *v = state(s, 2, FOLDER_TYPE);
	bool ok = mb != NULL && v != NULL &&
	          folder_unpack(v, (uint32_t)sqlite3_column_int64(s, 1), mb, &file->numbers);

	if (v != NULL)
		g_variant_unref(v);
	return ok;
}

static bool read_item(struct data_file *file, struct store *store, sqlite3_stmt *s)
{
	struct mailbox *mb = mailbox_of(store, s);
	struct folder *folder =
	        mb != NULL ? folder_find(mb, (uint32_t)sqlite3_column_int64(s, 1)) : NULL;
	GVariant *v = state(s, 3, ITEM_TYPE);
	bool ok = folder != NULL && v != NULL &&
	          item_unpack(v, (uint64_t)sqlite3_column_int64(s, 2), folder, &file->numbers);

	if (v != NULL)
		g_variant_unref(v);
	return ok;
}

static bool read_tombstone(struct data_file *file, struct store *store, sqlite3_stmt *s)
{
	struct mailbox *mb = mailbox_of(store, s);
	uint32_t number = (uint32_t)sqlite3_column_int64(s, 1);
	struct folder *folder = mb != NULL && number != 0 ? folder_find(mb, number) : NULL;
	(void)file;

	if (mb == NULL || (number != 0 && folder == NULL))
		return false;
	tombstone_restore(mb, folder,
	        &(struct tombstone){.mod = (uint64_t)sqlite3_column_int64(s, 2),
	                .id = (uint64_t)sqlite3_column_int64(s, 3),
	                .uid = (uint64_t)sqlite3_column_int64(s, 4)});
	return true;
}

static bool read_all(struct data_file *file, struct store *store)
{
	bool ok = each(file, "SELECT number, name FROM property ORDER BY number", read_property,
	                  store) &&
	          each(file, "SELECT smtp FROM directory_group", read_group, store) &&
	          each(file, "SELECT guid, state FROM mailbox ORDER BY position", read_mailbox,
	                  store) &&
	          each(file, "SELECT mailbox, id, state FROM folder ORDER BY mailbox, id",
	                  read_folder, store);

	for (guint i = 0; ok && i < store->mailboxes->len; i++)
		if (!mailbox_link_folders(store->mailboxes->pdata[i]))
			ok = refuse(file,
			        "is damaged: a folder's parent is missing; begin with a new file");
	return ok && each(file, "SELECT mailbox, folder, id, state FROM item", read_item, store) &&
	       each(file, "SELECT mailbox, folder, mod, id, uid FROM tombstone ORDER BY mod",
	               read_tombstone, store);
}

struct data_file *data_file_open(const char *path, struct store *store)
{
	struct data_file *file = g_new0(struct data_file, 1);
	bool is_new;

	pthread_mutex_init(&file->lock, NULL);
	file->path = g_strdup(path);
	prop_numbers_init(&file->numbers, name_property, file);
	if (open_database(file) && check_owner(file, &is_new) && prepare(file, is_new) &&
	        check_content(file) && read_all(file, store))
		return file;
	data_file_close(file);
	return NULL;
}

void data_file_close(struct data_file *file)
{
	if (file == NULL)
		return;
	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(file->prepared[i]);
	sqlite3_close(file->db);
	prop_numbers_clear(&file->numbers);
	pthread_mutex_destroy(&file->lock);
	g_free(file->path);
	g_free(file);
}
