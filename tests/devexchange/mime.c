#include "mime.h"

#include "fid.h"

#include <gmime/gmime.h>
#include <string.h>

/* --- in */

struct parts {
	GMimePart *html, *text;
	GPtrArray *others; /* GMimeObject *, borrowed */
};

static void sort_part(GMimeObject *parent, GMimeObject *part, gpointer data)
{
	struct parts *parts = data;
	(void)parent;

	if (GMIME_IS_MULTIPART(part) || GMIME_IS_MESSAGE_PART(part)) {
		if (GMIME_IS_MESSAGE_PART(part))
			g_ptr_array_add(parts->others, part);
		return;
	}
	const char *disposition = g_mime_object_get_disposition(part);
	bool attached = disposition != NULL && g_ascii_strcasecmp(disposition, "attachment") == 0;
	GMimeContentType *type = g_mime_object_get_content_type(part);
	if (!attached && GMIME_IS_PART(part) && parts->html == NULL &&
	        g_mime_content_type_is_type(type, "text", "html"))
		parts->html = GMIME_PART(part);
	else if (!attached && GMIME_IS_PART(part) && parts->text == NULL &&
	         g_mime_content_type_is_type(type, "text", "plain"))
		parts->text = GMIME_PART(part);
	else
		g_ptr_array_add(parts->others, part);
}

static GBytes *part_bytes(GMimePart *part)
{
	GMimeDataWrapper *content = g_mime_part_get_content(part);
	GMimeStream *memory = g_mime_stream_mem_new();

	if (content != NULL)
		g_mime_data_wrapper_write_to_stream(content, memory);
	GByteArray *array = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(memory));
	GBytes *bytes = g_bytes_new(array->data, array->len);
	g_object_unref(memory);
	return bytes;
}

/* The text of a part in UTF-8; what does not fit its charset becomes U+FFFD. */
static char *part_text(GMimePart *part)
{
	GBytes *bytes = part_bytes(part);
	gsize length, written;
	const char *raw = g_bytes_get_data(bytes, &length);
	const char *charset =
	        g_mime_object_get_content_type_parameter(GMIME_OBJECT(part), "charset");
	char *text = NULL;

	if (charset != NULL && g_ascii_strcasecmp(charset, "utf-8") != 0)
		text = g_convert_with_fallback(
		        raw, (gssize)length, "UTF-8", charset, "?", NULL, &written, NULL);
	if (text == NULL)
		text = g_utf8_make_valid(raw != NULL ? raw : "", raw != NULL ? (gssize)length : 0);
	g_bytes_unref(bytes);
	return text;
}

static void take_body(struct item *item, const struct parts *parts)
{
	GMimePart *best = parts->html != NULL ? parts->html : parts->text;

	if (best == NULL)
		return;
	char *text = part_text(best);
	if (*text != '\0') {
		props_take(item->props, FID_BODY, text);
		props_set(item->props, FID_BODY_TYPE, parts->html != NULL ? "HTML" : "Text");
	} else {
		g_free(text);
	}
}

#define MAX_DEPTH 15 /* of messages within messages; what is deeper is dropped */

static const char *apply(struct item *item, const unsigned char *bytes, size_t length, int depth);

/* A message within the message is an attached item. */
static void take_message(struct attachment *a, GMimeMessagePart *part, int depth)
{
	char *text =
	        g_mime_object_to_string(GMIME_OBJECT(g_mime_message_part_get_message(part)), NULL);

	a->item = item_new(ITEM_MESSAGE);
	props_set(a->item->props, fid.item_class, "IPM.Note");
	if (depth < MAX_DEPTH)
		apply(a->item, (const guchar *)text, strlen(text), depth + 1);
	const char *subject = props_get(a->item->props, fid.subject);
	a->name = g_strdup(subject != NULL ? subject : "");
	g_free(text);
}

static void take_file(struct attachment *a, GMimePart *part)
{
	const char *name = g_mime_part_get_filename(part);

	a->name = g_strdup(name != NULL ? name : "attachment");
	a->content = part_bytes(part);
}

