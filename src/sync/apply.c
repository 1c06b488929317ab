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
#define NAP_US (CLOCK_US_PER_S / 10)

static void refusal_free(void *data)
{
	struct contacts_refusal *refusal = data;
	g_free(refusal->key);
	g_free(refusal->reason);
	g_free(refusal->message);
	g_free(refusal);
}

#define MAX_REFUSALS 1000

void contacts_refuse(struct contacts_report *report, const char *key, const GError *cause)
{
	if (report->refusals == NULL)
		report->refusals = g_ptr_array_new_with_free_func(refusal_free);
	if (report->refusals->len >= MAX_REFUSALS)
		return;
	struct contacts_refusal *refusal = g_new0(struct contacts_refusal, 1);
	refusal->key = g_strdup(key);
	refusal->reason = g_strdup(error_reason(cause));
	refusal->message = g_strdup(cause->message);
	g_ptr_array_add(report->refusals, refusal);
}

static bool stopping(const struct contacts_run *run)
{
	return run->options.stopping != NULL && run->options.stopping(run->options.data);
}

static bool refuse_stopped(const struct contacts_run *run, GError **error)
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

/*
 * Settling what a crash or a lost answer left behind.
 */

static void free_found(void *found)
{
	ews_contact_found_free(found);
}

/* The oldest one that bears the operation's id, else the oldest with that address. */
static const struct ews_contact_found *pick_found(const GPtrArray *found, const char *op_uuid)
{
	for (guint i = 0; i < found->len; i++) {
		const struct ews_contact_found *one = g_ptr_array_index(found, i);
		if (g_strcmp0(one->op_uuid, op_uuid) == 0)
			return one;
	}
	return found->len > 0 ? g_ptr_array_index(found, 0) : NULL;
}

static bool mirror_found(const struct contacts_run *run, const struct journal_step *step,
        const struct ews_contact_found *found, int64_t round, GError **error)
{
	g_autoptr(GPtrArray) items =
	        g_ptr_array_new_with_free_func((GDestroyNotify)contact_item_free);
	struct contact_item *item = g_new0(struct contact_item, 1);
	item->item_id = g_strdup(found->ref.id);
	item->change_key = g_strdup(found->ref.change_key);
	item->key = g_strdup(step->key);
	item->address = g_strdup(found->contact->key);
	item->op_uuid = g_strdup(found->op_uuid);
	item->contact = contact_copy(found->contact);
	item->changed_utc_us = clock_utc_us();
	g_ptr_array_add(items, item);
	return store_contact_stage_theirs(run->store, run->lease, round, items, error);
}

/* Was the contact created? Then the mirror shows it, whatever the reading has told. */
static bool find_created(struct pass_state *pass, const struct journal_step *step, GError **error)
{
	struct contacts_run *run = pass->run;
	g_autofree char *address = usermap_to_mail(run->map, step->key, error);
	if (address == NULL)
		return false;
	g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(free_found);
	if (!run->mail.driver->find(run->mail.data, address, step->op_uuid, found, error))
		return false;
	const struct ews_contact_found *one = pick_found(found, step->op_uuid);
	return (one == NULL || mirror_found(run, step, one, -1, error)) &&
	       store_contact_uncertain_add(run->store, run->lease, step->op_uuid, step->mail_after,
	               clock_utc_us(), error);
}

/* The item that the step was about: the one it names or made, else the only one. */
static const struct contact_item *item_of_step(
        const struct contact_row *row, const struct journal_step *step)
{
	const struct contact_item *any = NULL;
	for (guint i = 0; i < row->items->len; i++) {
		any = g_ptr_array_index(row->items, i);
		if (g_strcmp0(any->item_id, step->item_id) == 0 ||
		        (step->mail == JOURNAL_CREATE &&
		                g_strcmp0(any->op_uuid, step->op_uuid) == 0))
			return any;
	}
	return any;
}

/* What took effect of a step that did not come to its end is agreed on: it was no change of theirs.
 */
