#include "im/source.h"

#include "tests/unit/im/fixture.h"

#include <string.h>

Suite *prosody_suite(void);

static bool note_owner(void *data, const char *owner, const char *version, GError **error)
{
	(void)error;
	g_hash_table_insert(data, g_strdup(owner), g_strdup(version));
	return true;
}

static GHashTable *owners(void)
{
	GHashTable *table = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	must(im_source_owners(source, note_owner, table, error));
	return table;
}

/* "key name [group,group]" of each contact, by lines. */
static char *roster_text(const char *owner, GString *odd)
{
	g_autoptr(GError) problem = NULL;
	autoptr(im_roster) roster = im_source_roster_read(
	        source, owner, odd != NULL ? im_note_odd : NULL, odd, &problem);
	ck_assert_msg(roster != NULL, "%s", problem != NULL ? problem->message : "");
	GString *text = g_string_new(NULL);
	for (guint i = 0; i < roster->contacts->len; i++) {
		const struct contact *contact = roster->contacts->pdata[i];
		g_string_append_printf(
		        text, "%s %s [", contact->key, contact->name != NULL ? contact->name : "-");
		for (guint j = 0; j < contact->groups->len; j++)
			g_string_append_printf(text, "%s%s", j > 0 ? "," : "",
			        (const char *)contact->groups->pdata[j]);
		g_string_append(text, "]\n");
	}
	for (guint i = 0; i < roster->unreadable->len; i++)
		g_string_append_printf(text, "? %s\n", (const char *)roster->unreadable->pdata[i]);
	for (guint i = 0; i < roster->requests->len; i++)
		g_string_append_printf(text, "ask %s\n", (const char *)roster->requests->pdata[i]);
	return g_string_free(text, FALSE);
}

IM_TEST(lists_owners)
{
	g_autoptr(GHashTable) table = owners();
	bool sqlite = db_kind(raw) == DB_SQLITE;
	ck_assert_uint_eq(g_hash_table_size(table), sqlite ? 4 : 3);
	ck_assert_str_eq(g_hash_table_lookup(table, "alice@im.example"), sqlite ? "13/5" : "8/3");
	ck_assert_str_eq(g_hash_table_lookup(table, "carol@im.example"), sqlite ? "2/1" : "1/0");
	g_autofree char *version = im_source_roster_version(source, "alice@im.example", NULL);
	ck_assert_str_eq(version, g_hash_table_lookup(table, "alice@im.example"));
	must_fail(im_source_roster_version(source, "nobody@im.example", error) != NULL,
	        "source.no_owner", ERROR_MAILBOX);
}

IM_TEST(reads_rosters)
{
	g_autofree char *alice = roster_text("alice@im.example", NULL);
	if (db_kind(raw) == DB_SQLITE)
		ck_assert_str_eq(alice, "bob@im.example Bob Builder [Colleagues,Ops / On-call]\n"
		                        "carol@im.example Carol Ünïcode [Colleagues]\n"
		                        "dave@partner.example Dave (Partner) []\n"
		                        "erin@im.example Erin From-Outlook [Colleagues]\n"
		                        "frank@im.example Frank SQL [Colleagues]\n");
	else
		ck_assert_str_eq(alice, "bob@im.example Bob Builder [Colleagues,Ops / On-call]\n"
		                        "carol@im.example Carol Ünïcode [Colleagues]\n"
		                        "dave@partner.example Dave (Partner) []\n");
	g_autofree char *carol = roster_text("carol@im.example", NULL);
	ck_assert_ptr_nonnull(strstr(carol, "ask alice@im.example\n"));
	must_fail(im_source_roster_read(source, "nobody@im.example", NULL, NULL, error) != NULL,
	        "source.no_owner", ERROR_MAILBOX);
}

#define ROW(user, key, type, value)                                                                \
	"INSERT INTO prosody (host, \"user\", store, key, type, value) VALUES ('im.example', "     \
	"'" user "', 'roster', '" key "', '" type "', '" value "');"

