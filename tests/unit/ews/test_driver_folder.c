/* The verbs of contacts.h in dialect folder, against canned answers. */
#include "contact_case.h"

#include "core/error.h"

#include <check.h>
#include <string.h>

Suite *driver_folder_suite(void);

START_TEST(folder_reads_pages)
{
	autoptr(fake) fake = fake_new();
	g_autofree char *state = NULL;
	bool full = false;
	fake->chunk = 13;
	sync_page(fake, "S1", "false",
	        "<t:Create>" CONTACT("1", "Bob B", "sip:Bob@Corp.Example",
	                CATEGORIES(STRING("Work") STRING("A &amp; B")) EXT("imex-operation",
	                        "u1")) "</t:Create>"
	                               "<t:Create><t:DistributionList><t:ItemId "
	                               "Id=\"d\"/></t:DistributionList></t:Create>"
	                               "<t:Create><t:Contact><t:ItemId "
	                               "Id=\"2\"/><t:ItemClass>IPM.Contact</t:ItemClass>"
	                               "<t:DisplayName>Plumber</t:DisplayName></t:Contact></"
	                               "t:Create>");
	sync_page(fake, "S2", "true",
	        "<t:Create>" CONTACT("3", "not an address", "a b@@",
	                "") "</t:Create>"
	                    "<t:Create>" CONTACT("4", "", "tel:+49 30 1234",
	                            "") "</t:Create>"
	                                "<t:Create>" CONTACT("5", "eve@corp.example",
	                                        "eve@corp.example",
	                                        EXT("imex-tel-uri", "tel:+4930")) "</t:Create>");
	g_autofree char *told = run_pass(fake, EWS_DIALECT_FOLDER, &state, &full);
	ck_assert_str_eq(told, "upsert 1 bob@corp.example 'Bob B' [A & B] [Work] op=u1 new\n"
	                       "unusable 3 ews.item new\n"
	                       "upsert 4 tel:+49301234 '' tel:+49301234 new\n"
	                       "upsert 5 eve@corp.example '' tel:+4930 new\n");
	ck_assert(full);
	ck_assert_str_eq(state, "folder1:S2");
	ck_assert_ptr_null(strstr(fake_request(fake, 0), "SyncState"));
	ck_assert_ptr_nonnull(strstr(fake_request(fake, 1), "<m:SyncState>S1</m:SyncState>"
	                                                    "<m:MaxChangesReturned>512<"));
}
END_TEST

START_TEST(folder_reads_changes)
{
	autoptr(fake) fake = fake_new();
	g_autofree char *state = g_strdup("folder1:S1");
	bool full = true;
	sync_page(fake, "S2", "true",
	        "<t:Update>" CONTACT("1", "Bob", "bob@corp.example",
	                "") "</t:Update>"
	                    "<t:Update><t:Contact><t:ItemId "
	                    "Id=\"2\"/><t:ItemClass>IPM.Contact</t:ItemClass>"
	                    "</t:Contact></t:Update>"
	                    "<t:Delete><t:ItemId Id=\"3\" ChangeKey=\"x\"/></t:Delete>"
	                    "<t:ReadFlagChange><t:ItemId "
	                    "Id=\"4\"/><t:IsRead>true</t:IsRead></t:ReadFlagChange>");
	g_autofree char *told = run_pass(fake, EWS_DIALECT_FOLDER, &state, &full);
	ck_assert_str_eq(told, "upsert 1 bob@corp.example 'Bob'\ndelete 2\ndelete 3\n");
	ck_assert(!full);
	ck_assert_str_eq(state, "folder1:S2");
}
END_TEST

