#include "talk.h"

#include "core/clock.h"

#include <stdio.h>
#include <stdlib.h>

static struct message *make(const struct talk_row *row, unsigned i, const char *room)
{
	struct message *message = message_new(row->kind);
	bool nick_only = row->who[0] == '#';
	message->source = g_strdup("test");
	message->source_key = g_strdup_printf("%06u", i);
	message->is_room = room != NULL;
	message->owner = room != NULL ? NULL : g_strdup("alice@im.example");
	message->peer = g_strdup(room != NULL ? room : "bob@im.example");
	message->sender = nick_only ? NULL : g_strdup(row->who);
	message->sender_nick = nick_only ? g_strdup(row->who + 1) : NULL;
	message->message_id = g_strdup(row->id);
	message->refers_to = g_strdup(row->refers_to);
	message->text = g_strdup(row->text);
	message->url = g_strdup(row->url);
	message->thread = g_strdup(row->thread);
	message->sent_utc_us = TALK_START_UTC_US + row->at_s * CLOCK_US_PER_S;
	message->order = i;
	return message;
}

GPtrArray *talk_messages(const struct talk_row *rows, unsigned n, const char *room)
{
	GPtrArray *messages = g_ptr_array_new_with_free_func((GDestroyNotify)message_free);
	for (unsigned i = 0; i < n; i++)
		g_ptr_array_add(messages, make(&rows[i], i, room));
	return messages;
}

static void lookup(void *data, const char *address, char **name, char **mail)
{
	(void)data;
	if (g_str_equal(address, "alice@im.example")) {
		*name = g_strdup("Alice Liddell");
		*mail = g_strdup("alice@corp.example");
	} else if (g_str_equal(address, "bob@im.example")) {
		*name = g_strdup("Bob Builder");
		*mail = g_strdup("bob@corp.example");
	}
}

struct transcript *talk_transcript(const struct talk_row *rows, unsigned n, const char *room)
{
	g_autoptr(GPtrArray) messages = talk_messages(rows, n, room);
	struct transcript_input input = {
	        .id = "00112233445566778899aabbccddeeff",
	        .messages = messages,
	        .lookup = lookup,
	};
	return transcript_new(&input);
}

static const char *const troubles[] = {"\x01", "\x1f", "\x7f", "\xC2\x85", "\xED\xA0\x80",
        "\xED\xBF\xBF", "\xEF\xBF\xBE", "\xEF\xBF\xBF", "\xFF", "\xC0\xAF", "\xE2\x82", "\xF0\x9F",
        "\xE2\x80\xAE", "\xE2\x81\xA9", "\xE2\x81\xA7", "\xE2\x80\xA8", "\r\n", "\n", "\r", "<",
        ">", "&", "\"", "'", "]]>", "<!--", "--", "</script>", "=_imex_", "\nFrom ", "\n.\n", "=3D",
        "https://a.example/?x=<y>&z", "javascript:alert(1)", "\xF0\x9F\x98\x80",
        "\xD7\xA9\xD7\x9C\xD7\x95\xD7\x9D", "\xD8\xB3\xD9\x84\xD8\xA7\xD9\x85", "\t", "   ",
        "u\xCC\x88"};

char *talk_random_text(GRand *random, unsigned max_bytes)
{
	GString *text = g_string_new(NULL);
	unsigned len = (unsigned)g_rand_int_range(random, 0, (gint32)max_bytes + 1);
	while (text->len < len) {
		guint32 dice = g_rand_int(random);
		if (dice % 3 == 0)
			g_string_append(text, troubles[(dice >> 8) % G_N_ELEMENTS(troubles)]);
		else if (dice % 3 == 1)
			g_string_append_c(text, (char)('a' + (dice >> 8) % 26));
		else
			g_string_append_c(text, (char)(1 + (dice >> 8) % 255));
	}
	return g_string_free(text, FALSE);
}

guint32 talk_seed(const char *test)
{
	const char *given = getenv("IMEX_TEST_SEED");
	guint32 seed = given != NULL ? (guint32)strtoul(given, NULL, 10) : g_random_int();
	printf("# %s: IMEX_TEST_SEED=%u\n", test, seed);
	fflush(stdout);
	return seed;
}
