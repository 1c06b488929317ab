/*
 * Who was in a room when: what a member may be given of it. Pure.
 */
#ifndef IMEX_ARCHIVE_PRESENCE_H
#define IMEX_ARCHIVE_PRESENCE_H

#include "model/message.h"

#include <glib.h>
#include <stdbool.h>

/*
 * nickname -> address (both borrowed) of those whose every message under that nickname bears one
 * and the same address; sources often tell no address with a join or leave. A nickname that anybody
 * else used in these messages is not in it.
 */
GHashTable *presence_nicks(const GPtrArray *messages);

/* The address behind a message: its sender's, or of a join or leave that of its nickname; or NULL.
 */
const char *presence_address(GHashTable *nicks, const struct message *message);

/* What is known of somebody before the first of the messages. */
enum presence_before { PRESENCE_UNKNOWN, PRESENCE_IN, PRESENCE_OUT };

enum presence_part {
	PRESENCE_ALL, /* all of the messages */
	PRESENCE_WHILE_IN, /* what came while this person was in the room */
	/* Nothing is known of coming and going: from the first to the last own message. */
	PRESENCE_OWN_SPAN,
};

/*
 * The messages (borrowed; in the order of message_compare_time(), which the input must be in) that
 * came while address was in the room; own messages always.
 */
GPtrArray *presence_filter(const GPtrArray *messages, const char *address,
        enum presence_before before, enum presence_part *part);

#endif
