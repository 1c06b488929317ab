/*
 * The effects of a plan: each step is marked sent before its request starts, and its outcome is
 * recorded together with what both sides hold now.
 */
#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"
#include "sync/contacts_private.h"

#include <string.h>

#define PAGE_STEPS 256
/* Creates that go out in one request; as many steps are uncertain when its answer is lost. */
#define CREATE_BATCH 50

static void refusal_free(void *data)
{
	struct contacts_refusal *refusal = data;
	g_free(refusal->key);
	g_free(refusal->reason);
	g_free(refusal->message);
	g_free(refusal);
}

#define MAX_REFUSALS 1000

static bool refused(const struct contacts_report *report, const char *key, const char *reason)
{
	for (guint i = 0; i < report->refusals->len; i++) {
		const struct contacts_refusal *refusal = g_ptr_array_index(report->refusals, i);
		if (g_str_equal(refusal->key, key) && g_str_equal(refusal->reason, reason))
			return true;
	}
	return false;
}

void contacts_refuse(struct contacts_report *report, const char *key, const GError *cause)
{
	if (report->refusals == NULL)
		report->refusals = g_ptr_array_new_with_free_func(refusal_free);
	/* A later round of the pass finds the same again. */
	if (report->refusals->len >= MAX_REFUSALS || refused(report, key, error_reason(cause)))
		return;
	struct contacts_refusal *refusal = g_new0(struct contacts_refusal, 1);
	refusal->key = g_strdup(key);
	refusal->reason = g_strdup(error_reason(cause));
	refusal->message = g_strdup(cause->message);
	g_ptr_array_add(report->refusals, refusal);
}

bool contacts_stopping(const struct contacts_run *run)
{
	return run->options.stopping != NULL && run->options.stopping(run->options.data);
}

bool contacts_refuse_stopped(const struct contacts_run *run, GError **error)
{
	error_set(error, ERROR_RETRY, "contacts.stopped",
	        "the contacts of %s are done in part, because the program was asked to stop: start "
	        "it "
	        "again to go on",
	        run->lease->mailbox->owner);
	return false;
}

/* A copy under the address that the mailbox has for it. */
static struct contact *for_mailbox(
        const struct contacts_run *run, const struct contact *contact, GError **error)
{
	g_autofree char *address = usermap_to_mail(run->map, contact->key, error);
	if (address == NULL)
		return NULL;
	struct contact *copy = contact_copy(contact);
	g_free(copy->key);
	copy->key = g_steal_pointer(&address);
	return copy;
}

static void count_done(struct plan_counts *done, const struct journal_step *step)
{
	done->mail_created += step->mail == JOURNAL_CREATE;
	done->mail_updated += step->mail == JOURNAL_UPDATE;
	done->mail_deleted += step->mail == JOURNAL_DELETE;
	if (step->waits)
		return;
	done->im_created += step->im == JOURNAL_CREATE;
	done->im_updated += step->im == JOURNAL_UPDATE;
	done->im_deleted += step->im == JOURNAL_DELETE;
}

static void tell_progress(struct pass_state *pass)
{
	const struct contacts_options *options = &pass->run->options;
	pass->steps_done++;
	if (options->progress != NULL)
		options->progress(options->data, pass->steps_done, pass->steps_total);
}

/* The mirror is not what is there: it is read anew in full. */
static void read_again(struct pass_state *pass)
{
	pass->restless = true;
	g_clear_pointer(&pass->status->mail_state, g_free);
}

/* The steps after a rename stand under the new name: without it they are another plan's. */
static void note_unrenamed(
        struct pass_state *pass, const struct journal_step *step, const GError *cause)
{
	log_warn("contacts.unrenamed", "group %s of %s was not renamed: %s",
	        (const char *)g_ptr_array_index(step->mail_before->groups, 0),
	        pass->run->lease->mailbox->owner, cause->message);
	pass->outdated = pass->no_renames = true;
	read_again(pass);
}

/*
 * A step that was answered with an error. True: the step is out of the way and the pass goes on;
 * false: the pass ends with that error. Takes the cause.
 */
