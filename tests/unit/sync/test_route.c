#include "core/clock.h"
#include "store/policy.h"
#include "sync/interest.h"
#include "sync/route.h"
#include "tests/unit/store/fixture.h"

#include <string.h>

Suite *route_suite(void);

#define ALICE "alice@im.example"
#define BOB "bob@im.example"
#define STRANGER "eve@elsewhere.example"
#define ROOM "ops@rooms.im.example"

static struct config *config;
static struct usermap *map;
static struct router *router;

static char *hold_path(void)
{
	return g_build_filename(store_folder, "hold", NULL);
}

static struct config *make_config(const char *archive)
{
	g_autofree char *text = g_strconcat("[users]\nmap = rule\nrule = {local}@corp.example\n"
	                                    "[domain im.example]\nserver = ex\n"
	                                    "sip_domain = corp.example\n"
	                                    "[domain old.example]\nserver = gro\n"
	                                    "[domain bare.example]\n"
	                                    "[server ex]\nurl = https://ex/EWS\n"
	                                    "[server gro]\nurl = https://gro/EWS\n"
	                                    "product = grommunio\n[archive]\n",
	        archive, NULL);
	g_autoptr(GError) problem = NULL;
	struct config *made = config_parse("/etc/imex/imex.conf", text, &problem);
	ck_assert_msg(made != NULL, "%s", problem != NULL ? problem->message : "");
	return made;
}

static void set_up(const char *archive)
{
	g_autoptr(GError) problem = NULL;
	config = make_config(archive);
	map = usermap_new(config, &problem);
	router = map != NULL ? router_new(config, map, &problem) : NULL;
	ck_assert_msg(router != NULL, "%s", problem != NULL ? problem->message : "");
}

static void tear_down(void)
{
	router_free(router);
	usermap_free(map);
	config_free(config);
}

static void policy(const char *user, const char *name, const char *value)
{
	must(store_policy_set(store, POLICY_USER, user, name, value, error));
}

static void expect(const char *user, unsigned targets, const char *because)
{
	struct route route;
	must(router_find(router, store, user, &route, error));
	ck_assert_msg(route.targets == targets, "%s: %u, %s", user, route.targets, route.because);
	ck_assert_msg(strstr(route.because, because) != NULL, "%s: %s", user, route.because);
	route_clear(&route);
}

STORE_TEST(each_rule_and_its_rank)
{
	set_up("exclude = " BOB ", " ROOM "\n");
	expect(ALICE, 0, "the policy archive is none");
	must(store_policy_set(store, POLICY_GLOBAL, NULL, "archive", "im", error));
	expect(ALICE, ROUTE_HISTORY, "archive.route is mailbox");
	expect(STRANGER, 0, "not configured here");
	policy(ALICE, "archive.route", "local");
	expect(ALICE, ROUTE_LOCAL, "archive.route is local");
	policy(ALICE, "archive.route", "none");
	expect(ALICE, 0, "archive.route is none");
	policy(BOB, "archive", "im+events");
	policy(BOB, "archive.route", "mailbox");
	expect(BOB, 0, "exclude names bob@im.example");
	expect("x@bare.example", ROUTE_LOCAL, "no mailbox is known");
	tear_down();
}

STORE_TEST(folders_that_a_server_lacks)
{
	must(store_policy_set(store, POLICY_GLOBAL, NULL, "archive", "im", error));
	set_up("folder = both\n");
	expect(ALICE, ROUTE_HISTORY | ROUTE_PURGES, "mailbox");
	expect("a@old.example", ROUTE_HISTORY | ROUTE_LOCAL,
	        "(grommunio) has no Recoverable Items/Purges");
	tear_down();
	set_up("folder = purges\n");
	expect(ALICE, ROUTE_PURGES, "mailbox");
	expect("b@old.example", ROUTE_LOCAL, "has no Recoverable Items/Purges");
	tear_down();
}

static void write_hold(const char *text)
{
	g_autofree char *path = hold_path();
	ck_assert(g_file_set_contents(path, text, -1, NULL));
}

STORE_TEST(auto_follows_the_hold)
{
	g_autofree char *now = clock_format_iso(clock_utc_us());
	g_autofree char *text =
	        g_strdup_printf("\xef\xbb\xbf# comment\r\n\r\n"
	                        "alice@corp.example\theld  %s # by legal\r\n" BOB " free\n"
	                        "old@im.example held 2020-01-01T00:00:00Z",
	                now);
	g_autofree char *path = hold_path();
	g_autofree char *setting = g_strdup_printf("hold = file\nhold_file = %s\n", path);
	write_hold(text);
	must(store_policy_set(store, POLICY_GLOBAL, NULL, "archive", "im", error));
	must(store_policy_set(store, POLICY_GLOBAL, NULL, "archive.route", "auto", error));
	set_up(setting);
	expect(ALICE, ROUTE_HISTORY, "is on hold as of");
	expect(BOB, ROUTE_LOCAL, "is not on hold as of");
	expect("old@im.example", ROUTE_LOCAL, "too old: 2020-01-01T00:00:00Z");
	expect("new@im.example", ROUTE_LOCAL, "nobody said so");
	tear_down();
	set_up("");
	expect(ALICE, ROUTE_LOCAL, "[archive] hold is none");
	tear_down();
}

