#include "ews/ops.h"

#include "core/error.h"

/* A mailbox has hundreds of folders below its root at most; the restriction leaves one or none. */
#define MAX_FOLDERS "1000"

static const struct ews_op op = {.name = "FindFolder"};

struct reading {
	const char *display_name;
	GString *id, *name; /* of the folder that is open */
	char *found;
};

static bool on_start(struct ews_answer *answer, enum ews_element element,
        const struct xml_attrs *attrs, void *data, GError **error)
{
	(void)error;
	struct reading *reading = data;
	unsigned depth = ews_answer_depth(answer);
	if (depth == 3 && ews_answer_above(answer, 1) == ELEMENT_Folders) {
		g_string_truncate(reading->id, 0);
		g_string_truncate(reading->name, 0);
	} else if (depth == 4 && element == ELEMENT_FolderId) {
		const char *id = xml_attr_value(attrs, "Id");
		g_string_assign(reading->id, id == NULL ? "" : id);
	}
	return true;
}

static bool on_end(struct ews_answer *answer, enum ews_element element, const char *text,
        size_t len, void *data, GError **error)
{
	(void)len;
	(void)error;
	struct reading *reading = data;
	unsigned depth = ews_answer_depth(answer);
	if (depth == 4 && element == ELEMENT_DisplayName && text != NULL)
		g_string_assign(reading->name, text);
	if (depth != 3 || ews_answer_above(answer, 1) != ELEMENT_Folders || reading->found != NULL)
		return true;
	/* Compared here too: a server may overlook the restriction. */
	g_autofree char *found = g_utf8_casefold(reading->name->str, -1);
	g_autofree char *wanted = g_utf8_casefold(reading->display_name, -1);
	if (reading->id->len > 0 && g_str_equal(found, wanted))
		reading->found = g_strdup(reading->id->str);
	return true;
}

static const struct ews_answer_handler handler = {.start = on_start, .end = on_end};

static void write_restriction(struct xml_writer *w, const char *display_name)
{
	xml_start(w, "m:Restriction");
	xml_start(w, "t:IsEqualTo");
	ews_write_field(w, "folder:DisplayName");
	xml_start(w, "t:FieldURIOrConstant");
	xml_empty_element(w, "t:Constant", "Value", display_name, NULL);
	xml_end(w);
	xml_end(w);
	xml_end(w);
}

bool ews_find_folder(struct ews_session *session, const struct ews_folder *parent,
        const char *display_name, char **id, GError **error)
{
	struct xml_writer *w = ews_request(session, &op);
	xml_attr(w, "Traversal", "Shallow");
	xml_start(w, "m:FolderShape");
	xml_text_element(w, "t:BaseShape", "IdOnly");
	xml_start(w, "t:AdditionalProperties");
	ews_write_field(w, "folder:DisplayName");
	xml_end(w);
	xml_end(w);
	xml_empty_element(w, "m:IndexedPageFolderView", "MaxEntriesReturned", MAX_FOLDERS, "Offset",
	        "0", "BasePoint", "Beginning", NULL);
	write_restriction(w, display_name);
	xml_start(w, "m:ParentFolderIds");
	ews_write_folder(session, w, parent);
	xml_end(w);
	struct reading reading = {
	        .display_name = display_name, .id = g_string_new(NULL), .name = g_string_new(NULL)};
	bool ok = ews_call(session, &op, &handler, &reading, error);
	g_string_free(reading.id, TRUE);
	g_string_free(reading.name, TRUE);
	if (ok)
		*id = g_steal_pointer(&reading.found);
	g_free(reading.found);
	return ok;
}
