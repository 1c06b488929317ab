/* Stored answers, given to the operation that they are for. */
#include "ews_tool.h"

#include "core/error.h"

static bool give_answer(
        void *data, const struct http_request *request, struct http_response **out, GError **error)
{
	struct tool *tool = data;
	struct http_response *head = g_new0(struct http_response, 1);
	head->status = tool->status;
	head->headers = g_ptr_array_new_with_free_func(g_free);
	g_ptr_array_add(head->headers, g_strdup("Content-Type: text/xml"));
	head->body = g_byte_array_new();
	bool stream = false;
	bool ok = request->on_head(head, &stream, request->data, error);
	/* In pieces of a size that divides nothing. */
	for (gsize at = 0; ok && stream && at < tool->answer_len; at += 61)
		ok = request->on_body(tool->answer + at, MIN(tool->answer_len - at, (gsize)61),
		        request->data, error);
	if (ok)
		*out = head;
	else
		http_response_free(head);
	return ok;
}

static bool note_sync(
        enum ews_sync_kind kind, const struct ews_item *item, void *data, GError **error)
{
	(void)error;
	static const char *const kinds[] = {"create", "update", "delete"};
	json_array_append_new(list_of(data, "items"),
	        json_pack("[s, s, s?]", kinds[kind], ews_item_text(item, ITEM_ID),
	                ews_item_text(item, ITEM_DISPLAY_NAME)));
	return true;
}

static bool note_get(size_t index, const struct ews_item *item, const GError *failure, void *data,
        GError **error)
{
	(void)index;
	(void)error;
	json_array_append_new(list_of(data, "items"),
	        item == NULL ? json_string(error_reason(failure))
	                     : json_pack("[s, s?, s?]", ews_item_text(item, ITEM_ID),
	                               ews_item_text(item, ITEM_DISPLAY_NAME),
	                               ews_item_text(item, ITEM_IM_ADDRESS)));
	return true;
}

static bool note_find(const struct ews_item *item, void *data, GError **error)
{
	return note_get(0, item, NULL, data, error);
}

static bool note_persona(const struct ews_im_persona *persona, void *data, GError **error)
{
	(void)error;
	json_array_append_new(list_of(data, "personas"),
	        json_pack("[s?, s?, s?, s?]", persona->item_id, persona->name, persona->address,
	                persona->number));
	return true;
}

static bool note_im_group(struct ews_im_group *group, void *data, GError **error)
{
	return on_group(group->group, data, error);
}

static void nothing(struct xml_writer *w, size_t index, const void *data)
{
	(void)w;
	(void)index;
	(void)data;
}

static void no_update(struct xml_writer *w, const void *data)
{
	(void)w;
	(void)data;
}

static bool replay_sync(struct tool *tool, GError **error)
{
	struct ews_folder folder = {.distinguished = "contacts"};
	struct ews_sync_page page = {0};
	bool ok = ews_sync_folder_items(tool->session, &folder, EWS_SHAPE_CONTACT, NULL, 512,
	        note_sync, tool, &page, error);
	if (ok)
		put(tool, "state", json_string(page.state));
	g_free(page.state);
	return ok;
}

static bool replay_get_item(struct tool *tool, GError **error)
{
	const char *const ids[] = {"1"};
	return ews_get_items(tool->session, ids, 1, EWS_SHAPE_CONTACT_FULL, note_get, tool, error);
}

static bool replay_find_item(struct tool *tool, GError **error)
{
	struct ews_folder folder = {.distinguished = "contacts"};
	struct ews_find find = {.folder = &folder, .shape = EWS_SHAPE_CONTACT, .max = 10};
	struct ews_find_page page;
	if (!ews_find_item(tool->session, &find, note_find, tool, &page, error))
		return false;
	put(tool, "last", json_boolean(page.last));
	return true;
}

static bool replay_get_folder(struct tool *tool, GError **error)
{
	struct ews_folder folder = {.distinguished = "contacts"};
	g_autofree char *id = NULL;
	GError *failure = NULL;
	bool ok = ews_get_folder(tool->session, &folder, NULL, 1, &id, &failure, error);
	if (failure != NULL)
		g_propagate_error(error, failure);
	else if (ok)
		put(tool, "id", json_string(id));
	return ok && failure == NULL;
}

static bool replay_find_folder(struct tool *tool, GError **error)
{
	struct ews_folder folder = {.distinguished = "msgfolderroot"};
	g_autofree char *id = NULL;
	const char *name = text_in(tool, "name");
	if (!ews_find_folder(tool->session, &folder, name == NULL ? "Contacts" : name, &id, error))
		return false;
	put(tool, "id", id == NULL ? json_null() : json_string(id));
	return true;
}

static bool replay_create_folder(struct tool *tool, GError **error)
{
	struct ews_folder folder = {.distinguished = "msgfolderroot"};
	g_autofree char *id = NULL;
	if (!ews_create_folder(tool->session, &folder, "x", &id, error))
		return false;
	put(tool, "id", json_string(id));
	return true;
}

static bool replay_create_item(struct tool *tool, GError **error)
{
	struct ews_folder folder = {.distinguished = "contacts"};
	struct ews_outcome outcome = {0};
	struct ews_create create = {
	        .folder = &folder, .n = 1, .write = nothing, .outcomes = &outcome};
	bool ok = ews_create_items(tool->session, &create, error);
	if (ok && outcome.error != NULL) {
		g_propagate_error(error, outcome.error);
		return false;
	}
	put_ref(tool, &outcome.ref);
	return ok;
}