IM_TEST(odd_rows_are_told_and_left_out)
{
	im_exec(ROW("zoe", "", "json", "{\"__hash\":[false,{\"version\":4}]}") ROW(
	        "zoe", "good@x.example", "json", "{\"name\":\"Good\"}") ROW("zoe", "cut@x.example",
	        "json", "{\"name\":\"Cu") ROW("zoe", "type@x.example", "xml", "<x/>") ROW("zoe",
	        "no address@", "json", "{}") ROW("zoe", "icq.x.example", "json", "{}")
	                ROW("zoe", "pending", "json", "{}"));
	g_autoptr(GString) odd = g_string_new(NULL);
	g_autofree char *text = roster_text("zoe@im.example", odd);
	ck_assert_str_eq(text, "good@x.example Good []\n? cut@x.example\n? type@x.example\n");
	ck_assert_str_eq(odd->str, "json.malformed cut@x.example; row.type type@x.example; "
	                           "address.invalid no address@");
	/* Owners and roster must tell the same version, or it would be read for ever. */
	g_autofree char *version = im_source_roster_version(source, "zoe@im.example", NULL);
	autoptr(im_roster) roster =
	        im_source_roster_read(source, "zoe@im.example", NULL, NULL, NULL);
	ck_assert_str_eq(roster->version, version);
	ck_assert_str_eq(version, "4/6");
}

IM_TEST(last_of_two_rows_counts)
{
	im_exec(ROW("zoe", "a@x.example", "json", "{\"name\":\"First\"}")
	                ROW("zoe", "a@x.example", "json", "{\"name\":\"Second\"}")
	                        ROW("zoe", "b@x.example", "json", "{\"name\":\"Same\"}")
	                                ROW("zoe", "b@x.example", "json", "{\"name\":\"Same\"}"));
	g_autoptr(GString) odd = g_string_new(NULL);
	g_autofree char *text = roster_text("zoe@im.example", odd);
	ck_assert_str_eq(text, "a@x.example Second []\nb@x.example Same []\n");
	ck_assert_str_eq(odd->str, "row.duplicate a@x.example");
}

IM_TEST(broken_meta_does_not_hide_contacts)
{
	im_exec(ROW("zoe", "", "json", "{oops") ROW("zoe", "a@x.example", "json", "{}"));
	g_autoptr(GString) odd = g_string_new(NULL);
	g_autofree char *text = roster_text("zoe@im.example", odd);
	ck_assert_str_eq(text, "a@x.example - []\n");
	ck_assert_str_eq(odd->str, "json.malformed ");
	g_autofree char *version = im_source_roster_version(source, "zoe@im.example", NULL);
	ck_assert_str_eq(version, "?/1");
}

IM_TEST(knows_when_a_roster_went_back)
{
	ck_assert(im_source_roster_went_back(source, "13/5", "12/9"));
	ck_assert(!im_source_roster_went_back(source, "13/5", "13/4"));
	ck_assert(!im_source_roster_went_back(source, "9/5", "10/5"));
	ck_assert(!im_source_roster_went_back(source, "-/5", "3/5"));
	ck_assert(!im_source_roster_went_back(source, "13/5", "?/5"));
	ck_assert(!im_source_roster_went_back(source, NULL, "1/1"));
}

static char *raw_value(const char *user, const char *key)
{
	char *value = NULL;
	must(db_get_text(raw,
	        "SELECT p.value FROM prosody p WHERE p.host = 'im.example' AND p.\"user\" = $1 AND "
	        "p.store = 'roster' AND p.key = $2",
	        DB_VALUES(db_text(user), db_text(key)), &value, error));
	return value;
}

static int64_t raw_rows(void)
{
	int64_t rows = 0;
	must(db_get_int64(raw, "SELECT count(*) FROM prosody", DB_NO_VALUES, &rows, NULL, error));
	return rows;
}

IM_TEST(writes_only_when_told)
{
	autoptr(contact) bob = contact_new("bob@im.example", "Robert");
	ck_assert(!im_source_writable(source));
	must_fail(im_source_roster_set(source, "alice@im.example", bob, NULL, error),
	        "source.read_only", ERROR_CONFIG);
	must_fail(
	        im_source_roster_remove(source, "alice@im.example", "bob@im.example", NULL, error),
	        "source.read_only", ERROR_CONFIG);
}

