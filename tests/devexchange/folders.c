/* Folders and the items in them. */
#include "model.h"
#include "notify.h"

#include <string.h>

struct folder *folder_find(struct mailbox *mb, uint32_t id)
{
	return g_hash_table_lookup(mb->folders, GUINT_TO_POINTER(id));
}

struct folder *folder_distinguished(struct mailbox *mb, const char *name)
{
	return g_hash_table_lookup(mb->distinguished, name);
}

struct folder *folder_create(struct mailbox *mb, struct folder *parent, const char *name,
        const char *class_name, const char *distinguished)
{
	struct folder *folder = g_new0(struct folder, 1);

	folder->id = mb->next_folder++;
	folder->mod = folder->created_mod = ++mb->mod;
	folder->mailbox = mb;
	folder->parent = parent;
	folder->children = g_ptr_array_new();
	folder->name = g_strdup(name);
	folder->class_name = g_strdup(class_name);
	folder->distinguished = distinguished;
	folder->next_uid = 1;
	folder->props = props_new();
	g_hash_table_insert(mb->folders, GUINT_TO_POINTER(folder->id), folder);
	if (distinguished != NULL)
		g_hash_table_insert(mb->distinguished, (gpointer)(uintptr_t)distinguished, folder);
	if (parent != NULL)
		g_ptr_array_add(parent->children, folder);
	event_folder(mb, EVENT_CREATED, folder, NULL);
	return folder;
}

static void set_text(char **slot, const char *text)
{
	g_free(*slot);
	*slot = g_strdup(text);
}

struct folder *folder_restore(struct mailbox *mb, uint32_t id, const char *name,
        const char *class_name, const char *distinguished)
{
	uint64_t mod = mb->mod;
	uint32_t next = mb->next_folder;
	struct folder *folder = folder_find(mb, id);

	if (folder != NULL) { /* a default one */
		set_text(&folder->name, name);
		set_text(&folder->class_name, class_name);
		return folder;
	}
	mb->next_folder = id;
	folder = folder_create(mb, NULL, name, class_name, distinguished_static(distinguished));
	mb->next_folder = next;
	mb->mod = mod;
	return folder;
}

