/* Folders, messages and whose mailbox it is, against canned answers. */
#include "contact_case.h"

#include "core/error.h"

#include <check.h>
#include <string.h>

Suite *messages_suite(void);

#define FOLDER(id) "<m:Folders><t:Folder><t:FolderId Id=\"" id "\"/></t:Folder></m:Folders>"
#define MESSAGE(id, created, more)                                                                 \
	"<t:Message><t:ItemId Id=\"" id "\" ChangeKey=\"k\"/><t:ItemClass>IPM.Note</t:ItemClass>"  \
	"<t:Subject>S</t:Subject><t:DateTimeReceived>" created                                     \
	"</t:DateTimeReceived><t:DateTimeCreated>" created "</t:DateTimeCreated>" more             \
	"</t:Message>"
#define DELIVERY(uuid) EXT("imex-delivery", uuid)
#define T(second) "2026-11-23T09:00:0" second "Z"
#define T0 (INT64_C(1795424400) * 1000000) /* 2026-11-23T09:00:00Z */

static void answer_message(struct fake *fake, const char *op, const char *content)
{
	g_autofree char *message = fake_message(op, content);
	g_autofree char *batch = fake_batch(op, message);
	fake_answer(fake, batch);
}

START_TEST(history_is_the_distinguished_folder)
{
	autoptr(fake) fake = fake_new();
	g_autofree char *id = NULL;
	answer_message(fake, "GetFolder", FOLDER("H"));
	ck_assert(ews_folder_ensure(fake->session, EWS_FOLDER_CONVERSATION_HISTORY, &id, NULL));
	ck_assert_str_eq(id, "H");
	ck_assert_str_eq(fake_request(fake, 0),
	        "<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape>"
	        "<m:FolderIds><t:DistinguishedFolderId Id=\"conversationhistory\"/>"
	        "</m:FolderIds></m:GetFolder>");
}
END_TEST

#define FOUND_FOLDERS(folders)                                                                     \
	"<m:RootFolder IncludesLastItemInRange=\"true\"><t:Folders>" folders                       \
	"</t:Folders></m:RootFolder>"
#define NAMED(id, name)                                                                            \
	"<t:Folder><t:FolderId Id=\"" id "\"/><t:ParentFolderId Id=\"P\"/><t:DisplayName>" name    \
	"</t:DisplayName></t:Folder>"

START_TEST(history_is_found_or_made)
{
	autoptr(fake) fake = fake_new();
	g_autofree char *id = NULL;
	answer_failure(fake, "GetFolder", "ErrorFolderNotFound");
	answer_message(fake, "FindFolder",
	        FOUND_FOLDERS(NAMED("x", "Inbox") NAMED("y", "conversation history")));
	ck_assert(ews_folder_ensure(fake->session, EWS_FOLDER_CONVERSATION_HISTORY, &id, NULL));
	ck_assert_str_eq(id, "y");
	g_clear_pointer(&id, g_free);
	answer_failure(fake, "GetFolder", "ErrorFolderNotFound");
	answer_message(fake, "FindFolder", FOUND_FOLDERS(""));
	answer_message(fake, "CreateFolder", FOLDER("N"));
	ck_assert(ews_folder_ensure(fake->session, EWS_FOLDER_CONVERSATION_HISTORY, &id, NULL));
	ck_assert_str_eq(id, "N");
	g_clear_pointer(&id, g_free);
	/* Another worker was faster. */
	answer_failure(fake, "GetFolder", "ErrorFolderNotFound");
	answer_message(fake, "FindFolder", FOUND_FOLDERS(""));
	answer_failure(fake, "CreateFolder", "ErrorFolderExists");
	answer_message(fake, "FindFolder", FOUND_FOLDERS(NAMED("z", "Conversation History")));
	ck_assert(ews_folder_ensure(fake->session, EWS_FOLDER_CONVERSATION_HISTORY, &id, NULL));
	ck_assert_str_eq(id, "z");
}
END_TEST

