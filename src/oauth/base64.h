/*
 * Base64, strictly: no white space, no characters outside the alphabet, padding exactly as the form
 * wants it, and no bits set that do not belong to a byte. A token thus has one spelling only.
 */
#ifndef IMEX_OAUTH_BASE64_H
#define IMEX_OAUTH_BASE64_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

/* base64url without padding (RFC 7515). Owned. */
char *base64url_encode(const void *bytes, size_t len);
/* NULL when text is not exactly that. Owned; a NUL follows data[len]. */
GByteArray *base64url_decode(const char *text, size_t len);
/* Plain base64 with padding. NULL when text is not exactly that. */
GByteArray *base64_decode(const char *text, size_t len);

#endif
