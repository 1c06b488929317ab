/* A line that another server posts: what is taken is whole and says nothing that was not said. */
#include "archive/segment.h"
#include "im/ingest.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ingest_line line;
	g_autoptr(GError) error = NULL;
	bool good = ingest_parse((const char *)data, size, &line, &error);

	g_assert(good == (error == NULL) && good == (line.message != NULL));
	if (!good) {
		g_assert(strchr(error->message, '\n') == NULL);
		return 0;
	}
	const struct message *message = line.message;
	g_autofree char *conversation = conversation_key(message);
	g_autofree char *hash = message_hash(message);
	g_assert(conversation != NULL && hash != NULL);
	g_assert(message->source_key != NULL && line.sequence >= -1);
	g_assert(message->peer != NULL && (message->is_room || message->owner != NULL));
	g_assert(message->kind != MESSAGE_WITHHELD);
	g_assert(message->kind != MESSAGE_ENCRYPTED || message->text == NULL);
	g_assert(message->text == NULL || g_utf8_validate(message->text, -1, NULL));
	g_assert(message->kind == MESSAGE_FILE ||
	         (message->file_name == NULL && message->file_hash == NULL));
	g_assert(message->file_size_bytes >= 0);
	g_assert(message->file_hash == NULL || strchr(message->file_hash, ':') != NULL);
	ingest_line_clear(&line);
	return 0;
}
