#include "core/error.h"
#include "wire/xml_read.h"

#include <check.h>
#include <string.h>

Suite *xml_read_suite(void);

/* Writes what the reader reports as one line: "(ns|a x=1 (b 'text')b )a ." */
struct trace {
	struct xml_reader *reader;
	GString *line;
	const char *fail_at; /* element whose start makes the handler fail */
};

static bool trace_start(void *data, const char *ns, const char *local,
        const struct xml_attrs *attrs, GError **error)
{
	static const char *const known[] = {"Id", "Name"};
	struct trace *trace = data;

	if (trace->fail_at != NULL && strcmp(local, trace->fail_at) == 0) {
		error_set(error, ERROR_ITEM, "test.handler", "the handler had enough");
		return false;
	}
	g_string_append_printf(trace->line, "(%s%s%s ", ns, ns[0] != '\0' ? "|" : "", local);
	for (size_t i = 0; i < G_N_ELEMENTS(known); i++) {
		g_autofree char *copy = xml_attr_dup(attrs, known[i]);

		if (copy != NULL)
			g_string_append_printf(
			        trace->line, "%s=%s ", known[i], xml_attr_value(attrs, known[i]));
	}
	const char *nil = xml_attr_value_ns(attrs, "urn:x", "nil");

	if (nil != NULL)
		g_string_append_printf(trace->line, "nil=%s ", nil);
	if (strcmp(local, "stream") == 0)
		xml_reader_stream_text(trace->reader);
	return true;
}

static bool trace_end(
        void *data, const char *ns, const char *local, const char *text, size_t len, GError **error)
{
	struct trace *trace = data;

	(void)ns;
	(void)error;
	if (text != NULL) {
		ck_assert_uint_eq(strlen(text), len);
		g_string_append_printf(trace->line, "'%s'", text);
	}
	g_string_append_printf(trace->line, ")%s ", local);
	return true;
}

static bool trace_text(void *data, const char *bytes, size_t len, GError **error)
{
	struct trace *trace = data;

	(void)error;
	g_string_append_len(trace->line, bytes, (gssize)len);
	return true;
}

static bool trace_document(void *data, GError **error)
{
	struct trace *trace = data;

	(void)error;
	g_string_append(trace->line, ".");
	return true;
}

static const struct xml_handler tracer = {trace_start, trace_end, trace_text, trace_document};

/* Feeds the pieces that cut makes (chunk 0: cut once there; else pieces of that size). */
static bool feed_cut(struct xml_reader *reader, const char *xml, size_t len, size_t at,
        size_t chunk, GError **error)
{
	for (size_t from = 0; from < len;) {
		size_t piece = chunk != 0 ? chunk : (from < at ? at : len - from);

		piece = MIN(piece, len - from);
		g_autofree char *copy = g_memdup2(xml + from, piece);

		if (!xml_reader_feed(reader, copy, piece, error))
			return false;
		from += piece;
	}
	return xml_reader_finish(reader, error);
}

static char *trace_of(const char *xml, size_t len, const struct xml_limits *limits, size_t at,
        size_t chunk, GError **error)
{
	struct trace trace = {.line = g_string_new(NULL)};
	autoptr(xml_reader) reader = xml_reader_new(&tracer, &trace, limits);

	trace.reader = reader;
	bool done = feed_cut(reader, xml, len, at, chunk, error);

	ck_assert(done == (*error == NULL));
	return g_string_free(trace.line, FALSE);
}

#define R "\xEF\xBF\xBD"

