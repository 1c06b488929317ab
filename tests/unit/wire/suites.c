#include "tests/unit/rerun.h"
#include "tests/unit/runner.h"
#include "wire/http.h"

#include <stddef.h>

Suite *http_suite(void);
Suite *json_suite(void);
Suite *xml_mend_suite(void);
Suite *xml_read_suite(void);
Suite *xml_write_suite(void);

Suite *(*const unit_suites[])(void) = {
        http_suite, json_suite, xml_mend_suite, xml_read_suite, xml_write_suite, NULL};

void unit_setup(void)
{
	rerun_under("tests/unit/wire/http_server.py", "IMEX_TEST_HTTP");
	http_global_init();
}
