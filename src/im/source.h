/*
 * Where contact lists and conversations come from: an IM server's own data, read in place.
 *
 * A source is named in the configuration, [source NAME], or given by a URL:
 *   prosody+sqlite:///var/lib/prosody/prosody.sqlite   Prosody 0.11 and later, mod_storage_sql
 *   prosody+postgresql://user@host/database            the same on PostgreSQL
 * Everything is read over a read-only connection, and nothing is locked while a callback runs: the
 * callbacks may take their time and use the source. A struct im_source belongs to one thread.
 *
 * Owners, contacts and rooms are named by canonical addresses (core/address.h). One row that cannot
 * be understood never ends a reading: it is told as a struct im_odd and left out. What cannot be
 * read as a whole is an error, and never looks like an empty list.
 *
 * Errors are those of db/db.h and
 *   source.url          CONFIG   no such kind of source
 *   source.unknown      CONFIG   no [source NAME] of that name
 *   source.foreign      CONFIG   the database is not one of that IM server
 *   source.no_owner     MAILBOX  the IM side knows no such user (any more): change nothing
 *   source.unreadable   MAILBOX  a roster that cannot be read
 *   source.too_large    MAILBOX  a roster of more than IM_ROSTER_MAX contacts
 *   source.went_back    CONFIG   the source is older than what was read from it: a backup was
 *                                restored, or another database stands at the URL
 *   source.cursor       CONFIG   the cursor was not made by this kind of source
 *   source.read_only    CONFIG   write = none
 *   source.busy         RETRY    the IM server seems to be running, though write = sql-offline
 */
#ifndef IMEX_IM_SOURCE_H
#define IMEX_IM_SOURCE_H

#include "core/auto.h"
#include "core/config.h"
#include "model/contact.h"
#include "model/message.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define IM_ROSTER_MAX 20000

enum im_write {
	IM_WRITE_NONE,
	/*
	 * SQL into the IM server's tables. The server keeps rosters of users who are online in its
	 * memory and would overwrite ours, so that it must be stopped; imex cannot see from outside
	 * whether it is, and takes the setting as the operator's word.
	 */
	IM_WRITE_SQL_OFFLINE,
};

struct im_source_options {
	const char *name; /* what messages and errors call it; NULL: the kind of source */
	const char *url;
	enum im_write write;
};

struct im_source;

/* [source NAME] of the configuration. */
struct im_source *im_source_open(const struct config *config, const char *name, GError **error);
struct im_source *im_source_open_url(const struct im_source_options *options, GError **error);
void im_source_close(struct im_source *source);
AUTO_DEFINE(im_source, im_source_close);

const char *im_source_name(const struct im_source *source);
const char *im_source_kind(const struct im_source *source); /* "prosody" */
/* For messages: the URL without a password. */
const char *im_source_url(const struct im_source *source);
bool im_source_writable(const struct im_source *source);

/* The kinds of URL that im_source_open_url() takes, for help texts; NULL-ended. */
const char *const *im_source_schemes(void);

/* A row that was left out. Everything is borrowed for the time of the call. */
struct im_odd {
	const char *what; /* "roster", "message", "room" */
	const char *owner; /* or NULL */
	const char *key; /* the contact's or the message's own key; or NULL */
	const char *reason; /* "json.malformed", "xml.truncated", "row.type", "row.duplicate" ... */
	const char *detail; /* a sentence without any message text */
	int64_t sent_utc_us; /* 0 when it has no time */
};
typedef void (*im_odd_fn)(void *data, const struct im_odd *odd);

/*
 * Rosters.
 *
 * A version is a short text without white space. It changes whenever the IM server changes the
 * roster; writes past the server (SQL by hand) may leave it unchanged, so that a roster should be
 * read whole once a day in any case.
 */
typedef bool (*im_owner_fn)(void *data, const char *owner, const char *version, GError **error);

/*
 * All users that the IM side knows, with their roster's version; one cheap query, no roster is
 * read. In no order.
 */
bool im_source_owners(struct im_source *source, im_owner_fn each, void *data, GError **error);
/*
 * The e-mail address that the IM side keeps with each account that has one, as it was entered
 * there. Prosody: account_details, which whoever makes the account fills in. In no order.
 */
