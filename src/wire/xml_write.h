/*
 * XML out: a thin wrapper of libxml2's xmlTextWriter into memory.
 *
 * Element names are written with their prefix ("m:GetItem"); the caller declares the prefixes with
 * xml_attr(w, "xmlns:m", uri) on an outer element. Everything foreign is escaped here and nowhere
 * else. What XML 1.0 cannot carry (control characters, U+FFFE, U+FFFF, bytes that are not UTF-8)
 * becomes U+FFFD and is counted. Errors stick: the writing functions return nothing, and
 * xml_writer_finish() reports the first (`xml.too_large`, ITEM).
 */
#ifndef IMEX_WIRE_XML_WRITE_H
#define IMEX_WIRE_XML_WRITE_H

#include "core/auto.h"
#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct xml_writer;

/* Starts with the XML declaration. max_bytes: ceiling of the document, 0 = 256 MiB. */
struct xml_writer *xml_writer_new(size_t max_bytes);
void xml_writer_free(struct xml_writer *w);
AUTO_DEFINE(xml_writer, xml_writer_free);

void xml_start(struct xml_writer *w, const char *name);
/* Only between xml_start() and the first content of that element. value NULL writes nothing. */
void xml_attr(struct xml_writer *w, const char *name, const char *value);
void xml_text(struct xml_writer *w, const char *text);
void xml_text_len(struct xml_writer *w, const char *text, size_t len);
/* Base64 without line breaks. */
void xml_base64(struct xml_writer *w, const void *bytes, size_t len);
void xml_end(struct xml_writer *w);

/* <name>text</name>; text NULL writes nothing at all. */
void xml_text_element(struct xml_writer *w, const char *name, const char *text);
void xml_int_element(struct xml_writer *w, const char *name, int64_t number);
void xml_bool_element(struct xml_writer *w, const char *name, bool value);
/* An element with nothing but attributes: name, value, name, value ..., NULL. */
void xml_empty_element(struct xml_writer *w, const char *name, ...) G_GNUC_NULL_TERMINATED;

/* What the other side gets to read of a text, illegal characters replaced; owned. */
char *xml_text_as_sent(const char *text);

/* How many characters had to be replaced so far. */
uint64_t xml_writer_replaced(const struct xml_writer *w);

/*
 * Closes what is still open and gives the document, borrowed from the writer until it is freed or
 * xml_writer_reset() makes it ready for the next document.
 */
bool xml_writer_finish(struct xml_writer *w, const char **bytes, size_t *len, GError **error);
void xml_writer_reset(struct xml_writer *w);

#endif
