/*
 * Reading the Unified Contact Store. SyncFolderItems on its two folders tells what changed; a few
 * changes are asked for one by one with GetImItems, and many at once by reading the list, as on
 * servers that do not take GetImItems.
 */
#include "ews/ucs.h"

#include "core/address.h"
#include "core/error.h"

#include <string.h>

#define STATE_PREFIX "ucs1:"
/* More changes than this are read with the whole list: it is one request of a known size. */
#define MAX_SINGLE 200

static const struct ews_folder contacts_folder = {.distinguished = "quickcontacts"};
static const struct ews_folder groups_folder = {.distinguished = "imcontactlist"};

/* the whole list */

struct list {
	struct ews_session *session;
	const struct ews_contacts_sink *sink;
	GHashTable *memberships; /* contact id -> GPtrArray of names (borrowed from session) */
};

static void names_free(void *names)
{
	g_ptr_array_unref(names);
}

static bool list_group(struct ews_im_group *found, void *data, GError **error)
{
	struct list *list = data;
	ews_ucs_remember_group(list->session, found->group);
	const struct group *group =
	        g_hash_table_lookup(list->session->groups.by_id, found->group->store_id);
	for (guint i = 0; group_is_set(group) && i < found->members->len; i++) {
		const char *id = found->members->pdata[i];
		GPtrArray *names = g_hash_table_lookup(list->memberships, id);
		if (names == NULL) {
			names = g_ptr_array_new();
			g_hash_table_insert(list->memberships, g_strdup(id), names);
		}
		g_ptr_array_add(names, group->name);
	}
	return list->sink->group == NULL || list->sink->group(group, list->sink->data, error);
}

/* The canonical form of a number as it is found ("+1 (562) 555-0100"); NULL when it is none. */
static char *tel_of(const char *number)
{
	if (number == NULL)
		return NULL;
	g_autofree char *uri = g_str_has_prefix(number, "tel:") ? g_strdup(number)
	                                                        : g_strconcat("tel:", number, NULL);
	return address_canonical(uri, NULL);
}

/* A contact that is only a number was given a SIP address made of the number. */
static bool is_number_only(const char *address, const char *tel)
{
	if (tel == NULL)
		return false;
	if (address == NULL)
		return true;
	g_autofree char *local = address_local_part(address);
	return g_strcmp0(local, tel + strlen("tel:")) == 0;
}

static bool is_own_name(const struct ews_im_persona *persona, const char *address, const char *tel)
{
	const char *name = persona->name;
	return name != NULL && g_strcmp0(name, address) != 0 &&
	       g_strcmp0(name, persona->address) != 0 && g_strcmp0(name, persona->number) != 0 &&
	       (tel == NULL || g_strcmp0(name, tel + strlen("tel:")) != 0);
}

static struct contact *persona_contact(const struct ews_im_persona *persona, GError **error)
{
	g_autofree char *tel = tel_of(persona->number);
	g_autofree char *address = NULL;
	g_autoptr(GError) why = NULL;
	if (persona->address != NULL)
		address = ews_mail_address(persona->address, &why);
	bool number_only = is_number_only(address, tel);
	if (address == NULL && !number_only) {
		if (why == NULL)
			error_set(&why, ERROR_ITEM, "ews.item",
			        "a contact in the list has neither an IM address nor a telephone "
			        "number; correct it in the mailbox");
		g_propagate_error(error, g_steal_pointer(&why));
		return NULL;
	}
	const char *key = number_only ? tel : address;
	struct contact *contact =
	        contact_new(key, is_own_name(persona, address, tel) ? persona->name : NULL);
	contact->tel_uri = g_strdup(address_is_tel(key) ? key : tel);
	return contact;
}

static void add_groups(const struct list *list, const char *item_id, struct contact *contact)
{
	const GPtrArray *names = g_hash_table_lookup(list->memberships, item_id);
	for (guint i = 0; names != NULL && i < names->len; i++)
		contact_add_group(contact, names->pdata[i]);
}

