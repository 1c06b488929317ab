#include "tests/unit/rerun.h"
#include "tests/unit/runner.h"

#include <stddef.h>

Suite *capture_suite(void);
Suite *ingest_suite(void);
Suite *prosody_json_suite(void);
Suite *listfile_suite(void);
Suite *prosody_suite(void);
Suite *source_suite(void);
Suite *stanza_suite(void);

Suite *(*const unit_suites[])(void) = {
        stanza_suite,
        prosody_json_suite,
        source_suite,
        listfile_suite,
        prosody_suite,
        capture_suite,
        ingest_suite,
        NULL,
};

void unit_setup(void)
{
	rerun_under("tests/lib/pgcluster.py", "IMEX_TEST_PG_URL");
}
