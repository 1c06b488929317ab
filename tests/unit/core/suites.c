#include "../runner.h"

Suite *address_suite(void);
Suite *clock_suite(void);
Suite *config_suite(void);
Suite *digest_suite(void);
Suite *error_suite(void);
Suite *secret_suite(void);

Suite *(*const unit_suites[])(void) = {
        address_suite, clock_suite, config_suite, digest_suite, error_suite, secret_suite, NULL};
