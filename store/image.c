#include "store/image.h"

#include <string.h>

static void write_field(GString *image, const char *text)
{
	while (text != NULL && *text != '\0') {
		size_t plain = strcspn(text, "\\\n");
		g_string_append_len(image, text, (gssize)plain);
		text += plain;
		if (*text != '\0')
			g_string_append(image, *text++ == '\n' ? "\\n" : "\\\\");
	}
	g_string_append_c(image, '\n');
}

char *image_write(const struct contact *contact)
{
	if (contact == NULL)
		return NULL;
	GString *image = g_string_sized_new(128);
	write_field(image, contact->name);
	write_field(image, contact->tel_uri);
	for (guint i = 0; i < contact->groups->len; i++)
		write_field(image, g_ptr_array_index(contact->groups, i));
	return g_string_free(image, FALSE);
}

/* Reads up to the end of the line and moves *at behind it; NULL when the line is empty. */
static char *read_field(const char **at)
{
	size_t plain = strcspn(*at, "\\\n");
	const char *field = *at;
	if (field[plain] == '\n') {
		*at += plain + 1;
		return plain > 0 ? g_strndup(field, plain) : NULL;
	}
	GString *text = g_string_new(NULL);
	while (**at != '\0' && **at != '\n') {
		if (**at == '\\' && (*at)[1] != '\0') {
			(*at)++;
			g_string_append_c(text, **at == 'n' ? '\n' : **at);
		} else {
			g_string_append_c(text, **at);
		}
		(*at)++;
	}
	if (**at == '\n')
		(*at)++;
	bool empty = text->len == 0;
	return g_string_free(text, empty);
}

struct contact *image_read(const char *key, const char *image)
{
	if (image == NULL)
		return NULL;
	struct contact *contact = contact_new(key, NULL);
	contact->name = read_field(&image);
	contact->tel_uri = read_field(&image);
	while (*image != '\0') {
		g_autofree char *group = read_field(&image);
		if (group != NULL)
			contact_add_group(contact, group);
	}
	return contact;
}
