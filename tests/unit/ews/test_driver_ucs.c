/* The verbs of contacts.h in dialect ucs, against canned answers. */
#include "ucs_case.h"

#include "core/error.h"

#include <check.h>
#include <string.h>

Suite *driver_ucs_suite(void);

/* Groups of every kind; names of the default ones are localised. */
static const char *const all_groups[] = {
        GROUP("go", "Andere", "OtherContacts", MEMBER("1")),
        GROUP("gf", "Favoriten", "Favorites", MEMBER("2")),
        GROUP("gt", "Tagged", "Tagged", MEMBER("2")),
        GROUP("gw", "Work", "UserGroup", MEMBER("2") MEMBER("3")),
        "<t:ImGroup><t:DisplayName>sales@corp.example</t:DisplayName>",
        "<t:GroupType>IPM.DistList.MOC.DG</t:GroupType><t:ExchangeStoreId Id=\"gd\"/>",
        "<t:SmtpAddress>sales@corp.example</t:SmtpAddress></t:ImGroup>",
        NULL,
};

/* Put together from three sources, the last of which is the entry of the IM list. */
#define EVE_SOURCES                                                                                \
	ATTRIBUTION("0", "x", "false", "false")                                                    \
	ATTRIBUTION("1", "y", "true", "true") ATTRIBUTION("2", "2", "true", "false")
#define EVE_DETAILS                                                                                \
	"<t:OtherTelephones>" PHONE("+1 555",                                                      \
	        "0") "</t:OtherTelephones><t:ImAddresses>" IM_ADDRESS("private@home.example", "0") \
	        IM_ADDRESS("eve@corp.example", "2") "</t:ImAddresses>"
#define NUMBER_SIP "sip:+15625550100@corp.example;user=phone"

static const char *const all_personas[] = {
        PERSONA("Bob", "sip:Bob@Corp.Example", ATTRIBUTION("0", "1", "true", "false"), ""),
        PERSONA("Eve", "private@home.example", EVE_SOURCES, EVE_DETAILS),
        "<t:Persona><t:DisplayName/>",
        "<t:DisplayNameFirstLast>+15625550100</t:DisplayNameFirstLast>",
        "<t:Attributions>" ATTRIBUTION("0", "3", "true", "false") "</t:Attributions>",
        "<t:OtherTelephones>" PHONE("+1 (562) 555-0100", "0") "</t:OtherTelephones>",
        "<t:ImAddresses>" IM_ADDRESS(NUMBER_SIP, "0") "</t:ImAddresses></t:Persona>",
        "<t:Persona><t:DisplayName>Nobody</t:DisplayName></t:Persona>",
        PERSONA("Odd", "a b@@", ATTRIBUTION("0", "9", "true", "false"), ""),
        NULL,
};

static char *join(const char *const *pieces)
{
	GString *text = g_string_new(NULL);
	for (; *pieces != NULL; pieces++)
		g_string_append(text, *pieces);
	return g_string_free(text, FALSE);
}

static char *whole_list(void)
{
	g_autofree char *groups = join(all_groups);
	g_autofree char *personas = join(all_personas);
	return g_strdup_printf(LIST("%s", "%s"), groups, personas);
}

START_TEST(ucs_reads_the_list)
{
	autoptr(fake) fake = fake_new();
	g_autofree char *state = NULL;
	g_autofree char *list = whole_list();
	bool full = false;
	sync_page(fake, "C1", "true",
	        "<t:Create><t:Contact><t:ItemId Id=\"1\"/></t:Contact></t:Create>");
	sync_page(fake, "G1", "true", "");
	fake->chunk = 7;
	fake_answer(fake, list);
	g_autofree char *told = run_pass(fake, EWS_DIALECT_UCS, &state, &full);
	ck_assert_str_eq(told, "group go other Andere \ngroup gf favorites Favoriten \n"
	                       "group gt tagged Tagged \ngroup gw user Work \n"
	                       "group gd distribution sales@corp.example sales@corp.example\n"
	                       "upsert 1 bob@corp.example 'Bob' new\n"
	                       "upsert 2 eve@corp.example 'Eve' [Favoriten] [Tagged] [Work] new\n"
	                       "upsert 3 tel:+15625550100 '' [Work] tel:+15625550100 new\n"
	                       "unusable 9 ews.item new\n");
	ck_assert(full);
	ck_assert_str_eq(state, "ucs1:2:C1G1");
}
END_TEST

