#include "tests/unit/rerun.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* The words of our own command line, which unit_setup() is not given. */
static void add_own_arguments(GPtrArray *argv)
{
	g_autofree char *text = NULL;
	g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
	gsize len = 0;

	g_assert_nonnull(self);
	g_ptr_array_add(argv, g_strdup(self));
	if (!g_file_get_contents("/proc/self/cmdline", &text, &len, NULL))
		return;
	for (const char *word = text + strlen(text) + 1; word < text + len;
	        word += strlen(word) + 1)
		g_ptr_array_add(argv, g_strdup(word));
}

void rerun_under(const char *script, const char *variable)
{
	if (g_getenv(variable) != NULL)
		return;
	const char *srcdir = g_getenv("srcdir");
	g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);

	g_ptr_array_add(argv, g_strdup("/usr/bin/python3"));
	g_ptr_array_add(
	        argv, g_build_filename(srcdir != NULL ? srcdir : TEST_SRCDIR, script, NULL));
	g_ptr_array_add(argv, g_strdup("run"));
	g_ptr_array_add(argv, g_strdup("--"));
	add_own_arguments(argv);
	g_ptr_array_add(argv, NULL);
	execv(argv->pdata[0], (char **)argv->pdata);
	printf("Bail out! cannot run /usr/bin/python3, which the tests need\n");
	exit(1);
}
