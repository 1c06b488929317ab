#include "core/clock.h"
#include "store/ingest.h"
#include "store/policy.h"
#include "sync/ingest.h"
#include "tests/unit/store/fixture.h"

#include <string.h>

Suite *ingest_stream_suite(void);

static struct config *config;
static struct usermap *map;
static struct router *router;

static void set_up(const char *more)
{
	g_autofree char *text = g_strconcat("[domain im.example]\nserver = ex\n"
	                                    "[domain other.example]\nserver = ex\n"
	                                    "[server ex]\nurl = https://ex/EWS\n"
	                                    "[sender a]\npartner = p\ndomains = im.example\n"
	                                    "[sender b]\npartner = q\ndomains = other.example\n",
	        more, NULL);
	g_autoptr(GError) problem = NULL;
	config = config_parse("/etc/imex/imex.conf", text, &problem);
	ck_assert_msg(config != NULL, "%s", problem != NULL ? problem->message : "");
	map = usermap_new(config, &problem);
	router = router_new(config, map, &problem);
	ck_assert_msg(router != NULL, "%s", problem != NULL ? problem->message : "");
	must(store_policy_set(store, POLICY_GLOBAL, NULL, "archive", "im", error));
}

static void tear_down(void)
{
	router_free(router);
	usermap_free(map);
	config_free(config);
}

static char *line(const char *key, int sequence, const char *from, const char *to, const char *time,
        const char *text)
{
	g_autofree char *now = clock_format_iso(clock_utc_us());
	return g_strdup_printf("{\"key\":\"%s\",\"sequence\":%d,\"from\":\"%s\",\"to\":\"%s\","
	                       "\"time\":\"%s\",\"text\":\"%s\"}\n",
	        key, sequence, from, to, time != NULL ? time : now, text);
}

/* The stream in pieces of that size; its report must be looked at before the next. */
static struct ingest *post(const char *sender, const char *text, size_t piece)
{
	struct ingest *ingest = ingest_new(store, config, router, sender);
	for (size_t at = 0, len = strlen(text); at < len; at += piece)
		must(ingest_feed(ingest, text + at, MIN(piece, len - at), error));
	must(ingest_end(ingest, error));
	return ingest;
}

static void expect(struct ingest *ingest, uint64_t stored, uint64_t repeated, uint64_t conflicts,
        uint64_t refused)
{
	const struct ingest_report *report = ingest_report(ingest);
	ck_assert_uint_eq(report->stored, stored);
	ck_assert_uint_eq(report->repeated, repeated);
	ck_assert_uint_eq(report->conflicts, conflicts);
	ck_assert_uint_eq(report->refused, refused);
}

static int64_t messages(void)
{
	struct message_totals totals;
	must(store_message_totals(other, &totals, error));
	return totals.messages;
}

STORE_TEST(in_any_pieces_and_again)
{
	set_up("");
	g_autofree char *one = line(
	        "1", 1, "alice@im.example", "bob@im.example", "2026-11-25T10:00:00Z", "h\xc3\xa9");
	g_autofree char *two =
	        line("2", 2, "alice@im.example", "eve@far.example", "2026-11-25T10:00:01Z", "x");
	g_autofree char *text = g_strconcat(one, "\r\n\n", two, NULL);
	text[strlen(text) - 1] = '\0'; /* the last line need not end */
	for (size_t piece = 1; piece < 9; piece++) {
		autoptr(ingest) ingest = post("a", text, piece);
		expect(ingest, piece == 1 ? 2 : 0, piece == 1 ? 0 : 2, 0, 0);
		ck_assert_uint_eq(ingest_report(ingest)->lines, 2);
	}
	ck_assert_int_eq(messages(), 2);
	tear_down();
}

STORE_TEST(bad_lines_stop_nothing)
{
	set_up("[ingest]\nmax_line_kb = 1\n");
	g_autofree char *good = line("1", 1, "alice@im.example", "bob@im.example", NULL, "x");
	g_autofree char *big = g_strnfill(5000, 'y');
	g_autofree char *long_line = line("2", 2, "alice@im.example", "bob@im.example", NULL, big);
	g_autofree char *last = line("4", 4, "alice@im.example", "bob@im.example", NULL, "z");
	g_autofree char *text = g_strconcat("{\n", good, long_line, "[]\n", last, NULL);
	autoptr(ingest) ingest = post("a", text, 7);
	expect(ingest, 2, 0, 0, 3);
	const GPtrArray *problems = ingest_report(ingest)->problems;
	static const struct {
		uint64_t line;
		const char *reason;
	} wanted[] = {{1, "ingest.json"}, {3, "ingest.too_large"}, {4, "ingest.json"}};
	ck_assert_uint_eq(problems->len, G_N_ELEMENTS(wanted));
	for (guint i = 0; i < problems->len; i++) {
		const struct ingest_problem *problem = problems->pdata[i];
		ck_assert_uint_eq(problem->line, wanted[i].line);
		ck_assert_str_eq(problem->reason, wanted[i].reason);
	}
	ck_assert_int_eq(messages(), 2);
	tear_down();
}

