/* Single changes of the Unified Contact Store, asked for with GetImItems; against canned answers.
 */
#include "ucs_case.h"

#include "core/error.h"

#include <check.h>
#include <string.h>

Suite *ucs_read_suite(void);

#define ITEMS(groups, personas)                                                                    \
	"<m:GetImItemsResponse ResponseClass=\"Success\"><m:ResponseCode>NoError"                  \
	"</m:ResponseCode><m:ImItemList><t:Groups>" groups "</t:Groups><t:Personas>" personas      \
	"</t:Personas></m:ImItemList></m:GetImItemsResponse>"
#define CREATED(id) "<t:Create><t:Contact><t:ItemId Id=\"" id "\"/></t:Contact></t:Create>"
#define UPDATED(id) "<t:Update><t:Contact><t:ItemId Id=\"" id "\"/></t:Contact></t:Update>"
#define DELETED(id) "<t:Delete><t:ItemId Id=\"" id "\"/></t:Delete>"
#define CAROL PERSONA("Carol", "carol@corp.example", ATTRIBUTION("0", "2", "true", "false"), "")
#define STATE "ucs1:2:C1G1"

static void free_group(void *group)
{
	group_free(group);
}

/* "Other Contacts" and "Work", as PLAIN_GROUPS has them. */
static GPtrArray *known_groups(void)
{
	GPtrArray *groups = g_ptr_array_new_with_free_func(free_group);
	struct group *other = group_new("Andere", GROUP_KIND_OTHER);
	struct group *work = group_new("Work", GROUP_KIND_USER);
	other->store_id = g_strdup("go");
	work->store_id = g_strdup("gw");
	g_ptr_array_add(groups, other);
	g_ptr_array_add(groups, work);
	return groups;
}

/* A pass from STATE in which the folders told these changes and the next answer is this. */
static char *pass_with(
        struct fake *fake, const char *contacts, const char *groups, const char *answer, bool *full)
{
	g_autoptr(GPtrArray) known = known_groups();
	g_autofree char *state = g_strdup(STATE);
	sync_page(fake, "C2", "true", contacts);
	sync_page(fake, "G2", "true", groups);
	if (answer != NULL)
		fake_answer(fake, answer);
	char *told = run_single_pass(fake, known, &state, full);
	if (strstr(told, "error") == NULL)
		ck_assert_str_eq(state, "ucs1:2:C2G2");
	return told;
}

START_TEST(only_what_changed_is_asked_for)
{
	autoptr(fake) fake = fake_new();
	bool full = true;
	g_autofree char *told = pass_with(fake, CREATED("2") DELETED("3"),
	        UPDATED("gw") DELETED("gx"),
	        ITEMS(GROUP("gw", "Job", "UserGroup", MEMBER("2") MEMBER("5")), CAROL), &full);
	ck_assert(!full);
	ck_assert_ptr_nonnull(strstr(told, "group gw user Job \n has 2\n has 5\n"));
	ck_assert_ptr_nonnull(strstr(told, "no group gx\n"));
	ck_assert_ptr_nonnull(strstr(told, "upsert 2 carol@corp.example 'Carol' new\n"));
	ck_assert_ptr_nonnull(strstr(told, "delete 3\n"));
	ck_assert_uint_eq(fake_count(fake), 3);
	ck_assert_str_eq(fake_request(fake, 2),
	        "<m:GetImItems><m:ContactIds><t:ItemId Id=\"2\"/></m:ContactIds><m:GroupIds>"
	        "<t:ItemId Id=\"gw\"/></m:GroupIds></m:GetImItems>");
	/* The groups are known without having been read. */
	autoptr(contact) contact = contact_new("dave@corp.example", NULL);
	contact_add_group(contact, "Job");
	g_autofree char *made = fake_direct(
	        "AddNewImContactToGroup", "<m:Persona><t:Attributions>" ATTRIBUTION("0", "7",
	                                          "true", "false") "</t:Attributions></m:Persona>");
	fake_answer(fake, made);
	ck_assert(ews_contact_create(fake->session, EWS_DIALECT_UCS, contact, "u", NULL, NULL));
	ck_assert_ptr_nonnull(strstr(fake_request(fake, 3), "<m:GroupId Id=\"gw\"/>"));
}
END_TEST

START_TEST(deletions_alone_need_no_question)
{
	autoptr(fake) fake = fake_new();
	bool full = true;
	g_autofree char *told = pass_with(fake, DELETED("3"), "", NULL, &full);
	ck_assert(!full);
	ck_assert_str_eq(told, "delete 3\n");
	ck_assert_uint_eq(fake_count(fake), 2);
}
END_TEST

/* An unusable contact is told as one, and the state moves on. */
START_TEST(an_odd_contact_is_told)
{
	autoptr(fake) fake = fake_new();
	bool full = true;
	g_autofree char *told = pass_with(fake, UPDATED("9"), "",
	        ITEMS("", PERSONA("Odd", "a b@@", ATTRIBUTION("0", "9", "true", "false"), "")),
	        &full);
	ck_assert(!full);
	ck_assert_str_eq(told, "unusable 9 ews.item\n");
}
END_TEST

