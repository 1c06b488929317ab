#include "core/address.h"
#include "core/clock.h"
#include "core/error.h"
#include "sync/contacts_private.h"

#include <string.h>

#define PAGE_ROWS 2048
/* What a user adds within this time after us was added without knowing of ours. */
#define SAME_TIME_US (3600 * CLOCK_US_PER_S)
/* A late effect of a lost request turns up within this time, or never. */
#define TWIN_WATCH_US (7 * CLOCK_US_PER_DAY)

struct planning {
	struct pass_state *pass;
	struct plan_groups *groups;
	GHashTable *uncertain; /* op_uuid -> struct contact: creates whose answer was lost */
	GHashTable *resting; /* keys of contacts that are not tried again yet */
	GHashTable *seen; /* keys that have a row; only with a target */
	struct plan_counts counts;
	GPtrArray *steps; /* copies for the review; NULL: there is none */
	bool renames;
	int64_t seq, now_utc_us;
};

typedef bool (*row_fn)(struct planning *planning, const struct contact_row *row, GError **error);

static bool each_row(struct planning *planning, row_fn visit, GError **error)
{
	const struct contacts_run *run = planning->pass->run;
	g_autofree char *after = g_strdup("");
	for (;;) {
		g_autoptr(GPtrArray) rows = NULL;
		if (!store_contact_rows(
		            run->store, run->lease->mailbox->id, after, PAGE_ROWS, &rows, error))
			return false;
		if (rows->len == 0)
			return true;
		for (guint i = 0; i < rows->len; i++)
			if (!visit(planning, g_ptr_array_index(rows, i), error))
				return false;
		const struct contact_row *last = g_ptr_array_index(rows, rows->len - 1);
		g_free(after);
		after = g_strdup(last->key);
	}
}

static const struct contact_item *agreed_item(const struct contact_row *row)
{
	for (guint i = 0; i < row->items->len; i++) {
		const struct contact_item *item = g_ptr_array_index(row->items, i);
		if (g_strcmp0(item->item_id, row->agreed_item_id) == 0)
			return item;
	}
	return NULL;
}

/* Made by a request of ours whose answer was lost. */
static bool is_uncertain(const struct planning *planning, const struct contact_item *item)
{
	return item->op_uuid != NULL && g_hash_table_contains(planning->uncertain, item->op_uuid);
}

/*
 * A user added the person to the mailbox while we did, too: the user's item stands, and ours is
 * redundant. It holds nothing but what we wrote, which the two sides' linking unites with the
 * user's item. One that somebody has touched stays, for it may hold what only the mailbox knows.
 */
static bool is_redundant(const struct planning *planning, const struct contact_row *row,
        const struct contact_item *ours, const struct contact_item *other)
{
	return ours->op_uuid != NULL && ours->untouched && !is_uncertain(planning, other) &&
	       row->agreed_mail != NULL && contact_equal(ours->contact, row->agreed_mail) &&
	       other->changed_utc_us <= row->agreed_utc_us + SAME_TIME_US;
}

/*
 * The item that stands for the contact: the one agreed on, unless it is redundant; else one that no
 * lost request made, else the first.
 */
static const struct contact_item *main_item(
        const struct planning *planning, const struct contact_row *row)
{
	const struct contact_item *agreed = agreed_item(row), *best = NULL;
	bool best_uncertain = false;
	for (guint i = 0; i < row->items->len; i++) {
		const struct contact_item *item = g_ptr_array_index(row->items, i);
		bool uncertain = is_uncertain(planning, item);
		if (best == NULL || (best_uncertain && !uncertain)) {
			best = item;
			best_uncertain = uncertain;
		}
	}
	for (guint i = 0; agreed != NULL && i < row->items->len; i++) {
		const struct contact_item *item = g_ptr_array_index(row->items, i);
		if (item != agreed && is_redundant(planning, row, agreed, item))
			return item;
	}
	return agreed != NULL ? agreed : best;
}

/* Chosen before the one agreed on: added without knowing of it, and not linked yet. */
static bool is_unlinked(const struct contact_row *row, const struct contact_item *item)
{
	const struct contact_item *agreed = agreed_item(row);
	return agreed != NULL && agreed != item;
}

