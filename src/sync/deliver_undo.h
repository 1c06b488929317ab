/*
 * Undoing a run: removes from one mailbox the items that a run delivered.
 *
 * An item is removed only when it stands in our record as delivered by that run, under the id that
 * the server gave it, and bears our property with that delivery's id. What its owner moved or
 * deleted is left alone; a delivery that was undone is never sent again.
 */
#ifndef IMEX_SYNC_DELIVER_UNDO_H
#define IMEX_SYNC_DELIVER_UNDO_H

#include "ews/messages.h"
#include "store/delivery_run.h"

struct undo_report {
	uint64_t removed; /* or, with dry_run, would be */
	uint64_t gone; /* moved or deleted by their owner */
	uint64_t foreign; /* at that id is something that does not bear our property */
};

/*
 * The session must be using the mailbox of the lease. Killed at any moment, the next one goes on.
 * With dry_run nothing is written, but the items are looked at.
 */
bool deliver_undo(struct store *store, struct lease *lease, struct ews_session *session,
        const char *run, bool dry_run, struct undo_report *report, GError **error);

#endif