static int by_id(gconstpointer a, gconstpointer b)
{
	const struct folder *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

bool mailbox_link_folders(struct mailbox *mb)
{
	GList *all = g_list_sort(g_hash_table_get_values(mb->folders), by_id);
	bool ok = true;

	for (GList *l = all; l != NULL; l = l->next) {
		struct folder *folder = l->data;
		struct folder *parent = folder_find(mb, folder->parent_id);
		ok = ok && (parent != NULL || folder->parent_id == 0);
		if (parent == NULL || parent == folder->parent)
			continue;
		if (folder->parent != NULL)
			g_ptr_array_remove(folder->parent->children, folder);
		folder->parent = parent;
		g_ptr_array_add(parent->children, folder);
	}
	g_list_free(all);
	return ok;
}

struct folder *folder_child_named(struct folder *parent, const char *name)
{
	char *want = g_utf8_casefold(name, -1);
	struct folder *found = NULL;

	for (guint i = 0; i < parent->children->len && found == NULL; i++) {
		struct folder *child = parent->children->pdata[i];
		char *have = g_utf8_casefold(child->name, -1);
		if (strcmp(have, want) == 0)
			found = child;
		g_free(have);
	}
	g_free(want);
	return found;
}

void folder_touch(struct folder *folder)
{
	folder->mod = ++folder->mailbox->mod;
}

bool folder_is_below(const struct folder *folder, const struct folder *above)
{
	for (; folder != NULL; folder = folder->parent)
		if (folder == above)
			return true;
	return false;
}

GPtrArray *folder_below(struct folder *folder)
{
	GPtrArray *all = g_ptr_array_new();

	g_ptr_array_extend(all, folder->children, NULL, NULL);
	for (guint i = 0; i < all->len; i++)
		g_ptr_array_extend(all, ((struct folder *)all->pdata[i])->children, NULL, NULL);
	return all;
}

uint32_t folder_count(struct folder *folder)
{
	return folder->by_uid != NULL ? (uint32_t)g_sequence_get_length(folder->by_uid) : 0;
}

static void drop_items(struct folder *folder)
{
	if (folder->by_uid == NULL)
		return;
	GSequenceIter *i = g_sequence_get_begin_iter(folder->by_uid);
	for (; !g_sequence_iter_is_end(i); i = g_sequence_iter_next(i)) {
		const struct item *item = g_sequence_get(i);
		g_hash_table_remove(folder->mailbox->items, &item->id);
	}
}

void folder_remove(struct folder *folder)
{
	struct mailbox *mb = folder->mailbox;

	while (folder->children->len > 0)
		folder_remove(folder->children->pdata[folder->children->len - 1]);
	drop_items(folder);
	if (folder->parent != NULL)
		g_ptr_array_remove(folder->parent->children, folder);
	struct tombstone *t = g_new0(struct tombstone, 1);
	t->id = folder->id;
	t->uid = folder->created_mod;
	t->mod = ++mb->mod;
	g_sequence_append(mb->folder_tombstones, t);
	event_folder(mb, EVENT_DELETED, folder, NULL);
	g_hash_table_remove(mb->folders, GUINT_TO_POINTER(folder->id));
}

void folder_reparent(struct folder *folder, struct folder *parent)
{
	struct folder *old = folder->parent;

	g_ptr_array_remove(old->children, folder);
	folder->parent = parent;
	g_ptr_array_add(parent->children, folder);
	folder_touch(folder);
	event_folder(folder->mailbox, EVENT_MOVED, folder, old);
}

struct item *item_new(enum item_kind kind)
{
	struct item *item = g_new0(struct item, 1);

	item->kind = kind;
	item->props = props_new();
	item->created_s = item->modified_s = now_precise(&item->created_ns);
	item->modified_ns = item->created_ns;
	return item;
}

void item_free(struct item *item)
{
	g_array_free(item->props, TRUE);
	if (item->attachments != NULL)
		g_ptr_array_free(item->attachments, TRUE);
	if (item->members != NULL)
		g_array_free(item->members, TRUE);
	if (item->history != NULL)
		g_array_free(item->history, TRUE);
	g_free(item);
}

static void folder_ready(struct folder *folder)
{
	if (folder->by_uid != NULL)
		return;
	folder->by_uid = g_sequence_new(NULL);
	folder->by_mod = g_sequence_new(NULL);
	folder->tombstones = g_sequence_new(g_free);
}

static uint32_t read_flag_id(void)
{
	static uint32_t id;

	if (id == 0)
		id = field_id(":ReadFlag", NULL);
	return id;
}

bool item_is_read(const struct item *item)
{
	const char *flag = props_get(item->props, read_flag_id());
	return flag != NULL && strcmp(flag, "true") == 0;
}

static void count_unread(const struct item *item, int delta)
{
	if (item->kind == ITEM_MESSAGE && !item->associated && !item_is_read(item))
		item->folder->unread = (uint32_t)((int)item->folder->unread + delta);
}

void item_set_read(struct item *item, bool read)
{
	if (item->folder != NULL)
		count_unread(item, -1);
	props_set(item->props, read_flag_id(), read ? "true" : "false");
	if (item->folder != NULL)
		count_unread(item, 1);
}

static void enter(struct folder *folder, struct item *item)
{
	struct mailbox *mb = folder->mailbox;

	folder_ready(folder);
	if (item->id == 0)
		item->id = mb->next_item++;
	item->folder = folder;
	item->uid = folder->next_uid++;
	item->mod = item->content_mod = ++mb->mod;
	item->by_uid = g_sequence_append(folder->by_uid, item);
	item->by_mod = g_sequence_append(folder->by_mod, item);
	g_hash_table_insert(mb->items, &item->id, item);
	count_unread(item, 1);
}

void item_insert(struct folder *folder, struct item *item)
{
	enter(folder, item);
	event_item(folder->mailbox, EVENT_CREATED, item, NULL, 0);
}

int item_by_uid(gconstpointer a, gconstpointer b, gpointer data)
{
	const struct item *x = a, *y = b;
	(void)data;
	return (x->uid > y->uid) - (x->uid < y->uid);
}

int item_by_mod(gconstpointer a, gconstpointer b, gpointer data)
{
	const struct item *x = a, *y = b;
	(void)data;
	return (x->mod > y->mod) - (x->mod < y->mod);
}

void item_restore(struct folder *folder, struct item *item)
{
	folder_ready(folder);
	item->folder = folder;
	item->by_uid = g_sequence_insert_sorted(folder->by_uid, item, item_by_uid, NULL);
	item->by_mod = g_sequence_insert_sorted(folder->by_mod, item, item_by_mod, NULL);
	g_hash_table_insert(folder->mailbox->items, &item->id, item);
	count_unread(item, 1);
}

void tombstone_restore(struct mailbox *mb, struct folder *folder, const struct tombstone *tombstone)
{
	struct folder *removed = folder == NULL ? folder_find(mb, (uint32_t)tombstone->id) : NULL;

	if (removed != NULL) {
		g_ptr_array_remove(removed->parent->children, removed);
		g_hash_table_remove(mb->folders, GUINT_TO_POINTER(removed->id));
	}
	if (folder != NULL)
		folder_ready(folder);
	g_sequence_append(folder != NULL ? folder->tombstones : mb->folder_tombstones,
	        g_memdup2(tombstone, sizeof *tombstone));
}

void item_insert_copy(struct folder *folder, struct item *item, const struct item *original)
{
	enter(folder, item);
	event_item(folder->mailbox, EVENT_COPIED, item, original->folder, original->id);
}

struct item *item_find(struct mailbox *mb, uint64_t id)
{
	return g_hash_table_lookup(mb->items, &id);
}

/* Takes an item out without telling anyone but the sync state. */
static void item_unlink(struct item *item)
{
	struct folder *folder = item->folder;
	struct tombstone *t = g_new0(struct tombstone, 1);

	count_unread(item, -1);
	t->id = item->id;
	t->uid = item->uid;
	t->mod = ++folder->mailbox->mod;
	g_sequence_append(folder->tombstones, t);
	g_sequence_remove(item->by_uid);
	g_sequence_remove(item->by_mod);
	g_hash_table_remove(folder->mailbox->items, &item->id);
	item->by_uid = item->by_mod = NULL;
}

struct item *item_take(struct item *item)
{
	struct folder *folder = item->folder;

	item_unlink(item);
	event_item(folder->mailbox, EVENT_DELETED, item, folder, item->id);
	item->folder = NULL;
	return item;
}

void item_move(struct item *item, struct folder *to)
{
	struct folder *from = item->folder;
	struct mailbox *mb = to->mailbox;
	uint64_t old_id = item->id;

	item_unlink(item);
	folder_ready(to);
	item->id = mb->next_item++;
	item->folder = to;
	item->uid = to->next_uid++;
	item->mod = item->content_mod = ++mb->mod;
	item->by_uid = g_sequence_append(to->by_uid, item);
	item->by_mod = g_sequence_append(to->by_mod, item);
	g_hash_table_insert(mb->items, &item->id, item);
	count_unread(item, 1);
	event_item(mb, EVENT_MOVED, item, from, old_id);
}

struct attachment *attachment_new(void)
{
	struct attachment *a = g_new0(struct attachment, 1);
	a->modified_s = now_s();
	return a;
}

void attachment_free(struct attachment *a)
{
	g_free(a->name);
	g_free(a->content_type);
	g_free(a->content_id);
	g_free(a->content_location);
	if (a->content != NULL)
		g_bytes_unref(a->content);
	if (a->item != NULL)
		item_free(a->item);
	g_free(a);
}

int64_t attachment_size(const struct attachment *a)
{
	return a->item != NULL ? item_size(a->item) : (int64_t)g_bytes_get_size(a->content);
}

void item_attach(struct item *item, struct attachment *a)
{
	if (item->attachments == NULL)
		item->attachments = g_ptr_array_new_with_free_func(
		        (GDestroyNotify)(void (*)(void))attachment_free);
	g_ptr_array_add(item->attachments, a);
}

static struct attachment *attachment_copy(const struct attachment *from)
{
	struct attachment *a = attachment_new();

	*a = *from;
	a->id = 0;
	a->name = g_strdup(from->name);
	a->content_type = g_strdup(from->content_type);
	a->content_id = g_strdup(from->content_id);
	a->content_location = g_strdup(from->content_location);
	a->content = from->content != NULL ? g_bytes_ref(from->content) : NULL;
	a->item = from->item != NULL ? item_copy(from->item) : NULL;
	return a;
}

struct item *item_copy(const struct item *item)
{
	struct item *copy = item_new(item->kind);

	g_array_free(copy->props, TRUE);
	copy->props = props_copy(item->props);
	copy->associated = item->associated;
	copy->created_s = item->created_s;
	copy->created_ns = item->created_ns;
	for (guint i = 0; item->attachments != NULL && i < item->attachments->len; i++)
		item_attach(copy, attachment_copy(item->attachments->pdata[i]));
	return copy;
}

void item_touch(struct item *item, bool only_read_flag)
{
	struct mailbox *mb = item->folder->mailbox;

	item->mod = ++mb->mod;
	if (!only_read_flag) {
		item->content_mod = item->mod;
		item->modified_s = now_precise(&item->modified_ns);
	}
	/* The highest change number is the last in the order. */
	g_sequence_move(item->by_mod, g_sequence_get_end_iter(item->folder->by_mod));
	event_item(mb, EVENT_MODIFIED, item, NULL, 0);
}