static bool forget_agreement(struct planning *planning, const char *key, GError **error)
{
	const struct contacts_run *run = planning->pass->run;
	return store_contact_agree(
	        run->store, run->lease, key, "", NULL, NULL, NULL, planning->now_utc_us, error);
}

static struct plan_row plan_row_of(const struct contact_row *row, const struct contact_item *item)
{
	bool unlinked = is_unlinked(row, item);
	return (struct plan_row){
	        .key = row->key,
	        .agreed_im = unlinked ? NULL : row->agreed_im,
	        .agreed_mail = unlinked ? NULL : row->agreed_mail,
	        .ours = row->ours,
	        .theirs = item != NULL ? item->contact : NULL,
	        .theirs_anew = item != NULL && row->agreed_mail != NULL &&
	                       g_strcmp0(item->item_id, row->agreed_item_id) != 0,
	        .ours_changed_utc_us = row->ours_changed_utc_us,
	        .theirs_changed_utc_us = item != NULL ? item->changed_utc_us : 0,
	        .overtaken_im = unlinked ? row->agreed_im : NULL,
	};
}

static bool tally_groups(struct planning *planning, const struct contact_row *row, GError **error)
{
	(void)error;
	struct plan_row plan_row = plan_row_of(row, main_item(planning, row));
	if (!row->unreadable)
		plan_groups_row(planning->groups, &plan_row);
	return true;
}

/* The contact's address in the mailbox; NULL, and the reason noted, when it has none. */
static char *mail_address(struct planning *planning, const char *key)
{
	g_autoptr(GError) unmapped = NULL;
	char *address = usermap_to_mail(planning->pass->run->map, key, &unmapped);
	if (address == NULL) {
		planning->pass->report->unmapped++;
		contacts_refuse(planning->pass->report, key, unmapped);
	}
	return address;
}

static bool put_step(struct planning *planning, const struct journal_step *step, GError **error)
{
	const struct contacts_run *run = planning->pass->run;
	planning->pass->steps_total++;
	if (planning->steps != NULL)
		g_ptr_array_add(planning->steps, journal_step_copy(step));
	return store_journal_put(run->store, run->lease, step, error);
}

static void *borrow(const void *pointer)
{
	return (void *)(uintptr_t)pointer;
}

/* Made by a request of ours whose answer was lost, and as it was sent: nobody has touched it. */
static bool is_stray(const struct planning *planning, const struct contact_item *item)
{
	const struct contact *sent =
	        item->op_uuid != NULL ? g_hash_table_lookup(planning->uncertain, item->op_uuid)
	                              : NULL;
	return sent != NULL && item->untouched && contact_equal(item->contact, sent);
}

static bool is_twin(const struct planning *planning, const struct contact_row *row,
        const struct contact_item *item, const struct contact_item *kept)
{
	if (g_strcmp0(item->item_id, row->agreed_item_id) == 0)
		return is_redundant(planning, row, item, kept);
	if (planning->pass->run->options.dedupe && contact_covers(kept->contact, item->contact))
		return true;
	return is_stray(planning, item);
}

/* What is decided about a twin holds on, should this plan not come to its end. */
static bool plan_twin(struct planning *planning, const struct contact_row *row,
        const struct contact_item *item, GError **error)
{
	const struct contacts_run *run = planning->pass->run;
	const struct journal_step step = {
	        .seq = ++planning->seq,
	        .key = borrow(row->key),
	        .mail = JOURNAL_DELETE_TWIN,
	        .item_id = item->item_id,
	        .change_key = item->change_key,
	        .op_uuid = item->op_uuid != NULL ? item->op_uuid : borrow(""),
	        .mail_before = item->contact,
	};
	return (item->op_uuid == NULL ||
	               store_contact_uncertain_add(run->store, run->lease, item->op_uuid,
	                       item->contact, planning->now_utc_us, error)) &&
	       put_step(planning, &step, error);
}

