#include "fake_ends.h"

#include "core/address.h"
#include "core/clock.h"
#include "core/error.h"

#include <string.h>

#define LATE_US (30 * CLOCK_US_PER_S)
#define VERY_LATE_US (600 * CLOCK_US_PER_S)

/* A request that the server carries out when nobody waits for its answer any more. */
struct fake_late {
	int64_t at_utc_us;
	char operation; /* c, u, g */
	char *id, *op_uuid;
	uint64_t change;
	struct contact *before, *after;
};

const char *fake_fault_name(enum fake_fault fault)
{
	static const char *const names[FAKE_FAULTS] = {
	        [FAKE_FINE] = "fine",
	        [FAKE_KILL_BEFORE] = "killed before the effect",
	        [FAKE_KILL_AFTER] = "killed after the effect",
	        [FAKE_LOST_BEFORE] = "no answer and no effect",
	        [FAKE_LOST_AFTER] = "no answer and the effect",
	        [FAKE_LATE] = "no answer and a late effect",
	        [FAKE_VERY_LATE] = "no answer and a very late effect",
	        [FAKE_RETRY] = "refused for now",
	        [FAKE_ITEM] = "refused for good",
	};
	return names[fault];
}

static void item_free(void *data)
{
	struct fake_item *item = data;
	g_free(item->id);
	g_free(item->op_uuid);
	if (item->contact != NULL)
		contact_free(item->contact);
	g_free(item);
}

static void late_free(void *data)
{
	struct fake_late *late = data;
	g_free(late->id);
	g_free(late->op_uuid);
	if (late->before != NULL)
		contact_free(late->before);
	if (late->after != NULL)
		contact_free(late->after);
	g_free(late);
}

static void free_group(void *group)
{
	group_free(group);
}

static void free_contact(void *contact)
{
	contact_free(contact);
}

struct fake *fake_new(enum ews_dialect dialect)
{
	struct fake *fake = g_new0(struct fake, 1);
	fake->dialect = dialect;
	fake->items = g_ptr_array_new_with_free_func(item_free);
	fake->deleted = g_ptr_array_new_with_free_func(item_free);
	fake->groups = g_ptr_array_new_with_free_func(free_group);
	fake->late = g_ptr_array_new_with_free_func(late_free);
	fake->renamed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	fake->roster = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_contact);
	fake->version = 1;
	return fake;
}

void fake_free(struct fake *fake)
{
	g_ptr_array_unref(fake->items);
	g_ptr_array_unref(fake->deleted);
	g_ptr_array_unref(fake->groups);
	g_ptr_array_unref(fake->late);
	g_hash_table_unref(fake->renamed);
	g_hash_table_unref(fake->roster);
	g_free(fake);
}

char *fake_mail_address(const char *key)
{
	g_autofree char *local = address_local_part(key);
	return address_join(local, FAKE_MAIL_DOMAIN);
}

char *fake_im_key(const char *address)
{
	g_autofree char *local = address_local_part(address);
	return address_join(local, FAKE_IM_DOMAIN);
}

/*
 * The mailbox
 */

struct fake_item *fake_item(struct fake *fake, const char *address)
{
	for (guint i = 0; i < fake->items->len; i++) {
		struct fake_item *item = g_ptr_array_index(fake->items, i);
		if (g_str_equal(item->contact->key, address))
			return item;
	}
	return NULL;
}

static struct fake_item *item_by_id(struct fake *fake, const char *id)
{
	for (guint i = 0; i < fake->items->len; i++) {
		struct fake_item *item = g_ptr_array_index(fake->items, i);
		if (g_str_equal(item->id, id))
			return item;
	}
	return NULL;
}

static struct group *group_by_name(struct fake *fake, const char *name)
{
	for (guint i = 0; i < fake->groups->len; i++) {
		struct group *group = g_ptr_array_index(fake->groups, i);
		if (g_str_equal(group->name, name))
			return group;
	}
	return NULL;
}

static void need_groups(struct fake *fake, const struct contact *contact)
{
	if (fake->dialect != EWS_DIALECT_UCS)
		return;
	for (guint i = 0; i < contact->groups->len; i++) {
		const char *name = g_ptr_array_index(contact->groups, i);
		if (group_by_name(fake, name) != NULL)
			continue;
		struct group *group = group_new(name, GROUP_KIND_USER);
		group->store_id = g_strdup_printf("group%" G_GUINT64_FORMAT, ++fake->group_ids);
		g_ptr_array_add(fake->groups, group);
	}
}

