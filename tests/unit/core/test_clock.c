#include "core/clock.h"
#include "core/error.h"

#include <check.h>

Suite *clock_suite(void);

START_TEST(iso_round_trip)
{
	static const char *const texts[] = {
	        "2026-11-23T08:30:00Z", "1969-12-31T23:59:59Z", "2026-11-23T08:30:00.000001Z"};
	for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++) {
		int64_t utc_us = 0;
		ck_assert(clock_parse_iso(texts[i], &utc_us, NULL));
		g_autofree char *back = clock_format_iso(utc_us);
		ck_assert_str_eq(back, texts[i]);
	}
}
END_TEST

START_TEST(iso_forms)
{
	int64_t a = 0, b = 0;
	ck_assert(clock_parse_iso("2026-11-23", &a, NULL));
	ck_assert(clock_parse_iso("2026-11-23T01:00:00+01:00", &b, NULL));
	ck_assert_int_eq(a, b);
	ck_assert(clock_parse_iso("2026-11-23T00:00:00", &b, NULL));
	ck_assert_int_eq(a, b);
}
END_TEST

START_TEST(iso_refused)
{
	static const char *const texts[] = {
	        "", "yesterday", "11/23/2026", "2026-13-01", "2026-11-23T25:00"};
	for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autoptr(GError) error = NULL;
		int64_t utc_us = 0;
		ck_assert(!clock_parse_iso(texts[i], &utc_us, &error));
		ck_assert(error_is(error, "time.invalid"));
	}
}
END_TEST

START_TEST(set_clock)
{
	clock_set_utc_us(42);
	ck_assert_int_eq(clock_utc_us(), 42);
	clock_unset();
	ck_assert_int_gt(clock_utc_us(), 42);
}
END_TEST

Suite *clock_suite(void)
{
	Suite *suite = suite_create("clock");
	TCase *tests = tcase_create("clock");
	tcase_add_test(tests, iso_round_trip);
	tcase_add_test(tests, iso_forms);
	tcase_add_test(tests, iso_refused);
	tcase_add_test(tests, set_clock);
	suite_add_tcase(suite, tests);
	return suite;
}
