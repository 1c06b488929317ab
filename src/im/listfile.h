/*
 * Contact lists in files: JSON of imex's own, vCard 4 (RFC 6350; 3.0 is read, too) and XEP-0227.
 *
 * A file holds the lists of one or more users. Each list is stamped with who was in charge of it
 * (mode) and how often it had changed hands by then (generation), so that a file can be told from
 * one of another state; files from elsewhere have no stamp. Reading is strict about nothing that
 * can be passed over: an entry that cannot be understood is told to the sink and left out, and so
 * is an entry that writing would have to change.
 *
 *   listfile.format     CONFIG  the bytes are not of that format; the message says where
 *   listfile.too_large  CONFIG  more than LISTFILE_MAX_BYTES
 */
#ifndef IMEX_IM_LISTFILE_H
#define IMEX_IM_LISTFILE_H

#include "model/contact.h"
#include "model/contact_card.h"

#include <stdint.h>

#define LISTFILE_MAX_BYTES ((size_t)256 << 20)

enum listfile_format { LISTFILE_JSON, LISTFILE_VCARD, LISTFILE_XEP0227 };

bool listfile_format_parse(const char *name, enum listfile_format *format);
/* Of a file's first bytes; false when they look like none. */
bool listfile_guess(const char *bytes, size_t len, enum listfile_format *format);

struct listfile {
	char *owner; /* canonical IM address; NULL: the file does not say */
	bool stamped; /* what follows is known */
	bool in_mailbox; /* the mailbox is in charge, not the IM server */
	int64_t generation;
	int64_t taken_utc_us; /* 0: not known */
	GPtrArray *contacts; /* struct contact; no key twice */
	/*
	 * key -> struct contact_card: what is written of persons beside. It is for other
	 * programs, and is not read. NULL: nothing.
	 */
	GHashTable *cards;
};
struct listfile *listfile_new(const char *owner);
void listfile_free(struct listfile *list);
AUTO_DEFINE(listfile, listfile_free);

/* what names the entry ("contact 3 of alice@x", "bob@x"), why is a sentence without a full stop. */
typedef void (*listfile_odd_fn)(void *data, const char *what, const char *why);
struct listfile_sink {
	listfile_odd_fn odd;
	void *data;
};

/* A GPtrArray of struct listfile, owned; NULL on error. */
GPtrArray *listfile_read(enum listfile_format format, const char *bytes, size_t len,
        const struct listfile_sink *sink, GError **error);

/* The lists (struct listfile) as one file; owned, NUL-terminated. NULL on error. */
char *listfile_write(enum listfile_format format, const GPtrArray *lists,
        const struct listfile_sink *sink, GError **error);

#endif
