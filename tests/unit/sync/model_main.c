/*
 * Random histories of edits on both sides of a contact list, with passes, breakdowns, lost answers,
 * effects that come late and kills in between. After each history comes quiet, and then must hold:
 * - both sides and what was agreed are equal, the journal is empty, nobody is there twice;
 * - no edit is lost without a recorded conflict: judged by a log of edits per field
 *(model_judge.c).
 *
 *	IMEX_MODEL_SEED=N IMEX_MODEL_HISTORIES=M unit_sync_model
 *
 * A history that fails is printed with its seed, made as short as it can be made while it still
 * fails, and told step by step.
 */
#include "core/clock.h"
#include "core/config.h"
#include "core/error.h"
#include "core/log.h"
#include "model.h"
#include "store/mailbox.h"
#include "sync/contacts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OWNER "owner@im.example"
#define MAX_EDITS 40
#define SETTLE_S 120
#define QUIET_PASSES 12
#define SMOKE_HISTORIES 2000
#define LONG_HISTORIES 20000
#define MAX_SHRINKS 1500

/* A process that is killed frees nothing; everything else is run by other tests, too. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0:detect_stack_use_after_return=0";
}

/* Called by the ends. */

static enum fake_fault draw_fault(void *data, const char *operation, bool writes)
{
	struct history *history = data;
	if (!history->troubled || !chance(history, 12))
		return FAKE_FINE;
	enum fake_fault fault = (enum fake_fault)draw(history, FAKE_FAULTS);
	bool kill = fault == FAKE_KILL_BEFORE || fault == FAKE_KILL_AFTER;
	if (!writes && !kill && fault != FAKE_FINE)
		fault = FAKE_RETRY;
	history->kills += kill;
	history->lost += fault >= FAKE_LOST_BEFORE && fault <= FAKE_VERY_LATE;
	if (fault != FAKE_FINE)
		say(history, "%s at %s", fake_fault_name(fault), operation);
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
		history->passing = false;
		say(history, "killed");
		/* The lease of the dead runs out. */
		pass_time(history, 400 * CLOCK_US_PER_S);
		return false;
	}
	history->passing = true;
	bool good = run_pass(history, report, &cause);
	history->passing = false;
	bool refused = report->refusals != NULL && report->refusals->len > 0;
	history->good_passes += good && !refused;
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
		/* Both sides are compared in full once a day. */
		pass_time(history, i == 1 ? CLOCK_US_PER_DAY : 700 * CLOCK_US_PER_S);
		bool good = pass_once(history, &report);
		bool rests = good && !wrote(&report) && !report.confirming;
		quiet = rests && i > 0 ? quiet + 1 : 0;
		contacts_report_clear(&report);
	}
	if (quiet < 2)
		wrong(history, "the two sides do not come to rest");
}

/*
 * One history
 */

static bool begin(struct history *history, const struct usermap *map)
{
	history->verbose = history->verbose || g_getenv("IMEX_MODEL_VERBOSE") != NULL;
	history->fake = fake_new(draw(history, 2) == 0 ? EWS_DIALECT_FOLDER : EWS_DIALECT_UCS);
	history->fake->fault = draw_fault;
	history->fake->meanwhile = edit_meanwhile;
	history->fake->data = history;
	history->edits = g_ptr_array_new_with_free_func(edit_free);
	history->alias = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	history->now_utc_us = INT64_C(1700000000) * CLOCK_US_PER_S;
	clock_set_utc_us(history->now_utc_us);
	autoptr(mailbox) mailbox = mailbox_new(OWNER, "owner@corp.example", "exchange");
	history->store = store_open("sqlite::memory:", STORE_CREATE, NULL);
	history->map = map;
	return history->store != NULL &&
	       store_mailbox_pin(history->store, mailbox, &history->mailbox_id, NULL);
}

static void finish(struct history *history)
{
	fake_free(history->fake);
	g_ptr_array_unref(history->edits);
	g_hash_table_unref(history->alias);
	store_close(history->store);
	g_clear_pointer(&history->random, g_rand_free);
	g_array_unref(history->choices);
	g_free(history->wrong);
}

