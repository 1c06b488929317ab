#include "archive/segment.h"

#include "core/clock.h"

#include <string.h>

const struct segment_rules segment_rules_default = {
        .idle_gap_us = 600 * CLOCK_US_PER_S,
        .max_messages = 1000,
        .max_bytes = 4 * 1024 * 1024,
};

void segment_state_clear(struct segment_state *state)
{
	g_free(state->thread);
	*state = (struct segment_state){0};
}

static int64_t day_of(int64_t utc_us)
{
	int64_t day = utc_us / CLOCK_US_PER_DAY;
	return utc_us % CLOCK_US_PER_DAY < 0 ? day - 1 : day;
}

static bool has_text(const char *text)
{
	return text != NULL && *text != '\0';
}

static size_t text_bytes(const struct message *message)
{
	return (message->text != NULL ? strlen(message->text) : 0) +
	       (message->url != NULL ? strlen(message->url) : 0);
}

/* A message older than what is closed is late. At the very same time it is late too, unless the
 * closed segment was cut in the middle of talk, where the rest of the talk follows. */
static bool is_late(const struct segment_past *past, int64_t sent_utc_us)
{
	if (!past->any || sent_utc_us > past->until_utc_us)
		return false;
	return sent_utc_us < past->until_utc_us || past->reason == SEGMENT_REASON_IDLE;
}

enum segment_step segment_decide(const struct segment_rules *rules, const struct segment_past *past,
        const struct segment_state *open, const struct message *message,
        enum segment_reason *reason)
{
	int64_t sent = message->sent_utc_us;
	*reason = SEGMENT_REASON_NONE;
	if (is_late(past, sent))
		return SEGMENT_LATE;
	if (open->messages == 0)
		return SEGMENT_APPEND;
	/* Older talk that reaches us after the newer began: a piece of its own, out of its turn. */
	if (open->first_utc_us - sent > rules->idle_gap_us ||
	        day_of(sent) < day_of(open->first_utc_us))
		return SEGMENT_LATE;
	if (sent - open->last_utc_us > rules->idle_gap_us)
		*reason = SEGMENT_REASON_IDLE;
	else if (day_of(sent) != day_of(open->first_utc_us))
		*reason = SEGMENT_REASON_DAY;
	else if (has_text(open->thread) && has_text(message->thread) &&
	         !g_str_equal(open->thread, message->thread))
		*reason = SEGMENT_REASON_THREAD;
	else if (open->messages >= rules->max_messages ||
	         open->bytes + text_bytes(message) > rules->max_bytes)
		*reason = SEGMENT_REASON_SIZE;
	return *reason == SEGMENT_REASON_NONE ? SEGMENT_APPEND : SEGMENT_SPLIT;
}

void segment_add(struct segment_state *open, const struct message *message)
{
	int64_t sent = message->sent_utc_us;
	if (open->messages == 0 || sent < open->first_utc_us)
		open->first_utc_us = sent;
	if (open->messages == 0 || sent > open->last_utc_us)
		open->last_utc_us = sent;
	open->messages++;
	open->bytes += text_bytes(message);
	if (has_text(message->thread) && g_strcmp0(open->thread, message->thread) != 0) {
		g_free(open->thread);
		open->thread = g_strdup(message->thread);
	}
}

bool segment_is_over(const struct segment_rules *rules, const struct segment_state *open,
        int64_t now_utc_us, enum segment_reason *reason)
{
	*reason = SEGMENT_REASON_NONE;
	if (open->messages == 0)
		return false;
	if (now_utc_us - open->last_utc_us > rules->idle_gap_us)
		*reason = SEGMENT_REASON_IDLE;
	else if (day_of(now_utc_us) > day_of(open->first_utc_us))
		*reason = SEGMENT_REASON_DAY;
	return *reason != SEGMENT_REASON_NONE;
}

char *segment_id_new(void)
{
	g_autofree char *uuid = g_uuid_string_random();
	GString *id = g_string_sized_new(32);
	for (const char *p = uuid; *p != '\0'; p++) {
		if (*p != '-')
			g_string_append_c(id, *p);
	}
	return g_string_free(id, FALSE);
}

static const char *const reason_names[] = {
        [SEGMENT_REASON_NONE] = "open",
        [SEGMENT_REASON_IDLE] = "idle",
        [SEGMENT_REASON_THREAD] = "thread",
        [SEGMENT_REASON_DAY] = "day",
        [SEGMENT_REASON_SIZE] = "size",
};

const char *segment_reason_name(enum segment_reason reason)
{
	return reason_names[reason];
}

bool segment_reason_parse(const char *name, enum segment_reason *reason)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(reason_names); i++) {
		if (g_str_equal(name, reason_names[i])) {
			*reason = (enum segment_reason)i;
			return true;
		}
	}
	return false;
}

char *conversation_key(const struct message *message)
{
	if (message->peer == NULL)
		return NULL;
	if (message->is_room)
		return g_strconcat("room ", message->peer, NULL);
	if (message->owner == NULL)
		return NULL;
	bool owner_first = strcmp(message->owner, message->peer) < 0;
	return g_strconcat("pair ", owner_first ? message->owner : message->peer, " ",
	        owner_first ? message->peer : message->owner, NULL);
}

int message_compare_time(const struct message *a, const struct message *b)
{
	if (a->sent_utc_us != b->sent_utc_us)
		return a->sent_utc_us < b->sent_utc_us ? -1 : 1;
	if (a->order != b->order)
		return a->order < b->order ? -1 : 1;
	return g_strcmp0(a->source_key, b->source_key);
}
