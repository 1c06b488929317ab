#include "../runner.h"

Suite *plan_suite(void);

Suite *(*const unit_suites[])(void) = {
        plan_suite,
        NULL,
};
