/* Never pass on "everything vanished": within one list, and across mailboxes (rule 3 of the
 * design). */
#include "core/clock.h"
#include "core/error.h"
#include "store/loss.h"
#include "sync/contacts_private.h"

/* Mailboxes that lose contacts within this time lose them together. */
#define TOGETHER_US (600 * CLOCK_US_PER_S)

static bool refuse_mass_delete(
        const struct pass_state *pass, const struct plan_counts *counts, GError **error)
{
	const struct contacts_run *run = pass->run;
	bool im = counts->im_deleted > counts->mail_deleted;
	const char *owner = run->lease->mailbox->owner;
	error_set(error, ERROR_MAILBOX, "plan.mass_delete",
	        "%" G_GUINT64_FORMAT " of the %" G_GUINT64_FORMAT
	        " contacts of %s would be deleted %s, more than sync.max_delete_percent (%u) "
	        "allows: "
	        "nothing was changed; if that is meant, run imex contacts sync %s "
	        "--allow-mass-delete",
	        im ? counts->im_deleted : counts->mail_deleted, im ? counts->ours : counts->theirs,
	        owner, im ? "on the IM side" : "from the mailbox", run->options.max_delete_percent,
	        owner);
	return false;
}

static bool refuse_mass_loss(
        const struct contacts_run *run, const struct loss_count *count, GError **error)
{
	const char *owner = run->lease->mailbox->owner;
	error_set(error, ERROR_MAILBOX, "plan.mass_loss",
	        "%" G_GINT64_FORMAT " of %" G_GINT64_FORMAT
	        " mailboxes would lose contacts at the same time, %s among them: nothing was "
	        "changed; look for the cause (a directory or database restored or emptied), and if "
	        "it is meant, run imex contacts sync %s --allow-mass-delete",
	        count->losing, count->mailboxes, owner, owner);
	return false;
}

static bool guard_mailboxes(
        struct pass_state *pass, const struct plan_counts *counts, GError **error)
{
	struct contacts_run *run = pass->run;
	struct loss_count count = {0};
	int64_t now = clock_utc_us();
	if (counts->im_deleted + counts->mail_deleted == 0)
		return store_loss_clear(run->store, run->lease, error);
	if (!store_loss_count(run->store, run->lease, now - TOGETHER_US, &count, error))
		return false;
	if (plan_mass_loss(count.losing, count.mailboxes))
		return refuse_mass_loss(run, &count, error);
	return store_loss_note(run->store, run->lease, false, now, error);
}

bool contacts_guard(
        struct pass_state *pass, const struct plan_counts *counts, bool *go, GError **error)
{
	const struct contacts_run *run = pass->run;
	*go = true;
	if (run->options.allow_mass_delete)
		return store_loss_clear(run->store, run->lease, error);
	switch (plan_guard(counts, run->options.max_delete_percent)) {
	case PLAN_STOP:
		return refuse_mass_delete(pass, counts, error);
	case PLAN_CONFIRM:
		*go = pass->status->emptied;
		break;
	case PLAN_GO:
	default:
		break;
	}
	/* What a person asked for by name is no accident of many. */
	bool asked = run->options.rollback || run->target != NULL;
	return !*go || asked || guard_mailboxes(pass, counts, error);
}

bool contacts_hold(struct pass_state *pass, GError **error)
{
	struct contacts_run *run = pass->run;
	g_autoptr(GError) failure = NULL;
	bool held = error != NULL && error_is(*error, "plan.mass_loss") && !run->options.plan_only;
	if (held && !store_loss_note(run->store, run->lease, true, clock_utc_us(), &failure)) {
		g_clear_error(error);
		g_propagate_error(error, g_steal_pointer(&failure));
	}
	return false;
}
