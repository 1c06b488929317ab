/* The values of properties, computed ones included. */
#include "fid.h"
#include "habits.h"
#include "mime.h"
#include "shape.h"

#include <stdlib.h>
#include <string.h>

static char *yes_no(bool value)
{
	return g_strdup(value ? "true" : "false");
}

static bool draft(const struct item *item)
{
	const char *flags = props_get(item->props, fid.message_flags);

	return item->kind == ITEM_MESSAGE && flags != NULL && (atoi(flags) & 8) != 0;
}

static bool attached(const struct item *item)
{
	for (guint i = 0; item->attachments != NULL && i < item->attachments->len; i++)
		if (!((const struct attachment *)item->attachments->pdata[i])->is_inline)
			return true;
	return false;
}

int64_t item_size(const struct item *item)
{
	int64_t size = 400;

	for (guint i = 0; i < item->props->len; i++) {
		const struct prop *p = &g_array_index(item->props, struct prop, i);
		if (!p->is_list)
			size += (int64_t)strlen(p->v.text) * 2;
		else
			for (char **v = p->v.list; *v != NULL; v++)
				size += (int64_t)strlen(*v) * 2;
	}
	for (guint i = 0; item->attachments != NULL && i < item->attachments->len; i++)
		size += attachment_size(item->attachments->pdata[i]);
	return size;
}

static char *display_list(const struct item *item, uint32_t id)
{
	char **list = props_get_list(item->props, id);
	GString *s = g_string_new(NULL);

	for (; list != NULL && *list != NULL; list++) {
		struct person p = person_decode(*list);
		if (s->len > 0)
			g_string_append(s, "; ");
		g_string_append(s, p.name != NULL ? p.name : "");
		person_clear(&p);
	}
	return g_string_free(s, FALSE);
}

static char *value_created(const struct item *item)
{
	return time_format(item->created_s);
}

static char *value_modified(const struct item *item)
{
	return time_format(item->modified_s);
}

static char *value_size(const struct item *item)
{
	return g_strdup_printf("%" G_GINT64_FORMAT, item_size(item));
}

static char *value_attached(const struct item *item)
{
	return yes_no(attached(item));
}

static char *value_draft(const struct item *item)
{
	return yes_no(draft(item));
}

static char *value_false(const struct item *item)
{
	(void)item;
	return yes_no(false);
}

static char *value_unmodified(const struct item *item)
{
	return yes_no(item->history == NULL);
}

static char *value_associated(const struct item *item)
{
	return yes_no(item->associated);
}

static char *value_read(const struct item *item)
{
	return yes_no(item_is_read(item));
}

static char *value_to(const struct item *item)
{
	return display_list(item, fid.to);
}

static char *value_cc(const struct item *item)
{
	return display_list(item, fid.cc);
}

static char *value_modifier(const struct item *item)
{
	if (grommunio() && item->kind != ITEM_MESSAGE && item->history == NULL)
		return NULL;
	return g_strdup(item->folder != NULL ? item->folder->mailbox->name : "");
}

static char *value_picture(const struct item *item)
{
	for (guint i = 0; item->attachments != NULL && i < item->attachments->len; i++)
		if (((const struct attachment *)item->attachments->pdata[i])->is_contact_photo)
			return yes_no(true);
	return yes_no(false);
}

static char *value_source(const struct item *item)
{
	(void)item;
	return g_strdup("Store");
}

static char *value_preview(const struct item *item)
{
	bool html;
	char *text = body_in_form(item, BODY_TEXT, &html);

	if (g_utf8_strlen(text, -1) > 255)
		*g_utf8_offset_to_pointer(text, 255) = '\0';
	return text;
}

static char *value_body(const struct item *item)
{
	return g_strdup(props_get(item->props, FID_BODY));
}

/* mfRead, mfUnsent, mfHasAttach of PidTagMessageFlags. */
static char *value_flags(const struct item *item)
{
	const char *stored = props_get(item->props, fid.message_flags);
	int flags = stored != NULL ? atoi(stored) & ~0x11 : 0;

	if (item->kind != ITEM_MESSAGE)
		return g_strdup(stored);
	flags |= (item_is_read(item) ? 1 : 0) | (attached(item) ? 0x10 : 0);
	return g_strdup_printf("%d", flags);
}

static const struct {
	const char *uri;
	char *(*value)(const struct item *item);
} computed[] = {
        {"item:DateTimeCreated", value_created},
        {"item:LastModifiedTime", value_modified},
        {"item:Size", value_size},
        {"item:HasAttachments", value_attached},
        {"item:IsDraft", value_draft},
        {"item:IsSubmitted", value_false},
        {"item:IsFromMe", value_false},
        {"item:IsResend", value_false},
        {"item:IsUnmodified", value_unmodified},
        {"item:IsAssociated", value_associated},
        {"item:DisplayTo", value_to},
        {"item:DisplayCc", value_cc},
        {"item:LastModifiedName", value_modifier},
        {"item:Preview", value_preview},
        {"item:Body", value_body},
        {"message:IsRead", value_read},
        {"contacts:HasPicture", value_picture},
        {"contacts:ContactSource", value_source},
        {":MessageFlags", value_flags},
};

/* MAPI names of what the table of fields has under no tag of its own. */
static char *value_by_tag(const struct item *item, const char *name)
{
	static const struct {
		const char *key;
		char *(*value)(const struct item *item);
	} tags[] = {
	        {"|tag:3007", value_created},
	        {"|tag:3008", value_modified},
	        {"|tag:0e08", value_size},
	        {"|tag:0e1b", value_attached},
	        {"|tag:0e04", value_to},
	        {"|tag:0e03", value_cc},
	        {"|tag:1000", value_preview},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(tags); i++)
		if (g_str_has_suffix(name, tags[i].key))
			return tags[i].value(item);
	return NULL;
}

char *item_value(const struct item *item, uint32_t prop)
{
	const struct field *f = field_of(prop);

	if (f == NULL) {
		const char *stored = props_get(item->props, prop);
		if (stored != NULL)
			return g_strdup(stored);
		char *name = prop_name(prop), *value = value_by_tag(item, name);
		g_free(name);
		return value;
	}
	if (f->form == FORM_SPECIAL || prop == fid.message_flags)
		for (size_t i = 0; i < G_N_ELEMENTS(computed); i++)
			if (strcmp(computed[i].uri, f->uri) == 0)
				return computed[i].value(item);
	if (f->form == FORM_PERSON || f->form == FORM_PEOPLE) {
		char **list = props_get_list(item->props, prop);
		const char *one = props_get(item->props, prop);
		if (list != NULL)
			return display_list(item, prop);
		struct person p = one != NULL ? person_decode(one) : (struct person){0};
		char *name = g_strdup(p.name);
		person_clear(&p);
		return name;
	}
	return g_strdup(props_get(item->props, prop));
}