/* An item without class came without its properties; a long name may have been cut. */
START_TEST(folder_fetches_what_came_short)
{
	autoptr(fake) fake = fake_new();
	g_autofree char *state = g_strdup("folder1:S1");
	g_autofree char *long_name = g_strnfill(255, 'n');
	g_autofree char *changes = g_strdup_printf(
	        "<t:Create><t:Contact><t:ItemId Id=\"1\"/></t:Contact></t:Create>"
	        "<t:Update><t:Contact><t:ItemId Id=\"2\"/><t:ItemClass>IPM.Contact</t:ItemClass>"
	        "<t:DisplayName>%s</t:DisplayName></t:Contact></t:Update>"
	        "<t:Create><t:Contact><t:ItemId Id=\"3\"/></t:Contact></t:Create>"
	        "<t:Create><t:Contact><t:ItemId Id=\"4\"/></t:Contact></t:Create>",
	        long_name);
	sync_page(fake, "S2", "true", changes);
	g_autofree char *one = fake_message(
	        "GetItem", "<m:Items>" CONTACT("1", "Bob", "bob@corp.example", "") "</m:Items>");
	g_autofree char *two = fake_message(
	        "GetItem", "<m:Items>" CONTACT("2", "Long", "l@corp.example", "") "</m:Items>");
	g_autofree char *gone = fake_failure("GetItem", "ErrorItemNotFound");
	g_autofree char *corrupt = fake_failure("GetItem", "ErrorItemCorrupt");
	g_autofree char *messages = g_strconcat(one, two, gone, corrupt, NULL);
	g_autofree char *batch = fake_batch("GetItem", messages);
	fake_answer(fake, batch);
	bool full;
	g_autofree char *told = run_pass(fake, EWS_DIALECT_FOLDER, &state, &full);
	ck_assert_str_eq(told, "upsert 1 bob@corp.example 'Bob' new\n"
	                       "upsert 2 l@corp.example 'Long'\n"
	                       "delete 3\n"
	                       "unusable 4 ews.item new\n");
	ck_assert_ptr_nonnull(strstr(
	        fake_request(fake, 1), "<m:ItemIds><t:ItemId Id=\"1\"/><t:ItemId Id=\"2\"/>"));
}
END_TEST

START_TEST(a_stopped_batch_is_asked_for_again)
{
	autoptr(fake) fake = fake_new();
	g_autofree char *state = NULL;
	sync_page(fake, "S", "true",
	        "<t:Create><t:Contact><t:ItemId Id=\"1\"/></t:Contact></t:Create>"
	        "<t:Create><t:Contact><t:ItemId Id=\"2\"/></t:Contact></t:Create>");
	g_autofree char *one = fake_message(
	        "GetItem", "<m:Items>" CONTACT("1", "Bob", "bob@corp.example", "") "</m:Items>");
	g_autofree char *stopped =
	        g_strdup("<m:GetItemResponseMessage ResponseClass=\"Warning\"><m:ResponseCode>"
	                 "ErrorBatchProcessingStopped</m:ResponseCode><m:Items/>"
	                 "</m:GetItemResponseMessage>");
	g_autofree char *both = g_strconcat(one, stopped, NULL);
	g_autofree char *batch = fake_batch("GetItem", both);
	fake_answer(fake, batch);
	answer_items(fake, "GetItem", CONTACT("2", "Eve", "eve@corp.example", ""));
	bool full;
	g_autofree char *told = run_pass(fake, EWS_DIALECT_FOLDER, &state, &full);
	ck_assert_str_eq(told, "upsert 1 bob@corp.example 'Bob' new\n"
	                       "upsert 2 eve@corp.example 'Eve' new\n");
	ck_assert_ptr_nonnull(
	        strstr(fake_request(fake, 2), "<m:ItemIds><t:ItemId Id=\"2\"/></m:ItemIds>"));
}
END_TEST

START_TEST(a_slow_batch_is_halved)
{
	autoptr(fake) fake = fake_new();
	g_autofree char *state = NULL;
	sync_page(fake, "S", "true",
	        "<t:Create><t:Contact><t:ItemId Id=\"1\"/></t:Contact></t:Create>"
	        "<t:Create><t:Contact><t:ItemId Id=\"2\"/></t:Contact></t:Create>");
	answer_failure(fake, "GetItem", "ErrorTimeoutExpired");
	answer_items(fake, "GetItem", CONTACT("1", "Bob", "bob@corp.example", ""));
	answer_items(fake, "GetItem", CONTACT("2", "Eve", "eve@corp.example", ""));
	bool full;
	g_autofree char *told = run_pass(fake, EWS_DIALECT_FOLDER, &state, &full);
	ck_assert_str_eq(told, "upsert 1 bob@corp.example 'Bob' new\n"
	                       "upsert 2 eve@corp.example 'Eve' new\n");
}
END_TEST

START_TEST(folder_starts_again_when_the_state_is_refused)
{
	autoptr(fake) fake = fake_new();
	g_autofree char *state = g_strdup("folder1:old");
	bool full = false;
	sync_page(fake, "S1", "false",
	        "<t:Create>" CONTACT("1", "Bob", "bob@corp.example", "") "</t:Create>");
	answer_failure(fake, "SyncFolderItems", "ErrorInvalidSyncStateData");
	sync_page(fake, "S2", "true",
	        "<t:Create>" CONTACT("1", "Bob", "bob@corp.example", "") "</t:Create>");
	g_autofree char *told = run_pass(fake, EWS_DIALECT_FOLDER, &state, &full);
	ck_assert_str_eq(told, "upsert 1 bob@corp.example 'Bob' new\nrestart\n"
	                       "upsert 1 bob@corp.example 'Bob' new\n");
	ck_assert(full);
	ck_assert_ptr_null(strstr(fake_request(fake, 2), "SyncState"));
	answer_failure(fake, "SyncFolderItems", "ErrorInvalidSyncStateData");
	answer_failure(fake, "SyncFolderItems", "ErrorInvalidSyncStateData");
	g_autofree char *again = run_pass(fake, EWS_DIALECT_FOLDER, &state, &full);
	ck_assert_str_eq(again, "restart\nerror ews.sync_state\n");
	ck_assert_str_eq(state, "folder1:S2");
}
END_TEST

