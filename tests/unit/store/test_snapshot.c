#include "store/snapshot.h"

#include "core/clock.h"
#include "store/contact.h"
#include "tests/unit/store/fixture.h"

#include <stdlib.h>

Suite *snapshot_suite(void);

#define HOUR_US (3600 * CLOCK_US_PER_S)
#define NOW INT64_C(1800000000000000)

static const struct snapshot_retention keep_all = {INT64_MAX, INT64_MAX};

static void agree(const struct lease *lease, const char *key, const char *name, const char *tel)
{
	autoptr(contact) im = contact_new(key, name);
	autoptr(contact) mail = contact_new(key, name);
	mail->tel_uri = g_strdup(tel);
	contact_add_group(im, "Friends");
	contact_add_group(mail, "Friends");
	must(store_contact_agree(store, lease, key, "item", NULL, im, mail, NOW, error));
}

static void forget(const struct lease *lease, const char *key)
{
	must(store_contact_agree(store, lease, key, "", NULL, NULL, NULL, NOW, error));
}

static void take(const struct lease *lease, const struct snapshot_retention *retention, int64_t now)
{
	must(store_snapshot_take(store, lease, SNAPSHOT_AGREED, "sync", retention, now, error));
}

/* "a@x=Anna b@x=Bert", read over the other connection. */
static char *names(int64_t id, int64_t version)
{
	g_autoptr(GError) problem = NULL;
	g_autoptr(GPtrArray) list = store_snapshot_read(other, id, version, &problem);
	ck_assert_msg(list != NULL, "%s", problem != NULL ? problem->message : "");
	GString *text = g_string_new(NULL);
	for (guint i = 0; i < list->len; i++) {
		const struct contact *contact = g_ptr_array_index(list, i);
		g_string_append_printf(
		        text, "%s%s=%s", i > 0 ? " " : "", contact->key, contact->name);
	}
	return g_string_free(text, FALSE);
}

static void check_names(int64_t id, int64_t version, const char *expected)
{
	g_autofree char *got = names(id, version);
	ck_assert_str_eq(got, expected);
}

static GPtrArray *versions(int64_t id)
{
	g_autoptr(GError) problem = NULL;
	GPtrArray *list = store_snapshot_list(other, id, &problem);
	ck_assert_msg(list != NULL, "%s", problem != NULL ? problem->message : "");
	return list;
}

static void check_version(
        const GPtrArray *list, guint i, int64_t version, int64_t contacts, const char *change)
{
	const struct snapshot *one = g_ptr_array_index(list, i);
	g_autofree char *got = g_strdup_printf(
	        "+%d ~%d -%d", (int)one->added, (int)one->changed, (int)one->removed);
	ck_assert_int_eq(one->version, version);
	ck_assert_int_eq(one->contacts, contacts);
	ck_assert_str_eq(got, change);
}

STORE_TEST(every_change_is_a_version)
{
	int64_t id = store_test_mailbox("owner@x.example");
	autoptr(lease) lease = store_test_lease(store, id, clock_utc_us());
	take(lease, &keep_all, NOW);
	agree(lease, "a@x", "Anna", NULL);
	agree(lease, "b@x", "Bert", NULL);
	take(lease, &keep_all, NOW + 1);
	take(lease, &keep_all, NOW + 2); /* nothing changed */
	agree(lease, "a@x", "Anne", "tel:+491");
	agree(lease, "c@x", "Carl", NULL);
	forget(lease, "b@x");
	take(lease, &keep_all, NOW + 3);
	forget(lease, "a@x");
	forget(lease, "c@x");
	take(lease, &keep_all, NOW + 4);
	agree(lease, "a@x", "Anna", NULL); /* as it once was */
	take(lease, &keep_all, NOW + 5);
	g_autoptr(GPtrArray) list = versions(id);
	ck_assert_uint_eq(list->len, 5);
	check_version(list, 4, 1, 0, "+0 ~0 -0");
	check_version(list, 3, 2, 2, "+2 ~0 -0");
	check_version(list, 2, 3, 2, "+1 ~1 -1");
	check_version(list, 1, 4, 0, "+0 ~0 -2");
	check_version(list, 0, 5, 1, "+1 ~0 -0");
	check_names(id, 1, "");
	check_names(id, 2, "a@x=Anna b@x=Bert");
	check_names(id, 3, "a@x=Anne c@x=Carl");
	check_names(id, 4, "");
	check_names(id, 5, "a@x=Anna");
	/* What only the mailbox holds is in it, too. */
	g_autoptr(GPtrArray) third = store_snapshot_read(other, id, 3, NULL);
	const struct contact *anne = g_ptr_array_index(third, 0);
	ck_assert_str_eq(anne->tel_uri, "tel:+491");
	ck_assert(contact_in_group(anne, "Friends"));
}

