#include "store/lease.h"

#include "core/clock.h"
#include "core/thread.h"
#include "tests/unit/store/fixture.h"

#include <string.h>

Suite *lease_suite(void);

#define SECOND CLOCK_US_PER_S

static int64_t now;

static struct lease *claim(struct store *by, const char *holder)
{
	struct lease *lease = NULL;
	must(store_lease_claim(by, holder, now, 60, &lease, error));
	return lease;
}

static bool check(struct store *by, const struct lease *lease, GError **error)
{
	return store_begin(by, error) && store_end(by, lease_check(by, lease, error), error);
}

static void start(void)
{
	now = clock_utc_us() + SECOND;
}

STORE_TEST(one_worker_each)
{
	start();
	store_test_mailbox("alice@corp.example");
	store_test_mailbox("bob@corp.example");
	autoptr(lease) first = claim(store, "one");
	autoptr(lease) second = claim(other, "two");
	autoptr(lease) third = claim(store, "one");
	ck_assert_str_eq(first->mailbox->owner, "alice@corp.example");
	ck_assert_str_eq(second->mailbox->owner, "bob@corp.example");
	ck_assert_ptr_null(third);
	ck_assert(lease_outlasts(first, now + 60 * SECOND));
	ck_assert(!lease_outlasts(first, now + 61 * SECOND));
	must(check(store, first, error));
	must(check(other, second, error));
}

/* On PostgreSQL a claim that is under way is stepped over, not waited for. */
STORE_TEST(skips_locked)
{
	start();
	store_test_mailbox("alice@corp.example");
	store_test_mailbox("bob@corp.example");
	bool postgresql = g_str_has_prefix(store_url, "postgresql:");
	must(store_begin(store, error));
	autoptr(lease) first = claim(store, "one");
	ck_assert_str_eq(first->mailbox->owner, "alice@corp.example");
	if (postgresql) {
		autoptr(lease) second = claim(other, "two");
		ck_assert_str_eq(second->mailbox->owner, "bob@corp.example");
	}
	store_rollback(store);
	autoptr(lease) again = claim(other, "two");
	ck_assert_str_eq(again->mailbox->owner, "alice@corp.example");
}

STORE_TEST(lost)
{
	start();
	store_test_mailbox("alice@corp.example");
	autoptr(lease) slow = claim(store, "one");
	ck_assert_ptr_null(claim(other, "two"));
	now += 61 * SECOND;
	autoptr(lease) quick = claim(other, "two");
	ck_assert_ptr_nonnull(quick);
	ck_assert_int_gt(quick->generation, slow->generation);
	must_fail(check(store, slow, error), "lease.lost");
	must_fail(store_lease_renew(store, slow, now, 60, error), "lease.lost");
	/* Giving back what one does not have takes nothing from the other. */
	must(store_lease_release(store, slow, LEASE_NEVER_UTC_US, error));
	must(check(other, quick, error));
	must(store_lease_renew(other, quick, now, 60, error));
	ck_assert_int_eq(quick->until_utc_us, now + 60 * SECOND);
}

STORE_TEST(due_again)
{
	start();
	int64_t id = store_test_mailbox("alice@corp.example");
	int64_t due = 0;
	autoptr(lease) lease = claim(store, "one");
	must(store_lease_release(store, lease, now + 300 * SECOND, error));
	ck_assert_ptr_null(claim(store, "one"));
	must(store_lease_next_due(store, now, &due, error));
	ck_assert_int_eq(due, now + 300 * SECOND);
	must(store_lease_wake(store, id, now + 10 * SECOND, error));
	must(store_lease_wake(store, id, now + 20 * SECOND, error));
	must(store_lease_next_due(store, now, &due, error));
	ck_assert_int_eq(due, now + 10 * SECOND);
	now += 10 * SECOND;
	autoptr(lease) again = claim(other, "two");
	ck_assert_ptr_nonnull(again);
}