static void change_item(struct fake *fake, struct fake_item *item, const struct contact *contact)
{
	need_groups(fake, contact);
	contact_free(item->contact);
	item->contact = contact_copy(contact);
	item->change = ++fake->clock;
	item->created_now = false;
}

static struct fake_item *add_item(
        struct fake *fake, const struct contact *contact, const char *op_uuid)
{
	struct fake_item *item = g_new0(struct fake_item, 1);
	need_groups(fake, contact);
	item->contact = contact_copy(contact);
	item->change = item->created = ++fake->clock;
	item->created_now = true;
	item->id = g_strdup_printf("item%" G_GUINT64_FORMAT, item->change);
	item->op_uuid = fake->dialect == EWS_DIALECT_FOLDER ? g_strdup(op_uuid) : NULL;
	g_ptr_array_add(fake->items, item);
	return item;
}

static void delete_item(struct fake *fake, struct fake_item *item)
{
	struct fake_item *gone = g_new0(struct fake_item, 1);
	gone->id = g_strdup(item->id);
	gone->created = item->created;
	gone->change = ++fake->clock;
	g_ptr_array_add(fake->deleted, gone);
	g_ptr_array_remove(fake->items, item);
}

void fake_mail_put(struct fake *fake, const struct contact *contact)
{
	struct fake_item *item = fake_item(fake, contact->key);
	if (item != NULL)
		change_item(fake, item, contact);
	else
		add_item(fake, contact, NULL);
}

void fake_mail_delete(struct fake *fake, const char *address)
{
	struct fake_item *item = fake_item(fake, address);
	if (item != NULL)
		delete_item(fake, item);
}

void fake_mail_readdress(struct fake *fake, const char *from, const char *to)
{
	struct fake_item *item = fake_item(fake, from);
	if (item == NULL)
		return;
	autoptr(contact) now = contact_copy(item->contact);
	g_free(now->key);
	now->key = g_strdup(to);
	change_item(fake, item, now);
}

void fake_mail_rename_group(struct fake *fake, const char *from, const char *to)
{
	struct group *group = group_by_name(fake, from);
	if (group == NULL || group_by_name(fake, to) != NULL)
		return;
	g_free(group->name);
	group->name = g_strdup(to);
	fake->clock++;
	for (guint i = 0; i < fake->items->len; i++) {
		struct fake_item *item = g_ptr_array_index(fake->items, i);
		if (contact_in_group(item->contact, from)) {
			contact_remove_group(item->contact, from);
			contact_add_group(item->contact, to);
			item->change = fake->clock;
		}
	}
}

/*
 * In the contact store an address is there once: asking again puts what is there into the groups,
 * and its name stays.
 */
static struct fake_item *create_item(
        struct fake *fake, const struct contact *contact, const char *op_uuid)
{
	struct fake_item *item =
	        fake->dialect == EWS_DIALECT_UCS ? fake_item(fake, contact->key) : NULL;
	if (item == NULL)
		return add_item(fake, contact, op_uuid);
	if (contact->name == NULL || g_strcmp0(contact->name, item->contact->name) == 0) {
		autoptr(contact) now = contact_copy(item->contact);
		for (guint i = 0; i < contact->groups->len; i++)
			contact_add_group(now, g_ptr_array_index(contact->groups, i));
		if (!contact_equal(now, item->contact))
			change_item(fake, item, now);
	}
	return item;
}

static bool text_moved(const char *now, const char *before, const char *after)
{
	return g_strcmp0(before, after) != 0 && g_strcmp0(now, before) != 0 &&
	       g_strcmp0(now, after) != 0;
}

