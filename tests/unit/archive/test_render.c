#include "archive/render.h"
#include "core/error.h"
#include "talk.h"

#include <check.h>
#include <string.h>

Suite *render_suite(void);

#define ALICE "alice@im.example"
#define BOB "bob@im.example"

static const struct talk_row talk[] = {
        {0, MESSAGE_CHAT, ALICE, "m1", NULL, "<script>alert(1)</script>\nsecond line", NULL, NULL},
        {5, MESSAGE_CHAT, BOB, "m2", NULL, "the secret", NULL, NULL},
        {9, MESSAGE_RETRACTION, BOB, "m3", "m2", NULL, NULL, NULL},
        {12, MESSAGE_FILE, ALICE, "m4", NULL, "log", "https://up.example/log.txt", NULL},
        {13, MESSAGE_FILE, ALICE, "m5", NULL, NULL, "javascript:alert(1)", NULL},
        {20, MESSAGE_ENCRYPTED, BOB, "m6", NULL, "hint", NULL, NULL},
        {25, MESSAGE_CHAT, BOB, "m7", NULL, "\xD7\xA9\xD7\x9C\xD7\x95\xD7\x9D", NULL, NULL},
        {26, MESSAGE_CHAT, BOB, "m8", NULL, "was", NULL, NULL},
        {30, MESSAGE_CORRECTION, BOB, "m9", "m8", "is", NULL, NULL},
};

static const struct talk_row room[] = {
        {0, MESSAGE_JOIN, "#Ann", NULL, NULL, NULL, NULL, NULL},
        {1, MESSAGE_CHAT, "#Ann", "1", NULL, "hello", NULL, NULL},
        {2, MESSAGE_SUBJECT, "#Ann", NULL, NULL, "Lunch", NULL, NULL},
        {3, MESSAGE_LEAVE, "#Ann", NULL, NULL, NULL, NULL, NULL},
};

static char *render(bool html, unsigned view, const char *zone_name, const char *room_address)
{
	g_autoptr(GTimeZone) zone = render_zone(zone_name, NULL);
	autoptr(transcript) t =
	        room_address == NULL
	                ? talk_transcript(talk, (unsigned)G_N_ELEMENTS(talk), NULL)
	                : talk_transcript(room, (unsigned)G_N_ELEMENTS(room), room_address);
	struct render_options options = {.view = view, .zone = zone, .zone_name = zone_name};
	return html ? render_html(t, &options) : render_text(t, &options);
}

/* What is (not) in a rendering. */
static const struct {
	bool html;
	unsigned view;
	const char *zone, *room;
	const char *has, *lacks;
} contents[] = {
        {true, 0, "UTC", NULL, "&lt;script&gt;alert(1)&lt;/script&gt;", "<script"},
        {true, 0, "UTC", NULL, "Content-Security-Policy", "unsafe-inline"},
        {true, 0, "UTC", NULL, "href=\"https://up.example/log.txt\"", "href=\"javascript"},
        {true, 0, "UTC", NULL, "Taken back at", "the secret"},
        {true, RENDER_RETRACTED, "UTC", NULL, "the secret", NULL},
        {true, 0, "UTC", NULL, "dir=\"rtl\"><bdi>", "hint"},
        {true, 0, "UTC", NULL, "text was never visible", NULL},
        {true, 0, "Europe/Berlin", NULL, "UTC+01:00", NULL},
        {true, 0, "Europe/Berlin", NULL, ">12:32:00</time>", NULL},
        {true, 0, "UTC", NULL, "corrected at", NULL},
        {true, 0, "UTC", NULL, "<bdi>was</bdi>", NULL},
        {true, 0, "UTC", "ops@rooms.im.example", "hello", "joined"},
        {true, RENDER_EVENTS, "UTC", "ops@rooms.im.example", "joined", NULL},
        {false, 0, "UTC", NULL,
                "[11:32:00] Alice Liddell: <script>alert(1)</script>\n           "
                "second line",
                "the secret"},
        {false, RENDER_RETRACTED, "UTC", NULL, "the secret", NULL},
        {false, 0, "UTC", NULL, "(before, at 11:32:26: was)", NULL},
        {false, 0, "Asia/Kolkata", NULL, "UTC+05:30", NULL},
        {false, RENDER_EVENTS, "UTC", "ops@rooms.im.example", "* Ann changed the subject to: Lunch",
                NULL},
};

START_TEST(content)
{
	g_autofree char *out =
	        render(contents[_i].html, contents[_i].view, contents[_i].zone, contents[_i].room);
	ck_assert_msg(
	        strstr(out, contents[_i].has) != NULL, "lacks %s:\n%s", contents[_i].has, out);
	if (contents[_i].lacks != NULL)
		ck_assert_msg(
		        strstr(out, contents[_i].lacks) == NULL, "has %s", contents[_i].lacks);
}
END_TEST

