/*
 * Values as Prosody's mod_storage_sql keeps them: JSON. Pure.
 *
 * A contact:  {"name":"Bob","groups":{"Friends":true},"subscription":"both","ask":"subscribe"}
 * A roster:     {"__hash":[false,{"pending":{"eve@x":true},"version":8}]}, under the key ''
 *             (util.serialization writes a table with keys that are no strings as a list of keys
 *             and values)
 *
 * Errors are those of wire/json.h, class ITEM.
 */
#ifndef IMEX_IM_PROSODY_JSON_H
#define IMEX_IM_PROSODY_JSON_H

#include "model/contact.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Adds name and groups of the value to contact. */
bool prosody_json_read(const char *value, size_t len, struct contact *contact, GError **error);

/*
 * The value with the contact's name and groups; everything else in it stays. value NULL: a new one
 * with subscription "none". Owned.
 */
char *prosody_json_change(const char *value, const struct contact *contact, GError **error);

/* The version, -1 when it has none; *requests (owned; may be NULL) gets the addresses (char *). */
bool prosody_json_meta(
        const char *value, size_t len, int64_t *version, GPtrArray *requests, GError **error);
/* The value with its version one higher; value NULL: a new one of version 1. Owned. */
char *prosody_json_meta_bump(const char *value, int64_t *version, GError **error);

/*
 * How many rules the privacy lists (XEP-0016) of a user have: the row "lists" of store "privacy",
 * which the module mod_privacy keeps as {"NAME": {"name": "NAME", "items": [{...}, ...]}}.
 */
bool prosody_json_privacy(const char *value, size_t len, unsigned *rules, GError **error);

/* A room's row "_data" of store "config". */
struct prosody_json_room {
	char *name; /* or NULL */
	char *salt; /* of its occupant ids, or NULL */
	bool anonymous;
};
bool prosody_json_room(
        const char *value, size_t len, struct prosody_json_room *room, GError **error);
void prosody_json_room_clear(struct prosody_json_room *room);

#endif