/* As ews_contact_update(): fields that are to change must be as they were; groups are sets. */
static bool update_item(struct fake *fake, struct fake_item *item, const struct contact *before,
        const struct contact *after)
{
	if (text_moved(item->contact->name, before->name, after->name) ||
	        text_moved(item->contact->tel_uri, before->tel_uri, after->tel_uri))
		return false;
	autoptr(contact) now = contact_copy(item->contact);
	if (g_strcmp0(before->name, after->name) != 0) {
		g_free(now->name);
		now->name = g_strdup(after->name);
	}
	for (guint i = 0; i < before->groups->len; i++)
		if (!contact_in_group(after, g_ptr_array_index(before->groups, i)))
			contact_remove_group(now, g_ptr_array_index(before->groups, i));
	for (guint i = 0; i < after->groups->len; i++)
		if (!contact_in_group(before, g_ptr_array_index(after->groups, i)))
			contact_add_group(now, g_ptr_array_index(after->groups, i));
	change_item(fake, item, now);
	return true;
}

static void late_effect(struct fake *fake, const struct fake_late *late)
{
	struct fake_item *item = late->id != NULL ? item_by_id(fake, late->id) : NULL;
	switch (late->operation) {
	case 'c':
		/* What is there by now is left as users have made it. */
		if (fake->dialect == EWS_DIALECT_FOLDER ||
		        fake_item(fake, late->after->key) == NULL)
			create_item(fake, late->after, late->op_uuid);
		break;
	case 'u':
		/* The change key that was sent along is no longer the item's. */
		if (item != NULL && item->change == late->change)
			update_item(fake, item, late->before, late->after);
		break;
	default:
		fake_mail_rename_group(fake, g_ptr_array_index(late->before->groups, 0),
		        g_ptr_array_index(late->after->groups, 0));
		break;
	}
}

void fake_late_effects(struct fake *fake, int64_t now_utc_us)
{
	for (guint i = 0; i < fake->late->len;) {
		struct fake_late *late = g_ptr_array_index(fake->late, i);
		if (late->at_utc_us > now_utc_us) {
			i++;
			continue;
		}
		late_effect(fake, late);
		g_ptr_array_remove_index(fake->late, i);
	}
}

static void postpone(struct fake *fake, enum fake_fault fault, char operation,
        const struct ews_item_ref *ref, const struct contact *before, const struct contact *after,
        const char *op_uuid)
{
	struct fake_late *late = g_new0(struct fake_late, 1);
	bool very = fault == FAKE_VERY_LATE && operation == 'c';
	late->at_utc_us = clock_utc_us() + (very ? VERY_LATE_US : LATE_US);
	late->operation = operation;
	late->op_uuid = g_strdup(op_uuid);
	late->before = before != NULL ? contact_copy(before) : NULL;
	late->after = after != NULL ? contact_copy(after) : NULL;
	if (ref != NULL) {
		const struct fake_item *item = item_by_id(fake, ref->id);
		late->id = g_strdup(ref->id);
		late->change = item != NULL ? item->change : 0;
	}
	g_ptr_array_add(fake->late, late);
}

/*
 * Operations
 */

/* What is to go wrong now; *kill_after tells that the process ends when the effect is there. */
static enum fake_fault begin(struct fake *fake, const char *operation, bool writes)
{
	fake->operations++;
	fake->writes += writes;
	if (fake->meanwhile != NULL)
		fake->meanwhile(fake->data);
	enum fake_fault fault =
	        fake->fault != NULL ? fake->fault(fake->data, operation, writes) : FAKE_FINE;
	if (fault == FAKE_KILL_BEFORE)
		longjmp(fake->killed, 1);
	return fault;
}

static bool end(struct fake *fake, enum fake_fault fault, GError **error)
{
	switch (fault) {
	case FAKE_KILL_AFTER:
		longjmp(fake->killed, 1);
	case FAKE_LOST_AFTER:
	case FAKE_LOST_BEFORE:
	case FAKE_LATE:
	case FAKE_VERY_LATE:
		error_set(error, ERROR_UNCERTAIN, "http.timeout", "the answer was lost");
		return false;
	case FAKE_RETRY:
		error_set(error, ERROR_RETRY, "ews.transient", "not now");
		return false;
	case FAKE_ITEM:
		error_set(error, ERROR_ITEM, "ews.item", "not this one");
		return false;
	case FAKE_FINE:
	case FAKE_KILL_BEFORE:
	case FAKE_FAULTS:
	default:
		return true;
	}
}

static bool has_effect(enum fake_fault fault)
{
	return fault == FAKE_FINE || fault == FAKE_KILL_AFTER || fault == FAKE_LOST_AFTER;
}