IM_TEST(changes_a_contact)
{
	im_reopen(IM_WRITE_SQL_OFFLINE);
	int64_t rows = raw_rows();
	autoptr(contact) bob = contact_new("bob@im.example", "Robert 'B' <\"x\">");
	contact_add_group(bob, "Neue Gruppe „Ü“");
	g_autofree char *before = im_source_roster_version(source, "alice@im.example", NULL);
	g_autofree char *version = NULL;
	must(im_source_roster_set(source, "alice@im.example", bob, &version, error));
	ck_assert_int_eq(atoll(version), atoll(before) + 1);
	g_autofree char *told = im_source_roster_version(source, "alice@im.example", NULL);
	ck_assert_str_eq(told, version);
	ck_assert_int_eq(raw_rows(), rows);
	g_autofree char *value = raw_value("alice", "bob@im.example");
	ck_assert_ptr_nonnull(strstr(value, "\"subscription\":\"both\""));
	g_autofree char *text = roster_text("alice@im.example", NULL);
	ck_assert_ptr_nonnull(
	        strstr(text, "bob@im.example Robert 'B' <\"x\"> [Neue Gruppe „Ü“]\n"));

	/* Once more changes nothing. */
	g_autofree char *again = NULL;
	must(im_source_roster_set(source, "alice@im.example", bob, &again, error));
	ck_assert_str_eq(again, version);
}

IM_TEST(adds_and_removes_a_contact)
{
	im_reopen(IM_WRITE_SQL_OFFLINE);
	int64_t rows = raw_rows();
	autoptr(contact) fresh = contact_new("new@x.example", NULL);
	g_autofree char *added = NULL, *removed = NULL, *again = NULL;
	must(im_source_roster_set(source, "bob@im.example", fresh, &added, error));
	ck_assert_int_eq(raw_rows(), rows + 1);
	g_autofree char *value = raw_value("bob", "new@x.example");
	ck_assert_str_eq(value, "{\"subscription\":\"none\",\"groups\":{}}");
	must(im_source_roster_remove(source, "bob@im.example", "new@x.example", &removed, error));
	ck_assert_int_eq(raw_rows(), rows);
	ck_assert_int_eq(atoll(removed), atoll(added) + 1);
	must(im_source_roster_remove(source, "bob@im.example", "new@x.example", &again, error));
	ck_assert_str_eq(again, removed);
	must_fail(im_source_roster_set(source, "nobody@im.example", fresh, NULL, error),
	        "source.no_owner", ERROR_MAILBOX);
}

IM_TEST(mends_duplicates_and_keeps_spellings)
{
	im_exec("INSERT INTO prosody (host, \"user\", store, key, type, value) VALUES "
	        "('Im.Example', "
	        "'Zoe', 'roster', 'Ann@X.example', 'json', '{\"name\":\"1\"}'), ('Im.Example', "
	        "'Zoe', "
	        "'roster', 'Ann@X.example', 'json', '{\"name\":\"2\"}')");
	im_reopen(IM_WRITE_SQL_OFFLINE);
	g_autoptr(GHashTable) table = owners();
	ck_assert_str_eq(g_hash_table_lookup(table, "zoe@im.example"), "-/2");
	autoptr(contact) ann = contact_new("ann@x.example", "2");
	g_autofree char *version = NULL;
	must(im_source_roster_set(source, "zoe@im.example", ann, &version, error));
	ck_assert_str_eq(version, "1/1");
	int64_t rows = 0;
	must(db_get_int64(raw,
	        "SELECT count(*) FROM prosody p WHERE p.host = 'Im.Example' AND p.\"user\" = 'Zoe' "
	        "AND "
	        "p.key = 'Ann@X.example'",
	        DB_NO_VALUES, &rows, NULL, error));
	ck_assert_int_eq(rows, 1);
}

IM_TEST(does_not_write_over_what_it_cannot_read)
{
	im_exec(ROW("zoe", "cut@x.example", "json", "{\"name\":\"Cu"));
	im_reopen(IM_WRITE_SQL_OFFLINE);
	autoptr(contact) cut = contact_new("cut@x.example", "Cut");
	must_fail(im_source_roster_set(source, "zoe@im.example", cut, NULL, error),
	        "source.unreadable", ERROR_ITEM);
	g_autofree char *value = raw_value("zoe", "cut@x.example");
	ck_assert_str_eq(value, "{\"name\":\"Cu");
}

IM_TEST(a_held_database_is_told)
{
	im_reopen(IM_WRITE_SQL_OFFLINE);
	must(db_begin(raw, error));
	must(db_run(raw,
	        "UPDATE prosody SET value = value WHERE store = 'roster' AND \"user\" = 'bob'",
	        DB_NO_VALUES, error));
	autoptr(contact) gina = contact_new("gina@im.example", "G");
	must_fail(im_source_roster_set(source, "bob@im.example", gina, NULL, error), "source.busy",
	        ERROR_RETRY);
	db_rollback(raw);
	must(im_source_roster_set(source, "bob@im.example", gina, NULL, error));
}

/* Messages. */

