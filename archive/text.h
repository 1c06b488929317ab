/*
 * Foreign text on its way into a transcript: made valid once, escaped where it is written.
 *
 * Every text that a person or another server wrote goes through text_mend() when the transcript is
 * built, so that the renderers only see valid UTF-8 without controls; HTML is written by
 * text_html() alone.
 */
#ifndef IMEX_ARCHIVE_TEXT_H
#define IMEX_ARCHIVE_TEXT_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * A copy that is valid UTF-8: each maximal ill-formed sequence, encoded surrogate, control (other
 * than tab and line feed), U+FFFE and U+FFFF becomes U+FFFD and is added to *mended; CR LF and a
 * lone CR become LF. A copy of nothing (NULL) is NULL. len is in bytes.
 */
char *text_mend(const char *bytes, size_t len, unsigned *mended);

/* The same on one line: tabs and line ends become spaces, spaces at both ends go. */
char *text_mend_line(const char *bytes, size_t len, unsigned *mended);

/*
 * Appends mended text as HTML character data, safe in element content and in quoted attributes.
 * Directional isolates are balanced per line, so that the text cannot reorder what stands around
 * it.
 */
void text_html(GString *out, const char *text);
void text_html_len(GString *out, const char *text, size_t len);

/*
 * The first link in text: http, https, mailto or xmpp, in the way people write them into a
 * sentence (a closing bracket or full stop behind it does not belong to it). False when there is
 * none. Links are at most TEXT_LINK_MAX_BYTES long; what is longer is left as text.
 */
#define TEXT_LINK_MAX_BYTES 2048
bool text_find_link(const char *text, size_t *start, size_t *len);

/* Whether the whole of url is a link of one of these schemes. */
bool text_is_link(const char *url);

/* Appends text as HTML with its links made clickable, in one <bdi>. */
void text_html_linked(GString *out, const char *text);

/* Appends text as HTML in one <bdi>. */
void text_html_run(GString *out, const char *text);

#endif
