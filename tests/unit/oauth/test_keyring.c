#include "oauth/keyring.h"

#include "core/clock.h"
#include "core/error.h"
#include "fixture.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

Suite *keyring_suite(void);

static char *folder;

static void setup(void)
{
	folder = fixture_folder();
}

static void teardown(void)
{
	clock_unset();
	fixture_remove(folder);
}

static struct keyring *open_ring(void)
{
	g_autoptr(GError) error = NULL;
	struct keyring *keyring = keyring_open(folder, &error);
	ck_assert_no_error(error);
	return keyring;
}

static const char *x5t_of(unsigned pair)
{
	return certificate_x5t(key_pair_certificate(fixture_pair(pair)));
}

static void assert_slot(struct keyring *keyring, enum key_slot slot, const char *x5t)
{
	autoptr(certificate) certificate = keyring_certificate(keyring, slot);
	if (x5t == NULL)
		ck_assert_ptr_null(certificate);
	else {
		ck_assert_ptr_nonnull(certificate);
		ck_assert_str_eq(certificate_x5t(certificate), x5t);
	}
}

static bool sign(struct keyring *keyring, unsigned pair, GError **error)
{
	g_autoptr(GByteArray) signature = NULL;
	g_autofree char *x5t = keyring_signing_x5t(keyring, error);
	if (x5t == NULL)
		return false;
	ck_assert_str_eq(x5t, x5t_of(pair));
	if (!keyring_sign(keyring, x5t, "abc", 3, &signature, error))
		return false;
	const struct certificate *certificate = key_pair_certificate(fixture_pair(pair));
	ck_assert(certificate_verify(certificate, "abc", 3, signature->data, signature->len));
	ck_assert(!certificate_verify(certificate, "abd", 3, signature->data, signature->len));
	signature->data[0] ^= 1;
	ck_assert(!certificate_verify(certificate, "abc", 3, signature->data, signature->len));
	return true;
}

START_TEST(empty_is_a_state_of_its_own)
{
	autoptr(keyring) keyring = open_ring();
	g_autoptr(GError) error = NULL;
	assert_slot(keyring, KEY_CURRENT, NULL);
	g_autoptr(GPtrArray) published = keyring_published(keyring);
	ck_assert_uint_eq(published->len, 0);
	ck_assert(!sign(keyring, 0, &error));
	ck_assert_reason(error, "keyring.empty");
}
END_TEST

START_TEST(use_keeps_the_former_as_previous)
{
	autoptr(keyring) keyring = open_ring();
	ck_assert(keyring_use(keyring, fixture_pair(0), NULL));
	ck_assert(sign(keyring, 0, NULL));
	ck_assert(keyring_use(keyring, fixture_pair(1), NULL));
	ck_assert(sign(keyring, 1, NULL));
	assert_slot(keyring, KEY_PREVIOUS, x5t_of(0));
	/* The same again changes nothing. */
	ck_assert(keyring_use(keyring, fixture_pair(1), NULL));
	assert_slot(keyring, KEY_PREVIOUS, x5t_of(0));
	ck_assert_uint_eq(keyring_signatures(keyring), 2);
	/* Another program sees it. */
	autoptr(keyring) other = open_ring();
	ck_assert(sign(other, 1, NULL));
}
END_TEST

START_TEST(staged_key_signs_from_its_time_on)
{
	autoptr(keyring) keyring = open_ring();
	int64_t now = clock_utc_us();
	ck_assert(keyring_use(keyring, fixture_pair(0), NULL));
	ck_assert(
	        keyring_stage(keyring, fixture_pair(1), now + 10 * CLOCK_US_PER_DAY, false, NULL));
	assert_slot(keyring, KEY_NEXT, x5t_of(1));
	ck_assert(sign(keyring, 0, NULL));
	g_autoptr(GPtrArray) published = keyring_published(keyring);
	ck_assert_uint_eq(published->len, 2);
	clock_set_utc_us(now + 10 * CLOCK_US_PER_DAY);
	ck_assert(sign(keyring, 1, NULL));
	assert_slot(keyring, KEY_NEXT, NULL);
	assert_slot(keyring, KEY_PREVIOUS, x5t_of(0));
	ck_assert_int_eq(keyring_effective_utc_us(keyring), 0);
	g_autoptr(GPtrArray) after = keyring_published(keyring);
	ck_assert_uint_eq(after->len, 2);
	ck_assert_str_eq(certificate_x5t(g_ptr_array_index(after, 0)), x5t_of(1));
	ck_assert(keyring_drop_previous(keyring, NULL));
	assert_slot(keyring, KEY_PREVIOUS, NULL);
	assert_slot(keyring, KEY_CURRENT, x5t_of(1));
	autoptr(keyring) other = open_ring();
	assert_slot(other, KEY_CURRENT, x5t_of(1));
}
END_TEST

