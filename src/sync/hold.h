/*
 * Which mailboxes are on hold, as the mail server's administrator last said, with the age of that
 * knowledge. The policy archive.route = auto follows it.
 *
 * The file ([archive] hold_file) has a line per mailbox:
 *
 *	# ADDRESS held|free [TIME]
 *	alice@corp.example held 2026-11-25T06:00:00Z
 *
 * ADDRESS is the SMTP or the IM address, TIME when the mail server said so; without it the time of
 * the file counts. "#" begins a comment. What is not named is not known.
 *
 * With [archive] hold = ldap, the directory says it: entries of [ldap] filter are free, and those
 *that match [ldap] hold_filter as well are held, told by their attribute mail. It is asked every
 *few minutes; while it does not answer, what it said last stays and grows old.
 *
 *   hold.file  CONFIG  the file cannot be read, a line is wrong, or two lines contradict each
 *other; names the line
 */
#ifndef IMEX_SYNC_HOLD_H
#define IMEX_SYNC_HOLD_H

#include "core/config.h"
#include "model/mailbox.h"

enum hold_state { HOLD_UNKNOWN, HOLD_FREE, HOLD_HELD };
const char *hold_state_name(enum hold_state state); /* "unknown", "free", "held" */

struct holds;

/* With [archive] hold = none nothing is known. The table does not change; any thread may use it. */
struct holds *holds_load(const struct config *config, GError **error);
void holds_free(struct holds *holds);
AUTO_DEFINE(holds, holds_free);

struct hold {
	enum hold_state state; /* unknown, too, when it was learned too long ago */
	int64_t learned_utc_us; /* 0: never */
};
/* By owner, else by the SMTP address of mailbox, which may be NULL. */
struct hold holds_find(const struct holds *holds, const char *owner, const struct mailbox *mailbox,
        int64_t now_utc_us);

/* Why nothing is known about anybody: not asked for, or the directory's failure; NULL. Borrowed. */
const char *holds_absent(const struct holds *holds);

#endif
