/* A stored stanza: whatever the bytes, what comes of it is text, and errors are of one row. */
#include "core/error.h"
#include "im/stanza.h"
#include "tests/fuzz/fuzz.h"

static void check_text(const char *text)
{
	g_assert(text == NULL || g_utf8_validate(text, -1, NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(GError) error = NULL;
	autoptr(stanza) stanza = stanza_parse((const char *)data, size, &error);
	enum message_kind kind;

	g_assert((stanza != NULL) == (error == NULL));
	if (stanza == NULL) {
		g_assert(error_class_of(error) == ERROR_ITEM);
		return 0;
	}
	if (!stanza_kind(stanza, &kind))
		return 0;
	autoptr(message) message = stanza_message(stanza, kind);
	const char *const texts[] = {message->text, message->url, message->thread,
	        message->message_id, message->refers_to, stanza_resource(stanza->from)};
	for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++)
		check_text(texts[i]);
	g_assert(kind != MESSAGE_ENCRYPTED || message->text == NULL);
	g_assert(kind != MESSAGE_FILE || message->url != NULL);
	g_assert((kind != MESSAGE_RETRACTION && kind != MESSAGE_REACTION) ||
	         message->refers_to != NULL);
	g_autofree char *correlation = stanza_correlation(stanza, message);
	g_autofree char *again = stanza_correlation(stanza, message);
	g_assert_cmpstr(correlation, ==, again);
	return 0;
}
