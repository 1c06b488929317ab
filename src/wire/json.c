#include "wire/json.h"

#include "core/error.h"
#include <string.h>

/*
 * jansson has a limit of its own, but one made at its compile time, and it recurses. Counting
 * brackets outside of strings is enough to know the depth of what it will accept.
 */
static bool depth_within(const char *bytes, size_t len, unsigned max_depth)
{
	unsigned depth = 0;
	bool in_string = false;

	for (size_t i = 0; i < len; i++) {
		char c = bytes[i];

		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '{' || c == '[') {
			if (++depth > max_depth)
				return false;
		} else if ((c == '}' || c == ']') && depth > 0) {
			depth--;
		}
	}
	return true;
}

bool json_parse_limited(const char *bytes, size_t len, size_t max_bytes, unsigned max_depth,
        json_t **root, GError **error)
{
	json_error_t why;

	*root = NULL;
	if (len > max_bytes) {
		error_set(error, ERROR_ITEM, "json.too_large",
		        "the JSON document has %zu bytes, more than the %zu that are accepted; "
		        "check where it comes from",
		        len, max_bytes);
		return false;
	}
	if (!depth_within(bytes, len, max_depth)) {
		error_set(error, ERROR_ITEM, "json.too_deep",
		        "the JSON document nests deeper than %u; check where it comes from",
		        max_depth);
		return false;
	}
	*root = json_loadb(bytes, len, JSON_REJECT_DUPLICATES, &why);
	if (*root != NULL)
		return true;
	/* jansson's own sentence may quote the document, which may hold a token. */
	error_set(error, ERROR_ITEM, "json.malformed",
	        "the JSON document cannot be read (line %d, column %d%s); check where it comes "
	        "from",
	        why.line, why.column,
	        json_error_code(&why) == json_error_duplicate_key ? ", a name comes twice" : "");
	return false;
}

static void member_error(const char *name, const char *what, GError **error)
{
	error_set(error, ERROR_ITEM, "json.member",
	        "member \"%s\" of a JSON document %s; check where the document comes from", name,
	        what);
}

bool json_want_text(const json_t *object, const char *name, const char **text, GError **error)
{
	const json_t *member = json_object_get(object, name);

	*text = NULL;
	if (member == NULL || json_is_null(member))
		return true;
	if (!json_is_string(member)) {
		member_error(name, "is not a string", error);
		return false;
	}
	if (strlen(json_string_value(member)) != json_string_length(member)) {
		member_error(name, "holds a NUL", error);
		return false;
	}
	*text = json_string_value(member);
	return true;
}

bool json_need_text(const json_t *object, const char *name, const char **text, GError **error)
{
	if (!json_want_text(object, name, text, error))
		return false;
	if (*text == NULL)
		member_error(name, "is missing", error);
	return *text != NULL;
}

bool json_need_int(const json_t *object, const char *name, int64_t *number, GError **error)
{
	const json_t *member = json_object_get(object, name);

	*number = 0;
	if (!json_is_integer(member)) {
		member_error(name, member == NULL ? "is missing" : "is not a whole number", error);
		return false;
	}
	*number = json_integer_value(member);
	return true;
}
