/* The way back: the mailbox's list is copied to the IM side, which is in charge again. */
#include "core/clock.h"
#include "core/error.h"
#include "store/policy.h"
#include "sync/contacts.h"

/*
 * A mailbox's end that is not asked: the mirror stands for it. Nothing is ever written through it,
 * because a rollback writes to the IM side only.
 */
static bool cached_confirm(void *data, GError **error)
{
	(void)data;
	(void)error;
	return true;
}

static bool cached_changes(void *data, const char *state_in, const struct ews_contacts_sink *sink,
        char **state_out, bool *full, GError **error)
{
	(void)data;
	(void)sink;
	if (state_in == NULL) {
		error_set(error, ERROR_MAILBOX, "contacts.no_cache",
		        "the mailbox was never read to its end, so there is no copy of its list: "
		        "run "
		        "this again without --from-cache when the mailbox can be reached");
		return false;
	}
	*state_out = g_strdup(state_in);
	*full = false;
	return true;
}

static const struct mail_end_driver cached = {
        .confirm = cached_confirm,
        .changes = cached_changes,
};

static bool refuse_read_only(const struct contacts_run *run, GError **error)
{
	error_set(error, ERROR_CONFIG, "source.read_only",
	        "the contacts of %s cannot be copied back, because the IM side is not to be "
	        "written: "
	        "stop the IM server, set write = sql-offline in its [source], and run this again",
	        run->lease->mailbox->owner);
	return false;
}

/* What was agreed is forgotten: another migration links the two lists anew. */
static bool forget_agreement(struct contacts_run *run, GError **error)
{
	struct store *store = run->store;
	autoptr(contact_status) status =
	        store_contact_status(store, run->lease->mailbox->id, error);
	if (status == NULL)
		return false;
	status->rolled_back_utc_us = clock_utc_us();
	status->migrated_utc_us = 0;
	status->generation++;
	status->dirty = true;
	return store_contact_forget(store, run->lease, error) &&
	       store_contact_status_save(store, run->lease, status, error) &&
	       store_policy_set(store, POLICY_USER, run->lease->mailbox->owner, "contacts",
	               "not-allowed", error);
}

bool contacts_rollback(
        struct contacts_run *run, bool from_cache, struct contacts_report *report, GError **error)
{
	const struct mail_end mail = run->mail;
	if (!run->im.writable)
		return refuse_read_only(run, error);
	run->policy.rule = PLAN_RULE_MAILBOX;
	run->policy.to_mailbox = false;
	run->policy.to_im = true;
	run->options.force = true;
	run->options.rollback = true;
	if (from_cache)
		run->mail.driver = &cached;
	bool good = contacts_pass(run, report, error);
	run->mail = mail;
	if (!good || run->options.plan_only)
		return good;
	if (report->refusals != NULL && report->refusals->len > report->unmapped) {
		error_set(error, ERROR_MAILBOX, "contacts.rollback_partial",
		        "%u contacts of %s could not be copied back, so that the mailbox stays in "
		        "charge: see imex contacts status %s",
		        report->refusals->len, run->lease->mailbox->owner,
		        run->lease->mailbox->owner);
		return false;
	}
	if (!from_cache && !mail.driver->migration_completed(mail.data, false, error))
		return false;
	return store_begin(run->store, error) &&
	       store_end(run->store, forget_agreement(run, error), error);
}
