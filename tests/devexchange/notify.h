/*
 * Notifications: what happened in a mailbox, queued for its subscriptions.
 *
 * The event_*() functions are called by the model with the mailbox locked. Subscriptions hang on
 * their mailbox and are guarded by its lock; a streaming connection is woken through a counter
 * and a condition of its own, so that no mailbox lock is held while it waits.
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

/* What is queued: everything that its element needs, as the object may be gone when it is read. */
struct event {
	enum event_type type;
	uint64_t watermark;
	bool is_folder;
	uint64_t id, mod, old_id;
	uint32_t parent, old_parent;
	char key_kind;
	int64_t when_s;
	int32_t when_ns;
	int64_t unread; /* of the folder, or negative when it is not told */
};

struct subscription {
	uint64_t id;
	struct mailbox *mailbox;
	bool streaming, all_folders;
	uint32_t types; /* bits of enum event_type */
	GArray *folders; /* uint32_t */
	GQueue events; /* struct event * */
	uint64_t gone; /* events up to this watermark are no longer kept */
	bool missed; /* ... some of them though the client never saw them */
	uint64_t connection; /* of the stream that reads it; 0: none */
	int64_t expires_ms; /* pull: monotonic */
	int timeout_minutes;
};

#define MAX_EVENTS 10000 /* a reader further behind has missed events */

struct subscription *subscription_new(struct mailbox *mailbox, bool streaming);
/* NULL when it is unknown, expired or of another mailbox. */
struct subscription *subscription_find(struct mailbox *mailbox, uint64_t id);
bool subscription_remove(struct mailbox *mailbox, uint64_t id);
void subscriptions_free(struct mailbox *mailbox);
void subscription_id_text(const struct subscription *s, char *text, size_t size);
bool subscription_id_parse(const char *text, uint64_t *guid, uint64_t *id);

void watermark_text(uint64_t watermark, char *text, size_t size);
bool watermark_parse(const char *text, uint64_t *watermark);

/* Forgets the oldest event that is kept; there must be one. */
void subscription_forget(struct subscription *s);

/* <t:CreatedEvent>...</t:CreatedEvent>; with a watermark for pull subscriptions. */
void event_write(
        GString *out, const struct mailbox *mailbox, const struct event *e, bool watermark);

/* Waits until some event was queued after `seen`, or the time is over; returns the new count. */
uint64_t events_wait(uint64_t seen, int64_t ms);
uint64_t events_count(void);

#endif
