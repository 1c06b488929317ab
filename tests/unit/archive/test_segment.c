#include "archive/segment.h"
#include "core/clock.h"
#include "talk.h"

#include <check.h>
#include <string.h>

Suite *segment_suite(void);

/* Times in seconds after 10:00 UTC; -1: none. */
static const struct {
	const char *what;
	int closed_until_s;
	enum segment_reason closed_why;
	int first_s, last_s; /* of the open segment */
	unsigned messages;
	const char *thread;
	int at_s;
	const char *message_thread;
	enum segment_step step;
	enum segment_reason reason;
} decisions[] = {
        {"first of all", -1, 0, -1, -1, 0, NULL, 0, NULL, SEGMENT_APPEND, 0},
        {"soon after", -1, 0, 0, 60, 2, NULL, 120, NULL, SEGMENT_APPEND, 0},
        {"exactly the gap", -1, 0, 0, 0, 1, NULL, 600, NULL, SEGMENT_APPEND, 0},
        {"beyond the gap", -1, 0, 0, 0, 1, NULL, 601, NULL, SEGMENT_SPLIT, SEGMENT_REASON_IDLE},
        {"same thread", -1, 0, 0, 0, 1, "t1", 5, "t1", SEGMENT_APPEND, 0},
        {"thread left out", -1, 0, 0, 0, 1, "t1", 5, NULL, SEGMENT_APPEND, 0},
        {"empty thread", -1, 0, 0, 0, 1, "t1", 5, "", SEGMENT_APPEND, 0},
        {"thread begins", -1, 0, 0, 0, 1, NULL, 5, "t1", SEGMENT_APPEND, 0},
        {"another thread", -1, 0, 0, 0, 1, "t1", 5, "t2", SEGMENT_SPLIT, SEGMENT_REASON_THREAD},
        {"next day", -1, 0, 50390, 50395, 2, NULL, 50400, NULL, SEGMENT_SPLIT, SEGMENT_REASON_DAY},
        {"too many", -1, 0, 0, 5, 3, NULL, 6, NULL, SEGMENT_SPLIT, SEGMENT_REASON_SIZE},
        {"a little before the open one", -1, 0, 100, 200, 2, NULL, 50, NULL, SEGMENT_APPEND, 0},
        {"long before the open one", -1, 0, 7200, 7200, 1, NULL, 50, NULL, SEGMENT_LATE, 0},
        {"into the closed", 500, SEGMENT_REASON_IDLE, -1, -1, 0, NULL, 400, NULL, SEGMENT_LATE, 0},
        {"at its end", 500, SEGMENT_REASON_IDLE, -1, -1, 0, NULL, 500, NULL, SEGMENT_LATE, 0},
        {"at its end, cut by size", 500, SEGMENT_REASON_SIZE, -1, -1, 0, NULL, 500, NULL,
                SEGMENT_APPEND, 0},
        {"after the closed", 500, SEGMENT_REASON_IDLE, -1, -1, 0, NULL, 501, NULL, SEGMENT_APPEND,
                0},
};

#define TEN_O_CLOCK (TALK_START_UTC_US - 92 * 60 * CLOCK_US_PER_S)

START_TEST(deciding)
{
	struct segment_rules rules = segment_rules_default;
	rules.max_messages = 3;
	struct segment_past past = {decisions[_i].closed_until_s >= 0,
	        TEN_O_CLOCK + decisions[_i].closed_until_s * CLOCK_US_PER_S,
	        decisions[_i].closed_why};
	struct segment_state open = {.messages = decisions[_i].messages,
	        .first_utc_us = TEN_O_CLOCK + decisions[_i].first_s * CLOCK_US_PER_S,
	        .last_utc_us = TEN_O_CLOCK + decisions[_i].last_s * CLOCK_US_PER_S,
	        .thread = g_strdup(decisions[_i].thread)};
	autoptr(message) message = message_new(MESSAGE_CHAT);
	message->sent_utc_us = TEN_O_CLOCK + decisions[_i].at_s * CLOCK_US_PER_S;
	message->thread = g_strdup(decisions[_i].message_thread);
	enum segment_reason reason;
	enum segment_step step = segment_decide(&rules, &past, &open, message, &reason);
	ck_assert_msg(step == decisions[_i].step && reason == decisions[_i].reason,
	        "%s: step %d, reason %s", decisions[_i].what, (int)step,
	        segment_reason_name(reason));
	segment_state_clear(&open);
}
END_TEST