START_TEST(ucs_asks_little_when_nothing_changed)
{
	autoptr(fake) fake = fake_new();
	g_autofree char *state = g_strdup("ucs1:2:C1G1");
	bool full = true;
	sync_page(fake, "C1", "true", "");
	sync_page(fake, "G1", "true", "");
	g_autofree char *told = run_pass(fake, EWS_DIALECT_UCS, &state, &full);
	ck_assert_str_eq(told, "");
	ck_assert(!full);
	ck_assert_ptr_nonnull(strstr(fake_request(fake, 0), "<m:SyncState>C1</m:SyncState>"));
	ck_assert_ptr_nonnull(strstr(fake_request(fake, 1), "<m:SyncState>G1</m:SyncState>"));
	sync_page(fake, "C1", "true", "");
	sync_page(fake, "G2", "true", "<t:Delete><t:ItemId Id=\"g\"/></t:Delete>");
	fake_answer(fake, LIST(PLAIN_GROUPS, BOB));
	g_autofree char *changed = run_pass(fake, EWS_DIALECT_UCS, &state, &full);
	ck_assert_str_eq(changed, "group go other Andere \ngroup gw user Work \n"
	                          "upsert 1 bob@corp.example 'Bob' new\n");
	ck_assert(full);
	ck_assert_str_eq(state, "ucs1:2:C1G2");
}
END_TEST

START_TEST(ucs_survives_bad_states)
{
	static const char *const states[] = {"folder1:x", "ucs1:", "ucs1:9:ab", "ucs1:-1:ab", "x"};
	autoptr(fake) fake = fake_new();
	for (size_t i = 0; i < G_N_ELEMENTS(states); i++) {
		g_autofree char *state = g_strdup(states[i]);
		bool full = false;
		sync_page(fake, "C", "true", "");
		sync_page(fake, "G", "true", "");
		fake_answer(fake, LIST("", ""));
		g_autofree char *told = run_pass(fake, EWS_DIALECT_UCS, &state, &full);
		ck_assert_str_eq(told, "");
		ck_assert(full);
		ck_assert_str_eq(state, "ucs1:1:CG");
	}
	g_autofree char *state = g_strdup("ucs1:1:CG");
	bool full = false;
	answer_failure(fake, "SyncFolderItems", "ErrorInvalidSyncStateData");
	sync_page(fake, "C2", "true", "");
	sync_page(fake, "G", "true", "");
	fake_answer(fake, LIST("", ""));
	g_autofree char *told = run_pass(fake, EWS_DIALECT_UCS, &state, &full);
	ck_assert_str_eq(told, "");
	ck_assert_str_eq(state, "ucs1:2:C2G");
}
END_TEST

START_TEST(ucs_refuses_what_it_cannot_read)
{
	static const char *const lists[] = {
	        LIST("<t:ImGroup><t:DisplayName>x</t:DisplayName></t:ImGroup>", ""),
	        "<m:GetImItemListResponse ResponseClass=\"Success\"><m:ResponseCode>NoError"
	        "</m:ResponseCode><m:ImItemList><t:Personas>" BOB
	        "</t:Personas><t:Groups>" PLAIN_GROUPS
	        "</t:Groups></m:ImItemList></m:GetImItemListResponse>",
	};
	autoptr(fake) fake = fake_new();
	for (size_t i = 0; i < G_N_ELEMENTS(lists); i++) {
		g_autofree char *state = NULL;
		bool full = false;
		sync_page(fake, "C", "true", "");
		sync_page(fake, "G", "true", "");
		fake_answer(fake, lists[i]);
		g_autofree char *told = run_pass(fake, EWS_DIALECT_UCS, &state, &full);
		ck_assert_msg(g_str_has_suffix(told, "error ews.protocol\n"), "%s", told);
		ck_assert_ptr_null(state);
	}
}
END_TEST

static void persona_made(struct fake *fake, const char *op, const char *id)
{
	g_autofree char *persona = g_strdup_printf(
	        "<m:Persona><t:Attributions><t:Attribution><t:Id>0</t:Id><t:SourceId Id=\"%s\" "
	        "ChangeKey=\"c\"/><t:IsQuickContact>true</t:IsQuickContact><t:IsHidden>false"
	        "</t:IsHidden></t:Attribution></t:Attributions></m:Persona>",
	        id);
	g_autofree char *answer = fake_direct(op, persona);
	fake_answer(fake, answer);
}

