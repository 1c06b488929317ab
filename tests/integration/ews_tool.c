/*
 * Drives the Exchange client from a test: one JSON object per line in (a verb and its arguments),
 * one out ({"ok": true, ...} or {"ok": false, "class": ..., "reason": ..., "message": ...}).
 *
 *	ews_tool --url URL --ca FILE --user U --password P --mailbox SMTP [--access impersonate]
 *	ews_tool --replay     answers come from files, nothing is sent
 */
#include "ews_tool.h"

#include "core/error.h"

#include <stdio.h>
#include <string.h>

const char *text_in(const struct tool *tool, const char *name)
{
	return json_string_value(json_object_get(tool->in, name));
}

int64_t number_in(const struct tool *tool, const char *name)
{
	return json_integer_value(json_object_get(tool->in, name));
}

static enum ews_dialect dialect_in(const struct tool *tool)
{
	enum ews_dialect dialect = EWS_DIALECT_FOLDER;
	const char *name = text_in(tool, "dialect");
	if (name != NULL && !ews_dialect_parse(name, &dialect))
		g_error("no dialect %s", name);
	return dialect;
}

static struct contact *contact_in(const json_t *object)
{
	struct contact *contact = contact_new(json_string_value(json_object_get(object, "key")),
	        json_string_value(json_object_get(object, "name")));
	contact->tel_uri = g_strdup(json_string_value(json_object_get(object, "tel_uri")));
	size_t i;
	json_t *group;
	json_array_foreach (json_object_get(object, "groups"), i, group) {
		contact_add_group(contact, json_string_value(group));
	}
	return contact;
}

static json_t *contact_out(const struct contact *contact)
{
	json_t *groups = json_array();
	for (guint i = 0; i < contact->groups->len; i++)
		json_array_append_new(groups, json_string(contact->groups->pdata[i]));
	return json_pack("{s:s, s:s?, s:s?, s:o}", "key", contact->key, "name", contact->name,
	        "tel_uri", contact->tel_uri, "groups", groups);
}

static struct group *group_in(const struct tool *tool)
{
	enum group_kind kind = GROUP_KIND_USER;
	const char *name = text_in(tool, "kind");
	if (name != NULL && !group_kind_parse(name, &kind))
		g_error("no group kind %s", name);
	struct group *group = group_new(text_in(tool, "name"), kind);
	group->smtp = g_strdup(text_in(tool, "smtp"));
	return group;
}

void put(struct tool *tool, const char *name, json_t *value)
{
	json_object_set_new(tool->out, name, value);
}

void put_ref(struct tool *tool, struct ews_item_ref *ref)
{
	if (ref->id != NULL)
		put(tool, "ref", json_pack("[s, s?]", ref->id, ref->change_key));
	ews_item_ref_clear(ref);
}

/* sinks */

json_t *list_of(struct tool *tool, const char *name)
{
	json_t *list = json_object_get(tool->out, name);
	if (list == NULL) {
		list = json_array();
		put(tool, name, list);
	}
	return list;
}

static bool on_contact(const struct ews_contact_change *change, void *data, GError **error)
{
	(void)error;
	static const char *const kinds[] = {"upsert", "delete", "unusable"};
	json_t *line = json_pack("{s:s, s:s, s:s?, s:s?, s:b}", "kind", kinds[change->kind], "id",
	        change->item_id, "change_key", change->change_key, "op_uuid", change->op_uuid,
	        "created", (int)change->created);
	if (change->contact != NULL)
		json_object_set_new(line, "contact", contact_out(change->contact));
	if (change->why != NULL)
		json_object_set_new(line, "why", json_string(error_reason(change->why)));
	json_array_append_new(list_of(data, "changes"), line);
	return true;
}

bool on_group(const struct group *group, void *data, GError **error)
{
	(void)error;
	json_array_append_new(list_of(data, "groups"),
	        json_pack("{s:s, s:s, s:s?}", "name", group->name, "kind",
	                group_kind_name(group->kind), "smtp", group->smtp));
	return true;
}

static bool on_restart(void *data, GError **error)
{
	(void)error;
	struct tool *tool = data;
	json_object_del(tool->out, "changes");
	put(tool, "restarted", json_true());
	return true;
}