static bool list_persona(const struct ews_im_persona *persona, void *data, GError **error)
{
	struct list *list = data;
	if (persona->item_id == NULL) /* in no way an entry of the IM list */
		return true;
	g_autoptr(GError) why = NULL;
	autoptr(contact) contact = persona_contact(persona, &why);
	if (contact != NULL)
		add_groups(list, persona->item_id, contact);
	struct ews_contact_change change = {
	        .kind = contact == NULL ? EWS_CHANGE_UNUSABLE : EWS_CHANGE_UPSERT,
	        .item_id = persona->item_id,
	        .change_key = persona->change_key,
	        .contact = contact,
	        .created = true,
	        .why = why,
	};
	return list->sink->contact(&change, list->sink->data, error);
}

bool ews_ucs_read_list(
        struct ews_session *session, const struct ews_contacts_sink *sink, GError **error)
{
	struct list list = {
	        .session = session,
	        .sink = sink,
	        .memberships = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, names_free),
	};
	struct ews_im_sink im_sink = {.group = list_group, .persona = list_persona, .data = &list};
	g_hash_table_remove_all(session->groups.by_id);
	session->groups.loaded = ews_get_im_item_list(session, &im_sink, error);
	g_hash_table_unref(list.memberships);
	return session->groups.loaded;
}

/* what changed */

/* "ucs1:LENGTH:" and the states of the two folders, the first of that length. */
static bool split_state(const char *state, char **contacts, char **groups)
{
	guint64 len;
	if (state == NULL || !g_str_has_prefix(state, STATE_PREFIX))
		return false;
	state += strlen(STATE_PREFIX);
	const char *colon = strchr(state, ':');
	if (colon == NULL)
		return false;
	g_autofree char *number = g_strndup(state, (gsize)(colon - state));
	if (!g_ascii_string_to_unsigned(number, 10, 0, strlen(colon + 1), &len, NULL))
		return false;
	*contacts = g_strndup(colon + 1, len);
	*groups = g_strdup(colon + 1 + len);
	return true;
}

static bool note_change(
        enum ews_sync_kind kind, const struct ews_item *item, void *data, GError **error)
{
	(void)error;
	GHashTable *changed = data;
	const char *id = ews_item_text(item, ITEM_ID);
	void *before = NULL;
	/* What is new stays new when it changes once more. */
	if (kind == EWS_SYNC_UPDATE && g_hash_table_lookup_extended(changed, id, NULL, &before) &&
	        before == GINT_TO_POINTER(EWS_SYNC_CREATE))
		return true;
	g_hash_table_replace(changed, g_strdup(id), GINT_TO_POINTER(kind));
	return true;
}

/* *state is replaced. *anew: the server did not take it, and everything was told. */
static bool folder_changes(struct ews_session *session, const struct ews_folder *folder,
        char **state, GHashTable *changed, bool *anew, GError **error)
{
	struct ews_sync_walk walk = {
	        .folder = folder, .shape = EWS_SHAPE_ID, .sink = note_change, .data = changed};
	g_autoptr(GError) failure = NULL;
	char *out = NULL;
	bool good = ews_sync_walk(session, &walk, *state, &out, &failure);
	if (!good && *state != NULL && error_is(failure, "ews.sync_state")) {
		*anew = true;
		g_clear_error(&failure);
		good = ews_sync_walk(session, &walk, NULL, &out, &failure);
	}
	if (!good) {
		g_propagate_error(error, g_steal_pointer(&failure));
		return false;
	}
	g_free(*state);
	*state = out;
	return true;
}

static enum ews_sync_kind kind_of(GHashTable *changed, const char *id)
{
	return (enum ews_sync_kind)GPOINTER_TO_INT(g_hash_table_lookup(changed, id));
}

