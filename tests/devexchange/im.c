#include "im.h"

#include "devx.h"
#include "fid.h"
#include "item_read.h"
#include "shape.h"

#include <string.h>

static struct folder *groups_folder(struct mailbox *mb)
{
	return folder_distinguished(mb, "imcontactlist");
}

static struct folder *contacts_folder(struct mailbox *mb)
{
	return folder_distinguished(mb, "quickcontacts");
}

const char *im_class(const struct item *group)
{
	const char *class_name = props_get(group->props, fid.item_class);

	return class_name != NULL ? class_name : "";
}

typedef bool (*group_test)(const struct item *group, const char *with);

static bool has_class(const struct item *group, const char *with)
{
	return strcmp(im_class(group), with) == 0;
}

static bool has_name(const struct item *group, const char *with)
{
	const char *name = props_get(group->props, fid.display_name);
	char *a = g_utf8_casefold(name != NULL ? name : "", -1), *b = g_utf8_casefold(with, -1);
	bool same = strcmp(a, b) == 0;

	g_free(a);
	g_free(b);
	return same;
}

static struct item *find_group(struct mailbox *mb, group_test test, const char *with)
{
	struct folder *folder = groups_folder(mb);

	if (folder->by_uid == NULL)
		return NULL;
	GSequenceIter *i = g_sequence_get_begin_iter(folder->by_uid);
	for (; !g_sequence_iter_is_end(i); i = g_sequence_iter_next(i)) {
		struct item *group = g_sequence_get(i);
		if (group->kind == ITEM_DISTLIST && test(group, with))
			return group;
	}
	return NULL;
}

struct item *im_default_group(struct mailbox *mb, const char *class_name)
{
	return find_group(mb, has_class, class_name);
}

struct item *im_group_named(struct mailbox *mb, const char *name)
{
	return find_group(mb, has_name, name);
}

static struct item *group_insert(struct mailbox *mb, const char *name, const char *class_name)
{
	struct item *group = item_new(ITEM_DISTLIST);

	props_set(group->props, fid.item_class, class_name);
	props_set(group->props, fid.display_name, name);
	group->members = g_array_new(FALSE, FALSE, sizeof(uint64_t));
	item_derive(group, true, false);
	item_insert(groups_folder(mb), group);
	return group;
}

void im_begin(struct ctx *ctx)
{
	static const struct {
		const char *name, *class_name;
	} defaults[] = {{"Favorites", IM_FAVORITES}, {"Other Contacts", IM_OTHER_CONTACTS},
	        {"Tagged", IM_TAGGED}};

	ctx_use(ctx, ctx->self);
	for (size_t i = 0; i < G_N_ELEMENTS(defaults); i++)
		if (im_default_group(ctx->self, defaults[i].class_name) == NULL)
			group_insert(ctx->self, defaults[i].name, defaults[i].class_name);
}

const char *im_group(struct ctx *ctx, const struct xml_node *id, struct item **group)
{
	const char *code = ctx_item(ctx, id, group);

	if (code != NULL)
		return strcmp(code, "ErrorItemNotFound") == 0 ? "ErrorInvalidImGroupId" : code;
	if ((*group)->folder != groups_folder(ctx->self) ||
	        !g_str_has_prefix(im_class(*group), IM_CLASS)) {
		ctx_use(ctx, ctx->self);
		return "ErrorInvalidImGroupId";
	}
	return NULL;
}

const char *im_contact(
        struct ctx *ctx, const struct xml_node *id, const char *bad, struct item **contact)
{
	const char *code = ctx_item(ctx, id, contact);

	if (code != NULL)
		return strcmp(code, "ErrorItemNotFound") == 0 ? bad : code;
	if ((*contact)->folder != contacts_folder(ctx->self) || (*contact)->kind != ITEM_CONTACT) {
		ctx_use(ctx, ctx->self);
		return bad;
	}
	return NULL;
}

const char *im_target_group(struct ctx *ctx, struct item **group)
{
	const struct xml_node *id = xml_child(ctx->body, "GroupId");

	if (id == NULL) {
		*group = im_default_group(ctx->self, IM_OTHER_CONTACTS);
		return NULL;
	}
	const char *code = im_group(ctx, id, group);
	/* Who is in a distribution group, the directory says. */
	if (code == NULL && strcmp(im_class(*group), IM_DG) == 0)
		code = "ErrorInvalidImGroupId";
	return code;
}

