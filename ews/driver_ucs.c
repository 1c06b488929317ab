/*
 * Dialect ucs: the Unified Contact Store. SyncFolderItems on its two folders tells whether anything
 * changed; the list itself is then read at once, because it has no sync state of its own.
 *
 * Requests of one mailbox go one after the other: group edits race otherwise.
 */
#include "ews/ucs.h"

#include "core/address.h"
#include "core/error.h"

#include <string.h>

#define STATE_PREFIX "ucs1:"

static const struct ews_folder contacts_folder = {.distinguished = "quickcontacts"};
static const struct ews_folder groups_folder = {.distinguished = "imcontactlist"};

/* reading */

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
	for (guint i = 0; ews_ucs_is_plain(group) && i < found->members->len; i++) {
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

static bool read_list(
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

/* changes */

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
	(void)kind;
	(void)item;
	(void)error;
	bool *changed = data;
	*changed = true;
	return true;
}

static bool folder_changed(struct ews_session *session, const struct ews_folder *folder,
        const char *state_in, char **state_out, bool *changed, GError **error)
{
	struct ews_sync_walk walk = {
	        .folder = folder, .shape = EWS_SHAPE_ID, .sink = note_change, .data = changed};
	g_autoptr(GError) failure = NULL;
	if (ews_sync_walk(session, &walk, state_in, state_out, &failure))
		return true;
	if (state_in == NULL || !error_is(failure, "ews.sync_state")) {
		g_propagate_error(error, g_steal_pointer(&failure));
		return false;
	}
	*changed = true;
	return ews_sync_walk(session, &walk, NULL, state_out, error);
}

/* The states are taken before the list: what changes in between is told again next time. */
static bool changes(struct ews_session *session, const char *state_in,
        const struct ews_contacts_sink *sink, char **state_out, bool *full, GError **error)
{
	g_autofree char *contacts_in = NULL, *groups_in = NULL;
	g_autofree char *contacts_out = NULL, *groups_out = NULL;
	bool changed = !split_state(state_in, &contacts_in, &groups_in);
	if (!folder_changed(
	            session, &contacts_folder, contacts_in, &contacts_out, &changed, error) ||
	        !folder_changed(session, &groups_folder, groups_in, &groups_out, &changed, error))
		return false;
	if (changed && !read_list(session, sink, error))
		return false;
	*state_out = g_strdup_printf(
	        STATE_PREFIX "%zu:%s%s", strlen(contacts_out), contacts_out, groups_out);
	*full = changed;
	return true;
}

/* writing */

/* "sip:+15625550100@corp.example;user=phone" (RFC 3261, section 19.1.6) */
static char *sip_of_number(const struct ews_session *session, const char *tel)
{
	const char *domain =
	        session->mailbox == NULL ? "localhost" : address_domain(session->mailbox->smtp);
	return g_strdup_printf("sip:%s@%s;user=phone", tel + strlen("tel:"), domain);
}

/* An address is in the list once: adding it again gives what is there, under its own name. */
static bool is_ours(const struct contact *contact, const char *shown, GError **error)
{
	g_autofree char *sent = contact->name != NULL ? xml_text_as_sent(contact->name) : NULL;
	if (sent == NULL || shown == NULL || g_str_equal(shown, sent))
		return true;
	ews_contact_refuse_changed("somebody else added it", error);
	return false;
}

static bool add_to_list(struct ews_session *session, const struct contact *contact,
        const char *group_id, struct ews_item_ref *out, GError **error)
{
	bool number_only = address_is_tel(contact->key);
	const char *tel = number_only ? contact->key : contact->tel_uri;
	if (tel == NULL) {
		g_autofree char *shown = NULL;
		return ews_add_new_im_contact_to_group(session, contact->key, contact->name,
		               group_id, out, &shown, error) &&
		       is_ours(contact, shown, error);
	}
	g_autofree char *sip =
	        number_only ? sip_of_number(session, tel) : g_strconcat("sip:", contact->key, NULL);
	const char *number = g_str_has_prefix(tel, "tel:") ? tel + strlen("tel:") : tel;
	return ews_add_new_tel_uri_contact_to_group(
	        session, tel, sip, number, group_id, out, error);
}

/* Groups that are in set and not in other. */
static bool join_groups(struct ews_session *session, const char *contact_id, const GPtrArray *set,
        const struct contact *other, GError **error)
{
	for (guint i = 0; i < set->len; i++) {
		if (other != NULL && contact_in_group(other, set->pdata[i]))
			continue;
		const char *group_id = ews_ucs_need_group(session, set->pdata[i], error);
		if (group_id == NULL ||
		        !ews_add_im_contact_to_group(session, contact_id, group_id, error))
			return false;
	}
	return true;
}

/* Some servers refuse to take out who is not in: then nothing is left to do. */
static bool is_out(struct ews_session *session, const char *contact_id, const char *group_id)
{
	struct ews_ucs_roster roster = {0};
	bool out = ews_ucs_roster_read(session, &roster, NULL);
	for (guint i = 0; out && i < roster.groups->len; i++) {
		const struct group *group = roster.groups->pdata[i];
		out = !g_str_equal(group->store_id, group_id) ||
		      !ews_ucs_roster_has(&roster, i, contact_id);
	}
	ews_ucs_roster_clear(&roster);
	return out;
}

static bool leave_group(
        struct ews_session *session, const char *contact_id, const char *group_id, GError **error)
{
	g_autoptr(GError) failure = NULL;
	if (ews_remove_im_contact_from_group(session, contact_id, group_id, &failure) ||
	        error_is(failure, "ews.not_found"))
		return true;
	if (error_is(failure, "ews.item") && is_out(session, contact_id, group_id))
		return true;
	g_propagate_error(error, g_steal_pointer(&failure));
	return false;
}

/* Groups that are in set and not in other. */
static bool leave_groups(struct ews_session *session, const char *contact_id, const GPtrArray *set,
        const struct contact *other, GError **error)
{
	for (guint i = 0; i < set->len; i++) {
		const struct group *group = ews_ucs_group_named(session, set->pdata[i]);
		if (contact_in_group(other, set->pdata[i]) || group == NULL)
			continue;
		if (!leave_group(session, contact_id, group->store_id, error))
			return false;
	}
	return true;
}

/*
 * The contact is made with its first group and put into the others one by one. When one of these
 * fails, the contact stands there half made: it is uncertain, so that the caller looks it up and
 * completes it.
 */
static bool create_one(struct ews_session *session, const struct contact *contact,
        struct ews_item_ref *out, GError **error)
{
	const char *group_id = NULL;
	if (!ews_ucs_need_groups(session, error))
		return false;
	if (contact->groups->len > 0) {
		group_id = ews_ucs_need_group(session, contact->groups->pdata[0], error);
		if (group_id == NULL)
			return false;
	} else {
		group_id = ews_ucs_other_contacts_id(session);
	}
	if (!add_to_list(session, contact, group_id, out, error))
		return false;
	autoptr(contact) made = contact_new(contact->key, NULL);
	if (contact->groups->len > 0)
		contact_add_group(made, contact->groups->pdata[0]);
	GError *failure = NULL;
	if (join_groups(session, out->id, contact->groups, made, &failure))
		return true;
	error_reclass(failure, ERROR_UNCERTAIN);
	g_propagate_error(error, failure);
	return false;
}

/* After these, the next contact would fare no better. */
static bool ends_all(const GError *failure)
{
	enum error_class error_class = error_class_of(failure);
	if (error_class == ERROR_UNCERTAIN)
		return !g_str_has_prefix(error_reason(failure), "ews.");
	return error_class != ERROR_ITEM;
}

static bool create(struct ews_session *session, const struct ews_contact_new *contacts, size_t n,
        struct ews_outcome *outcomes, GError **error)
{
	const GError *first = NULL;
	for (size_t i = 0; i < n; i++) {
		struct ews_outcome *outcome = &outcomes[i];
		struct ews_item_ref made = {0};
		if (first != NULL && ends_all(first))
			ews_outcome_unsent(outcome, first);
		else if (create_one(session, contacts[i].contact, &made, &outcome->error)) {
			outcome->ref = made;
			continue;
		}
		ews_item_ref_clear(&made);
		if (first == NULL || ends_all(outcome->error))
			first = outcome->error;
	}
	if (first != NULL)
		g_propagate_error(error, g_error_copy(first));
	return first == NULL;
}

/* In no group any more means in "Other Contacts": nobody leaves the list by leaving a group. */
static bool change_groups(struct ews_session *session, const char *id, const struct contact *before,
        const struct contact *after, GError **error)
{
	if (!ews_ucs_need_groups(session, error) ||
	        !join_groups(session, id, after->groups, before, error))
		return false;
	if (after->groups->len == 0 && before->groups->len > 0 &&
	        !ews_add_im_contact_to_group(
	                session, id, ews_ucs_other_contacts_id(session), error))
		return false;
	if (!leave_groups(session, id, before->groups, after, error))
		return false;
	const char *other = ews_ucs_other_contacts_id(session);
	if (before->groups->len > 0 || after->groups->len == 0 || other == NULL)
		return true;
	/* Staying in "Other Contacts" beside a group does no harm. */
	g_autoptr(GError) ignored = NULL;
	if (!ews_remove_im_contact_from_group(session, id, other, &ignored) &&
	        error_class_of(ignored) != ERROR_ITEM) {
		g_propagate_error(error, g_steal_pointer(&ignored));
		return false;
	}
	return true;
}

/* There is no operation for the name: the item behind the contact is changed. */
static bool change_name(struct ews_session *session, const struct ews_item_ref *ref,
        const struct contact *before, const struct contact *after, struct ews_item_ref *out,
        GError **error)
{
	autoptr(contact) old = contact_new(after->key, before->name);
	autoptr(contact) new = contact_new(after->key, after->name);
	g_autoptr(GError) failure = NULL;
	if (ews_contact_item_update(session, ref, old, new, out, &failure))
		return true;
	if (error_is(failure, "ews.forbidden") || error_is(failure, "ews.item") ||
	        error_is(failure, "ews.unsupported")) {
		error_set(error, ERROR_ITEM, "ews.item",
		        "the mail server does not let the name of the contact %s be changed; "
		        "change it in the mailbox",
		        after->key);
		return false;
	}
	g_propagate_error(error, g_steal_pointer(&failure));
	return false;
}

static bool update(struct ews_session *session, const struct ews_item_ref *ref,
        const struct contact *before, const struct contact *after, struct ews_item_ref *out,
        GError **error)
{
	bool same_tel = g_strcmp0(before->tel_uri, after->tel_uri) == 0;
	if (!g_str_equal(before->key, after->key) || !same_tel) {
		error_set(error, ERROR_ITEM, "ews.item",
		        "the address or number of the contact %s cannot be changed in this list; "
		        "delete it and make it anew",
		        before->key);
		return false;
	}
	ews_item_ref_set(out, ref->id, ref->change_key);
	if (!contact_same_groups(before, after) &&
	        !change_groups(session, ref->id, before, after, error))
		return false;
	return g_strcmp0(before->name, after->name) == 0 ||
	       change_name(session, ref, before, after, out, error);
}

/* Who is in no group any more is off the list. */
static bool leave_all_groups(struct ews_session *session, const char *contact_id, GError **error)
{
	struct ews_ucs_roster roster = {0};
	bool ok = ews_ucs_roster_read(session, &roster, error);
	for (guint i = 0; ok && i < roster.groups->len; i++) {
		const struct group *group = roster.groups->pdata[i];
		if (ews_ucs_roster_has(&roster, i, contact_id))
			ok = ews_remove_im_contact_from_group(
			        session, contact_id, group->store_id, error);
	}
	ews_ucs_roster_clear(&roster);
	return ok;
}

struct entry {
	const char *item_id;
	struct contact *contact;
};

static bool on_entry(const struct ews_contact_change *change, void *data, GError **error)
{
	(void)error;
	struct entry *entry = data;
	if (change->kind == EWS_CHANGE_UPSERT && entry->contact == NULL &&
	        g_str_equal(change->item_id, entry->item_id))
		entry->contact = contact_copy(change->contact);
	return true;
}

/* Whether the entry is still as it was; no change key is looked at by the Im* operations. */
static bool is_still(struct ews_session *session, const char *item_id, const struct contact *before,
        bool *gone, GError **error)
{
	struct entry entry = {.item_id = item_id};
	struct ews_contacts_sink sink = {.contact = on_entry, .data = &entry};
	if (!read_list(session, &sink, error))
		return false;
	autoptr(contact) now = entry.contact;
	*gone = now == NULL;
	if (now == NULL || contact_equal(now, before))
		return true;
	ews_contact_refuse_changed("it was to be deleted", error);
	return false;
}

static bool delete (struct ews_session *session, const struct ews_item_ref *ref,
        const struct contact *before, GError **error)
{
	g_autoptr(GError) failure = NULL;
	bool gone = false;
	if (before != NULL && !is_still(session, ref->id, before, &gone, error))
		return false;
	if (gone || ews_remove_contact_from_im_list(session, ref->id, &failure) ||
	        error_is(failure, "ews.not_found"))
		return true;
	enum error_class error_class = error_class_of(failure);
	/* Some servers refuse that operation altogether. */
	if (error_class == ERROR_ITEM || error_class == ERROR_CONFIG ||
	        error_is(failure, "ews.forbidden"))
		return leave_all_groups(session, ref->id, error);
	g_propagate_error(error, g_steal_pointer(&failure));
	return false;
}

struct look_up {
	const char *address;
	GPtrArray *found;
};

static bool on_candidate(const struct ews_contact_change *change, void *data, GError **error)
{
	(void)error;
	struct look_up *look_up = data;
	if (change->kind != EWS_CHANGE_UPSERT ||
	        !g_str_equal(change->contact->key, look_up->address))
		return true;
	struct ews_contact_found *found = g_new0(struct ews_contact_found, 1);
	ews_item_ref_set(&found->ref, change->item_id, change->change_key);
	found->contact = contact_copy(change->contact);
	g_ptr_array_add(look_up->found, found);
	return true;
}

static bool find(struct ews_session *session, const char *address, const char *op_uuid,
        GPtrArray *found, GError **error)
{
	(void)op_uuid; /* the list has no room for it: the address is the natural key */
	if (address == NULL)
		return true;
	struct look_up look_up = {.address = address, .found = found};
	struct ews_contacts_sink sink = {.contact = on_candidate, .data = &look_up};
	return read_list(session, &sink, error);
}

const struct ews_contact_driver ews_contact_driver_ucs = {
        .name = "ucs",
        .changes = changes,
        .create = create,
        .update = update,
        .delete = delete,
        .find = find,
        .group_create = ews_ucs_group_create,
        .group_rename = ews_ucs_group_rename,
        .group_delete = ews_ucs_group_delete,
        .migration_completed = ews_set_im_list_migration_completed,
};
