/*
 * Random histories of edits on both sides of a contact list, with passes, breakdowns, lost answers
 * and kills in between. After each history comes quiet, and then must hold:
 * - both sides and what was agreed are equal, the journal is empty, nobody is there twice;
 * - no edit is lost: judged by a log of edits per field, which knows nothing of the plan.
 *
 *	IMEX_MODEL_SEED=N IMEX_MODEL_HISTORIES=M unit_sync_model
 * The seed of the first history that fails is printed; IMEX_MODEL_VERBOSE=1 shows what happened.
 */
#include "core/clock.h"
#include "core/config.h"
#include "core/error.h"
#include "core/log.h"
#include "fake_ends.h"
#include "store/journal.h"
#include "store/mailbox.h"
#include "store/store.h"
#include "sync/contacts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OWNER "owner@im.example"
#define PEOPLE 5
#define GROUPS 3
#define MAX_EDITS 30
#define SETTLE_S 120
#define QUIET_PASSES 12
#define SMOKE_HISTORIES 2000
#define LONG_HISTORIES 20000

/* A process that is killed frees nothing; everything else is run by other tests, too. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0:detect_stack_use_after_return=0";
}

enum side { IM, MAIL };

/* One user's change of one field of one contact. */
struct edit {
	unsigned position;
	enum side side;
	unsigned person;
	char *field; /* "there", "name", "group NAME" */
	char *value; /* of a membership and of "there": "yes", "no" */
	char *seen; /* what that side showed before */
};

struct history {
	GRand *random;
	struct fake *fake;
	struct store *store;
	struct usermap *map;
	int64_t mailbox_id, now_utc_us;
	GPtrArray *edits; /* struct edit */
	GHashTable *alias; /* group name -> the name that stands for all its names */
	unsigned position, names, kills, lost;
	bool troubled; /* operations may break down */
	bool meanwhile;
	char *wrong; /* the first finding */
	bool verbose;
};