static const struct {
	const char *xml, *events;
} good[] = {
        {"<abc/>", "(abc '')abc ."},
        {"<a></a>", "(a '')a ."},
        {"\r\n <?xml version=\"1.0\" encoding=\"utf-8\"?>\n<a>x</a>\n", "(a 'x')a ."},
        {"\xEF\xBB\xBF<?xml version='1.0'?><a>\xC3\xA4</a>", "(a '\xC3\xA4')a ."},
        {"<s:a xmlns:s=\"urn:x\" xmlns=\"urn:d\"><b>1</b> <s:c s:nil='true'/></s:a>",
                "(urn:x|a (urn:d|b '1')b (urn:x|c nil=true '')c )a ."},
        {"<a Id=\"x &amp; y &#38; &lt;&quot;&#38;#38; &amp;amp;\" Name='&#x41;&#10;'/>",
                "(a Id=x & y & <\"&#38; &amp; Name=A\n '')a ."},
        {"<a Id='' other='1'>t</a>", "(a Id= 't')a ."},
        {"<a>x &amp; &lt;y&gt; &#x41;&#228;<![CDATA[ <&#65;> ]]>z</a>",
                "(a 'x & <y> A\xC3\xA4 <&#65;> z')a ."},
        {"<a>mixed<b>1</b>lost<b>2</b></a>", "(a (b '1')b (b '2')b )a ."},
        {"<a>1\r\n2</a>", "(a '1\n2')a ."},
        {"<a><!-- c --><?p i?>t<!-- d -->u</a>", "(a 'tu')a ."},
        /* what needs mending */
        {"<a>x&#x1F;y\x01\xFFz&#xD83D;&#xDE00;</a>", "(a 'x" R "y" R R "z\xF0\x9F\x98\x80')a ."},
        {"<a Name='&#x0;\x02'/>", "(a Name=" R R " '')a ."},
        {"<a>&#xFFFF;<![CDATA[\x03]]></a>", "(a '" R R "')a ."},
        {"<a><stream>one &amp; two<b>in</b>three</stream>x</a>",
                "(a (stream one & two(b 'in')b three)stream )a ."},
        /* an undeclared prefix is not our business */
        {"<q:a>t</q:a>", "(a 't')a ."},
};

START_TEST(events_whatever_the_cut)
{
	const size_t len = strlen(good[_i].xml);

	for (size_t at = 0; at <= len + 1; at++) {
		g_autoptr(GError) error = NULL;
		/* The last round goes byte by byte. */
		g_autofree char *events =
		        trace_of(good[_i].xml, len, NULL, at, at > len ? 1 : 0, &error);

		ck_assert_msg(error == NULL, "%s cut at %zu: %s", good[_i].xml, at,
		        error != NULL ? error->message : "");
		ck_assert_msg(strcmp(events, good[_i].events) == 0,
		        "%s cut at %zu: expected \"%s\", got \"%s\"", good[_i].xml, at,
		        good[_i].events, events);
	}
}
END_TEST

static const struct {
	const char *xml;
	size_t len; /* 0: strlen */
	const char *reason;
	enum error_class error_class;
} bad[] = {
        {"", 0, "xml.truncated", ERROR_RETRY},
        {" \n", 0, "xml.truncated", ERROR_RETRY},
        {"<a>", 0, "xml.truncated", ERROR_RETRY},
        {"<a><b>text</b>", 0, "xml.truncated", ERROR_RETRY},
        {"<a><b>te", 0, "xml.truncated", ERROR_RETRY},
        {"<a>&am", 0, "xml.truncated", ERROR_RETRY},
        {"<a b='", 0, "xml.truncated", ERROR_RETRY},
        {"<a>x</a", 0, "xml.truncated", ERROR_RETRY},
        {"<?xml version='1.0'?>", 0, "xml.truncated", ERROR_RETRY},
        {"<a></b>", 0, "xml.malformed", ERROR_MAILBOX},
        {"<a>x & y</a>", 0, "xml.malformed", ERROR_MAILBOX},
        {"<a>1 < 2</a>", 0, "xml.malformed", ERROR_MAILBOX},
        {"<a>&nbsp;</a>", 0, "xml.malformed", ERROR_MAILBOX},
        {"<a>&#x;</a>", 0, "xml.malformed", ERROR_MAILBOX},
        {"<a b='1' b='2'/>", 0, "xml.malformed", ERROR_MAILBOX},
        {"<a b=1/>", 0, "xml.malformed", ERROR_MAILBOX},
        {"<a/><b/>", 0, "xml.malformed", ERROR_MAILBOX},
        {"<a/>text", 0, "xml.malformed", ERROR_MAILBOX},
        {"HTTP/1.1 502 Bad Gateway", 0, "xml.malformed", ERROR_MAILBOX},
        {"{\"error\": 1}", 0, "xml.malformed", ERROR_MAILBOX},
        {"<!DOCTYPE html><html></html>", 0, "xml.doctype", ERROR_CONFIG},
        {"<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><a>&e;</a>", 0, "xml.doctype",
                ERROR_CONFIG},
        {"<!DOCTYPE a [<!ENTITY e 'eeeeeeeeee'><!ENTITY f '&e;&e;&e;'>]><a>&f;</a>", 0,
                "xml.doctype", ERROR_CONFIG},
        {"<?xml version='1.0' encoding='iso-8859-1'?><a>M\xFCller</a>", 0, "xml.encoding",
                ERROR_CONFIG},
        {"<?xml version='1.0' encoding='windows-1252'?><a/>", 0, "xml.encoding", ERROR_CONFIG},
        {"<?xml version='1.0' encoding='UTF-16'?><a/>", 0, "xml.encoding", ERROR_CONFIG},
        {"<?xml version='1.0' encoding='no-such'?><a/>", 0, "xml.encoding", ERROR_CONFIG},
        {"\xFF\xFE<\0a\0/\0>\0", 10, "xml.encoding", ERROR_CONFIG},
        {"<\0a\0/\0>\0", 8, "xml.encoding", ERROR_CONFIG},
        {"\0<\0a\0/\0>", 8, "xml.encoding", ERROR_CONFIG},
};

