#include "core/error.h"
#include "wire/xml_chars.h"
#include "wire/xml_read.h"
#include "wire/xml_write.h"

#include <check.h>
#include <string.h>

Suite *xml_write_suite(void);

#define DECLARATION "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
#define R "\xEF\xBF\xBD"

static void expect(struct xml_writer *w, const char *document)
{
	g_autoptr(GError) error = NULL;
	const char *bytes;
	size_t len;

	ck_assert(xml_writer_finish(w, &bytes, &len, &error));
	ck_assert_uint_eq(len, strlen(bytes));
	ck_assert(g_str_has_prefix(bytes, DECLARATION));
	g_autofree char *body = g_strchomp(g_strdup(bytes + strlen(DECLARATION)));

	ck_assert_str_eq(body, document);
}

START_TEST(a_document)
{
	autoptr(xml_writer) w = xml_writer_new(0);

	xml_start(w, "s:Envelope");
	xml_attr(w, "xmlns:s", "http://schemas.example/soap");
	xml_attr(w, "none", NULL);
	xml_empty_element(w, "t:Id", "Id", "AA=", "ChangeKey", "\"<&>\"", NULL);
	xml_text_element(w, "t:Name", "a < b & c > d \"q\"\r\n");
	xml_text_element(w, "t:Nothing", NULL);
	xml_text_element(w, "t:Empty", "");
	xml_int_element(w, "t:Size", -9223372036854775807LL - 1);
	xml_bool_element(w, "t:Yes", true);
	xml_start(w, "t:Open");
	xml_text(w, "left open");
	expect(w, "<s:Envelope xmlns:s=\"http://schemas.example/soap\">"
	          "<t:Id Id=\"AA=\" ChangeKey=\"&quot;&lt;&amp;&gt;&quot;\"/>"
	          "<t:Name>a &lt; b &amp; c &gt; d &quot;q&quot;&#13;\n</t:Name><t:Empty></t:Empty>"
	          "<t:Size>-9223372036854775808</t:Size><t:Yes>true</t:Yes>"
	          "<t:Open>left open</t:Open></s:Envelope>");
	ck_assert_uint_eq(xml_writer_replaced(w), 0);
	xml_writer_reset(w);
	xml_start(w, "again");
	expect(w, "<again/>");
}
END_TEST

START_TEST(what_xml_cannot_carry)
{
	autoptr(xml_writer) w = xml_writer_new(0);

	xml_start(w, "a");
	xml_text(w, "x\x01y\x1f\xFFz\xEF\xBF\xBE\xED\xA0\x80");
	xml_text_len(w, "n\0m\xC3", 4);
	expect(w, "<a>x" R "y" R R "z" R R R R "n" R "m" R "</a>");
	ck_assert_uint_eq(xml_writer_replaced(w), 9);
	xml_writer_reset(w);
	xml_start(w, "a");
	xml_attr(w, "b", "\x02");
	ck_assert_uint_eq(xml_writer_replaced(w), 10);
	g_autofree char *sent = xml_text_as_sent("a\x01"
	                                         "b");
	ck_assert_str_eq(sent, "a\xEF\xBF\xBD"
	                       "b");
}
END_TEST

START_TEST(base64_of_every_length)
{
	g_autofree guchar *bytes = g_malloc(7000);

	for (size_t i = 0; i < 7000; i++)
		bytes[i] = (guchar)(i * 31);
	static const size_t lengths[] = {0, 1, 2, 3, 4, 3071, 3072, 3073, 6144, 7000};

	for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
		autoptr(xml_writer) w = xml_writer_new(0);
		g_autofree char *text = g_base64_encode(bytes, lengths[i]);
		g_autofree char *document = g_strdup_printf("<m>%s</m>", text);

		xml_start(w, "m");
		xml_base64(w, bytes, lengths[i]);
		xml_text(w, "");
		xml_end(w);
		expect(w, document);
	}
}
END_TEST

START_TEST(too_large_sticks)
{
	autoptr(xml_writer) w = xml_writer_new(100);
	g_autofree char *text = g_strnfill(90, 'x');
	g_autoptr(GError) error = NULL;
	const char *bytes;
	size_t len;

	xml_start(w, "a");
	xml_text(w, text);
	xml_end(w);
	xml_text_element(w, "b", "y");
	ck_assert(!xml_writer_finish(w, &bytes, &len, &error));
	ck_assert(error_is(error, "xml.too_large"));
	ck_assert_ptr_null(bytes);
	xml_writer_reset(w);
	xml_start(w, "a");
	expect(w, "<a/>");
}
END_TEST

struct seen {
	GString *text, *value;
};

static bool take_value(void *data, const char *ns, const char *local, const struct xml_attrs *attrs,
        GError **error)
{
	(void)ns;
	(void)local;
	(void)error;
	g_string_assign(((struct seen *)data)->value, xml_attr_value(attrs, "v"));
	return true;
}

static bool take_text(
        void *data, const char *ns, const char *local, const char *text, size_t len, GError **error)
{
	(void)ns;
	(void)local;
	(void)error;
	g_string_truncate(((struct seen *)data)->text, 0);
	g_string_append_len(((struct seen *)data)->text, text, (gssize)len);
	return true;
}

/* Every code point written is read back the same, or as U+FFFD when XML has no place for it. */
START_TEST(every_code_point_round_trip)
{
	const struct xml_handler handler = {.start = take_value, .end = take_text};
	struct seen seen = {g_string_new(NULL), g_string_new(NULL)};

	for (uint32_t base = 1; base < 0x110000; base += 0x400) {
		autoptr(xml_writer) w = xml_writer_new(0);
		GString *in = g_string_new(NULL), *out = g_string_new(NULL);
		g_autoptr(GError) error = NULL;
		const char *bytes;
		size_t len;

		for (uint32_t code = base; code < base + 0x400 && code < 0x110000; code++) {
			char text[8];
			size_t n = xml_char_put(code, text);
			/* Encoded surrogates are three bytes that are no UTF-8, each replaced. */
			bool surrogate = code >= 0xD800 && code <= 0xDFFF;

			g_string_append_len(in, text, (gssize)n);
			if (xml_char_legal(code))
				g_string_append_len(out, text, (gssize)n);
			else
				g_string_append(out, surrogate ? R R R : R);
		}
		xml_start(w, "a");
		xml_attr(w, "v", in->str);
		xml_text(w, in->str);
		ck_assert(xml_writer_finish(w, &bytes, &len, &error));
		ck_assert_msg(xml_read_all(bytes, len, &handler, &seen, NULL, &error), "%#x: %s",
		        base, error != NULL ? error->message : "");
		ck_assert_msg(g_string_equal(seen.text, out), "text of %#x", base);
		ck_assert_msg(g_string_equal(seen.value, out), "attribute of %#x", base);
		g_string_free(in, TRUE);
		g_string_free(out, TRUE);
	}
	g_string_free(seen.text, TRUE);
	g_string_free(seen.value, TRUE);
}
END_TEST

Suite *xml_write_suite(void)
{
	Suite *suite = suite_create("xml_write");
	TCase *tests = tcase_create("write");

	tcase_add_test(tests, a_document);
	tcase_add_test(tests, what_xml_cannot_carry);
	tcase_add_test(tests, base64_of_every_length);
	tcase_add_test(tests, too_large_sticks);
	tcase_add_test(tests, every_code_point_round_trip);
	suite_add_tcase(suite, tests);
	return suite;
}