static bool is_late(enum fake_fault fault)
{
	return fault == FAKE_LATE || fault == FAKE_VERY_LATE;
}

static char *change_key(const struct fake_item *item)
{
	return g_strdup_printf("key%" G_GUINT64_FORMAT, item->change);
}

static void set_ref(struct ews_item_ref *out, const struct fake_item *item)
{
	g_autofree char *key = change_key(item);
	ews_item_ref_set(out, item->id, key);
}

static bool fake_confirm(void *data, GError **error)
{
	struct fake *fake = data;
	enum fake_fault fault = begin(fake, "confirm", false);
	return end(fake, fault, error);
}

static bool tell_item(const struct fake_item *item, uint64_t since,
        const struct ews_contacts_sink *sink, GError **error)
{
	g_autofree char *key = change_key(item);
	const struct ews_contact_change change = {
	        .kind = EWS_CHANGE_UPSERT,
	        .item_id = item->id,
	        .change_key = key,
	        .contact = item->contact,
	        .op_uuid = item->op_uuid,
	        .created = item->created > since,
	};
	return sink->contact(&change, sink->data, error);
}

static bool tell_changes(struct fake *fake, uint64_t since, bool full,
        const struct ews_contacts_sink *sink, GError **error)
{
	for (guint i = 0; full && i < fake->groups->len; i++)
		if (!sink->group(g_ptr_array_index(fake->groups, i), sink->data, error))
			return false;
	for (guint i = 0; i < fake->items->len; i++) {
		const struct fake_item *item = g_ptr_array_index(fake->items, i);
		if (item->change > since && !tell_item(item, since, sink, error))
			return false;
	}
	for (guint i = 0; !full && i < fake->deleted->len; i++) {
		const struct fake_item *item = g_ptr_array_index(fake->deleted, i);
		const struct ews_contact_change change = {
		        .kind = EWS_CHANGE_DELETE, .item_id = item->id};
		/* As servers do: what was never told is not told to be gone. */
		if (item->created <= since && item->change > since &&
		        !sink->contact(&change, sink->data, error))
			return false;
	}
	return true;
}

static bool any_since(const struct fake *fake, uint64_t since)
{
	for (guint i = 0; i < fake->items->len; i++)
		if (((const struct fake_item *)g_ptr_array_index(fake->items, i))->created <= since)
			return true;
	return false;
}

static bool fake_changes(void *data, const char *state_in, const struct ews_contacts_sink *sink,
        char **state_out, bool *full, GError **error)
{
	struct fake *fake = data;
	enum fake_fault fault = begin(fake, "changes", false);
	fake->full_reads += state_in == NULL;
	uint64_t since = state_in != NULL ? g_ascii_strtoull(state_in, NULL, 10) : 0;
	bool ucs = fake->dialect == EWS_DIALECT_UCS;
	*full = state_in == NULL || (ucs && fake->clock > since);
	if (state_in != NULL && fake->refuse_state) {
		if (!tell_changes(fake, since, false, sink, error) ||
		        !sink->restart(sink->data, error))
			return false;
		*full = true;
	}
	bool forgotten = state_in != NULL && !ucs && fake->forget_state;
	fake->forgot_unseen = fake->forgot_unseen || (forgotten && !any_since(fake, since));
	fake->refuse_state = fake->forget_state = false;
	if (*full || forgotten)
		since = 0;
	if (!tell_changes(fake, since, *full || forgotten, sink, error) || !end(fake, fault, error))
		return false;
	*state_out = g_strdup_printf("%" G_GUINT64_FORMAT, fake->clock);
	return true;
}

static bool create_one(
        struct fake *fake, const struct ews_contact_new *wanted, struct ews_outcome *outcome)
{
	enum fake_fault fault = begin(fake, "create", true);
	if (is_late(fault))
		postpone(fake, fault, 'c', NULL, NULL, wanted->contact, wanted->op_uuid);
	if (has_effect(fault)) {
		const struct fake_item *item = create_item(fake, wanted->contact, wanted->op_uuid);
		if (wanted->contact->name != NULL &&
		        g_strcmp0(item->contact->name, wanted->contact->name) != 0 &&
		        fault == FAKE_FINE) {
			error_set(&outcome->error, ERROR_ITEM, "ews.conflict", "it was there");
			return false;
		}
		if (fault == FAKE_FINE)
			set_ref(&outcome->ref, item);
	}
	return end(fake, fault, &outcome->error);
}

