/*
 * Dialect ucs: the Unified Contact Store; what is written to it. ucs_read.c reads it.
 *
 * Requests of one mailbox go one after the other: group edits race otherwise.
 */
#include "ews/ucs.h"

#include "core/address.h"
#include "core/error.h"

#include <string.h>

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
	bool joined = join_groups(session, out->id, contact->groups, made, &failure);
	ews_ucs_wrote(session, NULL, contact);
	if (joined)
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
	ews_ucs_wrote(session, before, after);
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

static bool delete (struct ews_session *session, const struct ews_item_ref *ref,
        const struct contact *before, GError **error)
{
	g_autoptr(GError) failure = NULL;
	bool gone = false;
	if (before != NULL && !ews_ucs_is_still(session, ref->id, before, &gone, error))
		return false;
	if (gone || ews_remove_contact_from_im_list(session, ref->id, &failure) ||
	        error_is(failure, "ews.not_found")) {
		ews_ucs_wrote(session, before, NULL);
		return true;
	}
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
	return ews_ucs_read_list(session, &sink, error);
}

const struct ews_contact_driver ews_contact_driver_ucs = {
        .name = "ucs",
        .changes = ews_ucs_changes,
        .create = create,
        .update = update,
        .delete = delete,
        .find = find,
        .group_create = ews_ucs_group_create,
        .group_rename = ews_ucs_group_rename,
        .group_delete = ews_ucs_group_delete,
        .migration_completed = ews_set_im_list_migration_completed,
};
