#include "archive/mime.h"

#include "archive/render_private.h"

#include "core/address.h"
#include "core/clock.h"
#include "core/digest.h"
#include "core/error.h"

#include <gmime/gmime.h>
#include <pthread.h>
#include <string.h>

/* Recipients named in To; the transcript itself names everybody. */
#define MAX_RECIPIENTS 500

/* 100 ns between 1601 and 1970 (FILETIME, [MS-DTYP] 2.3.3). */
#define FILETIME_1970 INT64_C(116444736000000000)

static pthread_once_t once = PTHREAD_ONCE_INIT;

void mime_global_init(void)
{
	pthread_once(&once, g_mime_init);
}

/* A character that may stand in the local part of an address without quotes (RFC 5322 atext). */
static bool is_atext(char c)
{
	return g_ascii_isalnum(c) || strchr("!#$&'*+-/=?^_`{|}~.", c) != NULL;
}

/*
 * An address that every mail server takes. IM addresses may have letters that mail does not: they
 * are written as "%" and two digits, which keeps different people different.
 */
static char *mail_address(const char *address)
{
	g_autofree char *local = address_local_part(address);
	g_autofree char *domain = address_domain_ascii(address_domain(address), NULL);
	GString *out = g_string_new(NULL);
	for (const char *p = local != NULL ? local : "im"; *p != '\0'; p++) {
		if (is_atext(*p))
			g_string_append_c(out, *p);
		else
			g_string_append_printf(out, "%%%02X", (unsigned char)*p);
	}
	g_string_append_printf(out, "@%s", domain != NULL ? domain : "invalid");
	return g_string_free(out, FALSE);
}

static void add_person(
        GMimeMessage *message, GMimeAddressType type, const struct transcript *in, unsigned index)
{
	const struct participant *who = transcript_participant(in, index);
	const char *own = render_address(who);
	const char *address = own != NULL ? own : in->room;
	g_autofree char *mail = mail_address(address != NULL ? address : "unknown@invalid");
	g_mime_message_add_mailbox(message, type, who->name, mail);
}

static void add_people(GMimeMessage *message, const struct transcript *in)
{
	if (in->participants->len > 0)
		add_person(message, GMIME_ADDRESS_TYPE_FROM, in, 0);
	for (unsigned i = 1; i < MIN(in->participants->len, MAX_RECIPIENTS + 1); i++)
		add_person(message, GMIME_ADDRESS_TYPE_TO, in, i);
	if (in->is_room) {
		g_autofree char *mail = mail_address(in->room);
		g_mime_message_add_mailbox(message, GMIME_ADDRESS_TYPE_TO,
		        in->room_name != NULL ? in->room_name : in->room, mail);
	}
}

static void put_digest(guint8 *to, const char *id, gsize len)
{
	struct digest *sum = digest_begin();
	guint8 digest[DIGEST_BYTES];
	digest_add(sum, id, strlen(id));
	digest_end_raw(sum, digest);
	memcpy(to, digest, len);
}

#define HEADER_BLOCK 22
#define RESPONSE_LEVEL 5

/*
 * A response level of [MS-OXOMSG] 2.2.1.3: the time since the first segment without its lowest 18
 * bits, or, from 1.7 years on, without its lowest 23; then four bits that tell siblings apart.
 */
static void put_response_level(guint8 *to, const struct transcript *in)
{
	guint64 since = (guint64)MAX(in->first_utc_us - in->root_utc_us, 0) * 10;
	bool far = since >> 49 != 0;
	guint32 delta = (guint32)(since >> (far ? 23 : 18)) & 0x7fffffff;
	delta |= far ? 0x80000000 : 0;
	for (unsigned i = 0; i < 4; i++)
		to[i] = (guint8)(delta >> (24 - 8 * i));
	put_digest(to + 4, in->id, 1);
	to[4] &= 0xf0;
}

/*
 * The header block, the same for all of a talk: upper six bytes of the time that it began, sixteen
 * of an id. What continues it has a response level behind that.
 */