static bool on_message(const struct ews_message_info *info, void *data, GError **error)
{
	(void)error;
	json_array_append_new(list_of(data, "messages"),
	        json_pack("{s:s, s:b, s:s?, s:s?, s:s?, s:I, s:I, s:I, s:I}", "id", info->ref.id,
	                "deleted", (int)info->deleted, "delivery", info->delivery_uuid, "class",
	                info->item_class, "subject", info->subject, "created",
	                (json_int_t)info->created_utc_us, "sent", (json_int_t)info->sent_utc_us,
	                "received", (json_int_t)info->received_utc_us, "size",
	                (json_int_t)info->size_bytes));
	return true;
}

static bool on_bytes(const void *bytes, size_t len, void *data, GError **error)
{
	(void)error;
	g_byte_array_append(data, bytes, (guint)len);
	return true;
}

/* verbs */

static bool do_dialect(struct tool *tool, GError **error)
{
	enum ews_dialect dialect;
	if (!ews_detect_dialect(tool->session, &dialect, error))
		return false;
	put(tool, "dialect", json_string(ews_dialect_name(dialect)));
	return true;
}

static bool do_confirm(struct tool *tool, GError **error)
{
	autoptr(ews_mailbox_info) info = NULL;
	if (!ews_confirm_mailbox(tool->session, &info, error))
		return false;
	put(tool, "info",
	        json_pack("{s:s, s:s?, s:s?}", "root", info->root_id, "smtp", info->smtp, "name",
	                info->name));
	return true;
}

static bool do_changes(struct tool *tool, GError **error)
{
	struct ews_contacts_sink sink = {
	        .contact = on_contact, .group = on_group, .restart = on_restart, .data = tool};
	g_autofree char *state = NULL;
	bool full = false;
	list_of(tool, "changes");
	if (!ews_contacts_changes(tool->session, dialect_in(tool), text_in(tool, "state"), &sink,
	            &state, &full, error))
		return false;
	put(tool, "state", json_string(state));
	put(tool, "full", json_boolean(full));
	return true;
}

/* For measuring: reads all and only counts. */
static bool count_contact(const struct ews_contact_change *change, void *data, GError **error)
{
	(void)error;
	uint64_t *n = data;
	*n += change->kind == EWS_CHANGE_UPSERT;
	return true;
}

static bool do_count(struct tool *tool, GError **error)
{
	uint64_t n = 0;
	struct ews_contacts_sink sink = {.contact = count_contact, .data = &n};
	g_autofree char *state = NULL;
	bool full = false;
	if (!ews_contacts_changes(tool->session, dialect_in(tool), text_in(tool, "state"), &sink,
	            &state, &full, error))
		return false;
	put(tool, "contacts", json_integer((json_int_t)n));
	put(tool, "state", json_string(state));
	return true;
}

static bool do_create(struct tool *tool, GError **error)
{
	autoptr(contact) contact = contact_in(json_object_get(tool->in, "contact"));
	struct ews_item_ref ref = {0};
	bool ok = ews_contact_create(
	        tool->session, dialect_in(tool), contact, text_in(tool, "op_uuid"), &ref, error);
	put_ref(tool, &ref);
	return ok;
}

static void put_outcomes(struct tool *tool, struct ews_outcome *outcomes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list_of(tool, "outcomes"),
		        outcomes[i].error == NULL
		                ? json_string(outcomes[i].ref.id)
		                : json_pack("[s, s]", error_reason(outcomes[i].error),
		                          error_class_name(error_class_of(outcomes[i].error))));
	ews_outcomes_free(outcomes, n);
}

static bool do_create_many(struct tool *tool, GError **error)
{
	const json_t *list = json_object_get(tool->in, "contacts");
	size_t n = json_array_size(list), i;
	json_t *item;
	g_autofree struct ews_contact_new *contacts = g_new0(struct ews_contact_new, n);
	g_autoptr(GPtrArray) owned =
	        g_ptr_array_new_with_free_func((GDestroyNotify)(void (*)(void))contact_free);
	json_array_foreach (list, i, item) {
		g_ptr_array_add(owned, contact_in(item));
		contacts[i].contact = owned->pdata[i];
		contacts[i].op_uuid = json_string_value(json_object_get(item, "op_uuid"));
	}
	struct ews_outcome *outcomes = ews_outcomes_new(n);
	bool ok =
	        ews_contacts_create(tool->session, dialect_in(tool), contacts, n, outcomes, error);
	put_outcomes(tool, outcomes, n);
	return ok;
}

