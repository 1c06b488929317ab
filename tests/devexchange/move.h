/*
 * A mailbox that moves to another server. While it is under way nothing of it can be used. Then it
 * is on another back end: affinity cookies of the old one are stale, sync states are void and
 * subscriptions are gone; ids and change keys stay. Or it is at another address altogether, which
 * autodiscover tells and requests to this one are referred to.
 */
#ifndef DEVX_MOVE_H
#define DEVX_MOVE_H

#include "model.h"

/* Starts a move that takes so long; url: the EWS address of the new server, or NULL for here. */
void move_begin(struct mailbox *mailbox, int64_t ms, const char *url, int status);

enum whereabouts { MOVE_HERE, MOVE_UNDER_WAY, MOVE_ELSEWHERE, MOVE_STALE_COOKIE };

/*
 * Where the mailbox is for a client whose cookie names that back end; 0: it has none.
 * MOVE_ELSEWHERE: *url (g_free) and *status say how to refer to there.
 */
enum whereabouts move_whereabouts(
        struct mailbox *mailbox, uint32_t back_end, char **url, int *status);
/* The back end that the mailbox is on; counts from 1. */
uint32_t move_back_end(struct mailbox *mailbox);
/* Its EWS address elsewhere, or NULL; g_free. */
char *move_url(struct mailbox *mailbox);

#endif