struct seen {
	GString *text; /* "kind sender peer: text" by lines */
	GString *odd;
	unsigned kinds[MESSAGE_LEAVE + 1];
	GHashTable *correlations;
	unsigned messages;
};

static bool note_message(void *data, const struct message *message, GError **error)
{
	(void)error;
	struct seen *seen = data;
	seen->messages++;
	seen->kinds[message->kind]++;
	if (message->correlation != NULL)
		g_hash_table_add(seen->correlations, g_strdup(message->correlation));
	g_string_append_printf(seen->text, "%s %s>%s%s%s: %s\n", message_kind_name(message->kind),
	        message->sender != NULL ? message->sender : "?", message->peer,
	        message->sender_nick != NULL ? "/" : "",
	        message->sender_nick != NULL ? message->sender_nick : "",
	        message->text != NULL ? message->text : "-");
	ck_assert_str_eq(message->source, "prosody");
	ck_assert_ptr_nonnull(message->source_key);
	return true;
}

static void seen_odd(void *data, const struct im_odd *odd)
{
	struct seen *seen = data;
	im_note_odd(seen->odd, odd);
}

static void seen_clear(struct seen *seen)
{
	g_string_free(seen->text, TRUE);
	g_string_free(seen->odd, TRUE);
	g_hash_table_unref(seen->correlations);
}

static struct seen seen_new(void)
{
	return (struct seen){.text = g_string_new(NULL),
	        .odd = g_string_new(NULL),
	        .correlations = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL)};
}

/* Reads one page; gives the next cursor. */
static char *page(
        struct seen *seen, const char *cursor, const char *until, unsigned limit, bool *more)
{
	const struct im_message_sink sink = {note_message, seen_odd, seen};
	struct im_page page = {0};
	must(im_source_messages(source, cursor, until, limit, &sink, &page, error));
	if (more != NULL)
		*more = page.more;
	return g_steal_pointer(&page.cursor);
}

static char *begin(void)
{
	char *cursor = im_source_cursor_since(source, 0, NULL);
	ck_assert_ptr_nonnull(cursor);
	return cursor;
}

IM_TEST(reads_the_archive)
{
	struct seen seen = seen_new();
	g_autofree char *start = begin();
	bool more = true;
	g_autofree char *end = page(&seen, start, NULL, 500, &more);
	unsigned runs = db_kind(raw) == DB_SQLITE ? 2 : 1;
	ck_assert(!more);
	ck_assert_ptr_nonnull(end);
	ck_assert_uint_eq(seen.messages, 22 * runs);
	ck_assert_uint_eq(seen.kinds[MESSAGE_CHAT], 10 * runs);
	ck_assert_uint_eq(seen.kinds[MESSAGE_CORRECTION], 2 * runs);
	ck_assert_uint_eq(seen.kinds[MESSAGE_REACTION], 2 * runs);
	ck_assert_uint_eq(seen.kinds[MESSAGE_RETRACTION], 2 * runs);
	ck_assert_uint_eq(seen.kinds[MESSAGE_FILE], 2 * runs);
	ck_assert_uint_eq(seen.kinds[MESSAGE_JOIN], 2 * runs);
	ck_assert_uint_eq(seen.kinds[MESSAGE_LEAVE], 2 * runs);
	ck_assert_uint_eq(g_hash_table_size(seen.correlations), 8);
	ck_assert_str_eq(seen.odd->str, "");
	ck_assert_ptr_nonnull(strstr(seen.text->str,
	        "chat bob@im.example>bob@im.example: Not *yet* <sigh> & sorry 😀\n"));
	ck_assert_ptr_nonnull(strstr(
	        seen.text->str, "chat alice@im.example>ops@rooms.im.example/Alice: Morning all\n"));
	ck_assert_ptr_nonnull(strstr(seen.text->str, "join ?>ops@rooms.im.example/Bob: -\n"));

	/* The end is the end, however it was come to; only the overlap comes again. */
	g_autofree char *now = im_source_cursor_now(source, NULL);
	unsigned before = seen.messages;
	g_free(page(&seen, now, NULL, 500, &more));
	ck_assert_uint_eq(seen.messages, before);
	seen_clear(&seen);
}

IM_TEST(pages_miss_nothing)
{
	struct seen whole = seen_new(), parts = seen_new();
	g_autofree char *start = begin();
	g_free(page(&whole, start, NULL, 500, NULL));
	g_autofree char *cursor = g_strdup(start);
	bool more = true;
	for (unsigned i = 0; more && i < 100; i++) {
		char *next = page(&parts, cursor, NULL, 3, &more);
		g_free(cursor);
		cursor = next;
	}
	ck_assert_str_eq(parts.text->str, whole.text->str);
	seen_clear(&whole);
	seen_clear(&parts);
}