struct item *im_group_add(
        struct ctx *ctx, const char *name, const char *class_name, const char **code)
{
	*code = NULL;
	if ((int)folder_count(groups_folder(ctx->self)) >= ctx->devx->options.max_groups) {
		*code = "ErrorImGroupLimitReached";
		return NULL;
	}
	return group_insert(ctx->self, name, class_name);
}

struct item *im_contact_add(
        struct ctx *ctx, const char *address, const char *display_name, const char **code)
{
	struct item *contact;

	*code = NULL;
	if ((int)folder_count(contacts_folder(ctx->self)) >= ctx->devx->options.max_contacts) {
		*code = "ErrorImContactLimitReached";
		return NULL;
	}
	contact = item_new(ITEM_CONTACT);
	props_set(contact->props, fid.item_class, "IPM.Contact");
	props_set(contact->props, fid.im1, address);
	if (display_name != NULL)
		props_set(contact->props, fid.display_name, display_name);
	item_derive(contact, true, false);
	item_insert(contacts_folder(ctx->self), contact);
	return contact;
}

/* --- membership */

/* The Members that the folder operations show follow from the member list. */
static void members_show(struct item *group)
{
	struct mailbox *mb = group->folder->mailbox;
	GPtrArray *list = g_ptr_array_new();

	for (guint i = 0; i < group->members->len; i++) {
		const struct item *c = item_find(mb, g_array_index(group->members, uint64_t, i));
		const char *name = c != NULL ? props_get(c->props, fid.display_name) : NULL;
		const char *address = c != NULL ? props_get(c->props, fid.im1) : NULL;
		if (address == NULL)
			continue;
		g_ptr_array_add(list, g_strjoin("\x1f", name != NULL ? name : address, address,
		                              "SMTP", "Contact", NULL));
	}
	g_ptr_array_add(list, NULL);
	props_take_list(group->props, fid.members, (char **)g_ptr_array_free(list, FALSE));
}

static int member_at(const struct item *group, uint64_t id)
{
	for (guint i = 0; group->members != NULL && i < group->members->len; i++)
		if (g_array_index(group->members, uint64_t, i) == id)
			return (int)i;
	return -1;
}

bool im_member_add(struct item *group, const struct item *contact)
{
	if (member_at(group, contact->id) >= 0)
		return false;
	if (group->members == NULL)
		group->members = g_array_new(FALSE, FALSE, sizeof(uint64_t));
	g_array_append_val(group->members, contact->id);
	members_show(group);
	item_touch(group, false);
	return true;
}

bool im_member_remove(struct item *group, const struct item *contact)
{
	int at = member_at(group, contact->id);

	if (at < 0)
		return false;
	g_array_remove_index(group->members, (guint)at);
	members_show(group);
	item_touch(group, false);
	return true;
}

bool im_in_any_group(const struct item *contact)
{
	struct folder *folder = groups_folder(contact->folder->mailbox);
	GSequenceIter *i = g_sequence_get_begin_iter(folder->by_uid);

	for (; !g_sequence_iter_is_end(i); i = g_sequence_iter_next(i))
		if (member_at(g_sequence_get(i), contact->id) >= 0)
			return true;
	return false;
}

void im_contact_remove(struct item *contact)
{
	struct folder *folder = groups_folder(contact->folder->mailbox);
	GPtrArray *holding = g_ptr_array_new();
	GSequenceIter *i = g_sequence_get_begin_iter(folder->by_uid);

	/* Changing a group moves it in the order of changes only, yet collect them first. */
	for (; !g_sequence_iter_is_end(i); i = g_sequence_iter_next(i))
		if (member_at(g_sequence_get(i), contact->id) >= 0)
			g_ptr_array_add(holding, g_sequence_get(i));
	for (guint k = 0; k < holding->len; k++)
		im_member_remove(holding->pdata[k], contact);
	g_ptr_array_free(holding, TRUE);
	item_free(item_take(contact));
}

/* --- as elements */

/* In the Im* operations change keys have a short form that names no change. */
static void short_id(GString *out, const char *tag, const struct item *item, const char *key)
{
	char id[ID_TEXT_MAX];

	item_id_text(id, item);
	g_string_append_printf(out, "<%s Id=\"%s\" ChangeKey=\"%s\"/>", tag, id, key);
}

static void write_members(GString *out, const struct item *group)
{
	bool open = false;

	for (guint i = 0; group->members != NULL && i < group->members->len; i++) {
		const struct item *c = item_find(
		        group->folder->mailbox, g_array_index(group->members, uint64_t, i));
		if (c == NULL)
			continue;
		if (!open)
			xml_open(out, "t:MemberCorrelationKey");
		open = true;
		short_id(out, "t:ItemId", c, "EQAAAA==");
	}
	if (open)
		xml_close(out, "t:MemberCorrelationKey");
}