START_TEST(a_state_that_stands_still_ends_the_loop)
{
	autoptr(fake) fake = fake_new();
	g_autofree char *state = g_strdup("folder1:S");
	bool full;
	sync_page(fake, "S", "false", "");
	g_autofree char *told = run_pass(fake, EWS_DIALECT_FOLDER, &state, &full);
	ck_assert_str_eq(told, "");
	sync_page(fake, "S", "false",
	        "<t:Create>" CONTACT("1", "Bob", "bob@corp.example", "") "</t:Create>");
	g_autofree char *again = run_pass(fake, EWS_DIALECT_FOLDER, &state, &full);
	ck_assert_str_eq(again, "upsert 1 bob@corp.example 'Bob' new\nerror ews.protocol\n");
}
END_TEST

START_TEST(a_page_may_lack_elements)
{
	static const char *const contents[] = {
	        "<m:IncludesLastItemInRange>true</m:IncludesLastItemInRange><m:Changes/>",
	        "<m:SyncState>S</m:SyncState><m:Changes/>",
	        "<m:SyncState/><m:IncludesLastItemInRange>true</m:IncludesLastItemInRange>",
	        "<m:SyncState>S</m:SyncState><m:IncludesLastItemInRange>true"
	        "</m:IncludesLastItemInRange><m:Changes><t:Delete/></m:Changes>",
	        "<m:SyncState>S</m:SyncState><m:IncludesLastItemInRange>true"
	        "</m:IncludesLastItemInRange><m:Changes><t:Create><t:Contact/></t:Create>"
	        "</m:Changes>",
	};
	autoptr(fake) fake = fake_new();
	for (size_t i = 0; i < G_N_ELEMENTS(contents); i++) {
		g_autofree char *state = NULL;
		bool full;
		g_autofree char *message = fake_message("SyncFolderItems", contents[i]);
		g_autofree char *batch = fake_batch("SyncFolderItems", message);
		fake_answer(fake, batch);
		g_autofree char *told = run_pass(fake, EWS_DIALECT_FOLDER, &state, &full);
		ck_assert_msg(strcmp(told, "error ews.protocol\n") == 0, "%zu: %s", i, told);
	}
}
END_TEST

START_TEST(a_large_state_goes_round)
{
	autoptr(fake) fake = fake_new();
	g_autofree char *state = NULL;
	g_autofree char *large = g_strnfill(256 * 1024, 'A');
	bool full;
	sync_page(fake, large, "true", "");
	g_free(run_pass(fake, EWS_DIALECT_FOLDER, &state, &full));
	ck_assert_uint_eq(strlen(state), 256 * 1024 + strlen("folder1:"));
	sync_page(fake, "S", "true", "");
	g_free(run_pass(fake, EWS_DIALECT_FOLDER, &state, &full));
	ck_assert_ptr_nonnull(strstr(fake_request(fake, 1), large));
	ck_assert(!full);
}
END_TEST

START_TEST(a_sink_may_stop)
{
	autoptr(fake) fake = fake_new();
	struct notes notes = {.text = g_string_new(NULL), .stop = true};
	struct ews_contacts_sink sink = {.contact = note_contact, .data = &notes};
	g_autoptr(GError) error = NULL;
	char *state = NULL;
	bool full;
	sync_page(fake, "S", "true",
	        "<t:Create>" CONTACT("1", "Bob", "bob@corp.example", "") "</t:Create>");
	ck_assert(!ews_contacts_changes(
	        fake->session, EWS_DIALECT_FOLDER, NULL, &sink, &state, &full, &error));
	ck_assert_str_eq(error_reason(error), "test.stop");
	g_string_free(notes.text, TRUE);
}
END_TEST

/* Some servers give these properties only with GetItem. */
START_TEST(folder_goes_by_ids_where_it_must)
{
	autoptr(fake) fake = fake_new();
	g_autofree char *state = NULL;
	bool full;
	answer_failure(fake, "SyncFolderItems", "ErrorInvalidPropertyRequest");
	sync_page(fake, "S", "true",
	        "<t:Create><t:Contact><t:ItemId Id=\"1\"/></t:Contact></t:Create>");
	answer_items(fake, "GetItem", CONTACT("1", "Bob", "bob@corp.example", ""));
	g_autofree char *told = run_pass(fake, EWS_DIALECT_FOLDER, &state, &full);
	ck_assert_str_eq(told, "upsert 1 bob@corp.example 'Bob' new\n");
	ck_assert_ptr_null(strstr(fake_request(fake, 1), "AdditionalProperties"));
}
END_TEST