static const struct {
	const char *text, *part;
} bad_holds[] = {
        {"alice@corp.example\n", "line 1 does not have two or three words"},
        {"\nalice@corp.example maybe\n", "line 2 says neither held nor free"},
        {"alice@corp.example held yesterday\n", "line 1 has no ISO 8601 time"},
        {"a@b held\nA@B free\n", "line 2 says of a@b what line 1 contradicts"},
        {"a@b held 2026-01-01 x y z\n", "line 1 does not have two or three words"},
        {"\xff held\n", "line 1 is not UTF-8"},
        {"@ held\n", "line 1 does not begin with an address"},
};

STORE_TEST(bad_hold_files)
{
	g_autofree char *path = hold_path();
	g_autofree char *setting = g_strdup_printf("hold = file\nhold_file = %s\n", path);
	config = make_config(setting);
	must_fail(holds_load(config, error), "hold.file");
	for (unsigned i = 0; i < G_N_ELEMENTS(bad_holds); i++) {
		g_autoptr(GError) problem = NULL;
		write_hold(bad_holds[i].text);
		ck_assert_ptr_null(holds_load(config, &problem));
		ck_assert_msg(strstr(problem->message, bad_holds[i].part) != NULL, "%s",
		        problem->message);
		ck_assert(error_is(problem, "hold.file"));
	}
	config_free(config);
	config = make_config("exclude = bob@@x\n");
	map = usermap_new(config, NULL);
	must_fail(router_new(config, map, error), "archive.exclude");
	usermap_free(map);
	config_free(config);
}

STORE_TEST(the_split_between_inside_and_outside)
{
	struct route route;
	set_up("");
	policy(ALICE, "archive", "im");
	policy(ALICE, "archive.who", "external");
	must(router_find(router, store, ALICE, &route, error));
	ck_assert(route_takes(&route, ROUTE_TALK_EXTERNAL));
	ck_assert(!route_takes(&route, ROUTE_TALK_INTERNAL));
	ck_assert(route_takes(&route, ROUTE_TALK_UNKNOWN));
	route_clear(&route);
	ck_assert(router_is_foreign(router, STRANGER));
	ck_assert(router_is_foreign(router, "x@notim.example"));
	ck_assert(!router_is_foreign(router, BOB));
	ck_assert(!router_is_foreign(router, ROOM));
	ck_assert(!router_is_foreign(router, "bob@corp.example"));
	tear_down();
}

static enum interest_in interest_in(
        const char *owner, const char *peer, bool is_room, const char *sender)
{
	autoptr(interest) interest = interest_new(store, router);
	enum interest_in what = INTEREST_WHOLE;
	autoptr(message) message = message_new(MESSAGE_CHAT);
	message->owner = g_strdup(owner);
	message->peer = g_strdup(peer);
	message->is_room = is_room;
	message->sender = g_strdup(sender);
	must(interest_find(interest, message, &what, error));
	return what;
}

STORE_TEST(what_is_stored_at_all)
{
	set_up("exclude = " BOB ", secret@rooms.im.example\n");
	ck_assert_int_eq(interest_in(ALICE, STRANGER, false, ALICE), INTEREST_NONE);
	ck_assert_int_eq(interest_in(NULL, ROOM, true, ALICE), INTEREST_NONE);
	policy(ALICE, "archive", "im");
	ck_assert_int_eq(interest_in(ALICE, STRANGER, false, ALICE), INTEREST_WHOLE);
	ck_assert_int_eq(interest_in("zoe@im.example", ALICE, false, ALICE), INTEREST_WHOLE);
	ck_assert_int_eq(interest_in("zoe@im.example", STRANGER, false, NULL), INTEREST_NONE);
	ck_assert_int_eq(interest_in(ALICE, BOB, false, ALICE), INTEREST_NONE);
	ck_assert_int_eq(interest_in(BOB, ALICE, false, ALICE), INTEREST_NONE);
	ck_assert_int_eq(interest_in(NULL, ROOM, true, ALICE), INTEREST_WHOLE);
	ck_assert_int_eq(interest_in(NULL, ROOM, true, BOB), INTEREST_FACT);
	ck_assert_int_eq(interest_in(NULL, "secret@rooms.im.example", true, ALICE), INTEREST_NONE);
	policy(ALICE, "archive.who", "external");
	ck_assert_int_eq(interest_in(ALICE, STRANGER, false, ALICE), INTEREST_WHOLE);
	ck_assert_int_eq(interest_in(ALICE, "zoe@im.example", false, ALICE), INTEREST_NONE);
	tear_down();
}

Suite *route_suite(void)
{
	Suite *suite = suite_create("route");
	TCase *tcase = tcase_create("route");
	store_test_add(tcase, each_rule_and_its_rank);
	store_test_add(tcase, folders_that_a_server_lacks);
	store_test_add(tcase, auto_follows_the_hold);
	store_test_add(tcase, bad_hold_files);
	store_test_add(tcase, the_split_between_inside_and_outside);
	store_test_add(tcase, what_is_stored_at_all);
	suite_add_tcase(suite, tcase);
	return suite;
}
