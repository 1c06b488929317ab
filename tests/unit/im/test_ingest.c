#include "im/ingest.h"

#include "core/clock.h"
#include "core/error.h"

#include <check.h>
#include <string.h>

Suite *ingest_suite(void);

#define PAIR "\"from\":\"Alice@IM.example/x\",\"to\":\"bob@im.example\""
#define ROOM "\"room\":\"ops@rooms.im.example\""
#define A_FILE ",\"kind\":\"file\",\"url\":\"https://x/y\""
#define BASE "\"key\":\"k\",\"time\":\"2026-11-25T10:00:00Z\","

static const struct {
	const char *line;
	enum message_kind kind;
} good_lines[] = {
        {"{" BASE PAIR ",\"text\":\"x\"}", MESSAGE_CHAT},
        {"{" BASE PAIR ",\"kind\":\"chat\",\"text\":\"\"}", MESSAGE_CHAT},
        {"{" BASE PAIR ",\"kind\":\"correction\",\"text\":\"x\",\"refers_to\":\"m\"}",
                MESSAGE_CORRECTION},
        {"{" BASE PAIR ",\"kind\":\"retraction\",\"refers_to\":\"m\"}", MESSAGE_RETRACTION},
        {"{" BASE PAIR ",\"kind\":\"reaction\",\"text\":\"\",\"refers_to\":\"m\"}",
                MESSAGE_REACTION},
        {"{" BASE PAIR ",\"kind\":\"file\",\"url\":\"https://x/y\"}", MESSAGE_FILE},
        {"{" BASE PAIR ",\"kind\":\"encrypted\"}", MESSAGE_ENCRYPTED},
        {"{" BASE ROOM ",\"nick\":\"Al\",\"kind\":\"subject\",\"text\":\"\"}", MESSAGE_SUBJECT},
        {"{" BASE ROOM ",\"nick\":\"Al\",\"kind\":\"join\"}", MESSAGE_JOIN},
        {"{" BASE ROOM ",\"from\":\"a@b\",\"kind\":\"leave\"}", MESSAGE_LEAVE},
        {"{" BASE PAIR ",\"text\":\"x\",\"url\":null,\"thread\":\"\"}", MESSAGE_CHAT},
};

START_TEST(each_kind)
{
	struct ingest_line line;
	g_autoptr(GError) error = NULL;
	ck_assert_msg(ingest_parse(good_lines[_i].line, strlen(good_lines[_i].line), &line, &error),
	        "%s", error != NULL ? error->message : "");
	ck_assert_int_eq(line.message->kind, good_lines[_i].kind);
	ck_assert_str_eq(line.message->source_key, "k");
	ck_assert_int_eq(line.message->sent_utc_us, INT64_C(1795600800) * CLOCK_US_PER_S);
	ck_assert_int_eq(line.sequence, -1);
	if (!line.message->is_room) {
		ck_assert_str_eq(line.message->owner, "alice@im.example");
		ck_assert_str_eq(line.message->sender, "alice@im.example");
		ck_assert_str_eq(line.message->peer, "bob@im.example");
	}
	ingest_line_clear(&line);
}
END_TEST

