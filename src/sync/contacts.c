#include "sync/contacts.h"

#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"
#include "store/life.h"
#include "store/mailbox.h"
#include "store/policy.h"
#include "sync/contacts_private.h"

/* Readings in one pass: the first, one that follows what changed meanwhile, one that proves. */
#define MAX_ROUNDS 4

void contacts_report_clear(struct contacts_report *report)
{
	g_clear_pointer(&report->refusals, g_ptr_array_unref);
	*report = (struct contacts_report){0};
}

static bool resolve(
        struct store *store, const char *owner, const char *name, char **value, GError **error)
{
	struct policy_decision decision = {0};
	if (!store_policy_resolve(store, owner, name, &decision, error))
		return false;
	*value = g_strdup(decision.value);
	policy_decision_clear(&decision);
	return true;
}

bool contacts_policy(
        struct store *store, const char *owner, struct plan_policy *policy, GError **error)
{
	g_autofree char *direction = NULL;
	g_autofree char *rule = NULL;
	*policy = (struct plan_policy){0};
	if (!resolve(store, owner, "contacts.direction", &direction, error) ||
	        !resolve(store, owner, "contacts.conflict", &rule, error))
		return false;
	policy->to_mailbox = !g_str_equal(direction, "to-im");
	policy->to_im = !g_str_equal(direction, "to-mailbox");
	if (!plan_rule_parse(rule, &policy->rule))
		policy->rule = PLAN_RULE_MAILBOX;
	return true;
}

/* Before anything is written for an owner, the server must confirm that the mailbox is his. */
static bool confirm_mailbox(const struct pass_state *pass, GError **error)
{
	struct contacts_run *run = pass->run;
	int64_t id = run->lease->mailbox->id;
	bool confirmed = false;
	if (!store_mailbox_confirmed(run->store, id, &confirmed, error))
		return false;
	return confirmed ||
	       (run->mail.driver->confirm(run->mail.data, error) &&
	               store_mailbox_set_confirmed(run->store, id, clock_utc_us(), error));
}

/* What one dialect mirrored says nothing to the other. */
static bool adopt_dialect(struct pass_state *pass, GError **error)
{
	const char *name = ews_dialect_name(pass->run->mail.dialect);
	struct contact_status *status = pass->status;
	if (g_strcmp0(status->dialect, name) == 0 ||
	        (status->dialect == NULL && pass->run->options.rollback))
		return true;
	g_free(status->dialect);
	status->dialect = g_strdup(name);
	g_clear_pointer(&status->mail_state, g_free);
	return store_contact_status_save(pass->run->store, pass->run->lease, status, error);
}

static bool wrote_to_mailbox(const struct plan_counts *done)
{
	return done->mail_created + done->mail_updated + done->mail_deleted > 0;
}

static const char *cause_of(const struct pass_state *pass)
{
	if (pass->run->target != NULL)
		return pass->run->target->cause;
	return pass->status->migrated_utc_us == 0 ? "migration" : "sync";
}

/* Without the mailbox there is no agreement that a version could be made of. */
static bool take_snapshot(const struct pass_state *pass, GError **error)
{
	const struct contacts_run *run = pass->run;
	return run->options.rollback || pass->restless ||
	       store_snapshot_take(run->store, run->lease, SNAPSHOT_AGREED, cause_of(pass),
	               &run->options.retention, clock_utc_us(), error);
}

/* The IM side's list as it is before the first plan touches it. */
static bool take_first(const struct pass_state *pass, GError **error)
{
	const struct contacts_run *run = pass->run;
	return pass->status->migrated_utc_us != 0 || run->options.plan_only ||
	       run->options.rollback ||
	       store_snapshot_take(run->store, run->lease, SNAPSHOT_OURS, "before migration",
	               &run->options.retention, clock_utc_us(), error);
}

static bool finish_round(struct pass_state *pass, GError **error)
{
	struct contacts_run *run = pass->run;
	struct contact_status *status = pass->status;
	status->dirty = pass->restless || pass->left_over;
	status->emptied = false;
	if (!store_begin(run->store, error))
		return false;
	bool good = (pass->report->waiting > 0 ||
	                    store_contact_groups_agree(run->store, run->lease, error)) &&
	            take_snapshot(pass, error) &&
	            store_contact_status_save(run->store, run->lease, status, error);
	return store_end(run->store, good, error);
}

