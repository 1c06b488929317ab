#include "item_read.h"

#include "fid.h"
#include "habits.h"
#include "mime.h"

#include <stdlib.h>
#include <string.h>

bool item_kind_of(const struct xml_node *element, enum item_kind *kind)
{
	static const struct {
		const char *name;
		enum item_kind kind;
	} kinds[] = {{"Contact", ITEM_CONTACT}, {"Message", ITEM_MESSAGE},
	        {"DistributionList", ITEM_DISTLIST}, {"Item", ITEM_OTHER}};

	for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
		if (strcmp(kinds[i].name, element->name) == 0) {
			*kind = kinds[i].kind;
			return true;
		}
	return false;
}

static unsigned flag_of(enum item_kind kind)
{
	static const unsigned flags[ITEM_KINDS] = {F_CONTACT, F_MESSAGE, F_DISTLIST, F_ITEM};
	return flags[kind];
}

/* The first row of the element among the fields of this kind of item. */
static uint32_t row_of_element(enum item_kind kind, const char *element)
{
	for (uint32_t id = 0; id < n_fields; id++)
		if ((fields[id].flags & flag_of(kind)) != 0 &&
		        strcmp(fields[id].element, element) == 0)
			return id;
	return UINT32_MAX;
}

uint32_t path_prop(const struct xml_node *path, const char **code)
{
	*code = NULL;
	if (strcmp(path->name, "ExtendedFieldURI") == 0) {
		uint32_t id = ext_prop_from_node(path, code);
		return *code == NULL ? id : UINT32_MAX;
	}
	uint32_t id = field_id(xml_attr(path, "FieldURI"), xml_attr(path, "FieldIndex"));
	if (id == UINT32_MAX)
		*code = "ErrorUnsupportedPathForQuery";
	return id;
}

/* --- values */

static const char *set_text(struct item *item, uint32_t id, const char *text)
{
	char *value = value_canonical(fields[id].type, text);

	if (value == NULL)
		return "ErrorInvalidValueForProperty";
	props_take(item->props, id, value);
	return NULL;
}

static void set_strings(struct item *item, uint32_t id, const struct xml_node *node)
{
	GPtrArray *list = g_ptr_array_new();

	for (const struct xml_node *s = node->first; s != NULL; s = s->next)
		if (*s->text != '\0')
			g_ptr_array_add(list, g_strdup(s->text));
	g_ptr_array_add(list, NULL);
	props_take_list(item->props, id, (char **)g_ptr_array_free(list, FALSE));
}

static void set_people(struct item *item, uint32_t id, const struct xml_node *node)
{
	GPtrArray *list = g_ptr_array_new();

	for (const struct xml_node *p = node->first; p != NULL; p = p->next) {
		const struct xml_node *mailbox =
		        strcmp(p->name, "Member") == 0 ? xml_child(p, "Mailbox") : p;
		if (mailbox != NULL)
			g_ptr_array_add(list, person_from_node(mailbox));
	}
	g_ptr_array_add(list, NULL);
	props_take_list(item->props, id, (char **)g_ptr_array_free(list, FALSE));
}

static const char *set_address(struct item *item, const struct xml_node *entry)
{
	const char *key = xml_attr(entry, "Key");

	for (const struct xml_node *part = entry->first; part != NULL; part = part->next) {
		char uri[64];
		g_snprintf(uri, sizeof uri, "contacts:PhysicalAddress:%s", part->name);
		uint32_t id = field_id(uri, key);
		if (id == UINT32_MAX)
			return "ErrorInvalidPropertySet";
		props_set(item->props, id, *part->text != '\0' ? part->text : NULL);
	}
	return NULL;
}

static void set_email_parts(struct item *item, uint32_t id, const struct xml_node *entry)
{
	uint32_t n = id - fid.email1;
	const char *name = xml_attr(entry, "Name"), *type = xml_attr(entry, "RoutingType");

	/* grommunio keeps the name that the first address left. */
	if (name == NULL && grommunio()) {
		name = props_get(item->props, fid.email_name1 + n);
		name = name != NULL ? name : entry->text;
	}
	char *kept = g_strdup(name);
	props_take(item->props, fid.email_name1 + n, kept);
	props_set(item->props, fid.email_type1 + n, type);
}

static void raw_write(GString *out, const struct xml_node *node)
{
	char *tag = g_strconcat("t:", node->name, NULL);

	if (node->first == NULL)
		xml_put(out, tag, node->text);
	else
		xml_open(out, tag);
	for (const struct xml_node *c = node->first; c != NULL; c = c->next)
		raw_write(out, c);
	if (node->first != NULL)
		xml_close(out, tag);
	g_free(tag);
}

/* What is in an element whose parts have neither attributes nor meaning here. */
static char *raw_children(const struct xml_node *node)
{
	GString *out = g_string_new(NULL);

	for (const struct xml_node *c = node->first; c != NULL; c = c->next)
		raw_write(out, c);
	return g_string_free(out, FALSE);
}

