#include "core/digest.h"

#include <check.h>
#include <string.h>

Suite *digest_suite(void);

/* FIPS 180-4's own examples. */
START_TEST(known_digests)
{
	static const char two_blocks[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
	g_autofree char *none = digest_of("", 0);
	g_autofree char *abc = digest_of("abc", 3);
	g_autofree char *two = digest_of(two_blocks, strlen(two_blocks));
	ck_assert_str_eq(none, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	ck_assert_str_eq(abc, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	ck_assert_str_eq(two, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}
END_TEST

START_TEST(in_pieces)
{
	struct digest *digest = digest_begin();
	digest_add(digest, "a", 1);
	digest_add(digest, "", 0);
	digest_add_text(digest, "bc");
	g_autofree char *pieces = digest_end(digest);
	g_autoptr(GBytes) bytes = g_bytes_new_static("abc", 4);
	g_autofree char *whole = digest_of_bytes(bytes);
	ck_assert_str_eq(pieces, whole);
}
END_TEST

START_TEST(raw_is_the_same)
{
	unsigned char raw[DIGEST_BYTES];
	struct digest *digest = digest_begin();
	digest_add(digest, "abc", 3);
	digest_end_raw(digest, raw);
	ck_assert_uint_eq(raw[0], 0xba);
	ck_assert_uint_eq(raw[31], 0xad);
}
END_TEST

Suite *digest_suite(void)
{
	Suite *suite = suite_create("digest");
	TCase *tests = tcase_create("digest");
	tcase_add_test(tests, known_digests);
	tcase_add_test(tests, in_pieces);
	tcase_add_test(tests, raw_is_the_same);
	suite_add_tcase(suite, tests);
	return suite;
}
