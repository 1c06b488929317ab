#include "store/cursor.h"
#include "store/delivery_run.h"
#include "store/policy.h"
#include "sync/deliver.h"
#include "tests/unit/store/fixture.h"
#include "tests/unit/sync/captured.h"

#include <string.h>

Suite *delivery_suite(void);

#define NOW INT64_C(1795428000000000)
#define SECOND CLOCK_US_PER_S

static void plan(int64_t mailbox_id, const char *uuid, const char *segment_id, bool expect_new)
{
	g_autofree char *own_uuid = g_strdup(uuid);
	g_autofree char *own_segment = g_strdup(segment_id);
	char folder[] = "history";
	const struct delivery delivery = {
	        .mailbox_id = mailbox_id,
	        .uuid = own_uuid,
	        .conversation_id = 1,
	        .segment_id = own_segment,
	        .folder = folder,
	};
	bool is_new = !expect_new;
	must(store_delivery_plan(store, &delivery, NOW, &is_new, error));
	ck_assert_int_eq(is_new, expect_new);
}

static GPtrArray *due(int64_t mailbox_id, int64_t now_utc_us)
{
	g_autoptr(GError) problem = NULL;
	GPtrArray *rows = store_deliveries_due(store, mailbox_id, now_utc_us, 100, &problem);
	ck_assert_ptr_nonnull(rows);
	return rows;
}

static void expect_state(const char *uuid, const char *state)
{
	autoptr(delivery) delivery = NULL;
	must(store_delivery_get(store, uuid, &delivery, error));
	ck_assert_ptr_nonnull(delivery);
	ck_assert_str_eq(delivery->state, state);
}

static bool record(const struct lease *lease, const struct delivery *delivery,
        enum delivery_outcome outcome, GError **error)
{
	const struct delivery_result result = {
	        .delivery = delivery,
	        .outcome = outcome,
	        .item_id = outcome == DELIVERY_CONFIRMED ? "item" : NULL,
	        .next_try_utc_us = NOW + 60 * SECOND,
	};
	return store_deliveries_record(store, lease, &result, 1, NOW, error);
}

STORE_TEST(once_per_segment_mailbox_and_folder)
{
	int64_t ann = store_test_mailbox("ann@im.example");
	int64_t ben = store_test_mailbox("ben@im.example");
	plan(ann, "u1", "s1", true);
	plan(ann, "u2", "s1", false);
	plan(ben, "u3", "s1", true);
	plan(ann, "u4", "s2", true);
	g_autoptr(GPtrArray) rows = due(ann, NOW);
	ck_assert_uint_eq(rows->len, 2);
}

STORE_TEST(confirmed_is_final)
{
	int64_t ann = store_test_mailbox("ann@im.example");
	plan(ann, "u1", "s1", true);
	autoptr(lease) lease = store_test_lease(store, ann, NOW);
	g_autoptr(GPtrArray) rows = due(ann, NOW);
	must(store_deliveries_sent(store, lease, rows, "run", NOW, error));
	expect_state("u1", "sent");
	must_fail(store_deliveries_sent(store, lease, rows, "run", NOW, error), "delivery.changed");
	must(record(lease, rows->pdata[0], DELIVERY_CONFIRMED, error));
	expect_state("u1", "confirmed");
	must_fail(record(lease, rows->pdata[0], DELIVERY_AGAIN, error), "delivery.changed");
	bool changed = true;
	must(store_delivery_set_state(store, ann, "u1", "planned", NOW, &changed, error));
	ck_assert(!changed);
	expect_state("u1", "confirmed");
	plan(ann, "u9", "s1", false);
	g_autoptr(GPtrArray) left = due(ann, INT64_MAX);
	ck_assert_uint_eq(left->len, 0);
}

