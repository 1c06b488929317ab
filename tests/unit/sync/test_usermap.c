#include "sync/usermap.h"

#include "core/error.h"

#include <check.h>
#include <glib/gstdio.h>
#include <string.h>

Suite *usermap_suite(void);

static const char base[] = "[server exchange]\nurl = https://mail.corp.example/\n"
                           "[server second]\nurl = https://two.corp.example/\n"
                           "[domain im.corp.example]\nserver = exchange\n"
                           "sip_domain = corp.example\n"
                           "[domain plain.example]\nserver = second\n"
                           "[domain friends.example]\n";

static struct usermap *map_of(const char *users, const char *file, GError **error)
{
	g_autofree char *path = NULL;
	g_autofree char *line = NULL;
	if (file != NULL) {
		int fd = g_file_open_tmp("imexmap.XXXXXX", &path, NULL);
		ck_assert_int_ge(fd, 0);
		g_close(fd, NULL);
		ck_assert(g_file_set_contents(path, file, -1, NULL));
		line = g_strdup_printf("file = %s\n", path);
	}
	g_autofree char *text =
	        g_strconcat(base, "[users]\n", users, line != NULL ? line : "", NULL);
	autoptr(config) config = config_parse("imex.conf", text, error);
	struct usermap *map = config != NULL ? usermap_new(config, error) : NULL;
	if (path != NULL)
		g_unlink(path);
	return map;
}

static struct usermap *must_map(const char *users, const char *file)
{
	g_autoptr(GError) error = NULL;
	struct usermap *map = map_of(users, file, &error);
	ck_assert_msg(map != NULL, "%s", error != NULL ? error->message : "");
	return map;
}

/* Shows a mailbox as "smtp upn sip server", or the reason why there is none. */
static char *shown(const struct usermap *map, const char *owner)
{
	autoptr(mailbox) mailbox = NULL;
	g_autoptr(GError) error = NULL;
	if (!usermap_lookup(map, owner, &mailbox, &error)) {
		ck_assert_int_eq(error_class_of(error), ERROR_MAILBOX);
		ck_assert_str_eq(error_subject(error), owner);
		return g_strdup(error_reason(error));
	}
	ck_assert_str_eq(mailbox->owner, owner);
	return g_strdup_printf("%s %s %s %s", mailbox->smtp,
	        mailbox->upn != NULL ? mailbox->upn : "-", mailbox->sip, mailbox->server);
}

static const char lines[] = "\xef\xbb\xbf# who is whom\n"
                            "\n"
                            "sip:Bob@im.corp.example\t robert.miller@corp.example # renamed\r\n"
                            "  eve@plain.example eve@mail.example upn=eve@ad.example "
                            "sip=eve@sip.example server=exchange\n"
                            "zoe@nowhere.example zoe@corp.example server=second";

static const struct {
	const char *users, *file, *owner, *expected;
} lookups[] = {
        {"map = same\n", NULL, "al@plain.example", "al@plain.example - al@plain.example second"},
        {"map = same\n", NULL, "al@im.corp.example",
                "al@im.corp.example - al@corp.example exchange"},
        {"map = same\n", NULL, "al@friends.example", "usermap.unmapped"},
        {"map = same\n", NULL, "al@unknown.example", "usermap.unmapped"},
        {"map = same\n", NULL, "im.corp.example", "usermap.unmapped"},
        {"map = rule\nrule = {local}@{sip_domain}\n", NULL, "al@im.corp.example",
                "al@corp.example - al@corp.example exchange"},
        {"map = rule\nrule = x-{local}@{domain}\n", NULL, "al@im.corp.example",
                "x-al@im.corp.example - al@corp.example exchange"},
        {"map = rule\nrule = {local}@{domain}\n", NULL, "{domain}@plain.example",
                "{domain}@plain.example - {domain}@plain.example second"},
        {"map = rule\n", lines, "bob@im.corp.example",
                "robert.miller@corp.example - robert.miller@corp.example exchange"},
        {"map = file\n", lines, "eve@plain.example",
                "eve@mail.example eve@ad.example eve@sip.example exchange"},
        {"map = file\n", lines, "zoe@nowhere.example",
                "zoe@corp.example - zoe@corp.example second"},
        {"map = file\n", lines, "al@im.corp.example", "usermap.unmapped"},
        {"map = rule\nrule = {local}@corp.example\n", lines, "robert.miller@im.corp.example",
                "usermap.duplicate"},
};

