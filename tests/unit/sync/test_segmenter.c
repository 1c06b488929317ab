#include "store/segment.h"
#include "sync/segmenter.h"
#include "tests/unit/store/fixture.h"
#include "tests/unit/sync/captured.h"

#include <stdio.h>
#include <stdlib.h>

Suite *segmenter_suite(void);

#define AT(seconds) (CAPTURED_START_UTC_US + (seconds)*CLOCK_US_PER_S)

static struct segment_rules rules;

static struct segmenter_report take(void)
{
	struct segmenter_report report = {0};
	must(segmenter_take(store, &rules, &report, error));
	return report;
}

static struct segmenter_report close_at(int seen_s)
{
	struct segmenter_report report = {0};
	must(segmenter_close(store, &rules, AT(seen_s), &report, error));
	return report;
}

static bool collect(const struct segment *segment, void *data, GError **error)
{
	struct segment *copy = NULL;
	if (!store_segment_get(store, segment->conversation_id, segment->id, &copy, error))
		return false;
	g_ptr_array_add(data, copy);
	return true;
}

static void free_segment(gpointer segment)
{
	segment_free(segment);
}

/* All segments, by the time of their first message. */
static GPtrArray *segments(void)
{
	GPtrArray *all = g_ptr_array_new_with_free_func(free_segment);
	must(store_segment_each(store, INT64_MIN, INT64_MAX, collect, all, error));
	return all;
}

static const struct segment *at(const GPtrArray *all, guint i)
{
	ck_assert_uint_lt(i, all->len);
	return all->pdata[i];
}

static void start(void)
{
	rules = segment_rules_default;
}

STORE_TEST(talk_becomes_segments)
{
	start();
	captured_text(store, 0, NULL);
	captured_text(store, 60, NULL);
	captured_text(store, 2000, NULL);
	ck_assert_uint_eq(take().taken, 3);
	g_autoptr(GPtrArray) all = segments();
	ck_assert_uint_eq(all->len, 2);
	ck_assert_str_eq(at(all, 0)->state, "idle");
	ck_assert_int_eq(at(all, 0)->messages, 2);
	ck_assert_str_eq(at(all, 1)->state, "open");
	ck_assert_ptr_null(at(all, 1)->continues);
	/* Again changes nothing; who comes second finds nothing to do. */
	ck_assert_uint_eq(take().taken, 0);
	ck_assert_uint_eq(close_at(2000 + 600).closed, 0);
	ck_assert_uint_eq(close_at(2000 + 601).closed, 1);
	ck_assert_uint_eq(close_at(2000 + 601).closed, 0);
}

STORE_TEST(late_message_continues_a_closed_segment)
{
	start();
	captured_text(store, 0, NULL);
	captured_text(store, 60, NULL);
	take();
	close_at(700);
	clock_set_utc_us(AT(5000));
	captured_text(store, 30, NULL);
	struct segmenter_report report = take();
	ck_assert_uint_eq(report.late, 1);
	g_autoptr(GPtrArray) all = segments();
	ck_assert_uint_eq(all->len, 2);
	ck_assert_int_eq(at(all, 0)->messages, 2);
	ck_assert(at(all, 1)->late);
	ck_assert_str_eq(at(all, 1)->continues, at(all, 0)->id);
	ck_assert_str_eq(at(all, 1)->root_id, at(all, 0)->root_id);
	/* It waits by the clock on the wall for others that are late as well. */
	ck_assert_uint_eq(close_at(5600).closed, 0);
	ck_assert_uint_eq(close_at(5601).closed, 1);
	clock_unset();
}

STORE_TEST(history_taken_afterwards_is_not_late)
{
	start();
	captured_text(store, 50000, NULL);
	take();
	captured_text(store, 0, NULL);
	captured_text(store, 60, NULL);
	captured_text(store, 2000, NULL);
	ck_assert_uint_eq(take().late, 0);
	close_at(90000);
	g_autoptr(GPtrArray) all = segments();
	ck_assert_uint_eq(all->len, 3);
	for (guint i = 0; i < 3; i++) {
		ck_assert_str_ne(at(all, i)->state, "open");
		ck_assert_ptr_null(at(all, i)->continues);
	}
	ck_assert_int_eq(at(all, 0)->messages, 2);
}

STORE_TEST(what_was_cut_goes_on)
{
	start();
	rules.max_messages = 2;
	for (int i = 0; i < 5; i++)
		captured_text(store, i, NULL);
	take();
	g_autoptr(GPtrArray) all = segments();
	ck_assert_uint_eq(all->len, 3);
	ck_assert_str_eq(at(all, 0)->state, "size");
	ck_assert_str_eq(at(all, 1)->continues, at(all, 0)->id);
	ck_assert_str_eq(at(all, 2)->root_id, at(all, 0)->id);
	ck_assert(!at(all, 2)->late);
}

STORE_TEST(closed_is_closed)
{
	start();
	captured_text(store, 0, "t1");
	captured_text(store, 1, "t2");
	take();
	g_autoptr(GPtrArray) all = segments();
	ck_assert_str_eq(at(all, 0)->state, "thread");
	const int64_t seq = 99;
	must_fail(store_segment_add(store, at(all, 0), &seq, 1, error), "segment.closed");
	must_fail(store_segment_close(store, at(all, 0), "idle", 1, error), "segment.closed");
}

