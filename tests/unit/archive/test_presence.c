#include "archive/presence.h"
#include "talk.h"

#include <check.h>
#include <string.h>

Suite *presence_suite(void);

#define ANN "ann@im.example"
#define BEN "ben@im.example"

/*
 * Events of a room, one letter each: J/L Ann's coming and going (told by nickname only), A Ann's
 * message, b Ben's. Expected: those that Ann is given.
 */
static const struct {
	const char *events;
	enum presence_before before;
	const char *given;
	enum presence_part part;
} cases[] = {
        {"bAbb", PRESENCE_IN, "bAbb", PRESENCE_ALL},
        {"bAbAb", PRESENCE_UNKNOWN, "AbA", PRESENCE_OWN_SPAN},
        {"AbA", PRESENCE_UNKNOWN, "AbA", PRESENCE_ALL},
        {"bJbAb", PRESENCE_UNKNOWN, "JbAb", PRESENCE_WHILE_IN},
        {"bJbAb", PRESENCE_OUT, "JbAb", PRESENCE_WHILE_IN},
        {"bAbLb", PRESENCE_UNKNOWN, "bAbL", PRESENCE_WHILE_IN},
        {"bAbLbJb", PRESENCE_UNKNOWN, "bAbLJb", PRESENCE_WHILE_IN},
        {"bAb", PRESENCE_OUT, "Ab", PRESENCE_WHILE_IN},
        {"AbLbAb", PRESENCE_IN, "AbLAb", PRESENCE_WHILE_IN},
        {"bb", PRESENCE_UNKNOWN, "", PRESENCE_OWN_SPAN},
        {"bb", PRESENCE_IN, "bb", PRESENCE_ALL},
};

static GPtrArray *make(const char *events)
{
	struct talk_row rows[16] = {0};
	guint n = (guint)strlen(events);
	for (guint i = 0; i < n; i++) {
		char e = events[i];
		rows[i] = (struct talk_row){(int)i,
		        e == 'J'   ? MESSAGE_JOIN
		        : e == 'L' ? MESSAGE_LEAVE
		                   : MESSAGE_CHAT,
		        e == 'b'   ? BEN
		        : e == 'A' ? ANN
		                   : "#Annie",
		        NULL, NULL, "x", NULL, NULL};
	}
	GPtrArray *messages = talk_messages(rows, n, "ops@rooms.im.example");
	for (guint i = 0; i < n; i++) {
		struct message *message = messages->pdata[i];
		if (events[i] == 'A')
			message->sender_nick = g_strdup("Annie");
	}
	return messages;
}

START_TEST(filtering)
{
	g_autoptr(GPtrArray) messages = make(cases[_i].events);
	enum presence_part part;
	g_autoptr(GPtrArray) given = presence_filter(messages, ANN, cases[_i].before, &part);
	g_autoptr(GString) letters = g_string_new(NULL);
	for (guint i = 0; i < given->len; i++) {
		guint at = 0;
		ck_assert(g_ptr_array_find(messages, given->pdata[i], &at));
		g_string_append_c(letters, cases[_i].events[at]);
	}
	ck_assert_msg(g_str_equal(letters->str, cases[_i].given), "%s gives %s, not %s",
	        cases[_i].events, letters->str, cases[_i].given);
	ck_assert_int_eq(part, cases[_i].part);
}
END_TEST

START_TEST(a_borrowed_nickname_proves_nothing)
{
	/* Somebody whose address is not known speaks as Annie, too. */
	static const struct talk_row rows[] = {
	        {0, MESSAGE_JOIN, "#Annie", NULL, NULL, NULL, NULL, NULL},
	        {1, MESSAGE_CHAT, ANN, NULL, NULL, "x", NULL, NULL},
	        {2, MESSAGE_CHAT, "#Annie", NULL, NULL, "y", NULL, NULL},
	};
	g_autoptr(GPtrArray) messages = talk_messages(rows, 3, "ops@rooms.im.example");
	((struct message *)messages->pdata[1])->sender_nick = g_strdup("Annie");
	g_autoptr(GHashTable) nicks = presence_nicks(messages);
	ck_assert_ptr_null(presence_address(nicks, messages->pdata[0]));
	ck_assert_ptr_null(presence_address(nicks, messages->pdata[2]));
	ck_assert_str_eq(presence_address(nicks, messages->pdata[1]), ANN);
}
END_TEST

Suite *presence_suite(void)
{
	Suite *suite = suite_create("presence");
	TCase *tests = tcase_create("presence");
	tcase_add_loop_test(tests, filtering, 0, (int)G_N_ELEMENTS(cases));
	tcase_add_test(tests, a_borrowed_nickname_proves_nothing);
	suite_add_tcase(suite, tests);
	return suite;
}
