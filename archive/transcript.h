/*
 * A transcript: what happened in one segment, ready to be read. Pure.
 *
 * It is made from the segment's messages: a correction, retraction or reaction is laid onto the
 * message that it speaks of, when that message is in the segment and the sender may; otherwise it
 * stands as an entry of its own. All text in a transcript is valid (text.h). Both renderers, the
 * MIME message and the exports are made from it.
 */
#ifndef IMEX_ARCHIVE_TRANSCRIPT_H
#define IMEX_ARCHIVE_TRANSCRIPT_H

#include "archive/presence.h"
#include "core/auto.h"
#include "model/message.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct participant {
	char *address; /* canonical IM address; NULL when only the nick is known */
	char *nick; /* room nickname, or NULL */
	/* Only the nickname may be shown: the room hides addresses, and ours was found out. */
	bool hidden;
	char *name; /* what to call this person; never empty */
	char *mail; /* SMTP address, or NULL */
	unsigned messages; /* texts, files and what is not shown of this person */
	int64_t first_utc_us, last_utc_us; /* of this person's own events; 0 without any */
};

/* An older text of a corrected message. */
struct version {
	char *text;
	int64_t sent_utc_us; /* when this text was sent */
};

/* What became of a link to a file. */
struct transcript_file {
	char *hash; /* SHA-256, hexadecimal; NULL: not fetched */
	GBytes *content; /* or NULL */
	char *reason; /* a sentence: why not; or NULL */
};
void transcript_file_free(struct transcript_file *file);

struct attachment {
	char *name; /* one line, no folder */
	char *hash; /* SHA-256, hexadecimal */
	char *file; /* its name in a folder of files: the hash, and an ending that is harmless */
	GBytes *content;
};

struct reaction {
	unsigned who; /* index into participants */
	char *text;
};

enum entry_note {
	ENTRY_PLAIN,
	/* A correction, retraction or reaction whose message is not in this transcript. */
	ENTRY_OF_EARLIER,
	/* One that speaks of somebody else's message, which it cannot change. */
	ENTRY_OF_FOREIGN,
};

struct entry {
	enum message_kind kind;
	enum entry_note note;
	int64_t sent_utc_us;
	unsigned who; /* index into participants */
	char *text; /* the newest; or NULL */
	char *url; /* of a file; or NULL */
	char *file_name, *file_hash; /* as the sender told; or NULL */
	int64_t file_size_bytes; /* 0: not told */
	char *attached; /* SHA-256 of the attachment that it is; or NULL */
	char *not_attached; /* a sentence: why it is none though it was wanted; or NULL */
	GPtrArray *versions; /* of struct version, oldest first; NULL when never corrected */
	int64_t corrected_utc_us; /* 0: never */
	int64_t retracted_utc_us; /* 0: not retracted */
	unsigned retracted_by; /* index into participants */
	GArray *reactions; /* of struct reaction, or NULL */
	/* The time that its sender gave, which was not credible when it was received; else 0. */
	int64_t claimed_utc_us;
	bool conflict; /* another message came under the same key; both are here */
};

struct transcript {
	char *id; /* of the segment */
	char *root_id; /* of the first segment of the same talk; equals id unless continued */
	int64_t root_utc_us; /* when that one began */
	char *continues; /* id of the segment that this one continues, or NULL */
	bool late;
	bool is_room;
	char *conversation; /* conversation_key() */
	char *room; /* address of the room, or NULL */
	char *room_name; /* or NULL */
	char *subject; /* "Conversation between Ann Lee and Tony Smith": the same for all readers */
	char *topic; /* what mail is threaded by: the same for all segments of a conversation */
	GPtrArray *participants; /* of struct participant; who spoke first is first */
	GPtrArray *entries; /* of struct entry, in the order of time */
	GPtrArray *attachments; /* of struct attachment: each content once */
	int64_t first_utc_us, last_utc_us;
	unsigned texts; /* messages that people sent: text, file, encrypted, withheld */
	unsigned encrypted;
	unsigned withheld;
	unsigned unreadable; /* rows of the source, of this time and these people */
	enum presence_part part; /* of the segment that this transcript shows */
	unsigned mended; /* characters that became U+FFFD */
	char *notice; /* what people in conversations with people outside are told; or NULL */
	GPtrArray *senders; /* names (char *) of servers that posted any of it, by first use */
};

/*
 * Tells name and SMTP address of a canonical IM address; leaves NULL what is not known. Both are
 * owned by the caller.
 */
typedef void (*transcript_lookup)(void *data, const char *address, char **name, char **mail);

struct transcript_input {
	const char *id;
	const char *root_id; /* NULL: id */
	int64_t root_utc_us; /* 0: when this one begins */
	const char *continues; /* or NULL */
	bool late;
	enum presence_part part;
	bool name_resolved; /* addresses that a room hides, and that were found out, are shown */
	GHashTable *files; /* url -> struct transcript_file; NULL: no link was followed */
	size_t files_max_bytes; /* of all attachments together */
	unsigned unreadable; /* rows of the source that may belong here */
	/* Borrowed struct message *, any order, at least one; all of one conversation. */
	const GPtrArray *messages;
	const char *notice; /* or NULL */
	transcript_lookup lookup; /* or NULL */
	void *lookup_data;
};

struct transcript *transcript_new(const struct transcript_input *input);
void transcript_free(struct transcript *transcript);
AUTO_DEFINE(transcript, transcript_free);

const struct participant *transcript_participant(
        const struct transcript *transcript, unsigned index);
const struct entry *transcript_entry(const struct transcript *transcript, unsigned index);

#endif
