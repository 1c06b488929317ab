#include "ews/im_list.h"

#include "core/error.h"
#include "ews/codes.h"

#include <string.h>

/* Names of the default groups are localised: the class tells them. */
static const struct {
	const char *item_class;
	enum group_kind kind;
} group_classes[] = {
        {"IPM.DistList.MOC.UserGroup", GROUP_KIND_USER},
        {"IPM.DistList.MOC.DG", GROUP_KIND_DISTRIBUTION},
        {"IPM.DistList.MOC.Tagged", GROUP_KIND_TAGGED},
        {"IPM.DistList.MOC.OtherContacts", GROUP_KIND_OTHER},
        {"IPM.DistList.MOC.Favorites", GROUP_KIND_FAVORITES},
};

void ews_im_reading_init(
        struct ews_im_reading *reading, const char *operation, const struct ews_im_sink *sink)
{
	memset(reading, 0, sizeof *reading);
	reading->operation = operation;
	reading->sink = sink;
	reading->group.members = g_ptr_array_new_with_free_func(g_free);
	for (unsigned i = 0; i < IM_TEXTS_; i++)
		reading->texts[i] = g_string_new(NULL);
}

static void drop_group(struct ews_im_reading *reading)
{
	if (reading->group.group != NULL)
		group_free(reading->group.group);
	reading->group.group = NULL;
	g_ptr_array_set_size(reading->group.members, 0);
}

void ews_im_reading_clear(struct ews_im_reading *reading)
{
	drop_group(reading);
	g_ptr_array_unref(reading->group.members);
	for (unsigned i = 0; i < IM_TEXTS_; i++)
		g_string_free(reading->texts[i], TRUE);
}

static void set(struct ews_im_reading *reading, enum ews_im_text text, const char *value)
{
	g_string_assign(reading->texts[text], value == NULL ? "" : value);
}

static const char *get(const struct ews_im_reading *reading, enum ews_im_text text)
{
	return reading->texts[text]->len == 0 ? NULL : reading->texts[text]->str;
}

static bool protocol_error(const struct ews_im_reading *reading, const char *what, GError **error)
{
	ews_protocol_set(error, reading->operation, what);
	return false;
}

/* groups */

static void group_start(struct ews_im_reading *reading, const struct ews_answer *answer,
        enum ews_element element, const struct xml_attrs *attrs)
{
	struct group *group = reading->group.group;
	if (element == ELEMENT_ExchangeStoreId) {
		g_free(group->store_id);
		g_free(group->change_key);
		group->store_id = xml_attr_dup(attrs, "Id");
		group->change_key = xml_attr_dup(attrs, "ChangeKey");
	} else if (element == ELEMENT_ItemId &&
	           ews_answer_above(answer, 1) == ELEMENT_MemberCorrelationKey) {
		char *id = xml_attr_dup(attrs, "Id");
		if (id != NULL)
			g_ptr_array_add(reading->group.members, id);
	}
}

static bool group_done(struct ews_im_reading *reading, GError **error)
{
	if (reading->group.group->store_id == NULL)
		return protocol_error(reading, "a group without ExchangeStoreId", error);
	bool ok = reading->sink->group == NULL ||
	          reading->sink->group(&reading->group, reading->sink->data, error);
	drop_group(reading);
	return ok;
}

static bool group_end(struct ews_im_reading *reading, const struct ews_answer *answer,
        enum ews_element element, const char *text, GError **error)
{
	struct group *group = reading->group.group;
	unsigned depth = ews_answer_depth(answer);
	if (depth == reading->group_depth) {
		reading->group_depth = 0;
		return group_done(reading, error);
	}
	if (depth != reading->group_depth + 1 || text == NULL)
		return true;
	if (element == ELEMENT_DisplayName) {
		g_free(group->name);
		group->name = g_strdup(text);
	} else if (element == ELEMENT_SmtpAddress) {
		g_free(group->smtp);
		group->smtp = g_strdup(text);
	} else if (element == ELEMENT_GroupType) {
		for (size_t i = 0; i < G_N_ELEMENTS(group_classes); i++)
			if (g_ascii_strcasecmp(group_classes[i].item_class, text) == 0)
				group->kind = group_classes[i].kind;
	}
	return true;
}

/* personas */

