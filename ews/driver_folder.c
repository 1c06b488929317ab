/*
 * Dialect folder: contacts of the Contacts folder that have an IM address. One SyncFolderItems
 * page brings them whole; where a server leaves properties out or cuts them short, the items are
 * fetched in batches after the page.
 */
#include "ews/contact_driver.h"

#include "core/address.h"
#include "core/error.h"

#include <string.h>

#define STATE_PREFIX "folder1:"
/* SyncFolderItems and FindItem may cut text at 255 characters. */
#define SURELY_WHOLE_BYTES 250
#define FIND_PAGE 200
#define FIND_MAX_PAGES 5000

static const struct ews_folder contacts_folder = {.distinguished = "contacts"};

/* reading */

struct pass {
	struct ews_session *session;
	const struct ews_contacts_sink *sink;
	bool full;
	bool handed_over; /* the sink was called */
	GPtrArray *pending; /* char *: ids of items that must be fetched */
	GArray *pending_created; /* bool, beside pending */
};

static bool hand_over(struct pass *pass, const struct ews_contact_change *change, GError **error)
{
	pass->handed_over = true;
	return pass->sink->contact(change, pass->sink->data, error);
}

static bool hand_over_item(
        struct pass *pass, const struct ews_item *item, bool created, GError **error)
{
	g_autoptr(GError) why = NULL;
	autoptr(contact) contact = ews_item_contact(item, &why);
	autoptr(contact_card) card = contact != NULL ? ews_item_card(item) : NULL;
	struct ews_contact_change change = {
	        .kind = EWS_CHANGE_UPSERT,
	        .item_id = ews_item_text(item, ITEM_ID),
	        .change_key = ews_item_text(item, ITEM_CHANGE_KEY),
	        .contact = contact,
	        .card_told = true,
	        .card = card,
	        .op_uuid = ews_item_text(item, ITEM_OPERATION),
	        .created = created,
	        .why = why,
	};
	if (why != NULL)
		change.kind = EWS_CHANGE_UNUSABLE;
	else if (contact == NULL)
		change.kind = EWS_CHANGE_DELETE;
	/* Who has no IM address is no news in a full answer. */
	if (change.kind == EWS_CHANGE_DELETE && pass->full)
		return true;
	return hand_over(pass, &change, error);
}

/* An item that came with its properties came with its class; all that is short came whole. */
static bool came_whole(const struct ews_item *item)
{
	return ews_item_text(item, ITEM_CLASS) != NULL &&
	       item->texts[ITEM_DISPLAY_NAME]->len < SURELY_WHOLE_BYTES &&
	       item->texts[ITEM_IM_ADDRESS]->len < SURELY_WHOLE_BYTES;
}

static bool on_change(
        enum ews_sync_kind kind, const struct ews_item *item, void *data, GError **error)
{
	struct pass *pass = data;
	bool created = kind == EWS_SYNC_CREATE;
	if (kind == EWS_SYNC_DELETE) {
		struct ews_contact_change change = {
		        .kind = EWS_CHANGE_DELETE, .item_id = ews_item_text(item, ITEM_ID)};
		return hand_over(pass, &change, error);
	}
	if (!item->is_contact) /* distribution lists, and what else is put there */
		return true;
	if (came_whole(item))
		return hand_over_item(pass, item, created, error);
	g_ptr_array_add(pass->pending, g_strdup(ews_item_text(item, ITEM_ID)));
	g_array_append_val(pass->pending_created, created);
	return true;
}

static bool on_fetched(size_t index, const struct ews_item *item, const GError *failure, void *data,
        GError **error)
{
	struct pass *pass = data;
	bool created = g_array_index(pass->pending_created, bool, index);
	if (failure == NULL)
		return hand_over_item(pass, item, created, error);
	if (error_class_of(failure) != ERROR_ITEM) {
		g_propagate_error(error, g_error_copy(failure));
		return false;
	}
	bool gone = error_is(failure, "ews.not_found"); /* deleted since */
	if (gone && pass->full)
		return true;
	struct ews_contact_change change = {
	        .kind = gone ? EWS_CHANGE_DELETE : EWS_CHANGE_UNUSABLE,
	        .item_id = pass->pending->pdata[index],
	        .created = created && !gone,
	        .why = gone ? NULL : failure,
	};
	return hand_over(pass, &change, error);
}

static bool fetch_pending(void *data, GError **error)
{
	struct pass *pass = data;
	bool ok = pass->pending->len == 0 ||
	          ews_get_items(pass->session, (const char *const *)pass->pending->pdata,
	                  pass->pending->len, EWS_SHAPE_CONTACT, on_fetched, pass, error);
	g_ptr_array_set_size(pass->pending, 0);
	g_array_set_size(pass->pending_created, 0);
	return ok;
}