static bool fake_create(void *data, const struct ews_contact_new *contacts, size_t n,
        struct ews_outcome *outcomes, GError **error)
{
	for (size_t i = 0; i < n; i++) {
		if (create_one(data, &contacts[i], &outcomes[i]))
			continue;
		if (error != NULL && *error == NULL)
			*error = g_error_copy(outcomes[i].error);
		if (error_class_of(outcomes[i].error) == ERROR_ITEM)
			continue;
		/* One answer is for all: those after it are without one, too. */
		for (size_t rest = i + 1; rest < n; rest++)
			outcomes[rest].error = g_error_copy(outcomes[i].error);
		break;
	}
	for (size_t i = 0; i < n; i++)
		if (outcomes[i].error != NULL)
			return false;
	return true;
}

static bool fake_update(void *data, const struct ews_item_ref *ref, const struct contact *before,
        const struct contact *after, struct ews_item_ref *out, GError **error)
{
	struct fake *fake = data;
	enum fake_fault fault = begin(fake, "update", true);
	if (is_late(fault))
		postpone(fake, fault, 'u', ref, before, after, NULL);
	if (has_effect(fault)) {
		struct fake_item *item = item_by_id(fake, ref->id);
		if (item == NULL) {
			error_set(error, ERROR_ITEM, "ews.not_found", "it is gone");
			return false;
		}
		if (!update_item(fake, item, before, after)) {
			error_set(error, ERROR_ITEM, "ews.conflict", "it changed meanwhile");
			return false;
		}
		if (fault == FAKE_FINE)
			set_ref(out, item);
	}
	return end(fake, fault, error);
}

static bool fake_remove(
        void *data, const struct ews_item_ref *ref, const struct contact *before, GError **error)
{
	struct fake *fake = data;
	enum fake_fault fault = begin(fake, "remove", true);
	struct fake_item *item = item_by_id(fake, ref->id);
	/* One that comes late may take a user's edit along, which nobody could prevent. */
	if (is_late(fault))
		fault = FAKE_LOST_AFTER;
	if (item != NULL && !contact_equal(item->contact, before)) {
		error_set(error, ERROR_ITEM, "ews.conflict", "it changed meanwhile");
		return false;
	}
	if (has_effect(fault) && item != NULL)
		delete_item(fake, item);
	return end(fake, fault, error);
}

static void found_free_item(GPtrArray *found, const struct fake_item *item)
{
	struct ews_contact_found *one = g_new0(struct ews_contact_found, 1);
	set_ref(&one->ref, item);
	one->contact = contact_copy(item->contact);
	one->op_uuid = g_strdup(item->op_uuid);
	g_ptr_array_add(found, one);
}

static bool fake_find(
        void *data, const char *address, const char *op_uuid, GPtrArray *found, GError **error)
{
	struct fake *fake = data;
	enum fake_fault fault = begin(fake, "find", false);
	for (guint i = 0; i < fake->items->len; i++) {
		const struct fake_item *item = g_ptr_array_index(fake->items, i);
		if (g_str_equal(item->contact->key, address) ||
		        (op_uuid != NULL && g_strcmp0(item->op_uuid, op_uuid) == 0))
			found_free_item(found, item);
	}
	return end(fake, fault, error);
}

static bool fake_rename_group(
        void *data, const struct group *group, const char *name, GError **error)
{
	struct fake *fake = data;
	enum fake_fault fault = begin(fake, "rename", true);
	autoptr(contact) before = contact_new("", NULL);
	autoptr(contact) after = contact_new("", NULL);
	contact_add_group(before, group->name);
	contact_add_group(after, name);
	if (is_late(fault))
		postpone(fake, fault, 'g', NULL, before, after, NULL);
	if (has_effect(fault) && group_by_name(fake, name) != NULL) {
		error_set(error, ERROR_ITEM, "ews.item", "there is such a group");
		return false;
	}
	if (has_effect(fault)) {
		fake_mail_rename_group(fake, group->name, name);
		g_hash_table_replace(fake->renamed, g_strdup(group->name), g_strdup(name));
	}
	return end(fake, fault, error);
}

