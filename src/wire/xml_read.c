#include "wire/xml_read.h"

#include "core/error.h"
#include "wire/xml_mend.h"
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <string.h>

#define TEXT_BYTES_DEFAULT ((size_t)1024 * 1024)
#define DEPTH_DEFAULT 64
#define DEPTH_MOST 250
/* Larger pieces only make libxml2 move more bytes about. */
#define PIECE_BYTES ((size_t)32 * 1024)

struct xml_attrs {
	struct xml_reader *reader;
	const xmlChar **raw; /* five pointers each: local, prefix, URI, value, end of value */
	size_t n;
};

struct xml_reader {
	const struct xml_handler *handler;
	void *data;
	struct xml_limits limits;
	struct xml_mend *mend;
	xmlParserCtxtPtr ctxt; /* NULL between documents */
	GError *error; /* why we stopped; handed out once */
	bool failed;
	bool ending; /* the parser was told that nothing more comes */
	bool closed; /* the root element of the document under way */
	uint64_t raw_bytes; /* of this document */
	int64_t parsed_bytes; /* given to ctxt */
	int64_t closed_at; /* of them, where the root element ended */
	unsigned documents; /* complete ones */
	unsigned depth;
	unsigned stream_depth; /* the element whose text is streamed; 0: none */
	bool is_leaf; /* no child so far of the element we are in */
	GString *text; /* of the leaf we are in */
	GString *values; /* attribute values, one after the other, each ended by NUL */
	GArray *value_at; /* where in values each begins */
};

static struct xml_reader *reader_of(void *data)
{
	return data;
}

/* Stops the parser; the first error stays. */
static void halt(struct xml_reader *reader)
{
	reader->failed = true;
	xmlStopParser(reader->ctxt);
}

static void stop(struct xml_reader *reader, enum error_class error_class, const char *reason,
        const char *sentence)
{
	if (!reader->failed)
		error_set(&reader->error, error_class, reason, "%s", sentence);
	halt(reader);
}

/* What the parser complains about, in words that hold nothing of the document. */
static const struct {
	int code;
	const char *why;
} complaints[] = {
        {XML_ERR_INTERNAL_ERROR, "a tag, comment or CDATA section of more than 10 MB"},
        {XML_ERR_TAG_NAME_MISMATCH, "an end tag does not match its start tag"},
        {XML_ERR_TAG_NOT_FINISHED, "a tag is not finished"},
        {XML_ERR_UNDECLARED_ENTITY, "an entity that XML does not know"},
        {XML_ERR_ENTITYREF_SEMICOL_MISSING, "an ampersand that is not escaped"},
        {XML_ERR_NAME_REQUIRED, "an ampersand or a less-than sign that is not escaped"},
        {XML_ERR_DOCUMENT_EMPTY, "it does not begin with an element"},
        {XML_ERR_DOCUMENT_END, "something follows the end of the document"},
        {XML_ERR_INVALID_CHARREF, "a character reference without a number"},
        {XML_ERR_ATTRIBUTE_REDEFINED, "an attribute comes twice"},
        {XML_ERR_LT_IN_ATTRIBUTE, "a less-than sign in an attribute"},
        {XML_ERR_CDATA_NOT_FINISHED, "a CDATA section is not finished"},
        {XML_ERR_COMMENT_NOT_FINISHED, "a comment is not finished"},
};

static bool is_encoding_error(int code)
{
	return code == XML_ERR_UNKNOWN_ENCODING || code == XML_ERR_UNSUPPORTED_ENCODING ||
	       code == XML_ERR_INVALID_ENCODING;
}

static void stop_encoding(struct xml_reader *reader)
{
	stop(reader, ERROR_CONFIG, "xml.encoding",
	        "the document is declared in another encoding than UTF-8, so reading it could "
	        "change names; make the server send UTF-8");
}

/*
 * The parser complains because the bytes ran out in the middle of something, which it then had not
 * read past; a complaint about what was there has the end of some tag before it.
 */
static bool ran_out(const struct xml_reader *reader, int code)
{
	const xmlParserInput *input = reader->ctxt->input;

	if (!reader->ending || reader->closed)
		return false;
	return code == XML_ERR_DOCUMENT_END || code == XML_ERR_CDATA_NOT_FINISHED ||
	       code == XML_ERR_COMMENT_NOT_FINISHED || code == XML_ERR_PI_NOT_FINISHED ||
	       input == NULL || input->cur >= input->end ||
	       memchr(input->cur, '>', (size_t)(input->end - input->cur)) == NULL;
}

