/*
 * Mailboxes in which another IM server kept contacts before us. Such a list is taken over as it is:
 * the mailbox wins, and what only the IM side has stays there, since its owner may have deleted it
 * from the mailbox long ago.
 */
#include "core/clock.h"
#include "core/error.h"
#include "store/life.h"
#include "sync/contacts_private.h"

/* Only the list of the Im* operations is another IM server's; plain contacts are the user's own. */
static bool is_occupied(const struct pass_state *pass, enum life_answer *occupied, GError **error)
{
	const struct contacts_run *run = pass->run;
	bool holds = false, agreed = false;
	if (!store_life_look(run->store, run->lease->mailbox->id, &holds, &agreed, error))
		return false;
	bool ours = agreed || pass->status->migrated_utc_us != 0;
	*occupied = holds && !ours && run->mail.dialect == EWS_DIALECT_UCS ? LIFE_YES : LIFE_NO;
	return true;
}

static bool refuse_occupied(const struct contacts_run *run, GError **error)
{
	const char *owner = run->lease->mailbox->owner;
	error_set(error, ERROR_MAILBOX, "contacts.occupied",
	        "another IM server keeps contacts in %s, the mailbox of %s: once it does not serve "
	        "the user any more, run imex migrate --user %s --adopt, which takes its list over "
	        "as it is",
	        run->lease->mailbox->smtp, owner, owner);
	return false;
}

/* Seen once, when the mailbox was read first: later its contacts may be ours. */
static bool look_once(struct pass_state *pass, struct contact_life *life, GError **error)
{
	const struct contacts_run *run = pass->run;
	return life->occupied != LIFE_UNKNOWN ||
	       (is_occupied(pass, &life->occupied, error) &&
	               store_life_save(run->store, run->lease, life, error));
}

bool contacts_adopt(struct pass_state *pass, GError **error)
{
	struct contacts_run *run = pass->run;
	struct contact_life life;
	int64_t id = run->lease->mailbox->id;
	if (run->options.rollback || pass->kept != NULL)
		return true;
	if (!store_life(run->store, id, &life, error) || !look_once(pass, &life, error))
		return false;
	if (life.occupied != LIFE_YES)
		return true;
	if (life.adopted_utc_us == 0) {
		if (!run->options.adopt)
			return refuse_occupied(run, error);
		life.adopted_utc_us = clock_utc_us();
		if (!store_life_save(run->store, run->lease, &life, error))
			return false;
	}
	if (pass->status->migrated_utc_us == 0) {
		pass->report->adopting = true;
		run->policy.rule = PLAN_RULE_MAILBOX;
		run->policy.to_mailbox = false;
	}
	if (!store_life_kept_sweep(run->store, run->lease, error))
		return false;
	pass->kept = store_life_kept(run->store, id, error);
	return pass->kept != NULL;
}

bool contacts_keep(
        struct pass_state *pass, const struct contact_row *row, bool *keep, GError **error)
{
	const struct contacts_run *run = pass->run;
	*keep = false;
	if (pass->kept == NULL || run->target != NULL || row->ours == NULL || row->items->len > 0 ||
	        row->agreed_im != NULL)
		return true;
	bool known = g_hash_table_contains(pass->kept, row->key);
	if (!known && !pass->report->adopting)
		return true;
	*keep = true;
	pass->report->kept++;
	return known || store_life_keep(run->store, run->lease, row->key, error);
}