STORE_TEST(what_was_sent_waits_to_be_looked_up)
{
	int64_t ann = store_test_mailbox("ann@im.example");
	int64_t next = 0;
	plan(ann, "u1", "s1", true);
	autoptr(lease) lease = store_test_lease(store, ann, NOW);
	g_autoptr(GPtrArray) rows = due(ann, NOW);
	must(store_deliveries_sent(store, lease, rows, "run", NOW, error));
	g_autoptr(GError) problem = NULL;
	g_autoptr(GPtrArray) open = store_deliveries_open(store, ann, "history", &problem);
	ck_assert_uint_eq(open->len, 1);
	ck_assert_str_eq(((const struct delivery *)open->pdata[0])->run, "run");
	g_autoptr(GPtrArray) elsewhere = store_deliveries_open(store, ann, "purges", &problem);
	ck_assert_uint_eq(elsewhere->len, 0);
	must(store_delivery_next_due(store, ann, 7 * SECOND, &next, error));
	ck_assert_int_eq(next, NOW + 7 * SECOND);
	/* A person cannot make a second item of it. */
	bool changed = true;
	must(store_delivery_set_state(store, ann, "u1", "planned", NOW, &changed, error));
	ck_assert(!changed);
	must(record(lease, rows->pdata[0], DELIVERY_AGAIN, error));
	g_autoptr(GPtrArray) not_yet = due(ann, NOW + 59 * SECOND);
	g_autoptr(GPtrArray) again = due(ann, NOW + 60 * SECOND);
	ck_assert_uint_eq(not_yet->len, 0);
	ck_assert_uint_eq(again->len, 1);
	ck_assert_int_eq(((const struct delivery *)again->pdata[0])->attempts, 1);
}

STORE_TEST(what_is_found_is_confirmed_from_any_state)
{
	int64_t ann = store_test_mailbox("ann@im.example");
	bool changed = false;
	plan(ann, "u1", "s1", true);
	plan(ann, "u2", "s2", true);
	must(store_delivery_set_state(store, ann, "u2", "held", NOW, &changed, error));
	autoptr(lease) lease = store_test_lease(store, ann, NOW);
	g_autoptr(GError) problem = NULL;
	g_autoptr(GPtrArray) open = store_deliveries_open(store, ann, "history", &problem);
	ck_assert_uint_eq(open->len, 2);
	for (guint i = 0; i < open->len; i++)
		must(store_delivery_found(store, lease, open->pdata[i], "item", 0, NOW, error));
	expect_state("u1", "confirmed");
	expect_state("u2", "confirmed");
	must_fail(store_delivery_found(store, lease, open->pdata[0], "twin", 0, NOW, error),
	        "delivery.changed");
}

STORE_TEST(a_run_knows_its_deliveries_until_they_are_undone)
{
	int64_t ann = store_test_mailbox("ann@im.example");
	plan(ann, "u1", "s1", true);
	plan(ann, "u2", "s2", true);
	autoptr(lease) lease = store_test_lease(store, ann, NOW);
	g_autoptr(GPtrArray) rows = due(ann, NOW);
	must(store_deliveries_sent(store, lease, rows, "run", NOW, error));
	must(record(lease, rows->pdata[0], DELIVERY_CONFIRMED, error));
	must(record(lease, rows->pdata[1], DELIVERY_AGAIN, error));
	g_autoptr(GError) problem = NULL;
	g_autoptr(GPtrArray) made = store_deliveries_of_run(store, "run", ann, &problem);
	ck_assert_uint_eq(made->len, 1);
	must(store_delivery_undone(store, lease, made->pdata[0], "removed", NOW, error));
	g_autoptr(GPtrArray) left = store_deliveries_of_run(store, "run", ann, &problem);
	ck_assert_uint_eq(left->len, 0);
	g_autoptr(GPtrArray) runs = store_delivery_runs(store, 10, &problem);
	ck_assert_uint_eq(runs->len, 1);
	const struct delivery_run *run = runs->pdata[0];
	ck_assert_str_eq(run->id, "run");
	ck_assert_int_eq(run->deliveries, 2);
	ck_assert_int_eq(run->confirmed, 0);
	ck_assert_int_eq(run->undone, 1);
	plan(ann, "u9", "s1", false);
	const struct delivery *undone = made->pdata[0];
	g_autoptr(GPtrArray) steps = store_delivery_history(store, undone->uuid, &problem);
	ck_assert_uint_eq(steps->len, 4);
	ck_assert_str_eq(((const struct delivery_step *)steps->pdata[3])->what, "delivery.undone");
}

/* Row 3 */
STORE_TEST(a_folder_state_is_kept_per_folder)
{
	int64_t ann = store_test_mailbox("ann@im.example");
	autoptr(lease) lease = store_test_lease(store, ann, NOW);
	g_autofree char *state = NULL;
	g_autofree char *none = NULL;
	g_autofree char *gone = NULL;
	must(store_folder_state_put(store, lease, "history", "one", NOW, error));
	must(store_folder_state_put(store, lease, "history", "two", NOW, error));
	must(store_folder_state_get(store, ann, "history", &state, error));
	must(store_folder_state_get(store, ann, "purges", &none, error));
	ck_assert_str_eq(state, "two");
	ck_assert_ptr_null(none);
	g_autofree char *large = g_strnfill(256 * 1024, 'x');
	g_autofree char *back = NULL;
	must(store_folder_state_put(store, lease, "purges", large, NOW, error));
	must(store_folder_state_get(store, ann, "purges", &back, error));
	ck_assert_str_eq(back, large);
	must(store_folder_state_put(store, lease, "history", NULL, NOW, error));
	must(store_folder_state_get(store, ann, "history", &gone, error));
	ck_assert_ptr_null(gone);
}