START_TEST(ucs_creates_with_its_groups)
{
	autoptr(fake) fake = fake_new();
	autoptr(contact) contact = bob();
	contact_add_group(contact, "Friends");
	struct ews_item_ref ref = {0};
	fake_answer(fake, LIST(PLAIN_GROUPS, BOB));
	g_autofree char *group = fake_direct("AddImGroup",
	        "<m:ImGroup><t:DisplayName>Friends</t:DisplayName><t:GroupType>"
	        "IPM.DistList.MOC.UserGroup</t:GroupType><t:ExchangeStoreId "
	        "Id=\"gf\"/></m:ImGroup>");
	fake_answer(fake, group);
	persona_made(fake, "AddNewImContactToGroup", "7");
	answer_done(fake, "AddImContactToGroup");
	ck_assert(ews_contact_create(fake->session, EWS_DIALECT_UCS, contact, "u", &ref, NULL));
	ck_assert_str_eq(ref.id, "7");
	ck_assert_str_eq(fake_request(fake, 2),
	        "<m:AddNewImContactToGroup><m:ImAddress>bob@corp.example</m:ImAddress>"
	        "<m:DisplayName>Bob &lt;B&gt;</m:DisplayName><m:GroupId Id=\"gf\"/>"
	        "</m:AddNewImContactToGroup>");
	ck_assert_str_eq(fake_request(fake, 3),
	        "<m:AddImContactToGroup><m:ContactId Id=\"7\"/><m:GroupId Id=\"gw\"/>"
	        "</m:AddImContactToGroup>");
	ews_item_ref_clear(&ref);
	/* Made, but not in all its groups: to be looked up and completed. */
	g_autoptr(GError) error = NULL;
	persona_made(fake, "AddNewImContactToGroup", "8");
	answer_refused(fake, "AddImContactToGroup", "ErrorInvalidImGroupId");
	ck_assert(!ews_contact_create(fake->session, EWS_DIALECT_UCS, contact, "u", &ref, &error));
	ck_assert_int_eq(error_class_of(error), ERROR_UNCERTAIN);
}
END_TEST

START_TEST(ucs_creates_numbers)
{
	autoptr(fake) fake = fake_new();
	autoptr(contact) contact = contact_new("tel:+15625550100", NULL);
	g_autoptr(GError) error = NULL;
	fake_answer(fake, LIST(PLAIN_GROUPS, ""));
	persona_made(fake, "AddNewTelUriContactToGroup", "7");
	ck_assert(ews_contact_create(fake->session, EWS_DIALECT_UCS, contact, "u", NULL, NULL));
	ck_assert_str_eq(fake_request(fake, 1),
	        "<m:AddNewTelUriContactToGroup><m:TelUriAddress>tel:+15625550100</m:TelUriAddress>"
	        "<m:ImContactSipUriAddress>sip:+15625550100@corp.example;user=phone"
	        "</m:ImContactSipUriAddress><m:ImTelephoneNumber>+15625550100"
	        "</m:ImTelephoneNumber><m:GroupId Id=\"go\"/></m:AddNewTelUriContactToGroup>");
	answer_refused(fake, "AddNewTelUriContactToGroup", "ErrorImContactLimitReached");
	ck_assert(!ews_contact_create(fake->session, EWS_DIALECT_UCS, contact, "u", NULL, &error));
	ck_assert_str_eq(error_reason(error), "ews.limit");
	ck_assert_int_eq(error_class_of(error), ERROR_ITEM);
}
END_TEST

START_TEST(ucs_moves_between_groups)
{
	autoptr(fake) fake = fake_new();
	autoptr(contact) before = bob();
	autoptr(contact) after = contact_new(before->key, before->name);
	fake_answer(fake, LIST(PLAIN_GROUPS, BOB));
	answer_done(fake, "AddImContactToGroup");
	answer_done(fake, "RemoveImContactFromGroup");
	ck_assert(ews_contact_update(
	        fake->session, EWS_DIALECT_UCS, &ref_one, before, after, NULL, NULL));
	/* First in, then out: who is in no group falls off the list. */
	ck_assert_str_eq(fake_request(fake, 1),
	        "<m:AddImContactToGroup><m:ContactId Id=\"1\"/><m:GroupId Id=\"go\"/>"
	        "</m:AddImContactToGroup>");
	ck_assert_str_eq(fake_request(fake, 2),
	        "<m:RemoveImContactFromGroup><m:ContactId Id=\"1\"/><m:GroupId Id=\"gw\"/>"
	        "</m:RemoveImContactFromGroup>");
	answer_done(fake, "AddImContactToGroup");
	answer_refused(fake, "RemoveImContactFromGroup", "ErrorUnableToRemoveImContactFromGroup");
	ck_assert(ews_contact_update(
	        fake->session, EWS_DIALECT_UCS, &ref_one, after, before, NULL, NULL));
}
END_TEST

