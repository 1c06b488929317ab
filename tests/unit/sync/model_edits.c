/* What users do to their contacts, and the log of it that the judge goes by. */
#include "model.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void say(const struct history *history, const char *format, ...)
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

void wrong(struct history *history, const char *format, ...)
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

guint draw(struct history *history, guint n)
{
	guint32 choice = 0;
	if (history->random != NULL) {
		choice = g_rand_int(history->random);
		g_array_append_val(history->choices, choice);
	} else if (history->next_choice < history->choices->len) {
		choice = g_array_index(history->choices, guint32, history->next_choice++);
	}
	return choice % n;
}

bool chance(struct history *history, guint percent)
{
	return draw(history, 100) >= 100 - percent;
}

void edit_free(void *data)
{
	struct edit *edit = data;
	g_free(edit->field);
	g_free(edit->value);
	g_free(edit->seen);
	g_free(edit);
}

char *im_key(unsigned person)
{
	return g_strdup_printf("p%u@" FAKE_IM_DOMAIN, person);
}

const struct contact *on_side(struct history *history, enum side side, unsigned person)
{
	g_autofree char *key = im_key(person);
	if (side == IM)
		return g_hash_table_lookup(history->fake->roster, key);
	g_autofree char *address = fake_mail_address(key);
	const struct fake_item *item = fake_item(history->fake, address);
	return item != NULL ? item->contact : NULL;
}

const char *standing(struct history *history, const char *group)
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

char *value_of(struct history *history, const struct contact *contact, const char *field)
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
	edit->good_passes = history->good_passes;
	edit->meanwhile = history->passing;
	g_ptr_array_add(history->edits, edit);
	bool boring =
	        g_strcmp0(old, "no") == 0 ? new == NULL : old == NULL &&g_strcmp0(new, "no") == 0;
	if (!boring)
		say(history, "%u: %s edits p%u %s: %s -> %s%s", edit->position,
		        side == IM ? "IM side" : "mailbox", person, field, old != NULL ? old : "-",
		        new != NULL ? new : "-", edit->meanwhile ? " (during a pass)" : "");
}

static void log_edit(struct history *history, enum side side, unsigned person,
        const struct contact *before, const struct contact *after)
{
	log_field(history, side, person, before, after, "there");
	log_field(history, side, person, before, after, "name");
	for (unsigned g = 0; g < GROUPS; g++) {
		g_autofree char *field = g_strdup_printf("group G%u", g);
		log_field(history, side, person, before, after, field);
	}
}

void put(struct history *history, enum side side, unsigned person, struct contact *after)
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

/* The item's address is written another way, or the item is saved as it is. */
static void touch(struct history *history, unsigned person)
{
	const struct contact *now = on_side(history, MAIL, person);
	autoptr(contact) same = now != NULL ? contact_copy(now) : NULL;
	if (same != NULL)
		fake_mail_put(history->fake, same);
}

/* An item is given another person's address: one is gone and the other is there. */
static void readdress(struct history *history, unsigned from, unsigned to)
{
	g_autofree char *key = im_key(to);
	g_autofree char *address = fake_mail_address(key);
	const struct contact *now = on_side(history, MAIL, from);
	if (history->fake->dialect != EWS_DIALECT_FOLDER || now == NULL ||
	        on_side(history, MAIL, to) != NULL)
		return;
	autoptr(contact) before = contact_copy(now);
	autoptr(contact) after = contact_copy(now);
	g_free(after->key);
	after->key = g_strdup(address);
	log_edit(history, MAIL, from, before, NULL);
	log_edit(history, MAIL, to, NULL, after);
	fake_mail_readdress(history->fake, before->key, address);
}

void edit_something(struct history *history)
{
	enum side side = chance(history, 50) ? MAIL : IM;
	unsigned person = draw(history, PEOPLE);
	guint what = draw(history, 20);
	/*
	 * By hand only: the IM side has no groups, so that a rename there looks like members that
	 * move, and beside a member that leaves at the same time nobody can tell what was meant.
	 * tests/unit/sync/test_plan.c has the renames that can be told.
	 */
	bool renames = !history->meanwhile && g_getenv("IMEX_MODEL_RENAMES") != NULL;
	if (what == 0) /* nothing */
		return;
	if (what == 19)
		touch(history, person);
	else if (what == 18 && !history->meanwhile) /* an update may meet the other person then */
		readdress(history, person, draw(history, PEOPLE));
	else if (what == 17)
		history->fake->forget_state = true;
	else if (what == 16)
		history->fake->refuse_state = true;
	else if (what == 15 && renames)
		rename_group(history);
	else if (what == 14 && renames && history->fake->dialect == EWS_DIALECT_UCS)
		rename_group_on_im(history);
	else
		edit_contact(history, side, person);
}