static GHashTable *change_map(void)
{
	return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

/* The ids that are there still, as GetImItems wants them. Borrowed from changed. */
static GPtrArray *ids_there(GHashTable *changed)
{
	GPtrArray *ids = g_ptr_array_new();
	GHashTableIter iter;
	void *id, *kind;
	g_hash_table_iter_init(&iter, changed);
	while (g_hash_table_iter_next(&iter, &id, &kind))
		if ((enum ews_sync_kind)GPOINTER_TO_INT(kind) != EWS_SYNC_DELETE)
			g_ptr_array_add(ids, id);
	g_ptr_array_add(ids, NULL);
	return ids;
}

/* single contacts and groups */

/* An entry as GetImItems told it. */
struct entry {
	char *item_id, *change_key;
	struct contact *contact; /* without groups; NULL: unusable */
	GError *why;
};

static void entry_free(void *data)
{
	struct entry *entry = data;
	g_free(entry->item_id);
	g_free(entry->change_key);
	if (entry->contact != NULL)
		contact_free(entry->contact);
	g_clear_error(&entry->why);
	g_free(entry);
}

struct told {
	GHashTable *entries; /* item id -> struct entry */
	struct ews_ucs_roster groups;
};

static bool told_group(struct ews_im_group *group, void *data, GError **error)
{
	struct told *told = data;
	return ews_ucs_roster_add(group, &told->groups, error);
}

static bool told_persona(const struct ews_im_persona *persona, void *data, GError **error)
{
	(void)error;
	struct told *told = data;
	if (persona->item_id == NULL)
		return true;
	struct entry *entry = g_new0(struct entry, 1);
	entry->item_id = g_strdup(persona->item_id);
	entry->change_key = g_strdup(persona->change_key);
	entry->contact = persona_contact(persona, &entry->why);
	g_hash_table_replace(told->entries, entry->item_id, entry);
	return true;
}

static void told_init(struct told *told)
{
	told->entries = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, entry_free);
	ews_ucs_roster_init(&told->groups);
}

static void told_clear(struct told *told)
{
	g_hash_table_unref(told->entries);
	ews_ucs_roster_clear(&told->groups);
}

/*
 * *told is false, and nothing else has happened, when the server does not answer such a question:
 * the list is to be read then. Servers that do not know the operation are not asked again.
 */
static bool ask(struct ews_session *session, const GPtrArray *contacts, const GPtrArray *groups,
        struct told *told, bool *answered, GError **error)
{
	struct ews_im_sink sink = {.group = told_group, .persona = told_persona, .data = told};
	g_autoptr(GError) failure = NULL;
	*answered = false;
	if (session->list_only)
		return true;
	*answered = ews_get_im_items(session, (const char *const *)contacts->pdata,
	        (const char *const *)groups->pdata, &sink, &failure);
	if (*answered)
		return true;
	session->list_only =
	        error_is(failure, "ews.unsupported") || error_is(failure, "ews.request");
	if (session->list_only || error_class_of(failure) == ERROR_ITEM)
		return true;
	g_propagate_error(error, g_steal_pointer(&failure));
	return false;
}

static bool in_any_group(const struct told *told, const char *item_id)
{
	for (guint i = 0; i < told->groups.groups->len; i++)
		if (ews_ucs_roster_has(&told->groups, i, item_id))
			return true;
	return false;
}

/*
 * Whether the answer tells all that changed. Who is new is in a group that changed with it: else
 * the groups were not told truly.
 */
static bool is_whole(const struct told *told, GHashTable *contacts, const GPtrArray *groups)
{
	GHashTableIter iter;
	void *id, *kind;
	if (told->groups.groups->len != groups->len - 1)
		return false;
	g_hash_table_iter_init(&iter, contacts);
	while (g_hash_table_iter_next(&iter, &id, &kind)) {
		enum ews_sync_kind sync_kind = (enum ews_sync_kind)GPOINTER_TO_INT(kind);
		if (sync_kind != EWS_SYNC_DELETE && !g_hash_table_contains(told->entries, id))
			return false;
		if (sync_kind == EWS_SYNC_CREATE && !in_any_group(told, id))
			return false;
	}
	return true;
}