static void on_error(void *data, xmlErrorPtr error)
{
	struct xml_reader *reader = reader_of(data);
	const char *why = "it is not well-formed";

	/* Lesser ones are about namespace URIs that nobody here looks up. */
	if (error->level != XML_ERR_FATAL || reader->failed || error->code == XML_ERR_USER_STOP ||
	        ran_out(reader, error->code))
		return;
	if (is_encoding_error(error->code)) {
		stop_encoding(reader);
		return;
	}
	for (size_t i = 0; i < G_N_ELEMENTS(complaints); i++) {
		if (complaints[i].code == error->code)
			why = complaints[i].why;
	}
	reader->failed = true;
	error_set(&reader->error, ERROR_MAILBOX, "xml.malformed",
	        "the document is not readable XML: %s (line %d, code %d); keep a copy of the "
	        "answer and report it",
	        why, error->line, error->code);
}

static void on_doctype(
        void *data, const xmlChar *name, const xmlChar *public_id, const xmlChar *system_id)
{
	(void)name;
	(void)public_id;
	(void)system_id;
	stop(reader_of(data), ERROR_CONFIG, "xml.doctype",
	        "the document has a DOCTYPE, as the HTML page of a proxy, a login or an error has; "
	        "check that the URL leads to the service itself");
}

static void on_document(void *data)
{
	struct xml_reader *reader = reader_of(data);
	const xmlChar *name = reader->ctxt->encoding;

	if (name == NULL && reader->ctxt->input != NULL)
		name = reader->ctxt->input->encoding;
	if (name == NULL || g_ascii_strcasecmp((const char *)name, "UTF-8") == 0 ||
	        g_ascii_strcasecmp((const char *)name, "US-ASCII") == 0)
		return;
	stop_encoding(reader);
}

static const char *name_of_namespace(const xmlChar *uri)
{
	return uri != NULL ? (const char *)uri : "";
}

static void on_start(void *data, const xmlChar *local, const xmlChar *prefix, const xmlChar *uri,
        int n_namespaces, const xmlChar **namespaces, int n_attributes, int n_defaulted,
        const xmlChar **attributes)
{
	struct xml_reader *reader = reader_of(data);
	const struct xml_attrs attrs = {reader, attributes, (size_t)n_attributes};

	(void)prefix;
	(void)n_namespaces;
	(void)namespaces;
	(void)n_defaulted;
	if (reader->failed)
		return;
	if (++reader->depth > reader->limits.max_depth) {
		stop(reader, ERROR_MAILBOX, "xml.too_deep",
		        "the document nests elements deeper than anything that is expected here; "
		        "keep a copy of the answer and report it");
		return;
	}
	reader->is_leaf = true;
	g_string_truncate(reader->text, 0);
	g_array_set_size(reader->value_at, 0);
	if (reader->handler->start != NULL &&
	        !reader->handler->start(reader->data, name_of_namespace(uri), (const char *)local,
	                &attrs, &reader->error))
		halt(reader);
}

static void document_done(struct xml_reader *reader)
{
	reader->closed = true;
	reader->documents++;
	reader->closed_at = xmlByteConsumed(reader->ctxt);
	if (reader->handler->document != NULL &&
	        !reader->handler->document(reader->data, &reader->error))
		halt(reader);
	else if (reader->limits.many_documents)
		xmlStopParser(reader->ctxt);
}

static void on_end(void *data, const xmlChar *local, const xmlChar *prefix, const xmlChar *uri)
{
	struct xml_reader *reader = reader_of(data);
	bool streamed = reader->stream_depth == reader->depth;
	bool has_text = reader->is_leaf && !streamed;

	(void)prefix;
	if (reader->failed)
		return;
	reader->is_leaf = false;
	if (streamed)
		reader->stream_depth = 0;
	if (reader->handler->end != NULL &&
	        !reader->handler->end(reader->data, name_of_namespace(uri), (const char *)local,
	                has_text ? reader->text->str : NULL, has_text ? reader->text->len : 0,
	                &reader->error))
		halt(reader);
	else if (--reader->depth == 0)
		document_done(reader);
}

static void on_text(void *data, const xmlChar *bytes, int len)
{
	struct xml_reader *reader = reader_of(data);

	if (reader->failed || len <= 0)
		return;
	if (reader->stream_depth == reader->depth) {
		if (reader->handler->text != NULL &&
		        !reader->handler->text(
		                reader->data, (const char *)bytes, (size_t)len, &reader->error))
			halt(reader);
		return;
	}
	if (!reader->is_leaf)
		return;
	if (reader->text->len + (size_t)len > reader->limits.max_text_bytes) {
		stop(reader, ERROR_MAILBOX, "xml.text_too_large",
		        "an element of the document holds more text than is expected here; raise "
		        "the limit, or keep a copy of the answer and report it");
		return;
	}
	g_string_append_len(reader->text, (const char *)bytes, len);
}

