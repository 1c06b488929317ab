/* Items as elements, in the order of the schema. */
#include "fid.h"
#include "mime.h"
#include "shape.h"

#include <string.h>

struct writer {
	GString *out;
	const struct item *item;
	/* An attached item is in no folder: the one that it is attached to, by which attachment. */
	const struct item *root;
	const struct attachment *attached; /* NULL for an item of its own */
	struct shape *shape;
	uint32_t last_dictionary; /* row whose dictionary has been written already */
};

const char *item_element(enum item_kind kind)
{
	static const char *const elements[ITEM_KINDS] = {
	        "t:Contact", "t:Message", "t:DistributionList", "t:Item"};
	return elements[kind];
}

static unsigned kind_flag(enum item_kind kind)
{
	static const unsigned flags[ITEM_KINDS] = {F_CONTACT, F_MESSAGE, F_DISTLIST, F_ITEM};
	return flags[kind];
}

/* --- people */

static void mailbox_write(GString *out, const char *encoded)
{
	struct person p = person_decode(encoded);

	g_string_append(out, "<t:Mailbox>");
	xml_put(out, "t:Name", p.name);
	if (p.address != NULL && *p.address != '\0')
		xml_put(out, "t:EmailAddress", p.address);
	if (p.routing != NULL && *p.routing != '\0')
		xml_put(out, "t:RoutingType", p.routing);
	if (p.type != NULL && *p.type != '\0' && !grommunio())
		xml_put(out, "t:MailboxType", p.type);
	g_string_append(out, "</t:Mailbox>");
	person_clear(&p);
}

static void members_write(GString *out, char **list)
{
	for (char **m = list; *m != NULL; m++) {
		char *key = g_base64_encode((const guchar *)*m, strlen(*m));
		g_string_append(out, "<t:Member");
		xml_put_attr(out, "Key", key);
		g_string_append_c(out, '>');
		mailbox_write(out, *m);
		g_string_append(out, "<t:Status>Normal</t:Status></t:Member>");
		g_free(key);
	}
}

static void people_write(struct writer *w, uint32_t id, const char *tag)
{
	char **list = props_get_list(w->item->props, id);

	if (list == NULL)
		return;
	xml_open(w->out, tag);
	if (id == FID_MEMBERS)
		members_write(w->out, list);
	else
		for (char **p = list; *p != NULL; p++)
			mailbox_write(w->out, *p);
	xml_close(w->out, tag);
}

/* --- dictionaries: EmailAddresses, PhoneNumbers, ImAddresses, PhysicalAddresses */

static void email_entry(struct writer *w, uint32_t id, const char *address)
{
	uint32_t n = id - fid.email1;
	const char *name = props_get(w->item->props, FID_EMAIL_NAME1 + n);
	const char *type = props_get(w->item->props, FID_EMAIL_TYPE1 + n);

	g_string_append(w->out, "<t:Entry");
	xml_put_attr(w->out, "Key", fields[id].index);
	if (!grommunio() || w->shape->base != BASE_ID) {
		xml_put_attr(w->out, "Name", name != NULL ? name : address);
		xml_put_attr(w->out, "RoutingType", type != NULL ? type : "SMTP");
	}
	if (!grommunio())
		xml_put_attr(w->out, "MailboxType", "Contact");
	g_string_append_c(w->out, '>');
	xml_escape(w->out, address);
	g_string_append(w->out, "</t:Entry>");
}

static void plain_entry(struct writer *w, uint32_t id, const char *value)
{
	g_string_append(w->out, "<t:Entry");
	xml_put_attr(w->out, "Key", fields[id].index);
	g_string_append_c(w->out, '>');
	xml_escape(w->out, value);
	g_string_append(w->out, "</t:Entry>");
}

static bool row_wanted(const struct writer *w, uint32_t id)
{
	return w->shape->rows[w->item->kind][id];
}