static char *thread_index(const struct transcript *in)
{
	guint8 block[HEADER_BLOCK + RESPONSE_LEVEL];
	guint64 time = (guint64)(in->root_utc_us * 10 + FILETIME_1970);
	bool continued = !g_str_equal(in->root_id, in->id);
	for (unsigned i = 0; i < 6; i++)
		block[i] = (guint8)(time >> (56 - 8 * i));
	put_digest(block + 6, in->root_id, 16);
	if (continued)
		put_response_level(block + HEADER_BLOCK, in);
	return g_base64_encode(block, continued ? sizeof(block) : HEADER_BLOCK);
}

char *mime_message_id(const char *segment_id, int64_t copy, const char *domain)
{
	/* Copies differ in content, so they must not share an id. */
	return g_strdup_printf("%s.%" G_GINT64_FORMAT "@%s", segment_id, copy, domain);
}

static void add_header(GMimeMessage *message, const char *name, const char *value)
{
	g_mime_object_append_header(GMIME_OBJECT(message), name, value, "utf-8");
}

static void add_number(GMimeMessage *message, const char *name, unsigned number)
{
	g_autofree char *text = g_strdup_printf("%u", number);
	add_header(message, name, text);
}

static void add_threading(
        GMimeMessage *message, const struct transcript *in, const struct mime_options *options)
{
	g_autofree char *index = thread_index(in);
	const char *before = in->continues != NULL ? in->continues : in->root_id;
	add_header(message, "Thread-Topic", in->topic);
	add_header(message, "Thread-Index", index);
	if (g_str_equal(before, in->id))
		return;
	g_autofree char *id = mime_message_id(before, options->copy, options->domain);
	g_autofree char *root = mime_message_id(in->root_id, options->copy, options->domain);
	g_autofree char *reply_to = g_strdup_printf("<%s>", id);
	g_autofree char *both = g_strdup_printf("<%s> <%s>", root, id);
	add_header(message, "In-Reply-To", reply_to);
	add_header(message, "References", g_str_equal(root, id) ? reply_to : both);
}

static void add_headers(
        GMimeMessage *message, const struct transcript *in, const struct mime_options *options)
{
	g_autofree char *id = mime_message_id(in->id, options->copy, options->domain);
	g_autoptr(GDateTime) date =
	        g_date_time_new_from_unix_utc(in->first_utc_us / CLOCK_US_PER_S);
	add_people(message, in);
	g_mime_message_set_subject(message, in->subject, "utf-8");
	if (date != NULL)
		g_mime_message_set_date(message, date);
	g_mime_message_set_message_id(message, id);
	add_threading(message, in, options);
	add_header(message, "X-Imex-Segment", in->id);
	add_number(message, "X-Imex-Messages", in->texts);
	add_number(message, "X-Imex-Renderer", RENDER_VERSION);
	for (guint i = 0; i < in->senders->len; i++)
		add_header(message, "X-Imex-Sender", in->senders->pdata[i]);
	if (in->late)
		add_header(message, "X-Imex-Late", "yes");
	if (in->encrypted + in->withheld > 0)
		add_number(message, "X-Imex-Not-Captured", in->encrypted + in->withheld);
}

/* Text parts end their lines with CR LF whatever the transfer encoding (RFC 2045, 6.8). */
static GString *with_crlf(const char *text)
{
	GString *out = g_string_sized_new(strlen(text) + strlen(text) / 16);
	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '\n')
			g_string_append_c(out, '\r');
		g_string_append_c(out, *p);
	}
	return out;
}

/* Quoted-printable triples every byte that is not ASCII; base64 makes four of three of all. */
static GMimeContentEncoding encoding_for(const char *text)
{
	size_t high = 0;
	size_t len = 0;
	for (const char *p = text; *p != '\0'; p++, len++)
		high += (unsigned char)*p >= 0x80;
	return high * 6 > len ? GMIME_CONTENT_ENCODING_BASE64
	                      : GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE;
}