static bool fake_migration_completed(void *data, bool completed, GError **error)
{
	struct fake *fake = data;
	enum fake_fault fault = begin(fake, "completed", false);
	if (has_effect(fault))
		fake->completed = completed;
	return end(fake, fault, error);
}

struct mail_end fake_mail_end(struct fake *fake)
{
	static const struct mail_end_driver driver = {
	        .confirm = fake_confirm,
	        .changes = fake_changes,
	        .create = fake_create,
	        .update = fake_update,
	        .remove = fake_remove,
	        .find = fake_find,
	        .rename_group = fake_rename_group,
	        .migration_completed = fake_migration_completed,
	};
	return (struct mail_end){&driver, fake, fake->dialect};
}

/*
 * The IM side
 */

void fake_im_put(struct fake *fake, const struct contact *contact)
{
	g_hash_table_replace(fake->roster, g_strdup(contact->key), contact_copy(contact));
	fake->version++;
}

void fake_im_delete(struct fake *fake, const char *key)
{
	fake->version += g_hash_table_remove(fake->roster, key) ? 1 : 0;
}

static char *version_text(const struct fake *fake)
{
	return g_strdup_printf("%" G_GUINT64_FORMAT, fake->version);
}

/* Asked right before a write, so that nobody edits in between. */
static char *fake_version(void *data, const char *owner, GError **error)
{
	(void)owner;
	(void)error;
	return version_text(data);
}

static bool fake_went_back(void *data, const char *before, const char *now)
{
	(void)data;
	return g_ascii_strtoull(now, NULL, 10) < g_ascii_strtoull(before, NULL, 10);
}

static int compare_keys(const void *a, const void *b)
{
	const struct contact *const *left = a;
	const struct contact *const *right = b;
	return strcmp((*left)->key, (*right)->key);
}

static struct im_roster *fake_read(void *data, const char *owner, GError **error)
{
	(void)owner;
	struct fake *fake = data;
	enum fake_fault fault = begin(fake, "roster", false);
	fake->roster_reads++;
	if (!end(fake, fault, error))
		return NULL;
	struct im_roster *roster = g_new0(struct im_roster, 1);
	roster->version = version_text(fake);
	roster->contacts = g_ptr_array_new_with_free_func(free_contact);
	roster->unreadable = g_ptr_array_new_with_free_func(g_free);
	roster->requests = g_ptr_array_new_with_free_func(g_free);
	GHashTableIter iter;
	void *key, *contact;
	g_hash_table_iter_init(&iter, fake->roster);
	while (g_hash_table_iter_next(&iter, &key, &contact))
		g_ptr_array_add(roster->contacts, contact_copy(contact));
	g_ptr_array_sort(roster->contacts, compare_keys);
	return roster;
}

static enum fake_fault im_fault(struct fake *fake, const char *operation)
{
	fake->operations++;
	fake->writes++;
	enum fake_fault fault =
	        fake->fault != NULL ? fake->fault(fake->data, operation, true) : FAKE_FINE;
	if (fault == FAKE_KILL_BEFORE)
		longjmp(fake->killed, 1);
	return is_late(fault) ? FAKE_LOST_AFTER : fault;
}

static bool fake_set(void *data, const char *owner, const struct contact *contact, char **version,
        GError **error)
{
	(void)owner;
	struct fake *fake = data;
	enum fake_fault fault = im_fault(fake, "im-set");
	if (has_effect(fault))
		fake_im_put(fake, contact);
	if (!end(fake, fault, error))
		return false;
	*version = version_text(fake);
	return true;
}

static bool fake_im_remove(
        void *data, const char *owner, const char *key, char **version, GError **error)
{
	(void)owner;
	struct fake *fake = data;
	enum fake_fault fault = im_fault(fake, "im-remove");
	if (has_effect(fault))
		fake_im_delete(fake, key);
	if (!end(fake, fault, error))
		return false;
	*version = version_text(fake);
	return true;
}

struct im_end fake_im_end(struct fake *fake, bool writable)
{
	static const struct im_end_driver driver = {
	        .version = fake_version,
	        .went_back = fake_went_back,
	        .read = fake_read,
	        .set = fake_set,
	        .remove = fake_im_remove,
	};
	return (struct im_end){&driver, fake, writable, false};
}
