/*
 * Contact list files of FUZZ_FORMAT: what was read and written can be read and written again and
 * again without a complaint and without a change.
 */
#include "core/error.h"
#include "im/listfile.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static void count_odd(void *data, const char *what, const char *why)
{
	g_assert(what != NULL && why != NULL && g_utf8_validate(why, -1, NULL));
	++*(unsigned *)data;
}

static char *rewrite(const char *bytes, size_t len, unsigned *odd)
{
	const struct listfile_sink sink = {count_odd, odd};
	GError *error = NULL;
	g_autoptr(GPtrArray) lists = listfile_read(FUZZ_FORMAT, bytes, len, &sink, &error);
	if (lists == NULL) {
		g_assert(error_class_of(error) == ERROR_CONFIG);
		g_clear_error(&error);
		return NULL;
	}
	for (guint i = 0; i < lists->len; i++) {
		struct listfile *list = g_ptr_array_index(lists, i);
		if (list->owner == NULL)
			list->owner = g_strdup("owner@im.example");
	}
	char *text = listfile_write(FUZZ_FORMAT, lists, &sink, &error);
	g_assert_no_error(error);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned odd = 0, odd_again = 0;
	enum listfile_format format;
	(void)listfile_guess((const char *)data, size, &format);
	g_autofree char *read = rewrite((const char *)data, size, &odd);
	if (read == NULL)
		return 0;
	/* What the format cannot carry was replaced, and may stand elsewhere in order then. */
	odd = 0;
	g_autofree char *first = rewrite(read, strlen(read), &odd);
	g_assert_nonnull(first);
	g_assert(odd == 0);
	g_autofree char *second = rewrite(first, strlen(first), &odd_again);
	g_assert_nonnull(second);
	g_assert_cmpstr(first, ==, second);
	g_assert(odd_again == 0);
	return 0;
}
