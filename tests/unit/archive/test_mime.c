#include "archive/mime.h"
#include "core/clock.h"
#include "core/error.h"
#include "talk.h"

#include <check.h>
#include <string.h>

Suite *mime_suite(void);

#define ALICE "alice@im.example"
#define BOB "bob@im.example"
#define LIMIT (64 * 1024 * 1024)

static GBytes *render(const struct transcript *transcript, GTimeZone *zone)
{
	struct mime_options options = {
	        .render = {.zone = zone, .zone_name = "UTC"}, .domain = "archive.corp.example"};
	return mime_render(transcript, &options);
}

/* Ours are strict: short lines, ASCII, CR LF, and the boundary cannot be inside a part. */
static void check_form(GBytes *bytes)
{
	gsize len;
	const char *data = g_bytes_get_data(bytes, &len);
	size_t line = 0;
	bool sound = true;
	/* One check at the end: each costs a system call. */
	for (size_t i = 0; i < len; i++) {
		line = data[i] == '\n' ? 0 : line + 1;
		sound = sound && (unsigned char)data[i] < 0x80 && line <= 998 &&
		        (data[i] != '\n' || (i > 0 && data[i - 1] == '\r'));
	}
	ck_assert(sound);
	g_autofree char *text = g_strndup(data, len);
	g_auto(GStrv) pieces = g_strsplit(text, "\r\n--=_", -1);
	ck_assert_uint_eq(g_strv_length(pieces), 4);
}

