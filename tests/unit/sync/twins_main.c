/*
 * A user adds a person to the mailbox while a pass does, too: two items of one contact. Ours goes
 * only when nothing of it is lost.
 */
#include "core/log.h"
#include "model.h"
#include "store/contact.h"

#include <stdio.h>
#include <stdlib.h>

const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0:detect_stack_use_after_return=0";
}

static struct {
	uint64_t writes; /* before the create */
	bool twin_made;
	bool refuse; /* the next update */
} script;

static struct contact *ann(const char *name, const char *group, const char *second)
{
	g_autofree char *key = im_key(0);
	struct contact *contact = contact_new(key, name);
	contact_add_group(contact, group);
	if (second != NULL)
		contact_add_group(contact, second);
	return contact;
}

/* Right before our create takes effect. */
static void add_twin(void *data)
{
	struct history *history = data;
	if (script.twin_made || history->fake->writes == script.writes)
		return;
	script.twin_made = true;
	put(history, MAIL, 0, ann("Annie", "G1", NULL));
}

static enum fake_fault refuse_update(void *data, const char *operation, bool writes)
{
	(void)data;
	bool strikes = writes && script.refuse && g_str_equal(operation, "update");
	script.refuse = script.refuse && !strikes;
	return strikes ? FAKE_ITEM : FAKE_FINE;
}

static void pass(struct history *history)
{
	struct contacts_report report = {0};
	pass_once(history, &report);
	contacts_report_clear(&report);
}

/* Both items are there, and the pass knew only of ours. */
static void begin_with_twins(struct history *history, const struct usermap *map)
{
	script.twin_made = script.refuse = false;
	script.writes = UINT64_MAX;
	*history = (struct history){.choices = g_array_new(FALSE, FALSE, sizeof(guint32))};
	if (!history_begin(history, EWS_DIALECT_FOLDER, map))
		abort();
	pass(history); /* the list has moved before */
	history->fake->meanwhile = add_twin;
	history->fake->fault = refuse_update;
	script.writes = history->fake->writes;
	put(history, IM, 0, ann("Ann", "G0", "G1"));
	pass(history);
	if (history->fake->items->len != 2)
		wrong(history, "there are no twins to begin with");
}

/* The item that bears our operation; NULL when it is gone. */
static struct fake_item *own_item(const struct history *history)
{
	for (guint i = 0; i < history->fake->items->len; i++) {
		struct fake_item *item = g_ptr_array_index(history->fake->items, i);
		if (item->op_uuid != NULL)
			return item;
	}
	return NULL;
}

static bool recorded(const struct history *history, const char *field)
{
	g_autoptr(GPtrArray) conflicts =
	        store_contact_conflicts(history->store, history->mailbox_id, 100, NULL);
	for (guint i = 0; i < conflicts->len; i++) {
		const struct contact_conflict *conflict = g_ptr_array_index(conflicts, i);
		if (g_str_equal(conflict->field, field))
			return true;
	}
	return false;
}

static void expect(struct history *history, bool good, const char *what)
{
	if (!good)
		wrong(history, "%s", what);
}

static void expect_united(struct history *history)
{
	const struct contact *ours = on_side(history, IM, 0), *theirs = on_side(history, MAIL, 0);
	expect(history, history->fake->items->len == 1, "the twin of ours is still there");
	expect(history, own_item(history) == NULL, "the user's item was taken instead of ours");
	expect(history, contact_in_group(theirs, "G0") && contact_in_group(theirs, "G1"),
	        "a group of ours went with it");
	expect(history, contact_same_groups(ours, theirs), "the sides differ");
	expect(history, recorded(history, "name"), "the other name is not recorded");
}

static void is_united(struct history *history)
{
	come_to_rest(history);
	expect_united(history);
	expect(history, !recorded(history, "group G1"), "a conflict that is none");
}

/* What users write beside name, groups and number shows in the change key only. */
static void stays_when_touched(struct history *history)
{
	struct fake_item *own = own_item(history);
	g_assert(own != NULL);
	own->change = ++history->fake->clock;
	for (unsigned i = 0; i < 3; i++)
		pass(history);
	expect(history, history->fake->items->len == 2 && own_item(history) != NULL,
	        "an item that a user has worked on is gone");
}

static void records_what_was_taken_away(struct history *history)
{
	put(history, IM, 0, ann("Ann", "G0", NULL));
	come_to_rest(history);
	expect_united(history);
	expect(history, recorded(history, "group G1"),
	        "the IM side took a group away, and it came back without a conflict");
}

static void records_who_was_taken_off(struct history *history)
{
	put(history, IM, 0, NULL);
	pass(history);
	come_to_rest(history);
	expect(history, on_side(history, IM, 0) != NULL, "the user's own item is gone");
	expect(history, recorded(history, "contact"), "the deletion lost without a conflict");
}

static void waits_for_the_other(struct history *history)
{
	script.refuse = true;
	pass(history);
	expect(history, !script.refuse && history->fake->items->len == 2,
	        "ours went before the user's item had taken over its groups");
	come_to_rest(history);
	expect_united(history);
}

static const struct {
	const char *what;
	void (*run)(struct history *history);
} tests[] = {
        {"the user's item stands, with the groups of both", is_united},
        {"an item of ours that somebody has touched stays", stays_when_touched},
        {"a group that the IM side took away comes back as a conflict",
                records_what_was_taken_away},
        {"a contact that the IM side took off comes back as a conflict", records_who_was_taken_off},
        {"ours stays until the user's item could be changed", waits_for_the_other},
};

int main(void)
{
	autoptr(usermap) map = model_map();
	bool all = true;
	log_init("twins", LOG_LEVEL_ERROR);
	printf("1..%u\n", (unsigned)G_N_ELEMENTS(tests));
	for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
		struct history history;
		begin_with_twins(&history, map);
		if (history.wrong == NULL)
			tests[i].run(&history);
		bool good = history.wrong == NULL;
		if (!good)
			printf("# %s\n", history.wrong);
		printf("%sok %u - %s\n", good ? "" : "not ", i + 1, tests[i].what);
		all = all && good;
		history_finish(&history);
	}
	return all ? EXIT_SUCCESS : EXIT_FAILURE;
}