START_TEST(folders_of_mail_are_listed)
{
	autoptr(fake) fake = fake_new();
	g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
	bool all = false;
	answer_message(fake, "FindFolder",
	        FOUND_FOLDERS(NAMED("a", "Inbox") "<t:ContactsFolder><t:FolderId Id=\"c\"/>"
	                                          "</t:ContactsFolder>" NAMED("b", "Old")));
	g_autofree char *kept = fake_message("GetFolder", FOLDER("r"));
	g_autofree char *gone = fake_failure("GetFolder", "ErrorFolderNotFound");
	g_autofree char *both = g_strconcat(kept, gone, NULL);
	g_autofree char *batch = fake_batch("GetFolder", both);
	fake_answer(fake, batch);
	ck_assert(ews_folders_of_mail(fake->session, ids, &all, NULL));
	ck_assert(all);
	ck_assert_uint_eq(ids->len, 3);
	ck_assert_str_eq(ids->pdata[0], "a");
	ck_assert_str_eq(ids->pdata[1], "b");
	ck_assert_str_eq(ids->pdata[2], "r");
	ck_assert_ptr_nonnull(strstr(fake_request(fake, 0), "Traversal=\"Deep\""));
	ck_assert_ptr_null(strstr(fake_request(fake, 0), "Restriction"));
	/* More than one answer holds. */
	answer_message(fake, "FindFolder",
	        "<m:RootFolder IncludesLastItemInRange=\"false\"><t:Folders>" NAMED(
	                "a", "Inbox") "</t:Folders></m:RootFolder>");
	answer_failure(fake, "GetFolder", "ErrorFolderNotFound");
	ck_assert(ews_folders_of_mail(fake->session, ids, &all, NULL));
	ck_assert(!all);
}
END_TEST

START_TEST(purges_is_never_made)
{
	autoptr(fake) fake = fake_new();
	g_autoptr(GError) error = NULL;
	char *id = NULL;
	answer_failure(fake, "GetFolder", "ErrorFolderNotFound");
	ck_assert(!ews_folder_ensure(fake->session, EWS_FOLDER_PURGES, &id, &error));
	ck_assert_str_eq(error_reason(error), "ews.not_found");
	ck_assert_ptr_null(id);
	g_clear_error(&error);
	answer_message(fake, "GetFolder", "<m:Folders/>");
	ck_assert(!ews_folder_ensure(fake->session, EWS_FOLDER_CONTACTS, &id, &error));
	ck_assert_str_eq(error_reason(error), "ews.protocol");
}
END_TEST

START_TEST(a_message_is_made_from_mime)
{
	autoptr(fake) fake = fake_new();
	struct ews_item_ref ref = {0};
	struct ews_message message = {
	        .mime = "From: a\r\n",
	        .mime_len = 9,
	        .delivery_uuid = "d-1",
	        .sent_utc_us = T0 + 999999,
	        .received_utc_us = T0 + 5000000,
	        .read = true,
	};
	answer_items(
	        fake, "CreateItem", "<t:Message><t:ItemId Id=\"M\" ChangeKey=\"K\"/></t:Message>");
	ck_assert(ews_message_create(fake->session, "F", &message, &ref, NULL));
	ck_assert_str_eq(ref.id, "M");
	ck_assert_str_eq(fake_request(fake, 0),
	        "<m:CreateItem MessageDisposition=\"SaveOnly\"><m:SavedItemFolderId>"
	        "<t:FolderId Id=\"F\"/></m:SavedItemFolderId><m:Items><t:Message>"
	        "<t:MimeContent CharacterSet=\"UTF-8\">RnJvbTogYQ0K</t:MimeContent>"
	        "<t:ItemClass>IPM.Note.Microsoft.Conversation</t:ItemClass>"
	        "<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag=\"0x0E07\" "
	        "PropertyType=\"Integer\"/><t:Value>1</t:Value></t:ExtendedProperty>"
	        "<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag=\"0x0039\" "
	        "PropertyType=\"SystemTime\"/><t:Value>2026-11-23T09:00:00Z</t:Value>"
	        "</t:ExtendedProperty>"
	        "<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag=\"0x0E06\" "
	        "PropertyType=\"SystemTime\"/><t:Value>2026-11-23T09:00:05Z</t:Value>"
	        "</t:ExtendedProperty>"
	        "<t:ExtendedProperty><t:ExtendedFieldURI "
	        "DistinguishedPropertySetId=\"PublicStrings\" PropertyName=\"imex-delivery\" "
	        "PropertyType=\"String\"/><t:Value>d-1</t:Value></t:ExtendedProperty>"
	        "<t:IsRead>true</t:IsRead></t:Message></m:Items></m:CreateItem>");
	ews_item_ref_clear(&ref);
}
END_TEST

