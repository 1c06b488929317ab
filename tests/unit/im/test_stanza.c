#include "im/stanza.h"

#include "core/error.h"

#include <check.h>
#include <string.h>

Suite *stanza_suite(void);

#define CHAT(inner) "<message from='a@x/r' to='b@x' type='chat' id='m1'>" inner "</message>"

/* kind NULL: nobody wants it. */
static const struct row {
	const char *xml, *kind, *text, *url, *refers_to;
} rows[] = {
        {CHAT("<body>Hi &lt;you&gt; &amp; me &#x1F600;</body>"), "chat", "Hi <you> & me 😀", NULL,
                NULL},
        {"<message xmlns='jabber:client' type='chat'><body>ns</body></message>", "chat", "ns", NULL,
                NULL},
        {CHAT("<html xmlns='http://jabber.org/protocol/xhtml-im'><body "
              "xmlns='http://www.w3.org/1999/xhtml'><p>no</p></body></html><body>yes</body>"),
                "chat", "yes", NULL, NULL},
        {CHAT("<body>one</body><body xml:lang='de'>eins</body>"), "chat", "one\n[de] eins", NULL,
                NULL},
        {"<message><subject>About</subject><body>text</body></message>", "chat", "About\n\ntext",
                NULL, NULL},
        {CHAT("<body>new</body><replace id='m0' xmlns='urn:xmpp:message-correct:0'/>"),
                "correction", "new", NULL, "m0"},
        {CHAT("<body>new</body><x><replace id='m0' xmlns='urn:xmpp:message-correct:0'/></x>"),
                "chat", "new", NULL, NULL},
        {CHAT("<apply-to id='m6' xmlns='urn:xmpp:fasten:0'><retract "
              "xmlns='urn:xmpp:message-retract:0'/></apply-to><body>attempted</body>"),
                "retraction", NULL, NULL, "m6"},
        {CHAT("<retract id='m7' xmlns='urn:xmpp:message-retract:1'/><body>attempted</body>"),
                "retraction", NULL, NULL, "m7"},
        {CHAT("<apply-to id='m8' xmlns='urn:xmpp:fasten:0'><moderated by='r@x/Admin' "
              "xmlns='urn:xmpp:message-moderate:0'><retract xmlns='urn:xmpp:message-retract:0'/>"
              "</moderated></apply-to>"),
                "retraction", NULL, NULL, "m8"},
        {CHAT("<reactions id='m3' xmlns='urn:xmpp:reactions:0'><reaction>👍</reaction>"
              "<reaction>❤️</reaction></reactions>"),
                "reaction", "👍 ❤️", NULL, "m3"},
        {CHAT("<reactions id='m3' xmlns='urn:xmpp:reactions:0'/>"), "reaction", "", NULL, "m3"},
        {CHAT("<body>https://u/x</body><x xmlns='jabber:x:oob'><url>https://u/x</url>"
              "<desc>log</desc></x>"),
                "file", "log", "https://u/x", NULL},
        {CHAT("<body>look</body><x xmlns='jabber:x:oob'><url>https://u/x</url></x><x "
              "xmlns='jabber:x:oob'><url>https://u/y</url></x>"),
                "file", "look\nhttps://u/y", "https://u/x", NULL},
        {CHAT("<encrypted xmlns='eu.siacs.conversations.axolotl'><payload>x</payload></encrypted>"
              "<body>hint</body>"),
                "encrypted", NULL, NULL, NULL},
        {CHAT("<encrypted xmlns='urn:xmpp:omemo:2'/>"), "encrypted", NULL, NULL, NULL},
        {CHAT("<x xmlns='jabber:x:encrypted'>x</x><body>hint</body>"), "encrypted", NULL, NULL,
                NULL},
        {CHAT("<body>?OTRv23?</body>"), "encrypted", NULL, NULL, NULL},
        {"<message type='groupchat'><subject>Topic</subject></message>", "subject", "Topic", NULL,
                NULL},
        {"<message type='groupchat'><subject/></message>", "subject", "", NULL, NULL},
        {"<presence from='r@c/Al'/>", "join", NULL, NULL, NULL},
        {"<presence from='r@c/Al' type='unavailable'/>", "leave", NULL, NULL, NULL},
        {"<presence type='subscribe'/>", NULL, NULL, NULL, NULL},
        {CHAT("<composing xmlns='http://jabber.org/protocol/chatstates'/>"), NULL, NULL, NULL,
                NULL},
        {CHAT("<received xmlns='urn:xmpp:receipts' id='m1'/>"), NULL, NULL, NULL, NULL},
        {CHAT("<body/>"), NULL, NULL, NULL, NULL},
        {"<message type='error'><body>bounced</body></message>", NULL, NULL, NULL, NULL},
        {"<message type='headline'><body>news</body></message>", NULL, NULL, NULL, NULL},
};