static const struct {
	const char *line, *reason, *part;
} bad_lines[] = {
        {"", "ingest.json", "not valid"},
        {"nonsense secret", "ingest.json", "line 1"},
        {"[]", "ingest.json", "not a JSON object"},
        {"{\"key\":\"a\",\"key\":\"b\"}", "ingest.json", "comes twice"},
        {"{\"text\":{\"a\":{\"b\":[]}}}", "ingest.json", "deeper"},
        {"{" BASE PAIR ",\"text\":\"\\ud800\"}", "ingest.json", ""},
        {"{" BASE PAIR ",\"text\":\"\xff\"}", "ingest.json", ""},
        {"{" BASE PAIR ",\"text\":\"x\\u0000y\"}", "ingest.json", ""},
        {"{" BASE PAIR ",\"text\":5}", "ingest.member", "\"text\" is not a string"},
        {"{" BASE PAIR ",\"text\":\"x\",\"colour\":1}", "ingest.member", "\"colour\" is no"},
        {"{" BASE PAIR ",\"text\":\"x\",\"a\\nb\":1}", "ingest.member", "\"?\" is no member"},
        {"{" BASE PAIR ",\"text\":\"x\",\"sequence\":-1}", "ingest.member", "from 0 on"},
        {"{" BASE PAIR ",\"text\":\"x\",\"sequence\":\"1\"}", "ingest.member", "whole number"},
        {"{" BASE PAIR ",\"text\":\"x\",\"nick\":\"Al\"}", "ingest.member", "\"nick\" goes with"},
        {"{" BASE PAIR "," ROOM ",\"text\":\"x\"}", "ingest.member", "do not go together"},
        {"{" BASE PAIR ",\"text\":\"x\",\"file_name\":\"a\"}", "ingest.member",
                "\"file_name\" does not go with this kind"},
        {"{" BASE PAIR ",\"text\":\"x\",\"file_size\":0}", "ingest.member",
                "\"file_size\" does not go with this kind"},
        {"{" BASE PAIR A_FILE ",\"file_size\":-1}", "ingest.member", "\"file_size\" is no whole"},
        {"{" BASE PAIR A_FILE ",\"file_size\":1.5}", "ingest.member", "\"file_size\" is no whole"},
        {"{" BASE PAIR A_FILE ",\"file_size\":9223372036854775808}", "ingest.json",
                "cannot be read"},
        {"{" BASE PAIR A_FILE ",\"file_name\":[]}", "ingest.member", "\"file_name\" is not"},
        {"{" BASE PAIR A_FILE ",\"file_hash\":\"secret\"}", "ingest.member", "a colon"},
        {"{" BASE PAIR A_FILE ",\"file_hash\":\"sha-256:\"}", "ingest.member", "a colon"},
        {"{" BASE PAIR A_FILE ",\"file_hash\":\"sha-256:00ff\"}", "ingest.member", "a colon"},
        {"{" BASE PAIR A_FILE ",\"file_hash\":\"md5:0g\"}", "ingest.member", "a colon"},
        {"{" BASE PAIR A_FILE ",\"file_hash\":\":00\"}", "ingest.member", "a colon"},
        {"{" BASE PAIR ",\"kind\":\"encrypted\",\"text\":\"x\"}", "ingest.member",
                "\"text\" does not go with this kind"},
        {"{" BASE PAIR ",\"kind\":\"join\"}", "ingest.missing", "\"room\" is missing"},
        {"{" BASE PAIR "}", "ingest.missing", "\"text\" is missing"},
        {"{" BASE PAIR ",\"kind\":\"retraction\"}", "ingest.missing", "\"refers_to\""},
        {"{" BASE "\"from\":\"a@b\",\"text\":\"x\"}", "ingest.missing", "neither \"to\" nor"},
        {"{" BASE "\"to\":\"a@b\",\"text\":\"x\"}", "ingest.missing", "\"from\" is missing"},
        {"{" BASE ROOM ",\"text\":\"x\"}", "ingest.missing", "and so is \"nick\""},
        {"{\"time\":\"2026-11-25\"," PAIR ",\"text\":\"x\"}", "ingest.missing", "\"key\""},
        {"{\"key\":\"\",\"time\":\"2026-11-25\"," PAIR ",\"text\":\"x\"}", "ingest.missing",
                "\"key\""},
        {"{\"key\":\"k\"," PAIR ",\"text\":\"x\"}", "ingest.missing", "\"time\""},
        {"{\"key\":\"k\",\"time\":\"yesterday\"," PAIR ",\"text\":\"x\"}", "ingest.time", "ISO"},
        {"{" BASE "\"from\":\"@\",\"to\":\"a@b\",\"text\":\"x\"}", "ingest.address", "\"from\""},
        {"{" BASE "\"from\":\"a@b\",\"to\":\"A@B\",\"text\":\"x\"}", "ingest.address",
                "is who sent it"},
        {"{" BASE PAIR ",\"kind\":\"withheld\"}", "ingest.kind", "chat, correction"},
        {"{" BASE PAIR ",\"kind\":\"shout\",\"text\":\"x\"}", "ingest.kind", "none of"},
};

