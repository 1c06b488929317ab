/*
 * The judge: whether a history ended well. It goes by the log of users' edits and knows nothing of
 * the plan.
 */
#include "model.h"
#include "store/contact.h"
#include "store/journal.h"

#include <string.h>

static bool same_value(const char *a, const char *b)
{
	return g_strcmp0(a != NULL ? a : "", b != NULL ? b : "") == 0;
}

static bool same_field(struct history *history, const char *a, const char *b)
{
	size_t prefix = strlen("group ");
	if (!g_str_has_prefix(a, "group ") || !g_str_has_prefix(b, "group "))
		return g_str_equal(a, b);
	return g_str_equal(standing(history, a + prefix), standing(history, b + prefix));
}

static bool conflict_names(
        struct history *history, unsigned person, const char *field, const char *value)
{
	g_autofree char *key = im_key(person);
	g_autoptr(GPtrArray) conflicts =
	        store_contact_conflicts(history->store, history->mailbox_id, 10000, NULL);
	for (guint i = 0; i < conflicts->len; i++) {
		const struct contact_conflict *conflict = g_ptr_array_index(conflicts, i);
		if (g_str_equal(conflict->key, key) &&
		        same_field(history, conflict->field, field) &&
		        (value == NULL || same_value(conflict->im_value, value) ||
		                same_value(conflict->mail_value, value)))
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

/*
 * An edit that only takes back an earlier one of the same side is no change, if no pass saw the
 * value in between.
 */
static bool takes_back(struct history *history, const struct edit *edit)
{
	for (guint i = 0; i < history->edits->len; i++) {
		const struct edit *other = g_ptr_array_index(history->edits, i);
		if (other->person == edit->person && other->side == edit->side &&
		        other->position < edit->position &&
		        g_str_equal(other->field, edit->field) &&
		        edit->good_passes <= other->good_passes + other->meanwhile &&
		        (g_strcmp0(other->seen, edit->value) == 0 ||
		                (other->seen == NULL && g_str_equal(edit->value, "no"))))
			return true;
	}
	return false;
}

/* Both sides did the same before a pass could tell one from the other: it counts as one edit. */
static bool echoes(struct history *history, const struct edit *edit)
{
	for (guint i = 0; i < history->edits->len; i++) {
		const struct edit *other = g_ptr_array_index(history->edits, i);
		if (other->person == edit->person && other->side != edit->side &&
		        other->position < edit->position &&
		        edit->good_passes <= other->good_passes + other->meanwhile &&
		        g_str_equal(other->field, edit->field) &&
		        g_strcmp0(other->value, edit->value) == 0)
			return true;
	}
	return false;
}

/*
 * While a pass renames a group, somebody joins it: whether before or after that, he is in the same
 * group then, under its new name.
 */
static bool joined_renamed(
        struct history *history, const struct edit *edit, const struct contact *now)
{
	if (!edit->meanwhile || edit->side != MAIL || !g_str_has_prefix(edit->field, "group "))
		return false;
	const char *name =
	        g_hash_table_lookup(history->fake->renamed, edit->field + strlen("group "));
	return name != NULL && now != NULL && g_strcmp0(edit->value, "yes") == 0 &&
	       contact_in_group(now, name);
}

static void judge_edit(struct history *history, const struct edit *edit)
{
	if (edit->value == NULL || echoes(history, edit))
		return;
	const struct contact *now = on_side(history, IM, edit->person);
	g_autofree char *final = value_of(history, now, edit->field);
	if (g_strcmp0(final, edit->value) == 0 || overtaken(history, edit) ||
	        takes_back(history, edit) || joined_renamed(history, edit, now))
		return;
	const char *side = edit->side == IM ? "IM side" : "mailbox";
	if (now == NULL) {
		if (!removed_knowingly(history, edit) &&
		        !conflict_names(history, edit->person, edit->field, edit->value))
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
	        conflict_names(history, edit->person, edit->field, edit->value))
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

void judge_sides(struct history *history)
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

static void show_conflicts(struct history *history)
{
	g_autoptr(GPtrArray) conflicts =
	        store_contact_conflicts(history->store, history->mailbox_id, 10000, NULL);
	for (guint i = conflicts->len; i > 0; i--) {
		const struct contact_conflict *conflict = g_ptr_array_index(conflicts, i - 1);
		say(history, "conflict %s %s: IM %s, mailbox %s", conflict->key, conflict->field,
		        conflict->im_value != NULL ? conflict->im_value : "-",
		        conflict->mail_value != NULL ? conflict->mail_value : "-");
	}
}

void judge(struct history *history)
{
	show_conflicts(history);
	judge_sides(history);
	judge_store(history);
	/*
	 * Until the daily comparison nobody could see that the mailbox forgot: what was decided
	 * meanwhile was decided on a list of yesterday.
	 */
	if (history->fake->forgot_unseen)
		return;
	for (guint i = 0; i < history->edits->len; i++)
		judge_edit(history, g_ptr_array_index(history->edits, i));
}