static void live(struct history *history)
{
	for (guint i = 0; i < MAX_EDITS && history->wrong == NULL && chance(history, 95); i++) {
		edit_something(history);
		if (!chance(history, 35))
			continue;
		struct contacts_report report = {0};
		history->troubled = chance(history, 70);
		history->meanwhile = chance(history, 40);
		pass_once(history, &report);
		contacts_report_clear(&report);
		history->troubled = history->meanwhile = false;
	}
	come_to_rest(history);
	judge(history);
}

static void run(struct history *history, const struct usermap *map)
{
	if (begin(history, map))
		live(history);
	else
		wrong(history, "the store cannot be made");
}

/* Whether these choices make a history that fails. */
static bool fails(const GArray *choices, const struct usermap *map, bool verbose)
{
	struct history history = {.choices = g_array_copy((GArray *)(uintptr_t)choices)};
	history.verbose = verbose;
	run(&history, map);
	bool failed = history.wrong != NULL;
	finish(&history);
	return failed;
}

/* Takes n choices out at an index, or sets them to 0; NULL when that changes nothing. */
static GArray *smaller(const GArray *choices, guint at, guint n, bool zero)
{
	GArray *copy = g_array_copy((GArray *)(uintptr_t)choices);
	guint end = MIN(at + n, copy->len);
	bool changed = !zero;
	if (zero) {
		for (guint i = at; i < end; i++) {
			changed = changed || g_array_index(copy, guint32, i) != 0;
			g_array_index(copy, guint32, i) = 0;
		}
	} else {
		g_array_remove_range(copy, at, end - at);
	}
	if (!changed)
		g_clear_pointer(&copy, g_array_unref);
	return copy;
}

static GArray *shrink(GArray *choices, const struct usermap *map)
{
	unsigned tries = 0;
	for (guint n = MAX(choices->len / 2, 1);; n = MAX(n / 2, 1)) {
		bool better = false;
		for (guint at = 0; at < choices->len && tries < MAX_SHRINKS; at += n) {
			for (unsigned zero = 0; zero < 2; zero++) {
				GArray *candidate = smaller(choices, at, n, zero);
				if (candidate == NULL)
					continue;
				tries++;
				if (!fails(candidate, map, false)) {
					g_array_unref(candidate);
					continue;
				}
				g_array_unref(choices);
				choices = candidate;
				better = true;
				if (at >= choices->len)
					break;
			}
		}
		if ((n == 1 && !better) || tries >= MAX_SHRINKS || choices->len == 0)
			return choices;
	}
}

struct tally {
	uint64_t histories, failed, kills, lost, edits;
};

static void show_failure(const struct history *history, guint32 seed, const struct usermap *map)
{
	printf("# seed %u (%s) fails: %s\n# the shortest history of this kind:\n", seed,
	        ews_dialect_name(history->fake->dialect), history->wrong);
	GArray *choices = shrink(g_array_copy(history->choices), map);
	fails(choices, map, true);
	g_array_unref(choices);
	fflush(stdout);
}

static void run_one(const struct usermap *map, guint32 seed, struct tally *tally)
{
	struct history history = {
	        .random = g_rand_new_with_seed(seed),
	        .choices = g_array_new(FALSE, FALSE, sizeof(guint32)),
	};
	run(&history, map);
	if (history.wrong != NULL)
		show_failure(&history, seed, map);
	tally->histories++;
	tally->failed += history.wrong != NULL;
	tally->kills += history.kills;
	tally->lost += history.lost;
	tally->edits += history.edits->len;
	finish(&history);
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
	autoptr(usermap) map = usermap_new(config, NULL);
	struct tally tally = {0};
	printf("1..1\n# seed %u\n", (unsigned)seed);
	for (uint64_t i = 0; i < histories && tally.failed < 3; i++)
		run_one(map, (guint32)(seed + i), &tally);
	printf("# %u histories, %u edits, %u kills, %u answers lost\n", (unsigned)tally.histories,
	        (unsigned)tally.edits, (unsigned)tally.kills, (unsigned)tally.lost);
	printf("%sok 1 - both sides agree after every history, and no edit is lost\n",
	        tally.failed == 0 ? "" : "not ");
	return tally.failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