#define MADE(id)                                                                                   \
	"<m:CreateItemResponseMessage ResponseClass=\"Success\"><m:ResponseCode>NoError"           \
	"</m:ResponseCode><m:Items><t:Message><t:ItemId Id=\"" id                                  \
	"\"/></t:Message></m:Items></m:CreateItemResponseMessage>"

START_TEST(batches_are_cut_by_size)
{
	autoptr(fake) fake = fake_new();
	fake->session->batch_bytes = 10;
	struct ews_message messages[4] = {0};
	for (unsigned i = 0; i < 4; i++)
		messages[i] = (struct ews_message){
		        .mime = "0123456789abcdef", .mime_len = i == 2 ? 16 : 4};
	struct ews_outcome *outcomes = ews_outcomes_new(4);
	g_autofree char *two = fake_batch("CreateItem", MADE("a") MADE("b"));
	g_autofree char *third = fake_batch("CreateItem", MADE("c"));
	g_autofree char *fourth = fake_batch("CreateItem", MADE("d"));
	fake_answer(fake, two);
	fake_answer(fake, third);
	fake_answer(fake, fourth);
	ck_assert(ews_messages_create(fake->session, "F", messages, 4, outcomes, NULL));
	ck_assert_str_eq(outcomes[3].ref.id, "d");
	ews_outcomes_free(outcomes, 4);
}
END_TEST

static bool note(const struct ews_message_info *info, void *data, GError **error)
{
	(void)error;
	GString *text = data;
	g_string_append_printf(text, "%s%s%s %d;", info->deleted ? "-" : "", info->ref.id,
	        info->delivery_uuid == NULL ? "" : info->delivery_uuid,
	        info->created_utc_us == 0 ? -1 : (int)((info->created_utc_us - T0) / 1000000));
	return true;
}

static void found_page(struct fake *fake, const char *last, const char *items)
{
	g_autofree char *root =
	        g_strdup_printf("<m:RootFolder IndexedPagingOffset=\"0\" TotalItemsInView=\"9\" "
	                        "IncludesLastItemInRange=\"%s\"><t:Items>%s</t:Items>"
	                        "</m:RootFolder>",
	                last, items);
	answer_message(fake, "FindItem", root);
}

/* Each page begins with the second in which the last one ended; nothing is told twice. */
/* Rows 50 and 51 */
START_TEST(pages_go_by_time)
{
	autoptr(fake) fake = fake_new();
	g_autoptr(GString) told = g_string_new(NULL);
	found_page(fake, "false", MESSAGE("a", T("1"), DELIVERY("/u1")) MESSAGE("b", T("3"), ""));
	found_page(fake, "false", MESSAGE("b", T("3"), "") MESSAGE("c", T("3"), ""));
	found_page(fake, "true", MESSAGE("d", T("3"), "") MESSAGE("e", T("9"), ""));
	ck_assert(ews_messages_created(fake->session, "F", T0, note, told, NULL));
	ck_assert_str_eq(told->str, "a/u1 1;b 3;c 3;d 3;e 9;");
	ck_assert_ptr_nonnull(strstr(fake_request(fake, 0),
	        "<m:Restriction><t:IsGreaterThanOrEqualTo><t:FieldURI "
	        "FieldURI=\"item:DateTimeCreated\"/><t:FieldURIOrConstant><t:Constant "
	        "Value=\"2026-11-23T09:00:00Z\"/>"));
	ck_assert_ptr_nonnull(strstr(fake_request(fake, 1), "Value=\"2026-11-23T09:00:03Z\""));
	ck_assert_ptr_nonnull(strstr(fake_request(fake, 1), "Offset=\"0\""));
	ck_assert_ptr_nonnull(strstr(fake_request(fake, 2), "Offset=\"2\""));
}
END_TEST

