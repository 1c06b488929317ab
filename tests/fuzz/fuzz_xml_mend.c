/*
 * The mending filter: what comes out holds only characters of XML, and no cutting of the input
 * changes it. The first byte says how to cut.
 */
#include "tests/fuzz/fuzz.h"
#include "wire/xml_chars.h"
#include "wire/xml_mend.h"

#include <glib.h>
#include <string.h>

static void feed(struct xml_mend *mend, const uint8_t *bytes, size_t len, GString *all)
{
	const char *out;
	size_t out_len;

	xml_mend_feed(mend, (const char *)bytes, len, &out, &out_len);
	g_string_append_len(all, out, (gssize)out_len);
}

static GString *mend_all(const uint8_t *bytes, size_t len, size_t piece, uint64_t *count)
{
	autoptr(xml_mend) mend = xml_mend_new();
	GString *all = g_string_new(NULL);
	const char *out;
	size_t out_len;

	for (size_t from = 0; from < len; from += piece)
		feed(mend, bytes + from, MIN(piece, len - from), all);
	xml_mend_finish(mend, &out, &out_len);
	g_string_append_len(all, out, (gssize)out_len);
	*count = xml_mend_count(mend);
	return all;
}

static void check_legal(const GString *text)
{
	const unsigned char *p = (const unsigned char *)text->str, *end = p + text->len;

	while (p < end) {
		int len = *p < 0x80 ? (xml_char_legal(*p) ? 1 : -1) : xml_sequence(p, end);

		g_assert(len > 0);
		p += len;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t count, other;

	if (size == 0)
		return 0;
	GString *whole = mend_all(data + 1, size - 1, size, &count);
	GString *cut = mend_all(data + 1, size - 1, 1 + data[0] % 7, &other);

	check_legal(whole);
	g_assert(g_string_equal(whole, cut) && count == other);
	/* Mending what was mended finds nothing more to do. */
	GString *again = mend_all((const uint8_t *)whole->str, whole->len, whole->len + 1, &other);

	g_assert(g_string_equal(whole, again) && other == 0);
	g_string_free(whole, TRUE);
	g_string_free(cut, TRUE);
	g_string_free(again, TRUE);
	return 0;
}