static void take_attachment(struct item *item, GMimeObject *object, int depth)
{
	struct attachment *a = attachment_new();
	const char *disposition = g_mime_object_get_disposition(object);

	if (GMIME_IS_PART(object))
		take_file(a, GMIME_PART(object));
	else
		take_message(a, GMIME_MESSAGE_PART(object), depth);
	a->content_type = g_mime_content_type_get_mime_type(g_mime_object_get_content_type(object));
	a->content_id = g_strdup(g_mime_object_get_content_id(object));
	a->is_inline = disposition != NULL && g_ascii_strcasecmp(disposition, "inline") == 0;
	item_attach(item, a);
}

static char *encode_one(const char *name, const char *address)
{
	return person_encode(
	        &(struct person){.name = (char *)(uintptr_t)(name != NULL ? name : address),
	                .address = (char *)(uintptr_t)address,
	                .routing = (char *)(uintptr_t) "SMTP",
	                .type = (char *)(uintptr_t) "OneOff"});
}

static void collect_addresses(InternetAddressList *list, GPtrArray *out)
{
	for (int i = 0; list != NULL && i < internet_address_list_length(list); i++) {
		InternetAddress *one = internet_address_list_get_address(list, i);
		if (INTERNET_ADDRESS_IS_MAILBOX(one))
			g_ptr_array_add(out, encode_one(internet_address_get_name(one),
			                             internet_address_mailbox_get_addr(
			                                     INTERNET_ADDRESS_MAILBOX(one))));
		else if (INTERNET_ADDRESS_IS_GROUP(one))
			collect_addresses(
			        internet_address_group_get_members(INTERNET_ADDRESS_GROUP(one)),
			        out);
	}
}

static void take_people(struct item *item, uint32_t id, InternetAddressList *list)
{
	GPtrArray *people = g_ptr_array_new();

	collect_addresses(list, people);
	g_ptr_array_add(people, NULL);
	props_take_list(item->props, id, (char **)g_ptr_array_free(people, FALSE));
}

static void take_person(struct item *item, uint32_t id, InternetAddressList *list)
{
	GPtrArray *people = g_ptr_array_new_with_free_func(g_free);

	collect_addresses(list, people);
	if (people->len > 0)
		props_set(item->props, id, people->pdata[0]);
	g_ptr_array_free(people, TRUE);
}

static void take_header(struct item *item, uint32_t id, GMimeMessage *m, const char *name)
{
	const char *raw = g_mime_object_get_header(GMIME_OBJECT(m), name);

	if (raw != NULL && *raw != '\0')
		props_take(item->props, id, g_mime_utils_header_decode_text(NULL, raw));
}

static void take_headers(struct item *item, GMimeMessage *m)
{
	const char *subject = g_mime_message_get_subject(m), *id = g_mime_message_get_message_id(m);
	GDateTime *date = g_mime_message_get_date(m);

	props_set(item->props, fid.subject, subject != NULL ? subject : "");
	if (subject != NULL)
		props_set(item->props, fid.conversation_topic, subject);
	if (id != NULL)
		props_take(item->props, fid.message_id, g_strdup_printf("<%s>", id));
	if (date != NULL)
		props_take(item->props, fid.sent, time_format(g_date_time_to_unix(date)));
	take_header(item, fid.in_reply_to, m, "In-Reply-To");
	take_header(item, fid.references, m, "References");
	take_header(item, fid.conversation_topic, m, "Thread-Topic");
	take_header(item, fid.conversation_index, m, "Thread-Index");
	take_person(item, fid.from, g_mime_message_get_from(m));
	take_person(item, fid.sender,
	        internet_address_list_length(g_mime_message_get_sender(m)) > 0
	                ? g_mime_message_get_sender(m)
	                : g_mime_message_get_from(m));
	take_people(item, fid.to, g_mime_message_get_to(m));
	take_people(item, fid.cc, g_mime_message_get_cc(m));
	take_people(item, fid.bcc, g_mime_message_get_bcc(m));
	take_people(item, fid.reply_to, g_mime_message_get_reply_to(m));
}

