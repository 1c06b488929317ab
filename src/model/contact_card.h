/*
 * What a mailbox tells of a person beside the contact list: telephone numbers, birthday, photo. It
 * is kept to be shown and exported, and never written back.
 */
#ifndef IMEX_MODEL_CONTACT_CARD_H
#define IMEX_MODEL_CONTACT_CARD_H

#include "core/auto.h"

#include <glib.h>
#include <stdbool.h>

/* Larger photos are left in the mailbox. */
#define CONTACT_PHOTO_MAX_BYTES ((size_t)1 << 20)

struct contact_card {
	/* Lines "KIND NUMBER", in the mailbox's order; kinds are TYPEs of vCard 4. NULL: none. */
	char *phones;
	char *birthday; /* "1970-03-01": a day, in no time zone; NULL: none */
	bool has_photo; /* the mailbox has one; it is read apart, and may be missing here */
	char *photo_type; /* "image/jpeg"; NULL: not here */
	GBytes *photo;
};

struct contact_card *contact_card_new(void);
struct contact_card *contact_card_copy(const struct contact_card *card);
void contact_card_free(struct contact_card *card);
AUTO_DEFINE(contact_card, contact_card_free);

bool contact_card_is_empty(const struct contact_card *card);
/* Blank numbers are none; control characters in one become blanks. */
void contact_card_add_phone(struct contact_card *card, const char *kind, const char *number);
/* Calls back for each number. */
void contact_card_each_phone(const struct contact_card *card,
        void (*each)(void *data, const char *kind, const char *number), void *data);

/*
 * The day of a birthday that a mail server gives as a point in time ("1970-02-28T23:00:00Z"):
 * midnight where it was entered, or 11:59 UTC, which stands for no time zone. Both are nearest to
 * the midnight that begins the day, whatever the zone of this machine. Owned; NULL: it is no time.
 */
char *contact_card_birthday(const char *time);

/* "image/jpeg", "image/png", "image/gif" by the first bytes; NULL: none of these. */
const char *contact_card_photo_type(const void *bytes, size_t len);

#endif
