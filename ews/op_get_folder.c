#include "ews/ops.h"

#include "core/error.h"
#include "ews/codes.h"

static const struct ews_op op = {.name = "GetFolder"};

struct reading {
	char **ids;
	GError **failures;
	size_t n;
};

static bool on_start(struct ews_answer *answer, enum ews_element element,
        const struct xml_attrs *attrs, void *data, GError **error)
{
	(void)error;
	struct reading *reading = data;
	size_t index = ews_answer_index(answer);
	/* Folders/ContactsFolder/FolderId, not the ParentFolderId beside it. */
	if (element == ELEMENT_FolderId && ews_answer_depth(answer) == 3 && index < reading->n &&
	        reading->ids[index] == NULL)
		reading->ids[index] = xml_attr_dup(attrs, "Id");
	return true;
}

static bool on_message(
        struct ews_answer *answer, const GError *failure, bool stopped, void *data, GError **error)
{
	(void)stopped;
	(void)error;
	struct reading *reading = data;
	size_t index = ews_answer_index(answer);
	if (index >= reading->n)
		return true;
	if (failure != NULL)
		reading->failures[index] = g_error_copy(failure);
	else if (reading->ids[index] == NULL)
		ews_protocol_set(&reading->failures[index], op.name, "a folder without id");
	return true;
}

static const struct ews_answer_handler handler = {.start = on_start, .message = on_message};

static void write_mailbox_folder(struct xml_writer *w, const char *distinguished, const char *smtp)
{
	xml_start(w, "t:DistinguishedFolderId");
	xml_attr(w, "Id", distinguished);
	xml_start(w, "t:Mailbox");
	xml_text_element(w, "t:EmailAddress", smtp);
	xml_end(w);
	xml_end(w);
}

bool ews_get_folder(struct ews_session *session, const struct ews_folder *folders,
        const char *const *mailboxes, size_t n, char **ids, GError **failures, GError **error)
{
	struct xml_writer *w = ews_request(session, &op);
	xml_start(w, "m:FolderShape");
	xml_text_element(w, "t:BaseShape", "IdOnly");
	xml_end(w);
	xml_start(w, "m:FolderIds");
	for (size_t i = 0; i < n; i++) {
		if (mailboxes != NULL && mailboxes[i] != NULL)
			write_mailbox_folder(w, folders[i].distinguished, mailboxes[i]);
		else
			ews_write_folder(session, w, &folders[i]);
	}
	xml_end(w);
	struct reading reading = {.ids = ids, .failures = failures, .n = n};
	bool ok = ews_call(session, &op, &handler, &reading, error);
	for (size_t i = 0; i < n; i++) {
		if (ok && ids[i] == NULL && failures[i] == NULL)
			ews_protocol_set(&failures[i], op.name, "a folder was left out");
		if (!ok)
			g_clear_error(&failures[i]);
		if (!ok || failures[i] != NULL)
			g_clear_pointer(&ids[i], g_free);
	}
	return ok;
}