static const char *set_entries(struct item *item, uint32_t first, const struct xml_node *node)
{
	const char *code = NULL;

	for (const struct xml_node *e = node->first; e != NULL && code == NULL; e = e->next) {
		if (fields[first].form == FORM_ADDRESS) {
			code = set_address(item, e);
			continue;
		}
		uint32_t id = field_id(fields[first].uri, xml_attr(e, "Key"));
		if (id == UINT32_MAX)
			return "ErrorInvalidPropertySet";
		if (grommunio() && (id == fid.im2 || id == fid.im3))
			continue; /* it loses them */
		props_set(item->props, id, *e->text != '\0' ? e->text : NULL);
		if (fields[first].form == FORM_EMAIL)
			set_email_parts(item, id, e);
	}
	return code;
}

static const char *set_extended(struct item *item, const struct xml_node *node, bool creating)
{
	const struct xml_node *path = node->first, *value = path->next;
	const char *code;
	enum prop_type type = PT_STRING;
	bool multi = false;
	uint32_t id = ext_prop_from_node(path, &code);

	if (code != NULL)
		return code;
	prop_type_parse(xml_attr(path, "PropertyType"), &type, &multi);
	if (multi != (strcmp(value->name, "Values") == 0))
		return "ErrorInvalidExtendedPropertyValue";
	if (multi) {
		GPtrArray *list = g_ptr_array_new();
		for (const struct xml_node *v = value->first; v != NULL; v = v->next) {
			char *one = value_canonical(type, v->text);
			if (one == NULL)
				code = "ErrorInvalidExtendedPropertyValue";
			else
				g_ptr_array_add(list, one);
		}
		g_ptr_array_add(list, NULL);
		props_take_list(item->props, id, (char **)g_ptr_array_free(list, FALSE));
		return code;
	}
	char *one = value_canonical(type, value->text);
	if (one == NULL)
		return "ErrorInvalidExtendedPropertyValue";
	if (id == fid.message_flags) {
		/* Whether a message is a draft is settled when it is made; reading it is not. */
		const char *old = props_get(item->props, id);
		int flags = atoi(one);
		item_set_read(item, (flags & 1) != 0);
		if (!creating)
			flags = (flags & ~8) | ((old != NULL ? atoi(old) : 0) & 8);
		g_free(one);
		one = g_strdup_printf("%d", flags);
	}
	props_take(item->props, id, one);
	return NULL;
}

/* --- fields with a form of their own */

static const char *set_mime(struct item *item, const struct xml_node *node)
{
	gsize length;

	if (item->kind != ITEM_MESSAGE && item->kind != ITEM_OTHER)
		return "ErrorMimeContentConversionFailed";
	char *canonical = value_canonical(PT_BINARY, node->text);
	if (canonical == NULL)
		return "ErrorInvalidMimeContent";
	guchar *bytes = g_base64_decode(canonical, &length);
	const char *code =
	        length == 0 ? "ErrorInvalidMimeContent" : mime_apply(item, bytes, length);
	g_free(bytes);
	g_free(canonical);
	return code;
}

static const char *set_body(struct item *item, const struct xml_node *node)
{
	props_set(item->props, fid.body, node->text);
	props_set(item->props, fid.body_type, xml_attr(node, "BodyType"));
	return NULL;
}

static const char *set_flag(struct item *item, const struct xml_node *node)
{
	const char *status = xml_child_text(node, "FlagStatus");
	bool flagged = strcmp(status, "Flagged") == 0, complete = strcmp(status, "Complete") == 0;

	props_set(item->props, fid.flag_status, flagged ? "2" : complete ? "1" : NULL);
	return NULL;
}

static const char *set_read(struct item *item, const struct xml_node *node)
{
	item_set_read(item, xml_bool(node->text));
	return NULL;
}

static const char *set_associated(struct item *item, const struct xml_node *node)
{
	item->associated = xml_bool(node->text);
	return NULL;
}

static void read_file(struct attachment *a, const struct xml_node *node)
{
	gsize length;
	const char *content = xml_child_text(node, "Content");
	char *canonical = value_canonical(PT_BINARY, content != NULL ? content : "");
	guchar *bytes = g_base64_decode(canonical != NULL ? canonical : "", &length);

	a->content = g_bytes_new_take(bytes, length);
	a->is_contact_photo = xml_bool(xml_child_text(node, "IsContactPhoto"));
	g_free(canonical);
}

#define MAX_NESTING 16 /* of items attached to items */

static int nesting(const struct item *item)
{
	int deepest = 0;

	for (guint i = 0; item->attachments != NULL && i < item->attachments->len; i++) {
		const struct attachment *a = item->attachments->pdata[i];
		deepest = MAX(deepest, a->item != NULL ? nesting(a->item) : 0);
	}
	return deepest + 1;
}

