/*
 * A contact's fields in one text, equal exactly when the contacts are equal (but for the key).
 *
 * Lines: name, telephone, then one line per group in their order. A field that is NULL is an empty
 * line. "\" and line ends inside a field are written "\\" and "\n".
 */
#ifndef IMEX_STORE_IMAGE_H
#define IMEX_STORE_IMAGE_H

#include "model/contact.h"

#include <glib.h>

/* Owned; NULL for NULL. */
char *image_write(const struct contact *contact);
/* Owned; NULL for NULL. Any text is readable: what is missing is empty. */
struct contact *image_read(const char *key, const char *image);

#endif
