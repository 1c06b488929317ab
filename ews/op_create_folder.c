#include "ews/ops.h"

#include "core/error.h"
#include "ews/codes.h"

static const struct ews_op op = {.name = "CreateFolder", .changes = true};

static bool on_start(struct ews_answer *answer, enum ews_element element,
        const struct xml_attrs *attrs, void *data, GError **error)
{
	(void)error;
	char **id = data;
	if (element == ELEMENT_FolderId && ews_answer_depth(answer) == 3 && *id == NULL)
		*id = xml_attr_dup(attrs, "Id");
	return true;
}

static const struct ews_answer_handler handler = {.start = on_start};

bool ews_create_folder(struct ews_session *session, const struct ews_folder *parent,
        const char *display_name, char **id, GError **error)
{
	struct xml_writer *w = ews_request(session, &op);
	xml_start(w, "m:ParentFolderId");
	ews_write_folder(session, w, parent);
	xml_end(w);
	xml_start(w, "m:Folders");
	xml_start(w, "t:Folder");
	xml_text_element(w, "t:FolderClass", "IPF.Note");
	xml_text_element(w, "t:DisplayName", display_name);
	xml_end(w);
	xml_end(w);
	g_autofree char *made = NULL;
	if (!ews_call(session, &op, &handler, &made, error))
		return false;
	if (made == NULL) {
		GError *failure = NULL;
		ews_protocol_set(&failure, op.name, "a new folder without id");
		error_reclass(failure, ERROR_UNCERTAIN);
		g_propagate_error(error, failure);
		return false;
	}
	*id = g_steal_pointer(&made);
	return true;
}