START_TEST(staging_needs_a_day_of_lead)
{
	autoptr(keyring) keyring = open_ring();
	g_autoptr(GError) error = NULL;
	int64_t end = certificate_not_after_utc_us(key_pair_certificate(fixture_pair(0)));
	ck_assert(keyring_use(keyring, fixture_pair(0), NULL));
	ck_assert(!keyring_stage(
	        keyring, fixture_pair(1), end - CLOCK_US_PER_DAY + CLOCK_US_PER_S, false, &error));
	ck_assert_reason(error, "keyring.lead");
	assert_slot(keyring, KEY_NEXT, NULL);
	ck_assert(keyring_stage(keyring, fixture_pair(1), end - CLOCK_US_PER_DAY, false, NULL));
	ck_assert(keyring_stage(
	        keyring, fixture_pair(1), end - CLOCK_US_PER_DAY + CLOCK_US_PER_S, true, NULL));
	assert_slot(keyring, KEY_NEXT, x5t_of(1));
}
END_TEST

START_TEST(refused_changes_change_nothing)
{
	autoptr(keyring) keyring = open_ring();
	g_autoptr(GError) error = NULL;
	ck_assert(!keyring_stage(keyring, fixture_pair(0), 0, true, &error));
	ck_assert_reason(error, "keyring.empty");
	g_clear_error(&error);
	ck_assert(keyring_use(keyring, fixture_pair(0), NULL));
	ck_assert(!keyring_stage(keyring, fixture_pair(0), 0, true, &error));
	ck_assert_reason(error, "keyring.same");
	g_clear_error(&error);
	ck_assert(!keyring_roll(keyring, &error));
	ck_assert_reason(error, "keyring.not_staged");
	g_clear_error(&error);
	ck_assert(!keyring_drop_previous(keyring, &error));
	ck_assert_reason(error, "keyring.no_previous");
	assert_slot(keyring, KEY_CURRENT, x5t_of(0));
}
END_TEST

START_TEST(roll_now)
{
	autoptr(keyring) keyring = open_ring();
	ck_assert(keyring_use(keyring, fixture_pair(0), NULL));
	ck_assert(keyring_stage(
	        keyring, fixture_pair(1), clock_utc_us() + 100 * CLOCK_US_PER_DAY, false, NULL));
	ck_assert(keyring_roll(keyring, NULL));
	ck_assert(sign(keyring, 1, NULL));
	assert_slot(keyring, KEY_PREVIOUS, x5t_of(0));
	assert_slot(keyring, KEY_NEXT, NULL);
	/* A third one pushes the first out, and its files go. */
	ck_assert(keyring_use(keyring, fixture_pair(2), NULL));
	g_autofree char *name = g_strconcat("keys/",
	        certificate_thumbprint(key_pair_certificate(fixture_pair(0))), ".key.pem", NULL);
	g_autofree char *path = g_build_filename(folder, name, NULL);
	ck_assert(!g_file_test(path, G_FILE_TEST_EXISTS));
}
END_TEST

START_TEST(expired_key_signs_nothing)
{
	autoptr(keyring) keyring = open_ring();
	g_autoptr(GError) error = NULL;
	ck_assert(keyring_use(keyring, fixture_pair(0), NULL));
	clock_set_utc_us(certificate_not_after_utc_us(key_pair_certificate(fixture_pair(0))));
	ck_assert(!sign(keyring, 0, &error));
	ck_assert_reason(error, "keyring.expired");
	g_autoptr(GPtrArray) published = keyring_published(keyring);
	ck_assert_uint_eq(published->len, 0);
}
END_TEST