/* Twins that a lost request left behind go, unless somebody has worked on them since. */
static bool plan_twins(struct planning *planning, const struct contact_row *row,
        const struct contact_item *kept, GError **error)
{
	for (guint i = 0; i < row->items->len; i++) {
		const struct contact_item *item = g_ptr_array_index(row->items, i);
		if (item != kept && is_twin(planning, row, item, kept) &&
		        !plan_twin(planning, row, item, error))
			return false;
	}
	return true;
}

static enum journal_op journal_op(enum plan_op op)
{
	static const enum journal_op ops[] = {
	        [PLAN_KEEP] = JOURNAL_KEEP,
	        [PLAN_CREATE] = JOURNAL_CREATE,
	        [PLAN_UPDATE] = JOURNAL_UPDATE,
	        [PLAN_DELETE] = JOURNAL_DELETE,
	};
	return ops[op];
}

/* What is left to do about one contact, once its conflicts are noted. */
static bool plan_step(struct planning *planning, const struct plan_row *row,
        const struct contact_item *item, const struct plan_decision *decision, GError **error)
{
	struct contacts_run *run = planning->pass->run;
	bool waits = decision->im != PLAN_KEEP && !run->im.writable;
	if (waits) {
		planning->pass->report->waiting++;
		planning->pass->left_over = true;
		if (!store_contact_pending_add(run->store, run->lease, row->key, decision->im_after,
		            planning->now_utc_us, error))
			return false;
		if (decision->mail == PLAN_KEEP)
			return true;
	}
	bool local = decision->im == PLAN_KEEP && decision->mail == PLAN_KEEP;
	if (local && !decision->agree)
		return true;
	/* What was agreed under a group's new name holds once the group is renamed, not before. */
	if (local && !planning->renames)
		return store_contact_agree(run->store, run->lease, row->key,
		        item != NULL ? item->item_id : "", item != NULL ? item->change_key : NULL,
		        decision->im_after, decision->mail_after, planning->now_utc_us, error);
	g_autofree char *uuid =
	        decision->mail == PLAN_CREATE ? g_uuid_string_random() : g_strdup("");
	struct journal_step step = {
	        .seq = ++planning->seq,
	        .key = borrow(row->key),
	        .mail = journal_op(decision->mail),
	        .im = journal_op(decision->im),
	        .item_id = item != NULL ? item->item_id : NULL,
	        .change_key = item != NULL ? item->change_key : NULL,
	        .op_uuid = uuid,
	        .mail_before = borrow(row->theirs),
	        .mail_after = decision->mail_after,
	        .im_before = borrow(row->ours_held != NULL ? row->ours_held : row->ours),
	        .im_after = decision->im_after,
	        .waits = waits,
	};
	return put_step(planning, &step, error);
}

static bool note_conflicts(struct planning *planning, const char *key,
        const struct plan_decision *decision, GError **error)
{
	const struct contacts_run *run = planning->pass->run;
	for (guint i = 0; i < decision->conflicts->len; i++) {
		const struct plan_conflict *conflict = g_ptr_array_index(decision->conflicts, i);
		const struct contact_conflict note = {
		        .key = borrow(key),
		        .field = conflict->field,
		        .im_value = conflict->im_value,
		        .mail_value = conflict->mail_value,
		        .mailbox_won = conflict->mailbox_won,
		        .seen_utc_us = planning->now_utc_us,
		};
		if (!store_contact_conflict_add(run->store, run->lease, &note, error))
			return false;
	}
	return true;
}

/*
 * Whether a contact that the target does not name came since the last pass. A later round must not
 * take what the first one found to be new.
 */
static bool is_spared(struct contacts_target *target, const struct plan_row *row)
{
	if (target->spared == NULL)
		return false;
	if (row->agreed_im == NULL && !g_hash_table_contains(target->doomed, row->key))
		g_hash_table_add(target->spared, g_strdup(row->key));
	return g_hash_table_contains(target->spared, row->key);
}

/* Without the mailbox, what is mirrored of it is no reason to do anything. */
static void decide_added(const struct plan_row *row, const struct contact *wanted, bool absent,
        const struct plan_policy *policy, struct plan_decision *out)
{
	bool there = row->ours != NULL || (row->theirs != NULL && !absent);
	if (wanted != NULL && !there)
		plan_wanted(row, wanted, policy, out);
	else if (absent)
		plan_wanted(row, row->ours, policy, out);
	else
		plan_contact(row, policy, out);
}

