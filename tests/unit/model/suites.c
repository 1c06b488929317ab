#include "../runner.h"

Suite *contact_suite(void);
Suite *message_suite(void);

Suite *(*const unit_suites[])(void) = {contact_suite, message_suite, NULL};