/* Rows of one physical address stand together; so do those of one dictionary. */
static void address_entry(struct writer *w, uint32_t from, uint32_t to)
{
	bool open = false;

	for (uint32_t id = from; id < to; id++) {
		const char *value = row_wanted(w, id) ? props_get(w->item->props, id) : NULL;
		char tag[64];
		if (value == NULL)
			continue;
		if (!open) {
			g_string_append(w->out, "<t:Entry");
			xml_put_attr(w->out, "Key", fields[from].index);
			g_string_append_c(w->out, '>');
			open = true;
		}
		g_snprintf(tag, sizeof tag, "t:%s", strrchr(fields[id].uri, ':') + 1);
		xml_put(w->out, tag, value);
	}
	if (open)
		g_string_append(w->out, "</t:Entry>");
}

static uint32_t dictionary_end(uint32_t from)
{
	uint32_t end = from;

	while (end < n_fields && strcmp(fields[end].element, fields[from].element) == 0)
		end++;
	return end;
}

static void entries_write(struct writer *w, uint32_t from, uint32_t end)
{
	for (uint32_t id = from; id < end; id++) {
		if (fields[id].form == FORM_ADDRESS) {
			uint32_t next = id;
			while (next < end && strcmp(fields[next].index, fields[id].index) == 0)
				next++;
			address_entry(w, id, next);
			id = next - 1;
			continue;
		}
		const char *value = row_wanted(w, id) ? props_get(w->item->props, id) : NULL;
		if (value == NULL)
			continue;
		if (fields[id].form == FORM_EMAIL)
			email_entry(w, id, value);
		else
			plain_entry(w, id, value);
	}
}

static void dictionary_write(struct writer *w, uint32_t id, const char *tag)
{
	uint32_t from = id, end = dictionary_end(id);
	bool any = false;

	if (w->last_dictionary > id)
		return;
	w->last_dictionary = end;
	for (uint32_t i = from; i < end && !any; i++)
		any = row_wanted(w, i) && props_get(w->item->props, i) != NULL;
	if (!any)
		return;
	xml_open(w->out, tag);
	entries_write(w, from, end);
	xml_close(w->out, tag);
}

/* --- computed fields */

static void attachment_id_text(
        char text[ID_TEXT_MAX], const struct item *root, const struct attachment *a)
{
	id_format(text, &(struct object_id){.kind = ID_ATTACHMENT,
	                        .mailbox = root->folder->mailbox->guid,
	                        .number = root->id,
	                        .part = a->id});
}

static void write_id(struct writer *w)
{
	char id[ID_TEXT_MAX];

	if (w->attached == NULL) {
		item_id_write(w->out, "t:ItemId", w->item);
		return;
	}
	attachment_id_text(id, w->root, w->attached);
	g_string_append_printf(w->out, "<t:ItemId Id=\"%s\"/>", id);
}

static void write_mime(struct writer *w)
{
	GBytes *mime = mime_make(w->item);
	gsize length;
	const guchar *bytes = g_bytes_get_data(mime, &length);
	char *text = g_base64_encode(bytes, length);

	g_string_append(w->out, "<t:MimeContent CharacterSet=\"UTF-8\">");
	g_string_append(w->out, text);
	g_string_append(w->out, "</t:MimeContent>");
	g_free(text);
	g_bytes_unref(mime);
}

static void write_parent(struct writer *w)
{
	parent_id_write(w->out, w->item->folder);
}

static void write_body(struct writer *w)
{
	bool html;
	char *text = body_in_form(w->item, w->shape->body, &html);
	bool cut = w->shape->max_body > 0 && (int64_t)strlen(text) > w->shape->max_body;

	if (cut) {
		const char *end = g_utf8_find_prev_char(text, text + w->shape->max_body);
		text[end != NULL ? end - text : 0] = '\0';
	}
	g_string_append_printf(w->out, "<t:Body BodyType=\"%s\"%s>", html ? "HTML" : "Text",
	        cut ? " IsTruncated=\"true\"" : "");
	xml_escape(w->out, text);
	g_string_append(w->out, "</t:Body>");
	g_free(text);
}