static void decide_contact(
        const struct planning *planning, const struct plan_row *row, struct plan_decision *out)
{
	const struct contacts_run *run = planning->pass->run;
	const struct plan_policy *policy = &run->policy;
	struct contacts_target *target = run->target;
	const struct contact *wanted =
	        target != NULL ? g_hash_table_lookup(target->wanted, row->key) : NULL;
	struct plan_row standing_in = *row;
	standing_in.theirs = wanted;
	if (target == NULL || (wanted == NULL && is_spared(target, row)))
		plan_contact(row, policy, out);
	else if (target->use == TARGET_ADDS)
		decide_added(row, wanted, run->options.rollback, policy, out);
	else if (target->use == TARGET_STANDS_IN)
		plan_contact(&standing_in, policy, out);
	else
		plan_wanted(row, wanted, policy, out);
}

static bool decide(struct planning *planning, const struct plan_row *row,
        const struct contact_item *item, GError **error)
{
	struct plan_decision decision;
	decide_contact(planning, row, &decision);
	plan_count(&planning->counts, row, &decision);
	bool good = note_conflicts(planning, row->key, &decision, error) &&
	            plan_step(planning, row, item, &decision, error);
	plan_decision_clear(&decision);
	return good;
}

/* Contacts that are left alone for now; they still count as members of the list. */
static bool left_alone(struct planning *planning, const struct contact_row *row)
{
	if (row->unreadable || g_hash_table_contains(planning->resting, row->key)) {
		planning->pass->left_over = true;
		return true;
	}
	/* A telephone number alone cannot be an entry of an IM list that knows none. */
	const struct contacts_target *target = planning->pass->run->target;
	if (address_is_tel(row->key) && row->ours == NULL &&
	        !planning->pass->run->policy.im_holds_tel &&
	        (target == NULL || !g_hash_table_contains(target->wanted, row->key)))
		return true;
	g_autofree char *address = mail_address(planning, row->key);
	return address == NULL;
}

/*
 * A lost create took effect after both sides had forgotten the contact: it is no news of the
 * mailbox's. Where items bear no operation's id, nobody can tell it from a user's, so that it
 * stands, and is recorded.
 */
static bool is_late_create(const struct planning *planning, const struct contact_row *row,
        const struct contact_item *item)
{
	const struct contacts_target *target = planning->pass->run->target;
	bool wanted = target != NULL && g_hash_table_contains(target->wanted, row->key);
	return !wanted && item != NULL && row->ours == NULL && row->agreed_mail == NULL &&
	       is_stray(planning, item);
}

static bool note_late_create(
        struct planning *planning, const struct contact_row *row, GError **error)
{
	const struct contacts_run *run = planning->pass->run;
	const struct contact_item *item = main_item(planning, row);
	GHashTableIter iter;
	void *sent;
	if (item == NULL || item->op_uuid != NULL || row->ours != NULL || row->agreed_mail != NULL)
		return true;
	g_hash_table_iter_init(&iter, planning->uncertain);
	while (g_hash_table_iter_next(&iter, NULL, &sent)) {
		if (!contact_equal(item->contact, sent))
			continue;
		const struct contact_conflict note = {
		        .key = row->key,
		        .field = borrow("contact"),
		        .mail_value = item->contact->name,
		        .mailbox_won = true,
		        .seen_utc_us = planning->now_utc_us,
		};
		return store_contact_conflict_add(run->store, run->lease, &note, error);
	}
	return true;
}

static bool plan_one(struct planning *planning, const struct contact_row *row, GError **error)
{
	const struct contact_item *item = main_item(planning, row);
	if (planning->seen != NULL)
		g_hash_table_add(planning->seen, g_strdup(row->key));
	if (planning->pass->run->policy.to_mailbox && is_late_create(planning, row, item))
		return plan_twin(planning, row, item, error);
	bool keep = false;
	if (!contacts_keep(planning->pass, row, &keep, error))
		return false;
	if (keep || left_alone(planning, row)) {
		planning->counts.ours += row->ours != NULL;
		planning->counts.theirs += item != NULL;
		return true;
	}
	if (is_unlinked(row, item) && !forget_agreement(planning, row->key, error))
		return false;
	struct plan_row plan_row = plan_row_of(row, item);
	struct plan_translation translation;
	plan_groups_translate(planning->groups, &plan_row, &translation);
	bool good = note_late_create(planning, row, error) &&
	            decide(planning, &translation.row, item, error) &&
	            (item == NULL || !planning->pass->run->policy.to_mailbox ||
	                    plan_twins(planning, row, item, error));
	plan_translation_clear(&translation);
	return good;
}