STORE_TEST(waiting_changes_count)
{
	int64_t id = store_test_mailbox("owner@x.example");
	autoptr(lease) lease = store_test_lease(store, id, clock_utc_us());
	autoptr(contact) renamed = contact_new("a@x", "Anne");
	autoptr(contact) fresh = contact_new("c@x", "Carl");
	agree(lease, "a@x", "Anna", NULL);
	agree(lease, "b@x", "Bert", NULL);
	must(store_contact_pending_add(store, lease, "a@x", renamed, NOW, error));
	must(store_contact_pending_add(store, lease, "b@x", NULL, NOW, error));
	must(store_contact_pending_add(store, lease, "c@x", fresh, NOW, error));
	take(lease, &keep_all, NOW);
	check_names(id, 1, "a@x=Anne c@x=Carl");
}

STORE_TEST(the_list_before_it_moved)
{
	int64_t id = store_test_mailbox("owner@x.example");
	autoptr(lease) lease = store_test_lease(store, id, clock_utc_us());
	g_autoptr(GPtrArray) roster = g_ptr_array_new_with_free_func((GDestroyNotify)contact_free);
	g_autoptr(GPtrArray) unreadable = g_ptr_array_new();
	g_ptr_array_add(roster, contact_new("a@x", "Anna"));
	g_ptr_array_add(roster, contact_new("b@x", "Bert"));
	g_ptr_array_add(unreadable, (char[]){"odd@x"});
	autoptr(contact_status) status = store_contact_status(store, id, NULL);
	must(store_contact_stage_ours(store, lease, status, roster, unreadable, "1", NOW, error));
	must(store_snapshot_take(
	        store, lease, SNAPSHOT_OURS, "before migration", &keep_all, NOW, error));
	check_names(id, 1, "a@x=Anna b@x=Bert");
	autoptr(contact) anna = contact_new("a@x", "Anna");
	autoptr(contact) rob = contact_new("b@x", "Rob");
	must(store_contact_agree(store, lease, "a@x", "item", NULL, anna, anna, NOW, error));
	must(store_contact_agree(store, lease, "b@x", "item", NULL, rob, rob, NOW, error));
	take(lease, &keep_all, NOW + 1);
	check_names(id, 2, "a@x=Anna b@x=Rob");
	check_names(id, 1, "a@x=Anna b@x=Bert");
	g_autoptr(GPtrArray) list = versions(id);
	check_version(list, 0, 2, 2, "+0 ~1 -0");
	/* The migration has begun: the IM side's list is not what it was before. */
	must(store_snapshot_take(
	        store, lease, SNAPSHOT_OURS, "before migration", &keep_all, NOW, error));
	g_autoptr(GPtrArray) same = versions(id);
	ck_assert_uint_eq(same->len, 2);
}

STORE_TEST(lists_are_apart)
{
	int64_t one = store_test_mailbox("one@x.example"),
	        two = store_test_mailbox("two@x.example");
	autoptr(lease) first = store_test_lease(store, one, clock_utc_us());
	autoptr(lease) second = store_test_lease(store, two, clock_utc_us());
	agree(first, "a@x", "Anna", NULL);
	agree(second, "b@x", "Bert", NULL);
	take(first, &keep_all, NOW);
	take(second, &keep_all, NOW);
	check_names(one, 1, "a@x=Anna");
	check_names(two, 1, "b@x=Bert");
}

STORE_TEST(with_its_transaction_or_not_at_all)
{
	int64_t id = store_test_mailbox("owner@x.example");
	autoptr(lease) lease = store_test_lease(store, id, clock_utc_us());
	agree(lease, "a@x", "Anna", NULL);
	must(store_begin(store, error));
	take(lease, &keep_all, NOW);
	store_rollback(store);
	g_autoptr(GPtrArray) list = versions(id);
	ck_assert_uint_eq(list->len, 0);
	must_fail(store_snapshot_find(store, id, 0, error) != NULL, "contacts.no_version");
	take(lease, &keep_all, NOW);
	check_names(id, 1, "a@x=Anna");
	must_fail(store_snapshot_find(store, id, 7, error) != NULL, "contacts.no_version");
	autoptr(snapshot) newest = store_snapshot_find(store, id, 0, NULL);
	ck_assert_int_eq(newest->version, 1);
	struct lease stale = *lease;
	stale.generation++;
	must_fail(
	        store_snapshot_take(store, &stale, SNAPSHOT_AGREED, "sync", &keep_all, NOW, error),
	        "lease.lost");
}

