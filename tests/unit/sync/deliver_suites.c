#include "tests/unit/rerun.h"
#include "tests/unit/runner.h"

#include <stddef.h>

Suite *segmenter_suite(void);
Suite *delivery_suite(void);
Suite *ingest_stream_suite(void);
Suite *route_suite(void);

Suite *(*const unit_suites[])(void) = {
        segmenter_suite, delivery_suite, ingest_stream_suite, route_suite, NULL};

void unit_setup(void)
{
	rerun_under("tests/lib/pgcluster.py", "IMEX_TEST_PG_URL");
}
