#include "model/contact.h"

#include <check.h>

Suite *contact_suite(void);

START_TEST(groups_are_a_sorted_set)
{
	autoptr(contact) contact = contact_new("bob@im.example", "Bob");
	contact_add_group(contact, "Work");
	contact_add_group(contact, "Friends");
	contact_add_group(contact, "Work");
	contact_add_group(contact, "");
	ck_assert_uint_eq(contact->groups->len, 2);
	ck_assert_str_eq(g_ptr_array_index(contact->groups, 0), "Friends");
	contact_remove_group(contact, "Friends");
	contact_remove_group(contact, "Absent");
	ck_assert(!contact_in_group(contact, "Friends"));
	ck_assert(contact_in_group(contact, "Work"));
}
END_TEST

START_TEST(hash_follows_equality)
{
	autoptr(contact) a = contact_new("bob@im.example", NULL);
	autoptr(contact) b = contact_new("bob@im.example", "");
	ck_assert(contact_equal(a, b));
	contact_add_group(a, "u\xCC\x88");
	contact_add_group(b, "\xC3\xBC");
	ck_assert(contact_equal(a, b));
	g_autofree char *hash_a = contact_hash(a);
	g_autofree char *hash_b = contact_hash(b);
	ck_assert_str_eq(hash_a, hash_b);
	autoptr(contact) c = contact_copy(a);
	contact_add_group(c, "x");
	ck_assert(!contact_equal(a, c));
	g_autofree char *hash_c = contact_hash(c);
	ck_assert_str_ne(hash_a, hash_c);
}
END_TEST

START_TEST(group_kinds)
{
	for (int k = GROUP_KIND_USER; k <= GROUP_KIND_FAVORITES; k++) {
		enum group_kind back = GROUP_KIND_USER;
		ck_assert(group_kind_parse(group_kind_name((enum group_kind)k), &back));
		ck_assert_int_eq((int)back, k);
	}
	enum group_kind none;
	ck_assert(!group_kind_parse("club", &none));
}
END_TEST

START_TEST(covers)
{
	autoptr(contact) rich = contact_new("bob@x", "Bob");
	autoptr(contact) poor = contact_new("bob@x", NULL);
	rich->tel_uri = g_strdup("tel:+1");
	contact_add_group(rich, "A");
	contact_add_group(rich, "B");
	contact_add_group(poor, "B");
	ck_assert(contact_covers(rich, rich) && contact_covers(rich, poor));
	ck_assert(!contact_covers(poor, rich));
	contact_add_group(poor, "C");
	ck_assert(!contact_covers(rich, poor));
	contact_remove_group(poor, "C");
	poor->name = g_strdup("Rob");
	ck_assert(!contact_covers(rich, poor));
	autoptr(contact) other = contact_new("rob@x", NULL);
	ck_assert(!contact_covers(rich, other));
}
END_TEST

Suite *contact_suite(void)
{
	Suite *suite = suite_create("contact");
	TCase *tests = tcase_create("contact");
	tcase_add_test(tests, groups_are_a_sorted_set);
	tcase_add_test(tests, hash_follows_equality);
	tcase_add_test(tests, covers);
	tcase_add_test(tests, group_kinds);
	suite_add_tcase(suite, tests);
	return suite;
}
