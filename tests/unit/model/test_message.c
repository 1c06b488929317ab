#include "model/message.h"

#include <check.h>

Suite *message_suite(void);

START_TEST(kinds)
{
	for (int k = MESSAGE_CHAT; k <= MESSAGE_LEAVE; k++) {
		enum message_kind back = MESSAGE_CHAT;
		ck_assert(message_kind_parse(message_kind_name((enum message_kind)k), &back));
		ck_assert_int_eq((int)back, k);
	}
}
END_TEST

START_TEST(hash_tells_absent_from_empty)
{
	autoptr(message) a = message_new(MESSAGE_CHAT);
	autoptr(message) b = message_new(MESSAGE_CHAT);
	b->order = 5;
	g_autofree char *hash_a = message_hash(a);
	g_autofree char *hash_b = message_hash(b);
	ck_assert_str_eq(hash_a, hash_b);
	b->text = g_strdup("");
	g_autofree char *hash_c = message_hash(b);
	ck_assert_str_ne(hash_a, hash_c);
}
END_TEST

Suite *message_suite(void)
{
	Suite *suite = suite_create("message");
	TCase *tests = tcase_create("message");
	tcase_add_test(tests, kinds);
	tcase_add_test(tests, hash_tells_absent_from_empty);
	suite_add_tcase(suite, tests);
	return suite;
}