static bool settle_agreed(struct pass_state *pass, const struct journal_step *step, GError **error)
{
	struct contacts_run *run = pass->run;
	if (step->mail == JOURNAL_RENAME_GROUP || step->mail == JOURNAL_DELETE_TWIN)
		return true;
	autoptr(contact_row) row =
	        store_contact_row(run->store, run->lease->mailbox->id, step->key, error);
	if (row == NULL)
		return false;
	const struct contact_item *item = item_of_step(row, step);
	/* Somebody else may have added the same person meanwhile: then the two are to be linked. */
	if (step->mail == JOURNAL_CREATE && item != NULL && step->state == JOURNAL_MAIL_SENT &&
	        step->sent_utc_us != 0 && g_strcmp0(item->op_uuid, step->op_uuid) != 0 &&
	        !contact_equal(item->contact, step->mail_after))
		return true;
	/* Recorded as done: what shows now may have changed since. */
	bool known = step->mail != JOURNAL_KEEP &&
	             (step->state == JOURNAL_IM_SENT || step->sent_utc_us == 0);
	const struct contact *theirs = item != NULL ? item->contact : NULL;
	if (known)
		theirs = step->mail_after;
	const struct plan_effect effect = {
	        .agreed_im = row->agreed_im,
	        .agreed_mail = row->agreed_mail,
	        .im_before = step->im_before,
	        .im_after = step->im_after,
	        .mail_before = step->mail_before,
	        .mail_after = step->mail_after,
	        .im_written = step->im != JOURNAL_KEEP,
	        .mail_written = step->mail != JOURNAL_KEEP,
	        .ours = row->ours,
	        .theirs = theirs,
	};
	struct contact *im, *mail;
	plan_settle(&effect, &im, &mail);
	bool good = store_contact_agree(run->store, run->lease, step->key,
	        item != NULL ? item->item_id : "", item != NULL ? item->change_key : NULL, im, mail,
	        clock_utc_us(), error);
	if (im != NULL)
		contact_free(im);
	if (mail != NULL)
		contact_free(mail);
	return good;
}

static bool settle_step(struct pass_state *pass, const struct journal_step *step, GError **error)
{
	pass->report->settled++;
	if (step->state == JOURNAL_MAIL_SENT && step->mail == JOURNAL_CREATE &&
	        step->sent_utc_us != 0 && !find_created(pass, step, error))
		return false;
	pass->status->dirty = true;
	return store_contact_status_save(pass->run->store, pass->run->lease, pass->status, error) &&
	       settle_agreed(pass, step, error) &&
	       store_journal_drop(pass->run->store, pass->run->lease, step, error);
}

/* The IM side's mirror may not show what was written there. */
static bool read_both(struct pass_state *pass, GError **error)
{
	g_clear_pointer(&pass->status->im_version, g_free);
	return contacts_read_theirs(pass, error) && contacts_read_ours(pass, error);
}

/* When the last request that may still be under way on the server is over. */
static int64_t settled_at(const struct pass_state *pass, const GPtrArray *steps, int64_t at)
{
	for (guint i = 0; i < steps->len; i++) {
		const struct journal_step *step = g_ptr_array_index(steps, i);
		if (step->state == JOURNAL_MAIL_SENT)
			at = MAX(at,
			        step->sent_utc_us + pass->run->options.settle_s * CLOCK_US_PER_S);
	}
	return at;
}

static bool wait_until(const struct contacts_run *run, int64_t at_utc_us, GError **error)
{
	if (at_utc_us <= clock_utc_us())
		return true;
	const char *owner = run->lease->mailbox->owner;
	if (!run->options.wait) {
		g_autofree char *at = clock_format_iso(at_utc_us);
		error_set(error, ERROR_BACKOFF, "contacts.settling",
		        "an operation on the contacts of %s got no answer: its effect is looked "
		        "for "
		        "at %s",
		        owner, at);
		if (error != NULL)
			error_set_retry_at(*error, at_utc_us);
		return false;
	}
	log_warn("contacts.settling",
	        "an operation on the contacts of %s got no answer: waiting %" G_GINT64_FORMAT
	        " s before its effect is looked for",
	        owner, (at_utc_us - clock_utc_us()) / CLOCK_US_PER_S + 1);
	while (clock_utc_us() < at_utc_us) {
		if (stopping(run))
			return refuse_stopped(run, error);
		clock_sleep_us(MIN(NAP_US, at_utc_us - clock_utc_us()));
	}
	return true;
}

bool contacts_settle(struct pass_state *pass, GError **error)
{
	struct contacts_run *run = pass->run;
	int64_t id = run->lease->mailbox->id;
	if (!store_journal_drop_planned(run->store, run->lease, error))
		return false;
	for (;;) {
		g_autoptr(GPtrArray) steps =
		        store_journal_steps(run->store, id, 0, PAGE_STEPS, error);
		if (steps == NULL)
			return false;
		if (steps->len == 0)
			return true;
		if (run->options.plan_only)
			return true;
		if (!wait_until(run, settled_at(pass, steps, 0), error) || !read_both(pass, error))
			return false;
		for (guint i = 0; i < steps->len; i++) {
			const struct journal_step *step = g_ptr_array_index(steps, i);
			if (!settle_step(pass, step, error))
				return false;
		}
	}
}

