/* --record DIR: what came in and what went out, as files. */
#include "http.h"

#include <stdio.h>

static void write_file(const struct devx *devx, unsigned number, const char *operation,
        const char *what, const GString *text)
{
	char *name = g_strdup_printf("%s/%06u-%s.%s", devx->options.record_dir, number,
	        operation != NULL ? operation : "unknown", what);
	GError *error = NULL;

	if (!g_file_set_contents_full(
	            name, text->str, (gssize)text->len, G_FILE_SET_CONTENTS_NONE, 0600, &error)) {
		fprintf(stderr, "devexchange: %s\n", error->message);
		g_error_free(error);
	}
	g_free(name);
}

void record_exchange(const struct devx *devx, const char *operation, const GString *request,
        const char *what, int status, const GString *answer)
{
	static unsigned next;

	if (devx->options.record_dir == NULL)
		return;
	unsigned number = __atomic_add_fetch(&next, 1, __ATOMIC_SEQ_CST);
	char *kind = g_strdup_printf("%s-%d.xml", what, status);
	if (request != NULL)
		write_file(devx, number, operation, "request.xml", request);
	if (answer != NULL)
		write_file(devx, number, operation, kind, answer);
	g_free(kind);
}
