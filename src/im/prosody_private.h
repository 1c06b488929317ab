/*
 * The Prosody source, between its files: prosody.c (opening, owners), prosody_roster.c,
 * prosody_write.c, prosody_message.c, prosody_room.c.
 *
 * Tables of mod_storage_sql (Prosody 0.11 to 0.12), alike on SQLite and PostgreSQL but for the type
 * of sort_id:
 *   prosody         host, user, store, key, type, value
 *                   Not unique: a row may stand twice, then Prosody takes the last.
 *   prosodyarchive  sort_id, host, user, store, key, when, with, type, value
 *                   Unique by host, user, store, key; "when" is UTC in whole seconds; sort_id is
 *                   the order of writing.
 */
#ifndef IMEX_IM_PROSODY_PRIVATE_H
#define IMEX_IM_PROSODY_PRIVATE_H

#include "core/error.h"
#include "db/db.h"
#include "im/source_private.h"

struct prosody {
	struct im_source base;
	char *db_url;
	struct db *db; /* read-only */
	struct db *side; /* read-only: look-ups while a result of db is open; NULL until needed */
	struct db *writer; /* NULL until needed */
	bool counted; /* SQLite: sqlite_sequence remembers the highest sort_id ever given */
	/* Canonical address -> "user@host" as the rows spell it, where that differs. */
	GHashTable *spellings;
	GHashTable *rooms; /* "user@host" of a room -> who is behind its occupant ids */
	char *middle; /* the cursor of a page that was not the last: needs no overlap */
};

static inline struct prosody *prosody_of(struct im_source *source)
{
	return (struct prosody *)source;
}

/* The connection for look-ups while rows of prosody->db stream. */
struct db *prosody_side(struct prosody *prosody, GError **error);
/* For writing: read-write, journal mode left as Prosody has it. */
struct db *prosody_writer(struct prosody *prosody, GError **error);

/* How rows spell a canonical owner. Both owned. */
void prosody_split(const struct prosody *prosody, const char *owner, char **user, char **host);

/* "user@host" of two columns as a canonical address; NULL when it is none. Owned. */
char *prosody_address(const struct db_result *result, int host_column, int user_column);

/* The version of a roster with that row of its own (NULL: none) and so many others. Owned. */
char *prosody_version(const char *meta, int64_t contacts);

/* source.no_owner, always false. */
bool prosody_no_owner(const struct im_source *source, const char *owner, GError **error);

struct im_roster *prosody_roster_read(
        struct im_source *source, const char *owner, im_odd_fn odd, void *data, GError **error);
/* A row's own key as the key of a contact; NULL for one that is none ('' and 'pending'). Owned. */
char *prosody_contact_key(const char *row_key, GError **error);

bool prosody_roster_write(struct im_source *source, const char *owner, const char *key,
        const struct contact *contact, char **version, GError **error);

char *prosody_cursor_now(struct im_source *source, GError **error);
char *prosody_cursor_since(struct im_source *source, int64_t since_utc_us, GError **error);
char *prosody_cursor_floor(const struct im_source *source, const char *cursor, GError **error);
bool prosody_messages(struct im_source *source, const char *cursor, const char *until,
        unsigned limit, const struct im_message_sink *sink, struct im_page *page, GError **error);

bool prosody_rooms(
        struct im_source *source, im_room_fn each, im_odd_fn odd, void *data, GError **error);
/*
 * Who stands behind an occupant id of the room whose rows bear user and host: a canonical address,
 * owned; *found NULL when nobody known does.
 */
bool prosody_occupant(struct prosody *prosody, const char *user, const char *host,
        const char *occupant_id, char **found, GError **error);

#endif
