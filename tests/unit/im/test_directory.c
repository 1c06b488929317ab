#include "im/directory.h"

#include "core/error.h"
#include "sync/usermap.h"
#include "tests/unit/rerun.h"
#include "tests/unit/runner.h"

#include <check.h>
#include <glib/gstdio.h>
#include <string.h>

#define READER "cn=imex,dc=corp,dc=example"
#define PEOPLE "ou=people,dc=corp,dc=example"

static Suite *directory_suite(void);

Suite *(*const unit_suites[])(void) = {directory_suite, NULL};

void unit_setup(void)
{
	rerun_under("tests/lib/slapd.py", "IMEX_TEST_LDAP");
}

static struct directory_options usual(const char *variable)
{
	return (struct directory_options){
	        .url = g_getenv(variable),
	        .auth = DIRECTORY_SIMPLE,
	        .bind_dn = READER,
	        .password = "imex-secret",
	        .ca_file = g_getenv("IMEX_TEST_LDAP_CA"),
	        .start_tls = true,
	        .timeout_s = 10,
	};
}

static struct directory *must_open(const struct directory_options *options)
{
	g_autoptr(GError) error = NULL;
	struct directory *directory = directory_open(options, &error);
	ck_assert_msg(directory != NULL, "%s", error != NULL ? error->message : "");
	return directory;
}

static void must_not_open(
        const struct directory_options *options, const char *reason, enum error_class error_class)
{
	g_autoptr(GError) error = NULL;
	autoptr(directory) directory = directory_open(options, &error);
	ck_assert_ptr_null(directory);
	ck_assert_msg(error_is(error, reason), "%s: %s", error_reason(error), error->message);
	ck_assert_int_eq(error_class_of(error), error_class);
	ck_assert_ptr_null(strchr(error->message, '\n'));
	ck_assert_ptr_null(strstr(error->message, "imex-secret"));
}

struct found {
	unsigned entries, stop_after;
	GString *mails;
};

static const char *const attributes[] = {"mail", "jpegPhoto", NULL};

static bool take(void *data, const struct directory_entry *entry, GError **error)
{
	struct found *found = data;
	unsigned count = 0;
	const char *mail = directory_value(entry, "mail", &count);
	ck_assert(g_str_has_suffix(entry->dn, PEOPLE));
	found->entries++;
	if (mail != NULL && found->mails != NULL)
		g_string_append_printf(found->mails, "%s/%u ", mail, count);
	directory_value(entry, "jpegPhoto", &count);
	ck_assert_uint_eq(count, 0);
	directory_value(entry, "never asked for", &count);
	ck_assert_uint_eq(count, 0);
	if (found->stop_after == 0 || found->entries < found->stop_after)
		return true;
	error_set(error, ERROR_ITEM, "test.stop", "enough");
	return false;
}

static const char *const ways[] = {"IMEX_TEST_LDAP", "IMEX_TEST_LDAPS", "IMEX_TEST_LDAPI"};

START_TEST(all_pages)
{
	g_autoptr(GError) error = NULL;
	struct directory_options options = usual(ways[_i]);
	if (_i == 2)
		options.auth = DIRECTORY_EXTERNAL;
	autoptr(directory) directory = must_open(&options);
	struct found found = {0};
	for (unsigned again = 1; again <= 2; again++) {
		ck_assert_msg(directory_search(directory, PEOPLE, "(objectClass=inetOrgPerson)",
		                      attributes, take, &found, &error),
		        "%s", error != NULL ? error->message : "");
		ck_assert_uint_eq(found.entries, again * 1204);
	}
}
END_TEST

