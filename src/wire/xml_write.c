#include "wire/xml_write.h"

#include "core/error.h"
#include "wire/xml_chars.h"
#include <libxml/xmlwriter.h>
#include <stdarg.h>
#include <string.h>

#define BYTES_DEFAULT ((size_t)256 * 1024 * 1024)
/* A multiple of three, so that only the last piece needs padding. */
#define BASE64_PIECE ((size_t)3 * 1024)

struct xml_writer {
	xmlBufferPtr buffer;
	xmlTextWriterPtr writer;
	GString *clean; /* foreign text with replacements */
	size_t max_bytes, bytes;
	uint64_t replaced;
	bool too_large;
	bool finished;
};

/* libxml2 fails only for want of memory or through wrong nesting, which is a fault of ours. */
static void check(int result)
{
	g_assert(result >= 0);
}

static void open_document(struct xml_writer *w)
{
	w->writer = xmlNewTextWriterMemory(w->buffer, 0);
	g_assert(w->writer != NULL);
	/* Written raw: naming an encoding would make libxml2 convert UTF-8 to UTF-8. */
	check(xmlTextWriterWriteRaw(
	        w->writer, BAD_CAST "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"));
	w->bytes = 0;
	w->too_large = w->finished = false;
}

struct xml_writer *xml_writer_new(size_t max_bytes)
{
	struct xml_writer *w = g_new0(struct xml_writer, 1);

	w->max_bytes = max_bytes != 0 ? max_bytes : BYTES_DEFAULT;
	w->buffer = xmlBufferCreate();
	g_assert(w->buffer != NULL);
	xmlBufferSetAllocationScheme(w->buffer, XML_BUFFER_ALLOC_DOUBLEIT);
	w->clean = g_string_new(NULL);
	open_document(w);
	return w;
}

void xml_writer_free(struct xml_writer *w)
{
	if (w == NULL)
		return;
	xmlFreeTextWriter(w->writer);
	xmlBufferFree(w->buffer);
	g_string_free(w->clean, TRUE);
	g_free(w);
}

void xml_writer_reset(struct xml_writer *w)
{
	xmlFreeTextWriter(w->writer);
	xmlBufferEmpty(w->buffer);
	open_document(w);
}

/* True while there is room; errors stick. len may be what escaping makes longer. */
static bool room(struct xml_writer *w, size_t len)
{
	g_assert(!w->finished);
	if (w->too_large || len > w->max_bytes - w->bytes)
		w->too_large = true;
	else
		w->bytes += len;
	return !w->too_large;
}

/* Appends the text with everything replaced that XML cannot carry; how much was. */
static uint64_t clean(GString *out, const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *)text, *end = p + len, *span = p;
	uint64_t replaced = 0;

	while (p < end) {
		int taken = *p < 0x80 ? (xml_char_legal(*p) ? 1 : -1) : xml_sequence(p, end);

		if (taken > 0) {
			p += taken;
			continue;
		}
		g_string_append_len(out, (const char *)span, p - span);
		g_string_append_len(out, XML_REPLACEMENT, XML_REPLACEMENT_LEN);
		replaced++;
		p = taken < 0 ? p - taken : end;
		span = p;
	}
	g_string_append_len(out, (const char *)span, p - span);
	return replaced;
}

char *xml_text_as_sent(const char *text)
{
	GString *out = g_string_new(NULL);

	clean(out, text, strlen(text));
	return g_string_free(out, FALSE);
}

/* As it can be written, NUL-terminated; borrowed. */
static const char *cleaned(struct xml_writer *w, const char *text, size_t len)
{
	g_string_truncate(w->clean, 0);
	w->replaced += clean(w->clean, text, len);
	return w->clean->str;
}

void xml_start(struct xml_writer *w, const char *name)
{
	if (room(w, 2 * strlen(name) + 5))
		check(xmlTextWriterStartElement(w->writer, BAD_CAST name));
}

void xml_attr(struct xml_writer *w, const char *name, const char *value)
{
	if (value == NULL || !room(w, strlen(name) + strlen(value) + 4))
		return;
	check(xmlTextWriterWriteAttribute(
	        w->writer, BAD_CAST name, BAD_CAST cleaned(w, value, strlen(value))));
}

void xml_text_len(struct xml_writer *w, const char *text, size_t len)
{
	if (room(w, len))
		check(xmlTextWriterWriteString(w->writer, BAD_CAST cleaned(w, text, len)));
}

void xml_text(struct xml_writer *w, const char *text)
{
	xml_text_len(w, text, strlen(text));
}

void xml_base64(struct xml_writer *w, const void *bytes, size_t len)
{
	const guchar *p = bytes;

	if (!room(w, len / 3 * 4 + 4))
		return;
	while (len > 0) {
		char text[BASE64_PIECE / 3 * 4 + 8];
		int state = 0, save = 0;
		size_t piece = MIN(len, BASE64_PIECE);
		size_t out = g_base64_encode_step(p, piece, FALSE, text, &state, &save);

		out += g_base64_encode_close(FALSE, text + out, &state, &save);
		check(xmlTextWriterWriteRawLen(w->writer, BAD_CAST text, (int)out));
		p += piece;
		len -= piece;
	}
}

void xml_end(struct xml_writer *w)
{
	if (room(w, 0))
		check(xmlTextWriterEndElement(w->writer));
}

void xml_text_element(struct xml_writer *w, const char *name, const char *text)
{
	if (text == NULL)
		return;
	xml_start(w, name);
	xml_text(w, text);
	xml_end(w);
}

void xml_int_element(struct xml_writer *w, const char *name, int64_t number)
{
	char text[24];

	g_snprintf(text, sizeof(text), "%" G_GINT64_FORMAT, number);
	xml_text_element(w, name, text);
}

void xml_bool_element(struct xml_writer *w, const char *name, bool value)
{
	xml_text_element(w, name, value ? "true" : "false");
}

void xml_empty_element(struct xml_writer *w, const char *name, ...)
{
	va_list pairs;
	const char *attribute;

	va_start(pairs, name);
	xml_start(w, name);
	while ((attribute = va_arg(pairs, const char *)) != NULL)
		xml_attr(w, attribute, va_arg(pairs, const char *));
	xml_end(w);
	va_end(pairs);
}

uint64_t xml_writer_replaced(const struct xml_writer *w)
{
	return w->replaced;
}

bool xml_writer_finish(struct xml_writer *w, const char **bytes, size_t *len, GError **error)
{
	*bytes = NULL;
	*len = 0;
	if (w->too_large) {
		error_set(error, ERROR_ITEM, "xml.too_large",
		        "the request would be larger than %zu bytes; send fewer items at once, or "
		        "leave this one out",
		        w->max_bytes);
		return false;
	}
	if (!w->finished) {
		check(xmlTextWriterEndDocument(w->writer));
		check(xmlTextWriterFlush(w->writer));
	}
	w->finished = true;
	*bytes = (const char *)xmlBufferContent(w->buffer);
	*len = (size_t)xmlBufferLength(w->buffer);
	return true;
}