static void write_text_body(struct writer *w)
{
	bool html;
	char *text = body_in_form(w->item, BODY_TEXT, &html);

	g_string_append(w->out, "<t:TextBody BodyType=\"Text\">");
	xml_escape(w->out, text);
	g_string_append(w->out, "</t:TextBody>");
	g_free(text);
}

static void write_unique_body(struct writer *w)
{
	bool html;
	char *text = body_in_form(w->item, w->shape->body, &html);

	g_string_append_printf(w->out, "<t:UniqueBody BodyType=\"%s\">", html ? "HTML" : "Text");
	xml_escape(w->out, text);
	g_string_append(w->out, "</t:UniqueBody>");
	g_free(text);
}

static void write_content(GString *out, const struct attachment *a)
{
	gsize length;
	const guchar *bytes = g_bytes_get_data(a->content, &length);
	char *text = g_base64_encode(bytes, length);

	xml_put(out, "t:Content", text);
	g_free(text);
}

static void write_rows(struct writer *w);

void attachment_write(
        GString *out, const struct item *root, const struct attachment *a, struct shape *content)
{
	const char *tag = a->item != NULL ? "t:ItemAttachment" : "t:FileAttachment";
	char id[ID_TEXT_MAX], *when = time_format(a->modified_s);

	attachment_id_text(id, root, a);
	xml_open(out, tag);
	g_string_append_printf(out, "<t:AttachmentId Id=\"%s\"/>", id);
	xml_put(out, "t:Name", a->name);
	xml_put(out, "t:ContentType", a->content_type);
	xml_put(out, "t:ContentId", a->content_id);
	xml_put(out, "t:ContentLocation", a->content_location);
	xml_put_int(out, "t:Size", attachment_size(a));
	if (!grommunio()) {
		xml_put(out, "t:LastModifiedTime", when);
		xml_put_bool(out, "t:IsInline", a->is_inline);
		if (a->item == NULL && (a->is_contact_photo || root->kind == ITEM_CONTACT))
			xml_put_bool(out, "t:IsContactPhoto", a->is_contact_photo);
	}
	if (content != NULL && a->item != NULL)
		write_rows(&(struct writer){.out = out,
		        .item = a->item,
		        .root = root,
		        .attached = a,
		        .shape = content});
	else if (content != NULL)
		write_content(out, a);
	xml_close(out, tag);
	g_free(when);
}

static void write_attachments(struct writer *w)
{
	if (w->item->attachments == NULL || w->item->attachments->len == 0)
		return;
	g_string_append(w->out, "<t:Attachments>");
	for (guint i = 0; i < w->item->attachments->len; i++)
		attachment_write(w->out, w->root, w->item->attachments->pdata[i], NULL);
	g_string_append(w->out, "</t:Attachments>");
}

static void write_headers(struct writer *w)
{
	char **list = mime_headers(w->item);

	if (list[0] != NULL) {
		g_string_append(w->out, "<t:InternetMessageHeaders>");
		for (char **h = list; *h != NULL; h++) {
			char *colon = strchr(*h, ':');
			*colon = '\0';
			g_string_append(w->out, "<t:InternetMessageHeader");
			xml_put_attr(w->out, "HeaderName", *h);
			g_string_append_c(w->out, '>');
			xml_escape(w->out, colon + 2);
			g_string_append(w->out, "</t:InternetMessageHeader>");
		}
		g_string_append(w->out, "</t:InternetMessageHeaders>");
	}
	g_strfreev(list);
}

static void write_rights(struct writer *w)
{
	if (grommunio()) {
		g_string_append(w->out,
		        "<t:EffectiveRights><t:CreateAssociated>true</t:CreateAssociated>"
		        "<t:CreateContents>true</t:CreateContents>"
		        "<t:CreateHierarchy>true</t:CreateHierarchy><t:Delete>true</t:Delete>"
		        "<t:Modify>true</t:Modify><t:Read>true</t:Read></t:EffectiveRights>");
		return;
	}
	g_string_append(w->out,
	        "<t:EffectiveRights><t:CreateAssociated>false</t:CreateAssociated>"
	        "<t:CreateContents>false</t:CreateContents><t:CreateHierarchy>false</"
	        "t:CreateHierarchy>"
	        "<t:Delete>true</t:Delete><t:Modify>true</t:Modify><t:Read>true</t:Read>"
	        "<t:ViewPrivateItems>true</t:ViewPrivateItems></t:EffectiveRights>");
}