/* Row 66 */
START_TEST(kinds)
{
	const struct row *row = &rows[_i];
	g_autoptr(GError) error = NULL;
	autoptr(stanza) stanza = stanza_parse(row->xml, strlen(row->xml), &error);
	ck_assert_msg(stanza != NULL, "%s", error != NULL ? error->message : "");
	enum message_kind kind;
	bool wanted = stanza_kind(stanza, &kind);
	ck_assert_int_eq(wanted, row->kind != NULL);
	if (!wanted)
		return;
	ck_assert_str_eq(message_kind_name(kind), row->kind);
	autoptr(message) message = stanza_message(stanza, kind);
	ck_assert_pstr_eq(message->text, row->text);
	ck_assert_pstr_eq(message->url, row->url);
	ck_assert_pstr_eq(message->refers_to, row->refers_to);
}
END_TEST

static const char *const broken[] = {
        "",
        "not xml",
        "<message><body>cut",
        "<message><body>x</body></message",
        "<message><body>x</message></body>",
        "<!DOCTYPE m [<!ENTITY e 'x'>]><message><body>&e;</body></message>",
        "<message><body>&nope;</body></message>",
        "<iq type='get'/>",
        "<message xmlns='urn:other'><body>x</body></message>",
};

START_TEST(bad_input)
{
	GError *error = NULL;
	ck_assert_ptr_null(stanza_parse(broken[_i], strlen(broken[_i]), &error));
	ck_assert_int_eq(error_class_of(error), ERROR_ITEM);
	ck_assert_ptr_null(strstr(error->message, "<body>"));
	g_clear_error(&error);
}
END_TEST

START_TEST(bounds)
{
	g_autoptr(GString) deep = g_string_new("<message>");
	for (int i = 0; i < 200; i++)
		g_string_append(deep, "<a>");
	GError *error = NULL;
	ck_assert_ptr_null(stanza_parse(deep->str, deep->len, &error));
	g_clear_error(&error);

	g_autoptr(GString) large = g_string_new("<message type='chat'><body>");
	for (int i = 0; i < 1024 * 1024; i++)
		g_string_append_c(large, 'a');
	g_string_append(large, "</body></message>");
	autoptr(stanza) stanza = stanza_parse(large->str, large->len, &error);
	ck_assert_ptr_nonnull(stanza);
	ck_assert_uint_eq(strlen(stanza->body), 1024 * 1024);

	ck_assert_ptr_null(stanza_parse(large->str, (size_t)STANZA_MAX_BYTES + 1, &error));
	ck_assert(error_is(error, "stanza.too_large"));
	g_clear_error(&error);
}
END_TEST

START_TEST(mends_what_xml_may_not_hold)
{
	const char xml[] = "<message type='chat'><body>a&#x1F;b\xff</body></message>";
	autoptr(stanza) stanza = stanza_parse(xml, sizeof(xml) - 1, NULL);
	ck_assert_ptr_nonnull(stanza);
	ck_assert_uint_eq(stanza->mended, 2);
	ck_assert(g_utf8_validate(stanza->body, -1, NULL));
}
END_TEST

START_TEST(what_stands_beside)
{
	const char xml[] =
	        "<message from='r@c/Al/ice' type='groupchat' id='g1'><body>x</body><origin-id "
	        "id='o1' xmlns='urn:xmpp:sid:0'/><occupant-id id='occ' "
	        "xmlns='urn:xmpp:occupant-id:0'/><x "
	        "xmlns='http://jabber.org/protocol/muc#user'><item "
	        "jid='alice@x/r'/></x><delay xmlns='urn:xmpp:delay' stamp='2026-11-22T22:12:42Z'/>"
	        "<delay xmlns='urn:xmpp:delay' stamp='2026-11-23T00:00:00Z'/><thread>t</thread>"
	        "</message>";
	autoptr(stanza) stanza = stanza_parse(xml, sizeof(xml) - 1, NULL);
	ck_assert_ptr_nonnull(stanza);
	ck_assert_str_eq(stanza->origin_id, "o1");
	ck_assert_str_eq(stanza->occupant_id, "occ");
	ck_assert_str_eq(stanza->real_jid, "alice@x/r");
	ck_assert_str_eq(stanza->thread, "t");
	ck_assert_str_eq(stanza_resource(stanza->from), "Al/ice");
	ck_assert_int_eq(stanza->delay_utc_us, INT64_C(1795385562000000));
}
END_TEST

static char *correlation_of(const char *xml, const char *sender, bool is_room)
{
	autoptr(stanza) stanza = stanza_parse(xml, strlen(xml), NULL);
	ck_assert_ptr_nonnull(stanza);
	enum message_kind kind;
	ck_assert(stanza_kind(stanza, &kind));
	autoptr(message) message = stanza_message(stanza, kind);
	message->sender = g_strdup(sender);
	message->is_room = is_room;
	message->peer = g_strdup("p@x");
	return stanza_correlation(stanza, message);
}