void im_group_write(
        GString *out, const char *tag, const struct item *group, const struct xml_node *extended)
{
	GString *values = g_string_new(NULL);

	xml_open(out, tag);
	xml_put(out, "t:DisplayName", props_get(group->props, fid.display_name));
	xml_put(out, "t:GroupType", im_class(group));
	short_id(out, "t:ExchangeStoreId", group, "EgAAAA==");
	write_members(out, group);
	for (const struct xml_node *p = extended != NULL ? extended->first : NULL; p != NULL;
	        p = p->next)
		item_extended_write(values, group, p);
	if (values->len > 0)
		g_string_append_printf(
		        out, "<t:ExtendedProperties>%s</t:ExtendedProperties>", values->str);
	xml_put(out, "t:SmtpAddress", props_get(group->props, fid.im_smtp));
	xml_close(out, tag);
	g_string_free(values, TRUE);
}

static void write_attribution(GString *out, const struct item *contact)
{
	g_string_append(out, "<t:RelevanceScore>2147483647</t:RelevanceScore>"
	                     "<t:Attributions><t:Attribution><t:Id>0</t:Id>");
	short_id(out, "t:SourceId", contact, "EQAAAA==");
	g_string_append(out,
	        "<t:DisplayName>Lync Contacts</t:DisplayName><t:IsWritable>false</t:IsWritable>"
	        "<t:IsQuickContact>true</t:IsQuickContact><t:IsHidden>false</t:IsHidden>"
	        "</t:Attribution></t:Attributions>");
}

static const char attributions[] =
        "<t:Attributions><t:Attribution>0</t:Attribution></t:Attributions>";

static void write_persona_extended(
        GString *out, const struct item *contact, const struct xml_node *extended)
{
	GString *all = g_string_new(NULL), *one = g_string_new(NULL);

	for (const struct xml_node *p = extended->first; p != NULL; p = p->next) {
		g_string_truncate(one, 0);
		item_extended_write(one, contact, p);
		if (one->len == 0)
			continue;
		/* The value stands in an element named Value here. */
		g_string_replace(one, "<t:ExtendedProperty>", "<t:Value>", 1);
		g_string_truncate(one, one->len - strlen("</t:ExtendedProperty>"));
		g_string_append_printf(all,
		        "<t:ExtendedPropertyAttributedValue>%s</t:Value>%s"
		        "</t:ExtendedPropertyAttributedValue>",
		        one->str, attributions);
	}
	if (all->len > 0)
		g_string_append_printf(
		        out, "<t:ExtendedProperties>%s</t:ExtendedProperties>", all->str);
	g_string_free(all, TRUE);
	g_string_free(one, TRUE);
}

void im_persona_write(
        GString *out, const char *tag, const struct item *contact, const struct xml_node *extended)
{
	const char *name = props_get(contact->props, fid.display_name);
	const char *address = props_get(contact->props, fid.im1);
	const char *phone = props_get(contact->props, fid.other_phone);
	bool tel = props_get(contact->props, fid.im_tel) != NULL;
	char id[ID_TEXT_MAX];

	id_format(id, &(struct object_id){.kind = ID_PERSONA,
	                      .mailbox = contact->folder->mailbox->guid,
	                      .number = contact->id});
	xml_open(out, tag);
	g_string_append_printf(out, "<t:PersonaId Id=\"%s\"/>", id);
	xml_put(out, "t:PersonaType", "Person");
	xml_put(out, "t:DisplayName", name != NULL ? name : "");
	if (tel)
		xml_put(out, "t:DisplayNameFirstLast", phone);
	else
		xml_put(out, "t:ImAddress", address);
	write_attribution(out, contact);
	if (tel) {
		g_string_append(out, "<t:OtherTelephones><t:PhoneNumberAttributedValue><t:Value>");
		xml_put(out, "t:Number", phone);
		g_string_append_printf(out,
		        "<t:Type>Other</t:Type></t:Value>%s</t:PhoneNumberAttributedValue>"
		        "</t:OtherTelephones>",
		        attributions);
	}
	if (address != NULL) {
		g_string_append(out, "<t:ImAddresses><t:StringAttributedValue>");
		xml_put(out, "t:Value", address);
		g_string_append_printf(
		        out, "%s</t:StringAttributedValue></t:ImAddresses>", attributions);
	}
	if (extended != NULL)
		write_persona_extended(out, contact, extended);
	xml_close(out, tag);
}
