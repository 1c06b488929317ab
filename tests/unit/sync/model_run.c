/* One history: the store, passes, time, and coming to rest. */
#include "core/clock.h"
#include "core/config.h"
#include "core/error.h"
#include "model.h"
#include "store/life.h"
#include "store/mailbox.h"
#include "sync/contacts.h"

#define OWNER "owner@im.example"
#define SETTLE_S 120
#define QUIET_PASSES 12

struct usermap *model_map(void)
{
	autoptr(config) config = config_parse("/model.conf",
	        "[domain im.example]\nsip_domain = corp.example\nserver = exchange\n"
	        "[server exchange]\nurl = https://localhost/EWS\n",
	        NULL);
	return usermap_new(config, NULL);
}

void pass_time(struct history *history, int64_t us)
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

/* Contacts that were refused rest for a while: no pass carries their edits meanwhile. */
static bool left_over(const struct history *history)
{
	g_autoptr(GPtrArray) problems =
	        store_contact_problems(history->store, history->mailbox_id, NULL);
	return problems == NULL || problems->len > 0;
}

bool pass_once(struct history *history, struct contacts_report *report)
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
	/* Nor does a pass that only asks for an empty list to be read again. */
	history->good_passes += good && !left_over(history) && !report->confirming;
	say(history, "pass: %s%s", good ? "good" : cause->message,
	        report->confirming ? ", and an empty list is read again" : "");
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

/* Until two passes find nothing to do. */
static void settle_down(struct history *history)
{
	unsigned quiet = 0;
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

void come_to_rest(struct history *history)
{
	history->troubled = history->meanwhile = false;
	say(history, "quiet");
	settle_down(history);
	/* The daily comparison in full must find nothing, but for what no server can tell. */
	if (!history->fake->forgot_unseen)
		judge_sides(history);
	pass_time(history, CLOCK_US_PER_DAY);
	settle_down(history);
}

/* No other IM server kept contacts there before. */
static bool look_into_empty_mailbox(const struct history *history)
{
	const struct contact_life life = {.occupied = LIFE_NO};
	struct lease *lease = NULL;
	bool good = store_lease_claim_mailbox(history->store, history->mailbox_id, "model/1/x",
	                    history->now_utc_us, 300, &lease, NULL) &&
	            store_life_save(history->store, lease, &life, NULL) &&
	            store_lease_release(history->store, lease, 0, NULL);
	if (lease != NULL)
		lease_free(lease);
	return good;
}

bool history_begin(struct history *history, enum ews_dialect dialect, const struct usermap *map)
{
	history->verbose = history->verbose || g_getenv("IMEX_MODEL_VERBOSE") != NULL;
	history->fake = fake_new(dialect);
	history->fake->data = history;
	history->edits = g_ptr_array_new_with_free_func(edit_free);
	history->alias = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	history->now_utc_us = INT64_C(1700000000) * CLOCK_US_PER_S;
	clock_set_utc_us(history->now_utc_us);
	autoptr(mailbox) mailbox = mailbox_new(OWNER, "owner@corp.example", "exchange");
	history->store = store_open("sqlite::memory:", STORE_CREATE, NULL);
	history->map = map;
	return history->store != NULL &&
	       store_mailbox_pin(history->store, mailbox, &history->mailbox_id, NULL) &&
	       look_into_empty_mailbox(history);
}

void history_finish(struct history *history)
{
	fake_free(history->fake);
	g_ptr_array_unref(history->edits);
	g_hash_table_unref(history->alias);
	store_close(history->store);
	g_clear_pointer(&history->random, g_rand_free);
	g_array_unref(history->choices);
	g_free(history->wrong);
}
