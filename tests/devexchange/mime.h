/*
 * MIME in and out. A message's MIME is taken apart into properties when it is created, and made
 * anew from them whenever it is asked for: own boundaries, folded headers, unknown headers gone, an
 * HTML part beside the plain text. It never comes back byte for byte, as with real servers.
 */
#ifndef DEVX_MIME_H
#define DEVX_MIME_H

#include "model.h"
#include "shape.h"

/* Fills the item from a message; NULL on success, else a response code. */
const char *mime_apply(struct item *item, const unsigned char *bytes, size_t length);
GBytes *mime_make(const struct item *item);
/* "Name: value" lines of the headers that the server keeps; NULL-terminated, g_strfreev. */
char **mime_headers(const struct item *item);

/* The body as HTML or text, converted when it is kept the other way; g_free. */
char *body_in_form(const struct item *item, enum body_form form, bool *html);
char *html_to_text(const char *html);
char *text_to_html(const char *text);

#endif
