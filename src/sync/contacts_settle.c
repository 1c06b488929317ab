/*
 * Settling what a crash or a lost answer left in the journal: looking whether the effect is there,
 * and telling our own late writes from users' edits.
 */
#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"
#include "sync/contacts_private.h"

#define PAGE_STEPS 256
#define NAP_US (CLOCK_US_PER_S / 10)

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
	return (one == NULL || contacts_mirror_found(run, one, -1, error)) &&
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

static bool note_doubt(const struct contacts_run *run, const char *key, const char *field,
        const char *im_value, const char *mail_value, GError **error)
{
	const struct contact_conflict note = {
	        .key = (char *)(uintptr_t)key,
	        .field = (char *)(uintptr_t)field,
	        .im_value = (char *)(uintptr_t)im_value,
	        .mail_value = (char *)(uintptr_t)mail_value,
	        .seen_utc_us = clock_utc_us(),
	};
	return store_contact_conflict_add(run->store, run->lease, &note, error);
}

/*
 * The contact that a lost create was for is there, and not as it was to be. Either somebody else
 * added the person meanwhile, or ours was edited since: without a trace of the operation nobody can
 * tell. The two are linked, which takes nothing away; what an edit may have taken away is recorded.
 */
static bool note_doubts(const struct contacts_run *run, const struct contact *sent,
        const struct contact *now, GError **error)
{
	bool good = true;
	if (sent->name != NULL && (now->name == NULL || now->name[0] == '\0'))
		good = note_doubt(run, sent->key, "name", sent->name, NULL, error);
	for (guint i = 0; good && i < sent->groups->len; i++) {
		const char *group = g_ptr_array_index(sent->groups, i);
		g_autofree char *field = g_strdup_printf("group %s", group);
		if (!contact_in_group(now, group))
			good = note_doubt(run, sent->key, field, "yes", "no", error);
	}
	return good;
}

/*
 * A write of ours without an answer, to a side that has changed since it was planned. A field that
 * is as before was not written, or was written and then taken back by a user: it is written again,
 * and recorded.
 */
static bool note_taken_back(const struct contacts_run *run, const char *key,
        const struct contact *before, const struct contact *after, const struct contact *now,
        GError **error)
{
	const struct contact *const images[] = {before, after};
	bool good = true;
	if (g_strcmp0(before->name, after->name) != 0 && g_strcmp0(now->name, before->name) == 0)
		good = note_doubt(run, key, "name", after->name, now->name, error);
	for (unsigned i = 0; i < G_N_ELEMENTS(images); i++) {
		for (guint g = 0; good && g < images[i]->groups->len; g++) {
			const char *group = g_ptr_array_index(images[i]->groups, g);
			bool was = contact_in_group(before, group);
			g_autofree char *field = g_strdup_printf("group %s", group);
			if (was == contact_in_group(after, group) ||
			        was != contact_in_group(now, group))
				continue;
			good = note_doubt(
			        run, key, field, was ? "no" : "yes", was ? "yes" : "no", error);
		}
	}
	return good;
}

/* A create of ours that the mailbox may have made, or somebody else. */
static bool is_doubtful_create(const struct journal_step *step, const struct contact_item *item)
{
	return step->mail == JOURNAL_CREATE && item != NULL && step->state == JOURNAL_MAIL_SENT &&
	       step->sent_utc_us != 0 && g_strcmp0(item->op_uuid, step->op_uuid) != 0 &&
	       !contact_equal(item->contact, step->mail_after);
}

static bool is_doubtful_update(const struct journal_step *step, const struct contact_item *item)
{
	return step->mail == JOURNAL_UPDATE && item != NULL && step->state == JOURNAL_MAIL_SENT &&
	       step->sent_utc_us != 0 && g_strcmp0(item->item_id, step->item_id) == 0 &&
	       g_strcmp0(item->change_key, step->change_key) != 0;
}

