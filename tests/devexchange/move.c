#include "move.h"

#include "notify.h"

void move_begin(struct mailbox *mb, int64_t ms, const char *url, int status)
{
	mailbox_lock(mb);
	mb->moving_until_ms = now_ms() + MAX(ms, 1);
	g_free(mb->moved_to);
	mb->moved_to = g_strdup(url);
	mb->moved_status = status;
	subscriptions_free(mb);
	mailbox_unlock(mb);
}

/* With the lock held. A move whose time is over ends when somebody looks. */
static bool under_way(struct mailbox *mb)
{
	if (mb->moving_until_ms == 0)
		return false;
	if (now_ms() < mb->moving_until_ms)
		return true;
	mb->moving_until_ms = 0;
	mb->moves++;
	mb->mod++; /* so that it is kept */
	return false;
}

enum whereabouts move_whereabouts(struct mailbox *mb, uint32_t back_end, char **url, int *status)
{
	enum whereabouts where = MOVE_HERE;

	mailbox_lock(mb);
	if (under_way(mb)) {
		where = MOVE_UNDER_WAY;
	} else if (mb->moved_to != NULL) {
		*url = g_strdup(mb->moved_to);
		*status = mb->moved_status;
		where = MOVE_ELSEWHERE;
	} else if (back_end != 0 && back_end != mb->moves + 1) {
		where = MOVE_STALE_COOKIE;
	}
	mailbox_unlock(mb);
	return where;
}

uint32_t move_back_end(struct mailbox *mb)
{
	mailbox_lock(mb);
	uint32_t back_end = mb->moves + 1;
	mailbox_unlock(mb);
	return back_end;
}

char *move_url(struct mailbox *mb)
{
	mailbox_lock(mb);
	char *url = under_way(mb) ? NULL : g_strdup(mb->moved_to);
	mailbox_unlock(mb);
	return url;
}
