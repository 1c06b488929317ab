/*
 * The mending filter: makes bytes that an XML parser can accept of what mail servers really send.
 *
 * Exchange and its likes put into XML what a user's message contained: references such as &#x1F;,
 * raw control characters, cut-off UTF-8, U+FFFF. A conforming parser stops there, and with it the
 * whole list of contacts. Each such thing becomes one U+FFFD and is counted; everything else passes
 * byte for byte. Two references to the halves of a surrogate pair become the character they meant.
 * References are looked for in text and attribute values, not in CDATA sections, comments and
 * processing instructions, where they are plain text. What is malformed in another way stays so,
 * for the parser to refuse.
 *
 * It is a pure function of the bytes: any cutting into chunks gives the same output.
 */
#ifndef IMEX_WIRE_XML_MEND_H
#define IMEX_WIRE_XML_MEND_H

#include "core/auto.h"
#include <stddef.h>
#include <stdint.h>

struct xml_mend;

struct xml_mend *xml_mend_new(void);
void xml_mend_free(struct xml_mend *mend);
AUTO_DEFINE(xml_mend, xml_mend_free);
/* Ready for another document; the count goes on. */
void xml_mend_reset(struct xml_mend *mend);

/*
 * The mended form of this chunk, as far as it is decided: *out is the chunk itself when nothing was
 * to be done, else memory of mend's that lives until the next call.
 */
void xml_mend_feed(
        struct xml_mend *mend, const char *chunk, size_t len, const char **out, size_t *out_len);
/* What was withheld at the end of the document. */
void xml_mend_finish(struct xml_mend *mend, const char **out, size_t *out_len);

/* How many characters were mended. */
uint64_t xml_mend_count(const struct xml_mend *mend);

#endif