typedef bool (*im_mail_fn)(void *data, const char *owner, const char *mail, GError **error);
bool im_source_mails(struct im_source *source, im_mail_fn each, void *data, GError **error);
/* One owner's version, owned; NULL with source.no_owner. */
char *im_source_roster_version(struct im_source *source, const char *owner, GError **error);

/*
 * Whether `now` is older than `before`: then the IM side was restored from a backup, and a missing
 * contact does not mean a deleted one. False when either is NULL or tells no order.
 */
bool im_source_roster_went_back(
        const struct im_source *source, const char *before, const char *now);

struct im_roster {
	char *version; /* of what was read */
	GPtrArray *contacts; /* struct contact, by bytes of their keys; groups included */
	/*
	 * Keys (char *) of contacts that are there but could not be understood, in the same order:
	 * neither new nor changed nor deleted, whatever was known of them still holds.
	 */
	GPtrArray *unreadable;
	GPtrArray *requests; /* addresses (char *) that ask to be allowed to see the owner */
	/*
	 * Rules on who may reach or see the owner, of the block list (XEP-0191) and of privacy
	 * lists (XEP-0016): they have no place in a mailbox.
	 */
	unsigned privacy_levels;
};
void im_roster_free(struct im_roster *roster);
AUTO_DEFINE(im_roster, im_roster_free);

/* odd may be NULL. Owned; NULL with source.no_owner, source.unreadable, db.* */
struct im_roster *im_source_roster_read(
        struct im_source *source, const char *owner, im_odd_fn odd, void *data, GError **error);

/*
 * Sets the name and the groups of a contact, making it when it is not there; subscription and
 * everything else that the IM server keeps of it stays. Or removes it. Both do nothing when it is
 * so already, so that a write whose outcome is not known may be repeated. *version is the roster's
 * version afterwards, owned; may be NULL.
 */
bool im_source_roster_set(struct im_source *source, const char *owner,
        const struct contact *contact, char **version, GError **error);
bool im_source_roster_remove(struct im_source *source, const char *owner, const char *key,
        char **version, GError **error);

/*
 * Messages.
 *
 * A cursor is a text that the source makes and understands: everything before it has been read. It
 * remembers the row it stands at, so that a source that went back is noticed.
 */

/* The end as of now: nothing that is there already comes after it. Owned. */
char *im_source_cursor_now(struct im_source *source, GError **error);
/* Before the first message that was sent at since_utc_us or later; now's when there is none. */
char *im_source_cursor_since(struct im_source *source, int64_t since_utc_us, GError **error);
/* Where a cursor may not be taken back behind, as a cursor; owned. */
char *im_source_cursor_floor(const struct im_source *source, const char *cursor, GError **error);

struct im_message_sink {
	/*
	 * Borrowed for the call. message->source is set; false stops, and the page is not read.
	 * Rows come in the order in which the source wrote them. A row may come again in a later
	 * page, since pages overlap a little.
	 */
	bool (*message)(void *data, const struct message *message, GError **error);
	im_odd_fn odd;
	void *data;
};

struct im_page {
	char *cursor; /* after this page; owned */
	uint64_t rows; /* rows that were read, those left out included */
	uint64_t left_out; /* on purpose: headlines, chat states, receipts */
	bool more; /* there may be more */
	int64_t newest_utc_us; /* of the rows read; 0 without any */
};
void im_page_clear(struct im_page *page);

/*
 * Reads at most limit rows between the cursors; until NULL: to the end. On error nothing of *page
 * is set. source.went_back when the source does not reach the cursor any more.
 */
bool im_source_messages(struct im_source *source, const char *cursor, const char *until,
        unsigned limit, const struct im_message_sink *sink, struct im_page *page, GError **error);

/* Rooms. */
struct im_room {
	char *address;
	char *name; /* or NULL */
	bool anonymous; /* who is behind a nickname is not shown to everybody */
	GPtrArray *members; /* addresses (char *) of owners, admins and members; sorted */
};
void im_room_free(struct im_room *room);
AUTO_DEFINE(im_room, im_room_free);

typedef bool (*im_room_fn)(void *data, const struct im_room *room, GError **error);
bool im_source_rooms(
        struct im_source *source, im_room_fn each, im_odd_fn odd, void *data, GError **error);

#endif