START_TEST(ucs_changes_a_name_through_the_item)
{
	autoptr(fake) fake = fake_new();
	autoptr(contact) before = bob();
	autoptr(contact) after = contact_copy(before);
	g_free(after->name);
	after->name = g_strdup("Robert");
	g_autoptr(GError) error = NULL;
	answer_items(fake, "GetItem", NOW("Bob &lt;B&gt;", ""));
	answer_items(
	        fake, "UpdateItem", "<t:Contact><t:ItemId Id=\"1\" ChangeKey=\"n\"/></t:Contact>");
	ck_assert(ews_contact_update(
	        fake->session, EWS_DIALECT_UCS, &ref_one, before, after, NULL, NULL));
	ck_assert_ptr_null(strstr(fake_request(fake, 1), "Categories"));
	answer_items(fake, "GetItem", NOW("Bob &lt;B&gt;", ""));
	answer_failure(fake, "UpdateItem", "ErrorAccessDenied");
	ck_assert(!ews_contact_update(
	        fake->session, EWS_DIALECT_UCS, &ref_one, before, after, NULL, &error));
	ck_assert_int_eq(error_class_of(error), ERROR_ITEM);
	g_clear_error(&error);
	g_free(after->key);
	after->key = g_strdup("other@corp.example");
	ck_assert(!ews_contact_update(
	        fake->session, EWS_DIALECT_UCS, &ref_one, before, after, NULL, &error));
	ck_assert_str_eq(error_reason(error), "ews.item");
}
END_TEST

START_TEST(ucs_deletes)
{
	autoptr(fake) fake = fake_new();
	answer_done(fake, "RemoveContactFromImList");
	ck_assert(ews_contact_delete(fake->session, EWS_DIALECT_UCS, &ref_one, NULL, NULL));
	answer_refused(fake, "RemoveContactFromImList", "ErrorItemNotFound");
	ck_assert(ews_contact_delete(fake->session, EWS_DIALECT_UCS, &ref_one, NULL, NULL));
	/* A server that refuses the operation: out of every group. */
	answer_refused(fake, "RemoveContactFromImList", "ErrorAccessDenied");
	fake_answer(fake, LIST(PLAIN_GROUPS, BOB));
	answer_done(fake, "RemoveImContactFromGroup");
	ck_assert(ews_contact_delete(fake->session, EWS_DIALECT_UCS, &ref_one, NULL, NULL));
	ck_assert_ptr_nonnull(strstr(fake_request(fake, 4), "<m:GroupId Id=\"go\"/>"));
}
END_TEST

START_TEST(ucs_deletes_what_is_as_it_was)
{
	autoptr(fake) fake = fake_new();
	g_autoptr(GError) error = NULL;
	autoptr(contact) before = contact_new("bob@corp.example", "Bob");
	fake_answer(fake, LIST(PLAIN_GROUPS, BOB));
	answer_done(fake, "RemoveContactFromImList");
	ck_assert(ews_contact_delete(fake->session, EWS_DIALECT_UCS, &ref_one, before, NULL));
	contact_add_group(before, "Work"); /* which the user has taken it out of */
	fake_answer(fake, LIST(PLAIN_GROUPS, BOB));
	ck_assert(!ews_contact_delete(fake->session, EWS_DIALECT_UCS, &ref_one, before, &error));
	ck_assert_str_eq(error_reason(error), "ews.conflict");
	fake_answer(fake, LIST(PLAIN_GROUPS, ""));
	ck_assert(ews_contact_delete(fake->session, EWS_DIALECT_UCS, &ref_one, before, NULL));
}
END_TEST

