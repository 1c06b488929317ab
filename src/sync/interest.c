#include "sync/interest.h"

#include "core/error.h"

struct interest {
	struct store *store;
	const struct router *router;
	GHashTable *takers; /* address -> bits (1 << enum route_talk): talks that are archived */
	int anybody; /* whether anybody is archived: -1 not looked up */
};

#define ALL_TALKS                                                                                  \
	((1U << ROUTE_TALK_UNKNOWN) | (1U << ROUTE_TALK_INTERNAL) | (1U << ROUTE_TALK_EXTERNAL))

struct interest *interest_new(struct store *store, const struct router *router)
{
	struct interest *interest = g_new0(struct interest, 1);
	interest->store = store;
	interest->router = router;
	interest->takers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	interest->anybody = -1;
	return interest;
}

void interest_free(struct interest *interest)
{
	g_hash_table_unref(interest->takers);
	g_free(interest);
}

static bool by_policy(
        const struct interest *interest, const char *address, unsigned *talks, GError **error)
{
	bool none;
	if (!store_policy_is(interest->store, address, "archive", "none", &none, error))
		return false;
	*talks = none ? 0 : ALL_TALKS;
	return true;
}

/* Where a mapping is in doubt the message is kept until somebody has put it right. */
static bool by_route(
        const struct interest *interest, const char *address, unsigned *talks, GError **error)
{
	struct route route;
	g_autoptr(GError) doubt = NULL;
	*talks = ALL_TALKS;
	if (!router_find(interest->router, interest->store, address, &route, &doubt)) {
		if (error_class_of(doubt) == ERROR_MAILBOX)
			return true;
		g_propagate_error(error, g_steal_pointer(&doubt));
		return false;
	}
	*talks = 0;
	for (enum route_talk talk = ROUTE_TALK_UNKNOWN; talk <= ROUTE_TALK_EXTERNAL; talk++)
		if (route_takes(&route, talk))
			*talks |= 1U << talk;
	route_clear(&route);
	return true;
}

static bool takes(struct interest *interest, const char *address, enum route_talk talk, bool *is,
        GError **error)
{
	gpointer known = NULL;
	unsigned talks = 0;
	if (g_hash_table_lookup_extended(interest->takers, address, NULL, &known)) {
		talks = GPOINTER_TO_UINT(known);
	} else {
		if (!(interest->router != NULL ? by_route : by_policy)(
		            interest, address, &talks, error))
			return false;
		g_hash_table_insert(interest->takers, g_strdup(address), GUINT_TO_POINTER(talks));
	}
	*is = (talks & (1U << talk)) != 0;
	return true;
}

/* Who is in a room is known only later, so its talk is stored when anybody at all is archived. */
static bool room_takes(struct interest *interest, bool *is, GError **error)
{
	if (interest->anybody < 0) {
		g_autoptr(GPtrArray) rows = store_policy_list(interest->store, error);
		if (rows == NULL)
			return false;
		interest->anybody = 0;
		for (guint i = 0; i < rows->len; i++) {
			const struct policy_row *row = g_ptr_array_index(rows, i);
			if (g_str_equal(row->name, "archive") && !g_str_equal(row->value, "none"))
				interest->anybody = 1;
		}
	}
	*is = interest->anybody == 1;
	return true;
}

static bool excludes(const struct interest *interest, const char *address)
{
	return interest->router != NULL && router_excludes(interest->router, address);
}

static enum route_talk talk_of(const struct interest *interest, const struct message *message)
{
	if (interest->router == NULL)
		return ROUTE_TALK_UNKNOWN;
	return router_is_foreign(interest->router, message->owner) ||
	                       router_is_foreign(interest->router, message->peer)
	               ? ROUTE_TALK_EXTERNAL
	               : ROUTE_TALK_INTERNAL;
}

static bool pair_find(struct interest *interest, const struct message *message,
        enum interest_in *what, GError **error)
{
	bool is = false;
	if (excludes(interest, message->owner) || excludes(interest, message->peer))
		return true;
	enum route_talk talk = talk_of(interest, message);
	if (!takes(interest, message->owner, talk, &is, error) ||
	        (!is && !takes(interest, message->peer, talk, &is, error)))
		return false;
	*what = is ? INTEREST_WHOLE : INTEREST_NONE;
	return true;
}

static bool has_words(enum message_kind kind)
{
	return kind == MESSAGE_CHAT || kind == MESSAGE_CORRECTION || kind == MESSAGE_FILE ||
	       kind == MESSAGE_ENCRYPTED;
}

bool interest_find(struct interest *interest, const struct message *message, enum interest_in *what,
        GError **error)
{
	bool is = false;
	*what = INTEREST_NONE;
	if (!message->is_room)
		return pair_find(interest, message, what, error);
	if (excludes(interest, message->peer))
		return true;
	if (!room_takes(interest, &is, error))
		return false;
	if (is && excludes(interest, message->sender))
		*what = has_words(message->kind) ? INTEREST_FACT : INTEREST_NONE;
	else if (is)
		*what = INTEREST_WHOLE;
	return true;
}

struct message *interest_withhold(const struct message *message)
{
	struct message *fact = message_new(MESSAGE_WITHHELD);
	fact->source = g_strdup(message->source);
	fact->source_key = g_strdup(message->source_key);
	fact->owner = g_strdup(message->owner);
	fact->peer = g_strdup(message->peer);
	fact->is_room = message->is_room;
	fact->sender = g_strdup(message->sender);
	fact->sender_nick = g_strdup(message->sender_nick);
	fact->sent_utc_us = message->sent_utc_us;
	fact->claimed_utc_us = message->claimed_utc_us;
	fact->order = message->order;
	return fact;
}
