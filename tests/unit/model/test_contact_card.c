#include "model/contact_card.h"

#include <check.h>
#include <stdlib.h>
#include <time.h>

Suite *contact_card_suite(void);

/*
 * Failure case 40: a birthday is a day, whatever zone it was entered in and whatever zone this
 * machine is in.
 */
static const char *const zones[] = {"UTC", "XXX-14", "XXX-1", "XXX+12", "XXX+14", "Pacific/Apia"};

START_TEST(row_40_a_birthday_keeps_its_day)
{
	setenv("TZ", zones[_i], 1);
	tzset();
	static const struct {
		const char *time, *day;
	} cases[] = {
	        {"1970-03-01T11:59:00Z", "1970-03-01"},
	        {"1970-03-01T00:00:00Z", "1970-03-01"},
	        {"1970-03-01", "1970-03-01"},
	        {"1970-03-01T00:00:00", "1970-03-01"},
	        {"1970-03-01T00:00:00+01:00", "1970-03-01"},
	        {"1899-12-31T23:00:00Z", "1900-01-01"},
	        {"1968-02-28T23:00:00.000Z", "1968-02-29"},
	        {"2000-02-29T11:59:00Z", "2000-02-29"},
	        /* Midnight in New York is no midnight in UTC. */
	        {"1970-03-01T05:00:00Z", "1970-03-01"},
	};
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *day = contact_card_birthday(cases[i].time);
		ck_assert_msg(g_strcmp0(day, cases[i].day) == 0, "%s: %s", cases[i].time, day);
	}
	/* Midnight in every zone from eleven hours before to twelve hours after Greenwich. */
	for (int offset_h = -11; offset_h <= 12; offset_h++) {
		g_autoptr(GDateTime) midnight = g_date_time_new_utc(1970, 3, 1, 0, 0, 0);
		g_autoptr(GDateTime) utc = g_date_time_add_hours(midnight, -offset_h);
		g_autofree char *time = g_date_time_format(utc, "%Y-%m-%dT%H:%M:%SZ");
		g_autofree char *day = contact_card_birthday(time);
		ck_assert_msg(g_strcmp0(day, "1970-03-01") == 0, "%s: %s", time, day);
	}
}
END_TEST

/* What grommunio makes of times before 1970, and other nonsense, is no birthday. */
START_TEST(a_malformed_birthday_is_none)
{
	static const char *const times[] = {"1965-05-05T00:00:00.18446744073709551600Z", "",
	        "yesterday", "1970-13-01T00:00:00Z"};
	for (size_t i = 0; i < G_N_ELEMENTS(times); i++)
		ck_assert_ptr_null(contact_card_birthday(times[i]));
	ck_assert_ptr_null(contact_card_birthday(NULL));
}
END_TEST

static void note(void *data, const char *kind, const char *number)
{
	g_string_append_printf(data, "[%s|%s]", kind, number);
}

START_TEST(numbers_are_kept_in_order)
{
	autoptr(contact_card) card = contact_card_new();
	g_autoptr(GString) text = g_string_new(NULL);
	ck_assert(contact_card_is_empty(card));
	contact_card_add_phone(card, "cell", " \t");
	ck_assert(contact_card_is_empty(card));
	contact_card_add_phone(card, "work", "+49 30 12\n34");
	contact_card_add_phone(card, "cell", "ext. 12; \xc3\xa4");
	contact_card_each_phone(card, note, text);
	ck_assert_str_eq(text->str, "[work|+49 30 12 34][cell|ext. 12; \xc3\xa4]");
	ck_assert(!contact_card_is_empty(card));
}
END_TEST

START_TEST(a_photo_is_what_its_bytes_say)
{
	ck_assert_str_eq(contact_card_photo_type("\xff\xd8\xff\xe0", 4), "image/jpeg");
	ck_assert_str_eq(contact_card_photo_type("\x89PNG\r\n\x1a\n", 8), "image/png");
	ck_assert_str_eq(contact_card_photo_type("GIF89a", 6), "image/gif");
	ck_assert_ptr_null(contact_card_photo_type("<svg>", 5));
	ck_assert_ptr_null(contact_card_photo_type("\xff\xd8", 2));
	ck_assert_ptr_null(contact_card_photo_type("", 0));
}
END_TEST

Suite *contact_card_suite(void)
{
	Suite *suite = suite_create("contact_card");
	TCase *tests = tcase_create("contact_card");
	tcase_add_loop_test(tests, row_40_a_birthday_keeps_its_day, 0, (int)G_N_ELEMENTS(zones));
	tcase_add_test(tests, a_malformed_birthday_is_none);
	tcase_add_test(tests, numbers_are_kept_in_order);
	tcase_add_test(tests, a_photo_is_what_its_bytes_say);
	suite_add_tcase(suite, tests);
	return suite;
}
