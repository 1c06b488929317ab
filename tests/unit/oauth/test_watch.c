#include "oauth/watch.h"

#include "core/clock.h"
#include "fixture.h"

#include <string.h>

Suite *watch_suite(void);

static char *folder;
static struct config *config;
static struct keyring *keyring;
static GPtrArray *partners;

static void partner_destroy(gpointer partner)
{
	partner_free(partner);
}

static void setup(void)
{
	g_autoptr(GError) error = NULL;
	folder = fixture_folder();
	config = fixture_config(folder);
	keyring = keyring_open(folder, &error);
	ck_assert_no_error(error);
	partners = g_ptr_array_new_with_free_func(partner_destroy);
}

static void teardown(void)
{
	clock_unset();
	g_ptr_array_unref(partners);
	keyring_close(keyring);
	config_free(config);
	fixture_remove(folder);
}

static int64_t end_of(unsigned pair)
{
	return certificate_not_after_utc_us(key_pair_certificate(fixture_pair(pair)));
}

START_TEST(limits)
{
	static const struct {
		int64_t left_days;
		int limit, limit_before; /* at that many days, and a second before */
	} cases[] = {{60, 60, WATCH_NONE}, {30, 30, 60}, {14, 14, 30}, {7, 7, 14}, {0, 0, 7}};
	struct watched watched = {.ends_utc_us = INT64_C(1000) * CLOCK_US_PER_DAY};
	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		int64_t at = watched.ends_utc_us - cases[i].left_days * CLOCK_US_PER_DAY;
		ck_assert_int_eq(watched_limit(&watched, at), cases[i].limit);
		ck_assert_int_eq(
		        watched_limit(&watched, at - CLOCK_US_PER_S), cases[i].limit_before);
	}
	ck_assert_int_eq(watched_days(&watched, watched.ends_utc_us - 1), 0);
	ck_assert_int_eq(watched_days(&watched, watched.ends_utc_us + 1), -1);
	watched.replaced = true;
	ck_assert_int_eq(watched_limit(&watched, watched.ends_utc_us + 1), WATCH_NONE);
	watched.missed = true;
	ck_assert_int_eq(watched_limit(&watched, 0), 0);
	watched = (struct watched){.ends_utc_us = 0};
	ck_assert_int_eq(watched_limit(&watched, 1), WATCH_NONE);
}
END_TEST

START_TEST(no_certificate_of_our_own)
{
	g_autoptr(GPtrArray) list = watch_certificates(config, keyring, partners, false);
	ck_assert_uint_eq(list->len, 1);
	const struct watched *own = list->pdata[0];
	ck_assert_str_eq(own->what, "issuer");
	ck_assert_int_eq(watched_limit(own, clock_utc_us()), 0);
	ck_assert_ptr_nonnull(strstr(own->next, "imex cert create"));
}
END_TEST

START_TEST(a_staged_key_goes_on_after_ours)
{
	g_autoptr(GError) error = NULL;
	int64_t soon = end_of(0) - 40 * CLOCK_US_PER_DAY;
	ck_assert(keyring_use(keyring, fixture_pair(0), &error));
	clock_set_utc_us(soon);
	g_autoptr(GPtrArray) alone = watch_certificates(config, keyring, partners, false);
	ck_assert_uint_eq(alone->len, 1);
	ck_assert_int_eq(watched_limit(alone->pdata[0], soon), 60);
	ck_assert(keyring_stage(
	        keyring, fixture_pair(1), soon + 10 * CLOCK_US_PER_DAY, false, &error));
	g_autoptr(GPtrArray) staged = watch_certificates(config, keyring, partners, false);
	ck_assert_uint_eq(staged->len, 2);
	ck_assert_int_eq(watched_limit(staged->pdata[0], soon), WATCH_NONE);
	const struct watched *next = staged->pdata[1];
	ck_assert_str_eq(next->whose, "next");
	ck_assert_int_eq(next->ends_utc_us, end_of(1));
}
END_TEST

/* A partner's old key need not be spoken of while a newer one is there and believed. */
START_TEST(a_partners_newer_key_counts)
{
	g_autoptr(GError) error = NULL;
	ck_assert(keyring_use(keyring, fixture_pair(0), &error));
	struct partner *partner = fixture_partner(0);
	g_ptr_array_add(partners, partner);
	struct partner_key *old = partner->keys->pdata[0];
	int64_t soon = clock_utc_us() + 5 * CLOCK_US_PER_DAY;
	old->not_after_utc_us = soon;
	g_autoptr(GPtrArray) alone = watch_certificates(config, keyring, partners, false);
	ck_assert_uint_eq(alone->len, 2);
	ck_assert_int_eq(watched_limit(alone->pdata[1], clock_utc_us()), 7);
	struct partner_key *newer = partner_key_copy(old);
	newer->not_after_utc_us = soon + 400 * CLOCK_US_PER_DAY;
	newer->state = PARTNER_KEY_HELD;
	g_ptr_array_add(partner->keys, newer);
	g_autoptr(GPtrArray) held = watch_certificates(config, keyring, partners, false);
	ck_assert_int_eq(watched_limit(held->pdata[1], clock_utc_us()), 7);
	newer->state = PARTNER_KEY_ACTIVE;
	g_autoptr(GPtrArray) followed = watch_certificates(config, keyring, partners, false);
	ck_assert_int_eq(watched_limit(followed->pdata[1], clock_utc_us()), WATCH_NONE);
	partner->enabled = false;
	g_autoptr(GPtrArray) disabled = watch_certificates(config, keyring, partners, false);
	ck_assert_uint_eq(disabled->len, 1);
}
END_TEST

Suite *watch_suite(void)
{
	Suite *suite = suite_create("watch");
	TCase *tcase = tcase_create("watch");
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, limits);
	tcase_add_test(tcase, no_certificate_of_our_own);
	tcase_add_test(tcase, a_staged_key_goes_on_after_ours);
	tcase_add_test(tcase, a_partners_newer_key_counts);
	suite_add_tcase(suite, tcase);
	return suite;
}
