#include "store/life.h"

#include "store/contact.h"
#include "tests/unit/store/fixture.h"

Suite *life_suite(void);

#define T0 INT64_C(1700000000000000)

STORE_TEST(begins_unknown_and_is_kept)
{
	struct contact_life life = {.adopted_utc_us = 9};
	int64_t id = store_test_mailbox("alice@x.example");
	must(store_life(store, id, &life, error));
	ck_assert_int_eq(life.occupied, LIFE_UNKNOWN);
	ck_assert_int_eq(life.completed, LIFE_UNKNOWN);
	ck_assert_int_eq(life.adopted_utc_us, 0);
	autoptr(lease) lease = store_test_lease(store, id, T0);
	life = (struct contact_life){LIFE_YES, T0, T0 + 1, LIFE_NO};
	must(store_life_save(store, lease, &life, error));
	struct contact_life again = {0};
	must(store_life(other, id, &again, error));
	ck_assert_int_eq(again.occupied, LIFE_YES);
	ck_assert_int_eq(again.adopted_utc_us, T0);
	ck_assert_int_eq(again.rolling_back_utc_us, T0 + 1);
	ck_assert_int_eq(again.completed, LIFE_NO);
	life = (struct contact_life){0};
	must(store_life_save(store, lease, &life, error));
	must(store_life(other, id, &again, error));
	ck_assert_int_eq(again.occupied, LIFE_UNKNOWN);
}

STORE_TEST(a_lost_lease_writes_nothing)
{
	int64_t id = store_test_mailbox("alice@x.example");
	autoptr(lease) lease = store_test_lease(store, id, T0);
	lease->generation--;
	const struct contact_life life = {LIFE_YES, T0, 0, LIFE_YES};
	must_fail(store_life_save(store, lease, &life, error), "lease.lost");
	must_fail(store_life_keep(store, lease, "bob@x.example", error), "lease.lost");
	struct contact_life read = {0};
	must(store_life(store, id, &read, error));
	ck_assert_int_eq(read.occupied, LIFE_UNKNOWN);
}

static void add_ours(const struct lease *lease, const char *key)
{
	g_autoptr(GError) problem = NULL;
	g_autoptr(GPtrArray) contacts = g_ptr_array_new();
	autoptr(contact) contact = contact_new(key, NULL);
	autoptr(contact_status) status = store_contact_status(store, lease->mailbox->id, &problem);
	g_ptr_array_add(contacts, contact);
	must(store_contact_stage_ours(store, lease, status, contacts, NULL, "1", T0, error));
}

static guint kept(int64_t id)
{
	g_autoptr(GError) problem = NULL;
	g_autoptr(GHashTable) keys = store_life_kept(other, id, &problem);
	ck_assert_msg(keys != NULL, "%s", problem != NULL ? problem->message : "");
	return g_hash_table_size(keys);
}

STORE_TEST(kept_until_it_is_gone)
{
	int64_t id = store_test_mailbox("alice@x.example");
	autoptr(lease) lease = store_test_lease(store, id, T0);
	bool holds = true, agreed = true;
	must(store_life_look(store, id, &holds, &agreed, error));
	ck_assert(!holds && !agreed);
	add_ours(lease, "bob@x.example");
	must(store_life_keep(store, lease, "bob@x.example", error));
	must(store_life_keep(store, lease, "bob@x.example", error));
	must(store_life_keep(store, lease, "gone@x.example", error));
	ck_assert_uint_eq(kept(id), 2);
	must(store_life_kept_sweep(store, lease, error));
	ck_assert_uint_eq(kept(id), 1);
	add_ours(lease, "carol@x.example");
	must(store_life_kept_sweep(store, lease, error));
	ck_assert_uint_eq(kept(id), 0);
}

Suite *life_suite(void)
{
	Suite *suite = suite_create("life");
	TCase *tests = tcase_create("life");
	tcase_set_timeout(tests, 60);
	store_test_add(tests, begins_unknown_and_is_kept);
	store_test_add(tests, a_lost_lease_writes_nothing);
	store_test_add(tests, kept_until_it_is_gone);
	suite_add_tcase(suite, tests);
	return suite;
}
