#include "runner.h"

#include <locale.h>
#include <signal.h>
#include <stdlib.h>

int main(void)
{
	setlocale(LC_ALL, "C.UTF-8");
	signal(SIGPIPE, SIG_IGN); /* as in the programs */
	/* Check's own four seconds are too few on a busy machine; time decides no test. */
	setenv("CK_DEFAULT_TIMEOUT", "120", 0);
	if (unit_setup != NULL)
		unit_setup();
	SRunner *runner = srunner_create(NULL);
	for (unsigned i = 0; unit_suites[i] != NULL; i++)
		srunner_add_suite(runner, unit_suites[i]());
	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