START_TEST(correlates)
{
	g_autofree char *one = correlation_of(CHAT("<body>a</body>"), "a@x", false);
	g_autofree char *same = correlation_of(
	        "<message id='m1' type='chat' to='b@x' from='a@x/q'><body>a</body></message>",
	        "a@x", false);
	g_autofree char *text = correlation_of(CHAT("<body>b</body>"), "a@x", false);
	g_autofree char *sender = correlation_of(CHAT("<body>a</body>"), "b@x", false);
	g_autofree char *origin = correlation_of(
	        CHAT("<body>a</body><origin-id id='m1' xmlns='urn:xmpp:sid:0'/>"), "a@x", false);
	g_autofree char *plain = correlation_of("<message><body>a</body></message>", "a@x", false);
	g_autofree char *room = correlation_of(CHAT("<body>a</body>"), "a@x", true);
	ck_assert_str_eq(one, same);
	ck_assert_str_ne(one, text);
	ck_assert_str_ne(one, sender);
	ck_assert(g_str_has_prefix(one, "i:"));
	ck_assert(g_str_has_prefix(origin, "o:"));
	ck_assert(g_str_has_prefix(plain, "c:"));
	ck_assert_ptr_null(room);
}
END_TEST

/* kind is file in all; what is told of it. */
static const struct file_row {
	const char *inner, *url, *name, *hash;
	int64_t size_bytes;
} files[] = {
        {"<file-sharing xmlns='urn:xmpp:sfs:0' disposition='inline'><file "
         "xmlns='urn:xmpp:file:metadata:0'><media-type>image/jpeg</media-type>"
         "<name>summit.jpg</name><size>3032449</size><hash xmlns='urn:xmpp:hashes:2' "
         "algo='sha-256'>AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=</hash></file><sources>"
         "<url-data xmlns='http://jabber.org/protocol/url-data' "
         "target='https://u/4a771ac1/summit.jpg'/></sources></file-sharing>",
                "https://u/4a771ac1/summit.jpg", "summit.jpg",
                "sha-256:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
                3032449},
        {"<reference xmlns='urn:xmpp:reference:0' type='data'><media-sharing "
         "xmlns='urn:xmpp:sims:1'><file xmlns='urn:xmpp:jingle:apps:file-transfer:5'>"
         "<name>a.txt</name><size>7</size></file><sources><reference "
         "xmlns='urn:xmpp:reference:0' type='data' uri='https://u/a.txt'/></sources>"
         "</media-sharing></reference>",
                "https://u/a.txt", "a.txt", NULL, 7},
        {"<x xmlns='jabber:x:oob'><url>https://u/x/My%20report.pdf?k=1</url></x>",
                "https://u/x/My%20report.pdf?k=1", "My report.pdf", NULL, 0},
        {"<x xmlns='jabber:x:oob'><url>https://u</url></x>", "https://u", NULL, NULL, 0},
        /* What is no size and no hash is not told. */
        {"<file-sharing xmlns='urn:xmpp:sfs:0'><file xmlns='urn:xmpp:file:metadata:0'>"
         "<size>-3</size><hash xmlns='urn:xmpp:hashes:2' algo='sha-256'>AA==</hash></file>"
         "<sources><url-data xmlns='http://jabber.org/protocol/url-data' target='https://u/b'/>"
         "</sources></file-sharing>",
                "https://u/b", "b", NULL, 0},
};

START_TEST(tells_of_a_file_what_its_sender_told)
{
	const struct file_row *row = &files[_i];
	enum message_kind kind;
	g_autofree char *xml = g_strdup_printf("<message type='chat'>%s</message>", row->inner);
	autoptr(stanza) stanza = stanza_parse(xml, strlen(xml), NULL);
	ck_assert_ptr_nonnull(stanza);
	ck_assert(stanza_kind(stanza, &kind));
	ck_assert_int_eq(kind, MESSAGE_FILE);
	autoptr(message) message = stanza_message(stanza, kind);
	ck_assert_str_eq(message->url, row->url);
	ck_assert_pstr_eq(message->file_name, row->name);
	ck_assert_pstr_eq(message->file_hash, row->hash);
	ck_assert_int_eq(message->file_size_bytes, row->size_bytes);
}
END_TEST

Suite *stanza_suite(void)
{
	Suite *suite = suite_create("stanza");
	TCase *tests = tcase_create("stanza");
	tcase_add_loop_test(tests, kinds, 0, (int)G_N_ELEMENTS(rows));
	tcase_add_loop_test(tests, bad_input, 0, (int)G_N_ELEMENTS(broken));
	tcase_add_test(tests, bounds);
	tcase_add_test(tests, mends_what_xml_may_not_hold);
	tcase_add_test(tests, what_stands_beside);
	tcase_add_test(tests, correlates);
	tcase_add_loop_test(tests, tells_of_a_file_what_its_sender_told, 0, G_N_ELEMENTS(files));
	suite_add_tcase(suite, tests);
	return suite;
}