START_TEST(one_of_them)
{
	g_autoptr(GError) error = NULL;
	const struct directory_options options = usual("IMEX_TEST_LDAPS");
	autoptr(directory) directory = must_open(&options);
	g_autoptr(GString) mails = g_string_new(NULL);
	struct found found = {.mails = mails};
	ck_assert(directory_search(
	        directory, PEOPLE, "(uid=u0007)", attributes, take, &found, &error));
	ck_assert_str_eq(mails->str, "u0007@corp.example/1 ");
	g_autofree char *name = directory_escape("(odd*)\\");
	ck_assert_str_eq(name, "\\28odd\\2a\\29\\5c");
	g_autofree char *filter = g_strdup_printf("(cn=%s)", name);
	ck_assert(directory_search(directory, PEOPLE, filter, attributes, take, &found, &error));
	ck_assert_msg(g_str_has_suffix(mails->str, "@corp.example/2 "), "%s", mails->str);
	found = (struct found){.stop_after = 3};
	ck_assert(!directory_search(
	        directory, PEOPLE, "(objectClass=*)", attributes, take, &found, &error));
	ck_assert(error_is(error, "test.stop"));
	ck_assert_uint_eq(found.entries, 3);
}
END_TEST

static const struct {
	const char *base, *filter, *reason;
} bad_searches[] = {
        {PEOPLE, "(uid=", "directory.filter"},
        {PEOPLE, "uid)(", "directory.filter"},
        {"ou=nobody,dc=corp,dc=example", "(uid=*)", "directory.base"},
        {"no name", "(uid=*)", "directory.base"},
};

START_TEST(bad_search)
{
	g_autoptr(GError) error = NULL;
	const struct directory_options options = usual("IMEX_TEST_LDAPI");
	autoptr(directory) directory = must_open(&options);
	struct found found = {0};
	bool good = directory_search(directory, bad_searches[_i].base, bad_searches[_i].filter,
	        attributes, take, &found, &error);
	ck_assert(!good);
	ck_assert_msg(error_is(error, bad_searches[_i].reason), "%s: %s", error_reason(error),
	        error->message);
	ck_assert_uint_eq(found.entries, 0);
}
END_TEST

/* A part of the users must never look like all of them. */
START_TEST(not_all_of_them)
{
	g_autoptr(GError) error = NULL;
	struct directory_options options = usual("IMEX_TEST_LDAP");
	options.bind_dn = "cn=short,dc=corp,dc=example";
	options.password = "short";
	autoptr(directory) directory = must_open(&options);
	struct found found = {0};
	ck_assert(
	        !directory_search(directory, PEOPLE, "(uid=*)", attributes, take, &found, &error));
	ck_assert_msg(error_is(error, "directory.refused"), "%s", error->message);
}
END_TEST

START_TEST(not_let_in)
{
	struct directory_options options = usual("IMEX_TEST_LDAP");
	options.password = "wrong";
	must_not_open(&options, "directory.login", ERROR_CONFIG);
	options.bind_dn = "cn=nobody,dc=corp,dc=example";
	must_not_open(&options, "directory.login", ERROR_CONFIG);

	g_autoptr(GError) error = NULL;
	options.auth = DIRECTORY_ANONYMOUS;
	autoptr(directory) directory = must_open(&options);
	struct found found = {0};
	ck_assert(
	        !directory_search(directory, PEOPLE, "(uid=*)", attributes, take, &found, &error));
	ck_assert_msg(error_is(error, "directory.base"), "%s", error->message);
}
END_TEST

START_TEST(not_trusted)
{
	g_autofree char *path = NULL;
	struct directory_options options = usual("IMEX_TEST_LDAPS");
	options.ca_file = "/nowhere/ca.pem";
	must_not_open(&options, "directory.tls", ERROR_CONFIG);
	int fd = g_file_open_tmp("imexca.XXXXXX", &path, NULL);
	ck_assert_int_ge(fd, 0);
	g_close(fd, NULL);
	options.ca_file = path;
	must_not_open(&options, "directory.tls", ERROR_CONFIG);
	options.url = g_getenv("IMEX_TEST_LDAP");
	must_not_open(&options, "directory.tls", ERROR_CONFIG);
	g_unlink(path);
}
END_TEST

