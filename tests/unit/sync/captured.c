#include "tests/unit/sync/captured.h"

#include "archive/segment.h"
#include "tests/unit/store/fixture.h"

#define ALICE "alice@im.example"
#define BOB "bob@im.example"

static unsigned next_key;

static int64_t put(struct store *to, struct message *message)
{
	struct message_put_result result = {0};
	g_autofree char *conversation = conversation_key(message);
	message->source = g_strdup("test");
	message->source_key = g_strdup_printf("%u", ++next_key);
	message->order = next_key;
	must(store_message_put(to, conversation, message, &result, error));
	ck_assert_int_eq(result.outcome, MESSAGE_PUT_NEW);
	return result.seq;
}

int64_t captured_message(struct store *to, enum message_kind kind, const char *owner,
        const char *peer, bool is_room, const char *sender, int at_s, const char *text)
{
	autoptr(message) message = message_new(kind);
	message->owner = g_strdup(owner);
	message->peer = g_strdup(peer);
	message->is_room = is_room;
	message->sender = g_strdup(sender);
	message->sent_utc_us = CAPTURED_START_UTC_US + at_s * CLOCK_US_PER_S;
	message->text = g_strdup(text);
	return put(to, message);
}

int64_t captured_text(struct store *to, int at_s, const char *thread)
{
	autoptr(message) message = message_new(MESSAGE_CHAT);
	message->owner = g_strdup(ALICE);
	message->peer = g_strdup(BOB);
	message->sender = g_strdup(ALICE);
	message->sent_utc_us = CAPTURED_START_UTC_US + at_s * CLOCK_US_PER_S;
	message->text = g_strdup("hello");
	message->thread = g_strdup(thread);
	return put(to, message);
}

int64_t captured_conversation(struct store *from)
{
	autoptr(conversation) conversation = NULL;
	must(store_conversation_by_key(from, "pair " ALICE " " BOB, &conversation, error));
	ck_assert_ptr_nonnull(conversation);
	return conversation->id;
}