static const xmlSAXHandler sax = {
        .initialized = XML_SAX2_MAGIC,
        .internalSubset = on_doctype,
        .startDocument = on_document,
        .startElementNs = on_start,
        .endElementNs = on_end,
        .characters = on_text,
        .ignorableWhitespace = on_text,
        .cdataBlock = on_text,
        .serror = on_error,
};

struct xml_reader *xml_reader_new(
        const struct xml_handler *handler, void *data, const struct xml_limits *limits)
{
	struct xml_reader *reader = g_new0(struct xml_reader, 1);

	reader->handler = handler;
	reader->data = data;
	if (limits != NULL)
		reader->limits = *limits;
	if (reader->limits.max_text_bytes == 0)
		reader->limits.max_text_bytes = TEXT_BYTES_DEFAULT;
	if (reader->limits.max_depth == 0)
		reader->limits.max_depth = DEPTH_DEFAULT;
	reader->limits.max_depth = MIN(reader->limits.max_depth, DEPTH_MOST);
	reader->mend = xml_mend_new();
	reader->text = g_string_new(NULL);
	reader->values = g_string_new(NULL);
	reader->value_at = g_array_new(FALSE, FALSE, sizeof(size_t));
	return reader;
}

/* Everything that belongs to one document. */
static void document_forget(struct xml_reader *reader)
{
	g_clear_pointer(&reader->ctxt, xmlFreeParserCtxt);
	reader->closed = reader->ending = false;
	reader->raw_bytes = 0;
	reader->parsed_bytes = reader->closed_at = 0;
	reader->depth = reader->stream_depth = 0;
	reader->is_leaf = false;
}

void xml_reader_reset(struct xml_reader *reader)
{
	document_forget(reader);
	xml_mend_reset(reader->mend);
	g_clear_error(&reader->error);
	reader->failed = false;
	reader->documents = 0;
}

void xml_reader_free(struct xml_reader *reader)
{
	if (reader == NULL)
		return;
	document_forget(reader);
	xml_mend_free(reader->mend);
	g_clear_error(&reader->error);
	g_string_free(reader->text, TRUE);
	g_string_free(reader->values, TRUE);
	g_array_unref(reader->value_at);
	g_free(reader);
}

uint64_t xml_reader_mended(const struct xml_reader *reader)
{
	return xml_mend_count(reader->mend);
}

void xml_reader_stream_text(struct xml_reader *reader)
{
	reader->stream_depth = reader->depth;
}

/* Hands out why we stopped; afterwards a general answer, because the caller should have known. */
static bool failure(struct xml_reader *reader, GError **error)
{
	if (reader->error != NULL)
		g_propagate_error(error, g_steal_pointer(&reader->error));
	else
		error_set(error, ERROR_MAILBOX, "xml.malformed",
		        "the document was given up before; read it anew");
	return false;
}

static void document_begin(struct xml_reader *reader)
{
	/* libxml2 2.9 copies the handler although it does not say const. */
	reader->ctxt =
	        xmlCreatePushParserCtxt((xmlSAXHandlerPtr)(uintptr_t)&sax, reader, NULL, 0, NULL);
	g_assert(reader->ctxt != NULL);
	xmlCtxtUseOptions(reader->ctxt, XML_PARSE_NONET);
}

static size_t blank_len(const char *bytes, size_t len)
{
	size_t i = 0;

	while (i < len && strchr(" \t\r\n", bytes[i]) != NULL && bytes[i] != '\0')
		i++;
	return i;
}

/* Gives mended bytes to the parser; the number it took, less than len at the end of a document. */
static size_t parse_some(struct xml_reader *reader, const char *bytes, size_t len)
{
	if (reader->ctxt == NULL) {
		size_t blank = blank_len(bytes, len);

		if (blank > 0)
			return blank;
		document_begin(reader);
	}
	size_t piece = MIN(len, PIECE_BYTES);

	reader->parsed_bytes += (int64_t)piece;
	xmlParseChunk(reader->ctxt, bytes, (int)piece, 0);
	if (reader->failed || !reader->closed || !reader->limits.many_documents)
		return piece;
	int64_t left = reader->parsed_bytes - reader->closed_at;

	g_assert(left >= 0 && left <= (int64_t)piece);
	document_forget(reader);
	return piece - (size_t)left;
}

static bool parse(struct xml_reader *reader, const char *bytes, size_t len, GError **error)
{
	while (len > 0) {
		size_t taken = parse_some(reader, bytes, len);

		if (reader->failed)
			return failure(reader, error);
		bytes += taken;
		len -= taken;
	}
	return true;
}

