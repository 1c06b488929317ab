#include "ews/folders.h"

#include "core/error.h"
#include "ews/ops.h"

#define HISTORY_NAME "Conversation History"

static const char *const distinguished[] = {
        [EWS_FOLDER_CONVERSATION_HISTORY] = "conversationhistory",
        [EWS_FOLDER_PURGES] = "recoverableitemspurges",
        [EWS_FOLDER_CONTACTS] = "contacts",
};

/* What a server keeps of deleted items, as far as it does. */
static const struct ews_folder kept[] = {
        {.distinguished = "recoverableitemsdeletions"},
        {.distinguished = "recoverableitemspurges"},
};

static const struct ews_folder root = {.distinguished = "msgfolderroot"};

static bool get_one(struct ews_session *session, const char *name, char **folder_id, GError **error)
{
	struct ews_folder folder = {.distinguished = name};
	g_autoptr(GError) failure = NULL;
	if (!ews_get_folder(session, &folder, NULL, 1, folder_id, &failure, error))
		return false;
	if (failure == NULL)
		return true;
	g_propagate_error(error, g_steal_pointer(&failure));
	return false;
}

/* grommunio does not know some; others refuse names they do not know as malformed. */
static bool is_absent(const GError *failure)
{
	return error_is(failure, "ews.not_found") || error_is(failure, "ews.request") ||
	       error_is(failure, "ews.item") || error_is(failure, "ews.unsupported");
}

/* Two workers may make it at once: who comes second finds it. */
static bool find_or_create(struct ews_session *session, char **folder_id, GError **error)
{
	if (!ews_find_folder(session, &root, HISTORY_NAME, folder_id, error))
		return false;
	if (*folder_id != NULL)
		return true;
	g_autoptr(GError) failure = NULL;
	if (ews_create_folder(session, &root, HISTORY_NAME, folder_id, &failure))
		return true;
	bool look = error_is(failure, "ews.exists") || error_class_of(failure) == ERROR_UNCERTAIN;
	if (look && ews_find_folder(session, &root, HISTORY_NAME, folder_id, NULL) &&
	        *folder_id != NULL)
		return true;
	g_propagate_error(error, g_steal_pointer(&failure));
	return false;
}

bool ews_folder_ensure(
        struct ews_session *session, enum ews_folder_kind kind, char **folder_id, GError **error)
{
	g_autoptr(GError) failure = NULL;
	*folder_id = NULL;
	if (get_one(session, distinguished[kind], folder_id, &failure))
		return true;
	if (is_absent(failure) && kind == EWS_FOLDER_CONVERSATION_HISTORY)
		return find_or_create(session, folder_id, error);
	g_propagate_error(error, g_steal_pointer(&failure));
	return false;
}

bool ews_folder_find(
        struct ews_session *session, enum ews_folder_kind kind, char **folder_id, GError **error)
{
	g_autoptr(GError) failure = NULL;
	*folder_id = NULL;
	if (get_one(session, distinguished[kind], folder_id, &failure))
		return true;
	if (is_absent(failure))
		return kind != EWS_FOLDER_CONVERSATION_HISTORY ||
		       ews_find_folder(session, &root, HISTORY_NAME, folder_id, error);
	g_propagate_error(error, g_steal_pointer(&failure));
	return false;
}

bool ews_folders_of_mail(struct ews_session *session, GPtrArray *ids, bool *all, GError **error)
{
	char *found[G_N_ELEMENTS(kept)] = {NULL};
	GError *failures[G_N_ELEMENTS(kept)] = {NULL};
	if (!ews_list_folders(session, &root, ids, all, error) ||
	        !ews_get_folder(session, kept, NULL, G_N_ELEMENTS(kept), found, failures, error))
		return false;
	for (size_t i = 0; i < G_N_ELEMENTS(kept); i++) {
		*all = *all && (failures[i] == NULL || is_absent(failures[i]));
		if (found[i] != NULL)
			g_ptr_array_add(ids, found[i]);
		g_clear_error(&failures[i]);
	}
	return true;
}
