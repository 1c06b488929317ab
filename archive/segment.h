/*
 * Segmenting: which closed piece of a conversation a message belongs to. Pure: no clock, no I/O.
 *
 * A conversation is the set of people who talk, or the room; it does not depend on whose copy of a
 * message was read. A segment is a piece of it that ends when the talk was idle for a while, when
 * its thread id changes to another, at the end of a UTC day, or when it grows too large. A closed
 * segment never changes; a message that comes too late for it goes into a continuation that is
 * marked late.
 */
#ifndef IMEX_ARCHIVE_SEGMENT_H
#define IMEX_ARCHIVE_SEGMENT_H

#include "model/message.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct segment_rules {
	int64_t idle_gap_us;
	unsigned max_messages;
	size_t max_bytes; /* of text */
};

/* 10 minutes, 1000 messages, 4 MiB. */
extern const struct segment_rules segment_rules_default;

/* Why a segment was closed. */
enum segment_reason {
	SEGMENT_REASON_NONE, /* open */
	SEGMENT_REASON_IDLE,
	SEGMENT_REASON_THREAD,
	SEGMENT_REASON_DAY,
	SEGMENT_REASON_SIZE,
};

/* An open segment; zero messages means there is none. */
struct segment_state {
	unsigned messages;
	size_t bytes;
	int64_t first_utc_us, last_utc_us;
	char *thread; /* the last thread id seen, or NULL */
};

void segment_state_clear(struct segment_state *state);

/* What is closed already of the same conversation. */
struct segment_past {
	bool any;
	int64_t until_utc_us; /* the latest message in a closed segment */
	enum segment_reason reason; /* why the one that ends there was closed */
};

enum segment_step {
	SEGMENT_APPEND, /* into the open segment, or into a first one */
	SEGMENT_SPLIT, /* close the open segment for *reason, then into a new one */
	SEGMENT_LATE, /* into the late continuation */
};

/*
 * Where message goes. Messages are asked about in the order of message_compare_time(); what arrives
 * later out of that order is still put right.
 */
enum segment_step segment_decide(const struct segment_rules *rules, const struct segment_past *past,
        const struct segment_state *open, const struct message *message,
        enum segment_reason *reason);

/* Counts message into the open segment. */
void segment_add(struct segment_state *open, const struct message *message);

/*
 * Whether the open segment is over at now_utc_us, up to which the source has been read: nothing can
 * join it any more except late.
 */
bool segment_is_over(const struct segment_rules *rules, const struct segment_state *open,
        int64_t now_utc_us, enum segment_reason *reason);

/* A new random id: 32 lower-case hexadecimal digits. Owned. */
char *segment_id_new(void);

const char *segment_reason_name(enum segment_reason reason);
bool segment_reason_parse(const char *name, enum segment_reason *reason);

/*
 * The key of a conversation: "room ADDRESS", or "pair A B" with the two canonical addresses in the
 * order of their bytes, so that both owners' copies give the same. Owned; NULL when the message
 * names no peer, or no owner outside of a room.
 */
char *conversation_key(const struct message *message);

/* Order of sending; the source's own order breaks ties, then its key. For sorting. */
int message_compare_time(const struct message *a, const struct message *b);

#endif