static bool step_failed(
        struct pass_state *pass, const struct journal_step *step, GError *cause, GError **error)
{
	struct contacts_run *run = pass->run;
	enum error_class class = error_class_of(cause);
	/* An uncertain step stays as sent: the next pass looks for its effect. */
	bool half = step->state == JOURNAL_IM_SENT && step->mail != JOURNAL_KEEP;
	if (class != ERROR_UNCERTAIN &&
	        ((half && !contacts_settle_agreed(pass, step, error)) ||
	                !store_journal_drop(run->store, run->lease, step, error))) {
		g_error_free(cause);
		return false;
	}
	if (class != ERROR_ITEM) {
		g_propagate_error(error, cause);
		return false;
	}
	g_free(pass->failed_key);
	pass->failed_key = g_strdup(step->key);
	bool moved_on = error_is(cause, "ews.conflict") || error_is(cause, "ews.not_found");
	bool good = true;
	if (step->mail == JOURNAL_RENAME_GROUP) {
		note_unrenamed(pass, step, cause);
	} else if (moved_on) {
		read_again(pass);
	} else {
		pass->left_over = true;
		contacts_refuse(pass->report, step->key, cause);
		if (!run->options.told)
			log_warn("contacts.refused", "contact %s of %s was left out: %s", step->key,
			        run->lease->mailbox->owner, cause->message);
		good = store_contact_problem_add(
		        run->store, run->lease, step->key, cause, clock_utc_us(), error);
	}
	g_error_free(cause);
	tell_progress(pass);
	return good;
}

static void tell_done(struct pass_state *pass, const struct journal_step *step)
{
	count_done(&pass->report->done, step);
	pass->report->twins_removed += step->mail == JOURNAL_DELETE_TWIN;
	tell_progress(pass);
}

static bool record_done(struct pass_state *pass, const struct journal_step *step, GError **error)
{
	if (!store_journal_done(pass->run->store, pass->run->lease, step, clock_utc_us(), error))
		return false;
	tell_done(pass, step);
	return true;
}

/*
 * What is to be deleted, as the mailbox showed it: under the item's own address there, which may be
 * another than the one that is written for the contact.
 */
static struct contact *as_mirrored(
        const struct contacts_run *run, const struct journal_step *step, GError **error)
{
	autoptr(contact_row) row =
	        store_contact_row(run->store, run->lease->mailbox->id, step->key, error);
	if (row == NULL)
		return NULL;
	for (guint i = 0; i < row->items->len; i++) {
		const struct contact_item *item = g_ptr_array_index(row->items, i);
		if (!g_str_equal(item->item_id, step->item_id))
			continue;
		struct contact *before = contact_copy(step->mail_before);
		g_free(before->key);
		before->key = g_strdup(item->address);
		return before;
	}
	return for_mailbox(run, step->mail_before, error);
}

static bool send_delete(
        const struct contacts_run *run, const struct journal_step *step, GError **error)
{
	struct ews_item_ref ref = {step->item_id, step->change_key};
	autoptr(contact) before = as_mirrored(run, step, error);
	return before != NULL && run->mail.driver->remove(run->mail.data, &ref, before, error);
}

/* One step's request to the mailbox; *out is where the item is afterwards. */
static bool send_to_mailbox(const struct contacts_run *run, const struct journal_step *step,
        struct ews_item_ref *out, GError **error)
{
	struct ews_item_ref ref = {step->item_id, step->change_key};
	if (step->mail == JOURNAL_RENAME_GROUP) {
		autoptr(group) group =
		        group_new(g_ptr_array_index(step->mail_before->groups, 0), GROUP_KIND_USER);
		group->store_id = g_strdup(step->item_id);
		group->change_key = g_strdup(step->change_key);
		return run->mail.driver->rename_group(run->mail.data, group,
		        g_ptr_array_index(step->mail_after->groups, 0), error);
	}
	if (step->mail == JOURNAL_DELETE || step->mail == JOURNAL_DELETE_TWIN)
		return send_delete(run, step, error);
	autoptr(contact) before = for_mailbox(run, step->mail_before, error);
	autoptr(contact) after = before != NULL ? for_mailbox(run, step->mail_after, error) : NULL;
	return after != NULL &&
	       run->mail.driver->update(run->mail.data, &ref, before, after, out, error);
}

/* False: see step_failed(), whose verdict *go_on is. */
static bool apply_to_mailbox(
        struct pass_state *pass, struct journal_step *step, bool *go_on, GError **error)
{
	struct contacts_run *run = pass->run;
	GError *cause = NULL;
	struct ews_item_ref out = {NULL, NULL};
	*go_on = false;
	if (!store_journal_mark(
	            run->store, run->lease, &step, 1, JOURNAL_MAIL_SENT, clock_utc_us(), error))
		return false;
	if (!send_to_mailbox(run, step, &out, &cause)) {
		*go_on = step_failed(pass, step, cause, error);
		return false;
	}
	const struct journal_outcome outcome = {out.id, out.change_key};
	g_autofree char *address = usermap_to_mail(run->map, step->key, NULL);
	bool good = store_journal_mail_done(run->store, run->lease, step, &outcome,
	        address != NULL ? address : step->key, clock_utc_us(), error);
	ews_item_ref_clear(&out);
	return good;
}