static const char *apply(struct item *item, const unsigned char *bytes, size_t length, int depth)
{
	GMimeStream *stream = g_mime_stream_mem_new_with_buffer((const char *)bytes, length);
	GMimeParser *parser = g_mime_parser_new_with_stream(stream);
	GMimeMessage *message = g_mime_parser_construct_message(parser, NULL);
	const char *code = message == NULL ? "ErrorMimeContentConversionFailed" : NULL;

	if (message != NULL) {
		struct parts parts = {.others = g_ptr_array_new()};
		GMimeObject *top = g_mime_message_get_mime_part(message);
		take_headers(item, message);
		if (top != NULL && GMIME_IS_MULTIPART(top))
			g_mime_multipart_foreach(GMIME_MULTIPART(top), sort_part, &parts);
		else if (top != NULL)
			sort_part(NULL, top, &parts);
		take_body(item, &parts);
		for (guint i = 0; i < parts.others->len; i++)
			take_attachment(item, parts.others->pdata[i], depth);
		g_ptr_array_free(parts.others, TRUE);
		g_object_unref(message);
	}
	g_object_unref(parser);
	g_object_unref(stream);
	return code;
}

const char *mime_apply(struct item *item, const unsigned char *bytes, size_t length)
{
	return apply(item, bytes, length, 0);
}

/* --- out */

static void add_person(GMimeMessage *m, GMimeAddressType type, const char *encoded)
{
	struct person p = person_decode(encoded);

	if (p.address != NULL && *p.address != '\0')
		g_mime_message_add_mailbox(m, type, p.name, p.address);
	person_clear(&p);
}

static void add_people(GMimeMessage *m, GMimeAddressType type, const struct item *item, uint32_t id)
{
	char **list = props_get_list(item->props, id);

	for (; list != NULL && *list != NULL; list++)
		add_person(m, type, *list);
}

static void add_header(GMimeMessage *m, const char *name, const struct item *item, uint32_t id)
{
	const char *value = props_get(item->props, id);

	if (value != NULL && *value != '\0')
		g_mime_object_set_header(GMIME_OBJECT(m), name, value, "utf-8");
}

static void add_headers(GMimeMessage *m, const struct item *item)
{
	const char *subject = props_get(item->props, fid.subject);
	const char *from = props_get(item->props, fid.from),
	           *id = props_get(item->props, fid.message_id);
	const char *sender = props_get(item->props, fid.sender),
	           *sent = props_get(item->props, fid.sent);
	int64_t when;

	if (from != NULL)
		add_person(m, GMIME_ADDRESS_TYPE_FROM, from);
	if (sender != NULL && (from == NULL || strcmp(sender, from) != 0))
		add_person(m, GMIME_ADDRESS_TYPE_SENDER, sender);
	add_people(m, GMIME_ADDRESS_TYPE_TO, item, fid.to);
	add_people(m, GMIME_ADDRESS_TYPE_CC, item, fid.cc);
	add_people(m, GMIME_ADDRESS_TYPE_REPLY_TO, item, fid.reply_to);
	g_mime_message_set_subject(m, subject != NULL ? subject : "", "utf-8");
	if (sent != NULL && time_parse(sent, &when)) {
		GDateTime *date = g_date_time_new_from_unix_utc(when);
		g_mime_message_set_date(m, date);
		g_date_time_unref(date);
	}
	if (id != NULL && strlen(id) > 2)
		g_mime_object_set_header(GMIME_OBJECT(m), "Message-ID", id, NULL);
	add_header(m, "In-Reply-To", item, fid.in_reply_to);
	add_header(m, "References", item, fid.references);
	add_header(m, "Thread-Topic", item, fid.conversation_topic);
	add_header(m, "Thread-Index", item, fid.conversation_index);
	g_mime_object_set_header(
	        GMIME_OBJECT(m), "X-MS-Has-Attach", item->attachments != NULL ? "yes" : "", NULL);
}

static GMimeObject *text_part(const char *subtype, const char *text)
{
	GMimeTextPart *part = g_mime_text_part_new_with_subtype(subtype);

	g_mime_text_part_set_charset(part, "utf-8");
	g_mime_text_part_set_text(part, text);
	g_mime_part_set_content_encoding(GMIME_PART(part), GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE);
	return GMIME_OBJECT(part);
}

static GMimeObject *alternative(const struct item *item)
{
	GMimeMultipart *both = g_mime_multipart_new_with_subtype("alternative");
	bool html;
	char *text = body_in_form(item, BODY_TEXT, &html),
	     *markup = body_in_form(item, BODY_HTML, &html);
	GMimeObject *a = text_part("plain", text), *b = text_part("html", markup);
	char *boundary = g_strdup_printf("_000_devexchange%016" G_GINT64_MODIFIER "x_", item->mod);

	g_mime_multipart_set_boundary(both, boundary);
	g_mime_multipart_add(both, a);
	g_mime_multipart_add(both, b);
	g_object_unref(a);
	g_object_unref(b);
	g_free(boundary);
	g_free(text);
	g_free(markup);
	return GMIME_OBJECT(both);
}

