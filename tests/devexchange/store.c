/* Mailboxes and their addresses. */
#include "model.h"

#include "data_file.h"
#include "habits.h"
#include "notify.h"

#include <string.h>
#include <time.h>

int64_t now_s(void)
{
	return g_get_real_time() / G_USEC_PER_SEC;
}

int64_t now_precise(int32_t *ns)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	/* Stores keep steps of 100 ns. */
	*ns = (int32_t)(now.tv_nsec / 100 * 100);
	return now.tv_sec;
}

int64_t now_ms(void)
{
	return g_get_monotonic_time() / 1000;
}

char *address_lower(const char *address)
{
	return g_utf8_strdown(address, -1);
}

/* A default folder; `distinguished` is NULL for one that has no such name. */
struct default_folder {
	const char *distinguished, *parent, *name, *class_name;
	bool hidden;
};

/* Parents first. */
static const struct default_folder default_folders[] = {
        {"root", NULL, "", NULL, false},
        {"msgfolderroot", "root", "Top of Information Store", "IPF.Root", false},
        {"inbox", "msgfolderroot", "Inbox", "IPF.Note", false},
        {"drafts", "msgfolderroot", "Drafts", "IPF.Note", false},
        {"sentitems", "msgfolderroot", "Sent Items", "IPF.Note", false},
        {"deleteditems", "msgfolderroot", "Deleted Items", "IPF.Note", false},
        {"outbox", "msgfolderroot", "Outbox", "IPF.Note", false},
        {"junkemail", "msgfolderroot", "Junk Email", "IPF.Note", false},
        {"calendar", "msgfolderroot", "Calendar", "IPF.Appointment", false},
        {"contacts", "msgfolderroot", "Contacts", "IPF.Contact", false},
        {"quickcontacts", "contacts", "Lync Contacts", "IPF.Contact.MOC.QuickContacts", false},
        {"imcontactlist", "contacts", "IM Contact List", "IPF.Contact.MOC.ImContactList", true},
        {"recipientcache", "contacts", "Recipient Cache", "IPF.Contact.RecipientCache", false},
        {"tasks", "msgfolderroot", "Tasks", "IPF.Task", false},
        {"notes", "msgfolderroot", "Notes", "IPF.StickyNote", false},
        {"journal", "msgfolderroot", "Journal", "IPF.Journal", false},
        {"conversationhistory", "msgfolderroot", "Conversation History", "IPF.Note", false},
        {"syncissues", "msgfolderroot", "Sync Issues", "IPF.Note", false},
        {"conflicts", "syncissues", "Conflicts", "IPF.Note", false},
        {"localfailures", "syncissues", "Local Failures", "IPF.Note", false},
        {"serverfailures", "syncissues", "Server Failures", "IPF.Note", false},
        {"searchfolders", "root", "Finder", NULL, false},
        {"recoverableitemsroot", "root", "Recoverable Items", NULL, false},
        {"recoverableitemsdeletions", "recoverableitemsroot", "Deletions", NULL, false},
        {"recoverableitemsversions", "recoverableitemsroot", "Versions", NULL, false},
        {"recoverableitemspurges", "recoverableitemsroot", "Purges", NULL, false},
        {"recoverableitemsdiscoveryholds", "recoverableitemsroot", "DiscoveryHolds", NULL, false},
        {"archiveroot", NULL, "", NULL, false},
        {"archivemsgfolderroot", "archiveroot", "Top of Information Store", "IPF.Root", false},
        {"archiveinbox", "archivemsgfolderroot", "Inbox", "IPF.Note", false},
        {"archivedeleteditems", "archivemsgfolderroot", "Deleted Items", "IPF.Note", false},
        {"archiverecoverableitemsroot", "archiveroot", "Recoverable Items", NULL, false},
        {"archiverecoverableitemsdeletions", "archiverecoverableitemsroot", "Deletions", NULL,
                false},
        {"archiverecoverableitemsversions", "archiverecoverableitemsroot", "Versions", NULL, false},
        {"archiverecoverableitemspurges", "archiverecoverableitemsroot", "Purges", NULL, false},
        {"archiverecoverableitemsdiscoveryholds", "archiverecoverableitemsroot", "DiscoveryHolds",
                NULL, false},
};

