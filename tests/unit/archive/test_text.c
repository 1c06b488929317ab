#include "archive/text.h"
#include "talk.h"

#include <check.h>
#include <string.h>

Suite *text_suite(void);

static const struct {
	const char *in;
	size_t len; /* 0: strlen */
	const char *out;
	unsigned mended;
} mends[] = {
        {"plain", 0, "plain", 0},
        {"a\r\nb\rc\nd", 0, "a\nb\nc\nd", 0},
        {"tab\there", 0, "tab\there", 0},
        {"nul\0here", 8, "nul\xEF\xBF\xBDhere", 1},
        {"\x1b[31m", 0, "\xEF\xBF\xBD[31m", 1},
        {"\x7f\xC2\x9B", 0, "\xEF\xBF\xBD\xEF\xBF\xBD", 2},
        {"\xED\xA0\xBD", 0, "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD", 3},
        {"\xE2\x82", 0, "\xEF\xBF\xBD", 1},
        {"\xE2\x82X", 0, "\xEF\xBF\xBDX", 1},
        {"\xC0\xAF", 0, "\xEF\xBF\xBD\xEF\xBF\xBD", 2},
        {"\xF5\x80", 0, "\xEF\xBF\xBD\xEF\xBF\xBD", 2},
        {"\xEF\xBF\xBE\xEF\xBF\xBF", 0, "\xEF\xBF\xBD\xEF\xBF\xBD", 2},
        {"\xF0\x9F\x98\x80", 0, "\xF0\x9F\x98\x80", 0},
        {"", 0, "", 0},
};

START_TEST(mending)
{
	unsigned mended = 0;
	size_t len = mends[_i].len != 0 ? mends[_i].len : strlen(mends[_i].in);
	g_autofree char *out = text_mend(mends[_i].in, len, &mended);
	ck_assert_str_eq(out, mends[_i].out);
	ck_assert_uint_eq(mended, mends[_i].mended);
}
END_TEST

START_TEST(lines)
{
	g_autofree char *line = text_mend_line(" a\tb\nc\xE2\x80\xA8 d ", 12, NULL);
	ck_assert_str_eq(line, "a b c    d");
	ck_assert_ptr_null(text_mend_line(NULL, 0, NULL));
}
END_TEST

static const struct {
	const char *in, *out;
} escapes[] = {
        {"<b>&\"'", "&lt;b&gt;&amp;&quot;&#39;"},
        {"\xE2\x81\xA9"
         "x",
                "\xEF\xBF\xBDx"},
        {"\xE2\x81\xA7"
         "x",
                "\xE2\x81\xA7"
                "x\xE2\x81\xA9"},
        {"\xE2\x81\xA7"
         "x\ny",
                "\xE2\x81\xA7"
                "x\xE2\x81\xA9\ny"},
        {"\xE2\x81\xA6"
         "x\xE2\x81\xA9"
         "y",
                "\xE2\x81\xA6"
                "x\xE2\x81\xA9"
                "y"},
};

START_TEST(escaping)
{
	g_autoptr(GString) out = g_string_new(NULL);
	text_html(out, escapes[_i].in);
	ck_assert_str_eq(out->str, escapes[_i].out);
}
END_TEST

static const struct {
	const char *text, *link;
} links[] = {
        {"see https://a.example/x.", "https://a.example/x"},
        {"(http://a.example/b(c))", "http://a.example/b(c)"},
        {"HTTPS://A.example", "HTTPS://A.example"},
        {"mailto:ann@corp.example, thanks", "mailto:ann@corp.example"},
        {"xmpp:ops@rooms.example?join", "xmpp:ops@rooms.example?join"},
        {"javascript:alert(1)", NULL},
        {"data:text/html,x", NULL},
        {"vbscript:x file:///etc/passwd ftp://x", NULL},
        {"https://", NULL},
        {"xhttps://a.example", NULL},
        {"https://a.example/\"onclick=", "https://a.example/"},
        {"https://a.example/\xE2\x80\xAE"
         "exe",
                "https://a.example/"},
        {"no link at all", NULL},
};

START_TEST(linking)
{
	size_t start;
	size_t len;
	bool found = text_find_link(links[_i].text, &start, &len);
	ck_assert_int_eq(found, links[_i].link != NULL);
	if (found) {
		g_autofree char *link = g_strndup(links[_i].text + start, len);
		ck_assert_str_eq(link, links[_i].link);
		ck_assert(text_is_link(link));
	}
}
END_TEST

START_TEST(long_link_stays_text)
{
	g_autofree char *path = g_strnfill(TEXT_LINK_MAX_BYTES, 'x');
	g_autofree char *url = g_strconcat("https://a.example/", path, NULL);
	ck_assert(!text_is_link(url));
}
END_TEST

START_TEST(any_text_becomes_valid)
{
	guint32 seed = talk_seed("any_text_becomes_valid");
	g_autoptr(GRand) random = g_rand_new_with_seed(seed);
	for (unsigned i = 0; i < 2000; i++) {
		g_autofree char *raw = talk_random_text(random, 200);
		unsigned mended = 0;
		g_autofree char *text = text_mend(raw, strlen(raw), &mended);
		ck_assert(g_utf8_validate(text, -1, NULL));
		for (const char *p = text; *p != '\0'; p = g_utf8_next_char(p)) {
			gunichar c = g_utf8_get_char(p);
			if (c < 0x20 && c != '\t' && c != '\n')
				ck_abort_msg("control %u is left", c);
		}
		/* Mending what is mended changes nothing. */
		unsigned again = 0;
		g_autofree char *twice = text_mend(text, strlen(text), &again);
		ck_assert_str_eq(text, twice);
		ck_assert_uint_eq(again, 0);
		g_autoptr(GString) html = g_string_new(NULL);
		text_html(html, text);
		ck_assert_ptr_null(strpbrk(html->str, "<>\"'"));
	}
}
END_TEST

Suite *text_suite(void)
{
	Suite *suite = suite_create("text");
	TCase *tests = tcase_create("text");
	tcase_add_loop_test(tests, mending, 0, (int)G_N_ELEMENTS(mends));
	tcase_add_test(tests, lines);
	tcase_add_loop_test(tests, escaping, 0, (int)G_N_ELEMENTS(escapes));
	tcase_add_loop_test(tests, linking, 0, (int)G_N_ELEMENTS(links));
	tcase_add_test(tests, long_link_stays_text);
	tcase_add_test(tests, any_text_becomes_valid);
	suite_add_tcase(suite, tests);
	return suite;
}