/* The address was in the list already, under a name of its own. */
START_TEST(ucs_links_instead_of_creating_twice)
{
	autoptr(fake) fake = fake_new();
	g_autoptr(GError) error = NULL;
	autoptr(contact) wanted = contact_new("bob@corp.example", "Robert");
	struct ews_item_ref out = {0};
	fake_answer(fake, LIST(PLAIN_GROUPS, ""));
	fake_answer(fake,
	        "<m:AddNewImContactToGroupResponse ResponseClass=\"Success\"><m:ResponseCode>"
	        "NoError</m:ResponseCode>" BOB "</m:AddNewImContactToGroupResponse>");
	ck_assert(
	        !ews_contact_create(fake->session, EWS_DIALECT_UCS, wanted, "uuid", &out, &error));
	ck_assert_str_eq(error_reason(error), "ews.conflict");
	ews_item_ref_clear(&out);
}
END_TEST

START_TEST(ucs_finds_by_address)
{
	autoptr(fake) fake = fake_new();
	g_autoptr(GPtrArray) found = found_array();
	fake_answer(fake, LIST(PLAIN_GROUPS, BOB));
	ck_assert(ews_contact_find(
	        fake->session, EWS_DIALECT_UCS, "sip:bob@corp.example", "u", found, NULL));
	ck_assert_uint_eq(found->len, 1);
	ck_assert_str_eq(((struct ews_contact_found *)found->pdata[0])->ref.id, "1");
}
END_TEST

START_TEST(ucs_keeps_groups)
{
	autoptr(fake) fake = fake_new();
	struct ews_item_ref ref = {0};
	g_autoptr(GError) error = NULL;
	autoptr(group) work = group_new("Work", GROUP_KIND_USER);
	autoptr(group) sales = group_new("Sales", GROUP_KIND_DISTRIBUTION);
	sales->smtp = g_strdup("sales@corp.example");
	fake_answer(fake, LIST(PLAIN_GROUPS, BOB));
	ck_assert(ews_group_create(fake->session, EWS_DIALECT_UCS, work, &ref, NULL));
	ck_assert_str_eq(ref.id, "gw");
	ck_assert_uint_eq(fake_count(fake), 1);
	g_autofree char *made = fake_direct("AddDistributionGroupToImList",
	        "<m:ImGroup><t:DisplayName>Sales</t:DisplayName><t:GroupType>IPM.DistList.MOC.DG"
	        "</t:GroupType><t:ExchangeStoreId Id=\"gd\"/><t:SmtpAddress>sales@corp.example"
	        "</t:SmtpAddress></m:ImGroup>");
	fake_answer(fake, made);
	ck_assert(ews_group_create(fake->session, EWS_DIALECT_UCS, sales, &ref, NULL));
	ck_assert_str_eq(ref.id, "gd");
	answer_done(fake, "SetImGroup");
	ck_assert(ews_group_rename(fake->session, EWS_DIALECT_UCS, work, "Job", NULL));
	ck_assert_str_eq(fake_request(fake, 2),
	        "<m:SetImGroup><m:GroupId Id=\"gw\"/><m:NewDisplayName>Job</m:NewDisplayName>"
	        "</m:SetImGroup>");
	autoptr(group) lost = group_new("Lost", GROUP_KIND_USER);
	fake_answer(fake, LIST(PLAIN_GROUPS, BOB));
	ck_assert(!ews_group_rename(fake->session, EWS_DIALECT_UCS, lost, "x", &error));
	ck_assert_str_eq(error_reason(error), "ews.not_found");
	ck_assert(ews_group_delete(fake->session, EWS_DIALECT_UCS, lost, NULL));
	/* Member 2 is in no other group: it stays in the list. */
	fake_answer(fake, LIST(PLAIN_GROUPS, BOB));
	answer_done(fake, "AddImContactToGroup");
	answer_done(fake, "RemoveImGroup");
	ck_assert(ews_group_delete(fake->session, EWS_DIALECT_UCS, work, NULL));
	ck_assert_str_eq(fake_request(fake, 5),
	        "<m:AddImContactToGroup><m:ContactId Id=\"2\"/><m:GroupId Id=\"go\"/>"
	        "</m:AddImContactToGroup>");
	answer_done(fake, "SetImListMigrationCompleted");
	ck_assert(ews_migration_completed(fake->session, EWS_DIALECT_UCS, true, NULL));
	ck_assert_str_eq(fake_request(fake, 7),
	        "<m:SetImListMigrationCompleted><m:ImListMigrationCompleted>true"
	        "</m:ImListMigrationCompleted></m:SetImListMigrationCompleted>");
	ews_item_ref_clear(&ref);
}
END_TEST

