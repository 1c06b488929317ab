#include "wire/xml_mend.h"

#include <check.h>
#include <glib.h>
#include <string.h>

Suite *xml_mend_suite(void);

#define R "\xEF\xBF\xBD"
#define BYTES(text) text, sizeof(text) - 1

static const struct {
	const char *in;
	size_t in_len;
	const char *out;
	unsigned count;
} cases[] = {
        {BYTES(""), "", 0},
        {BYTES("<a b=\"c\">plain &amp; simple &lt;&gt;&quot;&apos;</a>"),
                "<a b=\"c\">plain &amp; simple &lt;&gt;&quot;&apos;</a>", 0},
        /* references */
        {BYTES("a&#x1F;b"), "a" R "b", 1},
        {BYTES("a&#x1f;b&#31;c&#0;&#x0;"), "a" R "b" R "c" R R, 4},
        {BYTES("&#x9;&#xA;&#xD;&#9;&#10;&#13;&#x20;"), "&#x9;&#xA;&#xD;&#9;&#10;&#13;&#x20;", 0},
        {BYTES("&#xFFFE;&#xFFFF;&#65535;&#xFFFD;"), R R R "&#xFFFD;", 3},
        {BYTES("&#xD7FF;&#xE000;&#x10FFFF;&#1114111;"), "&#xD7FF;&#xE000;&#x10FFFF;&#1114111;", 0},
        {BYTES("&#x110000;&#1114112;&#x41414141414141;&#99999999999999999999;"), R R R R, 4},
        {BYTES("&#x000000000000000000000000000000041;"), "&#65;", 0},
        {BYTES("&#x00000000000000000000000000000001F;"), R, 1},
        {BYTES("&#x41;&#65;&#xe4;"), "&#x41;&#65;&#xe4;", 0},
        /* halves of surrogate pairs */
        {BYTES("&#xD83D;&#xDE00;"), "\xF0\x9F\x98\x80", 1},
        {BYTES("&#55357;&#56832;!"), "\xF0\x9F\x98\x80!", 1},
        {BYTES("&#xD800;"), R, 1},
        {BYTES("&#xDC00;"), R, 1},
        {BYTES("&#xD800;x"), R "x", 1},
        {BYTES("&#xD800;&amp;"), R "&amp;", 1},
        {BYTES("&#xD800;&#x41;"), R "&#x41;", 1},
        {BYTES("&#xD800;&#xD83D;&#xDE00;"), R "\xF0\x9F\x98\x80", 2},
        {BYTES("&#xDE00;&#xD83D;"), R R, 2},
        {BYTES("&#xD800;&#x1F;"), R R, 2},
        {BYTES("&#xD800;&#"), R "&#", 1},
        {BYTES("&#xD800;\x01"), R R, 2},
        {BYTES("&#xD800;\xFF"), R R, 2},
        /* no references: malformed stays malformed */
        {BYTES("&"), "&", 0},
        {BYTES("&&&#&#x&#x1F"), "&&&#&#x&#x1F", 0},
        {BYTES("&#;&#x;&#xG;&#1x;&#X1F;&#-1;"), "&#;&#x;&#xG;&#1x;&#X1F;&#-1;", 0},
        {BYTES("&#31 &#x1F<a/>"), "&#31 &#x1F<a/>", 0},
        {BYTES("& #x1F;"), "& #x1F;", 0},
        /* raw controls */
        {BYTES("a\0b\x01\x08\x0b\x0c\x0e\x1f\t\r\n\x7f"), "a" R "b" R R R R R R "\t\r\n\x7f", 7},
        {BYTES("<a b='\x02'/>"), "<a b='" R "'/>", 1},
        /* UTF-8 */
        {BYTES("\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\xF4\x8F\xBF\xBF"),
                "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\xF4\x8F\xBF\xBF", 0},
        {BYTES("\xC2\x80\xC2\x9F\xEF\xBB\xBF\xEF\xB7\x90"),
                "\xC2\x80\xC2\x9F\xEF\xBB\xBF\xEF\xB7\x90", 0},
        {BYTES("\x80"), R, 1},
        {BYTES("a\xC3"), "a" R, 1},
        {BYTES("a\xC3z"), "a" R "z", 1},
        {BYTES("\xE2\x82z\xF0\x9F\x98z\xF0\x9Fz\xE2"), R "z" R "z" R "z" R, 4},
        {BYTES("\xC0\x80\xC1\xBF\xE0\x80\x80\xF0\x80\x80\x80"), R R R R R R R R R R R, 11},
        {BYTES("\xED\xA0\x80\xED\xBF\xBF"), R R R R R R, 6},
        {BYTES("\xEF\xBF\xBE\xEF\xBF\xBF\xEF\xBF\xBD"), R R R, 2},
        {BYTES("\xF4\x90\x80\x80\xF5\xFF\xFE"), R R R R R R R, 7},
        {BYTES("\xC3\xC3\xA4\xE2\xC3\xA4"), R "\xC3\xA4" R "\xC3\xA4", 2},
        {BYTES("M\xFCller"), "M" R "ller", 1},
        /* where "&#" is plain text */
        {BYTES("<![CDATA[&#x1F;]]>&#x1F;"), "<![CDATA[&#x1F;]]>" R, 1},
        {BYTES("<![CDATA[]]>&#x1F;<![CDATA[]]]]>&#x1F;"), "<![CDATA[]]>" R "<![CDATA[]]]]>" R, 2},
        {BYTES("<![CDATA[]>&#x1F;]]x]]>&#x1F;"), "<![CDATA[]>&#x1F;]]x]]>" R, 1},
        {BYTES("<![CDATA[<!-- ]]>&#x1F;"), "<![CDATA[<!-- ]]>" R, 1},
        {BYTES("<![CDATA[\x01\xFF]]>"), "<![CDATA[" R R "]]>", 2},
        {BYTES("<!-- &#x1F; -->&#x1F;"), "<!-- &#x1F; -->" R, 1},
        {BYTES("<!---->&#x1F;<!-->&#x1F;-->"), "<!---->" R "<!-->&#x1F;-->", 1},
        {BYTES("<!--->&#x1F;-->&#x1F;"), "<!--->&#x1F;-->" R, 1},
        {BYTES("<!-- <![CDATA[ -->&#x1F;"), "<!-- <![CDATA[ -->" R, 1},
        {BYTES("<?pi &#x1F; > ?>&#x1F;"), "<?pi &#x1F; > ?>" R, 1},
        {BYTES("<?>&#x1F;?>&#x1F;"), "<?>&#x1F;?>" R, 1},
        {BYTES("<!x&#x1F;<!-x&#x1F;<![CDATAx&#x1F;"), "<!x" R "<!-x" R "<![CDATAx" R, 3},
        {BYTES("<! [CDATA[&#x1F;"), "<! [CDATA[" R, 1},
        {BYTES("<!<!--&#x1F;-->"), "<!<!--&#x1F;-->", 0},
        {BYTES("! ? - ]]> --> ?> !--"), "! ? - ]]> --> ?> !--", 0},
        {BYTES("<a b=\"&#x1F;\" c='&#1;'>"), "<a b=\"" R "\" c='" R "'>", 2},
        {BYTES("]]>&#x1F;-->&#x1F;?>&#x1F;"), "]]>" R "-->" R "?>" R, 3},
};