static void write_conversation(struct writer *w)
{
	const char *topic = props_get(w->item->props, FID_CONVERSATION_TOPIC);
	const char *index = props_get(w->item->props, FID_CONVERSATION_INDEX);
	char id[ID_TEXT_MAX];

	if (w->item->kind != ITEM_MESSAGE && !grommunio())
		return;
	const char *seed = index != NULL ? index : topic != NULL ? topic : "";
	size_t n = index != NULL ? MIN(strlen(index), 29) : strlen(seed);
	id_format(id, &(struct object_id){.kind = ID_PERSONA,
	                      .mailbox = w->item->folder->mailbox->guid,
	                      .number = checksum32(seed, n)});
	g_string_append_printf(w->out, "<t:ConversationId Id=\"%s\"/>", id);
}

static void write_flag(struct writer *w)
{
	const char *status = props_get(w->item->props, FID_FLAG_STATUS);
	const char *word = status == NULL             ? "NotFlagged"
	                   : strcmp(status, "2") == 0 ? "Flagged"
	                   : strcmp(status, "1") == 0 ? "Complete"
	                                              : "NotFlagged";

	if (w->item->kind == ITEM_MESSAGE || w->item->kind == ITEM_CONTACT)
		g_string_append_printf(
		        w->out, "<t:Flag><t:FlagStatus>%s</t:FlagStatus></t:Flag>", word);
}

static void write_store_id(struct writer *w)
{
	char id[ID_TEXT_MAX];

	item_id_text(id, w->item);
	xml_put(w->out, "t:StoreEntryId", id);
}

static void write_instance_key(struct writer *w)
{
	char id[ID_TEXT_MAX];

	item_id_text(id, w->item);
	xml_put(w->out, "t:InstanceKey", id);
}

/* grommunio makes the name of those parts that were asked for. */
static const char *name_part(const struct writer *w, uint32_t id)
{
	const char *value = props_get(w->item->props, id);

	return value != NULL && *value != '\0' && (!grommunio() || row_wanted(w, id)) ? value
	                                                                              : NULL;
}

static void write_complete_name(struct writer *w)
{
	static const char *const tags[] = {"t:FirstName", "t:MiddleName", "t:LastName", "t:Suffix",
	        "t:Initials", "t:FullName", "t:Nickname"};
	const uint32_t ids[] = {FID_GIVEN_NAME, FID_MIDDLE_NAME, FID_SURNAME, FID_GENERATION,
	        FID_INITIALS, FID_DISPLAY_NAME, FID_NICKNAME};
	bool any = false;

	for (size_t i = 0; i < G_N_ELEMENTS(ids); i++)
		any = any || name_part(w, ids[i]) != NULL;
	if (!any)
		return;
	g_string_append(w->out, "<t:CompleteName>");
	for (size_t i = 0; i < G_N_ELEMENTS(ids); i++)
		xml_put(w->out, tags[i], name_part(w, ids[i]));
	g_string_append(w->out, "</t:CompleteName>");
}

/* Fields whose value item_value() computes and which are written as plain text. */
static void write_computed(struct writer *w, uint32_t id)
{
	char tag[64], *value = grommunio() ? habit_item_time(w->item, id) : NULL;

	if (value == NULL)
		value = item_value(w->item, id);

	g_snprintf(tag, sizeof tag, "t:%s", fields[id].element);
	xml_put(w->out, tag, value);
	g_free(value);
}