/* Reads both sides, plans, carries out. *again: something is left that another round can do. */
static bool one_round(struct pass_state *pass, bool *again, GError **error)
{
	const struct contacts_run *run = pass->run;
	struct plan_counts before = pass->report->done;
	bool go = false;
	*again = false;
	pass->restless = pass->left_over = false;
	if (!contacts_read_theirs(pass, error) || !contacts_adopt(pass, error) ||
	        !contacts_read_ours(pass, error))
		return false;
	if (!pass->status->dirty && !run->options.force && pass->status->migrated_utc_us != 0)
		return true;
	if (!take_first(pass, error) || !contacts_plan(pass, &go, error))
		return false;
	if (!go)
		return true;
	if (!contacts_apply(pass, error) || !finish_round(pass, error))
		return false;
	/* The first list that is put into a mailbox is read back before it counts as moved. */
	bool wrote = wrote_to_mailbox(&pass->report->done) && !wrote_to_mailbox(&before);
	*again = pass->restless || (wrote && pass->status->migrated_utc_us == 0);
	return true;
}

static bool note_completed(
        const struct contacts_run *run, const struct contact_status *status, GError **error)
{
	struct contact_life life;
	if (!store_life(run->store, run->lease->mailbox->id, &life, error) ||
	        !store_begin(run->store, error))
		return false;
	life.completed = LIFE_YES;
	return store_end(run->store,
	        store_contact_status_save(run->store, run->lease, status, error) &&
	                store_life_save(run->store, run->lease, &life, error),
	        error);
}

static bool complete_migration(struct pass_state *pass, GError **error)
{
	struct contacts_run *run = pass->run;
	struct contact_status *status = pass->status;
	if (status->migrated_utc_us == 0 && pass->report->planned && !pass->report->confirming) {
		if (!run->mail.driver->migration_completed(run->mail.data, true, error))
			return false;
		status->migrated_utc_us = clock_utc_us();
		status->generation++;
		if (!note_completed(run, status, error))
			return false;
	}
	pass->report->migrated = status->migrated_utc_us != 0;
	return true;
}

static bool run_rounds(struct pass_state *pass, GError **error)
{
	struct contacts_report *report = pass->report;
	bool again = true;
	while (again && report->rounds < MAX_ROUNDS) {
		report->rounds++;
		if (!one_round(pass, &again, error))
			return false;
	}
	int64_t foreign = 0;
	if (!store_contact_foreign(
	            pass->run->store, pass->run->lease->mailbox->id, &foreign, error))
		return false;
	report->foreign = (uint64_t)foreign;
	if (again) {
		error_set(error, ERROR_RETRY, "contacts.restless",
		        "the contacts of %s changed on both sides faster than they could be "
		        "brought "
		        "together: the next pass goes on",
		        pass->run->lease->mailbox->owner);
		return false;
	}
	return pass->run->options.plan_only || pass->run->options.rollback ||
	       complete_migration(pass, error);
}

bool contacts_read_elsewhere(const struct contact_status *status)
{
	return status->im_version != NULL &&
	       g_str_has_prefix(status->im_version, CONTACTS_ELSEWHERE);
}

/*
 * What was agreed with one roster says nothing of another: a contact that the other one lacks was
 * not deleted.
 */
static bool change_roster(struct pass_state *pass, GError **error)
{
	struct contacts_run *run = pass->run;
	struct contact_status *status = pass->status;
	bool was = contacts_read_elsewhere(status);
	if (run->elsewhere)
		run->policy.to_im = false;
	if (was == run->elsewhere && (status->im_version != NULL || !run->elsewhere))
		return true;
	g_clear_pointer(&status->im_version, g_free);
	status->dirty = true;
	return store_contact_forget(run->store, run->lease, error) &&
	       store_contact_status_save(run->store, run->lease, status, error);
}

static bool pass(struct contacts_run *run, struct contacts_report *report, GError **error)
{
	autoptr(contact_status) status =
	        store_contact_status(run->store, run->lease->mailbox->id, error);
	if (status == NULL)
		return false;
	struct pass_state state = {.run = run, .report = report, .status = status};
	if ((!run->options.plan_only && !confirm_mailbox(&state, error)) ||
	        !adopt_dialect(&state, error) || !contacts_settle(&state, error) ||
	        !change_roster(&state, error))
		return false;
	bool good = run_rounds(&state, error) && (run->options.plan_only || run->options.rollback ||
	                                                 contacts_read_photos(&state, error));
	g_clear_pointer(&state.kept, g_hash_table_unref);
	g_free(state.failed_key);
	return good;
}

/*
 * What the pass has done lasts with the mark before each request that changes something, and with
 * the next commit after the pass (store_pass_record(), store_lease_release()).
 */
bool contacts_pass(struct contacts_run *run, struct contacts_report *report, GError **error)
{
	store_relax(run->store, true);
	bool good = pass(run, report, error);
	store_relax(run->store, false);
	return good;
}