/* In the order in which grommunio lists them. */
static const struct default_folder grommunio_folders[] = {
        {"root", NULL, "Root Container", NULL, false},
        {"msgfolderroot", "root", "Top of Information Store", NULL, false},
        {"sentitems", "msgfolderroot", "Sent Items", "IPF.Note", false},
        {"deleteditems", "msgfolderroot", "Deleted Items", "IPF.Note", false},
        {"outbox", "msgfolderroot", "Outbox", "IPF.Note", false},
        {"inbox", "msgfolderroot", "Inbox", "IPF.Note", false},
        {"drafts", "msgfolderroot", "Drafts", "IPF.Note", false},
        {"calendar", "msgfolderroot", "Calendar", "IPF.Appointment", false},
        {"journal", "msgfolderroot", "Journal", "IPF.Journal", false},
        {"notes", "msgfolderroot", "Notes", "IPF.StickyNote", false},
        {"tasks", "msgfolderroot", "Tasks", "IPF.Task", false},
        {"contacts", "msgfolderroot", "Contacts", "IPF.Contact", false},
        {"junkemail", "msgfolderroot", "Junk Email", "IPF.Note", false},
        {"syncissues", "msgfolderroot", "Sync Issues", "IPF.Note", false},
        {NULL, "msgfolderroot", "Conversation Action Settings", "IPF.Configuration", false},
        {"quickcontacts", "contacts", "Quick Contacts", "IPF.Contact.MOC.QuickContacts", false},
        {"imcontactlist", "contacts", "IM Contacts List", "IPF.Contact.MOC.ImContactList", true},
        {NULL, "contacts", "GAL Contacts", "IPF.Contact.GalContacts", false},
        {"conflicts", "syncissues", "Conflicts", "IPF.Note", false},
        {"localfailures", "syncissues", "Local Failures", "IPF.Note", false},
        {"serverfailures", "syncissues", "Server Failures", "IPF.Note", false},
        {"recoverableitemsroot", "root", "Recoverable Items", NULL, false},
        {"recoverableitemsdeletions", "recoverableitemsroot", "Deletions", NULL, false},
};

static void folder_free(gpointer data)
{
	struct folder *folder = data;

	if (folder->by_uid != NULL) {
		GSequenceIter *i = g_sequence_get_begin_iter(folder->by_uid);
		for (; !g_sequence_iter_is_end(i); i = g_sequence_iter_next(i))
			item_free(g_sequence_get(i));
		g_sequence_free(folder->by_uid);
		g_sequence_free(folder->by_mod);
		g_sequence_free(folder->tombstones);
	}
	g_ptr_array_free(folder->children, TRUE);
	g_free(folder->name);
	g_free(folder->class_name);
	g_array_free(folder->props, TRUE);
	g_free(folder);
}

static void mailbox_free(struct mailbox *mb)
{
	subscriptions_free(mb);
	g_hash_table_destroy(mb->items);
	g_hash_table_destroy(mb->folders);
	g_hash_table_destroy(mb->distinguished);
	g_sequence_free(mb->folder_tombstones);
	g_ptr_array_free(mb->aliases, TRUE);
	g_free(mb->smtp);
	g_free(mb->upn);
	g_free(mb->sip);
	g_free(mb->name);
	g_free(mb->password);
	g_free(mb->moved_to);
	if (mb->photo != NULL)
		g_bytes_unref(mb->photo);
	pthread_mutex_destroy(&mb->lock);
	g_free(mb);
}

static gint by_text(gconstpointer a, gconstpointer b, gpointer unused)
{
	(void)unused;
	return strcmp(a, b);
}

struct store *store_new(uint32_t seed)
{
	struct store *store = g_new0(struct store, 1);

	pthread_rwlock_init(&store->lock, NULL);
	store->by_address = g_tree_new_full(by_text, NULL, g_free, NULL);
	store->by_guid = g_hash_table_new(g_int64_hash, g_int64_equal);
	store->mailboxes = g_ptr_array_new();
	store->groups = g_ptr_array_new_with_free_func(g_free);
	store->random = g_rand_new_with_seed(seed);
	return store;
}

void store_free(struct store *store)
{
	for (guint i = 0; i < store->mailboxes->len; i++)
		mailbox_free(store->mailboxes->pdata[i]);
	g_ptr_array_free(store->mailboxes, TRUE);
	g_ptr_array_free(store->groups, TRUE);
	g_tree_destroy(store->by_address);
	g_hash_table_destroy(store->by_guid);
	g_rand_free(store->random);
	pthread_rwlock_destroy(&store->lock);
	g_free(store);
}

size_t store_default_folders(void)
{
	return grommunio() ? G_N_ELEMENTS(grommunio_folders) : G_N_ELEMENTS(default_folders);
}

