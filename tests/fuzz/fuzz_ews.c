/*
 * The Exchange client's verbs over any answers: a verb succeeds or says why, and says of each input
 * of a batch what became of it.
 *
 * First byte: the verb, modulo their number. Second: the HTTP status (odd: 500) and the size of the
 * pieces. Then the answers, in the order of the requests, each ended by a NUL; after the last one
 * the connection breaks.
 */
#include "core/error.h"
#include "ews/ews.h"
#include "ews/session_private.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

#define MAX_REQUESTS 50

struct line {
	const char *at, *end;
	int status;
	size_t piece;
	unsigned requests;
};

static bool broken(const struct http_request *request, GError **error)
{
	error_set(error, request->repeatable ? ERROR_RETRY : ERROR_UNCERTAIN, "http.reset", "lost");
	return false;
}

static bool give(
        void *data, const struct http_request *request, struct http_response **out, GError **error)
{
	struct line *line = data;
	if (line->at >= line->end || ++line->requests > MAX_REQUESTS)
		return broken(request, error);
	const char *nul = memchr(line->at, '\0', (size_t)(line->end - line->at));
	const char *stop = nul == NULL ? line->end : nul;
	struct http_response *head = g_new0(struct http_response, 1);
	head->status = line->status;
	head->headers = g_ptr_array_new_with_free_func(g_free);
	g_ptr_array_add(head->headers, g_strdup("Content-Type: text/xml"));
	head->body = g_byte_array_new();
	bool stream = false;
	bool ok = request->on_head(head, &stream, request->data, error);
	for (const char *at = line->at; ok && stream && at < stop; at += line->piece)
		ok = request->on_body(
		        at, MIN((size_t)(stop - at), line->piece), request->data, error);
	line->at = nul == NULL ? line->end : nul + 1;
	if (ok)
		*out = head;
	else
		http_response_free(head);
	return ok;
}

static bool on_contact(const struct ews_contact_change *change, void *data, GError **error)
{
	(void)data;
	(void)error;
	g_assert(change->item_id != NULL);
	g_assert((change->kind == EWS_CHANGE_UPSERT) == (change->contact != NULL));
	g_assert((change->kind == EWS_CHANGE_UNUSABLE) == (change->why != NULL));
	if (change->contact != NULL)
		g_assert(change->contact->key[0] != '\0' &&
		         g_utf8_validate(change->contact->key, -1, NULL));
	return true;
}

static bool on_group(const struct group *group, void *data, GError **error)
{
	(void)data;
	(void)error;
	g_assert(group->store_id != NULL && group->name != NULL);
	return true;
}

static bool on_message(const struct ews_message_info *info, void *data, GError **error)
{
	(void)data;
	(void)error;
	g_assert(info->ref.id != NULL);
	return true;
}

static bool on_bytes(const void *bytes, size_t len, void *data, GError **error)
{
	(void)data;
	(void)error;
	g_assert(bytes != NULL && len > 0);
	return true;
}

static struct contact *some_contact(const char *name, const char *group)
{
	struct contact *contact = contact_new("bob@corp.example", name);
	contact_add_group(contact, group);
	return contact;
}

static char id_text[] = "1";
static const struct ews_item_ref some_ref = {.id = id_text};

static bool changes(struct ews_session *session, enum ews_dialect dialect, GError **error)
{
	struct ews_contacts_sink sink = {.contact = on_contact, .group = on_group};
	g_autofree char *state = NULL;
	bool full;
	bool ok = ews_contacts_changes(session, dialect, NULL, &sink, &state, &full, error);
	g_assert(ok == (state != NULL) && (!ok || full));
	return ok;
}

static bool changes_folder(struct ews_session *session, GError **error)
{
	return changes(session, EWS_DIALECT_FOLDER, error);
}

static bool changes_ucs(struct ews_session *session, GError **error)
{
	return changes(session, EWS_DIALECT_UCS, error);
}

static void check_outcomes(struct ews_outcome *outcomes, size_t n, bool ok)
{
	bool all = true;
	for (size_t i = 0; i < n; i++) {
		g_assert((outcomes[i].ref.id == NULL) != (outcomes[i].error == NULL));
		all = all && outcomes[i].error == NULL;
	}
	g_assert(ok == all);
	ews_outcomes_free(outcomes, n);
}

static bool create(struct ews_session *session, enum ews_dialect dialect, GError **error)
{
	autoptr(contact) contact = some_contact("Bob", "Work");
	struct ews_contact_new contacts[3] = {{contact, "u1"}, {contact, "u2"}, {contact, "u3"}};
	struct ews_outcome *outcomes = ews_outcomes_new(3);
	bool ok = ews_contacts_create(session, dialect, contacts, 3, outcomes, error);
	check_outcomes(outcomes, 3, ok);
	return ok;
}

static bool create_folder(struct ews_session *session, GError **error)
{
	return create(session, EWS_DIALECT_FOLDER, error);
}