START_TEST(folder_creates)
{
	autoptr(fake) fake = fake_new();
	autoptr(contact) contact = bob();
	struct ews_item_ref ref = {0};
	answer_items(
	        fake, "CreateItem", "<t:Contact><t:ItemId Id=\"I\" ChangeKey=\"K\"/></t:Contact>");
	ck_assert(ews_contact_create(
	        fake->session, EWS_DIALECT_FOLDER, contact, "uuid-1", &ref, NULL));
	ck_assert_str_eq(ref.id, "I");
	ck_assert_str_eq(ref.change_key, "K");
	ck_assert_str_eq(fake_request(fake, 0),
	        "<m:CreateItem><m:SavedItemFolderId><t:DistinguishedFolderId Id=\"contacts\"/>"
	        "</m:SavedItemFolderId><m:Items><t:Contact><t:ItemClass>IPM.Contact</t:ItemClass>"
	        "<t:Categories><t:String>Work</t:String></t:Categories>"
	        "<t:ExtendedProperty><t:ExtendedFieldURI "
	        "DistinguishedPropertySetId=\"PublicStrings\" PropertyName=\"imex-operation\" "
	        "PropertyType=\"String\"/><t:Value>uuid-1</t:Value></t:ExtendedProperty>"
	        "<t:FileAs>Bob &lt;B&gt;</t:FileAs><t:DisplayName>Bob &lt;B&gt;</t:DisplayName>"
	        "<t:GivenName>Bob &lt;B&gt;</t:GivenName>"
	        "<t:ImAddresses><t:Entry Key=\"ImAddress1\">bob@corp.example</t:Entry>"
	        "</t:ImAddresses></t:Contact></m:Items></m:CreateItem>");
	ews_item_ref_clear(&ref);
}
END_TEST

/* Runs a batch create of n contacts; gives "done NAME", "REASON CLASS" per outcome. */
static char *create_batch(struct fake *fake, size_t n)
{
	g_autoptr(GPtrArray) contacts =
	        g_ptr_array_new_with_free_func((GDestroyNotify)(void (*)(void))contact_free);
	g_autofree struct ews_contact_new *list = g_new0(struct ews_contact_new, n);
	struct ews_outcome *outcomes = ews_outcomes_new(n);
	for (size_t i = 0; i < n; i++) {
		g_autofree char *key = g_strdup_printf("c%zu@corp.example", i);
		g_ptr_array_add(contacts, contact_new(key, NULL));
		list[i].contact = contacts->pdata[i];
		list[i].op_uuid = "u";
	}
	g_autoptr(GError) error = NULL;
	bool ok = ews_contacts_create(fake->session, EWS_DIALECT_FOLDER, list, n, outcomes, &error);
	GString *text = g_string_new(NULL);
	bool all = true;
	for (size_t i = 0; i < n; i++) {
		ck_assert((outcomes[i].error == NULL) != (outcomes[i].ref.id == NULL));
		if (outcomes[i].error == NULL)
			g_string_append_printf(text, "%s;", outcomes[i].ref.id);
		else
			g_string_append_printf(text, "%s %s;", error_reason(outcomes[i].error),
			        error_class_name(error_class_of(outcomes[i].error)));
		all = all && outcomes[i].error == NULL;
	}
	ck_assert(ok == all);
	ck_assert((error == NULL) == all);
	ews_outcomes_free(outcomes, n);
	return g_string_free(text, FALSE);
}

#define MADE(id)                                                                                   \
	"<m:CreateItemResponseMessage ResponseClass=\"Success\"><m:ResponseCode>NoError"           \
	"</m:ResponseCode><m:Items><t:Contact><t:ItemId Id=\"" id "\"/></t:Contact></m:Items>"     \
	"</m:CreateItemResponseMessage>"
#define NOT_MADE(code)                                                                             \
	"<m:CreateItemResponseMessage ResponseClass=\"Error\"><m:ResponseCode>" code               \
	"</m:ResponseCode><m:Items/></m:CreateItemResponseMessage>"
#define STOPPED NOT_MADE("ErrorBatchProcessingStopped")
#define BATCH(messages)                                                                            \
	"<m:CreateItemResponse><m:ResponseMessages>" messages "</m:ResponseMessages>"              \
	"</m:CreateItemResponse>"

