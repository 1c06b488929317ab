/* Parts that several requests are made of. */
#include "ews/ops.h"

void ews_write_id(struct xml_writer *w, const char *name, const char *id, const char *change_key)
{
	xml_start(w, name);
	xml_attr(w, "Id", id);
	xml_attr(w, "ChangeKey", change_key);
	xml_end(w);
}

void ews_write_distinguished(
        const struct ews_session *session, struct xml_writer *w, const char *name)
{
	xml_start(w, "t:DistinguishedFolderId");
	xml_attr(w, "Id", name);
	if (session->access == EWS_ACCESS_DELEGATE && session->mailbox != NULL) {
		xml_start(w, "t:Mailbox");
		xml_text_element(w, "t:EmailAddress", session->mailbox->smtp);
		xml_end(w);
	}
	xml_end(w);
}

void ews_write_field(struct xml_writer *w, const char *field_uri)
{
	xml_empty_element(w, "t:FieldURI", "FieldURI", field_uri, NULL);
}

void ews_write_indexed_field(struct xml_writer *w, const char *field_uri, const char *index)
{
	xml_empty_element(w, "t:IndexedFieldURI", "FieldURI", field_uri, "FieldIndex", index, NULL);
}

void ews_write_property_path(struct xml_writer *w, const char *name)
{
	xml_empty_element(w, "t:ExtendedFieldURI", "DistinguishedPropertySetId", "PublicStrings",
	        "PropertyName", name, "PropertyType", "String", NULL);
}

void ews_write_property(struct xml_writer *w, const char *name, const char *value)
{
	if (value == NULL)
		return;
	xml_start(w, "t:ExtendedProperty");
	ews_write_property_path(w, name);
	xml_text_element(w, "t:Value", value);
	xml_end(w);
}

void ews_write_tagged_property(
        struct xml_writer *w, const char *tag, const char *type, const char *value)
{
	xml_start(w, "t:ExtendedProperty");
	xml_empty_element(w, "t:ExtendedFieldURI", "PropertyTag", tag, "PropertyType", type, NULL);
	xml_text_element(w, "t:Value", value);
	xml_end(w);
}

void ews_write_folder(
        const struct ews_session *session, struct xml_writer *w, const struct ews_folder *folder)
{
	if (folder->distinguished != NULL)
		ews_write_distinguished(session, w, folder->distinguished);
	else
		ews_write_id(w, "t:FolderId", folder->id, NULL);
}

const struct ews_phone ews_phones[] = {
        {"MobilePhone", "cell"},
        {"BusinessPhone", "work"},
        {"HomePhone", "home"},
        {"OtherTelephone", "voice"},
};
const size_t ews_n_phones = G_N_ELEMENTS(ews_phones);

/* What is shown of a person beside the contact (model/contact_card.h). */
static void write_card_properties(struct xml_writer *w)
{
	for (size_t i = 0; i < ews_n_phones; i++)
		ews_write_indexed_field(w, "contacts:PhoneNumber", ews_phones[i].key);
	ews_write_field(w, "contacts:Birthday");
	ews_write_field(w, "contacts:HasPicture");
}

static void write_contact_properties(struct xml_writer *w, bool full)
{
	/* Every item has a class: an item that comes without it came without its properties. */
	ews_write_field(w, "item:ItemClass");
	ews_write_field(w, "item:Categories");
	if (full)
		ews_write_field(w, "item:DateTimeCreated");
	ews_write_field(w, "contacts:DisplayName");
	if (full) {
		ews_write_field(w, "contacts:FileAs");
		ews_write_field(w, "contacts:GivenName");
		ews_write_field(w, "contacts:Surname");
	}
	ews_write_indexed_field(w, "contacts:ImAddress", "ImAddress1");
	if (!full)
		write_card_properties(w);
	ews_write_property_path(w, EWS_PROPERTY_OPERATION);
	ews_write_property_path(w, EWS_PROPERTY_TEL_URI);
}

static void write_message_properties(struct xml_writer *w)
{
	ews_write_field(w, "item:ItemClass");
	ews_write_field(w, "item:Subject");
	ews_write_field(w, "item:Size");
	ews_write_field(w, "item:DateTimeCreated");
	ews_write_field(w, "item:DateTimeSent");
	ews_write_field(w, "item:DateTimeReceived");
	ews_write_property_path(w, EWS_PROPERTY_DELIVERY);
}

void ews_write_item_shape(struct xml_writer *w, enum ews_shape shape)
{
	xml_start(w, "m:ItemShape");
	xml_text_element(w, "t:BaseShape", "IdOnly");
	if (shape != EWS_SHAPE_ID) {
		xml_start(w, "t:AdditionalProperties");
		if (shape == EWS_SHAPE_ATTACHMENTS)
			ews_write_field(w, "item:Attachments");
		else if (shape == EWS_SHAPE_MESSAGE)
			write_message_properties(w);
		else
			write_contact_properties(w, shape == EWS_SHAPE_CONTACT_FULL);
		xml_end(w);
	}
	xml_end(w);
}
