#include "tests/unit/rerun.h"
#include "tests/unit/runner.h"

#include <stddef.h>

Suite *db_suite(void);
Suite *db_fault_suite(void);

Suite *(*const unit_suites[])(void) = {db_suite, db_fault_suite, NULL};

void unit_setup(void)
{
	rerun_under("tests/lib/pgcluster.py", "IMEX_TEST_PG_URL");
}
