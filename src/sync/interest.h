/*
 * Which messages are stored at all: those that somebody's policies name, and none that
 * [archive] exclude keeps out.
 */
#ifndef IMEX_SYNC_INTEREST_H
#define IMEX_SYNC_INTEREST_H

#include "model/message.h"
#include "sync/route.h"

enum interest_in {
	INTEREST_NONE, /* not to be stored */
	INTEREST_FACT, /* only that there was one: interest_withhold() */
	INTEREST_WHOLE,
};

/*
 * What the policies say is remembered, so that one of these lasts for one pass. store and router
 * outlive it. Without a router only the policy `archive` counts.
 */
struct interest;
struct interest *interest_new(struct store *store, const struct router *router);
void interest_free(struct interest *interest);
AUTO_DEFINE(interest, interest_free);

bool interest_find(struct interest *interest, const struct message *message, enum interest_in *what,
        GError **error);

/* The message without what was said. Owned. */
struct message *interest_withhold(const struct message *message);

#endif
