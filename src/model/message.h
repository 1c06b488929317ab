/*
 * One event of an IM conversation, as a source reports it: a message, a correction, a reaction,
 * a join. The archive is made of these.
 *
 * A source tells one event by (source, owner, source_key): reading it again changes nothing. Two
 * owners' copies of the same message have different source keys and the same correlation key.
 */
#ifndef IMEX_MODEL_MESSAGE_H
#define IMEX_MODEL_MESSAGE_H

#include "core/auto.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum message_kind {
	MESSAGE_CHAT, /* text */
	MESSAGE_CORRECTION, /* text that replaces the text of refers_to */
	MESSAGE_RETRACTION, /* takes back refers_to */
	MESSAGE_REACTION, /* text: the sender's whole set of reactions to refers_to, by spaces */
	MESSAGE_FILE, /* url, and text when there is a description */
	MESSAGE_ENCRYPTED, /* the server saw no text */
	MESSAGE_WITHHELD, /* there was something; who said it is excluded from archiving */
	MESSAGE_SUBJECT, /* text: the new subject */
	MESSAGE_JOIN,
	MESSAGE_LEAVE,
};

struct message {
	char *source; /* NAME of [source NAME], or the authenticated sender of an ingest */
	char *source_key; /* the source's own id of this copy */
	char *correlation; /* the same for all copies of one message, or NULL */
	char *owner; /* canonical IM address whose archive this copy is from; NULL for a room's */
	char *peer; /* canonical address of the other side: a person or a room */
	bool is_room; /* peer is a room */
	enum message_kind kind;
	char *sender; /* canonical address of who wrote it; NULL when only the nick is known */
	char *sender_nick; /* room nickname, or NULL */
	/* The room hides addresses; sender was found by other means and may not be shown. */
	bool sender_resolved;
	char *message_id; /* the sender's id of the message: what refers_to of others names; or NULL
	                   */
	char *refers_to; /* message_id of the message meant, or NULL */
	char *thread; /* or NULL */
	char *text; /* UTF-8; or NULL */
	char *url; /* of a file; or NULL */
	/* What the sender told of the file: its name; its size (0: not told); its hash as
	 * "sha-256:" and hexadecimal digits, or another algorithm's name. */
	char *file_name;
	int64_t file_size_bytes;
	char *file_hash;
	int64_t sent_utc_us;
	/* The time that its sender gave, when that is not credible; else 0. Then sent_utc_us is the
	 * earlier of it and the time of receipt. */
	int64_t claimed_utc_us;
	bool conflict; /* another message came under the same key; told by the store */
	int64_t order; /* the source's own order; breaks ties of sent_utc_us */
};

struct message *message_new(enum message_kind kind);
void message_free(struct message *message);
AUTO_DEFINE(message, message_free);

const char *message_kind_name(enum message_kind kind);
bool message_kind_parse(const char *name, enum message_kind *kind);

/* message->source of what a sender posts: this and the sender's name. */
#define MESSAGE_POSTED_PREFIX "sender/"
/* That name; NULL for what a source was read for. Borrowed. */
const char *message_posted_by(const struct message *message);

/*
 * SHA-256 (hex, owned) of everything but order, conflict and a resolved sender, which depends on
 * whom we know: tells a repeated reading from a changed content.
 */
char *message_hash(const struct message *message);

#endif
