/*
 * Work on many mailboxes: who there is, and a crew of workers that visits them.
 */
#ifndef IMEX_SYNC_SCHEDULE_H
#define IMEX_SYNC_SCHEDULE_H

#include "sync/worker.h"

/* An owner that no visit is made to, and why. */
struct schedule_refusal {
	char *owner;
	char *reason, *message;
};

struct schedule_owners {
	GPtrArray *mailboxes; /* struct mailbox, by owner; ids are 0 where nothing is pinned */
	GPtrArray *refused; /* struct schedule_refusal: unmapped, mapping changed, twice mapped */
	uint64_t idle; /* owners for whom no policy allows anything */
};
void schedule_owners_init(struct schedule_owners *owners);
void schedule_owners_clear(struct schedule_owners *owners);

/*
 * Asks every source of the configuration who there is, and adds those whose mailboxes are known
 * already. With pin, mappings of owners whose policy allows something of these kinds are pinned.
 * A mailbox whose roster's version moved is made due. False: a source cannot be read; what the
 * others said is in *owners all the same.
 */
bool schedule_find_owners(struct worker *worker, const struct worker_options *options,
        unsigned kinds, bool pin, struct schedule_owners *owners, GError **error);

/* One owner by name: mapped, pinned when pin is set. schedule.not_allowed when no policy is. */
bool schedule_find_owner(struct worker *worker, const struct worker_options *options,
        const char *owner, unsigned kinds, bool pin, struct mailbox **out, GError **error);

struct schedule_crew {
	struct worker_shared *shared;
	unsigned workers;
	/* Told after each visit, by one worker at a time. May be NULL. */
	void (*visited)(void *data, const struct visit *visit);
	/* Asked between two visits; true ends the work. May be NULL. */
	bool (*stopping)(void *data);
	void *data;
};

/* Visits each mailbox once. False: a worker could not work at all (the store). */
bool schedule_visit_all(
        const struct schedule_crew *crew, const GPtrArray *mailboxes, GError **error);

/* Visits mailboxes as they are due, until asked to stop. */
bool schedule_visit_due(const struct schedule_crew *crew, GError **error);

#endif