static bool replay_update_item(struct tool *tool, GError **error)
{
	char id[] = "1";
	struct ews_item_ref ref = {.id = id}, out = {0};
	struct ews_update update = {.ref = &ref, .write = no_update};
	bool ok = ews_update_item(tool->session, &update, &out, error);
	put_ref(tool, &out);
	return ok;
}

static bool replay_delete_item(struct tool *tool, GError **error)
{
	return ews_delete_item(tool->session, "1", NULL, "HardDelete", error);
}

static bool replay_resolve_names(struct tool *tool, GError **error)
{
	g_autofree char *primary = NULL, *name = NULL;
	if (!ews_resolve_names(tool->session, "x@y.example", &primary, &name, error))
		return false;
	put(tool, "smtp", primary == NULL ? json_null() : json_string(primary));
	return true;
}

static bool replay_im_item_list(struct tool *tool, GError **error)
{
	struct ews_im_sink sink = {.group = note_im_group, .persona = note_persona, .data = tool};
	return ews_get_im_item_list(tool->session, &sink, error);
}

static bool replay_im_items(struct tool *tool, GError **error)
{
	struct ews_im_sink sink = {.group = note_im_group, .persona = note_persona, .data = tool};
	return ews_get_im_items(tool->session, NULL, NULL, &sink, error);
}

static bool replay_add_im_group(struct tool *tool, GError **error)
{
	struct ews_item_ref ref = {0};
	bool ok = ews_add_im_group(tool->session, "x", &ref, error);
	put_ref(tool, &ref);
	return ok;
}

static bool replay_set_im_group(struct tool *tool, GError **error)
{
	return ews_set_im_group(tool->session, "1", "x", error);
}

static bool replay_remove_im_group(struct tool *tool, GError **error)
{
	return ews_remove_im_group(tool->session, "1", error);
}

static bool replay_add_new_im_contact(struct tool *tool, GError **error)
{
	struct ews_item_ref ref = {0};
	bool ok =
	        ews_add_new_im_contact_to_group(tool->session, "x", NULL, NULL, &ref, NULL, error);
	put_ref(tool, &ref);
	return ok;
}

static bool replay_add_new_tel_uri_contact(struct tool *tool, GError **error)
{
	struct ews_item_ref ref = {0};
	bool ok = ews_add_new_tel_uri_contact_to_group(
	        tool->session, "tel:1", "sip:1", "1", NULL, &ref, error);
	put_ref(tool, &ref);
	return ok;
}

static bool replay_add_im_contact(struct tool *tool, GError **error)
{
	return ews_add_im_contact_to_group(tool->session, "1", "2", error);
}

static bool replay_remove_im_contact(struct tool *tool, GError **error)
{
	return ews_remove_im_contact_from_group(tool->session, "1", "2", error);
}

static bool replay_remove_contact(struct tool *tool, GError **error)
{
	return ews_remove_contact_from_im_list(tool->session, "1", error);
}

static bool replay_add_distribution_group(struct tool *tool, GError **error)
{
	struct ews_item_ref ref = {0};
	bool ok = ews_add_distribution_group_to_im_list(tool->session, "x", "y", &ref, error);
	put_ref(tool, &ref);
	return ok;
}

static bool replay_remove_distribution_group(struct tool *tool, GError **error)
{
	return ews_remove_distribution_group_from_im_list(tool->session, "1", error);
}

static bool replay_migration(struct tool *tool, GError **error)
{
	return ews_set_im_list_migration_completed(tool->session, true, error);
}

static const struct {
	const char *name;
	bool (*run)(struct tool *tool, GError **error);
} replays[] = {
        {"SyncFolderItems", replay_sync},
        {"GetItem", replay_get_item},
        {"FindItem", replay_find_item},
        {"GetFolder", replay_get_folder},
        {"FindFolder", replay_find_folder},
        {"CreateFolder", replay_create_folder},
        {"CreateItem", replay_create_item},
        {"UpdateItem", replay_update_item},
        {"DeleteItem", replay_delete_item},
        {"ResolveNames", replay_resolve_names},
        {"GetImItemList", replay_im_item_list},
        {"GetImItems", replay_im_items},
        {"AddImGroup", replay_add_im_group},
        {"SetImGroup", replay_set_im_group},
        {"RemoveImGroup", replay_remove_im_group},
        {"AddNewImContactToGroup", replay_add_new_im_contact},
        {"AddNewTelUriContactToGroup", replay_add_new_tel_uri_contact},
        {"AddImContactToGroup", replay_add_im_contact},
        {"RemoveImContactFromGroup", replay_remove_im_contact},
        {"RemoveContactFromImList", replay_remove_contact},
        {"AddDistributionGroupToImList", replay_add_distribution_group},
        {"RemoveDistributionGroupFromImList", replay_remove_distribution_group},
        {"SetImListMigrationCompleted", replay_migration},
};

bool do_replay(struct tool *tool, GError **error)
{
	const char *op = text_in(tool, "op");
	g_free(tool->answer);
	tool->answer = NULL;
	if (!g_file_get_contents(text_in(tool, "file"), &tool->answer, &tool->answer_len, error))
		return false;
	tool->status = (int)number_in(tool, "status");
	tool->session->perform = give_answer;
	tool->session->perform_data = tool;
	for (size_t i = 0; i < G_N_ELEMENTS(replays); i++)
		if (g_str_equal(replays[i].name, op))
			return replays[i].run(tool, error);
	g_error("no operation %s", op);
}

bool do_operations(struct tool *tool, GError **error)
{
	(void)error;
	for (size_t i = 0; i < G_N_ELEMENTS(replays); i++)
		json_array_append_new(list_of(tool, "operations"), json_string(replays[i].name));
	return true;
}
