#include "im/prosody_json.h"

#include "core/error.h"

#include <check.h>
#include <string.h>

Suite *prosody_json_suite(void);

static struct contact *read_value(const char *value)
{
	GError *error = NULL;
	autoptr(contact) contact = contact_new("bob@x", NULL);
	if (prosody_json_read(value, strlen(value), contact, &error))
		return g_steal_pointer(&contact);
	ck_assert_int_eq(error_class_of(error), ERROR_ITEM);
	g_clear_error(&error);
	return NULL;
}

START_TEST(reads)
{
	autoptr(contact) contact = read_value(
	        "{\"name\":\"Bob\",\"groups\":{\"B\":true,\"A / x\":true,\"no\":false,\"\":true},"
	        "\"subscription\":\"both\",\"more\":[1]}");
	ck_assert_ptr_nonnull(contact);
	ck_assert_str_eq(contact->name, "Bob");
	ck_assert_uint_eq(contact->groups->len, 2);
	ck_assert_str_eq(contact->groups->pdata[0], "A / x");

	autoptr(contact) bare = read_value("{\"subscription\":\"none\",\"groups\":[]}");
	ck_assert_ptr_nonnull(bare);
	ck_assert_ptr_null(bare->name);
	ck_assert_uint_eq(bare->groups->len, 0);
}
END_TEST

static const char *const broken[] = {
        "",
        "{",
        "[]",
        "null",
        "{\"name\":7}",
        "{\"name\":\"a\",\"name\":\"b\"}",
        "{\"groups\":\"A\"}",
        "{\"groups\":[1]}",
        "{\"name\":\"\\ud800\"}",
        "{\"name\":\"a\xff\"}",
        "{\"name\":\"Bob\",\"groups\":{\"A\":tr",
};

START_TEST(bad_values)
{
	ck_assert_ptr_null(read_value(broken[_i]));
}
END_TEST

START_TEST(changes_only_name_and_groups)
{
	autoptr(contact) contact = contact_new("bob@x", "Bobby \"B\"");
	contact_add_group(contact, "\xc3\xa9"); /* composed */
	contact_add_group(contact, "New");
	g_autofree char *value = prosody_json_change(
	        "{\"subscription\":\"both\",\"ask\":\"subscribe\",\"groups\":{\"e\xcc\x81\":true,"
	        "\"Old\":true},\"name\":\"Bob\",\"approved\":true}",
	        contact, NULL);
	ck_assert_ptr_nonnull(value);
	ck_assert_ptr_nonnull(strstr(value, "\"subscription\":\"both\""));
	ck_assert_ptr_nonnull(strstr(value, "\"ask\":\"subscribe\""));
	ck_assert_ptr_nonnull(strstr(value, "\"approved\":true"));
	/* The group keeps the spelling that it had. */
	ck_assert_ptr_nonnull(strstr(value, "\"e\xcc\x81\":true"));
	ck_assert_ptr_null(strstr(value, "Old"));
	autoptr(contact) back = read_value(value);
	ck_assert(contact_equal(back, contact));
}
END_TEST

START_TEST(new_and_nameless)
{
	autoptr(contact) contact = contact_new("bob@x", NULL);
	g_autofree char *value = prosody_json_change(NULL, contact, NULL);
	ck_assert_str_eq(value, "{\"subscription\":\"none\",\"groups\":{}}");
	g_autofree char *taken = prosody_json_change("{\"name\":\"Bob\"}", contact, NULL);
	ck_assert_str_eq(taken, "{\"groups\":{}}");
	ck_assert_ptr_null(prosody_json_change("{oops", contact, NULL));
}
END_TEST