START_TEST(each_fault)
{
	struct ingest_line line;
	g_autoptr(GError) error = NULL;
	ck_assert_msg(!ingest_parse(bad_lines[_i].line, strlen(bad_lines[_i].line), &line, &error),
	        "%s", bad_lines[_i].line);
	ck_assert_ptr_null(line.message);
	ck_assert_msg(error_is(error, bad_lines[_i].reason) &&
	                      strstr(error->message, bad_lines[_i].part) != NULL,
	        "%s: %s: %s", bad_lines[_i].line, error_reason(error), error->message);
	ck_assert_ptr_null(strstr(error->message, "secret"));
	ck_assert_int_eq(error_class_of(error), ERROR_ITEM);
}
END_TEST

START_TEST(long_members)
{
	g_autofree char *key = g_strnfill(256, 'k');
	g_autofree char *text = g_strdup_printf(
	        "{\"key\":\"%s\",\"time\":\"2026-11-25\"," PAIR ",\"text\":\"x\"}", key);
	struct ingest_line line;
	g_autoptr(GError) error = NULL;
	ck_assert(!ingest_parse(text, strlen(text), &line, &error));
	ck_assert_str_eq(error->message, "\"key\" has more than 255 bytes");
}
END_TEST

START_TEST(what_is_told_of_a_file)
{
	static const char text[] =
	        "{" BASE PAIR ",\"kind\":\"file\",\"url\":\"https://x/y\","
	        "\"file_name\":\"r\u00e9sum\u00e9.pdf\",\"file_size\":12345678901,\"file_hash\":"
	        "\"sha-256:"
	        "9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08\"}";
	struct ingest_line line;
	ck_assert(ingest_parse(text, strlen(text), &line, NULL));
	ck_assert_str_eq(line.message->file_name, "r\xC3\xA9sum\xC3\xA9.pdf");
	ck_assert_int_eq(line.message->file_size_bytes, INT64_C(12345678901));
	ck_assert_str_eq(line.message->file_hash,
	        "sha-256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08");
	ingest_line_clear(&line);
}
END_TEST

static char *correlation_of(const char *text)
{
	struct ingest_line line;
	ck_assert(ingest_parse(text, strlen(text), &line, NULL));
	char *correlation = g_strdup(line.message->correlation);
	ingest_line_clear(&line);
	return correlation;
}

START_TEST(copies_of_two_servers_are_told)
{
	g_autofree char *one = correlation_of("{" BASE PAIR ",\"text\":\"x\",\"id\":\"m1\"}");
	g_autofree char *two = correlation_of("{\"key\":\"other\",\"time\":\"2026-11-25\"," PAIR
	                                      ",\"text\":\"x\",\"id\":\"m1\"}");
	g_autofree char *three = correlation_of("{" BASE PAIR ",\"text\":\"x\",\"id\":\"m2\"}");
	ck_assert(g_str_has_prefix(one, "i:"));
	ck_assert_str_eq(one, two);
	ck_assert_str_ne(one, three);
}
END_TEST

Suite *ingest_suite(void)
{
	Suite *suite = suite_create("ingest");
	TCase *tcase = tcase_create("ingest");
	tcase_add_loop_test(tcase, each_kind, 0, G_N_ELEMENTS(good_lines));
	tcase_add_loop_test(tcase, each_fault, 0, G_N_ELEMENTS(bad_lines));
	tcase_add_test(tcase, long_members);
	tcase_add_test(tcase, what_is_told_of_a_file);
	tcase_add_test(tcase, copies_of_two_servers_are_told);
	suite_add_tcase(suite, tcase);
	return suite;
}