/* One version an hour for four days, read a week later. */
STORE_TEST(retention_thins_out)
{
	static const struct snapshot_retention two_days = {
	        2 * CLOCK_US_PER_DAY, 3 * CLOCK_US_PER_DAY};
	int64_t id = store_test_mailbox("owner@x.example");
	int64_t midnight = NOW - NOW % CLOCK_US_PER_DAY;
	autoptr(lease) lease = store_test_lease(store, id, clock_utc_us());
	for (int hour = 0; hour < 96; hour++) {
		g_autofree char *name = g_strdup_printf("h%d", hour);
		agree(lease, "a@x", name, NULL);
		take(lease, &two_days, midnight + hour * HOUR_US);
	}
	g_autoptr(GPtrArray) list = versions(id);
	/* Hours 48 to 95 in full, and the last one of the second day. */
	ck_assert_uint_eq(list->len, 49);
	check_names(id, 96, "a@x=h95");
	check_names(id, 49, "a@x=h48");
	check_names(id, 48, "a@x=h47");
	must_fail(store_snapshot_find(other, id, 47, error) != NULL, "contacts.no_version");
}

STORE_TEST(newest_stays)
{
	static const struct snapshot_retention nothing = {0, 0};
	int64_t id = store_test_mailbox("owner@x.example");
	autoptr(lease) lease = store_test_lease(store, id, clock_utc_us());
	agree(lease, "a@x", "Anna", NULL);
	take(lease, &nothing, NOW);
	agree(lease, "a@x", "Anne", NULL);
	take(lease, &nothing, NOW + 100 * CLOCK_US_PER_DAY);
	g_autoptr(GPtrArray) list = versions(id);
	ck_assert_uint_eq(list->len, 1);
	check_names(id, 2, "a@x=Anne");
}

/*
 * Random histories under random retention, against lists kept beside them: each version that is
 * still there reads as it was taken.
 */
STORE_TEST(random_histories)
{
	const char *given = g_getenv("IMEX_TEST_SEED");
	unsigned seed = given != NULL ? (unsigned)strtoul(given, NULL, 10) : g_random_int();
	g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
	int64_t id = store_test_mailbox("owner@x.example"), now = NOW;
	autoptr(lease) lease = store_test_lease(store, id, clock_utc_us());
	g_autoptr(GPtrArray) taken = g_ptr_array_new_with_free_func(g_free);
	const char *was = NULL;
	for (int step = 0; step < 60; step++) {
		const struct snapshot_retention retention = {
		        g_rand_int_range(rand, 1, 40) * HOUR_US,
		        g_rand_int_range(rand, 40, 200) * HOUR_US};
		GString *text = g_string_new(NULL);
		for (int i = 0; i < 6; i++) {
			g_autofree char *key = g_strdup_printf("k%d@x", i);
			g_autofree char *name =
			        g_strdup_printf("n%d", g_rand_int_range(rand, 0, 3));
			if (g_rand_int_range(rand, 0, 3) == 0) {
				forget(lease, key);
				continue;
			}
			agree(lease, key, name, NULL);
			g_string_append_printf(
			        text, "%s%s=%s", text->len > 0 ? " " : "", key, name);
		}
		now += g_rand_int_range(rand, 0, 12) * HOUR_US;
		take(lease, &retention, now);
		if (was == NULL || !g_str_equal(was, text->str))
			g_ptr_array_add(taken, g_strdup(text->str));
		was = g_ptr_array_index(taken, taken->len - 1);
		g_string_free(text, TRUE);
	}
	g_autoptr(GPtrArray) list = versions(id);
	const struct snapshot *newest = g_ptr_array_index(list, 0);
	ck_assert_msg(newest->version == (int64_t)taken->len, "seed %u: newest %d of %u", seed,
	        (int)newest->version, taken->len);
	for (guint i = 0; i < list->len; i++) {
		const struct snapshot *one = g_ptr_array_index(list, i);
		g_autofree char *got = names(id, one->version);
		const char *expected = g_ptr_array_index(taken, one->version - 1);
		ck_assert_msg(g_str_equal(got, expected), "seed %u, version %d: %s, not %s", seed,
		        (int)one->version, got, expected);
	}
}

Suite *snapshot_suite(void)
{
	Suite *suite = suite_create("snapshot");
	TCase *tests = tcase_create("snapshot");
	tcase_set_timeout(tests, 120);
	store_test_add(tests, every_change_is_a_version);
	store_test_add(tests, waiting_changes_count);
	store_test_add(tests, the_list_before_it_moved);
	store_test_add(tests, lists_are_apart);
	store_test_add(tests, with_its_transaction_or_not_at_all);
	store_test_add(tests, retention_thins_out);
	store_test_add(tests, newest_stays);
	store_test_add(tests, random_histories);
	suite_add_tcase(suite, tests);
	return suite;
}