static void persona_start(struct ews_im_reading *reading, const struct ews_answer *answer,
        enum ews_element element, const struct xml_attrs *attrs)
{
	unsigned depth = ews_answer_depth(answer) - reading->persona_depth;
	if (element == ELEMENT_Attribution && depth == 2) {
		set(reading, IM_ATTRIBUTION, NULL);
		set(reading, IM_SOURCE, NULL);
		set(reading, IM_SOURCE_KEY, NULL);
		reading->is_quick = reading->is_hidden = false;
	} else if (element == ELEMENT_SourceId && depth == 3) {
		set(reading, IM_SOURCE, xml_attr_value(attrs, "Id"));
		set(reading, IM_SOURCE_KEY, xml_attr_value(attrs, "ChangeKey"));
	} else if (element == ELEMENT_StringAttributedValue && depth == 2) {
		set(reading, IM_VALUE, NULL);
	} else if (element == ELEMENT_PhoneNumberAttributedValue && depth == 2) {
		set(reading, IM_PHONE, NULL);
	}
}

static void attribution_done(struct ews_im_reading *reading)
{
	if (!reading->is_quick || reading->is_hidden || get(reading, IM_SOURCE) == NULL ||
	        get(reading, IM_OWN_SOURCE) != NULL)
		return;
	set(reading, IM_OWN_ATTRIBUTION, get(reading, IM_ATTRIBUTION));
	set(reading, IM_OWN_SOURCE, get(reading, IM_SOURCE));
	set(reading, IM_OWN_KEY, get(reading, IM_SOURCE_KEY));
}

static bool is_true(const char *text)
{
	return g_str_equal(text, "true") || g_str_equal(text, "1");
}

/* Attributions/Attribution and its children. */
static void attribution_end(struct ews_im_reading *reading, const struct ews_answer *answer,
        enum ews_element element, const char *text)
{
	unsigned depth = ews_answer_depth(answer) - reading->persona_depth;
	if (depth == 2)
		attribution_done(reading);
	else if (depth != 3 || text == NULL)
		return;
	else if (element == ELEMENT_IsQuickContact)
		reading->is_quick = is_true(text);
	else if (element == ELEMENT_IsHidden)
		reading->is_hidden = is_true(text);
	else if (element == ELEMENT_Id)
		set(reading, IM_ATTRIBUTION, text);
}

/* ImAddresses/StringAttributedValue/{Value, Attributions/Attribution} */
static void address_end(struct ews_im_reading *reading, const struct ews_answer *answer,
        enum ews_element element, const char *text)
{
	unsigned depth = ews_answer_depth(answer) - reading->persona_depth;
	if (text == NULL)
		return;
	if (depth == 3 && element == ELEMENT_Value) {
		set(reading, IM_VALUE, text);
		if (get(reading, IM_FIRST_VALUE) == NULL)
			set(reading, IM_FIRST_VALUE, text);
	} else if (depth == 4 && element == ELEMENT_Attribution &&
	           g_strcmp0(text, get(reading, IM_OWN_ATTRIBUTION)) == 0 &&
	           get(reading, IM_OWN_VALUE) == NULL) {
		set(reading, IM_OWN_VALUE, get(reading, IM_VALUE));
	}
}

/* OtherTelephones/PhoneNumberAttributedValue/{Value/Number, Attributions/Attribution} */
static void telephone_end(
        struct ews_im_reading *reading, enum ews_element element, const char *text)
{
	if (text == NULL)
		return;
	if (element == ELEMENT_Number)
		set(reading, IM_PHONE, text);
	else if (element == ELEMENT_Attribution && get(reading, IM_NUMBER) == NULL &&
	         g_strcmp0(text, get(reading, IM_OWN_ATTRIBUTION)) == 0)
		set(reading, IM_NUMBER, get(reading, IM_PHONE));
}

static bool persona_done(struct ews_im_reading *reading, GError **error)
{
	struct ews_im_persona persona = {
	        .item_id = get(reading, IM_OWN_SOURCE),
	        .change_key = get(reading, IM_OWN_KEY),
	        .name = get(reading, IM_NAME),
	        .address = get(reading, IM_OWN_VALUE),
	        .number = get(reading, IM_NUMBER),
	};
	if (persona.name == NULL)
		persona.name = get(reading, IM_FIRST_LAST);
	if (persona.address == NULL)
		persona.address = get(reading, IM_ADDRESS);
	if (persona.address == NULL)
		persona.address = get(reading, IM_FIRST_VALUE);
	return reading->sink->persona == NULL ||
	       reading->sink->persona(&persona, reading->sink->data, error);
}