START_TEST(the_dialect_is_what_the_server_knows)
{
	autoptr(fake) fake = fake_new();
	g_autoptr(GError) error = NULL;
	enum ews_dialect dialect;
	fake_answer(fake, LIST("", ""));
	ck_assert(ews_detect_dialect(fake->session, &dialect, NULL));
	ck_assert_int_eq(dialect, EWS_DIALECT_UCS);
	fake_answer(fake, "<s:Fault><faultcode>SOAP:Server</faultcode><faultstring>Unknown request "
	                  "'GetImItemList'.</faultstring></s:Fault>");
	ck_assert(ews_detect_dialect(fake->session, &dialect, NULL));
	ck_assert_int_eq(dialect, EWS_DIALECT_FOLDER);
	fake_answer_raw(fake, 503, "", "");
	ck_assert(!ews_detect_dialect(fake->session, &dialect, &error));
	ck_assert_str_eq(error_reason(error), "ews.busy");
	for (unsigned i = 0; i < 2; i++) {
		const char *name = ews_dialect_name((enum ews_dialect)i);
		ck_assert(ews_dialect_parse(name, &dialect));
		ck_assert_int_eq(dialect, (int)i);
	}
	ck_assert(!ews_dialect_parse("mapi", &dialect));
}
END_TEST

static void note_finding(void *data, const char *subject, const char *finding)
{
	g_string_append_printf(data, "%s: %s\n", subject, finding);
}

/* Favorites and tagged contacts are marked so beside the group they are in. */
START_TEST(ucs_checks_groups)
{
	autoptr(fake) fake = fake_new();
	g_autoptr(GString) told = g_string_new(NULL);
	g_autofree char *good = whole_list();
	fake_answer(fake, good);
	ck_assert(ews_contacts_check(fake->session, EWS_DIALECT_UCS, note_finding, told, NULL));
	ck_assert_str_eq(told->str, "a b@@: in no group, not even in Other Contacts\n");
	g_string_truncate(told, 0);
	fake_answer(fake, LIST(GROUP("go", "Andere", "OtherContacts", MEMBER("1") MEMBER("7"))
	                                  GROUP("gw", "Work", "UserGroup", MEMBER("1")),
	                          BOB));
	ck_assert(ews_contacts_check(fake->session, EWS_DIALECT_UCS, note_finding, told, NULL));
	ck_assert_str_eq(told->str, "bob@corp.example: in Other Contacts and in the group Work\n"
	                            "Andere: this group has a member who is not in the list\n");
	g_autoptr(GError) error = NULL;
	fake_answer(fake, "<m:GetImItemListResponse/>");
	ck_assert(!ews_contacts_check(fake->session, EWS_DIALECT_UCS, note_finding, told, &error));
	ck_assert_ptr_nonnull(error);
	ck_assert(ews_contacts_check(fake->session, EWS_DIALECT_FOLDER, note_finding, told, NULL));
}
END_TEST

Suite *driver_ucs_suite(void)
{
	Suite *suite = suite_create("driver_ucs");
	TCase *tests = tcase_create("driver_ucs");
	tcase_add_test(tests, ucs_reads_the_list);
	tcase_add_test(tests, ucs_asks_little_when_nothing_changed);
	tcase_add_test(tests, ucs_survives_bad_states);
	tcase_add_test(tests, ucs_refuses_what_it_cannot_read);
	tcase_add_test(tests, ucs_creates_with_its_groups);
	tcase_add_test(tests, ucs_creates_numbers);
	tcase_add_test(tests, ucs_moves_between_groups);
	tcase_add_test(tests, ucs_changes_a_name_through_the_item);
	tcase_add_test(tests, ucs_deletes);
	tcase_add_test(tests, ucs_deletes_what_is_as_it_was);
	tcase_add_test(tests, ucs_links_instead_of_creating_twice);
	tcase_add_test(tests, ucs_finds_by_address);
	tcase_add_test(tests, ucs_keeps_groups);
	tcase_add_test(tests, ucs_checks_groups);
	tcase_add_test(tests, the_dialect_is_what_the_server_knows);
	suite_add_tcase(suite, tests);
	return suite;
}