START_TEST(each_of_a_batch_has_its_outcome)
{
	autoptr(fake) fake = fake_new();
	fake_answer(fake, BATCH(MADE("a") NOT_MADE("ErrorItemSave") MADE("c")));
	g_autofree char *outcomes = create_batch(fake, 3);
	ck_assert_str_eq(outcomes, "a;ews.item item;c;");
}
END_TEST

START_TEST(what_was_left_undone_is_sent_again)
{
	autoptr(fake) fake = fake_new();
	fake_answer(fake, BATCH(MADE("a") STOPPED STOPPED));
	fake_answer(fake, BATCH(MADE("b") MADE("c")));
	g_autofree char *outcomes = create_batch(fake, 3);
	ck_assert_str_eq(outcomes, "a;b;c;");
	ck_assert_ptr_null(strstr(fake_request(fake, 1), "c0@corp.example"));
	fake_answer(fake, BATCH(STOPPED));
	g_autofree char *never = create_batch(fake, 1);
	ck_assert_str_eq(never, "ews.transient retry;");
}
END_TEST

START_TEST(one_odd_contact_fails_alone)
{
	autoptr(fake) fake = fake_new();
	const char *fault = "<s:Fault><faultcode>a:ErrorSchemaValidation</faultcode>"
	                    "<faultstring>x</faultstring></s:Fault>";
	fake_answer(fake, fault); /* all four */
	fake_answer(fake, BATCH(MADE("a") MADE("b")));
	fake_answer(fake, fault); /* the last two */
	fake_answer(fake, fault); /* the third */
	fake_answer(fake, BATCH(MADE("d")));
	g_autofree char *outcomes = create_batch(fake, 4);
	ck_assert_str_eq(outcomes, "a;b;ews.request configuration;d;");
}
END_TEST

START_TEST(an_answer_lost_half_way)
{
	autoptr(fake) fake = fake_new();
	fake->session->batch_items = 3;
	fake->chunk = 1;
	const char *answer = BATCH(MADE("a") MADE("b") MADE("c"));
	g_autofree char *head = g_strndup(answer, (size_t)(strstr(answer, "\"b\"") - answer));
	fake_lose(fake, answer, strlen(head) + 350);
	g_autofree char *outcomes = create_batch(fake, 5);
	ck_assert_msg(g_str_has_prefix(outcomes, "a;"), "%s", outcomes);
	ck_assert_msg(g_str_has_suffix(
	                      outcomes, "http.reset uncertain;ews.unsent retry;ews.unsent retry;"),
	        "%s", outcomes);
	fake_answer(fake, BATCH(MADE("a")));
	g_autofree char *fewer = create_batch(fake, 2);
	ck_assert_str_eq(fewer, "a;ews.protocol uncertain;");
	fake_answer(fake, BATCH("<m:CreateItemResponseMessage ResponseClass=\"Success\">"
	                        "<m:ResponseCode>NoError</m:ResponseCode><m:Items/>"
	                        "</m:CreateItemResponseMessage>"));
	g_autofree char *nameless = create_batch(fake, 1);
	ck_assert_str_eq(nameless, "ews.protocol uncertain;");
}
END_TEST

START_TEST(a_busy_server_gets_no_more)
{
	autoptr(fake) fake = fake_new();
	fake->session->batch_items = 1;
	fake_answer(fake, BATCH(MADE("a")));
	fake_answer_raw(fake, 503, "Retry-After: 9", "");
	g_autofree char *outcomes = create_batch(fake, 3);
	ck_assert_str_eq(outcomes, "a;ews.busy backoff;ews.busy backoff;");
}
END_TEST

static bool update_to(struct fake *fake, const struct contact *before, const struct contact *after,
        GError **error)
{
	struct ews_item_ref out = {0};
	bool ok = ews_contact_update(
	        fake->session, EWS_DIALECT_FOLDER, &ref_one, before, after, &out, error);
	if (ok)
		ck_assert_str_eq(out.id, "1");
	ews_item_ref_clear(&out);
	return ok;
}

