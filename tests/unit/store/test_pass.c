#include "store/pass.h"

#include "core/clock.h"
#include "store/pause.h"
#include "tests/unit/store/fixture.h"

Suite *pass_suite(void);

#define T0 INT64_C(1700000000000000)

static GError *some_error(void)
{
	GError *error = NULL;
	error_set(&error, ERROR_RETRY, "ews.busy", "the server is busy: try again");
	return error;
}

STORE_TEST(recorded)
{
	autoptr(lease) alice = store_test_lease(store, store_test_mailbox("alice@x.example"), T0);
	autoptr(lease) bob = store_test_lease(store, store_test_mailbox("bob@x.example"), T0);
	g_autoptr(GError) busy = some_error();
	must(store_pass_record(store, alice, PASS_CONTACTS, T0 + 1, NULL, T0 + 9, 0, error));
	must(store_pass_record(store, bob, PASS_CONTACTS, T0 + 2, NULL, T0 + 9, 3, error));
	must(store_pass_record(store, bob, PASS_CONTACTS, T0 + 3, busy, T0 + 9, 4, error));
	must(store_pass_record(store, bob, PASS_CONTACTS, T0 + 4, busy, 0, 5, error));
	must(store_pass_record(store, bob, PASS_ARCHIVE, T0 + 4, NULL, T0 + 9, 0, error));
	struct pass_summary summary;
	must(store_pass_summary(other, PASS_CONTACTS, &summary, error));
	ck_assert_int_eq(summary.mailboxes, 2);
	ck_assert_int_eq(summary.failing, 1);
	ck_assert_int_eq(summary.needing_person, 1);
	ck_assert_int_eq(summary.backlog, 5);
	ck_assert_int_eq(summary.newest_good_utc_us, T0 + 2);
	ck_assert_int_eq(summary.oldest_good_utc_us, T0 + 1);
	g_autoptr(GError) problem = NULL;
	g_autoptr(GPtrArray) failing = store_pass_failing(other, 10, &problem);
	ck_assert_uint_eq(failing->len, 1);
	const struct pass *pass = failing->pdata[0];
	ck_assert_str_eq(pass->owner, "bob@x.example");
	ck_assert_str_eq(pass->reason, "ews.busy");
	ck_assert_int_eq(pass->failures, 2);
	ck_assert_int_eq(pass->good_utc_us, T0 + 2);
	ck_assert(pass->needs_person);
}

/* What needs a person is looked at again, too, and says when. */
STORE_TEST(looked_at_again)
{
	static const struct {
		enum error_class class;
		bool needs_person;
	} cases[] = {{ERROR_CONFIG, true}, {ERROR_MAILBOX, true}, {ERROR_RETRY, false},
	        {ERROR_BACKOFF, false}, {ERROR_ITEM, false}, {ERROR_UNCERTAIN, false}};
	autoptr(lease) alice = store_test_lease(store, store_test_mailbox("alice@x.example"), T0);
	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) cause = NULL;
		struct pass *got = NULL;
		error_set(&cause, cases[i].class, "test.trouble", "trouble");
		must(store_pass_record(
		        store, alice, PASS_CONTACTS, T0 + 1, cause, T0 + 9, 0, error));
		must(store_pass_get(store, alice->mailbox->id, PASS_CONTACTS, &got, error));
		autoptr(pass) pass = got;
		ck_assert_int_eq(pass->needs_person, cases[i].needs_person);
		ck_assert_int_eq(pass->next_try_utc_us, T0 + 9);
	}
}

STORE_TEST(mended)
{
	autoptr(lease) alice = store_test_lease(store, store_test_mailbox("alice@x.example"), T0);
	g_autoptr(GError) busy = some_error();
	must(store_pass_record(store, alice, PASS_ARCHIVE, T0 + 1, busy, 0, 9, error));
	must(store_pass_record(store, alice, PASS_ARCHIVE, T0 + 2, NULL, T0 + 9, 0, error));
	g_autoptr(GError) problem = NULL;
	g_autoptr(GPtrArray) failing = store_pass_failing(store, 10, &problem);
	ck_assert_uint_eq(failing->len, 0);
	struct pass_summary summary;
	must(store_pass_summary(store, PASS_ARCHIVE, &summary, error));
	ck_assert_int_eq(summary.needing_person, 0);
	ck_assert_int_eq(summary.backlog, 0);
}

STORE_TEST(none_yet)
{
	struct pass_summary summary;
	must(store_pass_summary(store, PASS_CONTACTS, &summary, error));
	ck_assert_int_eq(summary.mailboxes, 0);
	ck_assert_int_eq(summary.newest_good_utc_us, 0);
}

STORE_TEST(only_with_lease)
{
	int64_t id = store_test_mailbox("alice@x.example");
	autoptr(lease) slow = store_test_lease(store, id, T0);
	autoptr(lease) quick = store_test_lease(other, id, T0 + 2 * 3600 * CLOCK_US_PER_S);
	ck_assert_ptr_nonnull(quick);
	must_fail(
	        store_pass_record(store, slow, PASS_CONTACTS, T0, NULL, 0, 0, error), "lease.lost");
	struct pass_summary summary;
	must(store_pass_summary(store, PASS_CONTACTS, &summary, error));
	ck_assert_int_eq(summary.mailboxes, 0);
}

static void check_paused(const char *owner, const char *server, enum pass_kind kind, bool expected)
{
	autoptr(mailbox) mailbox = mailbox_new(owner, owner, server);
	bool paused = !expected;
	must(store_paused(other, mailbox, kind, &paused, error));
	ck_assert_int_eq(paused, expected);
}

STORE_TEST(paused)
{
	bool found = false;
	check_paused("a@x", "one", PASS_CONTACTS, false);
	must(store_pause_set(store, PAUSE_USER, "a@x", PASS_CONTACTS, 1, error));
	must(store_pause_set(store, PAUSE_USER, "a@x", PASS_CONTACTS, 2, error));
	must(store_pause_set(store, PAUSE_SERVER, "two", PASS_ARCHIVE, 3, error));
	check_paused("a@x", "one", PASS_CONTACTS, true);
	check_paused("a@x", "one", PASS_ARCHIVE, false);
	check_paused("b@x", "two", PASS_ARCHIVE, true);
	check_paused("b@x", "one", PASS_ARCHIVE, false);
	g_autoptr(GError) problem = NULL;
	g_autoptr(GPtrArray) list = store_pause_list(other, &problem);
	ck_assert_uint_eq(list->len, 2);
	const struct pause *first = list->pdata[0];
	ck_assert_int_eq(first->since_utc_us, 1);
	ck_assert_str_eq(first->subject, "a@x");
	must(store_pause_clear(store, PAUSE_USER, "a@x", PASS_CONTACTS, &found, error));
	ck_assert(found);
	must(store_pause_clear(store, PAUSE_USER, "a@x", PASS_CONTACTS, &found, error));
	ck_assert(!found);
	must(store_pause_set(store, PAUSE_ALL, "", PASS_CONTACTS, 4, error));
	check_paused("z@z", "nine", PASS_CONTACTS, true);
}

Suite *pass_suite(void)
{
	Suite *suite = suite_create("pass");
	TCase *tests = tcase_create("pass");
	tcase_set_timeout(tests, 60);
	store_test_add(tests, recorded);
	store_test_add(tests, looked_at_again);
	store_test_add(tests, mended);
	store_test_add(tests, none_yet);
	store_test_add(tests, only_with_lease);
	store_test_add(tests, paused);
	suite_add_tcase(suite, tests);
	return suite;
}