STORE_TEST(flushing_makes_due_what_waits)
{
	int64_t ann = store_test_mailbox("ann@im.example");
	int64_t n = 0;
	plan(ann, "u1", "s1", true);
	autoptr(lease) lease = store_test_lease(store, ann, NOW);
	g_autoptr(GPtrArray) rows = due(ann, NOW);
	must(store_deliveries_sent(store, lease, rows, "run", NOW, error));
	must(record(lease, rows->pdata[0], DELIVERY_AGAIN, error));
	g_autoptr(GPtrArray) before = due(ann, NOW);
	ck_assert_uint_eq(before->len, 0);
	must(store_deliveries_hurry(store, ann, NOW, &n, error));
	ck_assert_int_eq(n, 1);
	g_autoptr(GPtrArray) after = due(ann, NOW);
	ck_assert_uint_eq(after->len, 1);
}

STORE_TEST(without_the_lease_nothing_is_written)
{
	int64_t ann = store_test_mailbox("ann@im.example");
	plan(ann, "u1", "s1", true);
	autoptr(lease) old = store_test_lease(store, ann, NOW);
	g_autoptr(GPtrArray) rows = due(ann, NOW);
	must(store_deliveries_sent(store, old, rows, "run", NOW, error));
	autoptr(lease) taken = store_test_lease(other, ann, NOW + 7200 * SECOND);
	must_fail(record(old, rows->pdata[0], DELIVERY_CONFIRMED, error), "lease.lost");
	expect_state("u1", "sent");
	must(record(taken, rows->pdata[0], DELIVERY_CONFIRMED, error));
}

STORE_TEST(failed_and_held_wait_for_a_person)
{
	int64_t ann = store_test_mailbox("ann@im.example");
	struct delivery_totals totals;
	bool changed = false;
	plan(ann, "u1", "s1", true);
	plan(ann, "u2", "s2", true);
	must(store_delivery_set_state(store, ann, "u2", "held", NOW, &changed, error));
	ck_assert(changed);
	autoptr(lease) lease = store_test_lease(store, ann, NOW);
	g_autoptr(GPtrArray) rows = due(ann, NOW);
	ck_assert_uint_eq(rows->len, 1);
	must(store_deliveries_sent(store, lease, rows, "run", NOW, error));
	must(record(lease, rows->pdata[0], DELIVERY_FAILED, error));
	must(store_delivery_totals(store, 0, &totals, error));
	ck_assert_int_eq(totals.failed, 1);
	ck_assert_int_eq(totals.held, 1);
	int64_t next = 0;
	must(store_delivery_next_due(store, ann, 0, &next, error));
	ck_assert_int_eq(next, INT64_MAX);
	must(store_delivery_set_state(store, ann, "u1", "planned", NOW, &changed, error));
	must(store_delivery_set_state(store, ann, "u2", "planned", NOW, &changed, error));
	g_autoptr(GPtrArray) again = due(ann, NOW);
	ck_assert_uint_eq(again->len, 2);
}

/* --- who gets what --- */

static const char config_text[] = "[users]\nmap = rule\nrule = {local}@corp.example\n"
                                  "[domain im.example]\nserver = exchange\n"
                                  "sip_domain = corp.example\n"
                                  "[server exchange]\nurl = https://mail.corp.example/EWS\n";

static struct deliver_plan_report prepare(void)
{
	g_autoptr(GError) problem = NULL;
	struct deliver_plan_report report;
	autoptr(config) config = config_parse("test.conf", config_text, &problem);
	ck_assert_msg(config != NULL, "%s", problem != NULL ? problem->message : "");
	autoptr(usermap) map = usermap_new(config, &problem);
	ck_assert_msg(map != NULL, "%s", problem != NULL ? problem->message : "");
	clock_set_utc_us(NOW + 86000 * SECOND);
	must(deliver_prepare(store, config, map, &report, error));
	clock_unset();
	return report;
}

static void archive_domain(const char *value)
{
	must(store_policy_set(store, POLICY_DOMAIN, "im.example", "archive", value, error));
}

