#include "archive/transcript.h"
#include "talk.h"

#include <check.h>

Suite *transcript_suite(void);

#define ALICE "alice@im.example"
#define BOB "bob@im.example"
#define MAKE(rows, room) talk_transcript(rows, (unsigned)G_N_ELEMENTS(rows), room)

START_TEST(correction_keeps_the_old_text)
{
	static const struct talk_row rows[] = {
	        {0, MESSAGE_CHAT, BOB, "m2", NULL, "Not yet", NULL, NULL},
	        {5, MESSAGE_CORRECTION, BOB, "m3", "m2", "Not yet, 10 minutes", NULL, NULL},
	        {6, MESSAGE_CORRECTION, BOB, "m4", "m3", "Not yet, 5 minutes", NULL, NULL},
	        {9, MESSAGE_REACTION, ALICE, "m5", "m4", "\xF0\x9F\x91\x8D", NULL, NULL},
	};
	autoptr(transcript) t = MAKE(rows, NULL);
	ck_assert_uint_eq(t->entries->len, 1);
	const struct entry *entry = transcript_entry(t, 0);
	ck_assert_str_eq(entry->text, "Not yet, 5 minutes");
	ck_assert_uint_eq(entry->versions->len, 2);
	const struct version *first = entry->versions->pdata[0];
	ck_assert_str_eq(first->text, "Not yet");
	ck_assert_int_eq(first->sent_utc_us, TALK_START_UTC_US);
	ck_assert_uint_eq(entry->reactions->len, 1);
	ck_assert_uint_eq(t->texts, 1);
	ck_assert_str_eq(t->subject, "Conversation between Bob Builder and Alice Liddell");
}
END_TEST

START_TEST(only_the_author_corrects)
{
	static const struct talk_row rows[] = {
	        {0, MESSAGE_CHAT, BOB, "m1", NULL, "I agree", NULL, NULL},
	        {5, MESSAGE_CORRECTION, ALICE, "m2", "m1", "I disagree", NULL, NULL},
	        {6, MESSAGE_RETRACTION, ALICE, "m3", "m1", NULL, NULL, NULL},
	};
	autoptr(transcript) t = MAKE(rows, NULL);
	ck_assert_uint_eq(t->entries->len, 3);
	ck_assert_str_eq(transcript_entry(t, 0)->text, "I agree");
	ck_assert_int_eq(transcript_entry(t, 0)->retracted_utc_us, 0);
	ck_assert_int_eq(transcript_entry(t, 1)->note, ENTRY_OF_FOREIGN);
	ck_assert_int_eq(transcript_entry(t, 2)->note, ENTRY_OF_FOREIGN);
}
END_TEST

START_TEST(same_id_of_two_senders)
{
	static const struct talk_row rows[] = {
	        {0, MESSAGE_CHAT, "#Ann", "1", NULL, "from Ann", NULL, NULL},
	        {1, MESSAGE_CHAT, "#Ben", "1", NULL, "from Ben", NULL, NULL},
	        {2, MESSAGE_CORRECTION, "#Ben", "2", "1", "from Benjamin", NULL, NULL},
	};
	autoptr(transcript) t = MAKE(rows, "ops@rooms.im.example");
	ck_assert_str_eq(transcript_entry(t, 0)->text, "from Ann");
	ck_assert_str_eq(transcript_entry(t, 1)->text, "from Benjamin");
}
END_TEST

START_TEST(moderator_retracts_in_a_room)
{
	static const struct talk_row rows[] = {
	        {0, MESSAGE_CHAT, "#Ann", "1", NULL, "rude", NULL, NULL},
	        {2, MESSAGE_RETRACTION, "#Mod", "2", "1", NULL, NULL, NULL},
	};
	autoptr(transcript) t = MAKE(rows, "ops@rooms.im.example");
	ck_assert_uint_eq(t->entries->len, 1);
	ck_assert_int_gt(transcript_entry(t, 0)->retracted_utc_us, 0);
	const struct participant *moderator =
	        transcript_participant(t, transcript_entry(t, 0)->retracted_by);
	ck_assert_str_eq(moderator->name, "Mod");
	ck_assert_ptr_null(moderator->address);
	ck_assert_str_eq(t->subject, "Conversation in ops@rooms.im.example");
}
END_TEST

START_TEST(what_is_not_here_stands_alone)
{
	static const struct talk_row rows[] = {
	        {0, MESSAGE_CORRECTION, BOB, "m9", "gone", "new", NULL, NULL},
	        {1, MESSAGE_RETRACTION, BOB, "m10", "gone", NULL, NULL, NULL},
	        {2, MESSAGE_REACTION, ALICE, "m11", NULL, "x", NULL, NULL},
	};
	autoptr(transcript) t = MAKE(rows, NULL);
	ck_assert_uint_eq(t->entries->len, 3);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(transcript_entry(t, i)->note, ENTRY_OF_EARLIER);
}
END_TEST