/* Contacts of the target that neither side has. */
static bool plan_missing(struct planning *planning, GError **error)
{
	const struct contacts_target *target = planning->pass->run->target;
	bool good = true;
	if (target == NULL)
		return true;
	g_autoptr(GList) keys = g_hash_table_get_keys(target->wanted);
	keys = g_list_sort(keys, (GCompareFunc)strcmp);
	for (GList *key = keys; good && key != NULL; key = key->next) {
		struct contact_row row = {.key = key->data, .items = NULL};
		if (g_hash_table_contains(planning->seen, row.key))
			continue;
		row.items = g_ptr_array_new();
		good = plan_one(planning, &row, error);
		g_ptr_array_unref(row.items);
	}
	return good;
}

static bool note_group_conflict(
        struct planning *planning, const struct plan_rename *rename, GError **error)
{
	const struct contacts_run *run = planning->pass->run;
	g_autofree char *key = g_strdup_printf("group %s", rename->from);
	const struct contact_conflict note = {
	        .key = key,
	        .field = borrow("name"),
	        .im_value = rename->by_mailbox ? rename->lost : rename->to,
	        .mail_value = rename->by_mailbox ? rename->to : rename->lost,
	        .mailbox_won = rename->by_mailbox,
	        .seen_utc_us = planning->now_utc_us,
	};
	planning->counts.conflicts++;
	return store_contact_conflict_add(run->store, run->lease, &note, error);
}

static struct contact *named_group(const char *name)
{
	struct contact *holder = contact_new("", NULL);
	contact_add_group(holder, name);
	return holder;
}

static bool plan_rename_step(struct planning *planning, const struct plan_rename *rename,
        const GPtrArray *objects, GError **error)
{
	const struct contact_group *object = NULL;
	for (guint i = 0; i < objects->len && object == NULL; i++) {
		const struct contact_group *candidate = g_ptr_array_index(objects, i);
		if (g_str_equal(candidate->group->name, rename->mail_name))
			object = candidate;
	}
	if (object == NULL)
		return true;
	autoptr(contact) before = named_group(rename->mail_name);
	autoptr(contact) after = named_group(rename->to);
	struct journal_step step = {
	        .seq = ++planning->seq,
	        .key = borrow(""),
	        .mail = JOURNAL_RENAME_GROUP,
	        .item_id = object->group->store_id,
	        .change_key = object->group->change_key,
	        .op_uuid = borrow(""),
	        .mail_before = before,
	        .mail_after = after,
	};
	planning->pass->report->renamed_groups++;
	return put_step(planning, &step, error);
}

/* Renames come first in the journal: what follows stands under the new names. */
static bool plan_renames(struct planning *planning, GError **error)
{
	const struct contacts_run *run = planning->pass->run;
	if (!run->policy.group_objects)
		return true;
	g_autoptr(GPtrArray) objects =
	        store_contact_groups(run->store, run->lease->mailbox->id, error);
	if (objects == NULL)
		return false;
	for (guint i = 0; i < objects->len; i++) {
		const struct contact_group *object = g_ptr_array_index(objects, i);
		plan_groups_object(planning->groups, object->agreed_name, object->group->name);
		if (object->group->kind != GROUP_KIND_USER && object->agreed_name != NULL)
			plan_groups_fixed(planning->groups, object->agreed_name);
	}
	if (!each_row(planning, tally_groups, error))
		return false;
	const GPtrArray *renames = plan_groups_decide(planning->groups);
	for (guint i = 0; i < renames->len; i++) {
		const struct plan_rename *rename = g_ptr_array_index(renames, i);
		if (rename->conflict && !note_group_conflict(planning, rename, error))
			return false;
		if (rename->by_mailbox)
			continue;
		planning->renames = true;
		if (!plan_rename_step(planning, rename, objects, error))
			return false;
	}
	return true;
}