static void add_default_folders(struct mailbox *mb)
{
	const struct default_folder *table = grommunio() ? grommunio_folders : default_folders;
	size_t n = store_default_folders();

	for (const struct default_folder *f = table; f < table + n; f++) {
		struct folder *parent = f->parent != NULL
		                                ? g_hash_table_lookup(mb->distinguished, f->parent)
		                                : NULL;
		struct folder *folder =
		        folder_create(mb, parent, f->name, f->class_name, f->distinguished);
		folder->hidden = f->hidden;
	}
}

static struct mailbox *mailbox_new(const char *smtp, const char *name, uint64_t guid)
{
	struct mailbox *mb = g_new0(struct mailbox, 1);
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutex_init(&mb->lock, &attr);
	pthread_mutexattr_destroy(&attr);
	mb->guid = guid;
	mb->smtp = address_lower(smtp);
	mb->upn = g_strdup(mb->smtp);
	mb->sip = g_strdup(mb->smtp);
	mb->name = name != NULL ? g_strdup(name) : g_strndup(smtp, strcspn(smtp, "@"));
	mb->aliases = g_ptr_array_new_with_free_func(g_free);
	mb->next_item = mb->next_attachment = 1;
	mb->next_folder = 1;
	mb->folders = g_hash_table_new_full(NULL, NULL, NULL, folder_free);
	mb->distinguished = g_hash_table_new(g_str_hash, g_str_equal);
	mb->items = g_hash_table_new(g_int64_hash, g_int64_equal);
	mb->folder_tombstones = g_sequence_new(g_free);
	add_default_folders(mb);
	mb->saved_mod = mb->mod;
	return mb;
}

static bool address_ok(const char *address)
{
	const char *at = strchr(address, '@');

	return at != NULL && at != address && at[1] != '\0' && strchr(at + 1, '@') == NULL &&
	       strpbrk(address, " \t\r\n<>") == NULL && g_utf8_validate(address, -1, NULL);
}

/* Names need not differ, keys must. */
static char *name_key(const struct mailbox *mb)
{
	char *lower = g_utf8_strdown(mb->name, -1);
	char *key = g_strconcat("name:", lower, "\x1f", mb->smtp, NULL);

	g_free(lower);
	return key;
}

void mailbox_set_name(struct store *store, struct mailbox *mb, const char *name)
{
	pthread_rwlock_wrlock(&store->lock);
	char *old = name_key(mb);
	g_tree_remove(store->by_address, old);
	g_free(old);
	g_free(mb->name);
	mb->name = g_strdup(name);
	g_tree_insert(store->by_address, name_key(mb), mb);
	pthread_rwlock_unlock(&store->lock);
}

void store_find_beginning(
        struct store *store, const char *prefix, const char *text, GPtrArray *found, guint max)
{
	char *lower = g_utf8_strdown(text, -1), *key = g_strconcat(prefix, lower, NULL);

	pthread_rwlock_rdlock(&store->lock);
	GTreeNode *node = g_tree_lower_bound(store->by_address, key);
	for (; node != NULL && found->len < max; node = g_tree_node_next(node)) {
		const char *here = g_tree_node_key(node);
		if (!g_str_has_prefix(here, key))
			break;
		/* Without a prefix only addresses are meant: these have no colon. */
		if ((*prefix != '\0' || strchr(here, ':') == NULL) &&
		        !g_ptr_array_find(found, g_tree_node_value(node), NULL))
			g_ptr_array_add(found, g_tree_node_value(node));
	}
	pthread_rwlock_unlock(&store->lock);
	g_free(key);
	g_free(lower);
}

/* With the store locked for writing; a guid of 0 is chosen. */
static struct mailbox *add(struct store *store, const char *smtp, const char *name, uint64_t guid)
{
	while (guid == 0 || g_hash_table_contains(store->by_guid, &guid))
		guid = (uint64_t)g_rand_int(store->random) << 32 | g_rand_int(store->random);
	struct mailbox *mb = mailbox_new(smtp, name, guid);
	mb->store = store;
	g_tree_insert(store->by_address, g_strdup(mb->smtp), mb);
	g_tree_insert(store->by_address, name_key(mb), mb);
	g_tree_insert(store->by_address, g_strconcat("upn:", mb->upn, NULL), mb);
	g_tree_insert(store->by_address, g_strconcat("sip:", mb->sip, NULL), mb);
	g_hash_table_insert(store->by_guid, &mb->guid, mb);
	g_ptr_array_add(store->mailboxes, mb);
	return mb;
}

