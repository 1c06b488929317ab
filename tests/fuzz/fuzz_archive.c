/*
 * Archived text: the bytes as a message's text, nickname and link, rendered, made into MIME and
 * read back; and the bytes as a MIME message that a server gave back.
 */
#include "archive/mime.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

#define LIMIT ((size_t)64 * 1024 * 1024)

static struct transcript *transcript_of(char *text)
{
	struct message chat = {.kind = MESSAGE_CHAT, .is_room = true, .order = 1};
	struct message file = {.kind = MESSAGE_FILE, .is_room = true, .order = 2};
	char room[] = "ops@rooms.im.example";
	chat.peer = file.peer = room;
	chat.text = chat.sender_nick = chat.message_id = text;
	file.url = file.sender_nick = file.refers_to = text;
	g_autoptr(GPtrArray) messages = g_ptr_array_new();
	g_ptr_array_add(messages, &chat);
	g_ptr_array_add(messages, &file);
	const struct transcript_input input = {.id = "0123456789abcdef", .messages = messages};
	return transcript_new(&input);
}

static void render_and_read(char *text, GTimeZone *zone)
{
	autoptr(transcript) transcript = transcript_of(text);
	const struct mime_options options = {
	        .render = {.view = RENDER_EVENTS, .zone = zone, .zone_name = "UTC"},
	        .domain = "corp.example"};
	g_autofree char *plain = render_text(transcript, &options.render);
	g_autofree char *html = render_html(transcript, &options.render);
	g_autoptr(GBytes) mime = mime_render(transcript, &options);
	autoptr(mime_parts) parts = mime_parse(mime, LIMIT, NULL);
	g_assert(g_utf8_validate(html, -1, NULL) && strstr(html, "<script") == NULL);
	g_assert(parts != NULL && g_strcmp0(parts->text, plain) == 0);
	g_assert(g_strcmp0(parts->html, html) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(GTimeZone) zone = g_time_zone_new_utc();
	g_autofree char *text = g_strndup((const char *)data, size);
	g_autoptr(GBytes) bytes = g_bytes_new(data, size);
	g_autoptr(GError) error = NULL;
	render_and_read(text, zone);
	autoptr(mime_parts) foreign = mime_parse(bytes, 1024 * 1024, &error);
	g_assert((foreign == NULL) == (error != NULL));
	return 0;
}