static bool load_notes(struct planning *planning, GError **error)
{
	const struct contacts_run *run = planning->pass->run;
	planning->uncertain = store_contact_uncertain(
	        run->store, run->lease, planning->now_utc_us - TWIN_WATCH_US, error);
	if (planning->uncertain == NULL)
		return false;
	g_autoptr(GPtrArray) problems =
	        store_contact_problems(run->store, run->lease->mailbox->id, error);
	for (guint i = 0; problems != NULL && i < problems->len; i++) {
		const struct contact_problem *problem = g_ptr_array_index(problems, i);
		if (!run->options.force && problem->next_try_utc_us > planning->now_utc_us)
			g_hash_table_add(planning->resting, g_strdup(problem->key));
	}
	return problems != NULL && store_contact_pending_clear(run->store, run->lease, error);
}

static bool fill_journal(struct planning *planning, bool *go, GError **error)
{
	return load_notes(planning, error) && plan_renames(planning, error) &&
	       each_row(planning, plan_one, error) && plan_missing(planning, error) &&
	       contacts_guard(planning->pass, &planning->counts, go, error);
}

/* An empty list is believed when a later pass, reading both sides in full, finds it empty, too. */
static bool ask_for_confirmation(struct pass_state *pass, GError **error)
{
	struct contact_status *status = pass->status;
	pass->report->confirming = true;
	status->emptied = true;
	status->dirty = true;
	g_clear_pointer(&status->mail_state, g_free);
	g_clear_pointer(&status->im_version, g_free);
	return store_contact_status_save(pass->run->store, pass->run->lease, status, error);
}

static void sum_up(struct planning *planning)
{
	struct contacts_report *report = planning->pass->report;
	if (!report->planned)
		report->plan = planning->counts;
	report->planned = true;
}

static bool review(const struct planning *planning, GError **error)
{
	const struct contacts_run *run = planning->pass->run;
	return run->options.review == NULL ||
	       run->options.review(run->options.review_data, run, planning->steps,
	               planning->pass->report, error);
}

static void free_step(void *step)
{
	journal_step_free(step);
}

static bool plan_in_transaction(struct planning *planning, bool *go, GError **error)
{
	struct pass_state *pass = planning->pass;
	struct store *store = pass->run->store;
	if (!store_begin(store, error))
		return false;
	bool good = fill_journal(planning, go, error);
	sum_up(planning);
	good = good && review(planning, error);
	bool keep = good && *go && !pass->run->options.plan_only;
	if (keep)
		return store_end(store, true, error);
	store_rollback(store);
	*go = false;
	return good || contacts_hold(pass, error);
}

bool contacts_plan(struct pass_state *pass, bool *go, GError **error)
{
	struct planning planning = {.pass = pass, .now_utc_us = clock_utc_us()};
	pass->run->policy.im_holds_tel = pass->run->im.holds_tel;
	pass->run->policy.group_objects =
	        pass->run->mail.dialect == EWS_DIALECT_UCS && !pass->no_renames;
	pass->outdated = false;
	pass->steps_total = pass->steps_done = 0;
	pass->report->waiting = pass->report->unmapped = pass->report->kept = 0;
	planning.groups = plan_groups_new(&pass->run->policy);
	planning.resting = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	if (pass->run->target != NULL)
		planning.seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	if (pass->run->options.review != NULL)
		planning.steps = g_ptr_array_new_with_free_func(free_step);
	bool confirmed = true;
	bool good = plan_in_transaction(&planning, &confirmed, error);
	*go = good && confirmed;
	if (good && !confirmed && !pass->run->options.plan_only)
		good = ask_for_confirmation(pass, error);
	plan_groups_free(planning.groups);
	g_hash_table_unref(planning.resting);
	g_clear_pointer(&planning.uncertain, g_hash_table_unref);
	g_clear_pointer(&planning.seen, g_hash_table_unref);
	g_clear_pointer(&planning.steps, g_ptr_array_unref);
	return good;
}