static bool do_update(struct tool *tool, GError **error)
{
	autoptr(contact) before = contact_in(json_object_get(tool->in, "before"));
	autoptr(contact) after = contact_in(json_object_get(tool->in, "after"));
	struct ews_item_ref ref = {0}, out = {0};
	ews_item_ref_set(&ref, text_in(tool, "id"), NULL);
	bool ok = ews_contact_update(
	        tool->session, dialect_in(tool), &ref, before, after, &out, error);
	ews_item_ref_clear(&ref);
	put_ref(tool, &out);
	return ok;
}

static bool do_delete(struct tool *tool, GError **error)
{
	struct ews_item_ref ref = {0};
	ews_item_ref_set(&ref, text_in(tool, "id"), NULL);
	const json_t *known = json_object_get(tool->in, "before");
	autoptr(contact) before = known != NULL ? contact_in(known) : NULL;
	bool ok = ews_contact_delete(tool->session, dialect_in(tool), &ref, before, error);
	ews_item_ref_clear(&ref);
	return ok;
}

static bool do_find(struct tool *tool, GError **error)
{
	g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(
	        (GDestroyNotify)(void (*)(void))ews_contact_found_free);
	json_t *list = list_of(tool, "found");
	if (!ews_contact_find(tool->session, dialect_in(tool), text_in(tool, "address"),
	            text_in(tool, "op_uuid"), found, error))
		return false;
	for (guint i = 0; i < found->len; i++) {
		const struct ews_contact_found *one = found->pdata[i];
		json_array_append_new(
		        list, json_pack("{s:s, s:o, s:s?, s:I}", "id", one->ref.id, "contact",
		                      contact_out(one->contact), "op_uuid", one->op_uuid, "created",
		                      (json_int_t)one->created_utc_us));
	}
	return true;
}

static bool do_group_create(struct tool *tool, GError **error)
{
	autoptr(group) group = group_in(tool);
	struct ews_item_ref ref = {0};
	bool ok = ews_group_create(tool->session, dialect_in(tool), group, &ref, error);
	put_ref(tool, &ref);
	return ok;
}

static bool do_group_rename(struct tool *tool, GError **error)
{
	autoptr(group) group = group_in(tool);
	return ews_group_rename(tool->session, dialect_in(tool), group, text_in(tool, "to"), error);
}

static bool do_group_delete(struct tool *tool, GError **error)
{
	autoptr(group) group = group_in(tool);
	return ews_group_delete(tool->session, dialect_in(tool), group, error);
}

static bool do_migrated(struct tool *tool, GError **error)
{
	bool completed = json_is_true(json_object_get(tool->in, "completed"));
	return ews_migration_completed(tool->session, dialect_in(tool), completed, error);
}

static bool do_folder(struct tool *tool, GError **error)
{
	static const char *const names[] = {"history", "purges", "contacts"};
	const char *name = text_in(tool, "name");
	g_autofree char *id = NULL;
	for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
		if (!g_str_equal(names[i], name))
			continue;
		if (!ews_folder_ensure(tool->session, (enum ews_folder_kind)i, &id, error))
			return false;
		put(tool, "id", json_string(id));
		return true;
	}
	g_error("no folder %s", name);
}

/* What ews_folder_ensure() does where there is no Conversation History. */
static bool do_folder_create(struct tool *tool, GError **error)
{
	static const struct ews_folder root = {.distinguished = "msgfolderroot"};
	g_autofree char *id = NULL;
	return ews_create_folder(tool->session, &root, text_in(tool, "name"), &id, error);
}

