/* Runs a fuzz target over its corpus, in TAP: one line per file. */
#include "tests/fuzz/fuzz.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Beginnings of longer files would only repeat those of shorter ones, slowly. */
#define PREFIXES_UP_TO 1024

/* A copy of exactly its size, so that the sanitizer sees a byte read beyond it. */
static void run_one(const char *bytes, size_t len)
{
	g_autofree uint8_t *copy = g_malloc(len > 0 ? len : 1);

	memcpy(copy, bytes, len);
	LLVMFuzzerTestOneInput(copy, len);
}

static void run_file(const char *path, unsigned number)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *bytes = NULL;
	g_autofree char *name = g_path_get_basename(path);
	gsize len = 0;

	if (!g_file_get_contents(path, &bytes, &len, &error)) {
		printf("not ok %u - %s: %s\n", number, name, error->message);
		exit(EXIT_FAILURE);
	}
	run_one(bytes, len);
	for (gsize prefix = 0; len <= PREFIXES_UP_TO && prefix < len; prefix++)
		run_one(bytes, prefix);
	printf("ok %u - %s\n", number, name);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int main(int argc, char **argv)
{
	g_autofree char *program = g_path_get_basename(argv[0]);
	const char *srcdir = g_getenv("srcdir"), *mark = strstr(program, "fuzz_"), *name;
	g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);

	g_assert(mark != NULL);
	g_autofree char *folder = argc > 1 ? g_strdup(argv[1])
	                                   : g_build_filename(srcdir != NULL ? srcdir : TEST_SRCDIR,
	                                             "tests", "fuzz", "corpus", mark + 5, NULL);
	GDir *dir = g_dir_open(folder, 0, NULL);

	while (dir != NULL && (name = g_dir_read_name(dir)) != NULL)
		g_ptr_array_add(paths, g_build_filename(folder, name, NULL));
	if (dir != NULL)
		g_dir_close(dir);
	if (paths->len == 0) {
		printf("Bail out! no corpus in %s\n", folder);
		return EXIT_FAILURE;
	}
	qsort(paths->pdata, paths->len, sizeof(gpointer), by_name);
	printf("1..%u\n", paths->len);
	for (unsigned i = 0; i < paths->len; i++) {
		fflush(stdout);
		run_file(paths->pdata[i], i + 1);
	}
	return EXIT_SUCCESS;
}
