/*
 * Where a contact list stands in its life, and what decided that: the one place that says so.
 */
#ifndef IMEX_SYNC_LIFECYCLE_H
#define IMEX_SYNC_LIFECYCLE_H

#include "core/config.h"
#include "store/contact.h"
#include "store/life.h"
#include "store/policy.h"
#include "store/store.h"
#include "sync/usermap.h"

enum lifecycle_state {
	LIFECYCLE_NOT_ALLOWED, /* no policy allows it; nothing is done */
	LIFECYCLE_WAITING, /* allowed, and its time has not come: until_utc_us, or the next pass */
	LIFECYCLE_NOT_ELIGIBLE, /* allowed, and it cannot be moved: reason */
	LIFECYCLE_MIGRATING, /* a first move has begun and not ended */
	LIFECYCLE_IN_MAILBOX,
	LIFECYCLE_ROLLING_BACK, /* a way back has begun and not ended */
	LIFECYCLE_ROLLED_BACK, /* pinned to the IM side until it is unpinned */
	LIFECYCLE_NEEDS_ATTENTION, /* the last pass failed: reason, and when it is tried again */
	LIFECYCLE_STATES,
};
/* "not allowed", "in the mailbox" ... */
const char *lifecycle_state_name(enum lifecycle_state state);

struct lifecycle {
	enum lifecycle_state state;
	char *reason; /* stable: "usermap.unmapped"; NULL: none */
	char *message; /* a sentence for people; NULL: none */
	char *rule; /* what decided: "policy contacts of domain im.example" */
	int64_t until_utc_us; /* of WAITING and NEEDS_ATTENTION; 0: not planned */
	/* Sides that say different things: "policy=no, store=mailbox". NULL: none. */
	const char *drift;
	struct mailbox *mailbox; /* as pinned; NULL: nothing was written for this owner yet */
	struct contact_status *status; /* NULL without a pinned mailbox */
	struct contact_life life;
	struct policy_contacts policy;
};
void lifecycle_clear(struct lifecycle *lifecycle);

/*
 * *out is to be cleared by the caller in any case. owner: a canonical IM address. map may be NULL:
 * then who he is in the mail system does not decide.
 */
bool lifecycle_of(struct store *store, const struct config *config, const struct usermap *map,
        const char *owner, struct lifecycle *out, GError **error);

/*
 * Whether policy and the list's life let a pass work on the contacts of owner now. When not, *why
 * (may be NULL) is an error of class MAILBOX for a person who asked for it: schedule.not_allowed,
 * contacts.waiting, contacts.rolled_back, contacts.rolling_back. Owned by the caller.
 */
bool lifecycle_may_pass(
        struct store *store, const char *owner, bool *may, GError **why, GError **error);

#endif