STORE_TEST(only_who_is_named_gets_it)
{
	captured_text(store, 0, NULL);
	ck_assert_uint_eq(prepare().without_reader, 1);
	captured_text(store, 5000, NULL);
	must(store_policy_set(store, POLICY_USER, "bob@im.example", "archive", "im", error));
	ck_assert_uint_eq(prepare().planned, 1);
	archive_domain("im");
	captured_text(store, 9000, NULL);
	ck_assert_uint_eq(prepare().planned, 2);
	ck_assert_uint_eq(prepare().planned, 0);
}

STORE_TEST(strangers_get_nothing)
{
	must(store_policy_set(store, POLICY_GLOBAL, NULL, "archive", "im", error));
	captured_message(store, MESSAGE_CHAT, "alice@im.example", "dave@partner.example", false,
	        "dave@partner.example", 0, "hi");
	ck_assert_uint_eq(prepare().planned, 1);
}

STORE_TEST(joins_alone_are_for_those_who_want_events)
{
	const char *room = "ops@rooms.im.example";
	must(store_policy_set(store, POLICY_USER, "ann@im.example", "archive", "im", error));
	must(store_policy_set(store, POLICY_USER, "ben@im.example", "archive", "im+events", error));
	captured_message(store, MESSAGE_JOIN, NULL, room, true, "ann@im.example", 0, NULL);
	captured_message(store, MESSAGE_JOIN, NULL, room, true, "ben@im.example", 1, NULL);
	ck_assert_uint_eq(prepare().planned, 1);
}

STORE_TEST(one_doubtful_mapping_blocks_its_segments_only)
{
	archive_domain("im");
	autoptr(mailbox) wrong =
	        mailbox_new("bob@im.example", "elsewhere@corp.example", "exchange");
	int64_t id = 0;
	must(store_mailbox_pin(store, wrong, &id, error));
	captured_text(store, 0, NULL);
	captured_message(store, MESSAGE_CHAT, "alice@im.example", "carol@im.example", false,
	        "alice@im.example", 0, "hi");
	struct deliver_plan_report report = prepare();
	ck_assert_uint_eq(report.blocked, 1);
	/* Alice's two and carol's one; bob's waits until somebody has looked. */
	ck_assert_uint_eq(report.planned, 3);
	report = prepare();
	ck_assert_uint_eq(report.blocked, 1);
	ck_assert_uint_eq(report.planned, 0);
}

STORE_TEST(a_new_mailbox_gets_what_was_under_way)
{
	archive_domain("im");
	captured_text(store, 0, NULL);
	ck_assert_uint_eq(prepare().planned, 2);
	autoptr(mailbox) moved = mailbox_new("bob@im.example", "robert@corp.example", "exchange");
	g_autoptr(GError) problem = NULL;
	autoptr(config) config = config_parse("test.conf", config_text, &problem);
	autoptr(usermap) map = usermap_new(config, &problem);
	autoptr(mailbox) back = NULL;
	must(usermap_lookup(map, "bob@im.example", &back, error));
	int64_t id = 0;
	must(store_mailbox_remap(store, moved, &id, error));
	must(store_mailbox_remap(store, back, &id, error));
	ck_assert_uint_eq(prepare().planned, 0);
	g_autoptr(GPtrArray) rows = due(id, INT64_MAX);
	ck_assert_uint_eq(rows->len, 1);
}

Suite *delivery_suite(void)
{
	Suite *suite = suite_create("delivery");
	TCase *tests = tcase_create("delivery");
	tcase_set_timeout(tests, 60);
	store_test_add(tests, once_per_segment_mailbox_and_folder);
	store_test_add(tests, confirmed_is_final);
	store_test_add(tests, what_was_sent_waits_to_be_looked_up);
	store_test_add(tests, what_is_found_is_confirmed_from_any_state);
	store_test_add(tests, a_run_knows_its_deliveries_until_they_are_undone);
	store_test_add(tests, a_folder_state_is_kept_per_folder);
	store_test_add(tests, flushing_makes_due_what_waits);
	store_test_add(tests, without_the_lease_nothing_is_written);
	store_test_add(tests, failed_and_held_wait_for_a_person);
	store_test_add(tests, only_who_is_named_gets_it);
	store_test_add(tests, strangers_get_nothing);
	store_test_add(tests, joins_alone_are_for_those_who_want_events);
	store_test_add(tests, one_doubtful_mapping_blocks_its_segments_only);
	store_test_add(tests, a_new_mailbox_gets_what_was_under_way);
	suite_add_tcase(suite, tests);
	return suite;
}