/*
 * The IM side takes a contact as a whole, so that nothing must have changed there since it was
 * read. *moved: it has; then nothing is written.
 */
static bool send_to_im(
        struct pass_state *pass, const struct journal_step *step, bool *moved, GError **error)
{
	const struct contacts_run *run = pass->run;
	const char *owner = run->lease->mailbox->owner;
	g_autofree char *now = run->im.driver->version(run->im.data, owner, error);
	char *after = NULL;
	if (now == NULL)
		return false;
	*moved = g_strcmp0(now, pass->status->im_version) != 0;
	if (*moved)
		return true;
	bool good =
	        step->im_after == NULL
	                ? run->im.driver->remove(run->im.data, owner, step->key, &after, error)
	                : run->im.driver->set(run->im.data, owner, step->im_after, &after, error);
	if (good) {
		g_free(pass->status->im_version);
		pass->status->im_version = after;
	}
	return good;
}

static bool apply_to_im(
        struct pass_state *pass, struct journal_step *step, bool *go_on, GError **error)
{
	struct contacts_run *run = pass->run;
	GError *cause = NULL;
	bool moved = false;
	*go_on = false;
	if (!store_journal_mark(
	            run->store, run->lease, &step, 1, JOURNAL_IM_SENT, clock_utc_us(), error))
		return false;
	if (!send_to_im(pass, step, &moved, &cause)) {
		*go_on = step_failed(pass, step, cause, error);
		return false;
	}
	if (!moved)
		return true;
	pass->restless = true;
	tell_progress(pass);
	*go_on = (step->mail == JOURNAL_KEEP || contacts_settle_agreed(pass, step, error)) &&
	         store_journal_drop(run->store, run->lease, step, error);
	return false;
}

/* A twin goes when the item that is kept has taken over what it says, and not before. */
static bool came_too_soon(const struct pass_state *pass, const struct journal_step *step)
{
	return step->mail == JOURNAL_DELETE_TWIN && g_strcmp0(step->key, pass->failed_key) == 0;
}

static bool has_im_part(const struct journal_step *step)
{
	return step->im != JOURNAL_KEEP && !step->waits;
}

/* True: the pass goes on, whatever became of the step. */
static bool apply_step(struct pass_state *pass, struct journal_step *step, GError **error)
{
	bool go_on = false;
	if (came_too_soon(pass, step))
		return store_journal_drop(pass->run->store, pass->run->lease, step, error);
	if (step->mail != JOURNAL_KEEP && !apply_to_mailbox(pass, step, &go_on, error))
		return go_on;
	if (has_im_part(step) && !apply_to_im(pass, step, &go_on, error))
		return go_on;
	return record_done(pass, step, error);
}

/*
 * Creates in batches.
 */

static bool batchable(const struct journal_step *step)
{
	return step->mail == JOURNAL_CREATE;
}

struct batch {
	struct journal_step *steps[CREATE_BATCH];
	struct contact *contacts[CREATE_BATCH];
	struct ews_contact_new news[CREATE_BATCH];
	size_t n;
};

static void batch_clear(struct batch *batch)
{
	for (size_t i = 0; i < batch->n; i++)
		if (batch->contacts[i] != NULL)
			contact_free(batch->contacts[i]);
	batch->n = 0;
}

static bool fill_batch(const struct contacts_run *run, struct batch *batch, const GPtrArray *steps,
        guint from, GError **error)
{
	memset(batch, 0, sizeof *batch);
	for (guint i = from; i < steps->len && batch->n < CREATE_BATCH; i++) {
		struct journal_step *step = g_ptr_array_index(steps, i);
		if (!batchable(step))
			break;
		struct contact *contact = for_mailbox(run, step->mail_after, error);
		if (contact == NULL)
			return false;
		batch->steps[batch->n] = step;
		batch->contacts[batch->n] = contact;
		batch->news[batch->n] = (struct ews_contact_new){contact, step->op_uuid};
		batch->n++;
	}
	return true;
}

/* Whether the server told what became of this create. */
static bool was_created(const struct ews_outcome *outcome)
{
	return outcome->error == NULL && outcome->ref.id != NULL;
}

static bool record_one_created(struct pass_state *pass, struct journal_step *step,
        const struct journal_outcome *outcome, const char *address, GError **error)
{
	const struct contacts_run *run = pass->run;
	int64_t now = clock_utc_us();
	if (has_im_part(step))
		return store_journal_mail_done(
		        run->store, run->lease, step, outcome, address, now, error);
	if (!store_journal_mail_all_done(
	            run->store, run->lease, step, outcome, address, now, error))
		return false;
	tell_done(pass, step);
	return true;
}

