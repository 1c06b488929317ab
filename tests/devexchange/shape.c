#include "shape.h"

#include "fid.h"
#include "habits.h"

#include <string.h>

/* The dictionaries' plural names, which stand for all their entries. */
static const struct {
	const char *plural, *singular;
} plurals[] = {
        {"contacts:EmailAddresses", "contacts:EmailAddress"},
        {"contacts:PhoneNumbers", "contacts:PhoneNumber"},
        {"contacts:ImAddresses", "contacts:ImAddress"},
        {"contacts:PhysicalAddresses", "contacts:PhysicalAddress:"},
};

static void add_plural(struct shape *shape, const char *singular)
{
	for (uint32_t id = 0; id < n_fields; id++)
		if (g_str_has_prefix(fields[id].uri, singular) && fields[id].index != NULL)
			shape->extra[id] = true;
}

static const char *add_uri(struct shape *shape, const char *uri)
{
	if (g_str_has_prefix(uri, "folder:"))
		return "ErrorInvalidPropertyRequest";
	for (size_t i = 0; i < G_N_ELEMENTS(plurals); i++)
		if (strcmp(plurals[i].plural, uri) == 0) {
			add_plural(shape, plurals[i].singular);
			return NULL;
		}
	/* A field of another kind of item is no error; no item here has it. */
	uint32_t id = field_id(uri, NULL);
	if (id != UINT32_MAX)
		shape->extra[id] = true;
	if (grommunio() && id == fid.display_name)
		shape->extra[fid.file_as] = true;
	return NULL;
}

static const char *add_path(struct shape *shape, const struct xml_node *path)
{
	const char *code = NULL, *uri = xml_attr(path, "FieldURI");

	if (strcmp(path->name, "ExtendedFieldURI") == 0) {
		ext_prop_from_node(path, &code);
		if (code == NULL)
			g_ptr_array_add(shape->extended, (gpointer)(uintptr_t)path);
	} else if (strcmp(path->name, "FieldURI") == 0) {
		code = add_uri(shape, uri);
	} else if (strcmp(uri, "item:InternetMessageHeader") == 0) {
		return add_uri(shape, "item:InternetMessageHeaders");
	} else {
		uint32_t id = field_id(uri, xml_attr(path, "FieldIndex"));
		if (id == UINT32_MAX)
			return "ErrorInvalidPropertyRequest";
		shape->extra[id] = true;
	}
	return code;
}

const char *shape_parse(const struct xml_node *node, bool find, struct shape *shape)
{
	const char *base = xml_child_text(node, "BaseShape"), *code = NULL;
	const char *body = xml_child_text(node, "BodyType"),
	           *max = xml_child_text(node, "MaximumBodySize");
	const struct xml_node *more = xml_child(node, "AdditionalProperties");

	*shape = (struct shape){.find = find, .base = BASE_ID};
	shape->extra = g_new0(bool, n_fields);
	shape->extended = g_ptr_array_new();
	/* A shape of attachments has no base: they come whole. */
	if (base == NULL || strcmp(base, "AllProperties") == 0)
		shape->base = BASE_ALL;
	else if (strcmp(base, "Default") == 0)
		shape->base = BASE_DEFAULT;
	shape->mime = xml_bool(xml_child_text(node, "IncludeMimeContent")) && !find;
	if (body != NULL && strcmp(body, "Best") != 0)
		shape->body = strcmp(body, "HTML") == 0 ? BODY_HTML : BODY_TEXT;
	if (max != NULL)
		shape->max_body = g_ascii_strtoll(max, NULL, 10);
	for (const struct xml_node *p = more != NULL ? more->first : NULL;
	        p != NULL && code == NULL; p = p->next)
		code = add_path(shape, p);
	return code;
}

void shape_clear(struct shape *shape)
{
	g_free(shape->extra);
	g_ptr_array_free(shape->extended, TRUE);
	for (int i = 0; i < ITEM_KINDS; i++)
		g_free(shape->rows[i]);
}
