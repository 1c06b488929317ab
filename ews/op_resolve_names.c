#include "ews/ops.h"

#include "core/error.h"

static const struct ews_op op = {.name = "ResolveNames"};

struct reading {
	unsigned resolutions;
	GString *address, *name, *type;
};

static bool on_start(struct ews_answer *answer, enum ews_element element,
        const struct xml_attrs *attrs, void *data, GError **error)
{
	(void)answer;
	(void)attrs;
	(void)error;
	struct reading *reading = data;
	if (element == ELEMENT_Resolution)
		reading->resolutions++;
	return true;
}

static bool on_end(struct ews_answer *answer, enum ews_element element, const char *text,
        size_t len, void *data, GError **error)
{
	(void)len;
	(void)error;
	struct reading *reading = data;
	if (text == NULL || ews_answer_above(answer, 1) != ELEMENT_Mailbox ||
	        ews_answer_above(answer, 2) != ELEMENT_Resolution)
		return true;
	if (element == ELEMENT_EmailAddress)
		g_string_assign(reading->address, text);
	else if (element == ELEMENT_Name)
		g_string_assign(reading->name, text);
	else if (element == ELEMENT_MailboxType)
		g_string_assign(reading->type, text);
	return true;
}

/* A directory that finds nobody, or does not let us look, has no answer: that is no error here. */
static bool on_message(
        struct ews_answer *answer, const GError *failure, bool stopped, void *data, GError **error)
{
	(void)answer;
	(void)stopped;
	struct reading *reading = data;
	if (failure == NULL)
		return true;
	if (error_class_of(failure) == ERROR_MAILBOX || error_class_of(failure) == ERROR_CONFIG ||
	        error_class_of(failure) == ERROR_ITEM) {
		reading->resolutions = 0;
		return true;
	}
	g_propagate_error(error, g_error_copy(failure));
	return false;
}

static const struct ews_answer_handler handler = {
        .start = on_start, .end = on_end, .message = on_message};

bool ews_resolve_names(
        struct ews_session *session, const char *smtp, char **primary, char **name, GError **error)
{
	struct xml_writer *w = ews_request(session, &op);
	g_autofree char *entry = g_strconcat("smtp:", smtp, NULL);
	xml_attr(w, "ReturnFullContactData", "false");
	xml_attr(w, "SearchScope", "ActiveDirectory");
	xml_text_element(w, "m:UnresolvedEntry", entry);
	struct reading reading = {.address = g_string_new(NULL),
	        .name = g_string_new(NULL),
	        .type = g_string_new(NULL)};
	bool ok = ews_call(session, &op, &handler, &reading, error);
	bool single = reading.resolutions == 1 && reading.address->len > 0 &&
	              (reading.type->len == 0 || g_str_equal(reading.type->str, "Mailbox"));
	*primary = ok && single ? g_strdup(reading.address->str) : NULL;
	*name = ok && single ? g_strdup(reading.name->str) : NULL;
	g_string_free(reading.address, TRUE);
	g_string_free(reading.name, TRUE);
	g_string_free(reading.type, TRUE);
	return ok;
}