static bool hand_over_groups(struct ews_session *session, const struct told *told,
        GHashTable *changed, const struct ews_contacts_sink *sink, GError **error)
{
	GHashTableIter iter;
	void *id, *kind;
	bool good = true;
	for (guint i = 0; good && i < told->groups.groups->len; i++) {
		const struct group *group = told->groups.groups->pdata[i];
		const struct ews_group_change change = {
		        group->store_id, group, told->groups.members->pdata[i]};
		ews_ucs_remember_group(session, group);
		good = sink->regroup(&change, sink->data, error);
	}
	g_hash_table_iter_init(&iter, changed);
	while (good && g_hash_table_iter_next(&iter, &id, &kind)) {
		const struct ews_group_change change = {.store_id = id};
		if ((enum ews_sync_kind)GPOINTER_TO_INT(kind) != EWS_SYNC_DELETE)
			continue;
		g_hash_table_remove(session->groups.by_id, id);
		good = sink->regroup(&change, sink->data, error);
	}
	return good;
}

static bool hand_over_contacts(const struct told *told, GHashTable *changed,
        const struct ews_contacts_sink *sink, GError **error)
{
	GHashTableIter iter;
	void *id, *kind;
	bool good = true;
	g_hash_table_iter_init(&iter, changed);
	while (good && g_hash_table_iter_next(&iter, &id, &kind)) {
		const struct entry *entry = g_hash_table_lookup(told->entries, id);
		struct ews_contact_change change = {.kind = EWS_CHANGE_DELETE, .item_id = id};
		if (kind_of(changed, id) != EWS_SYNC_DELETE) {
			change.kind =
			        entry->contact == NULL ? EWS_CHANGE_UNUSABLE : EWS_CHANGE_UPSERT;
			change.change_key = entry->change_key;
			change.contact = entry->contact;
			change.groups_apart = true;
			change.why = entry->why;
			change.created = kind_of(changed, id) == EWS_SYNC_CREATE;
		}
		good = sink->contact(&change, sink->data, error);
	}
	return good;
}

/* *done is false when the list must be read instead. */
static bool read_changed(struct ews_session *session, GHashTable *contacts, GHashTable *groups,
        const struct ews_contacts_sink *sink, bool *done, GError **error)
{
	g_autoptr(GPtrArray) contact_ids = ids_there(contacts), group_ids = ids_there(groups);
	struct told told;
	told_init(&told);
	bool good = true, nothing = contact_ids->len == 1 && group_ids->len == 1;
	*done = nothing;
	if (!nothing)
		good = ask(session, contact_ids, group_ids, &told, done, error);
	*done = good && *done && is_whole(&told, contacts, group_ids);
	if (*done)
		good = hand_over_groups(session, &told, groups, sink, error) &&
		       hand_over_contacts(&told, contacts, sink, error);
	told_clear(&told);
	return good;
}

/* The groups as the caller knows them: they need not be read before one of them is used. */
static bool take_known_groups(
        struct ews_session *session, const struct ews_contacts_sink *sink, GError **error)
{
	g_autoptr(GPtrArray) known =
	        g_ptr_array_new_with_free_func((GDestroyNotify)(void (*)(void))group_free);
	if (!sink->known_groups(known, sink->data, error))
		return false;
	g_hash_table_remove_all(session->groups.by_id);
	for (guint i = 0; i < known->len; i++)
		ews_ucs_remember_group(session, known->pdata[i]);
	session->groups.loaded = known->len > 0;
	return true;
}

/* From here on, is_still() follows what changes. */
static void begin_watch(struct ews_session *session, const char *contacts, const char *groups)
{
	struct ews_ucs_watch *watch = &session->watch;
	ews_ucs_unwatch(session);
	watch->contacts_state = g_strdup(contacts);
	watch->groups_state = g_strdup(groups);
	watch->contacts = change_map();
	watch->groups = change_map();
}

