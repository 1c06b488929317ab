#include "core/error.h"

#include <check.h>
#include <gio/gio.h>

Suite *error_suite(void);

START_TEST(carries_class_reason_and_subject)
{
	g_autoptr(GError) error = NULL;
	error_set(&error, ERROR_BACKOFF, "ews.busy", "server %s is busy", "x");
	error_set_retry_at(error, 7);
	error_set_subject(error, "alice@corp.example");
	g_autoptr(GError) copy = g_error_copy(error);
	ck_assert_int_eq(error_class_of(copy), ERROR_BACKOFF);
	ck_assert_str_eq(error_reason(copy), "ews.busy");
	ck_assert_str_eq(error_subject(copy), "alice@corp.example");
	ck_assert_int_eq(error_retry_at(copy), 7);
	ck_assert_str_eq(copy->message, "server x is busy");
	error_reclass(copy, ERROR_MAILBOX);
	ck_assert_int_eq(error_class_of(copy), ERROR_MAILBOX);
	ck_assert_str_eq(error_reason(copy), "ews.busy");
}
END_TEST

START_TEST(foreign_error)
{
	g_autoptr(GError) error = g_error_new_literal(G_IO_ERROR, G_IO_ERROR_FAILED, "x");
	ck_assert_str_eq(error_reason(error), "unknown");
	ck_assert_int_eq(error_class_of(error), ERROR_ITEM);
	ck_assert_ptr_null(error_subject(error));
	ck_assert_int_eq(error_retry_at(error), 0);
}
END_TEST

Suite *error_suite(void)
{
	Suite *suite = suite_create("error");
	TCase *tests = tcase_create("error");
	tcase_add_test(tests, carries_class_reason_and_subject);
	tcase_add_test(tests, foreign_error);
	suite_add_tcase(suite, tests);
	return suite;
}