/* The attached item is the last child. */
static const char *read_attached(struct attachment *a, const struct xml_node *node)
{
	const struct xml_node *last = node->first;
	const char *code = NULL;
	enum item_kind kind;

	while (last != NULL && last->next != NULL)
		last = last->next;
	if (last == NULL || !item_kind_of(last, &kind))
		return "ErrorMissingItemForCreateItemAttachment";
	a->item = item_read(last, &code);
	if (code == NULL && nesting(a->item) > MAX_NESTING)
		code = "ErrorAttachmentNestLevelLimitExceeded";
	return code;
}

const char *attachment_read(const struct xml_node *node, struct attachment **out)
{
	const char *code = NULL, *name = xml_child_text(node, "Name");
	bool file = strcmp(node->name, "FileAttachment") == 0;

	*out = NULL;
	if (!file && strcmp(node->name, "ItemAttachment") != 0)
		return "ErrorInvalidOperation";
	struct attachment *a = attachment_new();
	a->name = g_strdup(name != NULL ? name : "");
	a->content_type = g_strdup(xml_child_text(node, "ContentType"));
	a->content_id = g_strdup(xml_child_text(node, "ContentId"));
	a->content_location = g_strdup(xml_child_text(node, "ContentLocation"));
	a->is_inline = xml_bool(xml_child_text(node, "IsInline"));
	if (file)
		read_file(a, node);
	else
		code = read_attached(a, node);
	if (code == NULL)
		*out = a;
	else
		attachment_free(a);
	return code;
}

static const char *set_attachments(struct item *item, const struct xml_node *node)
{
	for (const struct xml_node *n = node->first; n != NULL; n = n->next) {
		struct attachment *a;
		const char *code = attachment_read(n, &a);
		if (code != NULL)
			return code;
		item_attach(item, a);
	}
	return NULL;
}

static const struct {
	const char *uri;
	const char *(*set)(struct item *item, const struct xml_node *node);
} specials[] = {
        {"item:MimeContent", set_mime},
        {"item:Body", set_body},
        {"item:Flag", set_flag},
        {"item:Attachments", set_attachments},
        {"item:IsAssociated", set_associated},
        {"message:IsRead", set_read},
};

static const char *set_special(struct item *item, uint32_t id, const struct xml_node *node)
{
	for (size_t i = 0; i < G_N_ELEMENTS(specials); i++)
		if (strcmp(specials[i].uri, fields[id].uri) == 0)
			return specials[i].set(item, node);
	return "ErrorInvalidPropertySet";
}

const char *item_set_child(struct item *item, const struct xml_node *child, bool creating)
{
	if (strcmp(child->name, "ExtendedProperty") == 0)
		return set_extended(item, child, creating);
	uint32_t id = row_of_element(item->kind, child->name);
	if (id == UINT32_MAX || (fields[id].flags & F_READ_ONLY) != 0 ||
	        (!creating && (fields[id].flags & F_SENT_ONLY) != 0))
		return "ErrorInvalidPropertySet";
	switch (fields[id].form) {
	case FORM_TEXT:
		return set_text(item, id, child->text);
	case FORM_LIST:
		set_strings(item, id, child);
		return NULL;
	case FORM_PEOPLE:
		set_people(item, id, child);
		return NULL;
	case FORM_RAW:
		props_take(item->props, id, raw_children(child));
		return NULL;
	case FORM_PERSON:
		props_take(item->props, id, person_from_node(xml_child(child, "Mailbox")));
		return NULL;
	case FORM_ENTRY:
	case FORM_EMAIL:
	case FORM_ADDRESS:
		return set_entries(item, id, child);
	case FORM_SPECIAL:
		break;
	}
	return set_special(item, id, child);
}

static const char *default_class(enum item_kind kind)
{
	static const char *const classes[ITEM_KINDS] = {
	        "IPM.Contact", "IPM.Note", "IPM.DistList", "IPM.Note"};
	return classes[kind];
}

static bool class_fits(enum item_kind kind, const char *class_name)
{
	bool contact = g_ascii_strncasecmp(class_name, "IPM.Contact", 11) == 0;
	bool list = g_ascii_strncasecmp(class_name, "IPM.DistList", 12) == 0;

	return contact == (kind == ITEM_CONTACT) && list == (kind == ITEM_DISTLIST);
}

struct item *item_read(const struct xml_node *element, const char **code)
{
	enum item_kind kind;

	*code = NULL;
	if (!item_kind_of(element, &kind)) {
		*code = "ErrorInvalidOperation";
		return NULL;
	}
	struct item *item = item_new(kind);
	props_set(item->props, fid.item_class, default_class(kind));
	if (kind == ITEM_MESSAGE)
		props_set(item->props, fid.message_flags, "8");
	for (const struct xml_node *c = element->first; c != NULL && *code == NULL; c = c->next)
		*code = item_set_child(item, c, true);
	if (*code == NULL && !class_fits(kind, props_get(item->props, fid.item_class)))
		*code = "ErrorObjectTypeChanged";
	if (*code != NULL) {
		item_free(item);
		return NULL;
	}
	item_derive(item, true, props_get(item->props, fid.file_as) != NULL);
	return item;
}