START_TEST(folder_updates_what_differs)
{
	autoptr(fake) fake = fake_new();
	autoptr(contact) before = bob();
	autoptr(contact) after = contact_copy(before);
	g_free(after->name);
	after->name = g_strdup("Robert");
	contact_remove_group(after, "Work");
	contact_add_group(after, "Friends");
	answer_items(fake, "GetItem", NOW("Bob &lt;B&gt;", ""));
	answer_items(
	        fake, "UpdateItem", "<t:Contact><t:ItemId Id=\"1\" ChangeKey=\"n\"/></t:Contact>");
	ck_assert(update_to(fake, before, after, NULL));
	ck_assert_str_eq(fake_request(fake, 1),
	        "<m:UpdateItem ConflictResolution=\"NeverOverwrite\"><m:ItemChanges><t:ItemChange>"
	        "<t:ItemId Id=\"1\" ChangeKey=\"k1\"/><t:Updates>"
	        "<t:SetItemField><t:FieldURI FieldURI=\"item:Categories\"/><t:Contact>"
	        "<t:Categories><t:String>Holiday</t:String><t:String>Friends</t:String>"
	        "</t:Categories></t:Contact></t:SetItemField>"
	        "<t:SetItemField><t:FieldURI FieldURI=\"contacts:DisplayName\"/><t:Contact>"
	        "<t:DisplayName>Robert</t:DisplayName></t:Contact></t:SetItemField>"
	        "<t:SetItemField><t:FieldURI FieldURI=\"contacts:FileAs\"/><t:Contact>"
	        "<t:FileAs>Robert</t:FileAs></t:Contact></t:SetItemField>"
	        "</t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>");
}
END_TEST

START_TEST(folder_update_keeps_the_users_own_fields)
{
	autoptr(fake) fake = fake_new();
	autoptr(contact) before = bob();
	autoptr(contact) after = contact_copy(before);
	g_clear_pointer(&after->name, g_free);
	contact_remove_group(after, "Work");
	answer_items(fake, "GetItem",
	        "<t:Contact><t:ItemId Id=\"1\" ChangeKey=\"k\"/><t:ItemClass>IPM.Contact"
	        "</t:ItemClass>" CATEGORIES(
	                STRING("Work")) "<t:FileAs>B, Bob</t:FileAs>"
	                                "<t:DisplayName>Bob "
	                                "&lt;B&gt;</t:DisplayName><t:GivenName>Bob &lt;B&gt;"
	                                "</t:GivenName><t:ImAddresses><t:Entry "
	                                "Key=\"ImAddress1\">bob@corp.example"
	                                "</t:Entry></t:ImAddresses></t:Contact>");
	answer_items(fake, "UpdateItem", "");
	ck_assert(update_to(fake, before, after, NULL));
	const char *request = fake_request(fake, 1);
	ck_assert_ptr_nonnull(
	        strstr(request, "<t:DeleteItemField><t:FieldURI "
	                        "FieldURI=\"item:Categories\"/></t:DeleteItemField>"));
	ck_assert_ptr_nonnull(strstr(request, "<t:DisplayName>bob@corp.example</t:DisplayName>"));
	ck_assert_ptr_nonnull(strstr(request, "<t:DeleteItemField><t:FieldURI "
	                                      "FieldURI=\"contacts:GivenName\"/>"));
	ck_assert_ptr_null(strstr(request, "FileAs"));
}
END_TEST

START_TEST(folder_update_sees_others_edits)
{
	autoptr(fake) fake = fake_new();
	autoptr(contact) before = bob();
	autoptr(contact) after = contact_copy(before);
	g_autoptr(GError) error = NULL;
	g_free(after->name);
	after->name = g_strdup("Robert");
	/* Somebody gave another name. */
	answer_items(fake, "GetItem", NOW("Bobby", ""));
	ck_assert(!update_to(fake, before, after, &error));
	ck_assert_str_eq(error_reason(error), "ews.conflict");
	ck_assert_uint_eq(fake_count(fake), 1);
	g_clear_error(&error);
	/* Somebody gave the same name: nothing is to be done. */
	answer_items(fake, "GetItem", NOW("Robert", ""));
	ck_assert(update_to(fake, before, after, NULL));
	ck_assert_uint_eq(fake_count(fake), 2);
	/* Somebody took the IM address away. */
	answer_items(fake, "GetItem",
	        "<t:Contact><t:ItemId "
	        "Id=\"1\"/><t:ItemClass>IPM.Contact</t:ItemClass></t:Contact>");
	ck_assert(!update_to(fake, before, after, &error));
	ck_assert_str_eq(error_reason(error), "ews.conflict");
	g_clear_error(&error);
	answer_failure(fake, "GetItem", "ErrorItemNotFound");
	ck_assert(!update_to(fake, before, after, &error));
	ck_assert_str_eq(error_reason(error), "ews.not_found");
}
END_TEST

