#include "ews/item.h"

#include "core/address.h"
#include "core/clock.h"
#include "core/error.h"

#include <string.h>

void ews_item_init(struct ews_item *item)
{
	memset(item, 0, sizeof *item);
	for (unsigned i = 0; i < ITEM_TEXTS_; i++)
		item->texts[i] = g_string_new(NULL);
	item->categories = g_ptr_array_new_with_free_func(g_free);
	item->phones = g_ptr_array_new_with_free_func(g_free);
}

void ews_item_clear(struct ews_item *item)
{
	for (unsigned i = 0; i < ITEM_TEXTS_; i++)
		g_string_free(item->texts[i], TRUE);
	g_ptr_array_unref(item->categories);
	g_ptr_array_unref(item->phones);
}

const char *ews_item_text(const struct ews_item *item, enum ews_item_text text)
{
	return item->has[text] ? item->texts[text]->str : NULL;
}

static void set(struct ews_item *item, enum ews_item_text text, const char *value)
{
	if (value == NULL)
		return;
	g_string_assign(item->texts[text], value);
	item->has[text] = true;
}

void ews_item_open(struct ews_item *item, const struct ews_answer *answer, enum ews_element element)
{
	memset(item->has, 0, sizeof item->has);
	g_ptr_array_set_size(item->categories, 0);
	g_ptr_array_set_size(item->phones, 0);
	item->has_picture = false;
	item->phone_kind = NULL;
	item->created_utc_us = item->sent_utc_us = item->received_utc_us = item->size_bytes = 0;
	item->is_contact = element == ELEMENT_Contact;
	item->depth = ews_answer_depth(answer);
	item->property = ITEM_TEXTS_;
	item->im_address = false;
}

static const char *phone_kind(const char *key)
{
	for (size_t i = 0; key != NULL && i < ews_n_phones; i++)
		if (g_str_equal(ews_phones[i].key, key))
			return ews_phones[i].kind;
	return NULL;
}

static enum ews_item_text property_named(const char *name)
{
	static const struct {
		const char *name;
		enum ews_item_text text;
	} properties[] = {
	        {EWS_PROPERTY_OPERATION, ITEM_OPERATION},
	        {EWS_PROPERTY_TEL_URI, ITEM_TEL_URI},
	        {EWS_PROPERTY_DELIVERY, ITEM_DELIVERY},
	};
	for (size_t i = 0; name != NULL && i < G_N_ELEMENTS(properties); i++)
		if (g_ascii_strcasecmp(properties[i].name, name) == 0)
			return properties[i].text;
	return ITEM_TEXTS_;
}

void ews_item_start(struct ews_item *item, const struct ews_answer *answer,
        enum ews_element element, const struct xml_attrs *attrs)
{
	if (element == ELEMENT_ItemId && ews_answer_depth(answer) == item->depth + 1) {
		set(item, ITEM_ID, xml_attr_value(attrs, "Id"));
		set(item, ITEM_CHANGE_KEY, xml_attr_value(attrs, "ChangeKey"));
	} else if (element == ELEMENT_ExtendedFieldURI) {
		item->property = property_named(xml_attr_value(attrs, "PropertyName"));
	} else if (element == ELEMENT_Entry) {
		const char *key = xml_attr_value(attrs, "Key");
		enum ews_element list = ews_answer_above(answer, 1);
		item->phone_kind = list == ELEMENT_PhoneNumbers ? phone_kind(key) : NULL;
		item->im_address = list == ELEMENT_ImAddresses && key != NULL &&
		                   g_str_equal(key, "ImAddress1");
	}
}

/* Servers send malformed times (dates before 1970): such a time is one that was not told. */
static int64_t time_of(const char *text)
{
	int64_t utc_us;
	return clock_parse_iso(text, &utc_us, NULL) ? utc_us : 0;
}

