#include "oauth/base64.h"

#include <check.h>
#include <string.h>

Suite *base64_suite(void);

START_TEST(round_trip_of_every_length)
{
	guint8 bytes[64];
	for (unsigned i = 0; i < sizeof bytes; i++)
		bytes[i] = (guint8)(i * 37 + 251);
	for (unsigned len = 0; len <= sizeof bytes; len++) {
		g_autofree char *text = base64url_encode(bytes, len);
		ck_assert_ptr_null(strpbrk(text, "+/="));
		g_autoptr(GByteArray) back = base64url_decode(text, strlen(text));
		ck_assert_ptr_nonnull(back);
		ck_assert_uint_eq(back->len, len);
		ck_assert_int_eq(memcmp(back->data, bytes, len), 0);
		g_autofree char *plain = g_base64_encode(bytes, len);
		g_autoptr(GByteArray) from_plain = base64_decode(plain, strlen(plain));
		ck_assert_ptr_nonnull(from_plain);
		ck_assert_uint_eq(from_plain->len, len);
	}
}
END_TEST

static const char *const refused_url[] = {
        "A", "QQ==", "QQ=", "QR", "QUK", "Q Q", "QQ\n", "Q+8", "Q/8", "QUJD=", "====", "\xc3\xa4"};

START_TEST(refuses_other_spellings)
{
	const char *text = refused_url[_i];
	ck_assert_ptr_null(base64url_decode(text, strlen(text)));
}
END_TEST

static const char *const refused_plain[] = {"QQ", "QQ=", "Q===", "====", "QR==", "QUK=", "QQ==\n",
        "QUJD====", "Q-8=", "QQ==QQ==", "=QQQ"};

START_TEST(refuses_sloppy_plain)
{
	const char *text = refused_plain[_i];
	ck_assert_ptr_null(base64_decode(text, strlen(text)));
}
END_TEST

Suite *base64_suite(void)
{
	Suite *suite = suite_create("base64");
	TCase *tests = tcase_create("base64");
	tcase_add_test(tests, round_trip_of_every_length);
	tcase_add_loop_test(tests, refuses_other_spellings, 0, G_N_ELEMENTS(refused_url));
	tcase_add_loop_test(tests, refuses_sloppy_plain, 0, G_N_ELEMENTS(refused_plain));
	suite_add_tcase(suite, tests);
	return suite;
}
