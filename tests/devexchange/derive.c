/* What the server works out by itself when an item is made or changed. */
#include "fid.h"
#include "habits.h"
#include "item_read.h"

#include <string.h>

/* %F first, %M middle, %L last, %S suffix, %C company, %D display name. */
static const struct {
	const char *mapping, *pattern;
} patterns[] = {
        {"LastCommaFirst", "%L, %F %M"},
        {"FirstSpaceLast", "%F %M %L %S"},
        {"Company", "%C"},
        {"LastCommaFirstCompany", "%L, %F %M\r\n%C"},
        {"CompanyLastFirst", "%C\r\n%L%F %M"},
        {"LastFirst", "%L%F %M"},
        {"LastFirstCompany", "%L%F %M\r\n%C"},
        {"CompanyLastCommaFirst", "%C\r\n%L, %F %M"},
        {"LastFirstSuffix", "%L%F %M %S"},
        {"LastSpaceFirstCompany", "%L %F %M\r\n%C"},
        {"CompanyLastSpaceFirst", "%C\r\n%L %F %M"},
        {"LastSpaceFirst", "%L %F %M"},
        {"DisplayName", "%D"},
        {"FirstName", "%F"},
        {"LastFirstMiddleSuffix", "%L, %F %M %S"},
        {"LastName", "%L"},
        {"Empty", ""},
};

static const char *part_of(const struct item *item, char letter)
{
	const uint32_t id = letter == 'F'   ? fid.given_name
	                    : letter == 'M' ? fid.middle_name
	                    : letter == 'L' ? fid.surname
	                    : letter == 'S' ? fid.generation
	                    : letter == 'C' ? fid.company
	                                    : fid.display_name;
	const char *value = props_get(item->props, id);

	return value != NULL ? value : "";
}

/* Separators beside an absent part are dropped. */
static char *expand(const struct item *item, const char *pattern)
{
	GString *out = g_string_new(NULL), *between = g_string_new(NULL);

	for (const char *p = pattern; *p != '\0'; p++) {
		if (*p != '%') {
			g_string_append_c(between, *p);
			continue;
		}
		const char *value = part_of(item, *++p);
		if (*value != '\0') {
			if (out->len > 0)
				g_string_append(out, between->str);
			g_string_append(out, value);
			g_string_truncate(between, 0);
		} else if (between->len > 1) {
			g_string_truncate(between, between->len - 1);
		}
	}
	g_string_free(between, TRUE);
	return g_string_free(out, FALSE);
}

static char *file_as_for(const struct item *item)
{
	const char *mapping = props_get(item->props, fid.file_as_mapping);

	if (mapping == NULL || strcmp(mapping, "None") == 0)
		mapping = "LastCommaFirst";
	for (size_t i = 0; i < G_N_ELEMENTS(patterns); i++)
		if (strcmp(patterns[i].mapping, mapping) == 0)
			return expand(item, patterns[i].pattern);
	return g_strdup("");
}

static void derive_contact(struct item *item, bool creating, bool file_as_given)
{
	const char *mapping = props_get(item->props, fid.file_as_mapping);
	bool mapped = mapping != NULL && strcmp(mapping, "None") != 0;

	if (!file_as_given && (mapped || creating)) {
		char *value = file_as_for(item);
		if (*value == '\0' && !mapped && props_get(item->props, fid.display_name) != NULL) {
			g_free(value);
			value = g_strdup(props_get(item->props, fid.display_name));
		}
		props_take(item->props, fid.file_as, value);
	}
	if (creating && props_get(item->props, fid.subject) == NULL) {
		const char *name = props_get(item->props, fid.display_name);
		if (name == NULL)
			name = props_get(item->props, fid.file_as);
		if (grommunio())
			name = NULL;
		props_set(item->props, fid.subject, name != NULL ? name : "");
	}
}

static void default_text(struct item *item, uint32_t id, const char *text)
{
	if (props_get(item->props, id) == NULL)
		props_set(item->props, id, text);
}

static void default_time(struct item *item, uint32_t id, int64_t when)
{
	if (props_get(item->props, id) == NULL)
		props_take(item->props, id, time_format(when));
}

static void derive_message(struct item *item)
{
	const char *subject = props_get(item->props, fid.subject);
	const char *sender = props_get(item->props, fid.sender),
	           *from = props_get(item->props, fid.from);

	if (subject != NULL)
		default_text(item, fid.conversation_topic, subject);
	if (sender == NULL && from != NULL)
		props_set(item->props, fid.sender, from);
	else if (from == NULL && sender != NULL)
		props_set(item->props, fid.from, sender);
	if (props_get(item->props, fid.message_id) == NULL) {
		char *id = g_uuid_string_random();
		props_take(item->props, fid.message_id, g_strdup_printf("<%s@devexchange>", id));
		g_free(id);
	}
	default_time(item, fid.sent, item->created_s);
	/* Received where it was not said: when the server got hold of it. */
	default_time(item, fid.received, item->created_s);
}

void item_derive(struct item *item, bool creating, bool file_as_given)
{
	if (item->kind == ITEM_CONTACT)
		derive_contact(item, creating, file_as_given);
	if (!creating)
		return;
	if (item->kind == ITEM_MESSAGE)
		derive_message(item);
	if (grommunio() && item->kind != ITEM_MESSAGE) {
		default_time(item, fid.received, item->created_s);
		return;
	}
	default_text(item, fid.sensitivity, "Normal");
	default_text(item, fid.importance, "Normal");
	default_text(item, fid.culture, "en-US");
	if (item->kind != ITEM_MESSAGE) {
		default_time(item, fid.sent, item->created_s);
		default_time(item, fid.received, item->created_s);
	}
	if (item->kind == ITEM_DISTLIST && props_get(item->props, fid.display_name) != NULL)
		default_text(item, fid.subject, props_get(item->props, fid.display_name));
}