START_TEST(errors_whatever_the_cut)
{
	const size_t len = bad[_i].len != 0 ? bad[_i].len : strlen(bad[_i].xml);

	for (size_t at = bad[_i].len != 0 ? 2 : 0; at <= len + 1; at++) {
		g_autoptr(GError) error = NULL;
		size_t chunk = at > len && bad[_i].len == 0 ? 1 : 0;
		g_autofree char *events = trace_of(bad[_i].xml, len, NULL, at, chunk, &error);

		ck_assert_msg(
		        error != NULL, "%s cut at %zu: no error, %s", bad[_i].xml, at, events);
		ck_assert_msg(error_is(error, bad[_i].reason), "%s cut at %zu: %s: %s", bad[_i].xml,
		        at, error_reason(error), error->message);
		ck_assert_int_eq(error_class_of(error), bad[_i].error_class);
		ck_assert_ptr_null(strstr(error->message, "ller"));
	}
}
END_TEST

/* A real answer cut short anywhere is never taken for a whole one. */
START_TEST(cut_short_anywhere)
{
	static const char xml[] = "<?xml version=\"1.0\"?><s:E xmlns:s=\"urn:s\"><s:B a='1'>"
	                          "<i>\xC3\xA4&amp;&#65;<![CDATA[x]]></i><!-- c --></s:B></s:E>";

	for (size_t len = 0; len < sizeof(xml) - 1; len++) {
		g_autoptr(GError) error = NULL;
		g_autofree char *events = trace_of(xml, len, NULL, 0, 0, &error);

		ck_assert_msg(error != NULL, "%zu bytes were taken for the whole: %s", len, events);
		ck_assert_msg(
		        error_is(error, "xml.truncated"), "%zu bytes: %s", len, error->message);
	}
}
END_TEST

static void expect_limit(const char *xml, struct xml_limits limits, const char *reason)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *events = trace_of(xml, strlen(xml), &limits, 0, 7, &error);

	if (reason == NULL)
		ck_assert_msg(error == NULL, "%s", error != NULL ? error->message : "");
	else
		ck_assert_msg(error != NULL && error_is(error, reason), "%s: %s", events,
		        error != NULL ? error->message : "no error");
}

START_TEST(limits_are_kept)
{
	expect_limit("<a><b><c/></b></a>", (struct xml_limits){.max_depth = 3}, NULL);
	expect_limit("<a><b><c/></b></a>", (struct xml_limits){.max_depth = 2}, "xml.too_deep");
	expect_limit("<a>12345</a>", (struct xml_limits){.max_text_bytes = 5}, NULL);
	expect_limit(
	        "<a>123456</a>", (struct xml_limits){.max_text_bytes = 5}, "xml.text_too_large");
	expect_limit("<stream>1234567890</stream>", (struct xml_limits){.max_text_bytes = 5}, NULL);
	expect_limit("<a>12345</a>", (struct xml_limits){.max_bytes = 12}, NULL);
	expect_limit("<a>12345</a>", (struct xml_limits){.max_bytes = 11}, "xml.too_large");
	GString *deep = g_string_new(NULL);

	for (int i = 0; i < 100000; i++)
		g_string_append(deep, "<a>");
	expect_limit(deep->str, (struct xml_limits){0}, "xml.too_deep");
	expect_limit(deep->str, (struct xml_limits){.max_depth = 1000000}, "xml.too_deep");
	g_string_free(deep, TRUE);
}
END_TEST