START_TEST(same_in_every_locale)
{
	g_autofree char *a = render(true, 0, "Europe/Berlin", NULL);
	g_autofree char *b = render(true, 0, "Europe/Berlin", NULL);
	ck_assert_str_eq(a, b);
	ck_assert_ptr_nonnull(strstr(a, "Monday, 23 November 2026"));
}
END_TEST

START_TEST(unknown_zone)
{
	g_autoptr(GError) error = NULL;
	ck_assert_ptr_null(render_zone("Mars/Olympus", &error));
	ck_assert(error_is(error, "archive.time_zone"));
	ck_assert_int_eq(error_class_of(error), ERROR_CONFIG);
	ck_assert_ptr_nonnull(strstr(error->message, "Mars/Olympus"));
}
END_TEST

START_TEST(times_beyond_the_calendar)
{
	g_autoptr(GTimeZone) zone = render_zone("UTC", NULL);
	autoptr(transcript) t = talk_transcript(talk, 1, NULL);
	t->first_utc_us = INT64_MIN;
	((struct entry *)t->entries->pdata[0])->sent_utc_us = INT64_MAX;
	struct render_options options = {.zone = zone, .zone_name = "UTC"};
	g_autofree char *html = render_html(t, &options);
	g_autofree char *text = render_text(t, &options);
	ck_assert_ptr_nonnull(strstr(html, "unknown day"));
	ck_assert_ptr_nonnull(strstr(text, "unknown day"));
}
END_TEST

/* Elements that we write: whatever stands between "<" and ">" must be one of them. */
static bool known_tag(const char *tag)
{
	static const char *const known[] = {"!DOCTYPE html", "html", "head", "meta", "title",
	        "style", "body", "main", "header", "h1", "h2", "h3", "p", "ul", "li", "b", "bdi",
	        "span", "section", "div", "time", "a", "br", "footer"};
	for (unsigned i = 0; i < G_N_ELEMENTS(known); i++) {
		size_t len = strlen(known[i]);
		if (strncmp(tag, known[i], len) == 0 && (tag[len] == '>' || tag[len] == ' '))
			return true;
	}
	return false;
}

START_TEST(any_text_gives_sound_html)
{
	guint32 seed = talk_seed("any_text_gives_sound_html");
	g_autoptr(GRand) random = g_rand_new_with_seed(seed);
	g_autoptr(GTimeZone) zone = render_zone("UTC", NULL);
	struct render_options options = {
	        .view = RENDER_RETRACTED | RENDER_EVENTS, .zone = zone, .zone_name = "UTC"};
	for (unsigned i = 0; i < 200; i++) {
		g_autofree char *text = talk_random_text(random, 300);
		g_autofree char *nick = talk_random_text(random, 40);
		g_autofree char *who = g_strconcat("#", nick, NULL);
		struct talk_row rows[] = {
		        {0, MESSAGE_CHAT, who, "1", NULL, text, NULL, NULL},
		        {1, MESSAGE_CORRECTION, who, "2", "1", nick, NULL, NULL},
		        {2, MESSAGE_REACTION, "#x", "3", "1", text, NULL, NULL},
		        {3, MESSAGE_FILE, "#x", "4", NULL, nick, text, NULL},
		        {4, MESSAGE_SUBJECT, who, NULL, NULL, text, NULL, NULL},
		};
		autoptr(transcript) t =
		        talk_transcript(rows, (unsigned)G_N_ELEMENTS(rows), "r@x.example");
		g_autofree char *html = render_html(t, &options);
		ck_assert(g_utf8_validate(html, -1, NULL));
		ck_assert_ptr_null(strstr(html, "href=\"javascript"));
		for (const char *p = strchr(html, '<'); p != NULL; p = strchr(p + 1, '<'))
			ck_assert_msg(known_tag(p + (p[1] == '/' ? 2 : 1)), "%.60s", p);
		g_autofree char *plain = render_text(t, &options);
		ck_assert(g_utf8_validate(plain, -1, NULL));
	}
}
END_TEST

Suite *render_suite(void)
{
	Suite *suite = suite_create("render");
	TCase *tests = tcase_create("render");
	tcase_add_loop_test(tests, content, 0, (int)G_N_ELEMENTS(contents));
	tcase_add_test(tests, same_in_every_locale);
	tcase_add_test(tests, unknown_zone);
	tcase_add_test(tests, times_beyond_the_calendar);
	tcase_add_test(tests, any_text_gives_sound_html);
	suite_add_tcase(suite, tests);
	return suite;
}
