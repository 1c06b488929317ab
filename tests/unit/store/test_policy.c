#include "store/policy.h"

#include "core/clock.h"
#include "tests/unit/store/fixture.h"

#include <string.h>

Suite *policy_suite(void);

static void check_decision(
        const char *owner, const char *name, const char *value, enum policy_scope scope)
{
	struct policy_decision decision = {0};
	must(store_policy_resolve(other, owner, name, &decision, error));
	ck_assert_str_eq(decision.value, value);
	ck_assert_str_eq(policy_scope_name(decision.scope), policy_scope_name(scope));
	policy_decision_clear(&decision);
}

STORE_TEST(nothing_acts_until_named)
{
	check_decision("alice@corp.example", "contacts", "not-allowed", POLICY_DEFAULT);
	check_decision("alice@corp.example", "archive", "none", POLICY_DEFAULT);
}

STORE_TEST(narrower_wins)
{
	must(store_policy_set(
	        store, POLICY_USER, "alice@corp.example", "contacts", "allowed", error));
	check_decision("alice@corp.example", "contacts", "allowed", POLICY_USER);
	check_decision("bob@corp.example", "contacts", "not-allowed", POLICY_DEFAULT);
	must(store_policy_set(store, POLICY_GLOBAL, NULL, "contacts", "allowed", error));
	must(store_policy_set(
	        store, POLICY_DOMAIN, "corp.example", "contacts", "not-allowed", error));
	check_decision("alice@corp.example", "contacts", "allowed", POLICY_USER);
	check_decision("bob@corp.example", "contacts", "not-allowed", POLICY_DOMAIN);
	check_decision("bob@other.example", "contacts", "allowed", POLICY_GLOBAL);
	must(store_policy_set(store, POLICY_USER, "alice@corp.example", "contacts", NULL, error));
	check_decision("alice@corp.example", "contacts", "not-allowed", POLICY_DOMAIN);
	bool is = true;
	must(store_policy_is(store, "alice@corp.example", "contacts", "allowed", &is, error));
	ck_assert(!is);
}

STORE_TEST(set_again)
{
	must(store_policy_set(store, POLICY_GLOBAL, NULL, "archive", "im", error));
	must(store_policy_set(store, POLICY_GLOBAL, NULL, "archive", "im+events", error));
	check_decision("x@y.example", "archive", "im+events", POLICY_GLOBAL);
}

STORE_TEST(listed)
{
	must(store_policy_set(store, POLICY_USER, "b@x.example", "archive", "im", error));
	must(store_policy_set(store, POLICY_USER, "a@x.example", "archive", "im", error));
	must(store_policy_set(store, POLICY_GLOBAL, NULL, "archive", "none", error));
	g_autoptr(GError) problem = NULL;
	g_autoptr(GPtrArray) list = store_policy_list(store, &problem);
	ck_assert_msg(list != NULL, "%s", problem != NULL ? problem->message : "");
	ck_assert_uint_eq(list->len, 3);
	const struct policy_row *first = list->pdata[0], *second = list->pdata[1];
	ck_assert_int_eq(first->scope, POLICY_GLOBAL);
	ck_assert_str_eq(second->subject, "a@x.example");
	ck_assert_str_eq(second->value, "im");
}

STORE_TEST(refused)
{
	g_autoptr(GError) problem = NULL;
	ck_assert(!store_policy_set(store, POLICY_GLOBAL, NULL, "contact", "allowed", &problem));
	ck_assert(error_is(problem, "policy.unknown"));
	ck_assert_int_eq(error_class_of(problem), ERROR_CONFIG);
	ck_assert_ptr_nonnull(strstr(problem->message, "contacts.direction"));
	g_clear_error(&problem);
	ck_assert(!store_policy_set(store, POLICY_GLOBAL, NULL, "contacts", "yes", &problem));
	ck_assert(error_is(problem, "policy.value"));
	ck_assert_ptr_nonnull(strstr(problem->message, "not-allowed|allowed"));
	struct policy_decision decision = {0};
	must_fail(store_policy_resolve(store, "a@b", "colour", &decision, error), "policy.unknown");
	check_decision("a@b", "contacts", "not-allowed", POLICY_DEFAULT);
}

static int64_t allowed_from(const char *owner)
{
	struct policy_contacts contacts = {0};
	must(store_policy_contacts(store, owner, &contacts, error));
	return contacts.allowed ? contacts.from_utc_us : 0;
}

STORE_TEST(delay_counts_from_when_it_was_allowed)
{
	const int64_t day = CLOCK_US_PER_DAY;
	clock_set_utc_us(100 * day);
	ck_assert_int_eq(allowed_from("al@x.example"), 0);
	must(store_policy_set(store, POLICY_DOMAIN, "x.example", "contacts", "allowed", error));
	ck_assert_int_eq(allowed_from("al@x.example"), 100 * day);
	clock_set_utc_us(101 * day);
	must(store_policy_set(store, POLICY_GLOBAL, NULL, "contacts.delay", "30", error));
	must(store_policy_set(store, POLICY_USER, "bo@x.example", "contacts.delay", "7", error));
	/* Saying the same again does not begin the time anew. */
	must(store_policy_set(store, POLICY_DOMAIN, "x.example", "contacts", "allowed", error));
	ck_assert_int_eq(allowed_from("al@x.example"), 130 * day);
	ck_assert_int_eq(allowed_from("bo@x.example"), 107 * day);
	ck_assert_int_eq(allowed_from("al@y.example"), 0);
	must(store_policy_set(store, POLICY_DOMAIN, "x.example", "contacts", "not-allowed", error));
	must(store_policy_set(store, POLICY_DOMAIN, "x.example", "contacts", "allowed", error));
	ck_assert_int_eq(allowed_from("al@x.example"), 131 * day);
	clock_unset();
}

STORE_TEST(only_numbers_in_range)
{
	static const char *const bad[] = {"", "-1", "181", "1.5", "1 ", "+1", "07", "ten",
	        "99999999999999999999", "0..180", NULL};
	static const char *const good[] = {"0", "1", "180", NULL};
	for (const char *const *value = bad; *value != NULL; value++)
		must_fail(store_policy_set(
		                  store, POLICY_GLOBAL, NULL, "contacts.delay", *value, error),
		        "policy.value");
	check_decision("al@x.example", "contacts.delay", "0", POLICY_DEFAULT);
	for (const char *const *value = good; *value != NULL; value++) {
		must(store_policy_set(store, POLICY_GLOBAL, NULL, "contacts.delay", *value, error));
		check_decision("al@x.example", "contacts.delay", *value, POLICY_GLOBAL);
	}
}

Suite *policy_suite(void)
{
	Suite *suite = suite_create("policy");
	TCase *tests = tcase_create("policy");
	tcase_set_timeout(tests, 60);
	store_test_add(tests, nothing_acts_until_named);
	store_test_add(tests, narrower_wins);
	store_test_add(tests, set_again);
	store_test_add(tests, listed);
	store_test_add(tests, refused);
	store_test_add(tests, delay_counts_from_when_it_was_allowed);
	store_test_add(tests, only_numbers_in_range);
	suite_add_tcase(suite, tests);
	return suite;
}