STORE_TEST(speaks_only_for_its_domains)
{
	static const struct {
		const char *from, *to;
		bool good;
	} cases[] = {
	        {"alice@im.example", "bob@im.example", true},
	        {"alice@im.example", "zoe@other.example", true},
	        {"zoe@other.example", "alice@im.example", false}, /* is b's to say */
	        {"eve@far.example", "alice@im.example", true}, /* was heard here */
	        {"eve@far.example", "zoe@other.example", false},
	        {"eve@far.example", "mallory@far.example", false},
	};
	set_up("");
	for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *key = g_strdup_printf("k%u", i);
		g_autofree char *text = line(key, 1, cases[i].from, cases[i].to, NULL, "x");
		autoptr(ingest) ingest = post("a", text, 100);
		expect(ingest, cases[i].good, 0, 0, !cases[i].good);
		ck_assert_uint_eq(ingest_report(ingest)->foreign, !cases[i].good);
	}
	static const char *const rooms[] = {"room@talk.im.example", "room@talk.other.example"};
	for (unsigned i = 0; i < G_N_ELEMENTS(rooms); i++) {
		g_autofree char *text = g_strdup_printf("{\"key\":\"r%u\",\"room\":\"%s\","
		                                        "\"nick\":\"N\",\"text\":\"x\","
		                                        "\"time\":\"2026-11-25\"}",
		        i, rooms[i]);
		autoptr(ingest) ingest = post("a", text, 100);
		expect(ingest, i == 0, 0, 0, i == 1);
	}
	tear_down();
}

STORE_TEST(another_event_under_the_same_key)
{
	set_up("");
	g_autofree char *one =
	        line("k", 1, "alice@im.example", "bob@im.example", "2026-11-25T10:00:00Z", "first");
	g_autofree char *two = line(
	        "k", 1, "alice@im.example", "carol@im.example", "2026-11-25T10:00:00Z", "second");
	g_autofree char *mine = line(
	        "k", 1, "zoe@other.example", "alice@im.example", "2026-11-25T10:00:00Z", "b's own");
	autoptr(ingest) first = post("a", one, 100);
	expect(first, 1, 0, 0, 0);
	autoptr(ingest) second = post("a", two, 100);
	expect(second, 0, 0, 1, 0);
	ck_assert_str_eq(
	        ((const struct ingest_problem *)ingest_report(second)->problems->pdata[0])->reason,
	        "ingest.conflict");
	/* Both are known now. */
	autoptr(ingest) again = post("a", two, 100);
	expect(again, 0, 1, 0, 0);
	autoptr(ingest) foreign = post("b", mine, 100);
	expect(foreign, 1, 0, 0, 0);
	ck_assert_int_eq(messages(), 3);
	struct message_totals totals;
	must(store_message_totals(store, &totals, error));
	ck_assert_int_eq(totals.conflicts, 1);
	tear_down();
}

STORE_TEST(times_that_are_not_credible)
{
	set_up("[ingest]\nmax_skew = 1h\n");
	g_autofree char *future =
	        line("f", 1, "alice@im.example", "bob@im.example", "2099-01-01T00:00:00Z", "later");
	g_autofree char *past = line(
	        "p", 2, "alice@im.example", "bob@im.example", "2020-01-01T00:00:00Z", "earlier");
	g_autofree char *text = g_strconcat(future, past, NULL);
	int64_t before = clock_utc_us();
	autoptr(ingest) ingest = post("a", text, 100);
	expect(ingest, 2, 0, 0, 0);
	ck_assert_uint_eq(ingest_report(ingest)->marked, 2);
	autoptr(stored_message) later = NULL;
	autoptr(stored_message) earlier = NULL;
	must(store_message_get(other, 1, 1, &later, error));
	must(store_message_get(other, 1, 2, &earlier, error));
	ck_assert_int_eq(later->message->claimed_utc_us, INT64_C(4070908800) * CLOCK_US_PER_S);
	ck_assert(later->message->sent_utc_us >= before &&
	          later->message->sent_utc_us <= clock_utc_us());
	ck_assert_int_eq(earlier->message->claimed_utc_us, earlier->message->sent_utc_us);
	ck_assert_str_eq(message_posted_by(later->message), "a");
	/* The time of receipt is another one now; the event is the same. */
	autoptr(ingest) again = post("a", text, 100);
	expect(again, 0, 2, 0, 0);
	tear_down();
}

