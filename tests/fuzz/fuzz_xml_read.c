/*
 * The XML reader: never more events than bytes, balanced elements, an error or a whole document.
 * The first byte says how to cut the rest and whether several documents may follow each other.
 */
#include "core/error.h"
#include "tests/fuzz/fuzz.h"
#include "wire/xml_read.h"

#include <glib.h>
#include <string.h>

struct state {
	struct xml_reader *reader;
	unsigned depth, documents;
	size_t events;
};

static bool on_start(void *data, const char *ns, const char *local, const struct xml_attrs *attrs,
        GError **error)
{
	struct state *state = data;
	const char *id = xml_attr_value(attrs, "Id");

	(void)error;
	g_assert(ns != NULL && local[0] != '\0');
	g_assert(id == NULL || g_utf8_validate(id, -1, NULL));
	if (local[0] == 's')
		xml_reader_stream_text(state->reader);
	state->depth++;
	state->events++;
	return true;
}

static bool on_end(
        void *data, const char *ns, const char *local, const char *text, size_t len, GError **error)
{
	struct state *state = data;

	(void)ns;
	(void)local;
	(void)error;
	g_assert(state->depth > 0);
	g_assert(text == NULL || (strlen(text) == len && g_utf8_validate(text, -1, NULL)));
	state->depth--;
	state->events++;
	return true;
}

static bool on_text(void *data, const char *bytes, size_t len, GError **error)
{
	(void)error;
	(void)bytes;
	((struct state *)data)->events += len > 0;
	return true;
}

static bool on_document(void *data, GError **error)
{
	struct state *state = data;

	(void)error;
	g_assert(state->depth == 0);
	state->documents++;
	return true;
}

static const struct xml_handler handler = {on_start, on_end, on_text, on_document};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct state state = {0};
	const struct xml_limits limits = {.max_depth = 20,
	        .max_text_bytes = 500,
	        .max_bytes = 100000,
	        .many_documents = (data[0] & 0x80) != 0};
	autoptr(xml_reader) reader = xml_reader_new(&handler, &state, &limits);
	g_autoptr(GError) error = NULL;
	size_t piece = (data[0] & 0x7F) == 0 ? size : data[0] & 0x7F;
	bool good = true;

	state.reader = reader;
	for (size_t from = 1; good && from < size; from += piece)
		good = xml_reader_feed(
		        reader, (const char *)data + from, MIN(piece, size - from), &error);
	good = good && xml_reader_finish(reader, &error);
	g_assert(good == (error == NULL));
	g_assert(!good || (state.depth == 0 && state.documents > 0));
	g_assert(state.events <= 3 * size);
	return 0;
}
