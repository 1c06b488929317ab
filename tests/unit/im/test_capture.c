#include "sync/capture.h"

#include "archive/segment.h"
#include "core/clock.h"
#include "store/cursor.h"
#include "store/message.h"
#include "store/policy.h"
#include "tests/unit/im/fixture.h"

#include <string.h>

Suite *capture_suite(void);

/* Where source and store are: each engine is met on both sides. */
enum { BOTH_SQLITE, STORE_POSTGRESQL, SOURCE_POSTGRESQL, PLACES };

static struct store *store;
static char *store_url;

static void prepare(int place)
{
	im_test_prepare(place == SOURCE_POSTGRESQL ? ENGINE_POSTGRESQL : ENGINE_SQLITE);
	if (place == STORE_POSTGRESQL) {
		store_url = g_strdup(g_getenv("IMEX_TEST_PG_URL"));
		autoptr(db) db = db_open(store_url, 0, NULL);
		ck_assert_ptr_nonnull(db);
		must(db_exec(db, "DROP SCHEMA public CASCADE; CREATE SCHEMA public", error));
	} else {
		store_url = g_strdup_printf("sqlite://%s/imex.db", im_folder);
	}
	g_autoptr(GError) problem = NULL;
	store = store_open(store_url, STORE_CREATE, &problem);
	ck_assert_msg(store != NULL, "%s", problem != NULL ? problem->message : "");
}

static void done(void)
{
	g_clear_pointer(&store, store_close);
	g_clear_pointer(&store_url, g_free);
	im_test_done();
}

#define CAPTURE_TEST(name)                                                                         \
	static void name##_body(void);                                                             \
	START_TEST(name)                                                                           \
	{                                                                                          \
		prepare(_i);                                                                       \
		name##_body();                                                                     \
		done();                                                                            \
	}                                                                                          \
	END_TEST                                                                                   \
	static void name##_body(void)

static void archive_all(void)
{
	must(store_policy_set(store, POLICY_GLOBAL, NULL, "archive", "im", error));
}

static unsigned runs(void)
{
	return db_kind(raw) == DB_SQLITE ? 2 : 1;
}

static struct message_totals totals(void)
{
	struct message_totals totals;
	must(store_message_totals(store, &totals, error));
	return totals;
}

static struct conversation *conversation(const char *key)
{
	struct conversation *found;
	must(store_conversation_by_key(store, key, &found, error));
	return found;
}

static void say(int id, const char *key, const char *text)
{
	g_autofree char *sql = g_strdup_printf(
	        "INSERT INTO prosodyarchive (sort_id, host, \"user\", store, key, \"when\", "
	        "\"with\", "
	        "type, value) VALUES (%d, 'im.example', 'alice', 'archive', '%s', 1795400000, "
	        "'bob@im.example', 'xml', '<message from=\"alice@im.example/x\" type=\"chat\" "
	        "id=\"%s\"><body>%s</body></message>')",
	        id, key, key, text);
	im_exec(sql);
}

CAPTURE_TEST(begins_at_the_end)
{
	struct capture_report report;
	archive_all();
	must(capture_run(store, source, NULL, &report, error));
	ck_assert(report.first);
	must(capture_run(store, source, NULL, &report, error));
	ck_assert(!report.first);
	ck_assert_uint_eq(report.stored, 0);
	ck_assert_int_eq(totals().messages, 0);

	say(1000, "k1", "fresh");
	must(capture_run(store, source, NULL, &report, error));
	ck_assert_uint_eq(report.stored, 1);
	must(capture_run(store, source, NULL, &report, error));
	ck_assert_uint_eq(report.stored, 0);
	ck_assert_uint_eq(report.repeated, 1);
	ck_assert_int_eq(totals().messages, 1);
}