static GMimeMessage *message_make(const struct item *item);

static GMimeObject *message_part(const struct attachment *a)
{
	GMimeMessage *m = message_make(a->item);
	GMimeMessagePart *part = g_mime_message_part_new_with_message("rfc822", m);

	g_mime_object_set_disposition(GMIME_OBJECT(part), "attachment");
	g_object_unref(m);
	return GMIME_OBJECT(part);
}

static GMimeObject *file_part(const struct attachment *a)
{
	char **type = g_strsplit(
	        a->content_type != NULL ? a->content_type : "application/octet-stream", "/", 2);
	GMimePart *part =
	        g_mime_part_new_with_type(type[0], type[1] != NULL ? type[1] : "octet-stream");
	gsize length;
	const char *bytes = g_bytes_get_data(a->content, &length);
	GMimeStream *stream = g_mime_stream_mem_new_with_buffer(bytes, length);
	GMimeDataWrapper *content =
	        g_mime_data_wrapper_new_with_stream(stream, GMIME_CONTENT_ENCODING_DEFAULT);

	g_mime_part_set_content(part, content);
	g_mime_part_set_content_encoding(part, GMIME_CONTENT_ENCODING_BASE64);
	g_mime_part_set_filename(part, a->name);
	g_mime_object_set_disposition(GMIME_OBJECT(part), a->is_inline ? "inline" : "attachment");
	if (a->content_id != NULL)
		g_mime_object_set_content_id(GMIME_OBJECT(part), a->content_id);
	g_object_unref(content);
	g_object_unref(stream);
	g_strfreev(type);
	return GMIME_OBJECT(part);
}

static GMimeObject *mixed(const struct item *item, GMimeObject *body)
{
	GMimeMultipart *all = g_mime_multipart_new_with_subtype("mixed");
	char *boundary = g_strdup_printf("_001_devexchange%016" G_GINT64_MODIFIER "x_", item->mod);

	g_mime_multipart_set_boundary(all, boundary);
	g_mime_multipart_add(all, body);
	for (guint i = 0; i < item->attachments->len; i++) {
		const struct attachment *a = item->attachments->pdata[i];
		GMimeObject *part = a->item != NULL ? message_part(a) : file_part(a);
		g_mime_multipart_add(all, part);
		g_object_unref(part);
	}
	g_free(boundary);
	return GMIME_OBJECT(all);
}

static GMimeMessage *message_make(const struct item *item)
{
	GMimeMessage *m = g_mime_message_new(FALSE);
	GMimeObject *body = alternative(item);

	add_headers(m, item);
	if (item->attachments != NULL && item->attachments->len > 0) {
		GMimeObject *all = mixed(item, body);
		g_object_unref(body);
		body = all;
	}
	g_mime_message_set_mime_part(m, body);
	g_object_unref(body);
	return m;
}

GBytes *mime_make(const struct item *item)
{
	GMimeMessage *m = message_make(item);
	GMimeFormatOptions *format = g_mime_format_options_new();

	g_mime_format_options_set_newline_format(format, GMIME_NEWLINE_FORMAT_DOS);
	char *text = g_mime_object_to_string(GMIME_OBJECT(m), format);
	g_mime_format_options_free(format);
	g_object_unref(m);
	return g_bytes_new_take(text, strlen(text));
}

char **mime_headers(const struct item *item)
{
	GPtrArray *lines = g_ptr_array_new();

	if (item->kind == ITEM_MESSAGE) {
		GMimeMessage *m = message_make(item);
		GMimeHeaderList *list = g_mime_object_get_header_list(GMIME_OBJECT(m));
		for (int i = 0; i < g_mime_header_list_get_count(list); i++) {
			GMimeHeader *h = g_mime_header_list_get_header_at(list, i);
			const char *value = g_mime_header_get_value(h);
			g_ptr_array_add(lines, g_strdup_printf("%s: %s", g_mime_header_get_name(h),
			                               value != NULL ? value : ""));
		}
		g_object_unref(m);
	}
	g_ptr_array_add(lines, NULL);
	return (char **)g_ptr_array_free(lines, FALSE);
}
