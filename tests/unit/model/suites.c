#include "../runner.h"

Suite *contact_suite(void);
Suite *contact_card_suite(void);
Suite *message_suite(void);

Suite *(*const unit_suites[])(void) = {contact_suite, contact_card_suite, message_suite, NULL};