CAPTURE_TEST(takes_history_when_asked)
{
	struct capture_report report;
	archive_all();
	must(capture_backfill(store, source, 0, NULL, &report, error));
	ck_assert(report.first);
	ck_assert_uint_eq(report.rows, 22 * runs());
	ck_assert_uint_eq(report.stored, 14 * runs());
	ck_assert_uint_eq(report.copies, 8 * runs());
	ck_assert_uint_eq(report.conflicts + report.gaps + report.unwanted, 0);
	struct message_totals sum = totals();
	ck_assert_int_eq(sum.messages, 14 * runs());
	ck_assert_int_eq(sum.copies, 22 * runs());
	ck_assert_int_eq(sum.conversations, 3);

	must(capture_backfill(store, source, 0, NULL, &report, error));
	ck_assert_uint_eq(report.stored + report.copies, 0);
	must(capture_run(store, source, NULL, &report, error));
	ck_assert_uint_eq(report.stored + report.rows, 0);
	ck_assert_int_eq(totals().copies, 22 * runs());
}

CAPTURE_TEST(takes_history_from_a_time)
{
	struct capture_report report;
	archive_all();
	/* The second run of the dump, if there is one, began at 1795386021. */
	must(capture_backfill(
	        store, source, INT64_C(1795386000) * CLOCK_US_PER_S, NULL, &report, error));
	ck_assert_uint_eq(report.stored, 14 * (runs() - 1));
}

CAPTURE_TEST(copies_make_one_message)
{
	struct capture_report report;
	archive_all();
	must(capture_backfill(store, source, 0, NULL, &report, error));
	autoptr(conversation) pair = conversation("pair alice@im.example bob@im.example");
	ck_assert_ptr_nonnull(pair);
	ck_assert(!pair->is_room);
	ck_assert_int_eq(pair->last_seq, 7 * runs());
	g_autoptr(GPtrArray) owners = store_message_owners(store, pair->id, 1, NULL);
	ck_assert_uint_eq(owners->len, 2);
	g_autoptr(GPtrArray) list = store_messages_after(store, pair->id, 0, 100, NULL);
	ck_assert_uint_eq(list->len, 7 * runs());
	const struct stored_message *second = list->pdata[1];
	ck_assert_int_eq(second->seq, 2);
	ck_assert_str_eq(second->message->text, "Not *yet* <sigh> & sorry 😀");
	ck_assert_str_eq(second->message->sender, "bob@im.example");
	ck_assert_str_eq(second->message->message_id, "m2");
	autoptr(conversation) room = conversation("room ops@rooms.im.example");
	ck_assert_ptr_nonnull(room);
	ck_assert(room->is_room);
	ck_assert_str_eq(room->title, "Ops room");
	ck_assert_int_eq(room->last_seq, 6 * runs());
}

static bool note_time(const struct stored_message *stored, void *data, GError **error)
{
	(void)error;
	/* Each may use the store. */
	g_autoptr(GPtrArray) owners =
	        store_message_owners(store, stored->conversation_id, stored->seq, NULL);
	ck_assert_ptr_nonnull(owners);
	g_array_append_val(data, stored->message->order);
	return true;
}

CAPTURE_TEST(reads_by_time)
{
	struct capture_report report;
	archive_all();
	must(capture_backfill(store, source, 0, NULL, &report, error));
	autoptr(conversation) pair = conversation("pair alice@im.example bob@im.example");
	g_autoptr(GArray) orders = g_array_new(FALSE, FALSE, sizeof(int64_t));
	must(store_message_each(store, pair->id, 0, INT64_MAX, note_time, orders, error));
	ck_assert_uint_eq(orders->len, 7 * runs());
	for (guint i = 1; i < orders->len; i++)
		ck_assert_int_gt(
		        g_array_index(orders, int64_t, i), g_array_index(orders, int64_t, i - 1));
	g_array_set_size(orders, 0);
	must(store_message_each(store, pair->id, pair->first_utc_us, pair->first_utc_us + 1,
	        note_time, orders, error));
	ck_assert_uint_gt(orders->len, 0);
	ck_assert_uint_lt(orders->len, 7);
}

CAPTURE_TEST(only_whom_policy_names)
{
	struct capture_report report;
	must(capture_backfill(store, source, 0, NULL, &report, error));
	ck_assert_uint_eq(report.stored, 0);
	ck_assert_uint_eq(report.unwanted, 22 * runs());
	must(store_policy_set(
	        store, POLICY_USER, "carol@im.example", "archive", "im+events", error));
	must(capture_backfill(store, source, 0, NULL, &report, error));
	/* Carol's talk with Alice, and the room, where she may have been. */
	ck_assert_uint_eq(report.stored, 7 * runs());
	ck_assert_ptr_null(conversation("pair alice@im.example bob@im.example"));
}

