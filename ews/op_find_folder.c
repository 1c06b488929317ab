#include "ews/ops.h"

#include "core/error.h"

/* A mailbox has hundreds of folders below its root at most. */
#define MAX_FOLDERS "1000"

static const struct ews_op op = {.name = "FindFolder"};

struct reading {
	const char *display_name; /* that is looked for; NULL: every folder is taken */
	GString *id, *name; /* of the folder that is open */
	bool mail; /* it is no folder of contacts, appointments, searches ... */
	GPtrArray *found; /* ids */
	bool all;
};

static bool on_start(struct ews_answer *answer, enum ews_element element,
        const struct xml_attrs *attrs, void *data, GError **error)
{
	(void)error;
	struct reading *reading = data;
	unsigned depth = ews_answer_depth(answer);
	if (depth == 1 && element == ELEMENT_RootFolder) {
		const char *last = xml_attr_value(attrs, "IncludesLastItemInRange");
		reading->all = last == NULL || g_str_equal(last, "true") || g_str_equal(last, "1");
	} else if (depth == 3 && ews_answer_above(answer, 1) == ELEMENT_Folders) {
		g_string_truncate(reading->id, 0);
		g_string_truncate(reading->name, 0);
		reading->mail = element == ELEMENT_Folder;
	} else if (depth == 4 && element == ELEMENT_FolderId) {
		const char *id = xml_attr_value(attrs, "Id");
		g_string_assign(reading->id, id == NULL ? "" : id);
	}
	return true;
}

/* Compared here too: a server may overlook the restriction. */
static bool is_wanted(const struct reading *reading)
{
	if (reading->id->len == 0)
		return false;
	if (reading->display_name == NULL)
		return reading->mail;
	g_autofree char *name = g_utf8_casefold(reading->name->str, -1);
	g_autofree char *wanted = g_utf8_casefold(reading->display_name, -1);
	return g_str_equal(name, wanted);
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
	if (depth == 3 && ews_answer_above(answer, 1) == ELEMENT_Folders && is_wanted(reading))
		g_ptr_array_add(reading->found, g_strdup(reading->id->str));
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

static bool find(struct ews_session *session, const struct ews_folder *parent, bool deep,
        struct reading *reading, GError **error)
{
	struct xml_writer *w = ews_request(session, &op);
	xml_attr(w, "Traversal", deep ? "Deep" : "Shallow");
	xml_start(w, "m:FolderShape");
	xml_text_element(w, "t:BaseShape", "IdOnly");
	xml_start(w, "t:AdditionalProperties");
	ews_write_field(w, "folder:DisplayName");
	xml_end(w);
	xml_end(w);
	xml_empty_element(w, "m:IndexedPageFolderView", "MaxEntriesReturned", MAX_FOLDERS, "Offset",
	        "0", "BasePoint", "Beginning", NULL);
	if (reading->display_name != NULL)
		write_restriction(w, reading->display_name);
	xml_start(w, "m:ParentFolderIds");
	ews_write_folder(session, w, parent);
	xml_end(w);
	reading->id = g_string_new(NULL);
	reading->name = g_string_new(NULL);
	bool ok = ews_call(session, &op, &handler, reading, error);
	g_string_free(reading->id, TRUE);
	g_string_free(reading->name, TRUE);
	return ok;
}

bool ews_find_folder(struct ews_session *session, const struct ews_folder *parent,
        const char *display_name, char **id, GError **error)
{
	g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(g_free);
	struct reading reading = {.display_name = display_name, .found = found};
	if (!find(session, parent, false, &reading, error))
		return false;
	*id = found->len > 0 ? g_strdup(found->pdata[0]) : NULL;
	return true;
}

bool ews_list_folders(struct ews_session *session, const struct ews_folder *parent, GPtrArray *ids,
        bool *all, GError **error)
{
	struct reading reading = {.found = ids};
	bool ok = find(session, parent, true, &reading, error);
	*all = reading.all;
	return ok;
}