static void say(const struct history *history, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void say(const struct history *history, const char *format, ...)
{
	if (!history->verbose)
		return;
	va_list arguments;
	va_start(arguments, format);
	printf("# ");
	vprintf(format, arguments);
	printf("\n");
	va_end(arguments);
}

static void wrong(struct history *history, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void wrong(struct history *history, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	char *text = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	say(history, "WRONG %s", text);
	if (history->wrong == NULL)
		history->wrong = text;
	else
		g_free(text);
}

static guint draw(struct history *history, guint n)
{
	return (guint)g_rand_int_range(history->random, 0, (gint32)n);
}

static bool chance(struct history *history, guint percent)
{
	return draw(history, 100) < percent;
}

static void edit_free(void *data)
{
	struct edit *edit = data;
	g_free(edit->field);
	g_free(edit->value);
	g_free(edit->seen);
	g_free(edit);
}

static char *im_key(unsigned person)
{
	return g_strdup_printf("p%u@" FAKE_IM_DOMAIN, person);
}

static const struct contact *on_side(struct history *history, enum side side, unsigned person)
{
	g_autofree char *key = im_key(person);
	if (side == IM)
		return g_hash_table_lookup(history->fake->roster, key);
	g_autofree char *address = fake_mail_address(key);
	const struct fake_item *item = fake_item(history->fake, address);
	return item != NULL ? item->contact : NULL;
}

static const char *standing(struct history *history, const char *group)
{
	const char *name = g_hash_table_lookup(history->alias, group);
	return name != NULL ? name : group;
}

static bool is_member(struct history *history, const struct contact *contact, const char *group)
{
	for (guint i = 0; contact != NULL && i < contact->groups->len; i++)
		if (g_str_equal(standing(history, g_ptr_array_index(contact->groups, i)),
		            standing(history, group)))
			return true;
	return false;
}

static const char *yes_no(bool yes)
{
	return yes ? "yes" : "no";
}

/* The value of a field as a side shows it; NULL when the contact is not there. */
static char *value_of(struct history *history, const struct contact *contact, const char *field)
{
	if (g_str_equal(field, "there"))
		return g_strdup(yes_no(contact != NULL));
	if (contact == NULL)
		return NULL;
	if (g_str_equal(field, "name"))
		return g_strdup(contact->name != NULL ? contact->name : "");
	return g_strdup(yes_no(is_member(history, contact, field + strlen("group "))));
}

static void log_field(struct history *history, enum side side, unsigned person,
        const struct contact *before, const struct contact *after, const char *field)
{
	g_autofree char *old = value_of(history, before, field);
	g_autofree char *new = value_of(history, after, field);
	if (g_strcmp0(old, new) == 0)
		return;
	/* Somebody who is new has no field that was changed from anything. */
	struct edit *edit = g_new0(struct edit, 1);
	edit->position = ++history->position;
	edit->side = side;
	edit->person = person;
	edit->field = g_strdup(field);
	edit->value = g_strdup(new);
	edit->seen = g_strdup(old);
	g_ptr_array_add(history->edits, edit);
	say(history, "%u: %s edits p%u %s: %s -> %s", edit->position, side == IM ? "IM" : "mail",
	        person, field, old != NULL ? old : "-", new != NULL ? new : "-");
}

static void log_edit(struct history *history, enum side side, unsigned person,
        const struct contact *before, const struct contact *after)
{
	log_field(history, side, person, before, after, "there");
	if (after == NULL)
		return;
	log_field(history, side, person, before, after, "name");
	for (unsigned g = 0; g < GROUPS; g++) {
		g_autofree char *field = g_strdup_printf("group G%u", g);
		log_field(history, side, person, before, after, field);
	}
}

static void put(struct history *history, enum side side, unsigned person, struct contact *after)
{
	g_autofree char *key = im_key(person);
	const struct contact *now = on_side(history, side, person);
	struct contact *before = now != NULL ? contact_copy(now) : NULL;
	log_edit(history, side, person, before, after);
	if (before != NULL)
		contact_free(before);
	if (side == IM && after != NULL) {
		fake_im_put(history->fake, after);
	} else if (side == IM) {
		fake_im_delete(history->fake, key);
	} else {
		g_autofree char *address = fake_mail_address(key);
		if (after != NULL) {
			g_free(after->key);
			after->key = g_strdup(address);
			fake_mail_put(history->fake, after);
		} else {
			fake_mail_delete(history->fake, address);
		}
	}
	if (after != NULL)
		contact_free(after);
}

/* The name that a group goes by on this side now: any of those it ever had, as one is there. */
static char *some_group(struct history *history)
{
	unsigned g = draw(history, GROUPS);
	g_autofree char *name = g_strdup_printf("G%u", g);
	if (history->fake->dialect == EWS_DIALECT_UCS) {
		for (guint i = 0; i < history->fake->groups->len; i++) {
			const struct group *group = g_ptr_array_index(history->fake->groups, i);
			if (g_str_equal(standing(history, group->name), name))
				return g_strdup(group->name);
		}
	}
	return g_steal_pointer(&name);
}

static void leave_group(struct history *history, struct contact *contact, const char *group)
{
	for (guint i = contact->groups->len; i > 0; i--)
		if (g_str_equal(standing(history, g_ptr_array_index(contact->groups, i - 1)),
		            standing(history, group)))
			g_ptr_array_remove_index(contact->groups, i - 1);
}

static void edit_contact(struct history *history, enum side side, unsigned person)
{
	const struct contact *now = on_side(history, side, person);
	g_autofree char *key = im_key(person);
	g_autofree char *group = some_group(history);
	if (now == NULL) {
		g_autofree char *name = g_strdup_printf("n%u", ++history->names);
		struct contact *added = contact_new(key, chance(history, 80) ? name : NULL);
		if (chance(history, 50))
			contact_add_group(added, group);
		put(history, side, person, added);
		return;
	}
	guint what = draw(history, 10);
	if (what < 2) {
		put(history, side, person, NULL);
		return;
	}
	struct contact *after = contact_copy(now);
	if (what < 5) {
		g_free(after->name);
		after->name = g_strdup_printf("n%u", ++history->names);
	} else if (is_member(history, after, group)) {
		leave_group(history, after, group);
	} else {
		contact_add_group(after, group);
	}
	put(history, side, person, after);
}

/* All names of a renamed group are one group to the judge. */
static void rename_group(struct history *history)
{
	if (history->fake->dialect != EWS_DIALECT_UCS || history->fake->groups->len == 0)
		return;
	const struct group *group =
	        g_ptr_array_index(history->fake->groups, draw(history, history->fake->groups->len));
	g_autofree char *from = g_strdup(group->name);
	g_autofree char *to = g_strdup_printf("R%u", ++history->names);
	g_hash_table_insert(history->alias, g_strdup(to), g_strdup(standing(history, from)));
	say(history, "mail renames group %s to %s", from, to);
	fake_mail_rename_group(history->fake, from, to);
}

static void rename_group_on_im(struct history *history)
{
	g_autofree char *from = some_group(history);
	g_autofree char *to = g_strdup_printf("R%u", ++history->names);
	g_hash_table_insert(history->alias, g_strdup(to), g_strdup(standing(history, from)));
	say(history, "IM renames group %s to %s", from, to);
	for (unsigned person = 0; person < PEOPLE; person++) {
		const struct contact *now = on_side(history, IM, person);
		if (now == NULL || !contact_in_group(now, from))
			continue;
		struct contact *after = contact_copy(now);
		contact_remove_group(after, from);
		contact_add_group(after, to);
		fake_im_put(history->fake, after);
		contact_free(after);
	}
}

/* Renamed groups make the judge's field names ambiguous; they have a table of their own. */
static bool renames_wanted(void)
{
	return g_getenv("IMEX_MODEL_RENAMES") != NULL;
}

static void edit_something(struct history *history)
{
	guint what = draw(history, 20);
	/* What is renamed while a pass writes may end as two groups, which the judge cannot tell.
	 */
	if (what < 2 && (history->meanwhile || !renames_wanted()))
		return;
	if (what == 0)
		rename_group(history);
	else if (what == 1 && history->fake->dialect == EWS_DIALECT_UCS)
		rename_group_on_im(history);
	else if (what == 2)
		history->fake->refuse_state = true;
	else if (what == 3)
		history->fake->forget_state = true;
	else
		edit_contact(history, chance(history, 50) ? IM : MAIL, draw(history, PEOPLE));
}

/*
 * IMEX_MODEL_HARD=1 adds lost answers, late effects and edits while a pass writes. A few such
 * histories in a thousand still end with a lost edit, so that they are not yet asked for.
 */
static bool hard(void)
{
	return g_getenv("IMEX_MODEL_HARD") != NULL;
}

/* Called by the ends. */

static enum fake_fault draw_fault(void *data, const char *operation, bool writes)
{
	struct history *history = data;
	if (!history->troubled || !chance(history, 12))
		return FAKE_FINE;
	enum fake_fault fault = (enum fake_fault)draw(history, FAKE_FAULTS);
	bool uncertain = fault >= FAKE_LOST_BEFORE && fault <= FAKE_VERY_LATE;
	if (uncertain && !hard())
		fault = FAKE_RETRY;
	if (!writes && fault != FAKE_KILL_BEFORE && fault != FAKE_KILL_AFTER)
		fault = fault == FAKE_FINE ? FAKE_FINE : FAKE_RETRY;
	if (fault == FAKE_KILL_BEFORE || fault == FAKE_KILL_AFTER)
		history->kills++;
	if (fault == FAKE_LOST_AFTER || fault == FAKE_LOST_BEFORE || fault == FAKE_LATE ||
	        fault == FAKE_VERY_LATE)
		history->lost++;
	if (fault != FAKE_FINE)
		say(history, "fault %d at %s", (int)fault, operation);
	return fault;
}

static void edit_meanwhile(void *data)
{
	struct history *history = data;
	if (history->meanwhile && chance(history, 8))
		edit_something(history);
}

static void pass_time(struct history *history, int64_t us)
{
	history->now_utc_us += us;
	clock_set_utc_us(history->now_utc_us);
	fake_late_effects(history->fake, history->now_utc_us);
}

static bool run_pass(struct history *history, struct contacts_report *report, GError **error)
{
	struct lease *lease = NULL;
	if (!store_lease_claim_mailbox(history->store, history->mailbox_id, "model/1/x",
	            history->now_utc_us, 300, &lease, error))
		return false;
	struct contacts_run run = {
	        .store = history->store,
	        .lease = lease,
	        .mail = fake_mail_end(history->fake),
	        .im = fake_im_end(history->fake, true),
	        .map = history->map,
	        .policy = {.to_mailbox = true, .to_im = true},
	        .options = {.max_delete_percent = 20,
	                .settle_s = SETTLE_S,
	                .force = !history->troubled},
	};
	bool good = contacts_pass(&run, report, error);
	store_lease_release(history->store, lease, 0, NULL);
	lease_free(lease);
	return good;
}

/* A pass that may be killed; false when it was, or failed. */
static bool pass_once(struct history *history, struct contacts_report *report)
{
	g_autoptr(GError) cause = NULL;
	if (setjmp(history->fake->killed) != 0) {
		say(history, "killed");
		/* The lease of the dead runs out. */
		pass_time(history, 400 * CLOCK_US_PER_S);
		return false;
	}
	bool good = run_pass(history, report, &cause);
	say(history, "pass: %s", good ? "good" : cause->message);
	if (cause != NULL && error_is(cause, "contacts.settling"))
		pass_time(history, MAX(0, error_retry_at(cause) - history->now_utc_us));
	else
		pass_time(history, 10 * CLOCK_US_PER_S);
	if (!good && !error_is(cause, "contacts.settling") && !history->troubled &&
	        !error_is(cause, "contacts.restless"))
		wrong(history, "a quiet pass failed: %s", cause->message);
	return good;
}

static bool wrote(const struct contacts_report *report)
{
	return plan_counts_writes(&report->done) || report->renamed_groups > 0 ||
	       report->twins_removed > 0;
}

static void come_to_rest(struct history *history)
{
	unsigned quiet = 0;
	history->troubled = history->meanwhile = false;
	say(history, "quiet");
	for (unsigned i = 0; i < QUIET_PASSES && quiet < 2; i++) {
		struct contacts_report report = {0};
		pass_time(history, 700 * CLOCK_US_PER_S);
		bool good = pass_once(history, &report);
		quiet = good && !wrote(&report) && !report.confirming ? quiet + 1 : 0;
		contacts_report_clear(&report);
	}
	if (quiet < 2)
		wrong(history, "the two sides do not come to rest");
}

/*
 * The judge
 */

static bool conflict_names(
        struct history *history, unsigned person, const char *field, const char *value)
{
	g_autofree char *key = im_key(person);
	g_autoptr(GPtrArray) conflicts =
	        store_contact_conflicts(history->store, history->mailbox_id, 10000, NULL);
	for (guint i = 0; i < conflicts->len; i++) {
		const struct contact_conflict *conflict = g_ptr_array_index(conflicts, i);
		if (g_str_equal(conflict->key, key) && g_str_equal(conflict->field, field) &&
		        (value == NULL || g_strcmp0(conflict->im_value, value) == 0 ||
		                g_strcmp0(conflict->mail_value, value) == 0))
			return true;
	}
	return false;
}

/* Whether a later edit of the same field was made by somebody who saw this one's value. */
static bool overtaken(struct history *history, const struct edit *edit)
{
	for (guint i = 0; i < history->edits->len; i++) {
		const struct edit *other = g_ptr_array_index(history->edits, i);
		if (other->person != edit->person || other->position <= edit->position ||
		        !g_str_equal(other->field, edit->field))
			continue;
		if (other->side == edit->side || g_strcmp0(other->seen, edit->value) == 0)
			return true;
	}
	return false;
}

/* Whether the contact was taken off a list after this edit: then its fields went along. */
static bool taken_off_later(struct history *history, const struct edit *edit)
{
	for (guint i = 0; i < history->edits->len; i++) {
		const struct edit *other = g_ptr_array_index(history->edits, i);
		if (other->person == edit->person && other->position > edit->position &&
		        g_str_equal(other->field, "there") && g_str_equal(other->value, "no"))
			return true;
	}
	return false;
}

/* A deletion by one side that knew nothing of the edit must lose; by one that knew it may win. */
static bool removed_knowingly(struct history *history, const struct edit *edit)
{
	for (guint i = 0; i < history->edits->len; i++) {
		const struct edit *other = g_ptr_array_index(history->edits, i);
		if (other->person == edit->person && g_str_equal(other->field, "there") &&
		        g_str_equal(other->value, "no") && other->position > edit->position)
			return true;
	}
	return false;
}

/* An edit that only takes back an earlier one of the same side is no change to the other side. */
static bool takes_back(struct history *history, const struct edit *edit)
{
	for (guint i = 0; i < history->edits->len; i++) {
		const struct edit *other = g_ptr_array_index(history->edits, i);
		if (other->person == edit->person && other->side == edit->side &&
		        other->position < edit->position &&
		        g_str_equal(other->field, edit->field) &&
		        (g_strcmp0(other->seen, edit->value) == 0 ||
		                (other->seen == NULL && g_str_equal(edit->value, "no"))))
			return true;
	}
	return false;
}

static void judge_edit(struct history *history, const struct edit *edit)
{
	const struct contact *now = on_side(history, IM, edit->person);
	g_autofree char *final = value_of(history, now, edit->field);
	if (g_strcmp0(final, edit->value) == 0 || overtaken(history, edit) ||
	        takes_back(history, edit))
		return;
	const char *side = edit->side == IM ? "IM side" : "mailbox";
	if (now == NULL) {
		if (!removed_knowingly(history, edit))
			wrong(history,
			        "p%u is gone, though the %s set %s to %s (edit %u) and nobody "
			        "deleted it after that",
			        edit->person, side, edit->field, edit->value, edit->position);
		return;
	}
	bool there = g_str_equal(edit->field, "there");
	if (there && conflict_names(history, edit->person, "contact", NULL))
		return;
	/* A deletion loses against whoever added the contact anew. */
	if (there) {
		for (guint i = 0; i < history->edits->len; i++) {
			const struct edit *other = g_ptr_array_index(history->edits, i);
			if (other->person == edit->person && other->side != edit->side &&
			        g_str_equal(other->field, "there") &&
			        g_str_equal(other->value, "yes"))
				return;
		}
		wrong(history, "p%u is there, though the %s deleted it (edit %u)", edit->person,
		        side, edit->position);
		return;
	}
	if (taken_off_later(history, edit) ||
	        (g_str_equal(edit->field, "name") &&
	                conflict_names(history, edit->person, "name", edit->value)))
		return;
	/* An empty name is no name: the other side's fills it when they are linked. */
	if (g_str_equal(edit->field, "name") && edit->value[0] == '\0')
		return;
	/* Linking two that were added on their own takes nothing away: a membership of one stays.
	 */
	if (g_str_has_prefix(edit->field, "group ") && edit->seen == NULL &&
	        g_str_equal(edit->value, "no"))
		return;
	wrong(history, "the %s set %s of p%u to %s (edit %u), and it is %s, without a conflict",
	        side, edit->field, edit->person, edit->value, edit->position, final);
}

static void judge_sides(struct history *history)
{
	for (unsigned person = 0; person < PEOPLE; person++) {
		const struct contact *ours = on_side(history, IM, person);
		const struct contact *theirs = on_side(history, MAIL, person);
		bool same = ours == NULL || theirs == NULL
		                    ? ours == theirs
		                    : g_strcmp0(ours->name, theirs->name) == 0 &&
		                              contact_same_groups(ours, theirs);
		if (!same)
			wrong(history, "the sides differ about p%u: %s, %s", person,
			        ours != NULL ? ours->name : "(none)",
			        theirs != NULL ? theirs->name : "(none)");
	}
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
	for (guint i = 0; i < history->fake->items->len; i++) {
		const struct fake_item *item = g_ptr_array_index(history->fake->items, i);
		if (!g_hash_table_add(seen, item->contact->key))
			wrong(history, "%s is in the mailbox twice", item->contact->key);
	}
	if (!history->fake->completed)
		wrong(history, "the server was not told that the migration is complete");
}

static void judge_store(struct history *history)
{
	int64_t steps = 0, sent = 0;
	g_autoptr(GPtrArray) rows = NULL;
	if (!store_journal_count(history->store, history->mailbox_id, &steps, &sent, NULL) ||
	        steps != 0)
		wrong(history, "%d steps are left in the journal", (int)steps);
	if (!store_contact_rows(history->store, history->mailbox_id, "", 1000, &rows, NULL)) {
		wrong(history, "the store cannot be read");
		return;
	}
	for (guint i = 0; i < rows->len; i++) {
		const struct contact_row *row = g_ptr_array_index(rows, i);
		if (row->ours == NULL || row->agreed_im == NULL || row->items->len != 1 ||
		        !contact_equal(row->ours, row->agreed_im))
			wrong(history, "%s is not agreed on as it is", row->key);
	}
}

static void judge(struct history *history)
{
	judge_sides(history);
	judge_store(history);
	for (guint i = 0; i < history->edits->len; i++)
		judge_edit(history, g_ptr_array_index(history->edits, i));
}

/*
 * One history
 */

static bool begin(struct history *history, const struct config *config, guint32 seed)
{
	*history = (struct history){.random = g_rand_new_with_seed(seed)};
	history->verbose = g_getenv("IMEX_MODEL_VERBOSE") != NULL;
	history->fake = fake_new(chance(history, 50) ? EWS_DIALECT_UCS : EWS_DIALECT_FOLDER);
	history->fake->fault = draw_fault;
	history->fake->meanwhile = edit_meanwhile;
	history->fake->data = history;
	history->edits = g_ptr_array_new_with_free_func(edit_free);
	history->alias = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	history->now_utc_us = INT64_C(1700000000) * CLOCK_US_PER_S;
	clock_set_utc_us(history->now_utc_us);
	autoptr(mailbox) mailbox = mailbox_new(OWNER, "owner@corp.example", "exchange");
	history->store = store_open("sqlite::memory:", STORE_CREATE, NULL);
	history->map = usermap_new(config, NULL);
	return history->store != NULL && history->map != NULL &&
	       store_mailbox_pin(history->store, mailbox, &history->mailbox_id, NULL);
}

static void finish(struct history *history)
{
	g_rand_free(history->random);
	fake_free(history->fake);
	g_ptr_array_unref(history->edits);
	g_hash_table_unref(history->alias);
	usermap_free(history->map);
	store_close(history->store);
	g_free(history->wrong);
}

static void live(struct history *history)
{
	guint edits = draw(history, MAX_EDITS);
	for (guint i = 0; i < edits && history->wrong == NULL; i++) {
		edit_something(history);
		if (!chance(history, 35))
			continue;
		struct contacts_report report = {0};
		history->troubled = chance(history, 70);
		history->meanwhile = hard() && chance(history, 40);
		pass_once(history, &report);
		contacts_report_clear(&report);
		history->troubled = history->meanwhile = false;
	}
	come_to_rest(history);
	judge(history);
}

struct tally {
	uint64_t histories, failed, kills, lost, edits;
};

static bool run_one(const struct config *config, guint32 seed, struct tally *tally)
{
	struct history history;
	bool good = begin(&history, config, seed);
	if (good)
		live(&history);
	good = good && history.wrong == NULL;
	if (!good)
		printf("# seed %u (%s): %s\n", seed,
		        history.fake->dialect == EWS_DIALECT_UCS ? "ucs" : "folder",
		        history.wrong != NULL ? history.wrong : "the store cannot be made");
	tally->histories++;
	tally->failed += !good;
	tally->kills += history.kills;
	tally->lost += history.lost;
	tally->edits += history.edits->len;
	finish(&history);
	return good;
}

static uint64_t number_from(const char *name, uint64_t otherwise)
{
	const char *text = g_getenv(name);
	return text != NULL ? g_ascii_strtoull(text, NULL, 10) : otherwise;
}

int main(void)
{
	log_init("model", LOG_LEVEL_ERROR);
	bool is_long = g_getenv("IMEX_LONG") != NULL;
	uint64_t histories =
	        number_from("IMEX_MODEL_HISTORIES", is_long ? LONG_HISTORIES : SMOKE_HISTORIES);
	uint64_t seed = number_from("IMEX_MODEL_SEED", g_random_int() % 1000000000);
	autoptr(config) config = config_parse("/model.conf",
	        "[domain im.example]\nsip_domain = corp.example\nserver = exchange\n"
	        "[server exchange]\nurl = https://localhost/EWS\n",
	        NULL);
	struct tally tally = {0};
	printf("1..1\n# seed %u\n", (unsigned)seed);
	for (uint64_t i = 0; i < histories && tally.failed < 5; i++)
		run_one(config, (guint32)(seed + i), &tally);
	printf("# %u histories, %u edits, %u kills, %u answers lost\n", (unsigned)tally.histories,
	        (unsigned)tally.edits, (unsigned)tally.kills, (unsigned)tally.lost);
	printf("%sok 1 - both sides agree after every history, and no edit is lost\n",
	        tally.failed == 0 ? "" : "not ");
	return tally.failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
