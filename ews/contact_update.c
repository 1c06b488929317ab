/*
 * A contact item from one state to another: read, compare, write what differs. Some servers ignore
 * change keys, so that the reading just before is all that protects another writer's edit.
 */
#include "ews/contact_driver.h"

#include "core/error.h"

#include <string.h>

#define MAX_TRIES 3

/* The item as it stands on the server. */
struct current {
	bool found;
	struct ews_item_ref ref;
	struct contact *contact; /* NULL: it has no IM address any more */
	char *file_as, *given_name, *surname;
	GPtrArray *categories; /* as they are, not normalised */
};

/* What to send: fields that are set; NULL with its flag deletes. */
struct updates {
	const struct current *current;
	const struct contact *before, *after;
	bool address, name, tel_uri, groups;
	GPtrArray *categories; /* the new ones */
};

static void current_clear(struct current *current)
{
	ews_item_ref_clear(&current->ref);
	if (current->contact != NULL)
		contact_free(current->contact);
	g_free(current->file_as);
	g_free(current->given_name);
	g_free(current->surname);
	if (current->categories != NULL)
		g_ptr_array_unref(current->categories);
	*current = (struct current){0};
}

static bool on_item(size_t index, const struct ews_item *item, const GError *failure, void *data,
        GError **error)
{
	(void)index;
	struct current *current = data;
	if (failure != NULL) {
		g_propagate_error(error, g_error_copy(failure));
		return false;
	}
	current->found = true;
	ews_item_ref_set(
	        &current->ref, ews_item_text(item, ITEM_ID), ews_item_text(item, ITEM_CHANGE_KEY));
	current->contact = ews_item_contact(item, NULL);
	current->file_as = g_strdup(ews_item_text(item, ITEM_FILE_AS));
	current->given_name = g_strdup(ews_item_text(item, ITEM_GIVEN_NAME));
	current->surname = g_strdup(ews_item_text(item, ITEM_SURNAME));
	current->categories = g_ptr_array_new_with_free_func(g_free);
	for (guint i = 0; i < item->categories->len; i++)
		g_ptr_array_add(current->categories, g_strdup(item->categories->pdata[i]));
	return true;
}

enum verdict { KEEP, WRITE, CONFLICT };

/* Three-way, on one field; empty is the same as absent. */
static enum verdict judge(const char *before, const char *after, const char *now)
{
	const char *b = before == NULL ? "" : before;
	const char *a = after == NULL ? "" : after;
	const char *n = now == NULL ? "" : now;
	if (g_str_equal(b, a) || g_str_equal(n, a))
		return KEEP;
	return g_str_equal(n, b) ? WRITE : CONFLICT;
}

static bool same_category(const char *category, const char *group)
{
	g_autofree char *composed = g_utf8_normalize(category, -1, G_NORMALIZE_NFC);
	return composed != NULL && g_str_equal(composed, group);
}

static bool has_category(const GPtrArray *categories, const char *group)
{
	for (guint i = 0; i < categories->len; i++)
		if (same_category(categories->pdata[i], group))
			return true;
	return false;
}

/* Memberships that somebody else added or took away meanwhile stay as he left them. */
static void merge_categories(struct updates *updates)
{
	const GPtrArray *now = updates->current->categories;
	updates->categories = g_ptr_array_new_with_free_func(g_free);
	for (guint i = 0; i < now->len; i++) {
		g_autofree char *group = g_utf8_normalize(now->pdata[i], -1, G_NORMALIZE_NFC);
		bool leave = group != NULL && contact_in_group(updates->before, group) &&
		             !contact_in_group(updates->after, group);
		if (!leave)
			g_ptr_array_add(updates->categories, g_strdup(now->pdata[i]));
		updates->groups |= leave;
	}
	for (guint i = 0; i < updates->after->groups->len; i++) {
		const char *group = updates->after->groups->pdata[i];
		if (contact_in_group(updates->before, group) ||
		        has_category(updates->categories, group))
			continue;
		g_ptr_array_add(updates->categories, g_strdup(group));
		updates->groups = true;
	}
}

