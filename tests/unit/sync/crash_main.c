/*
 * A pass that is broken off at every one of its operations, in every way, with an edit on either
 * side in between: then it goes on, and both sides must end alike (model_judge.c).
 *
 * The pass has one of everything to do: a create, an update and a delete on each side, somebody who
 * was added on both, and in dialect ucs a group that was renamed.
 */
#include "core/clock.h"
#include "core/log.h"
#include "model.h"

#include <stdio.h>
#include <stdlib.h>

const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0:detect_stack_use_after_return=0";
}

/* What users do between the break and the next pass. */
enum between { NOTHING, IM_EDITS, MAIL_EDITS, BOTH_EDIT, BETWEENS };

struct script {
	unsigned strike_at; /* number of the operation that breaks */
	enum fake_fault fault;
	unsigned operations; /* so far */
	bool struck;
};

static struct script script;

static enum fake_fault strike(void *data, const char *operation, bool writes)
{
	struct history *history = data;
	if (!history->troubled || script.struck || script.operations++ != script.strike_at)
		return FAKE_FINE;
	bool kill = script.fault == FAKE_KILL_BEFORE || script.fault == FAKE_KILL_AFTER;
	script.struck = true;
	say(history, "%s at %s", fake_fault_name(script.fault), operation);
	return writes || kill ? script.fault : FAKE_RETRY;
}

static struct contact *person(unsigned number, const char *name, const char *group)
{
	g_autofree char *key = im_key(number);
	struct contact *contact = contact_new(key, name);
	if (group != NULL)
		contact_add_group(contact, group);
	return contact;
}

static void pass(struct history *history)
{
	struct contacts_report report = {0};
	pass_once(history, &report);
	contacts_report_clear(&report);
}

/* What both sides have agreed on, and then the work for the pass that breaks. */
static void prepare(struct history *history)
{
	put(history, IM, 0, person(0, "Ann", "G0"));
	put(history, IM, 1, person(1, "Bob", "G0"));
	put(history, IM, 2, person(2, "Cid", "G1"));
	pass(history);
	put(history, IM, 0, person(0, "Anna", "G0"));
	put(history, MAIL, 0, person(0, "Ann", "G1"));
	put(history, IM, 1, NULL);
	put(history, MAIL, 2, NULL);
	put(history, IM, 3, person(3, "Dan", "G1"));
	put(history, MAIL, 4, person(4, "Eve", "G2"));
}

static void edit_between(struct history *history, enum between between)
{
	if (between == IM_EDITS || between == BOTH_EDIT) {
		put(history, IM, 0, person(0, "Annette", "G2"));
		put(history, IM, 3, person(3, "Daniel", "G1"));
	}
	if (between == MAIL_EDITS || between == BOTH_EDIT) {
		put(history, MAIL, 3, person(3, "Danny", "G0"));
		put(history, MAIL, 4, person(4, "Eva", "G0"));
		put(history, MAIL, 1, person(1, "Bobby", "G0"));
	}
}

/* False: the pass has fewer operations than that. */
static bool break_at(
        enum ews_dialect dialect, unsigned at, enum fake_fault fault, enum between between)
{
	static struct usermap *map;
	if (map == NULL)
		map = model_map();
	struct history history = {.choices = g_array_new(FALSE, FALSE, sizeof(guint32))};
	script = (struct script){.strike_at = at, .fault = fault};
	if (!history_begin(&history, dialect, map))
		abort();
	history.fake->fault = strike;
	prepare(&history);
	history.troubled = true;
	pass(&history);
	history.troubled = false;
	bool struck = script.struck;
	edit_between(&history, between);
	come_to_rest(&history);
	judge(&history);
	if (history.wrong != NULL)
		printf("# %s, operation %u, %s, edits %d: %s\n", ews_dialect_name(dialect), at,
		        fake_fault_name(fault), (int)between, history.wrong);
	bool good = history.wrong == NULL;
	history_finish(&history);
	if (!good)
		exit(EXIT_FAILURE);
	return struck;
}

struct reads {
	uint64_t mailbox_full, roster, writes;
};

static bool pass_reads(struct history *history, const struct reads *wanted, const char *when)
{
	struct fake *fake = history->fake;
	const struct reads before = {fake->full_reads, fake->roster_reads, fake->writes};
	pass(history);
	const struct reads got = {fake->full_reads - before.mailbox_full,
	        fake->roster_reads - before.roster, fake->writes - before.writes};
	bool good = got.mailbox_full == wanted->mailbox_full && got.roster == wanted->roster &&
	            got.writes == wanted->writes;
	if (!good)
		printf("# %s, %s: %u full readings of the mailbox, %u of the roster, %u writes\n",
		        ews_dialect_name(fake->dialect), when, (unsigned)got.mailbox_full,
		        (unsigned)got.roster, (unsigned)got.writes);
	return good;
}

/* A side is read when it tells of a change, and in full once a day. */
static bool reads_when_due(enum ews_dialect dialect)
{
	autoptr(usermap) map = model_map();
	struct history history = {.choices = g_array_new(FALSE, FALSE, sizeof(guint32))};
	if (!history_begin(&history, dialect, map))
		abort();
	put(&history, IM, 0, person(0, "Ann", "G0"));
	pass(&history);
	pass(&history);
	bool good = pass_reads(&history, &(struct reads){0, 0, 0}, "nothing changed");
	put(&history, IM, 0, person(0, "Anna", "G0"));
	good = pass_reads(&history, &(struct reads){0, 1, 1}, "the roster changed") && good;
	pass_time(&history, 25 * 3600 * CLOCK_US_PER_S);
	good = pass_reads(&history, &(struct reads){1, 1, 0}, "a day later") && good;
	good = pass_reads(&history, &(struct reads){0, 0, 0}, "after that") && good;
	history_finish(&history);
	return good;
}

int main(void)
{
	static const enum ews_dialect dialects[] = {EWS_DIALECT_FOLDER, EWS_DIALECT_UCS};
	unsigned broken = 0, operations = 0;
	log_init("crash", LOG_LEVEL_ERROR);
	printf("1..2\n");
	for (unsigned d = 0; d < G_N_ELEMENTS(dialects); d++) {
		for (unsigned at = 0; break_at(dialects[d], at, FAKE_KILL_BEFORE, NOTHING); at++) {
			operations++;
			for (unsigned fault = FAKE_KILL_BEFORE; fault < FAKE_FAULTS; fault++)
				for (unsigned b = 0; b < BETWEENS; b++, broken++)
					break_at(dialects[d], at, (enum fake_fault)fault,
					        (enum between)b);
		}
	}
	bool enough = operations >= 12;
	printf("# %u operations in both dialects, %u passes broken off\n", operations, broken);
	printf("%sok 1 - broken off at every operation, both sides end alike\n",
	        enough ? "" : "not ");
	bool due = reads_when_due(EWS_DIALECT_FOLDER);
	due = reads_when_due(EWS_DIALECT_UCS) && due;
	printf("%sok 2 - each side is read when it tells of a change, and in full once a day\n",
	        due ? "" : "not ");
	return enough && due ? EXIT_SUCCESS : EXIT_FAILURE;
}