static bool stop_at_once(void *data, const struct capture_report *so_far)
{
	(void)data, (void)so_far;
	return false;
}

CAPTURE_TEST(goes_on_where_it_stopped)
{
	const struct capture_options options = {.page_rows = 16, .progress = stop_at_once};
	struct capture_report report;
	archive_all();
	uint64_t stored = 0, copies = 0;
	unsigned rounds = 0;
	do {
		must(capture_backfill(store, source, 0, &options, &report, error));
		stored += report.stored;
		copies += report.copies;
	} while (report.more && ++rounds < 100);
	ck_assert_uint_eq(stored, 14 * runs());
	ck_assert_uint_eq(copies, 8 * runs());
	ck_assert_int_eq(totals().copies, 22 * runs());
}

CAPTURE_TEST(a_rehearsal_leaves_nothing)
{
	const struct capture_options options = {.dry_run = true, .page_rows = 16};
	struct capture_report report;
	archive_all();
	must(capture_backfill(store, source, 0, &options, &report, error));
	ck_assert_uint_eq(report.stored, 14 * runs());
	ck_assert_int_eq(totals().messages, 0);
	struct cursor *cursor;
	must(store_cursor_get(store, "prosody", CURSOR_LIVE, &cursor, error));
	ck_assert_ptr_null(cursor);
}

CAPTURE_TEST(gaps_are_recorded_once)
{
	struct capture_report report;
	archive_all();
	must(capture_run(store, source, NULL, &report, error));
	im_exec("INSERT INTO prosodyarchive (sort_id, host, \"user\", store, key, \"when\", "
	        "\"with\", "
	        "type, value) VALUES (1000, 'im.example', 'alice', 'archive', 'k1', 1795400000, "
	        "'bob@im.example', 'xml', '<message><body>SECRET')");
	say(1001, "k2", "after");
	must(capture_run(store, source, NULL, &report, error));
	ck_assert_uint_eq(report.gaps, 1);
	ck_assert_uint_eq(report.stored, 1);
	must(capture_run(store, source, NULL, &report, error));
	ck_assert_uint_eq(report.gaps, 0);
	g_autoptr(GPtrArray) gaps = store_gaps(store, "prosody", 10, NULL);
	ck_assert_uint_eq(gaps->len, 1);
	const struct gap *gap = gaps->pdata[0];
	ck_assert_str_eq(gap->owner, "alice@im.example");
	ck_assert_str_eq(gap->key, "k1");
	ck_assert_str_eq(gap->reason, "xml.truncated");
	ck_assert_int_eq(gap->sent_utc_us, INT64_C(1795400000000000));
	ck_assert_ptr_null(strstr(gap->detail, "SECRET"));
	g_autoptr(GPtrArray) others = store_gaps(store, "another", 10, NULL);
	ck_assert_uint_eq(others->len, 0);
}

/* Row 67 */
CAPTURE_TEST(a_source_that_went_back)
{
	struct capture_report report;
	archive_all();
	must(capture_run(store, source, NULL, &report, error));
	say(1000, "k1", "one");
	must(capture_run(store, source, NULL, &report, error));
	ck_assert_uint_eq(report.stored, 1);

	/* The backup has the message under another number, and one that was not read. */
	im_exec("DELETE FROM prosodyarchive WHERE sort_id = 1000");
	say(999, "k1", "one");
	say(1000, "k2", "two");
	must_fail(
	        capture_run(store, source, NULL, &report, error), "source.went_back", ERROR_CONFIG);
	ck_assert_int_eq(totals().messages, 1);
	must(capture_reread(store, source, error));
	/* The time of sending must lie behind the first start, or it would be history. */
	must(capture_run(store, source, NULL, &report, error));
	ck_assert_uint_eq(report.repeated + report.stored + report.left_out, 2);
	ck_assert_uint_eq(report.conflicts, 0);
}