/* Answers that leave something out are not relied on. */
static const struct {
	const char *contacts, *groups, *answer;
} short_answers[] = {
        {CREATED("2"), UPDATED("gw"), ITEMS(GROUP("gw", "Work", "UserGroup", MEMBER("2")), "")},
        {CREATED("2"), UPDATED("gw"), ITEMS("", CAROL)},
        {CREATED("2"), "", ITEMS("", CAROL)},
        {CREATED("2"), UPDATED("gw"), ITEMS(GROUP("gw", "Work", "UserGroup", MEMBER("5")), CAROL)},
};

START_TEST(a_short_answer_is_no_answer)
{
	autoptr(fake) fake = fake_new();
	bool full = false;
	g_autoptr(GPtrArray) known = known_groups();
	g_autofree char *state = g_strdup(STATE);
	sync_page(fake, "C2", "true", short_answers[_i].contacts);
	sync_page(fake, "G2", "true", short_answers[_i].groups);
	fake_answer(fake, short_answers[_i].answer);
	fake_answer(fake, LIST(PLAIN_GROUPS, BOB));
	g_autofree char *told = run_single_pass(fake, known, &state, &full);
	ck_assert(full);
	ck_assert_str_eq(told, "group go other Andere \ngroup gw user Work \n"
	                       "upsert 1 bob@corp.example 'Bob' new\n");
}
END_TEST

/* A server that does not know the operation is asked once; an odd refusal counts for that time. */
START_TEST(a_server_may_not_know_the_question)
{
	autoptr(fake) fake = fake_new();
	g_autoptr(GPtrArray) known = known_groups();
	for (unsigned round = 0; round < 3; round++) {
		g_autofree char *state = g_strdup(STATE);
		bool full = false;
		sync_page(fake, "C2", "true", UPDATED("1"));
		sync_page(fake, "G2", "true", "");
		if (round == 0)
			answer_refused(fake, "GetImItems", "ErrorInvalidImContactId");
		if (round == 1)
			answer_refused(fake, "GetImItems", "ErrorInvalidOperation");
		fake_answer(fake, LIST(PLAIN_GROUPS, BOB));
		g_autofree char *told = run_single_pass(fake, known, &state, &full);
		ck_assert(full);
		ck_assert_ptr_nonnull(strstr(told, "upsert 1 bob@corp.example 'Bob' new\n"));
	}
	ck_assert_uint_eq(fake_count(fake), 4 + 4 + 3);
}
END_TEST

/* A busy server is no server that does not know: nothing else is asked of it. */
START_TEST(a_failure_is_handed_on)
{
	autoptr(fake) fake = fake_new();
	g_autoptr(GPtrArray) known = known_groups();
	g_autofree char *state = g_strdup(STATE);
	bool full = false;
	sync_page(fake, "C2", "true", UPDATED("1"));
	sync_page(fake, "G2", "true", "");
	fake_answer_raw(fake, 503, "", "");
	g_autofree char *told = run_single_pass(fake, known, &state, &full);
	ck_assert_str_eq(told, "error ews.busy\n");
	ck_assert_str_eq(state, STATE);
	ck_assert_uint_eq(fake_count(fake), 3);
}
END_TEST

START_TEST(many_changes_are_read_with_the_list)
{
	autoptr(fake) fake = fake_new();
	g_autoptr(GString) changes = g_string_new(NULL);
	bool full = false;
	for (unsigned i = 0; i < 201; i++)
		g_string_append_printf(changes, UPDATED("%u"), i);
	g_autofree char *told = pass_with(fake, changes->str, "", LIST(PLAIN_GROUPS, BOB), &full);
	ck_assert(full);
	ck_assert_ptr_nonnull(strstr(told, "upsert 1 bob@corp.example 'Bob' new\n"));
}
END_TEST

static struct contact *carol(void)
{
	struct contact *contact = contact_new("carol@corp.example", "Carol");
	contact_add_group(contact, "Work");
	return contact;
}

static void begin(struct fake *fake)
{
	bool full = true;
	g_autofree char *told = pass_with(fake, "", "", NULL, &full);
	ck_assert_str_eq(told, "");
}

static bool delete_carol(struct fake *fake, GError **error)
{
	autoptr(contact) before = carol();
	char id[] = "2";
	const struct ews_item_ref ref = {.id = id};
	return ews_contact_delete(fake->session, EWS_DIALECT_UCS, &ref, before, error);
}