static void add_part(GMimeMultipart *multipart, const char *subtype, const char *text)
{
	GMimeTextPart *part = g_mime_text_part_new_with_subtype(subtype);
	GMimeContentEncoding encoding = encoding_for(text);
	/* GMime writes CR LF itself when it encodes lines, but not inside base64. */
	GString *bytes =
	        encoding == GMIME_CONTENT_ENCODING_BASE64 ? with_crlf(text) : g_string_new(text);
	GMimeStream *stream = g_mime_stream_mem_new_with_buffer(bytes->str, bytes->len);
	GMimeDataWrapper *content =
	        g_mime_data_wrapper_new_with_stream(stream, GMIME_CONTENT_ENCODING_DEFAULT);
	g_mime_text_part_set_charset(part, "utf-8");
	g_mime_part_set_content(GMIME_PART(part), content);
	g_mime_part_set_content_encoding(GMIME_PART(part), encoding);
	g_mime_multipart_add(multipart, GMIME_OBJECT(part));
	g_object_unref(content);
	g_object_unref(stream);
	g_object_unref(part);
	g_string_free(bytes, TRUE);
}

static GMimeMultipart *make_body(const struct transcript *in, const struct mime_options *options)
{
	g_autofree char *text = render_text(in, &options->render);
	g_autofree char *html = render_html(in, &options->render);
	g_autofree char *boundary = g_strdup_printf("=_imex_%s", in->id);
	GMimeMultipart *body = g_mime_multipart_new_with_subtype("alternative");
	g_mime_multipart_set_boundary(body, boundary);
	add_part(body, "plain", text);
	add_part(body, "html", html);
	return body;
}

/*
 * A line that begins with "From " would be quoted by whoever stores the message in an mbox file,
 * and not everybody takes the quote off again. Such a line stands in a quoted-printable part,
 * because base64 has no spaces; there the letter can be written as its code.
 */
static GString *without_from_lines(const char *data, size_t len)
{
	GString *out = g_string_sized_new(len + 16);
	const char *end = data + len;
	while (data < end) {
		const char *feed = memchr(data, '\n', (size_t)(end - data));
		size_t line = feed != NULL ? (size_t)(feed - data) + 1 : (size_t)(end - data);
		if (line >= 5 && memcmp(data, "From ", 5) == 0) {
			g_string_append(out, "=46");
			data++;
			line--;
		}
		g_string_append_len(out, data, (gssize)line);
		data += line;
	}
	return out;
}

static GBytes *write_message(GMimeMessage *message)
{
	GMimeFormatOptions *format = g_mime_format_options_new();
	GMimeStream *stream = g_mime_stream_mem_new();
	g_mime_format_options_set_newline_format(format, GMIME_NEWLINE_FORMAT_DOS);
	g_mime_object_write_to_stream(GMIME_OBJECT(message), format, stream);
	const GByteArray *array = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream));
	GString *armored = without_from_lines((const char *)array->data, array->len);
	GBytes *bytes = g_string_free_to_bytes(armored);
	g_object_unref(stream);
	g_mime_format_options_free(format);
	return bytes;
}

static void add_attachment(GMimeMultipart *mixed, const struct attachment *attachment)
{
	GMimePart *part = g_mime_part_new_with_type("application", "octet-stream");
	gsize len = 0;
	const void *bytes = g_bytes_get_data(attachment->content, &len);
	GMimeStream *stream =
	        len > 0 ? g_mime_stream_mem_new_with_buffer(bytes, len) : g_mime_stream_mem_new();
	GMimeDataWrapper *content =
	        g_mime_data_wrapper_new_with_stream(stream, GMIME_CONTENT_ENCODING_DEFAULT);
	g_mime_part_set_content(part, content);
	g_mime_part_set_content_encoding(part, GMIME_CONTENT_ENCODING_BASE64);
	g_mime_object_set_disposition(GMIME_OBJECT(part), GMIME_DISPOSITION_ATTACHMENT);
	g_mime_part_set_filename(part, attachment->name);
	g_mime_part_set_content_id(part, attachment->hash);
	g_mime_multipart_add(mixed, GMIME_OBJECT(part));
	g_object_unref(content);
	g_object_unref(stream);
	g_object_unref(part);
}

/* The body alone, or with the attachments behind it. Owned. */
static GMimeObject *make_content(const struct transcript *in, const struct mime_options *options)
{
	GMimeMultipart *body = make_body(in, options);
	if (in->attachments->len == 0)
		return GMIME_OBJECT(body);
	g_autofree char *boundary = g_strdup_printf("=_imex_files_%s", in->id);
	GMimeMultipart *mixed = g_mime_multipart_new_with_subtype("mixed");
	g_mime_multipart_set_boundary(mixed, boundary);
	g_mime_multipart_add(mixed, GMIME_OBJECT(body));
	for (unsigned i = 0; i < in->attachments->len; i++)
		add_attachment(mixed, in->attachments->pdata[i]);
	g_object_unref(body);
	return GMIME_OBJECT(mixed);
}