CAPTURE_TEST(another_reader_wins)
{
	struct capture_report report;
	archive_all();
	must(capture_run(store, source, NULL, &report, error));
	autoptr(cursor) mine = NULL;
	autoptr(cursor) theirs = NULL;
	must(store_cursor_get(store, "prosody", CURSOR_LIVE, &mine, error));
	must(store_cursor_get(store, "prosody", CURSOR_LIVE, &theirs, error));
	must(store_begin(store, error));
	must(store_cursor_hold(store, theirs, error));
	g_free(theirs->position);
	theirs->position = g_strdup("p1:5000:0:-");
	must(store_cursor_move(store, theirs, 1, error));
	must(store_commit(store, error));
	must(store_begin(store, error));
	must_fail(store_cursor_hold(store, mine, error), "cursor.taken", ERROR_RETRY);
	store_rollback(store);
}

static struct message *copy_of(
        const char *owner, const char *key, const char *correlation, int64_t at_s)
{
	struct message *message = message_new(MESSAGE_CHAT);
	bool alice = g_str_equal(owner, "a@x");
	message->source = g_strdup("s");
	message->source_key = g_strdup(key);
	message->owner = g_strdup(owner);
	message->peer = g_strdup(alice ? "b@x" : "a@x");
	message->sender = g_strdup("a@x");
	message->correlation = g_strdup(correlation);
	message->text = g_strdup("ok");
	message->sent_utc_us = at_s * CLOCK_US_PER_S;
	return message;
}

static struct message_put_result put(
        const char *owner, const char *key, const char *correlation, int64_t at_s)
{
	struct message_put_result result;
	autoptr(message) message = copy_of(owner, key, correlation, at_s);
	must(store_message_put(store, "pair a@x b@x", message, &result, error));
	return result;
}

/* Rows 64 and 68 */
CAPTURE_TEST(twins_by_time)
{
	/* The same words twice: each copy finds its own. */
	ck_assert_int_eq(put("a@x", "1", "c:1", 1000).outcome, MESSAGE_PUT_NEW);
	ck_assert_int_eq(put("a@x", "2", "c:1", 1001).outcome, MESSAGE_PUT_NEW);
	struct message_put_result first = put("b@x", "3", "c:1", 1000);
	struct message_put_result second = put("b@x", "4", "c:1", 1001);
	ck_assert_int_eq(first.outcome, MESSAGE_PUT_COPY);
	ck_assert_int_eq(second.outcome, MESSAGE_PUT_COPY);
	ck_assert_int_eq(first.seq, 1);
	ck_assert_int_eq(second.seq, 2);
	/* Too far away for words alone, near enough for an id. */
	ck_assert_int_eq(put("a@x", "5", "c:2", 2000).outcome, MESSAGE_PUT_NEW);
	ck_assert_int_eq(put("b@x", "6", "c:2", 2061).outcome, MESSAGE_PUT_NEW);
	ck_assert_int_eq(put("a@x", "7", "i:3", 3000).outcome, MESSAGE_PUT_NEW);
	ck_assert_int_eq(put("b@x", "8", "i:3", 3599).outcome, MESSAGE_PUT_COPY);
	ck_assert_int_eq(put("b@x", "9", "i:3", 4300).outcome, MESSAGE_PUT_NEW);
	/* One owner twice: only a unique id tells a repetition from saying it again. */
	ck_assert_int_eq(put("a@x", "10", "i:4", 5000).outcome, MESSAGE_PUT_NEW);
	ck_assert_int_eq(put("a@x", "11", "i:4", 5001).outcome, MESSAGE_PUT_NEW);
	ck_assert_int_eq(put("a@x", "12", "o:5", 6000).outcome, MESSAGE_PUT_NEW);
	ck_assert_int_eq(put("a@x", "13", "o:5", 6300).outcome, MESSAGE_PUT_COPY);
	ck_assert_int_eq(put("a@x", "14", "o:5", 6301).outcome, MESSAGE_PUT_NEW);
	/* Two messages of one second without any id stay two. */
	ck_assert_int_eq(put("a@x", "15", NULL, 7000).outcome, MESSAGE_PUT_NEW);
	ck_assert_int_eq(put("a@x", "16", NULL, 7000).outcome, MESSAGE_PUT_NEW);
	ck_assert_int_eq(put("a@x", "16", NULL, 7000).outcome, MESSAGE_PUT_SAME);
}