struct mailbox *store_restore(
        struct store *store, const char *smtp, const char *name, uint64_t guid)
{
	if (guid == 0 || store_find_guid(store, guid) != NULL || store_find(store, smtp) != NULL)
		return NULL;
	return add(store, smtp, name, guid);
}

struct mailbox *store_add(struct store *store, const char *smtp, const char *name)
{
	struct mailbox *mb = NULL;

	if (!address_ok(smtp))
		return NULL;
	char *key = address_lower(smtp);
	pthread_rwlock_wrlock(&store->lock);
	if (g_tree_lookup(store->by_address, key) == NULL) {
		mb = add(store, smtp, name, 0);
	}
	pthread_rwlock_unlock(&store->lock);
	g_free(key);
	return mb;
}

bool store_add_address(struct store *store, struct mailbox *mb, const char *address)
{
	char *key = address_lower(address);
	bool added = false;

	pthread_rwlock_wrlock(&store->lock);
	if (address_ok(address) && g_tree_lookup(store->by_address, key) == NULL) {
		g_tree_insert(store->by_address, g_strdup(key), mb);
		g_ptr_array_add(mb->aliases, g_strdup(key));
		added = true;
	}
	pthread_rwlock_unlock(&store->lock);
	g_free(key);
	return added;
}

void store_add_group(struct store *store, const char *smtp)
{
	char *lower = address_lower(smtp);

	pthread_rwlock_wrlock(&store->lock);
	if (!g_ptr_array_find_with_equal_func(store->groups, lower, g_str_equal, NULL)) {
		g_ptr_array_add(store->groups, g_steal_pointer(&lower));
		if (store->data != NULL)
			data_file_save_groups(store->data, store);
	}
	pthread_rwlock_unlock(&store->lock);
	g_free(lower);
}

static struct mailbox *find_prefixed(struct store *store, const char *prefix, const char *address)
{
	char *lower = address_lower(address);
	char *key = g_strconcat(prefix, lower, NULL);

	pthread_rwlock_rdlock(&store->lock);
	struct mailbox *mb = g_tree_lookup(store->by_address, key);
	pthread_rwlock_unlock(&store->lock);
	g_free(key);
	g_free(lower);
	return mb;
}

struct mailbox *store_find(struct store *store, const char *address)
{
	return find_prefixed(store, "", address);
}

struct mailbox *store_find_upn(struct store *store, const char *upn)
{
	return find_prefixed(store, "upn:", upn);
}

struct mailbox *store_find_sip(struct store *store, const char *sip)
{
	return find_prefixed(store, "sip:", sip);
}

static void set_prefixed(
        struct store *store, struct mailbox *mb, char **slot, const char *prefix, const char *value)
{
	char *lower = address_lower(value);

	pthread_rwlock_wrlock(&store->lock);
	char *old = g_strconcat(prefix, *slot, NULL);
	g_tree_remove(store->by_address, old);
	g_free(old);
	g_free(*slot);
	*slot = lower;
	g_tree_insert(store->by_address, g_strconcat(prefix, lower, NULL), mb);
	pthread_rwlock_unlock(&store->lock);
}

void mailbox_set_upn(struct store *store, struct mailbox *mb, const char *upn)
{
	set_prefixed(store, mb, &mb->upn, "upn:", upn);
}

void mailbox_set_sip(struct store *store, struct mailbox *mb, const char *sip)
{
	set_prefixed(store, mb, &mb->sip, "sip:", sip);
}

struct mailbox *store_find_guid(struct store *store, uint64_t guid)
{
	pthread_rwlock_rdlock(&store->lock);
	struct mailbox *mb = g_hash_table_lookup(store->by_guid, &guid);
	pthread_rwlock_unlock(&store->lock);
	return mb;
}

void mailbox_lock(struct mailbox *mb)
{
	pthread_mutex_lock(&mb->lock);
}

void mailbox_unlock(struct mailbox *mb)
{
	if (mb->store->data != NULL)
		data_file_save(mb->store->data, mb);
	pthread_mutex_unlock(&mb->lock);
}

/* The table's own string for a distinguished name, so that folders can borrow it. */
const char *distinguished_static(const char *name)
{
	for (size_t i = 0; name != NULL && i < G_N_ELEMENTS(default_folders); i++)
		if (strcmp(default_folders[i].distinguished, name) == 0)
			return default_folders[i].distinguished;
	return NULL;
}
