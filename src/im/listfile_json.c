/*
 * {"format": "imex-contacts", "version": 1, "lists": [{"owner": "alice@im.example",
 *   "mode": "mailbox", "generation": 3, "taken": "2026-11-23T08:30:00Z", "contacts": [
 *     {"address": "bob@im.example", "name": "Bob", "telephone": "tel:+491", "groups": ["Work"]}]}]}
 *
 * Members that are not known are passed over, so that later versions may add some.
 */
#include "core/address.h"
#include "core/clock.h"
#include "core/error.h"
#include "im/listfile_private.h"
#include "wire/json.h"

#include <stdlib.h>

#define FORMAT_NAME "imex-contacts"
#define FORMAT_VERSION 1
#define MAX_DEPTH 8

static bool read_groups(struct contact *contact, const json_t *entry)
{
	const json_t *groups = json_object_get(entry, "groups"), *group;
	size_t i;
	if (groups == NULL)
		return true;
	if (!json_is_array(groups))
		return false;
	json_array_foreach (groups, i, group) {
		if (!json_is_string(group))
			return false;
		contact_add_group(contact, json_string_value(group));
	}
	return true;
}

static bool read_fields(struct contact *contact, const json_t *entry, GError **error)
{
	const char *name = NULL, *telephone = NULL;
	if (!json_want_text(entry, "name", &name, error) ||
	        !json_want_text(entry, "telephone", &telephone, error))
		return false;
	contact->name = name != NULL && name[0] != '\0' ? g_strdup(name) : NULL;
	g_autofree char *uri = telephone != NULL ? address_canonical(telephone, error) : NULL;
	if (telephone != NULL && (uri == NULL || !address_is_tel(uri))) {
		if (uri != NULL)
			error_set(error, ERROR_ITEM, "json.member", "its telephone is no tel: URI");
		return false;
	}
	contact->tel_uri = g_steal_pointer(&uri);
	if (!read_groups(contact, entry)) {
		error_set(error, ERROR_ITEM, "json.member", "its groups are no array of texts");
		return false;
	}
	return true;
}

static void read_contact(struct listfile *list, GHashTable *keys, const json_t *entry, size_t i,
        const struct listfile_sink *sink)
{
	g_autoptr(GError) error = NULL;
	const char *address = NULL;
	g_autofree char *what = g_strdup_printf("contact %zu of %s", i + 1, list->owner);
	if (!json_is_object(entry)) {
		listfile_odd(sink, what, "it is no object");
		return;
	}
	if (!json_need_text(entry, "address", &address, &error)) {
		listfile_odd(sink, what, "%s", error->message);
		return;
	}
	struct contact *contact = listfile_contact(sink, what, address);
	if (contact == NULL)
		return;
	if (read_fields(contact, entry, &error)) {
		listfile_take(list, keys, contact, sink);
		return;
	}
	listfile_odd(sink, what, "%s", error->message);
	contact_free(contact);
}

static bool read_head(struct listfile *list, const json_t *object, GError **error)
{
	const char *owner = NULL, *mode = NULL, *taken = NULL;
	const json_t *generation = json_object_get(object, "generation");
	if (!json_need_text(object, "owner", &owner, error) ||
	        !json_want_text(object, "mode", &mode, error) ||
	        !json_want_text(object, "taken", &taken, error))
		return false;
	list->owner = address_canonical(owner, error);
	if (json_is_integer(generation))
		listfile_stamp(list, mode, json_integer_value(generation));
	if (taken != NULL)
		(void)clock_parse_iso(taken, &list->taken_utc_us, NULL);
	return list->owner != NULL;
}

static void read_list(
        GPtrArray *lists, const json_t *object, size_t i, const struct listfile_sink *sink)
{
	autoptr(listfile) list = listfile_new(NULL);
	g_autoptr(GError) error = NULL;
	g_autofree char *what = g_strdup_printf("list %zu", i + 1);
	const json_t *contacts = json_object_get(object, "contacts"), *entry;
	size_t c;
	if (!json_is_array(contacts)) {
		listfile_odd(sink, what, "it has no array \"contacts\"");
		return;
	}
	if (!read_head(list, object, &error)) {
		listfile_odd(sink, what, "%s", error->message);
		return;
	}
	g_autoptr(GHashTable) keys = g_hash_table_new(g_str_hash, g_str_equal);
	json_array_foreach (contacts, c, entry)
		read_contact(list, keys, entry, c, sink);
	g_ptr_array_add(lists, g_steal_pointer(&list));
}

