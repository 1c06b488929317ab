#include "restrict.h"

#include "fid.h"
#include "folder_write.h"
#include "item_read.h"
#include "shape.h"

#include <stdlib.h>
#include <string.h>

static bool is_path(const struct xml_node *node)
{
	return node != NULL && g_str_has_suffix(node->name, "FieldURI");
}

static const char *check_path(const struct xml_node *path, bool folders)
{
	const char *code, *uri = xml_attr(path, "FieldURI");

	if (folders && uri != NULL)
		return g_str_has_prefix(uri, "folder:") ? NULL : "ErrorUnsupportedPathForQuery";
	if (uri != NULL && g_str_has_prefix(uri, "folder:"))
		return "ErrorUnsupportedPathForQuery";
	path_prop(path, &code);
	return code;
}

const char *restriction_check(const struct xml_node *e, bool folders)
{
	const char *code = NULL;

	for (const struct xml_node *c = e->first; c != NULL && code == NULL; c = c->next) {
		if (is_path(c))
			code = check_path(c, folders);
		else if (strcmp(c->name, "Constant") != 0 && strcmp(c->name, "Bitmask") != 0)
			code = restriction_check(c, folders);
	}
	return code;
}

char *item_path_value(const void *object, const struct xml_node *path, enum prop_type *type)
{
	const struct item *item = object;
	const char *code;
	uint32_t id = path_prop(path, &code);

	if (code != NULL)
		return NULL;
	*type = prop_type_of(id);
	if (id == fid.size)
		*type = PT_INT;
	else if (id == fid.created || id == fid.modified)
		*type = PT_TIME;
	char **list = props_get_list(item->props, id);
	if (list != NULL && (field_of(id) == NULL || field_of(id)->form == FORM_LIST))
		return g_strjoinv("\x1f", list);
	return item_value(item, id);
}

/* folder_field_value() does not change the folder. */
char *folder_path_value(const void *object, const struct xml_node *path, enum prop_type *type)
{
	struct folder *folder = (struct folder *)(uintptr_t)object;
	const char *uri = xml_attr(path, "FieldURI"), *code;

	*type = PT_STRING;
	if (uri != NULL) {
		if (g_str_has_suffix(uri, "Count"))
			*type = PT_INT;
		return folder_field_value(folder, uri);
	}
	uint32_t id = ext_prop_from_node(path, &code);
	if (code != NULL)
		return NULL;
	*type = prop_type_of(id);
	return g_strdup(props_get(folder->props, id));
}

/* --- comparisons */

/* The right side: t:Constant, or another property. */
static char *operand(const struct xml_node *node, const void *object, value_of_path value)
{
	const struct xml_node *one = node->first;
	enum prop_type type;

	if (strcmp(one->name, "Constant") == 0)
		return g_strdup(xml_attr(one, "Value"));
	return value(object, one, &type);
}

static bool compare_with(const char *operator, int order)
{
	if (strcmp(operator, "IsEqualTo") == 0)
		return order == 0;
	if (strcmp(operator, "IsNotEqualTo") == 0)
		return order != 0;
	if (strcmp(operator, "IsGreaterThan") == 0)
		return order > 0;
	if (strcmp(operator, "IsGreaterThanOrEqualTo") == 0)
		return order >= 0;
	if (strcmp(operator, "IsLessThan") == 0)
		return order < 0;
	return order <= 0;
}

static bool two_operands(const struct xml_node *e, const void *object, value_of_path value)
{
	enum prop_type type = PT_STRING;
	char *left = value(object, e->first, &type);
	char *right = operand(e->last, object, value);
	bool match = strcmp(e->name, "IsNotEqualTo") == 0;

	if (left != NULL && right != NULL) {
		/* The constant is brought into the canonical form of the property's type. */
		char *canonical = value_canonical(type, right);
		if (strchr(left, '\x1f') != NULL) {
			char **parts = g_strsplit(left, "\x1f", -1);
			match = false;
			for (char **p = parts; *p != NULL && !match; p++)
				match = compare_with(
				        e->name, value_compare(type, *p,
				                         canonical != NULL ? canonical : right));
			g_strfreev(parts);
		} else {
			match = compare_with(e->name,
			        value_compare(type, left, canonical != NULL ? canonical : right));
		}
		g_free(canonical);
	}
	g_free(left);
	g_free(right);
	return match;
}