/* What nobody can tell about a step whose answer was lost is recorded. */
static bool note_doubtful(
        const struct pass_state *pass, const struct journal_step *step, GError **error)
{
	const struct contacts_run *run = pass->run;
	if (step->mail == JOURNAL_RENAME_GROUP || step->mail == JOURNAL_DELETE_TWIN)
		return true;
	autoptr(contact_row) row =
	        store_contact_row(run->store, run->lease->mailbox->id, step->key, error);
	if (row == NULL)
		return false;
	const struct contact_item *item = item_of_step(row, step);
	bool im_sent = step->state == JOURNAL_IM_SENT && pass->im_moved && row->ours != NULL;
	/* One side had deleted it and has it again, so that the two are linked. */
	if (step->mail == JOURNAL_DELETE && item != NULL && row->ours != NULL)
		return note_doubts(run, step->mail_before, item->contact, error);
	if (step->im == JOURNAL_DELETE && item != NULL && row->ours != NULL)
		return note_doubts(run, step->im_before, row->ours, error);
	if (is_doubtful_create(step, item))
		return note_doubts(run, step->mail_after, item->contact, error);
	if (is_doubtful_update(step, item))
		return note_taken_back(
		        run, step->key, step->mail_before, step->mail_after, item->contact, error);
	if (im_sent && step->im == JOURNAL_CREATE)
		return note_doubts(run, step->im_after, row->ours, error);
	if (im_sent && step->im == JOURNAL_UPDATE)
		return note_taken_back(
		        run, step->key, step->im_before, step->im_after, row->ours, error);
	return true;
}

/* What took effect of a step that did not come to its end is agreed on: it was no change of theirs.
 */
bool contacts_settle_agreed(
        struct pass_state *pass, const struct journal_step *step, GError **error)
{
	struct contacts_run *run = pass->run;
	if (step->mail == JOURNAL_RENAME_GROUP)
		return store_contact_group_agree(run->store, run->lease, step->item_id,
		        g_ptr_array_index(step->mail_after->groups, 0), error);
	if (step->mail == JOURNAL_DELETE_TWIN)
		return true;
	autoptr(contact_row) row =
	        store_contact_row(run->store, run->lease->mailbox->id, step->key, error);
	if (row == NULL)
		return false;
	const struct contact_item *item = item_of_step(row, step);
	if (is_doubtful_create(step, item))
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

/* One side may have lost the contact to us, so that it looks like a new one of the other's. */
static void note_doomed(const struct pass_state *pass, const struct journal_step *step)
{
	struct contacts_target *target = pass->run->target;
	if (target != NULL && (step->mail == JOURNAL_DELETE || step->im == JOURNAL_DELETE))
		g_hash_table_add(target->doomed, g_strdup(step->key));
}

static bool settle_step(struct pass_state *pass, const struct journal_step *step, GError **error)
{
	pass->report->settled++;
	note_doomed(pass, step);
	if (step->state == JOURNAL_MAIL_SENT && step->mail == JOURNAL_CREATE &&
	        step->sent_utc_us != 0 && !find_created(pass, step, error))
		return false;
	pass->status->dirty = true;
	return store_contact_status_save(pass->run->store, pass->run->lease, pass->status, error) &&
	       note_doubtful(pass, step, error) && contacts_settle_agreed(pass, step, error) &&
	       store_journal_drop(pass->run->store, pass->run->lease, step, error);
}

/* The IM side's mirror may not show what was written there. */
static bool read_both(struct pass_state *pass, GError **error)
{
	g_autofree char *version = g_strdup(pass->status->im_version);
	pass->reread_im = true;
	bool good = contacts_read_theirs(pass, error) && contacts_read_ours(pass, error);
	pass->reread_im = false;
	if (!good)
		return false;
	pass->im_moved = pass->im_moved || g_strcmp0(version, pass->status->im_version) != 0;
	return true;
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
		if (contacts_stopping(run))
			return contacts_refuse_stopped(run, error);
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
