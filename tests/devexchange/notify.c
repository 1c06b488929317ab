#include "notify.h"

#include "habits.h"
#include "ids.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static pthread_mutex_t wake_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER;
static uint64_t wake_count;

static GPtrArray *list_of(struct mailbox *mb)
{
	return mb->notify;
}

/* --- queueing */

static bool concerns(const struct subscription *s, const struct event *e)
{
	if ((s->types & (1u << e->type)) == 0)
		return false;
	if (s->all_folders)
		return true;
	/* With folders named, grommunio tells of new items only; the rest shows at the folder. */
	if (grommunio() && !e->is_folder && e->type != EVENT_CREATED)
		return false;
	for (guint i = 0; i < s->folders->len; i++) {
		uint32_t folder = g_array_index(s->folders, uint32_t, i);
		if (folder == e->parent || (e->old_parent != 0 && folder == e->old_parent))
			return true;
		if (e->is_folder && folder == (uint32_t)e->id)
			return true;
	}
	return false;
}

void subscription_forget(struct subscription *s)
{
	struct event *oldest = g_queue_pop_head(&s->events);

	s->gone = oldest->watermark;
	g_free(oldest);
}

static void queue_event(struct mailbox *mb, const struct event *e)
{
	GPtrArray *list = list_of(mb);
	bool queued = false;

	for (guint i = 0; i < list->len; i++) {
		struct subscription *s = list->pdata[i];
		if (!concerns(s, e))
			continue;
		if (s->events.length >= MAX_EVENTS) {
			subscription_forget(s);
			s->missed = true;
		}
		g_queue_push_tail(&s->events, g_memdup2(e, sizeof *e));
		queued = true;
	}
	if (queued) {
		pthread_mutex_lock(&wake_lock);
		wake_count++;
		pthread_cond_broadcast(&wake);
		pthread_mutex_unlock(&wake_lock);
	}
}

/* grommunio tells after each change of an item that its folder changed. */
static void folder_changed(struct mailbox *mb, const struct folder *folder)
{
	struct event e = {.type = EVENT_MODIFIED,
	        .is_folder = true,
	        .watermark = mb->mod,
	        .id = folder->id,
	        .mod = folder->mod,
	        .parent = folder->parent != NULL ? folder->parent->id : folder->id,
	        .key_kind = 1,
	        .unread = folder->unread};

	e.when_s = now_precise(&e.when_ns);
	queue_event(mb, &e);
}

void event_item(struct mailbox *mb, enum event_type type, const struct item *item,
        const struct folder *from, uint64_t old_id)
{
	if (mb->notify == NULL)
		return;
	const struct folder *folder = type == EVENT_DELETED ? from : item->folder;
	struct event e = {.type = type,
	        .watermark = mb->mod,
	        .id = item->id,
	        .mod = item->mod,
	        .old_id = old_id,
	        .parent = folder->id,
	        .old_parent = from != NULL ? from->id : 0,
	        .key_kind = item_key_kind(item),
	        .unread = -1};
	e.when_s = now_precise(&e.when_ns);
	queue_event(mb, &e);
	if (!grommunio() || type == EVENT_NEW_MAIL)
		return;
	if (type == EVENT_MOVED)
		folder_changed(mb, from);
	folder_changed(mb, folder);
}

void event_folder(struct mailbox *mb, enum event_type type, const struct folder *folder,
        const struct folder *old_parent)
{
	if (mb->notify == NULL)
		return;
	struct event e = {.type = type,
	        .is_folder = true,
	        .watermark = mb->mod,
	        .id = folder->id,
	        .mod = folder->mod,
	        .old_id = type == EVENT_MOVED ? folder->id : 0,
	        .parent = folder->parent != NULL ? folder->parent->id : folder->id,
	        .old_parent = old_parent != NULL ? old_parent->id : 0,
	        .key_kind = 1,
	        .unread = -1};
	e.when_s = now_precise(&e.when_ns);
	queue_event(mb, &e);
}

/* --- subscriptions */

static void subscription_free(gpointer data)
{
	struct subscription *s = data;

	g_queue_clear_full(&s->events, g_free);
	g_array_free(s->folders, TRUE);
	g_free(s);
}

struct subscription *subscription_new(struct mailbox *mb, bool streaming)
{
	/* Not the numbers of a process before, whose clients may still ask. */
	static uint64_t next;
	struct subscription *s = g_new0(struct subscription, 1);

	s->id = (uint64_t)g_get_real_time() + __atomic_add_fetch(&next, 1, __ATOMIC_SEQ_CST);
	s->mailbox = mb;
	s->streaming = streaming;
	s->folders = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	g_queue_init(&s->events);
	if (mb->notify == NULL)
		mb->notify = g_ptr_array_new_with_free_func(subscription_free);
	g_ptr_array_add(mb->notify, s);
	return s;
}

struct subscription *subscription_find(struct mailbox *mb, uint64_t id)
{
	GPtrArray *list = list_of(mb);

