#include "core/address.h"
#include "core/error.h"

#include <check.h>

Suite *address_suite(void);

static const struct {
	const char *text, *canonical;
} good[] = {
        {"bob@im.example", "bob@im.example"},
        {"Sip:Bob@Corp.Example;transport=tls", "bob@corp.example"},
        {"xmpp:bob@im.example/phone?message", "bob@im.example"},
        {"bob@im.example/a@b", "bob@im.example"},
        {"a/b@im.example", "a/b@im.example"},
        {" smtp:X@Y.Z. ", "x@y.z"},
        {"\xC3\x9Cte@b\xC3\xBC"
         "cher.example",
                "\xC3\xBCte@b\xC3\xBC"
                "cher.example"},
        {"ute@xn--bcher-kva.example", "ute@b\xC3\xBC"
                                      "cher.example"},
        /* decomposed and composed are one */
        {"u\xCC\x88te@im.example", "\xC3\xBCte@im.example"},
        {"rooms.im.example", "rooms.im.example"},
        {"tel:+49 (30) 1234-5;ext=1", "tel:+493012345"},
};

START_TEST(canonical_form)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *canonical = address_canonical(good[_i].text, &error);
	ck_assert_msg(error == NULL, "%s: %s", good[_i].text, error != NULL ? error->message : "");
	ck_assert_str_eq(canonical, good[_i].canonical);
	g_autofree char *again = address_canonical(canonical, NULL);
	ck_assert_str_eq(again, canonical);
}
END_TEST

static const char *const bad[] = {"", "  ", "@im.example", "bob@", "a@b@c", "bob@im.xn--eaample",
        "sip:xmpp:bob@x", "xmpp:tel:+1", "bo b@im.example", "tel:", "tel:abc", "bob@im.example\x01",
        "\xff@x.y", "a\"b@x.y", "sip:"};

START_TEST(refused)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *canonical = address_canonical(bad[_i], &error);
	ck_assert_ptr_null(canonical);
	ck_assert(error_is(error, "address.invalid"));
}
END_TEST

START_TEST(parts)
{
	g_autofree char *local = address_local_part("bob@im.example");
	ck_assert_str_eq(local, "bob");
	ck_assert_str_eq(address_domain("bob@im.example"), "im.example");
	ck_assert_ptr_null(address_local_part("im.example"));
	g_autofree char *ascii = address_domain_ascii("b\xC3\xBC"
	                                              "cher.example",
	        NULL);
	ck_assert_str_eq(ascii, "xn--bcher-kva.example");
}
END_TEST

Suite *address_suite(void)
{
	Suite *suite = suite_create("address");
	TCase *tests = tcase_create("address");
	tcase_add_loop_test(tests, canonical_form, 0, G_N_ELEMENTS(good));
	tcase_add_loop_test(tests, refused, 0, G_N_ELEMENTS(bad));
	tcase_add_test(tests, parts);
	suite_add_tcase(suite, tests);
	return suite;
}
