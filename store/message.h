/*
 * Captured messages, each event once, and the conversations they belong to.
 *
 * A conversation is named by its key ("pair A B" or "room ADDRESS"); in the store it has an id, and
 * its messages are numbered 1, 2, 3 ... in the order of their capture (seq). A number is given once
 * and never changes: (conversation_id, seq) names a message everywhere. What is captured is never
 * changed or removed by these verbs.
 *
 * Several owners' archives hold copies of one message. Each copy is remembered under (source,
 * owner, source_key), and reading it again changes nothing. A copy joins a message that is there
 * when both bear the same correlation and were sent close to each other. A correlation begins with
 * the kind of proof that it stands for:
 *   "o:"  the sender's own unique id: joins copies of other owners within ten minutes, and a
 *         repeated one of the same owner (a client that sent again after a broken connection)
 *         within five
 *   "i:"  an id that is unique within the sender's session at best: joins copies of other owners
 *         within ten minutes
 *   "c:"  sender and content only: joins copies of other owners within a minute
 */
#ifndef IMEX_STORE_MESSAGE_H
#define IMEX_STORE_MESSAGE_H

#include "model/message.h"
#include "store/store.h"

enum message_put {
	MESSAGE_PUT_NEW, /* a message that was not there */
	MESSAGE_PUT_COPY, /* another copy of one that was */
	MESSAGE_PUT_SAME, /* this copy was there */
	/*
	 * A copy of this source key was there with other content. Both are kept, this one as a
	 * message of its own that is marked.
	 */
	MESSAGE_PUT_CONFLICT,
};

struct message_put_result {
	enum message_put outcome;
	int64_t conversation_id;
	int64_t seq;
};

/*
 * Stores one message. conversation is conversation_key() of it. Sources that hold the same message
 * must not be written at the same time: capture holds the source's cursor while it writes. out may
 * be NULL.
 */
bool store_message_put(struct store *store, const char *conversation, const struct message *message,
        struct message_put_result *out, GError **error);

struct conversation {
	int64_t id;
	char *key;
	bool is_room;
	char *title; /* a room's name, or NULL */
	int64_t last_seq; /* number of its newest message */
	int64_t taken_seq; /* up to here segmenting has taken them */
	int64_t first_utc_us, last_utc_us; /* by time of sending */
};
void conversation_free(struct conversation *conversation);
AUTO_DEFINE(conversation, conversation_free);

/* *out is owned, NULL when there is none. */
bool store_conversation_by_key(
        struct store *store, const char *key, struct conversation **out, GError **error);
bool store_conversation_by_id(
        struct store *store, int64_t id, struct conversation **out, GError **error);

/*
 * Conversations in the order of their ids, from the one after after_id, at most limit. Owned:
 * struct conversation. pending: only those with messages that segmenting has not taken.
 */
GPtrArray *store_conversations(
        struct store *store, int64_t after_id, bool pending, unsigned limit, GError **error);
/* A room's name; NULL forgets it. A room that is not there is left alone. */
bool store_conversation_set_title(
        struct store *store, const char *key, const char *title, GError **error);
/* Segmenting has taken everything up to seq; never goes back. */
bool store_conversation_take(
        struct store *store, int64_t conversation_id, int64_t seq, GError **error);

struct stored_message {
	int64_t conversation_id, seq;
	int64_t captured_utc_us;
	struct message *message; /* source, owner and source_key are those of the first copy */
};
void stored_message_free(struct stored_message *stored);
AUTO_DEFINE(stored_message, stored_message_free);

/* By number: those after after_seq, at most limit. Owned: struct stored_message. */
GPtrArray *store_messages_after(struct store *store, int64_t conversation_id, int64_t after_seq,
        unsigned limit, GError **error);
/* One; *out is owned, NULL when there is none. */
bool store_message_get(struct store *store, int64_t conversation_id, int64_t seq,
        struct stored_message **out, GError **error);

/*
 * By time of sending, then the source's order: [since_utc_us, until_utc_us). each may use the
 * store, since pages are read before it is called; false from it stops.
 */
typedef bool (*store_message_fn)(const struct stored_message *message, void *data, GError **error);
bool store_message_each(struct store *store, int64_t conversation_id, int64_t since_utc_us,
        int64_t until_utc_us, store_message_fn each, void *data, GError **error);

/* The owners (char *) whose archives hold a copy of it, sorted. Owned; empty for a room's. */
GPtrArray *store_message_owners(
        struct store *store, int64_t conversation_id, int64_t seq, GError **error);

/* Whether this copy is there, whatever its content. */
bool store_message_known(struct store *store, const char *conversation,
        const struct message *message, bool *known, GError **error);
/* Copies of that source of messages sent in [since_utc_us, until_utc_us). */
bool store_message_copies(struct store *store, const char *source, int64_t since_utc_us,
        int64_t until_utc_us, int64_t *copies, GError **error);

/* What is captured, over all conversations. */
struct message_totals {
	int64_t conversations, messages, copies, conflicts;
	int64_t gaps; /* that are still open */
	int64_t newest_utc_us; /* time of sending; 0 without any */
};
bool store_message_totals(struct store *store, struct message_totals *out, GError **error);

#endif
