#include "model/message.h"

#include "core/digest.h"

#include <string.h>

struct message *message_new(enum message_kind kind)
{
	struct message *message = g_new0(struct message, 1);
	message->kind = kind;
	return message;
}

void message_free(struct message *message)
{
	g_free(message->source);
	g_free(message->source_key);
	g_free(message->correlation);
	g_free(message->owner);
	g_free(message->peer);
	g_free(message->sender);
	g_free(message->sender_nick);
	g_free(message->message_id);
	g_free(message->refers_to);
	g_free(message->thread);
	g_free(message->text);
	g_free(message->url);
	g_free(message->file_name);
	g_free(message->file_hash);
	g_free(message);
}

static const char *const kind_names[] = {
        [MESSAGE_CHAT] = "chat",
        [MESSAGE_CORRECTION] = "correction",
        [MESSAGE_RETRACTION] = "retraction",
        [MESSAGE_REACTION] = "reaction",
        [MESSAGE_FILE] = "file",
        [MESSAGE_ENCRYPTED] = "encrypted",
        [MESSAGE_WITHHELD] = "withheld",
        [MESSAGE_SUBJECT] = "subject",
        [MESSAGE_JOIN] = "join",
        [MESSAGE_LEAVE] = "leave",
};

const char *message_kind_name(enum message_kind kind)
{
	return kind_names[kind];
}

bool message_kind_parse(const char *name, enum message_kind *kind)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(kind_names); i++) {
		if (g_str_equal(name, kind_names[i])) {
			*kind = (enum message_kind)i;
			return true;
		}
	}
	return false;
}

const char *message_posted_by(const struct message *message)
{
	bool posted =
	        message->source != NULL && g_str_has_prefix(message->source, MESSAGE_POSTED_PREFIX);
	return posted ? message->source + strlen(MESSAGE_POSTED_PREFIX) : NULL;
}

char *message_hash(const struct message *message)
{
	struct digest *sum = digest_begin();
	/* The time of receipt differs from one try to the next; what the sender said does not. */
	int64_t sent_utc_us =
	        message->claimed_utc_us != 0 ? message->claimed_utc_us : message->sent_utc_us;
	g_autofree char *numbers = g_strdup_printf("%s %d %" G_GINT64_FORMAT,
	        kind_names[message->kind], message->is_room, sent_utc_us);
	const char *const fields[] = {numbers, message->source, message->source_key,
	        message->correlation, message->owner, message->peer,
	        message->sender_resolved ? NULL : message->sender, message->sender_nick,
	        message->message_id, message->refers_to, message->thread, message->text,
	        message->url};
	for (unsigned i = 0; i < G_N_ELEMENTS(fields); i++) {
		/* A mark before each field keeps an absent one apart from an empty one. */
		digest_add(sum, fields[i] != NULL ? "=" : "-", 1);
		if (fields[i] != NULL)
			digest_add_text(sum, fields[i]);
	}
	/* Rows of an older imex have none of these, and keep their hash. */
	if (message->file_name != NULL || message->file_hash != NULL ||
	        message->file_size_bytes != 0) {
		g_autofree char *file = g_strdup_printf("file %s %" G_GINT64_FORMAT " %s",
		        message->file_name != NULL ? message->file_name : "",
		        message->file_size_bytes,
		        message->file_hash != NULL ? message->file_hash : "");
		digest_add(sum, file, strlen(file));
	}
	return digest_end(sum);
}
