/*
 * Notifications: what happened in a mailbox, queued for its subscriptions.
 *
 * The event_*() functions are called by the model with the mailbox locked.
 */
#ifndef DEVX_NOTIFY_H
#define DEVX_NOTIFY_H

#include "model.h"

enum event_type {
	EVENT_COPIED,
	EVENT_CREATED,
	EVENT_DELETED,
	EVENT_MODIFIED,
	EVENT_MOVED,
	EVENT_NEW_MAIL,
	EVENT_STATUS,
	EVENT_TYPES
};

/* from: the folder an item left, or NULL; old_id: its former id, or 0. */
void event_item(struct mailbox *mailbox, enum event_type type, const struct item *item,
	const struct folder *from, uint64_t old_id);
void event_folder(struct mailbox *mailbox, enum event_type type, const struct folder *folder,
	const struct folder *old_parent);

#endif