START_TEST(bytes_are_bounded)
{
	struct segment_rules rules = segment_rules_default;
	rules.max_bytes = 10;
	struct segment_state open = {0};
	struct segment_past past = {0};
	autoptr(message) message = message_new(MESSAGE_CHAT);
	message->text = g_strdup("123456");
	enum segment_reason reason;
	ck_assert_int_eq(segment_decide(&rules, &past, &open, message, &reason), SEGMENT_APPEND);
	segment_add(&open, message);
	ck_assert_uint_eq(open.bytes, 6);
	ck_assert_int_eq(segment_decide(&rules, &past, &open, message, &reason), SEGMENT_SPLIT);
	ck_assert_int_eq(reason, SEGMENT_REASON_SIZE);
	segment_state_clear(&open);
}
END_TEST

START_TEST(ending)
{
	struct segment_state open = {0};
	enum segment_reason reason;
	ck_assert(!segment_is_over(&segment_rules_default, &open, TEN_O_CLOCK, &reason));
	open.messages = 1;
	open.first_utc_us = open.last_utc_us = TEN_O_CLOCK;
	ck_assert(!segment_is_over(
	        &segment_rules_default, &open, TEN_O_CLOCK + 600 * CLOCK_US_PER_S, &reason));
	ck_assert(segment_is_over(
	        &segment_rules_default, &open, TEN_O_CLOCK + 601 * CLOCK_US_PER_S, &reason));
	ck_assert_int_eq(reason, SEGMENT_REASON_IDLE);
	open.last_utc_us = TEN_O_CLOCK + 14 * 3600 * CLOCK_US_PER_S - 1;
	ck_assert(segment_is_over(
	        &segment_rules_default, &open, TEN_O_CLOCK + 14 * 3600 * CLOCK_US_PER_S, &reason));
	ck_assert_int_eq(reason, SEGMENT_REASON_DAY);
}
END_TEST

START_TEST(conversations)
{
	autoptr(message) a = message_new(MESSAGE_CHAT);
	autoptr(message) b = message_new(MESSAGE_CHAT);
	a->owner = g_strdup("ann@x");
	a->peer = g_strdup("bob@y");
	b->owner = g_strdup("bob@y");
	b->peer = g_strdup("ann@x");
	g_autofree char *key_a = conversation_key(a);
	g_autofree char *key_b = conversation_key(b);
	ck_assert_str_eq(key_a, "pair ann@x bob@y");
	ck_assert_str_eq(key_a, key_b);
	b->is_room = true;
	g_autofree char *room = conversation_key(b);
	ck_assert_str_eq(room, "room ann@x");
	g_clear_pointer(&a->peer, g_free);
	ck_assert_ptr_null(conversation_key(a));
}
END_TEST

START_TEST(ids_are_random)
{
	g_autofree char *a = segment_id_new();
	g_autofree char *b = segment_id_new();
	ck_assert_uint_eq(strlen(a), 32);
	ck_assert_uint_eq(strspn(a, "0123456789abcdef"), 32);
	ck_assert_str_ne(a, b);
}
END_TEST

START_TEST(reasons_have_names)
{
	for (int r = SEGMENT_REASON_NONE; r <= SEGMENT_REASON_SIZE; r++) {
		enum segment_reason back;
		ck_assert(segment_reason_parse(segment_reason_name((enum segment_reason)r), &back));
		ck_assert_int_eq((int)back, r);
	}
	enum segment_reason none;
	ck_assert(!segment_reason_parse("whim", &none));
}
END_TEST

Suite *segment_suite(void)
{
	Suite *suite = suite_create("segment");
	TCase *tests = tcase_create("segment");
	tcase_add_loop_test(tests, deciding, 0, (int)G_N_ELEMENTS(decisions));
	tcase_add_test(tests, bytes_are_bounded);
	tcase_add_test(tests, ending);
	tcase_add_test(tests, conversations);
	tcase_add_test(tests, ids_are_random);
	tcase_add_test(tests, reasons_have_names);
	suite_add_tcase(suite, tests);
	return suite;
}