START_TEST(looked_up)
{
	autoptr(usermap) map = must_map(lookups[_i].users, lookups[_i].file);
	g_autofree char *got = shown(map, lookups[_i].owner);
	ck_assert_str_eq(got, lookups[_i].expected);
}
END_TEST

static const struct {
	const char *im, *mail;
} contacts[] = {
        {"al@im.corp.example", "al@corp.example"},
        {"al@plain.example", "al@plain.example"},
        {"al@friends.example", "al@friends.example"},
        {"bob@im.corp.example", "robert.miller@corp.example"},
        {"eve@plain.example", "eve@sip.example"},
        {"tel:+49301234", "tel:+49301234"},
        {"im.corp.example", "corp.example"},
};

START_TEST(contacts_both_ways)
{
	autoptr(usermap) map = must_map("map = rule\n", lines);
	g_autoptr(GError) error = NULL;
	g_autofree char *mail = usermap_to_mail(map, contacts[_i].im, &error);
	g_autofree char *im = usermap_to_im(map, contacts[_i].mail, &error);
	ck_assert_pstr_eq(mail, contacts[_i].mail);
	ck_assert_pstr_eq(im, contacts[_i].im);
}
END_TEST

static void check_refused(char *(*way)(const struct usermap *, const char *, GError **),
        const struct usermap *map, const char *address)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *got = way(map, address, &error);
	ck_assert_msg(got == NULL, "%s became %s", address, got);
	ck_assert(error_is(error, "usermap.contact"));
	ck_assert_int_eq(error_class_of(error), ERROR_ITEM);
	ck_assert_ptr_nonnull(strstr(error->message, address));
}

/* Nobody is mistaken for somebody else, and nothing is written unmapped. */
START_TEST(contacts_refused)
{
	autoptr(usermap) map = must_map("map = rule\n", lines);
	check_refused(usermap_to_mail, map, "al@elsewhere.example");
	check_refused(usermap_to_im, map, "al@elsewhere.example");
	/* The rule would give him the address of bob. */
	check_refused(usermap_to_mail, map, "robert.miller@im.corp.example");
	/* By the rule this would be bob, but bob has another address. */
	check_refused(usermap_to_im, map, "bob@corp.example");
}
END_TEST

START_TEST(one_person_under_two_names)
{
	autoptr(usermap) map = must_map("map = rule\n", NULL);
	g_autofree char *mail = usermap_to_mail(map, "al@corp.example", NULL);
	ck_assert_pstr_eq(mail, "al@corp.example");
	g_autofree char *im = usermap_to_im(map, mail, NULL);
	ck_assert_pstr_eq(im, "al@im.corp.example");
	g_autofree char *same = usermap_to_im(map, "al@im.corp.example", NULL);
	ck_assert_pstr_eq(same, "al@im.corp.example");
}
END_TEST

START_TEST(foreign_kept)
{
	autoptr(usermap) map = must_map("foreign = keep\n", NULL);
	g_autofree char *mail = usermap_to_mail(map, "al@elsewhere.example", NULL);
	g_autofree char *im = usermap_to_im(map, "al@elsewhere.example", NULL);
	ck_assert_pstr_eq(mail, "al@elsewhere.example");
	ck_assert_pstr_eq(im, "al@elsewhere.example");
}
END_TEST

