#include "tests/unit/runner.h"

#include <stddef.h>

Suite *json_suite(void);
Suite *xml_mend_suite(void);
Suite *xml_read_suite(void);
Suite *xml_write_suite(void);

Suite *(*const unit_suites[])(void) = {
        json_suite, xml_mend_suite, xml_read_suite, xml_write_suite, NULL};
