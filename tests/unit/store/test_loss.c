#include "store/loss.h"

#include "tests/unit/store/fixture.h"

Suite *loss_suite(void);

#define T0 INT64_C(1700000000000000)

static int64_t losing(const struct lease *lease, int64_t since_utc_us)
{
	struct loss_count count = {0};
	must(store_loss_count(other, lease, since_utc_us, &count, error));
	ck_assert_int_eq(count.mailboxes, 2);
	return count.losing;
}

STORE_TEST(counts_who_loses_together)
{
	int64_t alice = store_test_mailbox("alice@x.example");
	int64_t bob = store_test_mailbox("bob@x.example");
	autoptr(lease) one = store_test_lease(store, alice, T0);
	autoptr(lease) two = store_test_lease(store, bob, T0);
	ck_assert_int_eq(losing(one, T0), 1);
	must(store_loss_note(store, two, false, T0 + 5, error));
	ck_assert_int_eq(losing(one, T0), 2);
	ck_assert_int_eq(losing(one, T0 + 6), 1); /* long ago */
	must(store_loss_note(store, two, true, T0 + 5, error));
	ck_assert_int_eq(losing(one, T0 + 6), 2); /* held: it still would */
	must(store_loss_clear(store, two, error));
	ck_assert_int_eq(losing(one, T0), 1);
}

STORE_TEST(what_was_lost_is_not_cleared)
{
	int64_t alice = store_test_mailbox("alice@x.example");
	int64_t bob = store_test_mailbox("bob@x.example");
	autoptr(lease) one = store_test_lease(store, alice, T0);
	autoptr(lease) two = store_test_lease(store, bob, T0);
	must(store_loss_note(store, two, false, T0, error));
	must(store_loss_clear(store, two, error));
	ck_assert_int_eq(losing(one, T0), 2);
	two->generation--;
	must_fail(store_loss_note(store, two, true, T0, error), "lease.lost");
	must_fail(store_loss_clear(store, two, error), "lease.lost");
}

Suite *loss_suite(void)
{
	Suite *suite = suite_create("loss");
	TCase *tests = tcase_create("loss");
	tcase_set_timeout(tests, 60);
	store_test_add(tests, counts_who_loses_together);
	store_test_add(tests, what_was_lost_is_not_cleared);
	suite_add_tcase(suite, tests);
	return suite;
}