static bool walk(struct pass *pass, const char *state_in, char **state_out, GError **error)
{
	struct ews_session *session = pass->session;
	struct ews_sync_walk walk = {
	        .folder = &contacts_folder,
	        .shape = session->sync_ids_only ? EWS_SHAPE_ID : EWS_SHAPE_CONTACT,
	        .sink = on_change,
	        .page_done = fetch_pending,
	        .data = pass,
	};
	g_autoptr(GError) failure = NULL;
	pass->full = state_in == NULL;
	if (ews_sync_walk(session, &walk, state_in, state_out, &failure))
		return true;
	/* A server that does not give these properties here gives them with GetItem. */
	bool refused = error_is(failure, "ews.item") || error_is(failure, "ews.unsupported") ||
	               error_is(failure, "ews.request");
	if (refused && !session->sync_ids_only && !pass->handed_over) {
		session->sync_ids_only = true;
		walk.shape = EWS_SHAPE_ID;
		return ews_sync_walk(session, &walk, state_in, state_out, error);
	}
	g_propagate_error(error, g_steal_pointer(&failure));
	return false;
}

static bool walk_or_restart(
        struct pass *pass, const char *state_in, char **state_out, GError **error)
{
	g_autoptr(GError) failure = NULL;
	if (walk(pass, state_in, state_out, &failure))
		return true;
	if (state_in == NULL || !error_is(failure, "ews.sync_state")) {
		g_propagate_error(error, g_steal_pointer(&failure));
		return false;
	}
	g_ptr_array_set_size(pass->pending, 0);
	g_array_set_size(pass->pending_created, 0);
	if (pass->sink->restart != NULL && !pass->sink->restart(pass->sink->data, error))
		return false;
	return walk(pass, NULL, state_out, error);
}

static bool changes(struct ews_session *session, const char *state_in,
        const struct ews_contacts_sink *sink, char **state_out, bool *full, GError **error)
{
	struct pass pass = {
	        .session = session,
	        .sink = sink,
	        .pending = g_ptr_array_new_with_free_func(g_free),
	        .pending_created = g_array_new(FALSE, FALSE, sizeof(bool)),
	};
	const char *server_state = NULL;
	if (state_in != NULL && g_str_has_prefix(state_in, STATE_PREFIX))
		server_state = state_in + strlen(STATE_PREFIX);
	g_autofree char *state = NULL;
	bool ok = walk_or_restart(&pass, server_state, &state, error);
	g_ptr_array_unref(pass.pending);
	g_array_unref(pass.pending_created);
	if (!ok)
		return false;
	*state_out = g_strconcat(STATE_PREFIX, state, NULL);
	*full = pass.full;
	return true;
}

/* writing */

struct new_contacts {
	const struct ews_contact_new *contacts;
	bool email;
};

static void write_entry(struct xml_writer *w, const char *list, const char *key, const char *value)
{
	xml_start(w, list);
	xml_start(w, "t:Entry");
	xml_attr(w, "Key", key);
	xml_text(w, value);
	xml_end(w);
	xml_end(w);
}

static void write_categories(struct xml_writer *w, const GPtrArray *categories)
{
	xml_start(w, "t:Categories");
	for (guint i = 0; i < categories->len; i++)
		xml_text_element(w, "t:String", categories->pdata[i]);
	xml_end(w);
}

/* Only a number that is not already the key is worth a property of its own. */
static const char *extra_tel_uri(const struct contact *contact)
{
	return address_is_tel(contact->key) ? NULL : contact->tel_uri;
}

static void write_contact(struct xml_writer *w, size_t index, const void *data)
{
	const struct new_contacts *list = data;
	const struct contact *contact = list->contacts[index].contact;
	const char *shown = contact->name == NULL ? contact->key : contact->name;
	xml_start(w, "t:Contact");
	xml_text_element(w, "t:ItemClass", "IPM.Contact");
	if (contact->groups->len > 0)
		write_categories(w, contact->groups);
	ews_write_property(w, EWS_PROPERTY_OPERATION, list->contacts[index].op_uuid);
	ews_write_property(w, EWS_PROPERTY_TEL_URI, extra_tel_uri(contact));
	xml_text_element(w, "t:FileAs", shown);
	xml_text_element(w, "t:DisplayName", shown);
	/* Names are not cut into parts: which is which depends on where one comes from. */
	xml_text_element(w, "t:GivenName", contact->name);
	if (list->email && !address_is_tel(contact->key))
		write_entry(w, "t:EmailAddresses", "EmailAddress1", contact->key);
	write_entry(w, "t:ImAddresses", "ImAddress1", contact->key);
	xml_end(w);
}

static bool create(struct ews_session *session, const struct ews_contact_new *contacts, size_t n,
        struct ews_outcome *outcomes, GError **error)
{
	struct new_contacts list = {.contacts = contacts, .email = session->contact_email};
	struct ews_create_all all = {
	        .folder = &contacts_folder,
	        .n = n,
	        .write = write_contact,
	        .data = &list,
	        .outcomes = outcomes,
	};
	return ews_create_all(session, &all, error);
}

