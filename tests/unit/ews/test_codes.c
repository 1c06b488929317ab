#include "core/clock.h"
#include "core/error.h"
#include "ews/codes.h"

#include <check.h>
#include <string.h>

Suite *codes_suite(void);

static void expect(const char *code, bool changes, enum error_class error_class, const char *reason)
{
	g_autoptr(GError) error = NULL;
	struct ews_problem problem = {
	        .operation = "CreateItem", .code = code, .back_off_ms = -1, .changes = changes};
	ews_problem_set(&error, &problem);
	ck_assert_msg(error_class_of(error) == error_class, "%s: %s", code,
	        error_class_name(error_class_of(error)));
	ck_assert_str_eq(error_reason(error), reason);
	ck_assert_msg(strstr(error->message, code) != NULL, "%s", error->message);
}

START_TEST(codes_have_classes)
{
	expect("ErrorServerBusy", true, ERROR_BACKOFF, "ews.busy");
	expect("ErrorItemNotFound", false, ERROR_ITEM, "ews.not_found");
	expect("ErrorInvalidSyncStateData", false, ERROR_MAILBOX, "ews.sync_state");
	expect("ErrorImpersonateUserDenied", false, ERROR_MAILBOX, "ews.impersonation");
	expect("ErrorNonExistentMailbox", false, ERROR_MAILBOX, "ews.no_mailbox");
	expect("ErrorQuotaExceeded", true, ERROR_MAILBOX, "ews.quota");
	expect("ErrorImContactLimitReached", true, ERROR_ITEM, "ews.limit");
	expect("ErrorSchemaValidation", true, ERROR_CONFIG, "ews.request");
	expect("ErrorMailboxMoveInProgress", true, ERROR_MAILBOX, "ews.moved");
	expect("ErrorMessageSizeExceeded", true, ERROR_ITEM, "ews.too_large");
	expect("ErrorIrresolvableConflict", true, ERROR_ITEM, "ews.conflict");
}
END_TEST

/* These say that the server gave up, not that nothing was done. */
START_TEST(changes_may_have_been_made)
{
	expect("ErrorTimeoutExpired", false, ERROR_RETRY, "ews.timeout");
	expect("ErrorTimeoutExpired", true, ERROR_UNCERTAIN, "ews.timeout");
	expect("ErrorInternalServerError", true, ERROR_UNCERTAIN, "ews.transient");
	expect("ErrorADUnavailable", true, ERROR_RETRY, "ews.transient");
}
END_TEST

/* Row 61 */
START_TEST(unknown_code_is_tried_again)
{
	expect("ErrorOfTheYear2031", false, ERROR_RETRY, "ews.unknown_code");
	expect("ErrorOfTheYear2031", true, ERROR_UNCERTAIN, "ews.unknown_code");
}
END_TEST

/* Row 16 */
START_TEST(busy_hides_in_the_inner_code)
{
	g_autoptr(GError) error = NULL;
	struct ews_problem problem = {.operation = "GetItem",
	        .code = "ErrorInternalServerError",
	        .inner_code = "ErrorServerBusy",
	        .back_off_ms = -1};
	ews_problem_set(&error, &problem);
	ck_assert_str_eq(error_reason(error), "ews.busy");
	ck_assert_int_eq(error_class_of(error), ERROR_BACKOFF);
}
END_TEST

static int64_t waits(int64_t back_off_ms)
{
	g_autoptr(GError) error = NULL;
	struct ews_problem problem = {
	        .operation = "GetItem", .code = "ErrorServerBusy", .back_off_ms = back_off_ms};
	clock_set_utc_us(1000000);
	ews_problem_set(&error, &problem);
	clock_unset();
	return (error_retry_at(error) - 1000000) / 1000;
}

START_TEST(back_off_is_kept_within_bounds)
{
	ck_assert_int_ge(waits(3000), 3000);
	ck_assert_int_le(waits(3000), 3300);
	ck_assert_int_ge(waits(-1), 60000);
	ck_assert_int_le(waits(-1), 66000);
	ck_assert_int_ge(waits(0), 1000);
	ck_assert_int_le(waits(INT64_MAX), 3960000);
}
END_TEST

START_TEST(back_off_in_words)
{
	ck_assert_int_eq(ews_back_off_in_text("Suggested backoff time 5000 milliseconds."), 5000);
	ck_assert_int_eq(ews_back_off_in_text("Name: BackOffMilliseconds\n178510"), 178510);
	ck_assert_int_eq(ews_back_off_in_text("Back-off: 7"), 7);
	ck_assert_int_eq(ews_back_off_in_text("Try again in 5000 ms"), -1);
	ck_assert_int_eq(ews_back_off_in_text("backoff soon"), -1);
	ck_assert_int_eq(ews_back_off_in_text("backoff 99999999999999999999999999"), INT64_MAX);
	ck_assert_int_eq(ews_back_off_in_text(NULL), -1);
}
END_TEST

static void expect_status(
        int status, bool changes, enum error_class error_class, const char *reason)
{
	g_autoptr(GError) error = NULL;
	struct ews_problem problem = {
	        .operation = "CreateItem", .back_off_ms = -1, .changes = changes};
	ews_status_set(&error, status, &problem, 7);
	ck_assert_msg(error_class_of(error) == error_class, "%d: %s", status,
	        error_class_name(error_class_of(error)));
	ck_assert_str_eq(error_reason(error), reason);
}

START_TEST(statuses_have_classes)
{
	expect_status(401, true, ERROR_CONFIG, "ews.unauthorized");
	expect_status(403, true, ERROR_MAILBOX, "ews.forbidden");
	expect_status(404, true, ERROR_CONFIG, "ews.http");
	expect_status(429, true, ERROR_BACKOFF, "ews.busy");
	expect_status(503, true, ERROR_BACKOFF, "ews.busy");
	expect_status(456, true, ERROR_CONFIG, "ews.locked");
	expect_status(413, true, ERROR_ITEM, "ews.too_large");
	expect_status(500, false, ERROR_RETRY, "ews.http");
	expect_status(502, true, ERROR_UNCERTAIN, "ews.http");
	expect_status(418, false, ERROR_CONFIG, "ews.http");
}
END_TEST

START_TEST(retry_after_is_honoured)
{
	g_autoptr(GError) error = NULL;
	struct ews_problem problem = {.operation = "GetItem", .back_off_ms = -1};
	clock_set_utc_us(1000000);
	ews_status_set(&error, 503, &problem, 7);
	clock_unset();
	ck_assert_int_ge(error_retry_at(error), 8000000);
	ck_assert_int_le(error_retry_at(error), 8800000);
}
END_TEST

Suite *codes_suite(void)
{
	Suite *suite = suite_create("codes");
	TCase *tests = tcase_create("codes");
	tcase_add_test(tests, codes_have_classes);
	tcase_add_test(tests, changes_may_have_been_made);
	tcase_add_test(tests, unknown_code_is_tried_again);
	tcase_add_test(tests, busy_hides_in_the_inner_code);
	tcase_add_test(tests, back_off_is_kept_within_bounds);
	tcase_add_test(tests, back_off_in_words);
	tcase_add_test(tests, statuses_have_classes);
	tcase_add_test(tests, retry_after_is_honoured);
	suite_add_tcase(suite, tests);
	return suite;
}
