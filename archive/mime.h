/*
 * A transcript as one MIME message (RFC 5322, 2045, 2047): multipart/alternative of text and HTML,
 * within multipart/mixed when files are attached;
 * each part quoted-printable or base64, so that no server on the way has a reason to rewrite it and
 * no line of it can look like the boundary, which begins with "=_".
 *
 * From is who spoke first, To are the others; people without an SMTP address appear with their IM
 * address, people of whom only a nickname is known with the room's address. Thread-Index holds the
 * header block of MS-OXOMSG 2.2.1.3 with an id made from the first segment, and for a continuation
 * one response level behind it; Thread-Topic is the same for all segments of a conversation.
 */
#ifndef IMEX_ARCHIVE_MIME_H
#define IMEX_ARCHIVE_MIME_H

#include "archive/render.h"
#include "archive/transcript.h"

#include <glib.h>
#include <stdbool.h>

/* Sets up GMime; what needs it calls this, once per process and from any thread. */
void mime_global_init(void);

struct mime_options {
	struct render_options render;
	const char *domain; /* right side of the Message-ID, as DNS spells it */
	/* Tells apart messages made of one segment; part of the Message-ID. */
	int64_t copy;
};

/* The message's bytes with CR LF line ends. Never NULL. */
GBytes *mime_render(const struct transcript *transcript, const struct mime_options *options);

/* Message-ID without angle brackets: stable for a segment and copy. Owned. */
char *mime_message_id(const char *segment_id, int64_t copy, const char *domain);

/* SHA-256 of the bytes as 64 hexadecimal digits. Owned. */
char *mime_hash(GBytes *bytes);

/* What a message read back says of itself: for exports from a mailbox, and for tests. */
struct mime_parts {
	char *message_id; /* or NULL */
	char *subject;
	char *from; /* whole header, decoded */
	char *to;
	char *segment_id; /* X-Imex-Segment, or NULL: not one of ours */
	int64_t sent_utc_us; /* 0 when there is no valid Date */
	char *text; /* the text part, decoded, LF; or NULL */
	char *html; /* the HTML part; or NULL */
};

/*
 * Reads a message of at most max_bytes; NULL with mime.too_large or mime.invalid. Foreign messages
 * are read as far as they can be.
 */
struct mime_parts *mime_parse(GBytes *bytes, size_t max_bytes, GError **error);
void mime_parts_free(struct mime_parts *parts);
AUTO_DEFINE(mime_parts, mime_parts_free);

#endif
