/*
 * Which bytes are characters of XML 1.0 (section 2.2) in UTF-8: tab, line feed, carriage return,
 * U+0020-U+D7FF, U+E000-U+FFFD, U+10000-U+10FFFF. Shared by reader and writer; private to src/wire.
 */
#ifndef IMEX_WIRE_XML_CHARS_H
#define IMEX_WIRE_XML_CHARS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* U+FFFD, which stands for what cannot be carried. */
#define XML_REPLACEMENT "\xEF\xBF\xBD"
#define XML_REPLACEMENT_LEN 3

/* Is this code point a character of XML? */
static inline bool xml_char_legal(uint32_t code)
{
	if (code < 0x20)
		return code == '\t' || code == '\n' || code == '\r';
	return code <= 0xD7FF || (code >= 0xE000 && code <= 0xFFFD) ||
	       (code >= 0x10000 && code <= 0x10FFFF);
}

/*
 * Looks at the byte sequence at p < end, whose first byte is 0x80 or more.
 * > 0: a legal character of so many bytes. < 0: illegal, to be replaced as one; so many bytes (the
 * longest start of a sequence, as Unicode recommends). 0: the start of a sequence, cut off by end.
 */
int xml_sequence(const unsigned char *p, const unsigned char *end);

/* Writes the code point as UTF-8; the number of bytes, at most 4. */
size_t xml_char_put(uint32_t code, char *out);

#endif