START_TEST(a_deletion_looks_at_changes_only)
{
	autoptr(fake) fake = fake_new();
	begin(fake);
	sync_page(fake, "C2", "true", "");
	sync_page(fake, "G2", "true", "");
	answer_done(fake, "RemoveContactFromImList");
	ck_assert(delete_carol(fake, NULL));
	ck_assert_uint_eq(fake_count(fake), 5);
	/* "Other Contacts" may change as it likes; a group of the user's is asked for. */
	sync_page(fake, "C3", "true", "");
	sync_page(fake, "G3", "true", UPDATED("go"));
	answer_done(fake, "RemoveContactFromImList");
	ck_assert(delete_carol(fake, NULL));
	ck_assert_uint_eq(fake_count(fake), 8);
	sync_page(fake, "C4", "true", "");
	sync_page(fake, "G4", "true", UPDATED("gw"));
	fake_answer(fake, ITEMS(GROUP("gw", "Work", "UserGroup", MEMBER("2") MEMBER("1")), CAROL));
	answer_done(fake, "RemoveContactFromImList");
	ck_assert(delete_carol(fake, NULL));
	ck_assert_ptr_nonnull(strstr(fake_request(fake, 10), "<m:GetImItems>"));
	ck_assert_uint_eq(fake_count(fake), 12);
}
END_TEST

/* Renamed, taken out of its group, put into another, gone with its group. */
static const struct {
	const char *contacts, *groups, *answer;
} edits[] = {
        {UPDATED("2"), "",
                ITEMS("", PERSONA("Caroline", "carol@corp.example",
                                  ATTRIBUTION("0", "2", "true", "false"), ""))},
        {"", UPDATED("gw"), ITEMS(GROUP("gw", "Work", "UserGroup", MEMBER("1")), CAROL)},
        {"", CREATED("gn"), ITEMS(GROUP("gn", "New", "UserGroup", MEMBER("2")), CAROL)},
        {"", UPDATED("gw"), ITEMS(GROUP("gw", "Job", "UserGroup", MEMBER("2")), CAROL)},
        {"", DELETED("gw"), ITEMS("", CAROL)},
};

START_TEST(a_change_beats_the_deletion)
{
	autoptr(fake) fake = fake_new();
	g_autoptr(GError) error = NULL;
	begin(fake);
	sync_page(fake, "C3", "true", edits[_i].contacts);
	sync_page(fake, "G3", "true", edits[_i].groups);
	fake_answer(fake, edits[_i].answer);
	ck_assert(!delete_carol(fake, &error));
	ck_assert_str_eq(error_reason(error), "ews.conflict");
}
END_TEST

START_TEST(gone_already_is_gone)
{
	autoptr(fake) fake = fake_new();
	begin(fake);
	sync_page(fake, "C3", "true", DELETED("2"));
	sync_page(fake, "G3", "true", UPDATED("gw"));
	ck_assert(delete_carol(fake, NULL));
	ck_assert_uint_eq(fake_count(fake), 4);
}
END_TEST

/*
 * Where only the list can be read, our own deletion is told apart from what others do: the next one
 * needs no list.
 */
START_TEST(own_deletions_need_no_list)
{
	autoptr(fake) fake = fake_new();
	begin(fake);
	fake->session->list_only = true;
	sync_page(fake, "C3", "true", "");
	sync_page(fake, "G3", "true", "");
	answer_done(fake, "RemoveContactFromImList");
	sync_page(fake, "G4", "true", UPDATED("gw")); /* by us */
	ck_assert(delete_carol(fake, NULL));
	sync_page(fake, "C5", "true", "");
	sync_page(fake, "G5", "true", "");
	answer_done(fake, "RemoveContactFromImList");
	sync_page(fake, "G6", "true", CREATED("gn")); /* by somebody else */
	ck_assert(delete_carol(fake, NULL));
	sync_page(fake, "C7", "true", "");
	sync_page(fake, "G7", "true", "");
	fake_answer(fake, LIST(PLAIN_GROUPS, CAROL));
	answer_done(fake, "RemoveContactFromImList");
	sync_page(fake, "G8", "true", "");
	ck_assert(delete_carol(fake, NULL));
	ck_assert_uint_eq(fake_count(fake), 2 + 4 + 4 + 5);
}
END_TEST

Suite *ucs_read_suite(void)
{
	Suite *suite = suite_create("ucs_read");
	TCase *tests = tcase_create("ucs_read");
	tcase_add_test(tests, only_what_changed_is_asked_for);
	tcase_add_test(tests, deletions_alone_need_no_question);
	tcase_add_test(tests, an_odd_contact_is_told);
	tcase_add_loop_test(
	        tests, a_short_answer_is_no_answer, 0, (int)G_N_ELEMENTS(short_answers));
	tcase_add_test(tests, a_server_may_not_know_the_question);
	tcase_add_test(tests, a_failure_is_handed_on);
	tcase_add_test(tests, many_changes_are_read_with_the_list);
	tcase_add_test(tests, a_deletion_looks_at_changes_only);
	tcase_add_loop_test(tests, a_change_beats_the_deletion, 0, (int)G_N_ELEMENTS(edits));
	tcase_add_test(tests, gone_already_is_gone);
	tcase_add_test(tests, own_deletions_need_no_list);
	suite_add_tcase(suite, tests);
	return suite;
}