/* Nobody is there, or somebody who is no directory. */
START_TEST(not_there)
{
	struct directory_options options = usual("IMEX_TEST_LDAP");
	options.timeout_s = 1;
	static const char *const schemes[] = {"ldap", "ldaps"};
	static const char *const peers[] = {"IMEX_TEST_LDAP_SILENT", "IMEX_TEST_LDAP_GARBAGE"};
	for (unsigned start_tls = 0; start_tls < 2; start_tls++)
		for (unsigned i = 0; i < 4; i++) {
			g_autoptr(GError) error = NULL;
			g_autofree char *url =
			        g_strdup_printf("%s://%s", schemes[i % 2], g_getenv(peers[i / 2]));
			options.url = url;
			options.start_tls = start_tls == 1;
			autoptr(directory) directory = directory_open(&options, &error);
			ck_assert_ptr_null(directory);
			ck_assert_msg(error_is(error, "directory.unreachable") ||
			                      error_is(error, "directory.tls"),
			        "%s: %s", error_reason(error), error->message);
		}
	options.url = "ldap://127.0.0.1:1";
	must_not_open(&options, "directory.unreachable", ERROR_RETRY);
	options.url = "ldapi://%2Fnowhere%2Fsocket";
	must_not_open(&options, "directory.unreachable", ERROR_RETRY);
}
END_TEST

/* The second is used when the first does not answer. */
START_TEST(another_one)
{
	struct directory_options options = usual("IMEX_TEST_LDAPS");
	g_autofree char *urls = g_strdup_printf("ldaps://127.0.0.1:1 %s", options.url);
	options.url = urls;
	autoptr(directory) directory = must_open(&options);
	ck_assert_ptr_nonnull(directory);
}
END_TEST

static const char *const bad_urls[] = {"", " ", "ldap", "http://directory.example", "ldap://[",
        "ldaps://good.example http://bad.example", "ldaps://good.example ldap://plain.example",
        "cldap://x"};

START_TEST(bad_url)
{
	struct directory_options options = usual("IMEX_TEST_LDAP");
	options.url = bad_urls[_i];
	must_not_open(&options, "directory.url", ERROR_CONFIG);
}
END_TEST

static const struct {
	const char *settings, *names;
} bad_settings[] = {
        {"", "url"},
        {"url = ldap://localhost\nauth = simple\n", "bind_dn"},
        {"url = ldap://localhost\nauth = simple\nbind_dn = cn=x\n", "password_file"},
        {"url = ldap://localhost\nauth = simple\nbind_dn = cn=x\npassword_file = /nowhere/p\n",
                "/nowhere/p"},
        {"url = ldap://localhost\nauth = simple\nbind_dn = cn=x\npassword_file = /dev/null\n",
                "/dev/null"},
};

START_TEST(bad_setting)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *text = g_strconcat("[ldap]\n", bad_settings[_i].settings, NULL);
	autoptr(config) config = config_parse("imex.conf", text, &error);
	ck_assert_msg(config != NULL, "%s", error != NULL ? error->message : "");
	autoptr(directory) directory = directory_open_config(config, &error);
	ck_assert_ptr_null(directory);
	ck_assert_int_eq(error_class_of(error), ERROR_CONFIG);
	ck_assert_msg(strstr(error->message, bad_settings[_i].names) != NULL, "%s", error->message);
}
END_TEST

START_TEST(as_configured)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *path = NULL;
	int fd = g_file_open_tmp("imexpass.XXXXXX", &path, NULL);
	ck_assert_int_ge(fd, 0);
	g_close(fd, NULL);
	ck_assert(g_file_set_contents(path, "imex-secret\r\n", -1, NULL));
	ck_assert_int_eq(g_chmod(path, 0600), 0);
	g_autofree char *text =
	        g_strdup_printf("[ldap]\nurl = %s\nca_file = %s\nauth = simple\nbind_dn = " READER
	                        "\npassword_file = %s\n",
	                g_getenv("IMEX_TEST_LDAP"), g_getenv("IMEX_TEST_LDAP_CA"), path);
	autoptr(config) config = config_parse("imex.conf", text, &error);
	autoptr(directory) directory =
	        config != NULL ? directory_open_config(config, &error) : NULL;
	ck_assert_msg(directory != NULL, "%s", error != NULL ? error->message : "");
	g_unlink(path);
}
END_TEST