static const struct {
	const char *uri;
	void (*write)(struct writer *w);
} specials[] = {
        {"item:ItemId", write_id},
        {"item:MimeContent", write_mime},
        {"item:ParentFolderId", write_parent},
        {"item:Body", write_body},
        {"item:TextBody", write_text_body},
        {"item:UniqueBody", write_unique_body},
        {"item:Attachments", write_attachments},
        {"item:InternetMessageHeaders", write_headers},
        {"item:EffectiveRights", write_rights},
        {"item:ConversationId", write_conversation},
        {"item:Flag", write_flag},
        {"item:StoreEntryId", write_store_id},
        {"item:InstanceKey", write_instance_key},
        {"contacts:CompleteName", write_complete_name},
};

static void special_write(struct writer *w, uint32_t id)
{
	for (size_t i = 0; i < G_N_ELEMENTS(specials); i++)
		if (strcmp(specials[i].uri, fields[id].uri) == 0) {
			specials[i].write(w);
			return;
		}
	write_computed(w, id);
}

/* --- extended properties */

static void extended_one(struct writer *w, const struct xml_node *path)
{
	const char *code;
	enum prop_type type;
	bool multi = false;
	uint32_t id = ext_prop_from_node(path, &code);
	const struct prop *p = props_find(w->item->props, id);
	char *computed = NULL;

	prop_type_parse(xml_attr(path, "PropertyType"), &type, &multi);
	if (p == NULL) {
		computed = item_value(w->item, id);
		if (computed == NULL)
			return;
	}
	g_string_append(w->out, "<t:ExtendedProperty>");
	ext_path_write(w->out, path);
	if (!multi) {
		xml_put(w->out, "t:Value",
		        computed != NULL ? computed : props_get(w->item->props, id));
	} else {
		g_string_append(w->out, "<t:Values>");
		if (p != NULL && p->is_list)
			for (char **v = p->v.list; *v != NULL; v++)
				xml_put(w->out, "t:Value", *v);
		else
			xml_put(w->out, "t:Value", computed != NULL ? computed : p->v.text);
		g_string_append(w->out, "</t:Values>");
	}
	g_string_append(w->out, "</t:ExtendedProperty>");
	g_free(computed);
}

static void list_write(struct writer *w, uint32_t id, const char *tag)
{
	char **list = props_get_list(w->item->props, id);

	if (list == NULL)
		return;
	xml_open(w->out, tag);
	for (char **v = list; *v != NULL; v++)
		xml_put(w->out, "t:String", *v);
	xml_close(w->out, tag);
}

static void person_write(struct writer *w, uint32_t id, const char *tag)
{
	const char *value = props_get(w->item->props, id);

	if (value == NULL)
		return;
	xml_open(w->out, tag);
	mailbox_write(w->out, value);
	xml_close(w->out, tag);
}

static void put_time(struct writer *w, uint32_t id, const char *tag)
{
	char *value = habit_item_time(w->item, id);

	xml_put(w->out, tag, value);
	g_free(value);
}

static void row_write(struct writer *w, uint32_t id)
{
	char tag[64];

	g_snprintf(tag, sizeof tag, "t:%s", fields[id].element);
	switch (fields[id].form) {
	case FORM_TEXT: {
		const char *value = props_get(w->item->props, id);
		if (grommunio() && fields[id].type == PT_TIME)
			put_time(w, id, tag);
		else if (value != NULL &&
		         (*value != '\0' || (fields[id].flags & F_KEEP_EMPTY) != 0))
			xml_put(w->out, tag, value);
		break;
	}
	case FORM_LIST:
		list_write(w, id, tag);
		break;
	case FORM_PEOPLE:
		people_write(w, id, tag);
		break;
	case FORM_PERSON:
		person_write(w, id, tag);
		break;
	case FORM_RAW: {
		const char *value = props_get(w->item->props, id);
		if (value != NULL)
			g_string_append_printf(w->out, "<%s>%s</%s>", tag, value, tag);
		break;
	}
	case FORM_ENTRY:
	case FORM_EMAIL:
	case FORM_ADDRESS:
		dictionary_write(w, id, tag);
		break;
	case FORM_SPECIAL:
		special_write(w, id);
		break;
	}
}

