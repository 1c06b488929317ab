/*
 * A mailbox: one user's mailbox on a mail server, imex's unit of work, of locking and of sharding.
 */
#ifndef IMEX_MODEL_MAILBOX_H
#define IMEX_MODEL_MAILBOX_H

#include "core/auto.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct mailbox {
	int64_t id; /* the store's id; 0 before the mapping is pinned */
	char *owner; /* canonical IM address of the user */
	char *smtp; /* primary SMTP address, canonical */
	char *upn; /* user principal name, or NULL */
	char *sip; /* SIP address without scheme, or NULL */
	char *server; /* NAME of [server NAME] */
};

struct mailbox *mailbox_new(const char *owner, const char *smtp, const char *server);
struct mailbox *mailbox_copy(const struct mailbox *mailbox);
void mailbox_free(struct mailbox *mailbox);
AUTO_DEFINE(mailbox, mailbox_free);

/* Same owner and same mailbox on the same server; the id does not count. */
bool mailbox_equal(const struct mailbox *a, const struct mailbox *b);

#endif
