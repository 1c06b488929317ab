#include "../runner.h"

Suite *plan_suite(void);
Suite *usermap_suite(void);
Suite *wanted_suite(void);

Suite *(*const unit_suites[])(void) = {
        plan_suite,
        usermap_suite,
        wanted_suite,
        NULL,
};