static char *folded(const char *text, const char *comparison)
{
	char *out = g_strdup(text);

	if (comparison != NULL && strstr(comparison, "NonSpac") != NULL) {
		char *parts = g_utf8_normalize(out, -1, G_NORMALIZE_ALL);
		GString *bare = g_string_new(NULL);
		for (const char *p = parts; p != NULL && *p != '\0';
		        p += g_utf8_skip[(unsigned char)*p]) {
			gunichar c = g_utf8_get_char(p);
			if (g_unichar_type(c) != G_UNICODE_NON_SPACING_MARK)
				g_string_append_unichar(bare, c);
		}
		g_free(parts);
		g_free(out);
		out = g_string_free(bare, FALSE);
	}
	if (comparison == NULL || strstr(comparison, "IgnoreCase") != NULL ||
	        strstr(comparison, "Loose") != NULL) {
		char *fold = g_utf8_casefold(out, -1);
		g_free(out);
		out = fold;
	}
	return out;
}

static bool word_prefix(const char *hay, const char *needle)
{
	size_t n = strlen(needle);

	for (const char *p = hay; (p = strstr(p, needle)) != NULL; p++)
		if (p == hay || !g_ascii_isalnum(p[-1]))
			return n > 0;
	return false;
}

static bool contains(const struct xml_node *e, const void *object, value_of_path value)
{
	const char *mode = xml_attr(e, "ContainmentMode");
	const char *comparison = xml_attr(e, "ContainmentComparison");
	enum prop_type type;
	char *left = value(object, e->first, &type);
	bool match = false;

	if (left == NULL)
		return false;
	char *hay = folded(left, comparison);
	char *needle = folded(xml_attr(e->last, "Value"), comparison);
	if (mode == NULL || strcmp(mode, "Substring") == 0 || strcmp(mode, "ExactPhrase") == 0)
		match = strstr(hay, needle) != NULL;
	else if (strcmp(mode, "FullString") == 0)
		match = strcmp(hay, needle) == 0;
	else if (strcmp(mode, "Prefixed") == 0)
		match = g_str_has_prefix(hay, needle);
	else
		match = word_prefix(hay, needle);
	/* Any value of a multi-valued property may match. */
	if (!match && strchr(hay, '\x1f') != NULL) {
		char **parts = g_strsplit(hay, "\x1f", -1);
		for (char **p = parts; *p != NULL && !match; p++)
			match = mode != NULL && strcmp(mode, "Prefixed") == 0
			                ? g_str_has_prefix(*p, needle)
			                : strcmp(*p, needle) == 0;
		g_strfreev(parts);
	}
	g_free(hay);
	g_free(needle);
	g_free(left);
	return match;
}

static bool excludes(const struct xml_node *e, const void *object, value_of_path value)
{
	const char *mask_text = xml_attr(e->last, "Value");
	enum prop_type type;
	char *left = value(object, e->first, &type);
	gint64 mask = g_ascii_strtoll(mask_text, NULL, 0);
	bool match = left == NULL || (g_ascii_strtoll(left, NULL, 10) & mask) == 0;

	g_free(left);
	return match;
}

bool restriction_match(const struct xml_node *e, const void *object, value_of_path value)
{
	if (strcmp(e->name, "Restriction") == 0)
		return restriction_match(e->first, object, value);
	if (strcmp(e->name, "Not") == 0)
		return !restriction_match(e->first, object, value);
	if (strcmp(e->name, "And") == 0) {
		for (const struct xml_node *c = e->first; c != NULL; c = c->next)
			if (!restriction_match(c, object, value))
				return false;
		return true;
	}
	if (strcmp(e->name, "Or") == 0) {
		for (const struct xml_node *c = e->first; c != NULL; c = c->next)
			if (restriction_match(c, object, value))
				return true;
		return false;
	}
	if (strcmp(e->name, "Exists") == 0) {
		enum prop_type type;
		char *v = value(object, e->first, &type);
		bool there = v != NULL;
		g_free(v);
		return there;
	}
	if (strcmp(e->name, "Contains") == 0)
		return contains(e, object, value);
	if (strcmp(e->name, "Excludes") == 0)
		return excludes(e, object, value);
	return two_operands(e, object, value);
}

int sort_compare(
        const struct xml_node *sort_order, const void *a, const void *b, value_of_path value)
{
	for (const struct xml_node *f = sort_order->first; f != NULL; f = f->next) {
		enum prop_type type = PT_STRING;
		char *x = value(a, f->first, &type), *y = value(b, f->first, &type);
		int order = x == NULL || y == NULL ? (x != NULL) - (y != NULL)
		                                   : value_compare(type, x, y);
		g_free(x);
		g_free(y);
		if (order != 0)
			return strcmp(xml_attr(f, "Order"), "Descending") == 0 ? -order : order;
	}
	return 0;
}
