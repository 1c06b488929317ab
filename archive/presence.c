#include "archive/presence.h"

static bool is_coming_or_going(const struct message *message)
{
	return message->kind == MESSAGE_JOIN || message->kind == MESSAGE_LEAVE;
}

GHashTable *presence_nicks(const GPtrArray *messages)
{
	GHashTable *nicks = g_hash_table_new(g_str_hash, g_str_equal);
	for (guint i = 0; i < messages->len; i++) {
		const struct message *message = messages->pdata[i];
		gpointer known = NULL;
		if (message->sender_nick == NULL ||
		        (is_coming_or_going(message) && message->sender == NULL))
			continue;
		/* NULL as value: more than one person, or one whose address is not known. */
		bool seen = g_hash_table_lookup_extended(nicks, message->sender_nick, NULL, &known);
		bool same = !seen || g_strcmp0(known, message->sender) == 0;
		g_hash_table_insert(nicks, message->sender_nick, same ? message->sender : NULL);
	}
	return nicks;
}

const char *presence_address(GHashTable *nicks, const struct message *message)
{
	if (message->sender != NULL || message->sender_nick == NULL || !is_coming_or_going(message))
		return message->sender;
	return g_hash_table_lookup(nicks, message->sender_nick);
}

struct tracking {
	const GPtrArray *messages;
	bool *visible; /* index by index */
	bool in;
	bool told; /* a join or leave of this person was seen */
	bool own;
	guint first_own, last_own;
};

static void show(struct tracking *t, guint from, guint to)
{
	for (guint i = from; i <= to; i++)
		t->visible[i] = true;
}

static void take_own(struct tracking *t, guint i, enum message_kind kind, bool unknown)
{
	if (kind == MESSAGE_LEAVE && unknown && !t->told)
		show(t, 0, i);
	t->told = t->told || kind == MESSAGE_JOIN || kind == MESSAGE_LEAVE;
	t->visible[i] = true;
	/* Somebody who speaks is in the room, though his coming was not told. */
	if (kind != MESSAGE_LEAVE && (t->told || !unknown))
		t->in = true;
	if (kind == MESSAGE_LEAVE)
		t->in = false;
	if (!t->own)
		t->first_own = i;
	t->own = true;
	t->last_own = i;
}

static enum presence_part judge(struct tracking *t, bool unknown)
{
	bool all = true;
	if (unknown && !t->told && t->own)
		show(t, t->first_own, t->last_own);
	for (guint i = 0; i < t->messages->len; i++)
		all = all && t->visible[i];
	if (all)
		return PRESENCE_ALL;
	return unknown && !t->told ? PRESENCE_OWN_SPAN : PRESENCE_WHILE_IN;
}

GPtrArray *presence_filter(const GPtrArray *messages, const char *address,
        enum presence_before before, enum presence_part *part)
{
	g_autoptr(GHashTable) nicks = presence_nicks(messages);
	g_autofree bool *visible = g_new0(bool, messages->len);
	struct tracking t = {.messages = messages, .visible = visible, .in = before == PRESENCE_IN};
	bool unknown = before == PRESENCE_UNKNOWN;
	for (guint i = 0; i < messages->len; i++) {
		const struct message *message = messages->pdata[i];
		if (g_strcmp0(presence_address(nicks, message), address) == 0)
			take_own(&t, i, message->kind, unknown);
		else
			visible[i] = t.in;
	}
	*part = judge(&t, unknown);
	GPtrArray *shown = g_ptr_array_new();
	for (guint i = 0; i < messages->len; i++)
		if (visible[i])
			g_ptr_array_add(shown, messages->pdata[i]);
	return shown;
}