/* All outcomes of the batch that are good, in one transaction. */
static bool record_created(struct pass_state *pass, struct batch *batch,
        const struct ews_outcome *outcomes, GError **error)
{
	struct contacts_run *run = pass->run;
	if (!store_begin(run->store, error))
		return false;
	bool good = true;
	for (size_t i = 0; good && i < batch->n; i++) {
		const struct journal_outcome outcome = {
		        outcomes[i].ref.id, outcomes[i].ref.change_key};
		good = !was_created(&outcomes[i]) ||
		       record_one_created(
		               pass, batch->steps[i], &outcome, batch->contacts[i]->key, error);
	}
	return store_end(run->store, good, error);
}

/* Those that are not good, one by one: each has its own class of error. */
static bool record_failed(struct pass_state *pass, struct batch *batch,
        struct ews_outcome *outcomes, const GError *first, GError **error)
{
	g_autoptr(GError) ends = NULL;
	bool good = true;
	for (size_t i = 0; i < batch->n; i++) {
		if (was_created(&outcomes[i]))
			continue;
		GError *cause = outcomes[i].error != NULL ? g_steal_pointer(&outcomes[i].error)
		                : first != NULL           ? g_error_copy(first)
		                                          : NULL;
		if (cause == NULL)
			error_set(&cause, ERROR_UNCERTAIN, "ews.protocol",
			        "the server did not say what became of contact %s",
			        batch->steps[i]->key);
		GError *own = NULL;
		if (!step_failed(pass, batch->steps[i], cause, &own)) {
			good = false;
			if (ends == NULL)
				ends = own;
			else
				g_error_free(own);
		}
	}
	if (!good)
		g_propagate_error(error, g_steal_pointer(&ends));
	return good;
}

static bool finish_im_part(struct pass_state *pass, struct batch *batch,
        const struct ews_outcome *outcomes, GError **error)
{
	for (size_t i = 0; i < batch->n; i++) {
		struct journal_step *step = batch->steps[i];
		bool go_on = false;
		if (!was_created(&outcomes[i]) || !has_im_part(step))
			continue;
		if (!apply_to_im(pass, step, &go_on, error)) {
			if (!go_on)
				return false;
			continue;
		}
		if (!record_done(pass, step, error))
			return false;
	}
	return true;
}

static bool send_batch(struct pass_state *pass, struct batch *batch, GError **error)
{
	struct contacts_run *run = pass->run;
	g_autoptr(GError) first = NULL;
	if (!store_journal_mark(run->store, run->lease, batch->steps, batch->n, JOURNAL_MAIL_SENT,
	            clock_utc_us(), error))
		return false;
	struct ews_outcome *outcomes = ews_outcomes_new(batch->n);
	run->mail.driver->create(run->mail.data, batch->news, batch->n, outcomes, &first);
	bool good = record_created(pass, batch, outcomes, error) &&
	            record_failed(pass, batch, outcomes, first, error) &&
	            finish_im_part(pass, batch, outcomes, error);
	ews_outcomes_free(outcomes, batch->n);
	return good;
}

static bool apply_batch(
        struct pass_state *pass, const GPtrArray *steps, guint from, guint *taken, GError **error)
{
	struct batch batch;
	bool good = fill_batch(pass->run, &batch, steps, from, error) &&
	            send_batch(pass, &batch, error);
	*taken = (guint)batch.n;
	batch_clear(&batch);
	return good;
}

static bool apply_page(struct pass_state *pass, const GPtrArray *steps, GError **error)
{
	for (guint i = 0; i < steps->len && !pass->outdated;) {
		struct journal_step *step = g_ptr_array_index(steps, i);
		guint taken = 1;
		if (contacts_stopping(pass->run))
			return contacts_refuse_stopped(pass->run, error);
		bool good = batchable(step) ? apply_batch(pass, steps, i, &taken, error)
		                            : apply_step(pass, step, error);
		if (!good)
			return false;
		i += taken;
	}
	return true;
}

bool contacts_apply(struct pass_state *pass, GError **error)
{
	struct contacts_run *run = pass->run;
	int64_t after = 0;
	for (;;) {
		g_autoptr(GPtrArray) steps = store_journal_steps(
		        run->store, run->lease->mailbox->id, after, PAGE_STEPS, error);
		if (steps == NULL)
			return false;
		if (steps->len == 0)
			return true;
		const struct journal_step *last = g_ptr_array_index(steps, steps->len - 1);
		after = last->seq;
		if (!apply_page(pass, steps, error))
			return false;
		if (pass->outdated)
			return store_journal_drop_planned(run->store, run->lease, error);
	}
}