IM_TEST(takes_no_more_than_asked)
{
	struct seen seen = seen_new();
	g_autofree char *start = begin();
	struct seen first = seen_new();
	g_autofree char *middle = page(&first, start, NULL, 3, NULL);
	/* The first page is larger by the overlap that the beginning does not need. */
	g_autofree char *end = page(&seen, start, start, 500, NULL);
	ck_assert_uint_eq(seen.messages, 0);
	ck_assert_str_eq(end, start);
	g_autofree char *floor = im_source_cursor_floor(source, middle, NULL);
	g_free(page(&seen, start, floor, 500, NULL));
	ck_assert_uint_eq(seen.messages, 0);
	must_fail(im_source_cursor_floor(source, "e1:1", error) != NULL, "source.cursor",
	        ERROR_CONFIG);
	const char *const wrong[] = {"", "p1:1:2:-", "p1:x:0:-", "p1:-1:0:-", "p1:1:0",
	        "p1:99999999999999999999:0:-", "p1:1:0:0123456789abcdef0"};
	for (unsigned i = 0; i < G_N_ELEMENTS(wrong); i++)
		must_fail(im_source_cursor_floor(source, wrong[i], error) != NULL, "source.cursor",
		        ERROR_CONFIG);
	seen_clear(&seen);
	seen_clear(&first);
}

#define ARCHIVED(id, key, type, value)                                                             \
	"INSERT INTO prosodyarchive (sort_id, host, \"user\", store, key, \"when\", \"with\", "    \
	"type, "                                                                                   \
	"value) VALUES (" #id ", 'im.example', 'alice', 'archive', '" key                          \
	"', 1795400000, 'bob@im.example', '" type "', '" value "');"

IM_TEST(odd_messages_are_told_and_left_out)
{
	g_autofree char *cursor = im_source_cursor_now(source, NULL);
	im_exec(ARCHIVED(1000, "k0", "xml", "<message type=\"chat\"><body>before</body></message>")
	                ARCHIVED(1001, "k1", "xml", "<message type=\"chat\"><body>cut of")
	                        ARCHIVED(1002, "k2", "json", "{}") ARCHIVED(1003, "k3", "xml",
	                                "<message type=\"chat\"><body>after</body></message>"));
	struct seen seen = seen_new();
	g_autofree char *end = page(&seen, cursor, NULL, 500, NULL);
	ck_assert_ptr_nonnull(end);
	ck_assert_str_eq(seen.odd->str, "xml.truncated k1; row.type k2");
	ck_assert_str_eq(seen.text->str, "chat alice@im.example>bob@im.example: before\n"
	                                 "chat alice@im.example>bob@im.example: after\n");
	seen_clear(&seen);
}

IM_TEST(notices_a_restored_backup)
{
	im_exec(ARCHIVED(1000, "k0", "xml", "<message type=\"chat\"><body>x</body></message>"));
	g_autofree char *cursor = im_source_cursor_now(source, NULL);
	struct seen seen = seen_new();
	const struct im_message_sink sink = {note_message, seen_odd, &seen};
	struct im_page page = {0};

	/* Old rows that expire are no restored backup: the counter stays. */
	im_exec("DELETE FROM prosodyarchive WHERE sort_id = 1000");
	if (db_kind(raw) == DB_POSTGRESQL)
		im_exec("SELECT setval('prosodyarchive_sort_id_seq', 1000)");
	must(im_source_messages(source, cursor, NULL, 10, &sink, &page, error));
	im_page_clear(&page);

	im_exec(db_kind(raw) == DB_SQLITE
	                ? "UPDATE sqlite_sequence SET seq = 999 WHERE name = 'prosodyarchive'"
	                : "SELECT setval('prosodyarchive_sort_id_seq', 999)");
	must_fail(im_source_messages(source, cursor, NULL, 10, &sink, &page, error),
	        "source.went_back", ERROR_CONFIG);
	im_exec(ARCHIVED(1000, "other", "xml", "<message type=\"chat\"><body>y</body></message>"));
	must_fail(im_source_messages(source, cursor, NULL, 10, &sink, &page, error),
	        "source.went_back", ERROR_CONFIG);
	ck_assert_ptr_null(page.cursor);
	seen_clear(&seen);
}

static bool note_time(void *data, const struct message *message, GError **error)
{
	(void)error;
	g_array_append_val(data, message->sent_utc_us);
	return true;
}