	for (guint i = 0; list != NULL && i < list->len; i++) {
		struct subscription *s = list->pdata[i];
		if (s->id != id)
			continue;
		if (!s->streaming && now_ms() > s->expires_ms) {
			g_ptr_array_remove_index(list, i);
			return NULL;
		}
		return s;
	}
	return NULL;
}

bool subscription_remove(struct mailbox *mb, uint64_t id)
{
	struct subscription *s = subscription_find(mb, id);

	return s != NULL && g_ptr_array_remove(list_of(mb), s);
}

void subscriptions_free(struct mailbox *mb)
{
	if (mb->notify != NULL)
		g_ptr_array_free(mb->notify, TRUE);
	mb->notify = NULL;
}

void subscription_id_text(const struct subscription *s, char *text, size_t size)
{
	uint64_t words[3] = {s->mailbox->guid, s->id, 0};

	words[2] = checksum32(words, 16);
	char *coded = g_base64_encode((const guchar *)words, sizeof words);
	g_strlcpy(text, coded, size);
	g_free(coded);
}

bool subscription_id_parse(const char *text, uint64_t *guid, uint64_t *id)
{
	uint64_t words[3];
	gsize length;
	guchar *bytes = g_base64_decode(text, &length);
	bool ok = length == sizeof words;

	if (ok) {
		memcpy(words, bytes, sizeof words);
		ok = words[2] == checksum32(words, 16);
		*guid = words[0];
		*id = words[1];
	}
	g_free(bytes);
	return ok;
}

void watermark_text(uint64_t watermark, char *text, size_t size)
{
	uint64_t words[2] = {watermark, 0};

	words[1] = checksum32(words, 8);
	char *coded = g_base64_encode((const guchar *)words, sizeof words);
	g_strlcpy(text, coded, size);
	g_free(coded);
}

bool watermark_parse(const char *text, uint64_t *watermark)
{
	uint64_t words[2];
	gsize length;
	guchar *bytes = g_base64_decode(text, &length);
	bool ok = length == sizeof words;

	if (ok) {
		memcpy(words, bytes, sizeof words);
		ok = words[1] == checksum32(words, 8);
		*watermark = words[0];
	}
	g_free(bytes);
	return ok;
}

/* --- as elements */

static void put_id(GString *out, const char *tag, const struct mailbox *mb, enum id_kind kind,
        uint64_t number, char key_kind, uint64_t mod)
{
	char id[ID_TEXT_MAX], key[ID_TEXT_MAX];

	id_format(id, &(struct object_id){.kind = kind, .mailbox = mb->guid, .number = number});
	g_string_append_printf(out, "<%s Id=\"%s\"", tag, id);
	if (mod != 0 && !grommunio()) {
		change_key_text(key, mb->guid, key_kind, mod);
		g_string_append_printf(out, " ChangeKey=\"%s\"", key);
	}
	g_string_append(out, "/>");
}

void event_write(GString *out, const struct mailbox *mb, const struct event *e, bool watermark)
{
	static const char *const names[EVENT_TYPES] = {"t:CopiedEvent", "t:CreatedEvent",
	        "t:DeletedEvent", "t:ModifiedEvent", "t:MovedEvent", "t:NewMailEvent",
	        "t:StatusEvent"};
	enum id_kind kind = e->is_folder ? ID_FOLDER : ID_ITEM;
	char mark[64], *when = habit_time(e->when_s, grommunio() ? e->when_ns : 0);

	xml_open(out, names[e->type]);
	if (watermark && !grommunio()) {
		watermark_text(e->watermark, mark, sizeof mark);
		xml_put(out, "t:Watermark", mark);
	}
	if (e->type != EVENT_STATUS) {
		xml_put(out, "t:TimeStamp", when);
		put_id(out, e->is_folder ? "t:FolderId" : "t:ItemId", mb, kind, e->id, e->key_kind,
		        e->type == EVENT_DELETED ? 0 : e->mod);
		put_id(out, "t:ParentFolderId", mb, ID_FOLDER, e->parent, 1, e->watermark);
		if (e->type == EVENT_MOVED || e->type == EVENT_COPIED) {
			put_id(out, e->is_folder ? "t:OldFolderId" : "t:OldItemId", mb, kind,
			        e->old_id, e->key_kind, 0);
			put_id(out, "t:OldParentFolderId", mb, ID_FOLDER, e->old_parent, 1,
			        e->watermark);
		}
		if (e->unread >= 0)
			xml_put_int(out, "t:UnreadCount", e->unread);
	}
	xml_close(out, names[e->type]);
	g_free(when);
}

/* --- waiting */

uint64_t events_count(void)
{
	pthread_mutex_lock(&wake_lock);
	uint64_t count = wake_count;
	pthread_mutex_unlock(&wake_lock);
	return count;
}

uint64_t events_wait(uint64_t seen, int64_t ms)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += (time_t)(ms / 1000);
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&wake_lock);
	while (wake_count == seen)
		if (pthread_cond_timedwait(&wake, &wake_lock, &until) == ETIMEDOUT)
			break;
	uint64_t count = wake_count;
	pthread_mutex_unlock(&wake_lock);
	return count;
}
