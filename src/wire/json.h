/*
 * JSON from strangers, by jansson, with limits.
 *
 * Duplicate member names are refused, because trust depends on reading the same value as everybody
 * else. Errors: `json.too_large`, `json.too_deep`, `json.malformed`, `json.member`, all of class
 * ITEM; the caller knows better what the document was for. Values are owned as jansson says; use
 * json_auto_t.
 */
#ifndef IMEX_WIRE_JSON_H
#define IMEX_WIRE_JSON_H

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* An object or array of at most max_bytes, nested at most max_depth deep. New reference. */
bool json_parse_limited(const char *bytes, size_t len, size_t max_bytes, unsigned max_depth,
        json_t **root, GError **error);

/*
 * A member that must be there and of that type; `json.member` names it otherwise. Text with an
 * embedded NUL is refused. *text is borrowed from object.
 */
bool json_need_text(const json_t *object, const char *name, const char **text, GError **error);
bool json_need_int(const json_t *object, const char *name, int64_t *number, GError **error);
/* The same, but absent or null gives NULL. */
bool json_want_text(const json_t *object, const char *name, const char **text, GError **error);

#endif