void ews_contact_refuse_changed(const char *what, GError **error)
{
	error_set(error, ERROR_ITEM, "ews.conflict",
	        "the contact was changed in the mailbox meanwhile (%s); it is read again and "
	        "decided anew",
	        what);
}

static bool decide(struct updates *updates, GError **error)
{
	const struct contact *before = updates->before, *after = updates->after;
	const struct contact *now = updates->current->contact;
	enum verdict address = judge(before->key, after->key, now == NULL ? NULL : now->key);
	enum verdict name = judge(before->name, after->name, now == NULL ? NULL : now->name);
	enum verdict tel =
	        judge(before->tel_uri, after->tel_uri, now == NULL ? NULL : now->tel_uri);
	if (now == NULL || address == CONFLICT || name == CONFLICT || tel == CONFLICT) {
		ews_contact_refuse_changed(now == NULL        ? "its IM address is gone"
		                           : name == CONFLICT ? "its name"
		                                              : "its address",
		        error);
		return false;
	}
	updates->address = address == WRITE;
	updates->name = name == WRITE;
	updates->tel_uri = tel == WRITE;
	merge_categories(updates);
	return true;
}

static void begin_set(struct xml_writer *w)
{
	xml_start(w, "t:SetItemField");
}

static void set_text(struct xml_writer *w, const char *uri, const char *element, const char *text)
{
	begin_set(w);
	ews_write_field(w, uri);
	xml_start(w, "t:Contact");
	xml_text_element(w, element, text);
	xml_end(w);
	xml_end(w);
}

/* Where the old name stands, the new one goes; what the user filled in himself stays. */
static void write_name(struct xml_writer *w, const struct updates *updates)
{
	const struct current *current = updates->current;
	const char *old_shown =
	        current->contact->name == NULL ? current->contact->key : current->contact->name;
	const char *name = updates->after->name;
	const char *shown = name == NULL ? updates->after->key : name;
	set_text(w, "contacts:DisplayName", "t:DisplayName", shown);
	if (current->file_as == NULL || g_strcmp0(current->file_as, old_shown) == 0)
		set_text(w, "contacts:FileAs", "t:FileAs", shown);
	bool given_is_name = g_strcmp0(current->given_name, current->contact->name) == 0;
	bool no_surname = current->surname == NULL || *current->surname == '\0';
	if (!given_is_name || !no_surname)
		return;
	if (name != NULL) {
		set_text(w, "contacts:GivenName", "t:GivenName", name);
	} else {
		xml_start(w, "t:DeleteItemField");
		ews_write_field(w, "contacts:GivenName");
		xml_end(w);
	}
}

static void write_address(struct xml_writer *w, const char *address)
{
	begin_set(w);
	ews_write_indexed_field(w, "contacts:ImAddress", "ImAddress1");
	xml_start(w, "t:Contact");
	xml_start(w, "t:ImAddresses");
	xml_start(w, "t:Entry");
	xml_attr(w, "Key", "ImAddress1");
	xml_text(w, address);
	xml_end(w);
	xml_end(w);
	xml_end(w);
	xml_end(w);
}

static void write_tel_uri(struct xml_writer *w, const char *tel_uri)
{
	if (tel_uri == NULL) {
		xml_start(w, "t:DeleteItemField");
		ews_write_property_path(w, EWS_PROPERTY_TEL_URI);
		xml_end(w);
		return;
	}
	begin_set(w);
	ews_write_property_path(w, EWS_PROPERTY_TEL_URI);
	xml_start(w, "t:Contact");
	ews_write_property(w, EWS_PROPERTY_TEL_URI, tel_uri);
	xml_end(w);
	xml_end(w);
}