static bool name_row(uint32_t id)
{
	const uint32_t ids[] = {FID_GIVEN_NAME, FID_MIDDLE_NAME, FID_SURNAME, FID_GENERATION,
	        FID_INITIALS, FID_DISPLAY_NAME, FID_NICKNAME};

	for (size_t i = 0; i < G_N_ELEMENTS(ids); i++)
		if (ids[i] == id)
			return true;
	return false;
}

/* Which rows this kind of item shows under the shape. */
static bool *rows_for(const struct shape *shape, enum item_kind kind)
{
	bool *rows = g_new0(bool, n_fields);
	unsigned flag = kind_flag(kind);

	for (uint32_t id = 0; id < n_fields; id++) {
		unsigned f = fields[id].flags;
		bool on = grommunio()                   ? habit_row_shown(id, shape->base)
		          : shape->base == BASE_ALL     ? (f & F_NOT_ALL) == 0
		          : shape->base == BASE_DEFAULT ? (f & F_DEFAULT) != 0
		                                        : false;
		if (shape->extra[id] && !(grommunio() && habit_row_never(id)))
			on = true;
		if ((f & flag) == 0 || (shape->find && (f & F_NOT_FIND) != 0))
			on = false;
		rows[id] = on;
	}
	/* Names that grommunio shows bring a CompleteName of them. */
	for (uint32_t id = 0; grommunio() && id < n_fields; id++)
		if (kind == ITEM_CONTACT && rows[id] && name_row(id))
			rows[fid.complete_name] = true;
	rows[FID_ITEM_ID] = true;
	rows[FID_MIME] = shape->mime || (shape->extra[FID_MIME] && !shape->find);
	return rows;
}

void item_extended_write(GString *out, const struct item *item, const struct xml_node *path)
{
	extended_one(&(struct writer){.out = out, .item = item}, path);
}

/* What only an item in a folder has. */
static bool row_of_folder(uint32_t id)
{
	static const char *const uris[] = {"item:ParentFolderId", "item:ConversationId",
	        "item:StoreEntryId", "item:InstanceKey", "item:EffectiveRights"};

	for (size_t i = 0; i < G_N_ELEMENTS(uris); i++)
		if (strcmp(uris[i], fields[id].uri) == 0)
			return true;
	return false;
}

static void write_rows(struct writer *w)
{
	const char *element = item_element(w->item->kind);
	bool **rows = &w->shape->rows[w->item->kind], extended_done = false;

	if (*rows == NULL)
		*rows = rows_for(w->shape, w->item->kind);
	xml_open(w->out, element);
	for (uint32_t id = 0; id < n_fields; id++) {
		/* ExtendedProperty stands between HasAttachments and Culture; grommunio has it
		 * last. */
		if (id >= (grommunio() ? fid.file_as : FID_HAS_ATTACHMENTS + 1) && !extended_done) {
			for (guint i = 0; i < w->shape->extended->len; i++)
				extended_one(w, w->shape->extended->pdata[i]);
			extended_done = true;
		}
		if ((*rows)[id] && (w->attached == NULL || !row_of_folder(id)))
			row_write(w, id);
	}
	xml_close(w->out, element);
}

void item_write(GString *out, const struct item *item, struct shape *shape)
{
	write_rows(&(struct writer){.out = out, .item = item, .root = item, .shape = shape});
}

static void write_known(GString *out, const struct item *item, bool received)
{
	const char *element = item_element(item->kind);
	struct writer w = {.out = out, .item = item};

	xml_open(out, element);
	write_id(&w);
	if (received)
		put_time(&w, fid.received, "t:DateTimeReceived");
	xml_close(out, element);
}

void item_write_id_only(GString *out, const struct item *item)
{
	write_known(out, item, false);
}

void item_write_new(GString *out, const struct item *item)
{
	write_known(out, item, grommunio());
}