START_TEST(reactions_are_a_whole_set)
{
	static const struct talk_row rows[] = {
	        {0, MESSAGE_CHAT, BOB, "m1", NULL, "done", NULL, NULL},
	        {1, MESSAGE_REACTION, ALICE, NULL, "m1", "a b", NULL, NULL},
	        {2, MESSAGE_REACTION, BOB, NULL, "m1", "c", NULL, NULL},
	        {3, MESSAGE_REACTION, ALICE, NULL, "m1", "", NULL, NULL},
	};
	autoptr(transcript) t = MAKE(rows, NULL);
	const struct entry *entry = transcript_entry(t, 0);
	ck_assert_uint_eq(entry->reactions->len, 1);
	ck_assert_str_eq(g_array_index(entry->reactions, struct reaction, 0).text, "c");
}
END_TEST

START_TEST(order_is_the_time_of_sending)
{
	static const struct talk_row rows[] = {
	        {9, MESSAGE_CHAT, BOB, "b", NULL, "second", NULL, NULL},
	        {1, MESSAGE_CHAT, ALICE, "a", NULL, "first", NULL, NULL},
	};
	autoptr(transcript) t = MAKE(rows, NULL);
	ck_assert_str_eq(transcript_entry(t, 0)->text, "first");
	ck_assert_str_eq(transcript_participant(t, 0)->name, "Alice Liddell");
	ck_assert_int_lt(t->first_utc_us, t->last_utc_us);
}
END_TEST

START_TEST(who_is_silent_is_named)
{
	static const struct talk_row rows[] = {
	        {0, MESSAGE_ENCRYPTED, ALICE, "m1", NULL, "hint", NULL, NULL},
	};
	autoptr(transcript) t = MAKE(rows, NULL);
	ck_assert_uint_eq(t->participants->len, 2);
	ck_assert_str_eq(transcript_participant(t, 1)->mail, "bob@corp.example");
	ck_assert_uint_eq(t->encrypted, 1);
}
END_TEST

START_TEST(broken_text_is_counted)
{
	static const struct talk_row rows[] = {
	        {0, MESSAGE_CHAT, ALICE, "m1", NULL, "a\xFF\x01", NULL, NULL},
	};
	autoptr(transcript) t = MAKE(rows, NULL);
	ck_assert_uint_eq(t->mended, 2);
	ck_assert_str_eq(transcript_entry(t, 0)->text, "a\xEF\xBF\xBD\xEF\xBF\xBD");
}
END_TEST

/* A room that hides addresses: Al and Allie are one person, whom we found out. */
static struct transcript *hiding_room(bool named)
{
	static const struct talk_row rows[] = {
	        {0, MESSAGE_JOIN, "#Al", NULL, NULL, NULL, NULL, NULL},
	        {1, MESSAGE_CHAT, "#Al", "m1", NULL, "hi", NULL, NULL},
	        {2, MESSAGE_CHAT, "#Allie", "m2", NULL, "me again", NULL, NULL},
	        {3, MESSAGE_CHAT, "#Bo", "m3", NULL, "hello", NULL, NULL},
	};
	g_autoptr(GPtrArray) messages =
	        talk_messages(rows, G_N_ELEMENTS(rows), "ops@rooms.im.example");
	for (unsigned i = 1; i < 3; i++) {
		struct message *message = messages->pdata[i];
		message->sender = g_strdup(ALICE);
		message->sender_resolved = true;
	}
	const struct transcript_input input = {
	        .id = "00112233445566778899aabbccddeeff",
	        .messages = messages,
	        .name_resolved = named,
	};
	return transcript_new(&input);
}

START_TEST(found_out_addresses_stay_hidden)
{
	autoptr(transcript) hidden = hiding_room(false);
	ck_assert_uint_eq(hidden->participants->len, 3);
	ck_assert(transcript_participant(hidden, 0)->hidden);
	ck_assert_str_eq(transcript_participant(hidden, 0)->address, ALICE);
	ck_assert_str_eq(transcript_participant(hidden, 0)->name, "Al");
	ck_assert_str_eq(transcript_participant(hidden, 1)->name, "Allie");
	ck_assert(!transcript_participant(hidden, 2)->hidden);
	autoptr(transcript) named = hiding_room(true);
	ck_assert_uint_eq(named->participants->len, 2);
	ck_assert(!transcript_participant(named, 0)->hidden);
}
END_TEST

Suite *transcript_suite(void)
{
	Suite *suite = suite_create("transcript");
	TCase *tests = tcase_create("transcript");
	tcase_add_test(tests, correction_keeps_the_old_text);
	tcase_add_test(tests, only_the_author_corrects);
	tcase_add_test(tests, same_id_of_two_senders);
	tcase_add_test(tests, moderator_retracts_in_a_room);
	tcase_add_test(tests, what_is_not_here_stands_alone);
	tcase_add_test(tests, reactions_are_a_whole_set);
	tcase_add_test(tests, order_is_the_time_of_sending);
	tcase_add_test(tests, who_is_silent_is_named);
	tcase_add_test(tests, broken_text_is_counted);
	tcase_add_test(tests, found_out_addresses_stay_hidden);
	suite_add_tcase(suite, tests);
	return suite;
}
