#include "core/error.h"
#include "wire/json.h"

#include <check.h>
#include <string.h>

Suite *json_suite(void);

static const struct {
	const char *text;
	const char *reason; /* NULL: accepted */
} cases[] = {
        {"{}", NULL},
        {"[1, 2]", NULL},
        {"{\"a\": {\"b\": [1]}}", NULL},
        {"{\"a\": [[1]]}", NULL},
        {"{\"a\": [[[1]]]}", "json.too_deep"},
        {"{\"a\": \"[[[[{{{{\\\"[[[[\"}", NULL},
        {"[[[[[[[[[[[[", "json.too_deep"},
        {"{\"a\": 1, \"a\": 2}", "json.malformed"},
        {"{\"a\": 1", "json.malformed"},
        {"{\"a\": 1} x", "json.malformed"},
        {"", "json.malformed"},
        {"\"text\"", "json.malformed"},
        {"{\"a\": \"\xFF\"}", "json.malformed"},
        {"{'a': 1}", "json.malformed"},
        {"{\"a\": \"\\", "json.malformed"},
        {"{\"secretsecretsecretsecretsecretsecretsecretsecret\": 1, \"b\": 22}", "json.too_large"},
};

START_TEST(limits)
{
	g_autoptr(GError) error = NULL;
	json_auto_t *root = NULL;
	bool done =
	        json_parse_limited(cases[_i].text, strlen(cases[_i].text), 48, 3, &root, &error);

	ck_assert_msg(done == (cases[_i].reason == NULL), "%s: %s", cases[_i].text,
	        error != NULL ? error->message : "accepted");
	ck_assert(done == (root != NULL));
	ck_assert(done == (error == NULL));
	if (!done) {
		ck_assert_str_eq(error_reason(error), cases[_i].reason);
		ck_assert_ptr_null(strstr(error->message, "secret"));
	}
}
END_TEST

START_TEST(members)
{
	static const char text[] = "{\"s\": \"x\", \"n\": 5, \"z\": null, \"r\": 1.5, "
	                           "\"big\": 9223372036854775807}";
	g_autoptr(GError) error = NULL;
	json_auto_t *root = NULL;
	const char *s = "before";
	int64_t n = 0;

	ck_assert(json_parse_limited(text, strlen(text), 1000, 5, &root, &error));
	ck_assert(json_need_text(root, "s", &s, &error));
	ck_assert_str_eq(s, "x");
	ck_assert(json_need_int(root, "n", &n, &error));
	ck_assert_int_eq(n, 5);
	ck_assert(json_need_int(root, "big", &n, &error));
	ck_assert(n == G_MAXINT64);
	ck_assert(json_want_text(root, "z", &s, &error));
	ck_assert_ptr_null(s);
	ck_assert(json_want_text(root, "absent", &s, &error));
	ck_assert_ptr_null(s);
	static const char *const texts[] = {"z", "n", "absent"}, *const numbers[] = {
	                                                                 "s", "r", "absent"};

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		ck_assert(!json_need_text(root, texts[i], &s, &error));
		ck_assert(error_is(error, "json.member"));
		ck_assert_ptr_nonnull(strstr(error->message, texts[i]));
		g_clear_error(&error);
		ck_assert(!json_need_int(root, numbers[i], &n, &error));
		ck_assert(error_is(error, "json.member"));
		g_clear_error(&error);
	}
	ck_assert(!json_want_text(root, "n", &s, &error));
}
END_TEST

/* NUL in a name or value: jansson refuses it as it should. */
START_TEST(nul)
{
	static const char text[] = "{\"a\": \"x\\u0000y\"}";
	g_autoptr(GError) error = NULL;
	json_auto_t *root = NULL;

	ck_assert(!json_parse_limited(text, strlen(text), 100, 5, &root, &error));
	ck_assert(error_is(error, "json.malformed"));
}
END_TEST

Suite *json_suite(void)
{
	Suite *suite = suite_create("json");
	TCase *tests = tcase_create("json");

	tcase_add_loop_test(tests, limits, 0, G_N_ELEMENTS(cases));
	tcase_add_test(tests, members);
	tcase_add_test(tests, nul);
	suite_add_tcase(suite, tests);
	return suite;
}
