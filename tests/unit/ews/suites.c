#include "tests/unit/runner.h"

#include "wire/http.h"

#include <stddef.h>

Suite *codes_suite(void);
Suite *driver_folder_suite(void);
Suite *driver_ucs_suite(void);
Suite *messages_suite(void);
Suite *session_suite(void);
Suite *ucs_read_suite(void);

Suite *(*const unit_suites[])(void) = {codes_suite, driver_folder_suite, driver_ucs_suite,
        messages_suite, session_suite, ucs_read_suite, NULL};

void unit_setup(void)
{
	http_global_init();
}