static bool persona_end(struct ews_im_reading *reading, const struct ews_answer *answer,
        enum ews_element element, const char *text, GError **error)
{
	unsigned depth = ews_answer_depth(answer) - reading->persona_depth;
	if (depth == 0) {
		reading->persona_depth = 0;
		return persona_done(reading, error);
	}
	/* The child of the persona that we are in. */
	enum ews_element part = ews_answer_above(answer, depth - 1);
	if (part == ELEMENT_Attributions)
		attribution_end(reading, answer, element, text);
	else if (part == ELEMENT_ImAddresses)
		address_end(reading, answer, element, text);
	else if (part == ELEMENT_OtherTelephones)
		telephone_end(reading, element, text);
	else if (text == NULL)
		return true;
	else if (depth == 1 && element == ELEMENT_DisplayName)
		set(reading, IM_NAME, text);
	else if (depth == 1 && element == ELEMENT_DisplayNameFirstLast)
		set(reading, IM_FIRST_LAST, text);
	else if (depth == 1 && element == ELEMENT_ImAddress)
		set(reading, IM_ADDRESS, text);
	return true;
}

/* the list */

static bool on_start(struct ews_answer *answer, enum ews_element element,
        const struct xml_attrs *attrs, void *data, GError **error)
{
	struct ews_im_reading *reading = data;
	if (reading->group_depth != 0) {
		group_start(reading, answer, element, attrs);
	} else if (reading->persona_depth != 0) {
		persona_start(reading, answer, element, attrs);
	} else if (element == ELEMENT_ImGroup) {
		if (reading->any_persona)
			return protocol_error(reading, "groups after personas", error);
		reading->group_depth = ews_answer_depth(answer);
		reading->group.group = group_new("", GROUP_KIND_USER);
	} else if (element == ELEMENT_Persona) {
		reading->any_persona = true;
		reading->persona_depth = ews_answer_depth(answer);
		for (unsigned i = 0; i < IM_TEXTS_; i++)
			g_string_truncate(reading->texts[i], 0);
	}
	return true;
}

static bool on_end(struct ews_answer *answer, enum ews_element element, const char *text,
        size_t len, void *data, GError **error)
{
	(void)len;
	struct ews_im_reading *reading = data;
	if (reading->group_depth != 0)
		return group_end(reading, answer, element, text, error);
	if (reading->persona_depth != 0)
		return persona_end(reading, answer, element, text, error);
	return true;
}

const struct ews_answer_handler ews_im_list_handler = {.start = on_start, .end = on_end};

bool ews_im_call(struct ews_session *session, const struct ews_op *op, GError **error)
{
	static const struct ews_answer_handler nothing;
	return ews_call(session, op, &nothing, NULL, error);
}

struct made {
	struct ews_item_ref ref;
	char *shown;
};

static bool made_group(struct ews_im_group *group, void *data, GError **error)
{
	(void)error;
	struct made *made = data;
	ews_item_ref_set(&made->ref, group->group->store_id, group->group->change_key);
	return true;
}

static bool made_persona(const struct ews_im_persona *persona, void *data, GError **error)
{
	(void)error;
	struct made *made = data;
	ews_item_ref_set(&made->ref, persona->item_id, persona->change_key);
	g_free(made->shown);
	made->shown = g_strdup(persona->name);
	return true;
}

bool ews_im_call_made(struct ews_session *session, const struct ews_op *op,
        struct ews_item_ref *out, char **shown, GError **error)
{
	struct made made = {0};
	struct ews_im_sink sink = {.group = made_group, .persona = made_persona, .data = &made};
	struct ews_im_reading reading;
	ews_im_reading_init(&reading, op->name, &sink);
	GError *failure = NULL;
	bool ok = ews_call(session, op, &ews_im_list_handler, &reading, &failure);
	ews_im_reading_clear(&reading);
	if (ok && made.ref.id == NULL) {
		ews_protocol_set(&failure, op->name, "what was made has no id");
		error_reclass(failure, ERROR_UNCERTAIN);
		ok = false;
	}
	if (!ok)
		g_propagate_error(error, failure);
	else if (out != NULL)
		ews_item_ref_set(out, made.ref.id, made.ref.change_key);
	if (ok && shown != NULL)
		*shown = g_steal_pointer(&made.shown);
	ews_item_ref_clear(&made.ref);
	g_free(made.shown);
	return ok;
}