STORE_TEST(rendering_is_kept_as_it_was_first)
{
	g_autoptr(GBytes) first = g_bytes_new_static("one\0two", 7);
	g_autoptr(GBytes) second = g_bytes_new_static("other", 5);
	char hash[] = "h";
	char zone[] = "UTC";
	const struct rendering one = {first, hash, 1, zone, hash};
	const struct rendering two = {second, hash, 2, zone, hash};
	autoptr(rendering) kept = NULL;
	must(store_rendering_put(store, 7, "s", 3, &one, 1, error));
	must(store_rendering_put(store, 7, "s", 3, &two, 2, error));
	must(store_rendering_get(store, 7, "s", 3, &kept, error));
	ck_assert(g_bytes_equal(kept->mime, first));
	ck_assert_int_eq(kept->renderer, 1);
	autoptr(rendering) none = NULL;
	must(store_rendering_get(store, 7, "s", 4, &none, error));
	ck_assert_ptr_null(none);
}

/* Every member belongs to one segment, and a segment holds to the rules. */
static void check_segment(const struct segment *segment, GHashTable *seen)
{
	g_autoptr(GError) problem = NULL;
	g_autoptr(GPtrArray) members =
	        store_segment_messages(store, segment->conversation_id, segment->id, &problem);
	ck_assert_ptr_nonnull(members);
	ck_assert_int_eq(members->len, segment->messages);
	for (guint i = 0; i < members->len; i++) {
		const struct stored_message *one = members->pdata[i];
		ck_assert(g_hash_table_add(seen, GINT_TO_POINTER((int)one->seq)));
		ck_assert_int_ge(one->message->sent_utc_us, segment->first_utc_us);
		ck_assert_int_le(one->message->sent_utc_us, segment->last_utc_us);
	}
	ck_assert_uint_le(members->len, rules.max_messages);
	ck_assert_int_eq(
	        segment->first_utc_us / CLOCK_US_PER_DAY, segment->last_utc_us / CLOCK_US_PER_DAY);
}

STORE_TEST(nothing_is_lost_in_any_order)
{
	const char *given = getenv("IMEX_TEST_SEED");
	guint32 seed = given != NULL ? (guint32)strtoul(given, NULL, 10) : g_random_int();
	printf("# nothing_is_lost_in_any_order: IMEX_TEST_SEED=%u\n", seed);
	g_autoptr(GRand) random = g_rand_new_with_seed(seed);
	start();
	rules.max_messages = 7;
	unsigned total = 0;
	for (unsigned round = 0; round < 12; round++) {
		int base = g_rand_int_range(random, 0, 100000);
		int n = g_rand_int_range(random, 1, 15);
		for (int i = 0; i < n; i++, total++)
			captured_text(store, base + g_rand_int_range(random, 0, 3000),
			        g_rand_int_range(random, 0, 4) == 0 ? "t" : NULL);
		take();
		if (g_rand_boolean(random))
			close_at(g_rand_int_range(random, 0, 110000));
	}
	g_autoptr(GPtrArray) all = segments();
	g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
	for (guint i = 0; i < all->len; i++)
		check_segment(at(all, i), seen);
	ck_assert_uint_eq(g_hash_table_size(seen), total);
}

STORE_TEST(coming_and_going)
{
	bool known = true;
	bool joined = true;
	const char *room = "ops@rooms.im.example";
	captured_message(store, MESSAGE_JOIN, NULL, room, true, "ann@im.example", 10, NULL);
	captured_message(store, MESSAGE_LEAVE, NULL, room, true, "ann@im.example", 20, NULL);
	autoptr(conversation) conversation = NULL;
	must(store_conversation_by_key(store, "room ops@rooms.im.example", &conversation, error));
	static const struct {
		int at_s;
		bool known, joined;
	} moments[] = {{10, false, false}, {15, true, true}, {25, true, false}};
	for (unsigned i = 0; i < G_N_ELEMENTS(moments); i++) {
		must(store_room_presence(store, conversation->id, "ann@im.example", NULL,
		        AT(moments[i].at_s), &known, &joined, error));
		ck_assert_int_eq(known, moments[i].known);
		ck_assert_int_eq(joined, moments[i].joined);
	}
}

Suite *segmenter_suite(void)
{
	Suite *suite = suite_create("segmenter");
	TCase *tests = tcase_create("segmenter");
	tcase_set_timeout(tests, 60);
	store_test_add(tests, talk_becomes_segments);
	store_test_add(tests, late_message_continues_a_closed_segment);
	store_test_add(tests, history_taken_afterwards_is_not_late);
	store_test_add(tests, what_was_cut_goes_on);
	store_test_add(tests, closed_is_closed);
	store_test_add(tests, rendering_is_kept_as_it_was_first);
	store_test_add(tests, nothing_is_lost_in_any_order);
	store_test_add(tests, coming_and_going);
	suite_add_tcase(suite, tests);
	return suite;
}