static const struct {
	const char *users, *file, *reason, *names;
} bad[] = {
        {"map = file\n", NULL, "config.missing", "file"},
        {"map = file\nfile = /nonexistent/map\n", NULL, "usermap.file", "/nonexistent/map"},
        {"map = rule\nrule = all@corp.example\n", NULL, "usermap.rule", "{local}"},
        {"map = rule\nrule = {local}@{host}\n", NULL, "usermap.rule", "braces"},
        {"", "a@im.corp.example\n", "usermap.file", "line 1"},
        {"", "# x\n\na@im.corp.example b\n", "usermap.file", "line 3"},
        {"", "a@im.corp.example a@x.example b@x.example\n", "usermap.file", "line 1"},
        {"", "a@im.corp.example a@x.example colour=red\n", "usermap.file", "colour=red"},
        {"", "a@im.corp.example a@x.example upn=\n", "usermap.file", "upn="},
        {"", "a@im.corp.example a@x.example upn=a upn=b\n", "usermap.file", "upn=b"},
        {"", "a@im.corp.example a@x.example server=third\n", "usermap.domain", "third"},
        {"", "a@unknown.example a@x.example\n", "usermap.file", "server=NAME"},
        {"", "a\xff@im.corp.example a@x.example\n", "usermap.file", "UTF-8"},
        {"", "a@im.corp.example a@x.example\nA@im.corp.example b@x.example\n", "usermap.duplicate",
                "line 2"},
        {"", "a@im.corp.example a@x.example\nb@im.corp.example A@x.example sip=b@x.example\n",
                "usermap.duplicate", "line 2"},
        {"", "a@im.corp.example a@x.example\nb@im.corp.example b@x.example sip=a@x.example\n",
                "usermap.duplicate", "line 2"},
        {"[domain b.example]\nsip_domain = corp.example\n", NULL, "usermap.domain", "sip_domain"},
        {"[domain b.example]\nserver = third\n", NULL, "usermap.domain", "[server third]"},
        {"[domain B.Example]\n[domain b.example]\n", NULL, "usermap.domain", "twice"},
        {"[domain a b]\n", NULL, "usermap.domain", "a b"},
};

START_TEST(refused)
{
	g_autoptr(GError) error = NULL;
	autoptr(usermap) map = map_of(bad[_i].users, bad[_i].file, &error);
	ck_assert_msg(map == NULL, "case %d was taken", _i);
	ck_assert_msg(
	        error_is(error, bad[_i].reason), "%s: %s", error_reason(error), error->message);
	ck_assert_int_eq(error_class_of(error), ERROR_CONFIG);
	ck_assert_msg(strstr(error->message, bad[_i].names) != NULL, "%s", error->message);
}
END_TEST

START_TEST(checked)
{
	autoptr(usermap) map = must_map("map = rule\nrule = {local}@corp.example\n", NULL);
	static const char *const owners[] = {"a@im.corp.example", "b@im.corp.example",
	        "a@im.corp.example", "x@unknown.example", "a@plain.example", NULL};
	struct usermap_report report = {0};
	usermap_check(map, owners, &report);
	/* The same address on another server is no duplicate. */
	ck_assert_uint_eq(report.mapped->len, 3);
	ck_assert_uint_eq(report.unmapped->len, 1);
	ck_assert_str_eq(report.unmapped->pdata[0], "x@unknown.example");
	ck_assert_uint_eq(report.duplicates->len, 0);
	usermap_report_clear(&report);
}
END_TEST

START_TEST(check_finds_twins)
{
	autoptr(usermap) map = must_map("map = rule\nrule = {local}@corp.example\n"
	                                "[domain three.example]\nserver = exchange\n",
	        NULL);
	static const char *const owners[] = {"a@im.corp.example", "a@three.example", NULL};
	struct usermap_report report = {0};
	usermap_check(map, owners, &report);
	ck_assert_uint_eq(report.mapped->len, 1);
	ck_assert_uint_eq(report.duplicates->len, 1);
	ck_assert_ptr_nonnull(strstr(report.duplicates->pdata[0], "a@three.example"));
	usermap_report_clear(&report);
}
END_TEST

START_TEST(file_owners)
{
	autoptr(usermap) map = must_map("map = file\n", lines);
	const char *const *owners = usermap_file_owners(map);
	ck_assert_str_eq(owners[0], "bob@im.corp.example");
	ck_assert_str_eq(owners[2], "zoe@nowhere.example");
	ck_assert_ptr_null(owners[3]);
}
END_TEST

Suite *usermap_suite(void)
{
	Suite *suite = suite_create("usermap");
	TCase *tests = tcase_create("usermap");
	tcase_add_loop_test(tests, looked_up, 0, G_N_ELEMENTS(lookups));
	tcase_add_loop_test(tests, contacts_both_ways, 0, G_N_ELEMENTS(contacts));
	tcase_add_test(tests, contacts_refused);
	tcase_add_test(tests, one_person_under_two_names);
	tcase_add_test(tests, foreign_kept);
	tcase_add_loop_test(tests, refused, 0, G_N_ELEMENTS(bad));
	tcase_add_test(tests, checked);
	tcase_add_test(tests, check_finds_twins);
	tcase_add_test(tests, file_owners);
	suite_add_tcase(suite, tests);
	return suite;
}