void ews_ucs_unwatch(struct ews_session *session)
{
	struct ews_ucs_watch *watch = &session->watch;
	g_clear_pointer(&watch->contacts_state, g_free);
	g_clear_pointer(&watch->groups_state, g_free);
	g_clear_pointer(&watch->contacts, g_hash_table_unref);
	g_clear_pointer(&watch->groups, g_hash_table_unref);
}

static bool read_either(struct ews_session *session, bool anew, GHashTable *contacts,
        GHashTable *groups, const struct ews_contacts_sink *sink, bool *full, GError **error)
{
	guint changes = g_hash_table_size(contacts) + g_hash_table_size(groups);
	bool done = false;
	bool single = !anew && sink->regroup != NULL && changes <= MAX_SINGLE;
	*full = anew || changes > 0;
	if (!anew && sink->regroup != NULL && !take_known_groups(session, sink, error))
		return false;
	if (!*full)
		return true;
	if (single && !read_changed(session, contacts, groups, sink, &done, error))
		return false;
	*full = !done;
	return done || ews_ucs_read_list(session, sink, error);
}

/* The states are taken before the list: what changes in between is told again next time. */
bool ews_ucs_changes(struct ews_session *session, const char *state_in,
        const struct ews_contacts_sink *sink, char **state_out, bool *full, GError **error)
{
	g_autofree char *contacts_state = NULL, *groups_state = NULL;
	g_autoptr(GHashTable) contacts = change_map(), groups = change_map();
	bool anew = !split_state(state_in, &contacts_state, &groups_state);
	if (!folder_changes(session, &contacts_folder, &contacts_state, contacts, &anew, error) ||
	        !folder_changes(session, &groups_folder, &groups_state, groups, &anew, error) ||
	        !read_either(session, anew, contacts, groups, sink, full, error))
		return false;
	begin_watch(session, contacts_state, groups_state);
	*state_out = g_strdup_printf(
	        STATE_PREFIX "%zu:%s%s", strlen(contacts_state), contacts_state, groups_state);
	return true;
}

/* whether an entry is still as it was */

struct look {
	const char *item_id;
	struct contact *contact;
};

static bool on_entry(const struct ews_contact_change *change, void *data, GError **error)
{
	(void)error;
	struct look *look = data;
	if (change->kind == EWS_CHANGE_UPSERT && look->contact == NULL &&
	        g_str_equal(change->item_id, look->item_id))
		look->contact = contact_copy(change->contact);
	return true;
}

static bool look_in_list(
        struct ews_session *session, const char *item_id, struct contact **now, GError **error)
{
	struct look look = {.item_id = item_id};
	struct ews_contacts_sink sink = {.contact = on_entry, .data = &look};
	if (!ews_ucs_read_list(session, &sink, error)) {
		if (look.contact != NULL)
			contact_free(look.contact);
		return false;
	}
	*now = look.contact;
	return true;
}

/* Groups whose members may be others than when the list was read. Borrowed from the watch. */
static GPtrArray *touched_groups(const struct ews_session *session)
{
	GPtrArray *ids = g_ptr_array_new();
	GHashTableIter iter;
	void *id, *kind;
	g_hash_table_iter_init(&iter, session->watch.groups);
	while (g_hash_table_iter_next(&iter, &id, &kind)) {
		const struct group *known = g_hash_table_lookup(session->groups.by_id, id);
		if (known == NULL || group_is_set(known))
			g_ptr_array_add(ids, id);
	}
	g_ptr_array_add(ids, NULL);
	return ids;
}