static void come(const int64_t *numbers, size_t n)
{
	must(store_ingest_sequence(store, "s", numbers, n, error));
}

static void missing(const int64_t *wanted, size_t pairs)
{
	g_autoptr(GError) problem = NULL;
	g_autoptr(GArray) list = store_ingest_missing(store, "s", 100, &problem);
	ck_assert_ptr_nonnull(list);
	ck_assert_uint_eq(list->len, pairs);
	for (guint i = 0; i < list->len; i++) {
		const struct ingest_missing *one = &g_array_index(list, struct ingest_missing, i);
		ck_assert_int_eq(one->first, wanted[2 * i]);
		ck_assert_int_eq(one->last, wanted[2 * i + 1]);
	}
}

STORE_TEST(running_numbers)
{
	missing(NULL, 0);
	come((const int64_t[]){5, 6, 7}, 3);
	missing(NULL, 0);
	come((const int64_t[]){9, 20}, 2);
	missing((const int64_t[]){8, 8, 10, 19}, 2);
	come((const int64_t[]){8, 12}, 2);
	missing((const int64_t[]){10, 11, 13, 19}, 2);
	come((const int64_t[]){10, 11, 12, 13, 14, 15, 16, 17, 18, 19}, 10);
	missing(NULL, 0);
	come((const int64_t[]){0}, 1);
	missing((const int64_t[]){1, 4}, 1);
	come((const int64_t[]){1, 4}, 2);
	come((const int64_t[]){2, 3}, 2);
	missing(NULL, 0);
}

/* Against a set that is kept beside it. */
STORE_TEST(running_numbers_in_any_order)
{
	guint32 seed = g_random_int();
	g_autoptr(GRand) random = g_rand_new_with_seed(seed);
	bool have[64] = {false};
	for (unsigned round = 0; round < 60; round++) {
		int64_t first = g_rand_int_range(random, 0, 60);
		int64_t run[4];
		size_t n = (size_t)g_rand_int_range(random, 1, 5);
		for (size_t i = 0; i < n; i++) {
			run[i] = first + (int64_t)i;
			have[run[i]] = true;
		}
		come(run, n);
		int64_t wanted[128];
		size_t pairs = 0;
		int64_t last = -1;
		for (int64_t i = 0; i < 64; i++) {
			if (!have[i])
				continue;
			if (last >= 0 && i > last + 1) {
				wanted[2 * pairs] = last + 1;
				wanted[2 * pairs++ + 1] = i - 1;
			}
			last = i;
		}
		g_test_message("seed %u round %u", seed, round);
		missing(wanted, pairs);
	}
}

STORE_TEST(too_many_lines)
{
	set_up("[ingest]\nmax_lines = 2\n");
	g_autofree char *one = line("1", 1, "alice@im.example", "bob@im.example", NULL, "x");
	g_autofree char *two = line("2", 2, "alice@im.example", "bob@im.example", NULL, "x");
	g_autofree char *three = line("3", 3, "alice@im.example", "bob@im.example", NULL, "x");
	g_autofree char *text = g_strconcat(one, two, three, NULL);
	autoptr(ingest) ingest = ingest_new(store, config, router, "a");
	must_fail(ingest_feed(ingest, text, strlen(text), error), "ingest.too_many");
	ck_assert_uint_eq(ingest_report(ingest)->stored, 2);
	ck_assert_int_eq(messages(), 2);
	tear_down();
}

STORE_TEST(nobody_is_archived)
{
	set_up("[archive]\nexclude = bob@im.example\n");
	g_autofree char *one = line("1", 1, "alice@im.example", "bob@im.example", NULL, "x");
	autoptr(ingest) ingest = post("a", one, 100);
	ck_assert_uint_eq(ingest_report(ingest)->unwanted, 1);
	ck_assert_int_eq(messages(), 0);
	tear_down();
}

Suite *ingest_stream_suite(void)
{
	Suite *suite = suite_create("ingest stream");
	TCase *tcase = tcase_create("ingest stream");
	store_test_add(tcase, in_any_pieces_and_again);
	store_test_add(tcase, bad_lines_stop_nothing);
	store_test_add(tcase, speaks_only_for_its_domains);
	store_test_add(tcase, another_event_under_the_same_key);
	store_test_add(tcase, times_that_are_not_credible);
	store_test_add(tcase, running_numbers);
	store_test_add(tcase, running_numbers_in_any_order);
	store_test_add(tcase, too_many_lines);
	store_test_add(tcase, nobody_is_archived);
	suite_add_tcase(suite, tcase);
	return suite;
}