/*
 * Carrying out.
 */

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
	        ((half && !settle_agreed(pass, step, error)) ||
	                !store_journal_drop(run->store, run->lease, step, error))) {
		g_error_free(cause);
		return false;
	}
	if (class != ERROR_ITEM) {
		g_propagate_error(error, cause);
		return false;
	}
	bool moved_on = error_is(cause, "ews.conflict") || error_is(cause, "ews.not_found");
	bool good = true;
	if (moved_on) {
		/* What is mirrored is not what is there: it is read anew in full. */
		pass->restless = true;
		g_clear_pointer(&pass->status->mail_state, g_free);
	} else {
		pass->left_over = true;
		contacts_refuse(pass->report, step->key, cause);
		log_warn("contacts.refused", "contact %s of %s was left out: %s", step->key,
		        run->lease->mailbox->owner, cause->message);
		good = store_contact_problem_add(
		        run->store, run->lease, step->key, cause, clock_utc_us(), error);
	}
	g_error_free(cause);
	tell_progress(pass);
	return good;
}

static bool record_done(struct pass_state *pass, const struct journal_step *step, GError **error)
{
	if (!store_journal_done(pass->run->store, pass->run->lease, step, clock_utc_us(), error))
		return false;
	count_done(&pass->report->done, step);
	pass->report->twins_removed += step->mail == JOURNAL_DELETE_TWIN;
	tell_progress(pass);
	return true;
}

/* One step's request to the mailbox; *out is where the item is afterwards. */
static bool send_to_mailbox(const struct contacts_run *run, const struct journal_step *step,
        struct ews_item_ref *out, GError **error)
{
	struct ews_item_ref ref = {step->item_id, step->change_key};
	if (step->mail == JOURNAL_DELETE || step->mail == JOURNAL_DELETE_TWIN)
		return run->mail.driver->remove(run->mail.data, &ref, error);
	if (step->mail == JOURNAL_RENAME_GROUP) {
		autoptr(group) group =
		        group_new(g_ptr_array_index(step->mail_before->groups, 0), GROUP_KIND_USER);
		group->store_id = g_strdup(step->item_id);
		group->change_key = g_strdup(step->change_key);
		return run->mail.driver->rename_group(run->mail.data, group,
		        g_ptr_array_index(step->mail_after->groups, 0), error);
	}
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
	*go_on = (step->mail == JOURNAL_KEEP || settle_agreed(pass, step, error)) &&
	         store_journal_drop(run->store, run->lease, step, error);
	return false;
}

/* True: the pass goes on, whatever became of the step. */
static bool apply_step(struct pass_state *pass, struct journal_step *step, GError **error)
{
	bool go_on = false;
	if (step->mail != JOURNAL_KEEP && !apply_to_mailbox(pass, step, &go_on, error))
		return go_on;
	if (step->im != JOURNAL_KEEP && !step->waits && !apply_to_im(pass, step, &go_on, error))
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

/* All outcomes of the batch that are good, in one transaction. */
static bool record_created(struct pass_state *pass, struct batch *batch,
        const struct ews_outcome *outcomes, GError **error)
{
	struct contacts_run *run = pass->run;
	if (!store_begin(run->store, error))
		return false;
	bool good = true;
	for (size_t i = 0; good && i < batch->n; i++) {
		struct journal_step *step = batch->steps[i];
		if (!was_created(&outcomes[i]))
			continue;
		const struct journal_outcome outcome = {
		        outcomes[i].ref.id, outcomes[i].ref.change_key};
		good = store_journal_mail_done(run->store, run->lease, step, &outcome,
		        batch->contacts[i]->key, clock_utc_us(), error);
		if (good && (step->im == JOURNAL_KEEP || step->waits))
			good = record_done(pass, step, error);
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
		if (!was_created(&outcomes[i]) || step->im == JOURNAL_KEEP || step->waits)
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
	for (guint i = 0; i < steps->len;) {
		struct journal_step *step = g_ptr_array_index(steps, i);
		guint taken = 1;
		if (stopping(pass->run))
			return refuse_stopped(pass->run, error);
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
	}
}