static void child_end(struct ews_item *item, enum ews_element element, const char *text)
{
	static const struct {
		enum ews_element element;
		enum ews_item_text text;
	} texts[] = {
	        {ELEMENT_ItemClass, ITEM_CLASS},
	        {ELEMENT_DisplayName, ITEM_DISPLAY_NAME},
	        {ELEMENT_Subject, ITEM_SUBJECT},
	        {ELEMENT_FileAs, ITEM_FILE_AS},
	        {ELEMENT_GivenName, ITEM_GIVEN_NAME},
	        {ELEMENT_Surname, ITEM_SURNAME},
	        {ELEMENT_Birthday, ITEM_BIRTHDAY},
	};
	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
		if (texts[i].element == element)
			set(item, texts[i].text, text);
	if (element == ELEMENT_DateTimeCreated)
		item->created_utc_us = time_of(text);
	else if (element == ELEMENT_DateTimeSent)
		item->sent_utc_us = time_of(text);
	else if (element == ELEMENT_DateTimeReceived)
		item->received_utc_us = time_of(text);
	else if (element == ELEMENT_HasPicture)
		item->has_picture = g_str_equal(text, "true") || g_str_equal(text, "1");
	else if (element == ELEMENT_Size)
		item->size_bytes = g_ascii_strtoll(text, NULL, 10);
}

static void grandchild_end(
        struct ews_item *item, enum ews_element element, enum ews_element parent, const char *text)
{
	if (element == ELEMENT_String && parent == ELEMENT_Categories)
		g_ptr_array_add(item->categories, g_strdup(text));
	else if (element == ELEMENT_Entry && item->im_address)
		set(item, ITEM_IM_ADDRESS, text);
	else if (element == ELEMENT_Entry && item->phone_kind != NULL) {
		g_ptr_array_add(item->phones, g_strdup(item->phone_kind));
		g_ptr_array_add(item->phones, g_strdup(text));
	} else if (element == ELEMENT_Value && parent == ELEMENT_ExtendedProperty &&
	           item->property != ITEM_TEXTS_)
		set(item, item->property, text);
}

bool ews_item_end(struct ews_item *item, const struct ews_answer *answer, enum ews_element element,
        const char *text)
{
	unsigned depth = ews_answer_depth(answer);
	if (depth == item->depth) {
		item->depth = 0;
		return true;
	}
	if (text == NULL)
		return false;
	if (depth == item->depth + 1)
		child_end(item, element, text);
	else if (depth == item->depth + 2)
		grandchild_end(item, element, ews_answer_above(answer, 1), text);
	return false;
}

struct contact_card *ews_item_card(const struct ews_item *item)
{
	const char *birthday = ews_item_text(item, ITEM_BIRTHDAY);
	if (item->phones->len == 0 && birthday == NULL && !item->has_picture)
		return NULL;
	struct contact_card *card = contact_card_new();
	for (guint i = 0; i + 1 < item->phones->len; i += 2)
		contact_card_add_phone(card, item->phones->pdata[i], item->phones->pdata[i + 1]);
	card->birthday = contact_card_birthday(birthday);
	card->has_photo = item->has_picture;
	return card;
}

char *ews_mail_address(const char *text, GError **error)
{
	g_autoptr(GError) why = NULL;
	/* U+FFFD stands for what could not be read: the address is not the one that it seems to be.
	 */
	bool damaged = strstr(text, "\xEF\xBF\xBD") != NULL;
	char *address = damaged ? NULL : address_canonical(text, &why);
	if (address == NULL)
		error_set(error, ERROR_ITEM, "ews.item",
		        "a contact in the mailbox has the IM address \"%s\" that is none; "
		        "correct it in the mailbox",
		        text);
	return address;
}

static bool is_blank(const char *text)
{
	return text == NULL || text[strspn(text, " \t\r\n")] == '\0';
}

/* A contact must show under something, so that nameless ones have their address for a name. */
static const char *own_name(const struct ews_item *item, const char *address)
{
	const char *name = ews_item_text(item, ITEM_DISPLAY_NAME);
	const char *as_found = ews_item_text(item, ITEM_IM_ADDRESS);
	if (is_blank(name) || g_str_equal(name, address) || g_str_equal(name, as_found))
		return NULL;
	return name;
}

struct contact *ews_item_contact(const struct ews_item *item, GError **error)
{
	const char *found = ews_item_text(item, ITEM_IM_ADDRESS);
	if (!item->is_contact || is_blank(found))
		return NULL;
	g_autofree char *address = ews_mail_address(found, error);
	if (address == NULL)
		return NULL;
	struct contact *contact = contact_new(address, own_name(item, address));
	const char *tel_uri = ews_item_text(item, ITEM_TEL_URI);
	contact->tel_uri = g_strdup(address_is_tel(address) ? address : tel_uri);
	for (guint i = 0; i < item->categories->len; i++)
		contact_add_group(contact, item->categories->pdata[i]);
	return contact;
}