START_TEST(folder_update_that_loses_a_race)
{
	autoptr(fake) fake = fake_new();
	autoptr(contact) before = bob();
	autoptr(contact) after = contact_copy(before);
	g_autoptr(GError) error = NULL;
	contact_add_group(after, "Friends");
	for (unsigned i = 0; i < 2; i++) {
		answer_items(fake, "GetItem", NOW("Bob &lt;B&gt;", ""));
		answer_failure(fake, "UpdateItem", "ErrorIrresolvableConflict");
	}
	answer_items(fake, "GetItem", NOW("Bob &lt;B&gt;", ""));
	answer_items(fake, "UpdateItem", "<t:Contact><t:ItemId Id=\"1\"/></t:Contact>");
	ck_assert(update_to(fake, before, after, &error));
	for (unsigned i = 0; i < 3; i++) {
		answer_items(fake, "GetItem", NOW("Bob &lt;B&gt;", ""));
		answer_failure(fake, "UpdateItem", "ErrorIrresolvableConflict");
	}
	ck_assert(!update_to(fake, before, after, &error));
	ck_assert_str_eq(error_reason(error), "ews.conflict");
}
END_TEST

START_TEST(folder_deletes)
{
	autoptr(fake) fake = fake_new();
	g_autoptr(GError) error = NULL;
	g_autofree char *done = fake_message("DeleteItem", "");
	g_autofree char *batch = fake_batch("DeleteItem", done);
	fake_answer(fake, batch);
	ck_assert(ews_contact_delete(fake->session, EWS_DIALECT_FOLDER, &ref_one, NULL, NULL));
	ck_assert_str_eq(fake_request(fake, 0),
	        "<m:DeleteItem DeleteType=\"MoveToDeletedItems\"><m:ItemIds><t:ItemId Id=\"1\"/>"
	        "</m:ItemIds></m:DeleteItem>");
	answer_failure(fake, "DeleteItem", "ErrorItemNotFound");
	ck_assert(ews_contact_delete(fake->session, EWS_DIALECT_FOLDER, &ref_one, NULL, NULL));
	answer_failure(fake, "DeleteItem", "ErrorAccessDenied");
	ck_assert(!ews_contact_delete(fake->session, EWS_DIALECT_FOLDER, &ref_one, NULL, &error));
	ck_assert_str_eq(error_reason(error), "ews.forbidden");
}
END_TEST

START_TEST(folder_deletes_what_is_as_it_was)
{
	autoptr(fake) fake = fake_new();
	g_autoptr(GError) error = NULL;
	autoptr(contact) before = contact_new("bob@corp.example", "Bob");
	contact_add_group(before, "Work");
	contact_add_group(before, "Holiday");
	answer_items(fake, "GetItem", NOW("Bob", ""));
	g_autofree char *done = fake_message("DeleteItem", "");
	g_autofree char *batch = fake_batch("DeleteItem", done);
	fake_answer(fake, batch);
	ck_assert(ews_contact_delete(fake->session, EWS_DIALECT_FOLDER, &ref_one, before, NULL));
	/* Whose change key is the one just read. */
	ck_assert_ptr_nonnull(strstr(fake_request(fake, 1), "ChangeKey="));
	answer_items(fake, "GetItem", NOW("Bobby", ""));
	ck_assert(!ews_contact_delete(fake->session, EWS_DIALECT_FOLDER, &ref_one, before, &error));
	ck_assert_str_eq(error_reason(error), "ews.conflict");
	ck_assert_int_eq(error_class_of(error), ERROR_ITEM);
	g_clear_error(&error);
	answer_failure(fake, "GetItem", "ErrorItemNotFound");
	ck_assert(ews_contact_delete(fake->session, EWS_DIALECT_FOLDER, &ref_one, before, NULL));
	answer_failure(fake, "GetItem", "ErrorServerBusy");
	ck_assert(!ews_contact_delete(fake->session, EWS_DIALECT_FOLDER, &ref_one, before, &error));
	ck_assert_str_eq(error_reason(error), "ews.busy");
}
END_TEST

static void found_page(struct fake *fake, const char *last, const char *items)
{
	g_autofree char *root = g_strdup_printf("<m:RootFolder IndexedPagingOffset=\"0\" "
	                                        "TotalItemsInView=\"9\" "
	                                        "IncludesLastItemInRange=\"%s\"><t:Items>%s"
	                                        "</t:Items></m:RootFolder>",
	        last, items);
	g_autofree char *message = fake_message("FindItem", root);
	g_autofree char *batch = fake_batch("FindItem", message);
	fake_answer(fake, batch);
}