static void feed(struct xml_mend *mend, const char *bytes, size_t len, GString *all)
{
	/* A copy of its own size, so that reading beyond it is seen. */
	g_autofree char *copy = len > 0 ? g_memdup2(bytes, len) : NULL;
	const char *out;
	size_t out_len;

	xml_mend_feed(mend, copy, len, &out, &out_len);
	g_string_append_len(all, out, (gssize)out_len);
}

static void finish(struct xml_mend *mend, GString *all)
{
	const char *out;
	size_t out_len;

	xml_mend_finish(mend, &out, &out_len);
	g_string_append_len(all, out, (gssize)out_len);
}

/* Mends in three pieces, cut at a and b. */
static char *mend_cut(const char *in, size_t len, size_t a, size_t b, uint64_t *count)
{
	autoptr(xml_mend) mend = xml_mend_new();
	GString *all = g_string_new(NULL);

	feed(mend, in, a, all);
	feed(mend, in + a, b - a, all);
	feed(mend, in + b, len - b, all);
	finish(mend, all);
	*count = xml_mend_count(mend);
	return g_string_free(all, FALSE);
}

START_TEST(every_case_cut_at_every_two_bytes)
{
	const size_t len = cases[_i].in_len;

	for (size_t a = 0; a <= len; a++) {
		for (size_t b = a; b <= len; b++) {
			uint64_t count = 0;
			g_autofree char *out = mend_cut(cases[_i].in, len, a, b, &count);

			ck_assert_msg(strcmp(out, cases[_i].out) == 0,
			        "case %d cut at %zu and %zu: expected \"%s\", got \"%s\"", _i, a, b,
			        cases[_i].out, out);
			ck_assert_msg(count == cases[_i].count, "case %d: %u mended", _i,
			        (unsigned)count);
		}
	}
}
END_TEST