/* looking up */

struct look_up {
	const char *address, *op_uuid;
	GHashTable *ids; /* of those found: a server may give one twice */
	GPtrArray *found;
};

static void write_equal_property(struct xml_writer *w, const char *name, const char *value)
{
	xml_start(w, "t:IsEqualTo");
	ews_write_property_path(w, name);
	xml_start(w, "t:FieldURIOrConstant");
	xml_empty_element(w, "t:Constant", "Value", value, NULL);
	xml_end(w);
	xml_end(w);
}

/* What stands there may have a scheme and capitals. */
static void write_contains_address(struct xml_writer *w, const char *address)
{
	const char *bare = address_is_tel(address) ? address + strlen("tel:") : address;
	xml_start(w, "t:Contains");
	xml_attr(w, "ContainmentMode", "Substring");
	xml_attr(w, "ContainmentComparison", "IgnoreCase");
	xml_empty_element(w, "t:ExtendedFieldURI", "DistinguishedPropertySetId", "Address",
	        "PropertyId", "32866", "PropertyType", "String", NULL);
	xml_empty_element(w, "t:Constant", "Value", bare, NULL);
	xml_end(w);
}

static void write_restriction(struct xml_writer *w, const void *data)
{
	const struct look_up *look_up = data;
	bool both = look_up->address != NULL && look_up->op_uuid != NULL;
	if (both)
		xml_start(w, "t:Or");
	if (look_up->op_uuid != NULL)
		write_equal_property(w, EWS_PROPERTY_OPERATION, look_up->op_uuid);
	if (look_up->address != NULL)
		write_contains_address(w, look_up->address);
	if (both)
		xml_end(w);
}

static bool on_candidate(const struct ews_item *item, void *data, GError **error)
{
	(void)error;
	struct look_up *look_up = data;
	autoptr(contact) contact = ews_item_contact(item, NULL);
	const char *op_uuid = ews_item_text(item, ITEM_OPERATION);
	if (contact == NULL)
		return true;
	bool ours = op_uuid != NULL && g_strcmp0(op_uuid, look_up->op_uuid) == 0;
	bool same = g_strcmp0(contact->key, look_up->address) == 0;
	const char *id = ews_item_text(item, ITEM_ID);
	if ((!ours && !same) || !g_hash_table_add(look_up->ids, g_strdup(id)))
		return true;
	struct ews_contact_found *found = g_new0(struct ews_contact_found, 1);
	ews_item_ref_set(&found->ref, id, ews_item_text(item, ITEM_CHANGE_KEY));
	found->contact = g_steal_pointer(&contact);
	found->op_uuid = g_strdup(op_uuid);
	found->created_utc_us = item->created_utc_us;
	g_ptr_array_add(look_up->found, found);
	return true;
}

static bool find_pages(
        struct ews_session *session, struct look_up *look_up, bool restricted, GError **error)
{
	struct ews_find find = {
	        .folder = &contacts_folder,
	        .shape = EWS_SHAPE_CONTACT_FULL,
	        .restriction = restricted ? write_restriction : NULL,
	        .restriction_data = look_up,
	        .max = FIND_PAGE,
	};
	for (unsigned pages = 0; pages < FIND_MAX_PAGES; pages++) {
		struct ews_find_page page;
		if (!ews_find_item(session, &find, on_candidate, look_up, &page, error))
			return false;
		if (page.last || page.items == 0)
			return true;
		/* A server may name no next offset, or one that does not move on. */
		unsigned counted = find.offset + page.items;
		find.offset = page.next_offset > find.offset ? page.next_offset : counted;
	}
	error_set(error, ERROR_MAILBOX, "ews.protocol",
	        "the mail server's FindItem does not come to an end; report this with its version");
	return false;
}

static bool find(struct ews_session *session, const char *address, const char *op_uuid,
        GPtrArray *found, GError **error)
{
	g_autoptr(GHashTable) ids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	struct look_up look_up = {
	        .address = address, .op_uuid = op_uuid, .ids = ids, .found = found};
	g_autoptr(GError) failure = NULL;
	if (find_pages(session, &look_up, true, &failure))
		return true;
	/* A server that cannot search by these properties is read whole. */
	if (error_is(failure, "ews.unsupported") || error_is(failure, "ews.request"))
		return find_pages(session, &look_up, false, error);
	g_propagate_error(error, g_steal_pointer(&failure));
	return false;
}

const struct ews_contact_driver ews_contact_driver_folder = {
        .name = "folder",
        .changes = changes,
        .create = create,
        .update = ews_contact_item_update,
        .delete = ews_contact_item_delete,
        .find = find,
};
