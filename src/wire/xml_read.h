/*
 * XML in: a push parser (libxml2 SAX2) behind the mending filter of xml_mend.h.
 *
 * Bytes are fed as they arrive, in pieces of any size; handlers run inside xml_reader_feed().
 * Memory does not grow with the document. There is no DTD, no entity beyond the five of XML, no
 * network. What libxml2 would stop at though real servers send it (&#x1F;, raw controls, broken
 * UTF-8) becomes U+FFFD and is counted.
 *
 * Errors: `xml.malformed` MAILBOX, `xml.truncated` RETRY, `xml.doctype` CONFIG (mostly the HTML
 * page of a proxy), `xml.encoding` CONFIG (declared as something else than UTF-8), `xml.too_deep`,
 * `xml.too_large`, `xml.text_too_large` MAILBOX. A handler's own error is handed on untouched.
 * After an error every call fails with `xml.malformed` until xml_reader_reset().
 */
#ifndef IMEX_WIRE_XML_READ_H
#define IMEX_WIRE_XML_READ_H

#include "core/auto.h"
#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct xml_reader;
struct xml_attrs;

/*
 * All may be NULL. ns is the namespace URI ("" when none) and local the name without prefix; both
 * are interned per reader, live as long as it, and equal names have equal pointers. Returning false
 * with *error set stops.
 */
struct xml_handler {
	bool (*start)(void *data, const char *ns, const char *local, const struct xml_attrs *attrs,
	        GError **error);
	/*
	 * text is the whole text of an element without child elements, NUL-terminated, "" when
	 * there was none, len its length; NULL when the element had children (then text between
	 * them is white space in every format we read) or was streamed. Gone after the call.
	 */
	bool (*end)(void *data, const char *ns, const char *local, const char *text, size_t len,
	        GError **error);
	/* Pieces of the text of an element for which start() called xml_reader_stream_text(). */
	bool (*text)(void *data, const char *bytes, size_t len, GError **error);
	/* The root element was closed. With many_documents another may follow. */
	bool (*document)(void *data, GError **error);
};

struct xml_limits {
	uint64_t max_bytes; /* of a document; 0: no ceiling */
	size_t max_text_bytes; /* of the text of one element that is not streamed; 0: 1 MiB */
	unsigned max_depth; /* of elements; 0: 64; never above 250 */
	bool many_documents; /* several, one after the other (streaming notifications) */
};

/* handler must outlive the reader; limits may be NULL. */
struct xml_reader *xml_reader_new(
        const struct xml_handler *handler, void *data, const struct xml_limits *limits);
void xml_reader_free(struct xml_reader *reader);
AUTO_DEFINE(xml_reader, xml_reader_free);

bool xml_reader_feed(struct xml_reader *reader, const char *bytes, size_t len, GError **error);
/* No more bytes: an unfinished document is `xml.truncated`. Every document must be finished. */
bool xml_reader_finish(struct xml_reader *reader, GError **error);
/* Ready for another document; buffers are kept, interned names are not. */
void xml_reader_reset(struct xml_reader *reader);

/* Only inside start(): this element's text goes to text() in pieces, whatever its length. */
void xml_reader_stream_text(struct xml_reader *reader);
/* How many characters were mended since the reader was made. */
uint64_t xml_reader_mended(const struct xml_reader *reader);

/*
 * The value of an attribute without namespace ("Id"), or with one; NULL when absent.
 * NUL-terminated, valid until start() returns.
 */
const char *xml_attr_value(const struct xml_attrs *attrs, const char *local);
const char *xml_attr_value_ns(const struct xml_attrs *attrs, const char *ns, const char *local);
/* An owned copy; NULL when absent. */
char *xml_attr_dup(const struct xml_attrs *attrs, const char *local);

/* A whole document at once. */
bool xml_read_all(const char *bytes, size_t len, const struct xml_handler *handler, void *data,
        const struct xml_limits *limits, GError **error);

#endif