START_TEST(every_case_byte_by_byte)
{
	autoptr(xml_mend) mend = xml_mend_new();
	GString *all = g_string_new(NULL);

	for (size_t i = 0; i < cases[_i].in_len; i++)
		feed(mend, cases[_i].in + i, 1, all);
	finish(mend, all);
	ck_assert_str_eq(all->str, cases[_i].out);
	g_string_free(all, TRUE);
}
END_TEST

START_TEST(clean_chunks_are_not_copied)
{
	static const char clean[] = "<a>\xC3\xA4 &amp; &#65; <![CDATA[x]]> <!-- y --> <?z?></a>\n";
	autoptr(xml_mend) mend = xml_mend_new();
	const char *out;
	size_t len;

	for (int i = 0; i < 3; i++) {
		xml_mend_feed(mend, clean, sizeof(clean) - 1, &out, &len);
		ck_assert_ptr_eq(out, clean);
		ck_assert_uint_eq(len, sizeof(clean) - 1);
	}
	ck_assert_uint_eq(xml_mend_count(mend), 0);
}
END_TEST

START_TEST(reset_forgets_all_but_the_count)
{
	autoptr(xml_mend) mend = xml_mend_new();
	GString *all = g_string_new(NULL);

	feed(mend, BYTES("\x01<![CDATA[ &#xD800;"), all);
	xml_mend_reset(mend);
	g_string_truncate(all, 0);
	feed(mend, BYTES("&#x1F;\xC3"), all);
	xml_mend_reset(mend);
	feed(mend, BYTES("\xA4"), all);
	finish(mend, all);
	ck_assert_str_eq(all->str, R R);
	ck_assert_uint_eq(xml_mend_count(mend), 3);
	g_string_free(all, TRUE);
}
END_TEST

/* Random soup of the interesting tokens: any cutting gives the same, and all of it is legal. */
START_TEST(random_soup)
{
	static const char *const tokens[] = {"&#x1F;", "&#", "&#xD83D;", "&#xDE00;", "&#65;", "&",
	        ";", "x", "1", "<![CDATA[", "]]>", "]", ">", "<!--", "-->", "-", "<?", "?>", "<!",
	        "\x01", "\xC3", "\xA4", "\xE2\x82", "\xF0\x9F", "\xEF\xBF", "\xBF", "\xED", "\xA0",
	        "<a>", " ", "&amp;"};
	guint32 seed = g_random_int();
	GRand *rand = g_rand_new_with_seed(seed);

	for (int round = 0; round < 300; round++) {
		GString *in = g_string_new(NULL);
		uint64_t count, other;

		while (in->len < 60)
			g_string_append(
			        in, tokens[g_rand_int_range(rand, 0, G_N_ELEMENTS(tokens))]);
		g_autofree char *whole = mend_cut(in->str, in->len, 0, in->len, &count);

		ck_assert_msg(g_utf8_validate(whole, -1, NULL), "seed %u", seed);
		for (size_t cut = 0; cut < in->len; cut++) {
			g_autofree char *parts =
			        mend_cut(in->str, in->len, cut, MIN(in->len, cut + 3), &other);

			ck_assert_msg(strcmp(whole, parts) == 0 && count == other,
			        "seed %u round %d cut %zu: \"%s\" and \"%s\"", seed, round, cut,
			        whole, parts);
		}
		g_string_free(in, TRUE);
	}
	g_rand_free(rand);
}
END_TEST

Suite *xml_mend_suite(void)
{
	Suite *suite = suite_create("xml_mend");
	TCase *tests = tcase_create("mend");

	tcase_add_loop_test(tests, every_case_cut_at_every_two_bytes, 0, G_N_ELEMENTS(cases));
	tcase_add_loop_test(tests, every_case_byte_by_byte, 0, G_N_ELEMENTS(cases));
	tcase_add_test(tests, clean_chunks_are_not_copied);
	tcase_add_test(tests, reset_forgets_all_but_the_count);
	tcase_add_test(tests, random_soup);
	suite_add_tcase(suite, tests);
	return suite;
}
