#include "store/journal.h"

#include "core/clock.h"
#include "tests/unit/store/fixture.h"

Suite *journal_suite(void);

#define NOW INT64_C(1800000000000000)
#define STEPS 5

static struct journal_step *steps[STEPS];

static void put_creates(const struct lease *lease)
{
	for (int i = 0; i < STEPS; i++) {
		struct journal_step *step = g_new0(struct journal_step, 1);
		step->seq = i + 1;
		step->key = g_strdup_printf("c%d@x", i);
		step->mail = JOURNAL_CREATE;
		step->op_uuid = g_uuid_string_random();
		step->mail_after = contact_new(step->key, "Name");
		step->im_before = contact_copy(step->mail_after);
		step->im_after = contact_copy(step->mail_after);
		steps[i] = step;
		must(store_journal_put(store, lease, step, error));
	}
}

static void free_creates(void)
{
	for (int i = 0; i < STEPS; i++)
		journal_step_free(steps[i]);
}

static GPtrArray *seen(int64_t id)
{
	g_autoptr(GError) problem = NULL;
	GPtrArray *list = store_journal_steps(other, id, 0, 100, &problem);
	ck_assert_msg(list != NULL, "%s", problem != NULL ? problem->message : "");
	return list;
}

/* "psspp": planned or sent, step by step. */
static void check_states(int64_t id, const char *expected)
{
	g_autoptr(GPtrArray) list = seen(id);
	g_autoptr(GString) got = g_string_new(NULL);
	for (guint i = 0; i < list->len; i++) {
		const struct journal_step *step = g_ptr_array_index(list, i);
		g_string_append_c(got, step->state == JOURNAL_PLANNED ? 'p' : 's');
		ck_assert(step->state == JOURNAL_PLANNED || step->sent_utc_us == NOW);
	}
	ck_assert_str_eq(got->str, expected);
}

STORE_TEST(marked_with_gaps)
{
	int64_t id = store_test_mailbox("a@x");
	autoptr(lease) lease = store_test_lease(store, id, NOW);
	put_creates(lease);
	struct journal_step *some[] = {steps[0], steps[1], steps[3]};
	must(store_journal_mark(store, lease, some, 3, JOURNAL_MAIL_SENT, NOW, error));
	check_states(id, "sspsp");
	ck_assert_int_eq(steps[1]->state, JOURNAL_MAIL_SENT);
	ck_assert_int_eq(steps[2]->state, JOURNAL_PLANNED);
	must(store_journal_drop_planned(store, lease, error));
	check_states(id, "sss");
	free_creates();
}

/* The mark lasts whatever the commits around it do. */
STORE_TEST(marked_while_relaxed)
{
	int64_t id = store_test_mailbox("a@x");
	autoptr(lease) lease = store_test_lease(store, id, NOW);
	store_relax(store, true);
	put_creates(lease);
	must(store_journal_mark(store, lease, steps, STEPS, JOURNAL_MAIL_SENT, NOW, error));
	check_states(id, "sssss");
	store_relax(store, false);
	free_creates();
}

STORE_TEST(created_and_done)
{
	int64_t id = store_test_mailbox("a@x");
	autoptr(lease) lease = store_test_lease(store, id, NOW);
	put_creates(lease);
	must(store_journal_mark(store, lease, steps, 2, JOURNAL_MAIL_SENT, NOW, error));
	const struct journal_outcome outcome = {"item", "key"};
	must(store_journal_mail_all_done(store, lease, steps[0], &outcome, "a0@m", NOW, error));
	check_states(id, "sppp");
	g_autoptr(GError) problem = NULL;
	autoptr(contact_row) row = store_contact_row(other, id, "c0@x", &problem);
	ck_assert_ptr_nonnull(row);
	ck_assert_str_eq(row->agreed_item_id, "item");
	ck_assert(contact_equal(row->agreed_mail, steps[0]->mail_after));
	ck_assert_uint_eq(row->items->len, 1);
	const struct contact_item *item = g_ptr_array_index(row->items, 0);
	ck_assert_str_eq(item->address, "a0@m");
	ck_assert_str_eq(item->op_uuid, steps[0]->op_uuid);
	free_creates();
}

/* Whoever lost the mailbox changes nothing, not even inside a transaction that began before. */
STORE_TEST(lost_lease)
{
	int64_t id = store_test_mailbox("a@x");
	autoptr(lease) late = store_test_lease(store, id, NOW);
	put_creates(late);
	autoptr(lease) new = store_test_lease(other, id, NOW + 2 * 3600 * CLOCK_US_PER_S);
	ck_assert_ptr_nonnull(new);
	must_fail(store_journal_mark(store, late, steps, 2, JOURNAL_MAIL_SENT, NOW, error),
	        "lease.lost");
	must(store_begin(store, error));
	must_fail(store_journal_drop(store, late, steps[0], error), "lease.lost");
	must_fail(store_journal_drop(store, late, steps[1], error), "lease.lost");
	store_rollback(store);
	check_states(id, "ppppp");
	free_creates();
}

Suite *journal_suite(void)
{
	Suite *suite = suite_create("journal");
	TCase *tests = tcase_create("journal");
	tcase_set_timeout(tests, 60);
	store_test_add(tests, marked_with_gaps);
	store_test_add(tests, marked_while_relaxed);
	store_test_add(tests, created_and_done);
	store_test_add(tests, lost_lease);
	suite_add_tcase(suite, tests);
	return suite;
}