/* UTF-16 and UTF-32 show in their first bytes, which the mending would hide from the parser. */
static bool is_wide(const char *bytes, size_t len)
{
	return len > 0 && (bytes[0] == '\0' || bytes[0] == '\xFE' || bytes[0] == '\xFF' ||
	                          (len > 1 && bytes[1] == '\0'));
}

static bool within_size(struct xml_reader *reader, size_t len, GError **error)
{
	reader->raw_bytes += len;
	if (reader->limits.max_bytes == 0 || reader->raw_bytes <= reader->limits.max_bytes)
		return true;
	reader->failed = true;
	error_set(error, ERROR_MAILBOX, "xml.too_large",
	        "the document is larger than %" G_GUINT64_FORMAT " bytes; raise the limit, or ask "
	        "for less at once",
	        reader->limits.max_bytes);
	return false;
}

bool xml_reader_feed(struct xml_reader *reader, const char *bytes, size_t len, GError **error)
{
	if (reader->failed)
		return failure(reader, error);
	if (reader->documents == 0 && reader->raw_bytes == 0 && is_wide(bytes, len)) {
		reader->failed = true;
		error_set(error, ERROR_CONFIG, "xml.encoding",
		        "the document is in UTF-16 or UTF-32, or not text at all; make the server "
		        "send UTF-8");
		return false;
	}
	while (len > 0) {
		size_t piece = MIN(len, PIECE_BYTES), mended_len;
		const char *mended;

		if (!within_size(reader, piece, error))
			return false;
		xml_mend_feed(reader->mend, bytes, piece, &mended, &mended_len);
		if (!parse(reader, mended, mended_len, error))
			return false;
		bytes += piece;
		len -= piece;
	}
	return true;
}

bool xml_reader_finish(struct xml_reader *reader, GError **error)
{
	const char *rest;
	size_t rest_len;

	if (reader->failed)
		return failure(reader, error);
	xml_mend_finish(reader->mend, &rest, &rest_len);
	if (!parse(reader, rest, rest_len, error))
		return false;
	bool between = reader->ctxt == NULL && reader->documents > 0;

	reader->ending = true;
	if (reader->ctxt != NULL)
		xmlParseChunk(reader->ctxt, NULL, 0, 1);
	if (reader->failed)
		return failure(reader, error);
	if (between || reader->closed)
		return true;
	reader->failed = true;
	error_set(error, ERROR_RETRY, "xml.truncated",
	        "the document ends in the middle, so the answer was cut short; try again");
	return false;
}

/*
 * libxml2 leaves "&#38;" for each ampersand in an attribute value when it is not told to replace
 * entities; every other "&" of the source has become that, too.
 */
static void append_value(GString *values, const xmlChar *begin, const xmlChar *end)
{
	const char *p = (const char *)begin;
	size_t len = (size_t)(end - begin);
	const char *mark;

	while ((mark = g_strstr_len(p, (gssize)len, "&#38;")) != NULL) {
		g_string_append_len(values, p, mark + 1 - p);
		len -= (size_t)(mark + 5 - p);
		p = mark + 5;
	}
	g_string_append_len(values, p, (gssize)len);
	g_string_append_c(values, '\0');
}

/* Copies all values at the first question, so that none moves while they are used. */
static void values_prepare(const struct xml_attrs *attrs)
{
	struct xml_reader *reader = attrs->reader;

	if (reader->value_at->len > 0)
		return;
	g_string_truncate(reader->values, 0);
	for (size_t i = 0; i < attrs->n; i++) {
		size_t at = reader->values->len;

		g_array_append_val(reader->value_at, at);
		append_value(reader->values, attrs->raw[5 * i + 3], attrs->raw[5 * i + 4]);
	}
}

const char *xml_attr_value_ns(const struct xml_attrs *attrs, const char *ns, const char *local)
{
	for (size_t i = 0; i < attrs->n; i++) {
		const xmlChar **raw = attrs->raw + 5 * i;

		if (strcmp((const char *)raw[0], local) != 0 ||
		        strcmp(name_of_namespace(raw[2]), ns) != 0)
			continue;
		values_prepare(attrs);
		return attrs->reader->values->str +
		       g_array_index(attrs->reader->value_at, size_t, i);
	}
	return NULL;
}

const char *xml_attr_value(const struct xml_attrs *attrs, const char *local)
{
	return xml_attr_value_ns(attrs, "", local);
}

char *xml_attr_dup(const struct xml_attrs *attrs, const char *local)
{
	return g_strdup(xml_attr_value(attrs, local));
}

bool xml_read_all(const char *bytes, size_t len, const struct xml_handler *handler, void *data,
        const struct xml_limits *limits, GError **error)
{
	autoptr(xml_reader) reader = xml_reader_new(handler, data, limits);

	return xml_reader_feed(reader, bytes, len, error) && xml_reader_finish(reader, error);
}