IM_TEST(believes_a_delay_within_reason)
{
	g_autofree char *cursor = im_source_cursor_now(source, NULL);
	im_exec(ARCHIVED(1000, "k0", "xml",
	        "<message type=\"chat\"><body>x</body><delay xmlns=\"urn:xmpp:delay\" "
	        "stamp=\"2026-11-22T22:13:19.5Z\"/></message>") ARCHIVED(1001, "k1", "xml",
	        "<message type=\"chat\"><body>x</body><delay "
	        "xmlns=\"urn:xmpp:delay\" "
	        "stamp=\"1999-01-01T00:00:00Z\"/></message>"));
	g_autoptr(GArray) times = g_array_new(FALSE, FALSE, sizeof(int64_t));
	const struct im_message_sink sink = {.message = note_time, .data = times};
	struct im_page page = {0};
	must(im_source_messages(source, cursor, NULL, 10, &sink, &page, error));
	im_page_clear(&page);
	ck_assert_uint_eq(times->len, 2);
	ck_assert_int_eq(g_array_index(times, int64_t, 0), INT64_C(1795385599500000));
	ck_assert_int_eq(g_array_index(times, int64_t, 1), INT64_C(1795400000000000));
}

IM_TEST(finds_who_is_behind_a_nickname)
{
	struct seen seen = seen_new();
	g_autofree char *start = begin();
	g_free(page(&seen, start, NULL, 500, NULL));
	ck_assert_ptr_nonnull(strstr(
	        seen.text->str, "chat alice@im.example>ops@rooms.im.example/Alice: Morning all\n"));
	ck_assert_ptr_nonnull(strstr(
	        seen.text->str, "chat bob@im.example>ops@rooms.im.example/Bob: Alice: morning\n"));
	seen_clear(&seen);
}

static bool note_room(void *data, const struct im_room *room, GError **error)
{
	(void)error;
	g_string_append_printf(data, "%s %s %d %u %s\n", room->address, room->name, room->anonymous,
	        room->members->len, (const char *)room->members->pdata[0]);
	return true;
}

IM_TEST(lists_rooms)
{
	g_autoptr(GString) text = g_string_new(NULL);
	must(im_source_rooms(source, note_room, NULL, text, error));
	ck_assert_str_eq(text->str, "ops@rooms.im.example Ops room 1 1 alice@im.example\n");
}

IM_TEST(a_source_that_fails_is_no_empty_list)
{
	im_exec("DROP TABLE prosody");
	g_autoptr(GHashTable) table =
	        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	must_fail(im_source_owners(source, note_owner, table, error), "db.sql", ERROR_CONFIG);
	must_fail(im_source_roster_read(source, "alice@im.example", NULL, NULL, error) != NULL,
	        "db.sql", ERROR_CONFIG);
}

Suite *prosody_suite(void)
{
	Suite *suite = suite_create("prosody");
	TCase *rosters = tcase_create("rosters");
	tcase_set_timeout(rosters, 60);
	im_test_add(rosters, lists_owners);
	im_test_add(rosters, reads_rosters);
	im_test_add(rosters, odd_rows_are_told_and_left_out);
	im_test_add(rosters, last_of_two_rows_counts);
	im_test_add(rosters, broken_meta_does_not_hide_contacts);
	im_test_add(rosters, knows_when_a_roster_went_back);
	im_test_add(rosters, writes_only_when_told);
	im_test_add(rosters, changes_a_contact);
	im_test_add(rosters, adds_and_removes_a_contact);
	im_test_add(rosters, mends_duplicates_and_keeps_spellings);
	im_test_add(rosters, does_not_write_over_what_it_cannot_read);
	im_test_add(rosters, a_held_database_is_told);
	im_test_add(rosters, a_source_that_fails_is_no_empty_list);
	suite_add_tcase(suite, rosters);
	TCase *messages = tcase_create("messages");
	tcase_set_timeout(messages, 60);
	im_test_add(messages, reads_the_archive);
	im_test_add(messages, pages_miss_nothing);
	im_test_add(messages, takes_no_more_than_asked);
	im_test_add(messages, odd_messages_are_told_and_left_out);
	im_test_add(messages, notices_a_restored_backup);
	im_test_add(messages, believes_a_delay_within_reason);
	im_test_add(messages, finds_who_is_behind_a_nickname);
	im_test_add(messages, lists_rooms);
	suite_add_tcase(suite, messages);
	return suite;
}