/* Row 52 */
START_TEST(a_server_that_repeats_itself_is_left)
{
	autoptr(fake) fake = fake_new();
	g_autoptr(GString) told = g_string_new(NULL);
	g_autoptr(GError) error = NULL;
	for (unsigned i = 0; i < 4; i++)
		found_page(fake, "false", MESSAGE("a", T("0"), ""));
	ck_assert(!ews_messages_created(fake->session, "F", T0, note, told, &error));
	ck_assert_str_eq(error_reason(error), "ews.protocol");
	ck_assert_str_eq(told->str, "a 0;");
}
END_TEST

START_TEST(a_range_is_kept_to)
{
	autoptr(fake) fake = fake_new();
	g_autoptr(GString) told = g_string_new(NULL);
	found_page(fake, "true",
	        MESSAGE("a", T("1"), "") MESSAGE("b", T("2"), "") MESSAGE("c", T("4"), ""));
	ck_assert(ews_messages_each(
	        fake->session, "F", T0 + 1500000, T0 + 4000000, note, told, NULL));
	ck_assert_str_eq(told->str, "b 2;");
	ck_assert_ptr_nonnull(strstr(fake_request(fake, 0),
	        "<t:IsLessThan><t:FieldURI FieldURI=\"item:DateTimeReceived\"/>"
	        "<t:FieldURIOrConstant><t:Constant Value=\"2026-11-23T09:00:04Z\"/>"));
}
END_TEST

START_TEST(a_delivery_is_found_by_its_id)
{
	autoptr(fake) fake = fake_new();
	g_autoptr(GPtrArray) found =
	        g_ptr_array_new_with_free_func((GDestroyNotify)(void (*)(void))ews_item_ref_free);
	found_page(fake, "true",
	        MESSAGE("a", T("1"), DELIVERY("u1")) MESSAGE("b", T("2"), DELIVERY("u2")));
	ck_assert(ews_messages_find_uuid(fake->session, "F", "u2", T0, found, NULL));
	ck_assert_uint_eq(found->len, 1);
	ck_assert_str_eq(((struct ews_item_ref *)found->pdata[0])->id, "b");
	/* A server that cannot search by it is asked only for what is recent. */
	g_ptr_array_set_size(found, 0);
	answer_failure(fake, "FindItem", "ErrorUnsupportedPathForQuery");
	found_page(fake, "true", MESSAGE("a", T("1"), DELIVERY("u1")) MESSAGE("b", T("2"), ""));
	ck_assert(ews_messages_find_uuid(fake->session, "F", "u1", T0, found, NULL));
	ck_assert_uint_eq(found->len, 1);
	ck_assert_ptr_null(strstr(fake_request(fake, 2), "<m:Restriction><t:And>"));
}
END_TEST

START_TEST(changes_since_a_state)
{
	autoptr(fake) fake = fake_new();
	g_autoptr(GString) told = g_string_new(NULL);
	g_autofree char *state = NULL;
	bool full = true;
	sync_page(fake, "S2", "true",
	        "<t:Create>" MESSAGE(
	                "a", T("1"), DELIVERY("/u1")) "</t:Create>"
	                                              "<t:Delete><t:ItemId Id=\"b\"/></t:Delete>"
	                                              "<t:ReadFlagChange><t:ItemId "
	                                              "Id=\"c\"/></t:ReadFlagChange>");
	ck_assert(ews_messages_changes(fake->session, "F", "S1", note, told, &state, &full, NULL));
	ck_assert_str_eq(told->str, "a/u1 1;-b -1;");
	ck_assert_str_eq(state, "S2");
	ck_assert(!full);
	g_clear_pointer(&state, g_free);
	answer_failure(fake, "SyncFolderItems", "ErrorInvalidSyncStateData");
	sync_page(fake, "S3", "true", "");
	ck_assert(ews_messages_changes(fake->session, "F", "S2", note, told, &state, &full, NULL));
	ck_assert(full);
}
END_TEST

