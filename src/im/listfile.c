#include "im/listfile.h"

#include "core/address.h"
#include "core/error.h"
#include "im/listfile_private.h"

#include <string.h>

static const struct {
	const char *name;
	bool (*read)(GPtrArray *lists, const char *bytes, size_t len,
	        const struct listfile_sink *sink, GError **error);
	char *(*write)(const GPtrArray *lists, const struct listfile_sink *sink, GError **error);
} formats[] = {
        [LISTFILE_JSON] = {"json", listfile_json_read, listfile_json_write},
        [LISTFILE_VCARD] = {"vcard", listfile_vcard_read, listfile_vcard_write},
        [LISTFILE_XEP0227] = {"xep0227", listfile_xep0227_read, listfile_xep0227_write},
};

bool listfile_format_parse(const char *name, enum listfile_format *format)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(formats); i++) {
		if (g_str_equal(name, formats[i].name)) {
			*format = (enum listfile_format)i;
			return true;
		}
	}
	return false;
}

bool listfile_guess(const char *bytes, size_t len, enum listfile_format *format)
{
	static const char bom[] = "\xef\xbb\xbf", begin[] = "BEGIN:VCARD";
	size_t at = len >= 3 && memcmp(bytes, bom, 3) == 0 ? 3 : 0;
	while (at < len && g_ascii_isspace(bytes[at]))
		at++;
	if (at == len)
		return false;
	if (bytes[at] == '{')
		*format = LISTFILE_JSON;
	else if (bytes[at] == '<')
		*format = LISTFILE_XEP0227;
	else if (len - at >= strlen(begin) &&
	         g_ascii_strncasecmp(bytes + at, begin, strlen(begin)) == 0)
		*format = LISTFILE_VCARD;
	else
		return false;
	return true;
}

static void free_contact(void *contact)
{
	contact_free(contact);
}

struct listfile *listfile_new(const char *owner)
{
	struct listfile *list = g_new0(struct listfile, 1);
	list->owner = g_strdup(owner);
	list->contacts = g_ptr_array_new_with_free_func(free_contact);
	return list;
}

void listfile_free(struct listfile *list)
{
	g_free(list->owner);
	g_ptr_array_unref(list->contacts);
	g_clear_pointer(&list->cards, g_hash_table_unref);
	g_free(list);
}

const struct contact_card *listfile_card(const struct listfile *list, const char *key)
{
	return list->cards != NULL ? g_hash_table_lookup(list->cards, key) : NULL;
}

static void free_list(void *list)
{
	listfile_free(list);
}

void listfile_odd(const struct listfile_sink *sink, const char *what, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	g_autofree char *why = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	if (sink != NULL && sink->odd != NULL)
		sink->odd(sink->data, what, why);
}

struct contact *listfile_contact(
        const struct listfile_sink *sink, const char *what, const char *address)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *key = address_canonical(address, &error);
	if (key != NULL)
		return contact_new(key, NULL);
	listfile_odd(sink, what, "%s", error->message);
	return NULL;
}

void listfile_take(struct listfile *list, GHashTable *keys, struct contact *contact,
        const struct listfile_sink *sink)
{
	if (!g_hash_table_contains(keys, contact->key)) {
		g_hash_table_add(keys, contact->key);
		g_ptr_array_add(list->contacts, contact);
		return;
	}
	listfile_odd(sink, contact->key, "it is in the list twice: the first entry counts");
	contact_free(contact);
}

const char *listfile_mode(const struct listfile *list)
{
	return list->in_mailbox ? "mailbox" : "im";
}

void listfile_stamp(struct listfile *list, const char *mode, int64_t generation)
{
	bool in_mailbox = g_strcmp0(mode, "mailbox") == 0;
	if (generation < 0 || (!in_mailbox && g_strcmp0(mode, "im") != 0))
		return;
	list->stamped = true;
	list->in_mailbox = in_mailbox;
	list->generation = generation;
}

GPtrArray *listfile_read(enum listfile_format format, const char *bytes, size_t len,
        const struct listfile_sink *sink, GError **error)
{
	g_autoptr(GPtrArray) lists = g_ptr_array_new_with_free_func(free_list);
	if (len > LISTFILE_MAX_BYTES) {
		error_set(error, ERROR_CONFIG, "listfile.too_large",
		        "the file has more than %u MiB: split it by users",
		        (unsigned)(LISTFILE_MAX_BYTES >> 20));
		return NULL;
	}
	return formats[format].read(lists, bytes, len, sink, error) ? g_steal_pointer(&lists)
	                                                            : NULL;
}

char *listfile_write(enum listfile_format format, const GPtrArray *lists,
        const struct listfile_sink *sink, GError **error)
{
	return formats[format].write(lists, sink, error);
}