static char *key_path(unsigned pair, const char *suffix)
{
	g_autofree char *name = g_strconcat(
	        certificate_thumbprint(key_pair_certificate(fixture_pair(pair))), suffix, NULL);
	return g_build_filename(folder, "keys", name, NULL);
}

static void assert_open_fails(const char *reason)
{
	g_autoptr(GError) error = NULL;
	ck_assert_ptr_null(keyring_open(folder, &error));
	ck_assert_reason(error, reason);
	ck_assert_int_eq(error_class_of(error), ERROR_CONFIG);
}

START_TEST(key_that_others_can_read_is_refused)
{
	autoptr(keyring) keyring = open_ring();
	ck_assert(keyring_use(keyring, fixture_pair(0), NULL));
	g_autofree char *path = key_path(0, ".key.pem");
	struct stat info;
	ck_assert_int_eq(stat(path, &info), 0);
	ck_assert_int_eq(info.st_mode & 07777, 0600);
	ck_assert_int_eq(chmod(path, 0640), 0);
	assert_open_fails("keyring.exposed");
	ck_assert_int_eq(chmod(path, 0604), 0);
	assert_open_fails("keyring.exposed");
}
END_TEST

START_TEST(damage_is_told)
{
	autoptr(keyring) keyring = open_ring();
	ck_assert(keyring_use(keyring, fixture_pair(0), NULL));
	ck_assert(keyring_use(keyring, fixture_pair(1), NULL));
	g_autofree char *index = g_build_filename(folder, "keys", "index", NULL);
	g_autofree char *good = NULL;
	ck_assert(g_file_get_contents(index, &good, NULL, NULL));
	ck_assert(g_file_set_contents(index, "[keys]\ncurrent=../../etc/passwd\n", -1, NULL));
	assert_open_fails("keyring.damaged");
	ck_assert(g_file_set_contents(index, "current", -1, NULL));
	assert_open_fails("keyring.damaged");
	ck_assert(g_file_set_contents(index, good, -1, NULL));
	/* A certificate of another key. */
	g_autofree char *first = key_path(0, ".cert.pem");
	g_autofree char *second = key_path(1, ".cert.pem");
	g_autofree char *bytes = NULL;
	ck_assert(g_file_get_contents(first, &bytes, NULL, NULL));
	ck_assert(g_file_set_contents(second, bytes, -1, NULL));
	assert_open_fails("keyring.mismatch");
	g_unlink(second);
	assert_open_fails("certificate.unreadable");
}
END_TEST

START_TEST(follows_a_change_and_keeps_the_old_when_broken)
{
	autoptr(keyring) daemon = open_ring();
	autoptr(keyring) command = open_ring();
	ck_assert(keyring_use(command, fixture_pair(0), NULL));
	g_autoptr(GError) error = NULL;
	/* Looked at once per second. */
	for (unsigned i = 0; i < 30; i++) {
		ck_assert(keyring_follow(daemon, NULL));
		g_autofree char *x5t = keyring_signing_x5t(daemon, NULL);
		if (x5t != NULL)
			break;
		g_usleep(100000);
	}
	ck_assert(sign(daemon, 0, NULL));
	g_autofree char *index = g_build_filename(folder, "keys", "index", NULL);
	ck_assert(g_file_set_contents(index, "garbage", -1, NULL));
	bool good = true;
	for (unsigned i = 0; i < 30 && good; i++) {
		good = keyring_follow(daemon, &error);
		g_usleep(100000);
	}
	ck_assert(!good);
	ck_assert_reason(error, "keyring.damaged");
	ck_assert(sign(daemon, 0, NULL));
}
END_TEST