/* In the groups that were told as these say, and in the others as before. */
static void set_groups(const struct ews_session *session, const struct told *told,
        const char *item_id, const struct contact *before, struct contact *now)
{
	for (guint i = 0; i < before->groups->len; i++) {
		const struct group *group = ews_ucs_group_named(session, before->groups->pdata[i]);
		if (group != NULL && !g_hash_table_contains(session->watch.groups, group->store_id))
			contact_add_group(now, before->groups->pdata[i]);
	}
	for (guint i = 0; i < told->groups.groups->len; i++) {
		const struct group *group = told->groups.groups->pdata[i];
		if (group_is_set(group) && ews_ucs_roster_has(&told->groups, i, item_id))
			contact_add_group(now, group->name);
	}
}

/* *known is false when the list must be looked at. */
static bool look_single(struct ews_session *session, const char *item_id,
        const struct contact *before, const GPtrArray *groups, struct contact **now, bool *known,
        GError **error)
{
	g_autoptr(GPtrArray) contacts = g_ptr_array_new();
	struct told told;
	g_ptr_array_add(contacts, (void *)(uintptr_t)item_id);
	g_ptr_array_add(contacts, NULL);
	told_init(&told);
	bool good = ask(session, contacts, groups, &told, known, error);
	const struct entry *entry = g_hash_table_lookup(told.entries, item_id);
	*known = good && *known && entry != NULL && entry->contact != NULL;
	if (*known) {
		*now = contact_copy(entry->contact);
		set_groups(session, &told, item_id, before, *now);
	}
	told_clear(&told);
	return good;
}

/* *anew: nothing is known of what changed. */
static bool follow(struct ews_session *session, bool *anew, GError **error)
{
	struct ews_ucs_watch *watch = &session->watch;
	*anew = watch->groups_state == NULL;
	return *anew || (folder_changes(session, &contacts_folder, &watch->contacts_state,
	                         watch->contacts, anew, error) &&
	                        folder_changes(session, &groups_folder, &watch->groups_state,
	                                watch->groups, anew, error));
}

bool ews_ucs_is_still(struct ews_session *session, const char *item_id,
        const struct contact *before, bool *gone, GError **error)
{
	const struct ews_ucs_watch *watch = &session->watch;
	struct contact *found = NULL;
	bool anew = false, known = false;
	*gone = false;
	if (!follow(session, &anew, error))
		return false;
	if (!anew) {
		bool changed = g_hash_table_contains(watch->contacts, item_id);
		*gone = changed && kind_of(watch->contacts, item_id) == EWS_SYNC_DELETE;
		g_autoptr(GPtrArray) groups = touched_groups(session);
		if (*gone || (!changed && groups->len == 1))
			return true;
		if (!look_single(session, item_id, before, groups, &found, &known, error))
			return false;
	}
	if (!known && !look_in_list(session, item_id, &found, error))
		return false;
	autoptr(contact) now = found;
	*gone = now == NULL;
	if (now == NULL || contact_equal(now, before))
		return true;
	ews_contact_refuse_changed("it was to be deleted", error);
	return false;
}

static bool is_in(const struct contact *contact, const struct group *group)
{
	return contact != NULL && contact_in_group(contact, group->name);
}

void ews_ucs_wrote(
        struct ews_session *session, const struct contact *before, const struct contact *after)
{
	struct ews_ucs_watch *watch = &session->watch;
	bool anew = false;
	if (!session->list_only || watch->groups_state == NULL)
		return;
	g_autoptr(GHashTable) changed = change_map();
	if (!folder_changes(session, &groups_folder, &watch->groups_state, changed, &anew, NULL) ||
	        anew) {
		ews_ucs_unwatch(session);
		return;
	}
	GHashTableIter iter;
	void *id, *kind;
	g_hash_table_iter_init(&iter, changed);
	while (g_hash_table_iter_next(&iter, &id, &kind)) {
		const struct group *group = g_hash_table_lookup(session->groups.by_id, id);
		if (group == NULL || (!is_in(before, group) && !is_in(after, group)))
			g_hash_table_replace(watch->groups, g_strdup(id), kind);
	}
}
