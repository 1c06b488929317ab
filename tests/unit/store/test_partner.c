#include "store/partner.h"

#include "tests/unit/store/fixture.h"

#include <string.h>

Suite *partner_suite(void);

static void add_key(struct partner *partner, const char *x5t, const char *der)
{
	struct partner_key *key = g_new0(struct partner_key, 1);
	key->x5t = g_strdup(x5t);
	key->der = g_bytes_new(der, strlen(der));
	key->not_before_utc_us = 1;
	key->not_after_utc_us = INT64_C(4000000000000000);
	g_ptr_array_add(partner->keys, key);
}

/* One with every member set, NUL and high bytes in its certificate. */
static struct partner *full_partner(const char *name, const char *issuer)
{
	struct partner *partner = partner_new(name);
	partner->app_id = g_strdup("00000002-0000-0ff1-ce00-000000000000");
	partner->realm = g_strdup("Corp.example");
	partner->issuer = g_strdup(issuer);
	partner->metadata_url = g_strdup("https://mail.corp.example/metadata/json/1");
	partner->authorization_server = g_strdup("sts");
	partner->trust = PARTNER_USER;
	partner->enabled = false;
	partner->verified = true;
	partner->accept_sid = true;
	add_key(partner, "abcdefghijklmnopqrstuvwxyz1", "one");
	add_key(partner, "abcdefghijklmnopqrstuvwxyz2", "two");
	struct partner_key *second = g_ptr_array_index(partner->keys, 1);
	static const char bytes[] = "\x30\x82\x00\xff'\\%";
	g_bytes_unref(second->der);
	second->der = g_bytes_new(bytes, sizeof bytes);
	second->state = PARTNER_KEY_HELD;
	second->usable_utc_us = 77;
	partner_add_origin(partner, "https://mail.corp.example:443");
	partner_add_origin(partner, "https://other.corp.example:8443");
	g_ptr_array_add(partner->endpoints, g_strdup("https://end.corp.example:443"));
	partner->refreshed_utc_us = 5;
	partner->tried_utc_us = 6;
	partner->alarm = g_strdup("it's odd");
	return partner;
}

static struct partner *get(const char *name)
{
	g_autoptr(GError) problem = NULL;
	struct partner *partner = store_partner_get(other, name, &problem);
	ck_assert_msg(partner != NULL, "%s", problem != NULL ? problem->message : "");
	return partner;
}

static void assert_same_list(GPtrArray *a, GPtrArray *b)
{
	ck_assert_uint_eq(a->len, b->len);
	for (guint i = 0; i < a->len; i++)
		ck_assert(g_ptr_array_find_with_equal_func(b, a->pdata[i], g_str_equal, NULL));
}

static void assert_same_keys(const struct partner *a, const struct partner *b)
{
	ck_assert_uint_eq(a->keys->len, b->keys->len);
	for (guint i = 0; i < a->keys->len; i++) {
		const struct partner_key *one = a->keys->pdata[i], *two = b->keys->pdata[i];
		ck_assert_str_eq(one->x5t, two->x5t);
		ck_assert(g_bytes_equal(one->der, two->der));
		ck_assert_int_eq(one->not_before_utc_us, two->not_before_utc_us);
		ck_assert_int_eq(one->not_after_utc_us, two->not_after_utc_us);
		ck_assert_int_eq(one->state, two->state);
		ck_assert_int_eq(one->usable_utc_us, two->usable_utc_us);
	}
}

static void assert_same(const struct partner *a, const struct partner *b)
{
	ck_assert_str_eq(a->name, b->name);
	ck_assert_str_eq(a->app_id, b->app_id);
	ck_assert_str_eq(a->realm, b->realm);
	ck_assert_str_eq(a->issuer, b->issuer);
	ck_assert_pstr_eq(a->metadata_url, b->metadata_url);
	ck_assert_pstr_eq(a->authorization_server, b->authorization_server);
	ck_assert_int_eq(a->trust, b->trust);
	ck_assert_int_eq(a->enabled, b->enabled);
	ck_assert_int_eq(a->verified, b->verified);
	ck_assert_int_eq(a->accept_sid, b->accept_sid);
	ck_assert_int_eq(a->refreshed_utc_us, b->refreshed_utc_us);
	ck_assert_int_eq(a->tried_utc_us, b->tried_utc_us);
	ck_assert_pstr_eq(a->alarm, b->alarm);
	assert_same_keys(a, b);
	assert_same_list(a->origins, b->origins);
	assert_same_list(a->endpoints, b->endpoints);
}