CAPTURE_TEST(conflicts_are_kept)
{
	struct message_put_result result;
	ck_assert_int_eq(put("a@x", "1", "o:1", 1000).outcome, MESSAGE_PUT_NEW);
	autoptr(message) other = copy_of("a@x", "1", "o:2", 1000);
	g_free(other->text);
	other->text = g_strdup("something else");
	must(store_message_put(store, "pair a@x b@x", other, &result, error));
	ck_assert_int_eq(result.outcome, MESSAGE_PUT_CONFLICT);
	ck_assert_int_eq(result.seq, 2);
	must(store_message_put(store, "pair a@x b@x", other, &result, error));
	ck_assert_int_eq(result.outcome, MESSAGE_PUT_SAME);
	ck_assert_int_eq(put("a@x", "1", "o:1", 1000).outcome, MESSAGE_PUT_SAME);
	autoptr(stored_message) stored = NULL;
	must(store_message_get(store, result.conversation_id, 2, &stored, error));
	ck_assert(stored->message->conflict);
	ck_assert_str_eq(stored->message->text, "something else");
	ck_assert_int_eq(totals().conflicts, 1);
	/* A copy does not join the disputed one. */
	ck_assert_int_eq(put("b@x", "9", "o:2", 1000).outcome, MESSAGE_PUT_NEW);
}

CAPTURE_TEST(segmenting_takes_in_order)
{
	put("a@x", "1", NULL, 1000);
	put("a@x", "2", NULL, 900);
	g_autoptr(GPtrArray) pending = store_conversations(store, 0, true, 10, NULL);
	ck_assert_uint_eq(pending->len, 1);
	const struct conversation *one = pending->pdata[0];
	ck_assert_int_eq(one->first_utc_us, 900 * CLOCK_US_PER_S);
	ck_assert_int_eq(one->last_utc_us, 1000 * CLOCK_US_PER_S);
	must(store_conversation_take(store, one->id, 2, error));
	must(store_conversation_take(store, one->id, 1, error));
	g_autoptr(GPtrArray) none = store_conversations(store, 0, true, 10, NULL);
	ck_assert_uint_eq(none->len, 0);
	put("a@x", "3", NULL, 1000);
	g_autoptr(GPtrArray) again = store_conversations(store, 0, true, 10, NULL);
	ck_assert_uint_eq(again->len, 1);
	g_autoptr(GPtrArray) all = store_conversations(store, one->id, false, 10, NULL);
	ck_assert_uint_eq(all->len, 0);
}

Suite *capture_suite(void)
{
	Suite *suite = suite_create("capture");
	TCase *tests = tcase_create("capture");
	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, begins_at_the_end, 0, PLACES);
	tcase_add_loop_test(tests, takes_history_when_asked, 0, PLACES);
	tcase_add_loop_test(tests, takes_history_from_a_time, 0, PLACES);
	tcase_add_loop_test(tests, copies_make_one_message, 0, PLACES);
	tcase_add_loop_test(tests, reads_by_time, 0, PLACES);
	tcase_add_loop_test(tests, only_whom_policy_names, 0, PLACES);
	tcase_add_loop_test(tests, goes_on_where_it_stopped, 0, PLACES);
	tcase_add_loop_test(tests, a_rehearsal_leaves_nothing, 0, PLACES);
	tcase_add_loop_test(tests, gaps_are_recorded_once, 0, PLACES);
	tcase_add_loop_test(tests, a_source_that_went_back, 0, PLACES);
	tcase_add_loop_test(tests, another_reader_wins, 0, PLACES);
	tcase_add_loop_test(tests, twins_by_time, 0, PLACES);
	tcase_add_loop_test(tests, conflicts_are_kept, 0, PLACES);
	tcase_add_loop_test(tests, segmenting_takes_in_order, 0, PLACES);
	suite_add_tcase(suite, tests);
	return suite;
}