static bool do_send(struct tool *tool, GError **error)
{
	const json_t *list = json_object_get(tool->in, "messages");
	size_t n = json_array_size(list), i;
	json_t *item;
	g_autofree struct ews_message *messages = g_new0(struct ews_message, n);
	json_array_foreach (list, i, item) {
		const char *mime = json_string_value(json_object_get(item, "mime"));
		messages[i] = (struct ews_message){
		        .mime = mime,
		        .mime_len = strlen(mime),
		        .delivery_uuid = json_string_value(json_object_get(item, "delivery")),
		        .sent_utc_us = json_integer_value(json_object_get(item, "sent")),
		        .received_utc_us = json_integer_value(json_object_get(item, "received")),
		        .read = true,
		};
	}
	struct ews_outcome *outcomes = ews_outcomes_new(n);
	bool ok = ews_messages_create(
	        tool->session, text_in(tool, "folder"), messages, n, outcomes, error);
	put_outcomes(tool, outcomes, n);
	return ok;
}

static bool do_created(struct tool *tool, GError **error)
{
	list_of(tool, "messages");
	return ews_messages_created(tool->session, text_in(tool, "folder"),
	        number_in(tool, "since"), on_message, tool, error);
}

static bool do_each(struct tool *tool, GError **error)
{
	list_of(tool, "messages");
	return ews_messages_each(tool->session, text_in(tool, "folder"), number_in(tool, "since"),
	        number_in(tool, "until"), on_message, tool, error);
}

static bool do_find_uuid(struct tool *tool, GError **error)
{
	g_autoptr(GPtrArray) found =
	        g_ptr_array_new_with_free_func((GDestroyNotify)(void (*)(void))ews_item_ref_free);
	json_t *list = list_of(tool, "found");
	if (!ews_messages_find_uuid(tool->session, text_in(tool, "folder"),
	            text_in(tool, "delivery"), number_in(tool, "since"), found, error))
		return false;
	for (guint i = 0; i < found->len; i++)
		json_array_append_new(
		        list, json_string(((struct ews_item_ref *)found->pdata[i])->id));
	return true;
}

static bool do_message_changes(struct tool *tool, GError **error)
{
	g_autofree char *state = NULL;
	bool full;
	list_of(tool, "messages");
	if (!ews_messages_changes(tool->session, text_in(tool, "folder"), text_in(tool, "state"),
	            on_message, tool, &state, &full, error))
		return false;
	put(tool, "state", json_string(state));
	put(tool, "full", json_boolean(full));
	return true;
}

static bool do_mime(struct tool *tool, GError **error)
{
	g_autoptr(GByteArray) mime = g_byte_array_new();
	if (!ews_message_get_mime(tool->session, text_in(tool, "id"), on_bytes, mime, error))
		return false;
	put(tool, "mime", json_stringn((const char *)mime->data, mime->len));
	return true;
}

static bool do_message_delete(struct tool *tool, GError **error)
{
	return ews_message_delete(tool->session, text_in(tool, "id"), error);
}

static bool do_im_items(struct tool *tool, GError **error)
{
	const char *const ids[] = {text_in(tool, "id"), NULL};
	struct ews_im_sink sink = {0};
	return ews_get_im_items(tool->session, ids, ids, &sink, error);
}

static bool do_statistics(struct tool *tool, GError **error)
{
	(void)error;
	struct ews_statistics s = ews_session_statistics(tool->session);
	put(tool, "requests", json_integer((json_int_t)s.requests));
	put(tool, "sent", json_integer((json_int_t)s.sent_bytes));
	put(tool, "received", json_integer((json_int_t)s.received_bytes));
	put(tool, "mended", json_integer((json_int_t)s.mended_characters));
	put(tool, "version", json_string(ews_session_server_version(tool->session)));
	return true;
}

static const struct {
	const char *name;
	bool (*run)(struct tool *tool, GError **error);
} verbs[] = {
        {"dialect", do_dialect},
        {"confirm", do_confirm},
        {"changes", do_changes},
        {"count", do_count},
        {"create", do_create},
        {"create-many", do_create_many},
        {"update", do_update},
        {"delete", do_delete},
        {"find", do_find},
        {"group-create", do_group_create},
        {"group-rename", do_group_rename},
        {"group-delete", do_group_delete},
        {"migrated", do_migrated},
        {"folder", do_folder},
        {"folder-create", do_folder_create},
        {"send", do_send},
        {"created", do_created},
        {"each", do_each},
        {"find-uuid", do_find_uuid},
        {"message-changes", do_message_changes},
        {"mime", do_mime},
        {"message-delete", do_message_delete},
        {"im-items", do_im_items},
        {"statistics", do_statistics},
        {"replay", do_replay},
        {"operations", do_operations},
};