STORE_TEST(kept_whole)
{
	autoptr(partner) put = full_partner("exchange", "a@corp.example");
	must(store_partner_put(store, put, error));
	autoptr(partner) got = get("exchange");
	assert_same(put, got);
}

STORE_TEST(replaced_with_keys_and_origins)
{
	autoptr(partner) put = full_partner("exchange", "a@corp.example");
	must(store_partner_put(store, put, error));
	g_ptr_array_remove_index(put->keys, 0);
	add_key(put, "abcdefghijklmnopqrstuvwxyz3", "three");
	g_ptr_array_remove_index(put->origins, 1);
	g_ptr_array_set_size(put->endpoints, 0);
	g_clear_pointer(&put->alarm, g_free);
	g_clear_pointer(&put->metadata_url, g_free);
	put->enabled = true;
	must(store_partner_put(other, put, error));
	autoptr(partner) got = get("exchange");
	assert_same(put, got);
}

STORE_TEST(an_issuer_is_one_partner)
{
	autoptr(partner) first = full_partner("exchange", "a@corp.example");
	autoptr(partner) twin = full_partner("twin", "a@corp.example");
	autoptr(partner) by_case = full_partner("case", "a@Corp.example");
	must(store_partner_put(store, first, error));
	must_fail(store_partner_put(store, twin, error), "partner.issuer_taken");
	must_fail(store_partner_get(store, "twin", error) != NULL, "partner.absent");
	/* Realms are compared byte for byte. */
	must(store_partner_put(store, by_case, error));
	autoptr(partner) got = get("exchange");
	assert_same(first, got);
}

STORE_TEST(listed_by_name_and_removed)
{
	autoptr(partner) b = full_partner("b", "b@corp.example");
	autoptr(partner) a = full_partner("a", "a@corp.example");
	g_autoptr(GError) problem = NULL;
	must(store_partner_put(store, b, error));
	must(store_partner_put(store, a, error));
	g_autoptr(GPtrArray) list = store_partner_list(other, &problem);
	ck_assert_ptr_nonnull(list);
	ck_assert_uint_eq(list->len, 2);
	assert_same(a, list->pdata[0]);
	assert_same(b, list->pdata[1]);
	must(store_partner_remove(store, "a", error));
	must_fail(store_partner_remove(store, "a", error), "partner.absent");
	must_fail(store_partner_get(other, "a", error) != NULL, "partner.absent");
	/* Nothing of the removed one turns up in a new one of its name. */
	autoptr(partner) bare = partner_new("a");
	bare->app_id = g_strdup("x");
	bare->realm = g_strdup("r");
	bare->issuer = g_strdup("x@r");
	must(store_partner_put(store, bare, error));
	autoptr(partner) got = get("a");
	assert_same(bare, got);
}

static int64_t version(void)
{
	int64_t number = 0;
	must(store_partner_version(other, &number, error));
	return number;
}

STORE_TEST(changes_are_seen_by_polling)
{
	autoptr(partner) partner = full_partner("exchange", "a@corp.example");
	int64_t before = version();
	must(store_partner_put(store, partner, error));
	int64_t added = version();
	ck_assert_int_ne(added, before);
	/* A look at the metadata is no change that anybody must follow. */
	must(store_partner_tried(store, "exchange", 99, "look at this", error));
	ck_assert_int_eq(version(), added);
	autoptr(partner) got = get("exchange");
	ck_assert_int_eq(got->tried_utc_us, 99);
	ck_assert_str_eq(got->alarm, "look at this");
	must(store_partner_remove(store, "exchange", error));
	ck_assert_int_ne(version(), added);
}

STORE_TEST(a_change_that_is_rolled_back_is_none)
{
	autoptr(partner) partner = full_partner("exchange", "a@corp.example");
	int64_t before = version();
	must(store_begin(store, error));
	must(store_partner_put(store, partner, error));
	g_autoptr(GError) cause = NULL;
	store_end(store, false, &cause);
	must_fail(store_partner_get(other, "exchange", error) != NULL, "partner.absent");
	ck_assert_int_eq(version(), before);
}

Suite *partner_suite(void)
{
	Suite *suite = suite_create("partner");
	TCase *tcase = tcase_create("partner");
	tcase_set_timeout(tcase, 60);
	store_test_add(tcase, kept_whole);
	store_test_add(tcase, replaced_with_keys_and_origins);
	store_test_add(tcase, an_issuer_is_one_partner);
	store_test_add(tcase, listed_by_name_and_removed);
	store_test_add(tcase, changes_are_seen_by_polling);
	store_test_add(tcase, a_change_that_is_rolled_back_is_none);
	suite_add_tcase(suite, tcase);
	return suite;
}