static bool create_ucs(struct ews_session *session, GError **error)
{
	return create(session, EWS_DIALECT_UCS, error);
}

static bool update(struct ews_session *session, enum ews_dialect dialect, GError **error)
{
	autoptr(contact) before = some_contact("Bob", "Work");
	autoptr(contact) after = some_contact("Robert", "Friends");
	struct ews_item_ref out = {0};
	bool ok = ews_contact_update(session, dialect, &some_ref, before, after, &out, error);
	g_assert(ok == (out.id != NULL));
	ews_item_ref_clear(&out);
	return ok;
}

static bool update_folder(struct ews_session *session, GError **error)
{
	return update(session, EWS_DIALECT_FOLDER, error);
}

static bool update_ucs(struct ews_session *session, GError **error)
{
	return update(session, EWS_DIALECT_UCS, error);
}

static bool find(struct ews_session *session, enum ews_dialect dialect, GError **error)
{
	g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(
	        (GDestroyNotify)(void (*)(void))ews_contact_found_free);
	return ews_contact_find(session, dialect, "bob@corp.example", "u1", found, error);
}

static bool find_folder(struct ews_session *session, GError **error)
{
	return find(session, EWS_DIALECT_FOLDER, error);
}

static bool find_ucs(struct ews_session *session, GError **error)
{
	return find(session, EWS_DIALECT_UCS, error);
}

static bool delete_ucs(struct ews_session *session, GError **error)
{
	return ews_contact_delete(session, EWS_DIALECT_UCS, &some_ref, NULL, error);
}

static bool group_delete(struct ews_session *session, GError **error)
{
	autoptr(group) group = group_new("Work", GROUP_KIND_USER);
	return ews_group_delete(session, EWS_DIALECT_UCS, group, error);
}

static bool confirm(struct ews_session *session, GError **error)
{
	autoptr(ews_mailbox_info) info = NULL;
	bool ok = ews_confirm_mailbox(session, &info, error);
	g_assert(ok == (info != NULL) && (!ok || info->root_id != NULL));
	return ok;
}

static bool ensure(struct ews_session *session, GError **error)
{
	g_autofree char *id = NULL;
	bool ok = ews_folder_ensure(session, EWS_FOLDER_CONVERSATION_HISTORY, &id, error);
	g_assert(ok == (id != NULL));
	return ok;
}

static bool messages_create(struct ews_session *session, GError **error)
{
	struct ews_message messages[2] = {
	        {.mime = "a", .mime_len = 1, .delivery_uuid = "u1"},
	        {.mime = "b", .mime_len = 1, .delivery_uuid = "u2"},
	};
	struct ews_outcome *outcomes = ews_outcomes_new(2);
	bool ok = ews_messages_create(session, "F", messages, 2, outcomes, error);
	check_outcomes(outcomes, 2, ok);
	return ok;
}

static bool messages_created(struct ews_session *session, GError **error)
{
	return ews_messages_created(session, "F", 1000000, on_message, NULL, error);
}

static bool messages_changes(struct ews_session *session, GError **error)
{
	g_autofree char *state = NULL;
	bool full;
	return ews_messages_changes(session, "F", "S", on_message, NULL, &state, &full, error);
}

static bool mime(struct ews_session *session, GError **error)
{
	return ews_message_get_mime(session, "1", on_bytes, NULL, error);
}

static bool (*const verbs[])(struct ews_session *session, GError **error) = {
        changes_folder,
        changes_ucs,
        create_folder,
        create_ucs,
        update_folder,
        update_ucs,
        find_folder,
        find_ucs,
        delete_ucs,
        group_delete,
        confirm,
        ensure,
        messages_create,
        messages_created,
        messages_changes,
        mime,
};

/* One session for all runs: what a run leaves behind is forgotten with its mailbox. */
static struct ews_session *session_for(struct line *line)
{
	static struct ews_session *session;
	static struct mailbox *mailbox;
	if (session == NULL) {
		http_global_init();
		const struct ews_options options = {
		        .url = "https://mail.corp.example/EWS/Exchange.asmx",
		        .user = "u",
		        .password = "p",
		};
		session = ews_session_open(&options, NULL);
		mailbox = mailbox_new("a@im.example", "a@corp.example", "s");
	}
	session->perform = give;
	session->perform_data = line;
	session->sync_ids_only = session->fresh_for_large = false;
	ews_session_use_mailbox(session, mailbox);
	return session;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	struct line line = {
	        .at = (const char *)data + 2,
	        .end = (const char *)data + size,
	        .status = (data[1] & 1) != 0 ? 500 : 200,
	        .piece = (data[1] >> 1) + 1U,
	};
	g_autoptr(GError) error = NULL;
	bool ok = verbs[data[0] % G_N_ELEMENTS(verbs)](session_for(&line), &error);
	g_assert(ok == (error == NULL));
	g_assert(ok || error_reason(error)[0] != '\0');
	return 0;
}