static void write_categories(struct xml_writer *w, const GPtrArray *categories)
{
	if (categories->len == 0) {
		xml_start(w, "t:DeleteItemField");
		ews_write_field(w, "item:Categories");
		xml_end(w);
		return;
	}
	begin_set(w);
	ews_write_field(w, "item:Categories");
	xml_start(w, "t:Contact");
	xml_start(w, "t:Categories");
	for (guint i = 0; i < categories->len; i++)
		xml_text_element(w, "t:String", categories->pdata[i]);
	xml_end(w);
	xml_end(w);
	xml_end(w);
}

static void write_updates(struct xml_writer *w, const void *data)
{
	const struct updates *updates = data;
	if (updates->groups)
		write_categories(w, updates->categories);
	if (updates->tel_uri)
		write_tel_uri(w, updates->after->tel_uri);
	if (updates->name)
		write_name(w, updates);
	if (updates->address)
		write_address(w, updates->after->key);
}

static bool write_once(struct ews_session *session, struct updates *updates,
        struct ews_item_ref *out, GError **error)
{
	const struct current *current = updates->current;
	if (!updates->address && !updates->name && !updates->tel_uri && !updates->groups) {
		ews_item_ref_set(out, current->ref.id, current->ref.change_key);
		return true;
	}
	struct ews_update update = {.ref = &current->ref, .write = write_updates, .data = updates};
	return ews_update_item(session, &update, out, error);
}

static bool try_once(struct ews_session *session, const struct ews_item_ref *ref,
        const struct contact *before, const struct contact *after, struct ews_item_ref *out,
        bool *raced, GError **error)
{
	const char *const ids[] = {ref->id};
	struct current current = {0};
	struct updates updates = {.current = &current, .before = before, .after = after};
	g_autoptr(GError) failure = NULL;
	bool ok =
	        ews_get_items(session, ids, 1, EWS_SHAPE_CONTACT_FULL, on_item, &current, &failure);
	bool decided = ok && decide(&updates, &failure);
	ok = decided && write_once(session, &updates, out, &failure);
	/* Somebody wrote between our reading and our writing. */
	*raced = decided && !ok && error_is(failure, "ews.conflict");
	if (!ok)
		g_propagate_error(error, g_steal_pointer(&failure));
	if (updates.categories != NULL)
		g_ptr_array_unref(updates.categories);
	current_clear(&current);
	return ok;
}

bool ews_contact_item_update(struct ews_session *session, const struct ews_item_ref *ref,
        const struct contact *before, const struct contact *after, struct ews_item_ref *out,
        GError **error)
{
	for (unsigned tries = 1;; tries++) {
		bool raced;
		g_autoptr(GError) failure = NULL;
		if (try_once(session, ref, before, after, out, &raced, &failure))
			return true;
		if (raced && tries < MAX_TRIES)
			continue;
		g_propagate_error(error, g_steal_pointer(&failure));
		return false;
	}
}

bool ews_contact_item_delete(struct ews_session *session, const struct ews_item_ref *ref,
        const struct contact *before, GError **error)
{
	const char *const ids[] = {ref->id};
	struct current current = {0};
	g_autoptr(GError) failure = NULL;
	bool ok = before == NULL || ews_get_items(session, ids, 1, EWS_SHAPE_CONTACT_FULL, on_item,
	                                    &current, &failure);
	if (ok && before != NULL &&
	        (current.contact == NULL || !contact_equal(current.contact, before))) {
		ews_contact_refuse_changed("it was to be deleted", &failure);
		ok = false;
	}
	/* Where the server honours it, the change key covers the time since the reading. */
	ok = ok && ews_delete_item(session, ref->id, current.ref.change_key, "MoveToDeletedItems",
	                   &failure);
	current_clear(&current);
	if (ok || error_is(failure, "ews.not_found"))
		return true;
	g_propagate_error(error, g_steal_pointer(&failure));
	return false;
}
