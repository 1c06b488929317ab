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

/* GLib's calendar is another implementation of the same. */
START_TEST(civil_as_glib)
{
	guint32 seed = g_random_int();
	g_print("# seed %u\n", seed);
	g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
	const gint64 edges[] = {-62135596800, -62135596799, -1, 0, 951782399, 951782400, 951868800,
	        1709164800, 4107542400, 253402300799};
	for (unsigned i = 0; i < 20000; i++) {
		gint64 seconds = i < G_N_ELEMENTS(edges) ? edges[i]
		                                         : (gint64)(g_rand_double_range(rand,
		                                                   -62135596800.0, 253402300799.0));
		struct tm t;
		g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(seconds);
		ck_assert(clock_civil_of(seconds, &t));
		ck_assert_int_eq(t.tm_year + 1900, g_date_time_get_year(time));
		ck_assert_int_eq(t.tm_mon + 1, g_date_time_get_month(time));
		ck_assert_int_eq(t.tm_mday, g_date_time_get_day_of_month(time));
		ck_assert_int_eq(t.tm_wday, g_date_time_get_day_of_week(time) % 7);
		ck_assert_int_eq(t.tm_hour, g_date_time_get_hour(time));
		ck_assert_int_eq(t.tm_min, g_date_time_get_minute(time));
		ck_assert_int_eq(t.tm_sec, g_date_time_get_second(time));
	}
}
END_TEST

START_TEST(civil_ends)
{
	struct tm t;
	ck_assert(!clock_civil_of(-62135596801, &t));
	ck_assert(!clock_civil_of(253402300800, &t));
	g_autofree char *beyond = clock_format_iso(INT64_MAX);
	ck_assert_str_eq(beyond, "@9223372036854775807us");
	ck_assert_int_eq(clock_seconds_of(-1), -1);
	ck_assert_int_eq(clock_seconds_of(-1000000), -1);
	ck_assert_int_eq(clock_seconds_of(1999999), 1);
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
	tcase_add_test(tests, civil_as_glib);
	tcase_add_test(tests, civil_ends);
	tcase_add_test(tests, set_clock);
	suite_add_tcase(suite, tests);
	return suite;
}