static bool read_root(
        GPtrArray *lists, const json_t *root, const struct listfile_sink *sink, GError **error)
{
	const char *format = NULL;
	int64_t version = 0;
	const json_t *array = json_object_get(root, "lists"), *object;
	size_t i;
	if (!json_need_text(root, "format", &format, error) ||
	        !json_need_int(root, "version", &version, error))
		return false;
	if (!g_str_equal(format, FORMAT_NAME) || version != FORMAT_VERSION ||
	        !json_is_array(array)) {
		error_set(error, ERROR_ITEM, "json.member",
		        "it is not of format " FORMAT_NAME ", version %d", FORMAT_VERSION);
		return false;
	}
	json_array_foreach (array, i, object)
		read_list(lists, object, i, sink);
	return true;
}

bool listfile_json_read(GPtrArray *lists, const char *bytes, size_t len,
        const struct listfile_sink *sink, GError **error)
{
	json_auto_t *root = NULL;
	g_autoptr(GError) cause = NULL;
	if (json_parse_limited(bytes, len, LISTFILE_MAX_BYTES, MAX_DEPTH, &root, &cause) &&
	        read_root(lists, root, sink, &cause))
		return true;
	error_set(error, ERROR_CONFIG, "listfile.format", "this is no contact list in JSON: %s",
	        cause->message);
	return false;
}

/* False: jansson refuses a text that is not UTF-8. */
static bool set_text(json_t *object, const char *name, const char *text)
{
	return text == NULL || json_object_set_new(object, name, json_string(text)) == 0;
}

static void add_phone(void *data, const char *kind, const char *number)
{
	json_t *phone = json_object();
	set_text(phone, "kind", kind);
	set_text(phone, "number", number);
	json_array_append_new(data, phone);
}

static void write_card(json_t *entry, const struct contact_card *card)
{
	json_auto_t *phones = json_array();
	contact_card_each_phone(card, add_phone, phones);
	if (json_array_size(phones) > 0)
		json_object_set(entry, "phones", phones);
	set_text(entry, "birthday", card->birthday);
	if (card->photo == NULL)
		return;
	gsize len = 0;
	const void *bytes = g_bytes_get_data(card->photo, &len);
	g_autofree char *base64 = g_base64_encode(bytes, len);
	json_t *photo = json_object();
	set_text(photo, "type", card->photo_type);
	set_text(photo, "base64", base64);
	json_object_set_new(entry, "photo", photo);
}

static json_t *write_contact(const struct contact *contact)
{
	json_auto_t *entry = json_object();
	json_auto_t *groups = json_array();
	bool good = set_text(entry, "address", contact->key) &&
	            set_text(entry, "name", contact->name) &&
	            set_text(entry, "telephone", contact->tel_uri);
	for (guint i = 0; good && i < contact->groups->len; i++)
		good = json_array_append_new(
		               groups, json_string(g_ptr_array_index(contact->groups, i))) == 0;
	if (!good || json_object_set(entry, "groups", groups) != 0)
		return NULL;
	return json_incref(entry);
}

static json_t *write_list(const struct listfile *list, const struct listfile_sink *sink)
{
	json_t *object = json_object(), *contacts = json_array();
	set_text(object, "owner", list->owner);
	if (list->stamped) {
		set_text(object, "mode", listfile_mode(list));
		json_object_set_new(object, "generation", json_integer(list->generation));
	}
	g_autofree char *taken =
	        list->taken_utc_us != 0 ? clock_format_iso(list->taken_utc_us) : NULL;
	set_text(object, "taken", taken);
	for (guint i = 0; i < list->contacts->len; i++) {
		const struct contact *contact = g_ptr_array_index(list->contacts, i);
		json_t *entry = write_contact(contact);
		const struct contact_card *card = listfile_card(list, contact->key);
		if (entry != NULL && card != NULL)
			write_card(entry, card);
		if (entry != NULL)
			json_array_append_new(contacts, entry);
		else
			listfile_odd(sink, contact->key, "it holds bytes that are not UTF-8");
	}
	json_object_set_new(object, "contacts", contacts);
	return object;
}

char *listfile_json_write(const GPtrArray *lists, const struct listfile_sink *sink, GError **error)
{
	json_auto_t *root = json_object();
	json_t *array = json_array();
	(void)error;
	json_object_set_new(root, "format", json_string(FORMAT_NAME));
	json_object_set_new(root, "version", json_integer(FORMAT_VERSION));
	for (guint i = 0; i < lists->len; i++)
		json_array_append_new(array, write_list(g_ptr_array_index(lists, i), sink));
	json_object_set_new(root, "lists", array);
	char *text = json_dumps(root, JSON_INDENT(2));
	char *owned = g_strconcat(text, "\n", NULL);
	free(text);
	return owned;
}
