/*
 * The main() of every unit test program: runs the suites it is given, in TAP.
 * Link runner.c and define `unit_suites`.
 */
#ifndef IMEX_TESTS_UNIT_RUNNER_H
#define IMEX_TESTS_UNIT_RUNNER_H

#include <check.h>

/* NULL-ended; one function per test_<module>.c, named <module>_suite. */
extern Suite *(*const unit_suites[])(void);

/* Called once before the suites when the program defines it: no threads may be started there. */
void unit_setup(void) __attribute__((weak));

#endif