static void run_verb(struct tool *tool, const char *verb)
{
	g_autoptr(GError) error = NULL;
	for (size_t i = 0; i < G_N_ELEMENTS(verbs); i++) {
		if (!g_str_equal(verbs[i].name, verb))
			continue;
		bool ok = verbs[i].run(tool, &error);
		put(tool, "ok", json_boolean(ok));
		if (ok != (error == NULL))
			g_error("%s gave %d and %s", verb, ok,
			        error == NULL ? "no error" : error->message);
		if (error == NULL)
			return;
		put(tool, "class", json_string(error_class_name(error_class_of(error))));
		put(tool, "reason", json_string(error_reason(error)));
		put(tool, "message", json_string(error->message));
		put(tool, "retry_at", json_integer((json_int_t)error_retry_at(error)));
		return;
	}
	g_error("no verb %s", verb);
}

static void serve(struct tool *tool)
{
	char *line = NULL;
	size_t size = 0;
	while (getline(&line, &size, stdin) > 0) {
		json_error_t why;
		json_t *in = json_loads(line, 0, &why);
		if (in == NULL)
			g_error("%s: %s", why.text, line);
		tool->in = in;
		tool->out = json_object();
		run_verb(tool, text_in(tool, "verb"));
		json_dumpf(tool->out, stdout, JSON_COMPACT);
		putchar('\n');
		fflush(stdout);
		json_decref(tool->out);
		json_decref(in);
	}
	free(line);
}

int main(int argc, char **argv)
{
	g_autofree char *url = NULL, *ca = NULL, *user = NULL, *password = NULL, *smtp = NULL;
	g_autofree char *access = NULL;
	gboolean replay = FALSE;
	gint batch = 0, timeout_ms = 0;
	const GOptionEntry entries[] = {
	        {"url", 0, 0, G_OPTION_ARG_STRING, &url, NULL, NULL},
	        {"ca", 0, 0, G_OPTION_ARG_FILENAME, &ca, NULL, NULL},
	        {"user", 0, 0, G_OPTION_ARG_STRING, &user, NULL, NULL},
	        {"password", 0, 0, G_OPTION_ARG_STRING, &password, NULL, NULL},
	        {"mailbox", 0, 0, G_OPTION_ARG_STRING, &smtp, NULL, NULL},
	        {"access", 0, 0, G_OPTION_ARG_STRING, &access, NULL, NULL},
	        {"batch", 0, 0, G_OPTION_ARG_INT, &batch, NULL, NULL},
	        {"timeout-ms", 0, 0, G_OPTION_ARG_INT, &timeout_ms, NULL, NULL},
	        {"replay", 0, 0, G_OPTION_ARG_NONE, &replay, NULL, NULL},
	        G_OPTION_ENTRY_NULL,
	};
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	g_autoptr(GError) error = NULL;
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, &error)) {
		fprintf(stderr, "%s\n", error->message);
		return 2;
	}
	http_global_init();
	struct http_options http = {
	        .ca_file = ca, .allow_loopback = true, .total_timeout_ms = timeout_ms};
	struct ews_options options = {
	        .url = replay ? "https://nowhere.example/EWS/Exchange.asmx" : url,
	        .access = g_strcmp0(access, "impersonate") == 0 ? EWS_ACCESS_IMPERSONATE
	                  : g_strcmp0(access, "delegate") == 0  ? EWS_ACCESS_DELEGATE
	                                                        : EWS_ACCESS_SELF,
	        .user = replay ? "u" : user,
	        .password = replay ? "p" : password,
	        .http = &http,
	        .batch_items = (unsigned)batch,
	};
	struct tool tool = {.session = ews_session_open(&options, &error)};
	if (tool.session == NULL) {
		fprintf(stderr, "%s\n", error->message);
		return 1;
	}
	if (smtp != NULL) {
		autoptr(mailbox) mailbox = mailbox_new(smtp, smtp, "test");
		ews_session_use_mailbox(tool.session, mailbox);
	}
	serve(&tool);
	ews_session_close(tool.session);
	g_free(tool.answer);
	http_global_cleanup();
	return 0;
}