/* What happens while a worker is at it is not forgotten when it gives the mailbox back. */
STORE_TEST(woken_meanwhile)
{
	start();
	int64_t id = store_test_mailbox("alice@corp.example");
	autoptr(lease) lease = claim(store, "one");
	must(store_lease_wake(other, id, now + 5 * SECOND, error));
	must(store_lease_release(store, lease, now + 300 * SECOND, error));
	int64_t due = 0;
	must(store_lease_next_due(store, now, &due, error));
	ck_assert_int_eq(due, now + 5 * SECOND);
}

#define WORKERS 4
#define MAILBOXES 40

struct worker {
	struct thread *thread;
	GHashTable *seen; /* ids that it got */
	bool failed;
};

static void work(void *data)
{
	struct worker *worker = data;
	g_autofree char *holder = lease_holder_new();
	autoptr(store) own = store_open(store_url, STORE_EXISTING, NULL);
	while (own != NULL) {
		autoptr(lease) lease = NULL;
		if (!store_lease_claim(own, holder, now, 60, &lease, NULL))
			break;
		if (lease == NULL)
			return;
		int64_t *id = g_new(int64_t, 1);
		*id = lease->mailbox->id;
		if (!g_hash_table_add(worker->seen, id) ||
		        !store_lease_release(own, lease, LEASE_NEVER_UTC_US, NULL))
			break;
	}
	worker->failed = true;
}

/* Workers side by side: every mailbox is worked on, and by one of them only. */
STORE_TEST(side_by_side)
{
	struct worker workers[WORKERS] = {0};
	start();
	for (unsigned i = 0; i < MAILBOXES; i++) {
		g_autofree char *owner = g_strdup_printf("user%u@corp.example", i);
		store_test_mailbox(owner);
	}
	for (unsigned i = 0; i < WORKERS; i++) {
		workers[i].seen = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
		workers[i].thread = thread_start("worker", work, &workers[i]);
	}
	unsigned total = 0;
	g_autoptr(GHashTable) all = g_hash_table_new(g_int64_hash, g_int64_equal);
	for (unsigned i = 0; i < WORKERS; i++) {
		thread_join(workers[i].thread);
		ck_assert(!workers[i].failed);
		total += g_hash_table_size(workers[i].seen);
		GHashTableIter iter;
		gpointer id;
		g_hash_table_iter_init(&iter, workers[i].seen);
		while (g_hash_table_iter_next(&iter, &id, NULL))
			g_hash_table_add(all, id);
	}
	ck_assert_uint_eq(total, MAILBOXES);
	ck_assert_uint_eq(g_hash_table_size(all), MAILBOXES);
	for (unsigned i = 0; i < WORKERS; i++)
		g_hash_table_unref(workers[i].seen);
}

STORE_TEST(this_one)
{
	start();
	int64_t id = store_test_mailbox("alice@corp.example");
	autoptr(lease) lease = claim(store, "worker");
	autoptr(lease) mine = NULL;
	g_autoptr(GError) problem = NULL;
	ck_assert(!store_lease_claim_mailbox(other, id, "command", now, 60, &mine, &problem));
	ck_assert(error_is(problem, "lease.held"));
	ck_assert_ptr_nonnull(strstr(problem->message, "worker"));
	ck_assert_int_eq(error_retry_at(problem), lease->until_utc_us);
	must(store_lease_release(store, lease, LEASE_NEVER_UTC_US, error));
	must(store_lease_claim_mailbox(other, id, "command", now, 60, &mine, error));
	autoptr(lease) none = NULL;
	must_fail(store_lease_claim_mailbox(other, id + 1, "command", now, 60, &none, error),
	        "mailbox.unknown");
}

Suite *lease_suite(void)
{
	Suite *suite = suite_create("lease");
	TCase *tests = tcase_create("lease");
	tcase_set_timeout(tests, 60);
	store_test_add(tests, one_worker_each);
	store_test_add(tests, skips_locked);
	store_test_add(tests, lost);
	store_test_add(tests, due_again);
	store_test_add(tests, woken_meanwhile);
	store_test_add(tests, side_by_side);
	store_test_add(tests, this_one);
	suite_add_tcase(suite, tests);
	return suite;
}
