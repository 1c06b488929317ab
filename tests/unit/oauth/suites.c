#include "../runner.h"
#include "fixture.h"

Suite *base64_suite(void);
Suite *challenge_suite(void);
Suite *keyring_suite(void);
Suite *metadata_suite(void);
Suite *principal_suite(void);
Suite *token_suite(void);
Suite *token_threads_suite(void);
Suite *trust_suite(void);
Suite *verify_suite(void);
Suite *watch_suite(void);

Suite *(*const unit_suites[])(void) = {base64_suite, challenge_suite, keyring_suite, metadata_suite,
        principal_suite, token_suite, token_threads_suite, trust_suite, verify_suite, watch_suite,
        NULL};

void unit_setup(void)
{
	fixture_make_pairs();
}