START_TEST(headers)
{
	static const struct talk_row rows[] = {
	        {0, MESSAGE_CHAT, BOB, "m1", NULL, "Gr\xC3\xBC\xC3\x9F Gott", NULL, NULL},
	        {60, MESSAGE_CHAT, ALICE, "m2", NULL, "hello", NULL, NULL},
	};
	g_autoptr(GTimeZone) zone = g_time_zone_new_utc();
	autoptr(transcript) t = talk_transcript(rows, 2, NULL);
	g_autoptr(GBytes) bytes = render(t, zone);
	check_form(bytes);
	autoptr(mime_parts) parts = mime_parse(bytes, LIMIT, NULL);
	ck_assert_str_eq(
	        parts->message_id, "00112233445566778899aabbccddeeff.0@archive.corp.example");
	ck_assert_str_eq(parts->from, "Bob Builder <bob@corp.example>");
	ck_assert_str_eq(parts->to, "Alice Liddell <alice@corp.example>");
	ck_assert_str_eq(parts->segment_id, t->id);
	ck_assert_int_eq(parts->sent_utc_us, TALK_START_UTC_US);
	g_autofree char *text = g_strndup(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
	ck_assert_ptr_nonnull(strstr(text, "Thread-Index: Ad"));
	ck_assert_ptr_nonnull(strstr(text, "Thread-Topic: Conversation between"));
	ck_assert_ptr_null(strstr(text, "References"));
	ck_assert_ptr_nonnull(strstr(text, "boundary=\"=_imex_"));
}
END_TEST

/* The header's value, unfolded. Owned. */
static char *header(const struct transcript *t, GTimeZone *zone, const char *name)
{
	g_autoptr(GBytes) bytes = render(t, zone);
	g_autofree char *text = g_strndup(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
	g_autofree char *start = g_strdup_printf("\r\n%s: ", name);
	const char *at = strstr(text, start);
	ck_assert_msg(at != NULL, "no %s", name);
	at += strlen(start);
	GString *value = g_string_new(NULL);
	for (; at[0] != '\r' || at[2] == ' ' || at[2] == '\t'; at++)
		if (*at != '\r' && *at != '\n')
			g_string_append_c(value, *at == '\t' ? ' ' : *at);
	return g_string_free(value, FALSE);
}

/* Makes it a segment that began so long after the first one. */
static void continue_talk(
        struct transcript *t, const char *root_id, const char *before, int64_t after_s)
{
	g_free(t->root_id);
	g_free(t->continues);
	g_free(t->id);
	t->root_id = g_strdup(root_id);
	t->continues = g_strdup(before);
	t->id = g_strdup("cccc");
	t->first_utc_us = t->root_utc_us + after_s * CLOCK_US_PER_S;
}

/* One response level behind the same header block ([MS-OXOMSG] 2.2.1.3.2). */
static void expect_level(const char *own, const char *index, int64_t after_s)
{
	gsize n = 0, m = 0;
	g_autofree guchar *header_block = g_base64_decode(own, &n);
	g_autofree guchar *both = g_base64_decode(index, &m);
	ck_assert_uint_eq(n, 22);
	ck_assert_uint_eq(m, 27);
	ck_assert_mem_eq(header_block, both, 22);
	ck_assert_uint_eq(header_block[0], 1);
	guint32 word = (guint32)both[22] << 24 | (guint32)both[23] << 16 | (guint32)both[24] << 8 |
	               both[25];
	int64_t delta = (int64_t)(word & 0x7fffffff) << (word >> 31 != 0 ? 23 : 18);
	int64_t off = after_s * 10000000 - delta;
	ck_assert_int_ge(off, 0);
	ck_assert_int_lt(off, INT64_C(1) << 23);
	ck_assert_uint_eq(word >> 31, after_s > 365 * 86400);
}

START_TEST(continuation_is_threaded)
{
	static const struct talk_row rows[] = {{0, MESSAGE_CHAT, BOB, "m1", NULL, "x", NULL, NULL}};
	g_autoptr(GTimeZone) zone = g_time_zone_new_utc();
	autoptr(transcript) t = talk_transcript(rows, 1, NULL);
	g_autofree char *own = header(t, zone, "Thread-Index");
	ck_assert_str_eq(t->topic, "Conversation between Alice Liddell and Bob Builder");
	ck_assert_str_eq(t->subject, "Conversation between Bob Builder and Alice Liddell");
	g_autofree char *id = g_strdup(t->id);
	continue_talk(t, id, id, 3600);
	g_autofree char *next = header(t, zone, "Thread-Index");
	g_autofree char *reply_to = header(t, zone, "In-Reply-To");
	g_autofree char *references = header(t, zone, "References");
	ck_assert_str_eq(reply_to, "<00112233445566778899aabbccddeeff.0@archive.corp.example>");
	ck_assert_str_eq(references, reply_to);
	expect_level(own, next, 3600);
	continue_talk(t, id, "bbbb", INT64_C(2) * 366 * 86400);
	g_autofree char *last = header(t, zone, "Thread-Index");
	g_autofree char *all = header(t, zone, "References");
	g_autofree char *topic = header(t, zone, "Thread-Topic");
	ck_assert_str_eq(all, "<00112233445566778899aabbccddeeff.0@archive.corp.example> "
	                      "<bbbb.0@archive.corp.example>");
	ck_assert_str_eq(topic, t->topic);
	expect_level(own, last, INT64_C(2) * 366 * 86400);
}
END_TEST

START_TEST(odd_addresses)
{
	static const struct talk_row rows[] = {
	        {0, MESSAGE_CHAT,
	                "j\xC3\xBCrgen(x)@b\xC3\xBC"
	                "cher.example",
	                "1", NULL, "x", NULL, NULL},
	        {1, MESSAGE_CHAT, "#Evil\r\nBcc: all@corp.example", "2", NULL, "x", NULL, NULL},
	};
	g_autoptr(GTimeZone) zone = g_time_zone_new_utc();
	autoptr(transcript) t = talk_transcript(rows, 2, "ops@rooms.im.example");
	g_autoptr(GBytes) bytes = render(t, zone);
	check_form(bytes);
	autoptr(mime_parts) parts = mime_parse(bytes, LIMIT, NULL);
	ck_assert_ptr_nonnull(strstr(parts->from, "<j%C3%BCrgen%28x%29@xn--bcher-kva.example>"));
	ck_assert_ptr_nonnull(strstr(parts->to, "<ops@rooms.im.example>"));
	g_autofree char *text = g_strndup(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
	ck_assert_ptr_null(strstr(text, "\nBcc:"));
}
END_TEST

START_TEST(parse_undoes_render)
{
	guint32 seed = talk_seed("parse_undoes_render");
	g_autoptr(GRand) random = g_rand_new_with_seed(seed);
	g_autoptr(GTimeZone) zone = g_time_zone_new_utc();
	struct render_options render_options = {.zone = zone, .zone_name = "UTC"};
	for (unsigned i = 0; i < 200; i++) {
		g_autofree char *text = talk_random_text(random, 2000);
		g_autofree char *nick = talk_random_text(random, 30);
		g_autofree char *who = g_strconcat("#", nick, NULL);
		struct talk_row rows[] = {
		        {0, MESSAGE_CHAT, who, "1", NULL, text, NULL, NULL},
		        {1, MESSAGE_CHAT, BOB, "2", NULL, nick, NULL, NULL},
		};
		autoptr(transcript) t = talk_transcript(rows, 2, "ops@rooms.im.example");
		g_autoptr(GBytes) bytes = render(t, zone);
		g_autofree char *want_text = render_text(t, &render_options);
		g_autofree char *want_html = render_html(t, &render_options);
		check_form(bytes);
		autoptr(mime_parts) parts = mime_parse(bytes, LIMIT, NULL);
		ck_assert_str_eq(parts->text, want_text);
		ck_assert_str_eq(parts->html, want_html);
		ck_assert_str_eq(parts->subject, t->subject);
	}
}
END_TEST

START_TEST(long_line)
{
	g_autofree char *line = g_strnfill(10 * 1024 * 1024, 'x');
	struct talk_row rows[] = {{0, MESSAGE_CHAT, BOB, "1", NULL, line, NULL, NULL}};
	g_autoptr(GTimeZone) zone = g_time_zone_new_utc();
	autoptr(transcript) t = talk_transcript(rows, 1, NULL);
	g_autoptr(GBytes) bytes = render(t, zone);
	check_form(bytes);
	autoptr(mime_parts) parts = mime_parse(bytes, LIMIT, NULL);
	ck_assert_ptr_nonnull(strstr(parts->text, line));
}
END_TEST

START_TEST(bad_input)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GBytes) large = g_bytes_new_static("Subject: x\r\n\r\nxxxxxxx", 21);
	ck_assert_ptr_null(mime_parse(large, 10, &error));
	ck_assert(error_is(error, "mime.too_large"));
	g_clear_error(&error);
	g_autoptr(GBytes) empty = g_bytes_new_static("", 0);
	ck_assert_ptr_null(mime_parse(empty, 10, &error));
	ck_assert(error_is(error, "mime.invalid"));
	g_clear_error(&error);
	g_autoptr(GBytes) nothing = g_bytes_new(NULL, 0);
	ck_assert_ptr_null(mime_parse(nothing, 10, &error));
	ck_assert(error_is(error, "mime.invalid"));
}
END_TEST

START_TEST(foreign_messages)
{
	static const char mail[] = "From: x\nSubject: =?utf-8?q?=C3=BC?=\nDate: nonsense\n"
	                           "Content-Type: multipart/mixed; boundary=b\n\n--b\n"
	                           "Content-Type: text/plain; charset=iso-8859-1\n\n\xFC\n";
	g_autoptr(GBytes) bytes = g_bytes_new_static(mail, sizeof(mail) - 1);
	autoptr(mime_parts) parts = mime_parse(bytes, LIMIT, NULL);
	ck_assert_str_eq(parts->subject, "\xC3\xBC");
	ck_assert_str_eq(parts->text, "\xC3\xBC\n");
	ck_assert_ptr_null(parts->html);
	ck_assert_ptr_null(parts->segment_id);
	ck_assert_int_eq(parts->sent_utc_us, 0);
}
END_TEST

Suite *mime_suite(void)
{
	Suite *suite = suite_create("mime");
	TCase *tests = tcase_create("mime");
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, headers);
	tcase_add_test(tests, continuation_is_threaded);
	tcase_add_test(tests, odd_addresses);
	tcase_add_test(tests, parse_undoes_render);
	tcase_add_test(tests, long_line);
	tcase_add_test(tests, bad_input);
	tcase_add_test(tests, foreign_messages);
	suite_add_tcase(suite, tests);
	return suite;
}