static bool collect(const void *bytes, size_t len, void *data, GError **error)
{
	(void)error;
	g_byte_array_append(data, bytes, (guint)len);
	return true;
}

/* Row 54 */
START_TEST(mime_comes_in_pieces)
{
	autoptr(fake) fake = fake_new();
	g_autoptr(GByteArray) mime = g_byte_array_new();
	g_autoptr(GByteArray) original = g_byte_array_new();
	for (unsigned i = 0; i < 20000; i++)
		g_byte_array_append(original, (const guint8[]){(guint8)(i * 7 % 251)}, 1);
	g_autofree char *base64 = g_base64_encode(original->data, original->len);
	g_autofree char *item = g_strdup_printf("<t:Message><t:MimeContent "
	                                        "CharacterSet=\"UTF-8\">%s</t:MimeContent>"
	                                        "<t:ItemId Id=\"M\"/></t:Message>",
	        base64);
	fake->chunk = 777;
	answer_items(fake, "GetItem", item);
	ck_assert(ews_message_get_mime(fake->session, "M", collect, mime, NULL));
	ck_assert_uint_eq(mime->len, original->len);
	ck_assert_mem_eq(mime->data, original->data, original->len);
	g_autoptr(GError) error = NULL;
	answer_items(fake, "GetItem", "<t:Message><t:ItemId Id=\"M\"/></t:Message>");
	ck_assert(!ews_message_get_mime(fake->session, "M", collect, mime, &error));
	ck_assert_str_eq(error_reason(error), "ews.protocol");
	g_clear_error(&error);
	answer_failure(fake, "GetItem", "ErrorItemNotFound");
	ck_assert(!ews_message_get_mime(fake->session, "M", collect, mime, &error));
	ck_assert_str_eq(error_reason(error), "ews.not_found");
}
END_TEST

START_TEST(deleted_for_good)
{
	autoptr(fake) fake = fake_new();
	answer_message(fake, "DeleteItem", "");
	ck_assert(ews_message_delete(fake->session, "M", NULL));
	ck_assert_ptr_nonnull(strstr(fake_request(fake, 0), "DeleteType=\"HardDelete\""));
}
END_TEST

/* whose mailbox */

#define ROOT(id)                                                                                   \
	"<m:GetFolderResponseMessage ResponseClass=\"Success\"><m:ResponseCode>NoError"            \
	"</m:ResponseCode>" FOLDER(id) "</m:GetFolderResponseMessage>"
#define NO_ROOT(code)                                                                              \
	"<m:GetFolderResponseMessage ResponseClass=\"Error\"><m:ResponseCode>" code                \
	"</m:ResponseCode><m:Folders/></m:GetFolderResponseMessage>"

static void answer_roots(struct fake *fake, const char *messages)
{
	g_autofree char *batch = fake_batch("GetFolder", messages);
	fake_answer(fake, batch);
}

static void answer_name(struct fake *fake, const char *address)
{
	g_autofree char *set = g_strdup_printf(
	        "<m:ResolutionSet TotalItemsInView=\"1\" IncludesLastItemInRange=\"true\">"
	        "<t:Resolution><t:Mailbox><t:Name>Alice A</t:Name><t:EmailAddress>%s"
	        "</t:EmailAddress><t:RoutingType>SMTP</t:RoutingType><t:MailboxType>Mailbox"
	        "</t:MailboxType></t:Mailbox></t:Resolution></m:ResolutionSet>",
	        address);
	answer_message(fake, "ResolveNames", set);
}