START_TEST(pkcs12_out_and_in)
{
	autoptr(keyring) keyring = open_ring();
	g_autoptr(GError) error = NULL;
	ck_assert(keyring_use(keyring, fixture_pair(0), NULL));
	g_autofree char *path = g_build_filename(folder, "out.p12", NULL);
	ck_assert(keyring_export_pkcs12(keyring, path, "secret", &error));
	ck_assert(!keyring_export_pkcs12(keyring, path, "secret", &error));
	ck_assert_reason(error, "keyring.export");
	g_clear_error(&error);
	ck_assert_ptr_null(key_pair_from_pkcs12(path, "wrong", &error));
	ck_assert_reason(error, "keyring.password");
	g_clear_error(&error);
	autoptr(key_pair) pair = key_pair_from_pkcs12(path, "secret", &error);
	ck_assert_no_error(error);
	ck_assert_str_eq(certificate_x5t(key_pair_certificate(pair)), x5t_of(0));
	ck_assert(g_file_set_contents(path, "not a bundle", -1, NULL));
	ck_assert_ptr_null(key_pair_from_pkcs12(path, "secret", &error));
	ck_assert_reason(error, "keyring.damaged");
}
END_TEST

START_TEST(weak_keys_are_refused)
{
	const struct key_request request = {.common_name = "x.example", .bits = 1024};
	g_autoptr(GError) error = NULL;
	ck_assert_ptr_null(key_pair_create(&request, &error));
	ck_assert_reason(error, "certificate.weak");
	g_clear_error(&error);
	const struct key_request endless = {.common_name =
	                                            "a-name-that-is-longer-than-sixty-four-"
	                                            "characters-cannot-be-a-common-name.example"};
	ck_assert_ptr_null(key_pair_create(&endless, &error));
	ck_assert_reason(error, "keyring.create");
}
END_TEST

START_TEST(certificate_facts)
{
	const struct certificate *certificate = key_pair_certificate(fixture_pair(0));
	ck_assert_uint_eq(certificate_bits(certificate), 2048);
	ck_assert_uint_eq(strlen(certificate_x5t(certificate)), 27);
	ck_assert_uint_eq(strlen(certificate_thumbprint(certificate)), 40);
	ck_assert_str_eq(certificate_subject(certificate), "CN=corp.example");
	ck_assert(certificate_has_name(certificate, "IM.corp.example"));
	ck_assert(!certificate_has_name(certificate, "other.example"));
	g_autofree char *pem = certificate_pem(certificate);
	g_autofree char *path = g_build_filename(folder, "c.pem", NULL);
	ck_assert(g_file_set_contents(path, pem, -1, NULL));
	autoptr(certificate) read = certificate_from_file(path, NULL);
	ck_assert_str_eq(certificate_sha256(read), certificate_sha256(certificate));
	g_autoptr(GError) error = NULL;
	ck_assert_ptr_null(certificate_from_base64("MIIB", &error));
	ck_assert_reason(error, "certificate.malformed");
	g_clear_error(&error);
	gsize len = 0;
	const guchar *der = g_bytes_get_data(certificate_der(certificate), &len);
	g_autofree guchar *longer = g_malloc0(len + 1);
	memcpy(longer, der, len);
	ck_assert_ptr_null(certificate_from_der(longer, len + 1, &error));
	ck_assert_reason(error, "certificate.malformed");
}
END_TEST

Suite *keyring_suite(void)
{
	Suite *suite = suite_create("keyring");
	TCase *tests = tcase_create("keyring");
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, empty_is_a_state_of_its_own);
	tcase_add_test(tests, use_keeps_the_former_as_previous);
	tcase_add_test(tests, staged_key_signs_from_its_time_on);
	tcase_add_test(tests, staging_needs_a_day_of_lead);
	tcase_add_test(tests, refused_changes_change_nothing);
	tcase_add_test(tests, roll_now);
	tcase_add_test(tests, expired_key_signs_nothing);
	tcase_add_test(tests, key_that_others_can_read_is_refused);
	tcase_add_test(tests, damage_is_told);
	tcase_add_test(tests, follows_a_change_and_keeps_the_old_when_broken);
	tcase_add_test(tests, pkcs12_out_and_in);
	tcase_add_test(tests, weak_keys_are_refused);
	tcase_add_test(tests, certificate_facts);
	suite_add_tcase(suite, tests);
	return suite;
}
