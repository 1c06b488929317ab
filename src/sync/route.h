/*
 * Where a user's conversations go, and why: what the policies say, what is excluded, the hold state
 * of the mailbox, and what its server has.
 *
 * The order of decision: [archive] exclude, then the policies archive (what), archive.route = none,
 * archive.who (internal, external), then the route. `mailbox` and a held mailbox under `auto` go to
 * the folders of [archive] folder; everything else, and whoever has no mailbox, goes to the local
 * archive, which is imex's own store. A folder that the server does not have is replaced by the
 * local archive.
 *
 *   archive.exclude  CONFIG  an entry of [archive] exclude is no address
 *   hold.file        CONFIG  see sync/hold.h
 */
#ifndef IMEX_SYNC_ROUTE_H
#define IMEX_SYNC_ROUTE_H

#include "store/policy.h"
#include "sync/hold.h"
#include "sync/usermap.h"

enum route_target {
	ROUTE_HISTORY = 1 << 0, /* Conversation History: the user sees it and may delete it */
	ROUTE_PURGES = 1 << 1, /* Recoverable Items/Purges: for compliance */
	ROUTE_LOCAL = 1 << 2, /* the local archive: for compliance */
};

/* One row per target: where it exists. */
struct route_place {
	enum route_target target;
	const char *name; /* "history": the name of the folder in deliveries */
	const char *title; /* for people */
	bool compliance; /* keeps what was taken back, marked; else only the fact is shown */
	const char *products; /* values of [server NAME] product that have it, separated by "|" */
};
/* Ends with a row whose name is NULL. */
extern const struct route_place route_places[];

/* Whether people from outside take part. Where nicknames hide who does, it is not known. */
enum route_talk { ROUTE_TALK_UNKNOWN, ROUTE_TALK_INTERNAL, ROUTE_TALK_EXTERNAL };

/* Does not change; any thread may use it. config and map outlive it. */
struct router;
struct router *router_new(const struct config *config, const struct usermap *map, GError **error);
void router_free(struct router *router);
AUTO_DEFINE(router, router_free);

/* Whether [archive] exclude names this person or room. */
bool router_excludes(const struct router *router, const char *address);
/* Whether an address is of a domain, or a room of a service below a domain, that is not ours. */
bool route_is_foreign(const struct config *config, const char *address);
bool router_is_foreign(const struct router *router, const char *address);

/* What holds for one user. Texts are owned. */
struct route {
	unsigned targets; /* of enum route_target; 0: nothing is archived */
	char *what, *who, *route; /* the policies */
	enum policy_scope what_scope, who_scope, route_scope;
	struct mailbox *mailbox; /* what the user map says, or NULL */
	struct hold hold;
	char *because; /* the rule that decided, as a part of a sentence */
};
void route_clear(struct route *route);

/*
 * owner: a canonical IM address. A mapping in doubt (two owners on one mailbox) is an error; that
 * there is none is an answer.
 */
bool router_find(const struct router *router, struct store *store, const char *owner,
        struct route *out, GError **error);

/* Whether the policies name such a conversation; what is not known is archived in case of doubt. */
bool route_takes(const struct route *route, enum route_talk talk);

/* "Conversation History and the local archive". Owned. */
char *route_targets_title(unsigned targets);

#endif