static struct usermap *ldap_map(guint64 *fingerprint)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *text =
	        g_strdup_printf("[users]\nmap = ldap\n"
	                        "[server exchange]\nurl = https://mail.corp.example/\n"
	                        "[domain im.example]\nserver = exchange\nsip_domain = sip.example\n"
	                        "[ldap]\nurl = %s\nauth = external\nbase = " PEOPLE "\n"
	                        "im = {uid}@im.example\nsip = {msRTCSIP-PrimaryUserAddress}\n",
	                g_getenv("IMEX_TEST_LDAPI"));
	autoptr(config) config = config_parse("imex.conf", text, &error);
	struct usermap *map = config != NULL ? usermap_new(config, &error) : NULL;
	ck_assert_msg(map != NULL, "%s", error != NULL ? error->message : "");
	*fingerprint = usermap_fingerprint(map);
	return map;
}

static const struct {
	const char *im, *mail; /* NULL: refused */
} contacts[] = {
        {"sip1@im.example", "one@sip.example"},
        {"u0001@im.example", "u0001@corp.example"}, /* no address of its own: the mailbox's */
        {"guest@im.example", "guest@sip.example"}, /* not in the directory: by the domain */
        {"sip2@im.example", NULL}, /* two people with one address */
        {"sip3@im.example", NULL},
        {NULL, "two@sip.example"},
        {"odd@im.example", NULL}, /* several addresses */
        {"one@im.example", NULL}, /* would be taken for sip1 */
        {NULL, "sip1@sip.example"}, /* sip1 has another address there */
        {"someone@elsewhere.example", NULL},
};

START_TEST(contacts_both_ways)
{
	guint64 first = 0, again = 0;
	autoptr(usermap) map = ldap_map(&first);
	usermap_free(ldap_map(&again));
	ck_assert_uint_eq(first, again);
	for (unsigned i = 0; i < G_N_ELEMENTS(contacts); i++) {
		const char *im = contacts[i].im, *mail = contacts[i].mail;
		g_autoptr(GError) refused = NULL;
		g_autofree char *there = im != NULL ? usermap_to_mail(map, im, &refused) : NULL;
		if (im != NULL)
			ck_assert_pstr_eq(there, mail);
		g_clear_error(&refused);
		g_autofree char *back = mail != NULL ? usermap_to_im(map, mail, &refused) : NULL;
		if (mail != NULL)
			ck_assert_pstr_eq(back, im);
	}
}
END_TEST

static Suite *directory_suite(void)
{
	Suite *suite = suite_create("directory");
	TCase *tcase = tcase_create("directory");
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, all_pages, 0, G_N_ELEMENTS(ways));
	tcase_add_test(tcase, one_of_them);
	tcase_add_loop_test(tcase, bad_search, 0, G_N_ELEMENTS(bad_searches));
	tcase_add_test(tcase, not_all_of_them);
	tcase_add_test(tcase, not_let_in);
	tcase_add_test(tcase, not_trusted);
	tcase_add_test(tcase, not_there);
	tcase_add_test(tcase, another_one);
	tcase_add_loop_test(tcase, bad_url, 0, G_N_ELEMENTS(bad_urls));
	tcase_add_loop_test(tcase, bad_setting, 0, G_N_ELEMENTS(bad_settings));
	tcase_add_test(tcase, as_configured);
	tcase_add_test(tcase, contacts_both_ways);
	suite_add_tcase(suite, tcase);
	return suite;
}