GBytes *mime_render(const struct transcript *transcript, const struct mime_options *options)
{
	mime_global_init();
	GMimeMessage *message = g_mime_message_new(TRUE);
	GMimeObject *body = make_content(transcript, options);
	add_headers(message, transcript, options);
	g_mime_message_set_mime_part(message, body);
	GBytes *bytes = write_message(message);
	g_object_unref(body);
	g_object_unref(message);
	return bytes;
}

char *mime_hash(GBytes *bytes)
{
	return digest_of_bytes(bytes);
}

static char *without_cr(char *text)
{
	char *to = text;
	for (const char *from = text; from != NULL && *from != '\0'; from++) {
		if (from[0] != '\r' || from[1] != '\n')
			*to++ = *from;
	}
	if (to != NULL)
		*to = '\0';
	return text;
}

static void take_part(GMimeObject *parent, GMimeObject *object, gpointer data)
{
	struct mime_parts *parts = data;
	(void)parent;
	if (!GMIME_IS_TEXT_PART(object))
		return;
	GMimeContentType *type = g_mime_object_get_content_type(object);
	char **slot = g_mime_content_type_is_type(type, "text", "html")    ? &parts->html
	              : g_mime_content_type_is_type(type, "text", "plain") ? &parts->text
	                                                                   : NULL;
	if (slot != NULL && *slot == NULL)
		*slot = without_cr(g_mime_text_part_get_text(GMIME_TEXT_PART(object)));
}

static char *address_list(InternetAddressList *list)
{
	char *text = list == NULL ? NULL : internet_address_list_to_string(list, NULL, FALSE);
	return text != NULL ? text : g_strdup("");
}

static void take_headers(struct mime_parts *parts, GMimeMessage *message)
{
	const char *subject = g_mime_message_get_subject(message);
	GDateTime *date = g_mime_message_get_date(message);
	parts->message_id = g_strdup(g_mime_message_get_message_id(message));
	parts->subject = g_strdup(subject != NULL ? subject : "");
	parts->from = address_list(g_mime_message_get_from(message));
	parts->to = address_list(g_mime_message_get_to(message));
	parts->segment_id =
	        g_strdup(g_mime_object_get_header(GMIME_OBJECT(message), "X-Imex-Segment"));
	if (date != NULL)
		parts->sent_utc_us = g_date_time_to_unix(date) * CLOCK_US_PER_S;
}

struct mime_parts *mime_parse(GBytes *bytes, size_t max_bytes, GError **error)
{
	gsize len;
	const char *data = g_bytes_get_data(bytes, &len);
	if (len > max_bytes) {
		error_set(error, ERROR_ITEM, "mime.too_large",
		        "a message of %zu bytes is larger than the %zu that are read; it was left "
		        "where it is",
		        (size_t)len, max_bytes);
		return NULL;
	}
	mime_global_init();
	GMimeStream *stream =
	        len > 0 ? g_mime_stream_mem_new_with_buffer(data, len) : g_mime_stream_mem_new();
	GMimeParser *parser = g_mime_parser_new_with_stream(stream);
	GMimeMessage *message = g_mime_parser_construct_message(parser, NULL);
	struct mime_parts *parts = NULL;
	if (message == NULL) {
		error_set(error, ERROR_ITEM, "mime.invalid",
		        "%zu bytes are no MIME message; the item was left where it is",
		        (size_t)len);
	} else {
		parts = g_new0(struct mime_parts, 1);
		take_headers(parts, message);
		g_mime_message_foreach(message, take_part, parts);
		g_object_unref(message);
	}
	g_object_unref(parser);
	g_object_unref(stream);
	return parts;
}

void mime_parts_free(struct mime_parts *parts)
{
	g_free(parts->message_id);
	g_free(parts->subject);
	g_free(parts->from);
	g_free(parts->to);
	g_free(parts->segment_id);
	g_free(parts->text);
	g_free(parts->html);
	g_free(parts);
}
