#include "tests/unit/rerun.h"
#include "tests/unit/runner.h"

#include <stddef.h>

Suite *journal_suite(void);
Suite *lease_suite(void);
Suite *life_suite(void);
Suite *loss_suite(void);
Suite *mailbox_suite(void);
Suite *partner_suite(void);
Suite *pass_suite(void);
Suite *policy_suite(void);
Suite *snapshot_suite(void);
Suite *store_suite(void);

Suite *(*const unit_suites[])(void) = {
        store_suite,
        mailbox_suite,
        lease_suite,
        journal_suite,
        life_suite,
        loss_suite,
        policy_suite,
        pass_suite,
        snapshot_suite,
        partner_suite,
        NULL,
};

void unit_setup(void)
{
	rerun_under("tests/lib/pgcluster.py", "IMEX_TEST_PG_URL");
}