START_TEST(folder_finds_by_address_and_operation)
{
	autoptr(fake) fake = fake_new();
	g_autoptr(GPtrArray) found = found_array();
	/* A page of a server that overlooks the restriction, and tells one item twice. */
	found_page(fake, "false",
	        CONTACT("1", "x", "SIP:Bob@corp.example",
	                "<t:DateTimeCreated>2026-11-23T09:00:02Z</t:DateTimeCreated>")
	                CONTACT("2", "x", "notbob@corp.example", ""));
	found_page(fake, "true",
	        CONTACT("1", "x", "bob@corp.example", "") CONTACT("3", "x", "other@corp.example",
	                "<t:DateTimeCreated>2026-11-23T09:00:01.123456789Z"
	                "</t:DateTimeCreated>" EXT("imex-operation", "u7")));
	ck_assert(ews_contact_find(
	        fake->session, EWS_DIALECT_FOLDER, "sip:BOB@corp.example", "u7", found, NULL));
	ck_assert_uint_eq(found->len, 2);
	const struct ews_contact_found *older = found->pdata[0], *newer = found->pdata[1];
	ck_assert_str_eq(older->ref.id, "3");
	ck_assert_str_eq(older->op_uuid, "u7");
	ck_assert_str_eq(newer->ref.id, "1");
	ck_assert_str_eq(newer->contact->key, "bob@corp.example");
	ck_assert_ptr_nonnull(strstr(fake_request(fake, 0), "<m:Restriction><t:Or><t:IsEqualTo>"));
	ck_assert_ptr_nonnull(strstr(fake_request(fake, 1), "Offset=\"2\""));
}
END_TEST

START_TEST(folder_finds_without_the_servers_help)
{
	autoptr(fake) fake = fake_new();
	g_autoptr(GPtrArray) found = found_array();
	answer_failure(fake, "FindItem", "ErrorUnsupportedPathForQuery");
	found_page(fake, "true", CONTACT("1", "x", "bob@corp.example", ""));
	ck_assert(ews_contact_find(
	        fake->session, EWS_DIALECT_FOLDER, "bob@corp.example", NULL, found, NULL));
	ck_assert_uint_eq(found->len, 1);
	ck_assert_ptr_null(strstr(fake_request(fake, 1), "Restriction"));
	ck_assert(ews_contact_find(fake->session, EWS_DIALECT_FOLDER, NULL, NULL, found, NULL));
	g_autoptr(GError) error = NULL;
	ck_assert(
	        !ews_contact_find(fake->session, EWS_DIALECT_FOLDER, "a b@@", NULL, found, &error));
	ck_assert_str_eq(error_reason(error), "address.invalid");
}
END_TEST

START_TEST(groups_are_nothing_of_their_own_in_folder)
{
	autoptr(fake) fake = fake_new();
	autoptr(group) group = group_new("Work", GROUP_KIND_USER);
	ck_assert(ews_group_create(fake->session, EWS_DIALECT_FOLDER, group, NULL, NULL));
	ck_assert(ews_group_rename(fake->session, EWS_DIALECT_FOLDER, group, "x", NULL));
	ck_assert(ews_group_delete(fake->session, EWS_DIALECT_FOLDER, group, NULL));
	ck_assert(ews_migration_completed(fake->session, EWS_DIALECT_FOLDER, true, NULL));
	ck_assert_uint_eq(fake_count(fake), 0);
}
END_TEST

Suite *driver_folder_suite(void)
{
	Suite *suite = suite_create("driver_folder");
	TCase *tests = tcase_create("driver_folder");
	tcase_add_test(tests, folder_reads_pages);
	tcase_add_test(tests, folder_reads_changes);
	tcase_add_test(tests, folder_fetches_what_came_short);
	tcase_add_test(tests, a_stopped_batch_is_asked_for_again);
	tcase_add_test(tests, a_slow_batch_is_halved);
	tcase_add_test(tests, folder_starts_again_when_the_state_is_refused);
	tcase_add_test(tests, a_state_that_stands_still_ends_the_loop);
	tcase_add_test(tests, a_page_may_lack_elements);
	tcase_add_test(tests, a_large_state_goes_round);
	tcase_add_test(tests, a_sink_may_stop);
	tcase_add_test(tests, folder_goes_by_ids_where_it_must);
	tcase_add_test(tests, folder_creates);
	tcase_add_test(tests, each_of_a_batch_has_its_outcome);
	tcase_add_test(tests, what_was_left_undone_is_sent_again);
	tcase_add_test(tests, one_odd_contact_fails_alone);
	tcase_add_test(tests, an_answer_lost_half_way);
	tcase_add_test(tests, a_busy_server_gets_no_more);
	tcase_add_test(tests, folder_updates_what_differs);
	tcase_add_test(tests, folder_update_keeps_the_users_own_fields);
	tcase_add_test(tests, folder_update_sees_others_edits);
	tcase_add_test(tests, folder_update_that_loses_a_race);
	tcase_add_test(tests, folder_deletes);
	tcase_add_test(tests, folder_deletes_what_is_as_it_was);
	tcase_add_test(tests, folder_finds_by_address_and_operation);
	tcase_add_test(tests, folder_finds_without_the_servers_help);
	tcase_add_test(tests, groups_are_nothing_of_their_own_in_folder);
	suite_add_tcase(suite, tests);
	return suite;
}