START_TEST(versions)
{
	const char meta[] = "{\"__hash\":[false,{\"pending\":{\"eve@x\":true,\"no@x\":false},"
	                    "\"version\":8}]}";
	int64_t version = 0;
	g_autoptr(GPtrArray) requests = g_ptr_array_new_with_free_func(g_free);
	ck_assert(prosody_json_meta(meta, strlen(meta), &version, requests, NULL));
	ck_assert_int_eq(version, 8);
	ck_assert_uint_eq(requests->len, 1);
	ck_assert_str_eq(requests->pdata[0], "eve@x");

	g_autofree char *next = prosody_json_meta_bump(meta, &version, NULL);
	ck_assert_int_eq(version, 9);
	ck_assert_ptr_nonnull(strstr(next, "\"version\":9"));
	ck_assert_ptr_nonnull(strstr(next, "\"eve@x\":true"));
	g_autofree char *fresh = prosody_json_meta_bump(NULL, &version, NULL);
	ck_assert_int_eq(version, 1);
	ck_assert(prosody_json_meta(fresh, strlen(fresh), &version, NULL, NULL));

	ck_assert(prosody_json_meta("{\"version\":3.0}", 15, &version, NULL, NULL));
	ck_assert_int_eq(version, 3);
	ck_assert(prosody_json_meta("{\"pending\":{}}", 14, &version, NULL, NULL));
	ck_assert_int_eq(version, -1);
	ck_assert(!prosody_json_meta("{\"version\":\"3\"}", 15, &version, NULL, NULL));
	ck_assert(!prosody_json_meta("{\"version\":-1}", 14, &version, NULL, NULL));
	ck_assert(!prosody_json_meta("{\"version\":1e99}", 16, &version, NULL, NULL));
	ck_assert(!prosody_json_meta("{\"__hash\":[true,{}]}", 20, &version, NULL, NULL));
	ck_assert(!prosody_json_meta("{\"__hash\":[false]}", 18, &version, NULL, NULL));
}
END_TEST

START_TEST(rooms)
{
	struct prosody_json_room room = {0};
	const char open[] = "{\"name\":\"Ops\",\"whois\":\"anyone\",\"occupant_id_salt\":\"s\"}";
	ck_assert(prosody_json_room(open, strlen(open), &room, NULL));
	ck_assert_str_eq(room.name, "Ops");
	ck_assert_str_eq(room.salt, "s");
	ck_assert(!room.anonymous);
	prosody_json_room_clear(&room);
	ck_assert(prosody_json_room("{}", 2, &room, NULL));
	ck_assert(room.anonymous);
	ck_assert(!prosody_json_room("{\"name\":1}", 10, &room, NULL));
}
END_TEST

static const struct {
	const char *value;
	int rules; /* -1: it is refused */
} privacy[] = {
        {"{}", 0},
        {"[]", 0},
        {"{\"a\":{\"name\":\"a\",\"items\":[{\"type\":\"jid\"},{\"action\":\"deny\"}]},"
         "\"b\":{\"items\":[{}]},\"c\":{\"items\":{\"1\":{}}},\"d\":{\"items\":{}},\"e\":7}",
                4},
        {"[1]", -1},
        {"{\"a\":", -1},
        {"", -1},
};

START_TEST(privacy_rules)
{
	unsigned rules = 99;
	bool read =
	        prosody_json_privacy(privacy[_i].value, strlen(privacy[_i].value), &rules, NULL);
	ck_assert(read == (privacy[_i].rules >= 0));
	ck_assert_uint_eq(rules, (unsigned)MAX(privacy[_i].rules, 0));
}
END_TEST

Suite *prosody_json_suite(void)
{
	Suite *suite = suite_create("prosody_json");
	TCase *tests = tcase_create("prosody_json");
	tcase_add_test(tests, reads);
	tcase_add_loop_test(tests, bad_values, 0, (int)G_N_ELEMENTS(broken));
	tcase_add_test(tests, changes_only_name_and_groups);
	tcase_add_test(tests, new_and_nameless);
	tcase_add_test(tests, versions);
	tcase_add_test(tests, rooms);
	tcase_add_loop_test(tests, privacy_rules, 0, (int)G_N_ELEMENTS(privacy));
	suite_add_tcase(suite, tests);
	return suite;
}