START_TEST(the_mailbox_is_confirmed)
{
	autoptr(fake) fake = fake_new();
	struct ews_mailbox_info *info = NULL;
	answer_roots(fake, ROOT("R") ROOT("R"));
	answer_name(fake, "Alice@corp.example");
	ck_assert(ews_confirm_mailbox(fake->session, &info, NULL));
	ck_assert_str_eq(info->root_id, "R");
	ck_assert_str_eq(info->smtp, "Alice@corp.example");
	ck_assert_str_eq(info->name, "Alice A");
	ews_mailbox_info_free(info);
	/* A directory that does not tell is no hindrance. */
	answer_roots(fake, ROOT("R") ROOT("R"));
	answer_failure(fake, "ResolveNames", "ErrorNameResolutionNoResults");
	ck_assert(ews_confirm_mailbox(fake->session, &info, NULL));
	ck_assert_ptr_null(info->smtp);
	ews_mailbox_info_free(info);
}
END_TEST

static void expect_refusal(struct fake *fake, const char *reason, const char *word)
{
	g_autoptr(GError) error = NULL;
	struct ews_mailbox_info *info = NULL;
	ck_assert(!ews_confirm_mailbox(fake->session, &info, &error));
	ck_assert_str_eq(error_reason(error), reason);
	ck_assert_msg(strstr(error->message, word) != NULL, "%s", error->message);
	ck_assert_ptr_null(info);
}

START_TEST(another_mailbox_is_refused)
{
	autoptr(fake) fake = fake_new();
	answer_roots(fake, ROOT("R") ROOT("other"));
	expect_refusal(fake, "ews.wrong_mailbox", "another one");
	answer_roots(fake, ROOT("R") NO_ROOT("ErrorAccessDenied"));
	expect_refusal(fake, "ews.wrong_mailbox", "ews.forbidden");
	answer_roots(fake, NO_ROOT("ErrorNonExistentMailbox") NO_ROOT("ErrorNonExistentMailbox"));
	expect_refusal(fake, "ews.no_mailbox", "ErrorNonExistentMailbox");
	answer_roots(fake, ROOT("R") NO_ROOT("ErrorMailboxStoreUnavailable"));
	expect_refusal(fake, "ews.transient", "ErrorMailboxStoreUnavailable");
	answer_roots(fake, ROOT("R") ROOT("R"));
	answer_name(fake, "robert@corp.example");
	expect_refusal(fake, "ews.wrong_mailbox", "robert@corp.example");
	answer_roots(fake, ROOT("R"));
	expect_refusal(fake, "ews.wrong_mailbox", "ews.protocol");
	ews_session_use_mailbox(fake->session, NULL);
	expect_refusal(fake, "ews.wrong_mailbox", "no mailbox");
}
END_TEST

Suite *messages_suite(void)
{
	Suite *suite = suite_create("messages");
	TCase *tests = tcase_create("messages");
	tcase_add_test(tests, history_is_the_distinguished_folder);
	tcase_add_test(tests, history_is_found_or_made);
	tcase_add_test(tests, folders_of_mail_are_listed);
	tcase_add_test(tests, purges_is_never_made);
	tcase_add_test(tests, a_message_is_made_from_mime);
	tcase_add_test(tests, batches_are_cut_by_size);
	tcase_add_test(tests, pages_go_by_time);
	tcase_add_test(tests, a_server_that_repeats_itself_is_left);
	tcase_add_test(tests, a_range_is_kept_to);
	tcase_add_test(tests, a_delivery_is_found_by_its_id);
	tcase_add_test(tests, changes_since_a_state);
	tcase_add_test(tests, mime_comes_in_pieces);
	tcase_add_test(tests, deleted_for_good);
	tcase_add_test(tests, the_mailbox_is_confirmed);
	tcase_add_test(tests, another_mailbox_is_refused);
	suite_add_tcase(suite, tests);
	return suite;
}
