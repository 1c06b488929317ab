/*
 * Whether a user's instant messaging may go on while archiving does not work: what an IM server
 * asks in critical mode (the policy archive.on_failure = block).
 *
 * For a user whom no policy archives, and while archiving works, the answer is always yes. It does
 * not work for a user when
 *   gate.capture   the source of the user's domain was not read for [archive] gate_after
 *   gate.mapping   whose mailbox it is is in doubt, so that nothing can be planned
 *   gate.delivery  a delivery into the user's mailbox has been waiting, or was failed, for longer
 *                  than [archive] gate_backlog
 * With `block` the answer is then no. Nothing is remembered: as soon as the cause is gone, so is
 * the block. What a caller gets while imexd is down, and what it should do then, stands in
 * imexd(8).
 */
#ifndef IMEX_SYNC_GATE_H
#define IMEX_SYNC_GATE_H

#include "core/config.h"
#include "sync/route.h"

struct gate {
	bool open; /* instant messaging may go on */
	bool archived; /* a policy archives this user */
	bool works; /* archiving works for this user, as far as is known */
	bool blocks; /* the policy is block */
	char *reason; /* "gate.capture" ...; NULL while it works */
	char *message; /* the sentence for people; NULL while it works */
	/* With a peer: whether somebody from outside takes part, and what to tell the two. */
	bool external;
	char *disclaimer; /* [archive] disclaimer, of an external conversation that is archived; or
	                     NULL */
	bool disclaimer_due; /* the conversation begins: it was quiet for [archive] idle_gap */
};
void gate_clear(struct gate *gate);

/* user and peer (or NULL): canonical addresses. */
bool gate_find(struct store *store, const struct config *config, const struct router *router,
        const char *user, const char *peer, struct gate *out, GError **error);

#endif