START_TEST(a_handlers_error_is_handed_on)
{
	struct trace trace = {.line = g_string_new(NULL), .fail_at = "b"};
	autoptr(xml_reader) reader = xml_reader_new(&tracer, &trace, NULL);
	g_autoptr(GError) error = NULL;
	static const char xml[] = "<a><b/><c/></a>";

	trace.reader = reader;
	ck_assert(!xml_reader_feed(reader, xml, strlen(xml), &error));
	ck_assert(error_is(error, "test.handler"));
	ck_assert_str_eq(trace.line->str, "(a ");
	g_clear_error(&error);
	ck_assert(!xml_reader_feed(reader, "<a/>", 4, &error));
	ck_assert(error_is(error, "xml.malformed"));
	g_clear_error(&error);
	ck_assert(!xml_reader_finish(reader, &error));
	g_clear_error(&error);
	/* After a reset it is as new. */
	xml_reader_reset(reader);
	g_string_truncate(trace.line, 0);
	ck_assert(xml_reader_feed(reader, "<a/>", 4, &error));
	ck_assert(xml_reader_finish(reader, &error));
	ck_assert_str_eq(trace.line->str, "(a '')a .");
	g_string_free(trace.line, TRUE);
}
END_TEST

START_TEST(documents_one_after_the_other)
{
	static const char xml[] = "<?xml version='1.0'?><a>1</a>\r\n<?xml version='1.0'?><b/>"
	                          "<c><d>\xC3\xA4</d></c> \n<e>&#x1F;</e>\r";
	const struct xml_limits many = {.many_documents = true};

	for (size_t at = 0; at <= sizeof(xml); at++) {
		g_autoptr(GError) error = NULL;
		g_autofree char *events = trace_of(
		        xml, sizeof(xml) - 1, &many, at, at == sizeof(xml) ? 1 : 0, &error);

		ck_assert_msg(
		        error == NULL, "cut at %zu: %s", at, error != NULL ? error->message : "");
		ck_assert_str_eq(
		        events, "(a '1')a .(b '')b .(c (d '\xC3\xA4')d )c .(e '" R "')e .");
	}
	g_autoptr(GError) error = NULL;
	g_autofree char *events = trace_of("<a/><bb>", 8, &many, 0, 0, &error);

	ck_assert(error_is(error, "xml.truncated"));
	ck_assert_str_eq(events, "(a '')a .(bb ");
}
END_TEST

static bool count_bytes(void *data, const char *bytes, size_t len, GError **error)
{
	(void)bytes;
	(void)error;
	*(size_t *)data += len;
	return true;
}

static struct xml_reader *streaming;

static bool stream_all(void *data, const char *ns, const char *local, const struct xml_attrs *attrs,
        GError **error)
{
	(void)data;
	(void)ns;
	(void)local;
	(void)attrs;
	(void)error;
	xml_reader_stream_text(streaming);
	return true;
}

/* More than libxml2's own limit of 10 MB for a text node, in one element. */
START_TEST(long_text_streams)
{
	const struct xml_handler handler = {.start = stream_all, .text = count_bytes};
	size_t total = 0, sent = 0;
	autoptr(xml_reader) reader = xml_reader_new(&handler, &total, NULL);
	g_autofree char *block = g_strnfill(1 << 20, 'A');

	streaming = reader;
	ck_assert(xml_reader_feed(reader, "<MimeContent>", 13, NULL));
	for (; sent < 24; sent++)
		ck_assert(xml_reader_feed(reader, block, 1 << 20, NULL));
	ck_assert(xml_reader_feed(reader, "</MimeContent>", 14, NULL));
	ck_assert(xml_reader_finish(reader, NULL));
	ck_assert_uint_eq(total, sent << 20);
}
END_TEST

START_TEST(mended_characters_are_counted)
{
	struct trace trace = {.line = g_string_new(NULL)};
	autoptr(xml_reader) reader = xml_reader_new(&tracer, &trace, NULL);

	ck_assert(xml_reader_feed(reader, "<a>&#1;\x02\xFF</a>", 13, NULL));
	ck_assert(xml_reader_finish(reader, NULL));
	ck_assert_uint_eq(xml_reader_mended(reader), 3);
	g_string_free(trace.line, TRUE);
}
END_TEST

Suite *xml_read_suite(void)
{
	Suite *suite = suite_create("xml_read");
	TCase *tests = tcase_create("read");

	tcase_add_loop_test(tests, events_whatever_the_cut, 0, G_N_ELEMENTS(good));
	tcase_add_loop_test(tests, errors_whatever_the_cut, 0, G_N_ELEMENTS(bad));
	tcase_add_test(tests, cut_short_anywhere);
	tcase_add_test(tests, limits_are_kept);
	tcase_add_test(tests, a_handlers_error_is_handed_on);
	tcase_add_test(tests, documents_one_after_the_other);
	tcase_add_test(tests, long_text_streams);
	tcase_add_test(tests, mended_characters_are_counted);
	suite_add_tcase(suite, tests);
	return suite;
}
