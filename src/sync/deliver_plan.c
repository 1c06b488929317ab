#include "sync/deliver.h"

#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"
#include "store/delivery.h"
#include "store/mailbox.h"
#include "store/policy.h"
#include "sync/queue.h"
#include "sync/transcribe.h"

#include <string.h>

#define SEGMENTS_PER_PAGE 100

struct planning {
	struct store *store;
	const struct config *config;
	const struct usermap *map;
	struct transcriber *transcriber;
	struct deliver_plan_report *report;
};

/* Whether the segment has anything that a reader with that view is shown. */
static bool has_content(const struct transcript *transcript, unsigned view)
{
	for (guint i = 0; i < transcript->entries->len; i++) {
		const struct entry *entry = transcript_entry(transcript, i);
		bool event = entry->kind == MESSAGE_JOIN || entry->kind == MESSAGE_LEAVE ||
		             entry->kind == MESSAGE_SUBJECT;
		if (!event || (view & RENDER_EVENTS) != 0)
			return true;
	}
	return false;
}

/* A segment that is being planned, and all of it. */
struct planned {
	const struct segment *segment;
	GPtrArray *messages; /* owned */
	struct transcript *transcript; /* owned */
};

/*
 * The delivery's id (a UUID of version 8, RFC 9562) follows from what it delivers: a segment is
 * told by its first message, which is in no other. So a store that was restored from a backup,
 * which gives its segments new ids, still finds in the mailbox what it delivered before.
 */
static char *delivery_uuid(const struct planned *planned, const char *owner, const char *folder)
{
	const struct message *first = planned->messages->pdata[0];
	const char *const parts[] = {planned->transcript->conversation, first->source, first->owner,
	        first->source_key, owner, folder};
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
	for (unsigned i = 0; i < G_N_ELEMENTS(parts); i++) {
		const char *part = parts[i] != NULL ? parts[i] : "";
		g_checksum_update(sum, (const guchar *)part, (gssize)strlen(part) + 1);
	}
	const char *hex = g_checksum_get_string(sum);
	return g_strdup_printf(
	        "%.8s-%.4s-8%.3s-8%.3s-%.12s", hex, hex + 8, hex + 12, hex + 15, hex + 18);
}

static bool plan_one(struct planning *planning, const struct planned *planned,
        const struct transcript *transcript, const char *owner, int64_t mailbox_id, int64_t shown,
        GError **error)
{
	const struct segment *segment = planned->segment;
	autoptr(rendering) rendering = transcribe_mime(
	        planning->transcriber, planning->store, segment, transcript, shown, error);
	if (rendering == NULL)
		return false;
	g_autofree char *folder = g_strdup(transcriber_folder(planning->transcriber));
	g_autofree char *uuid = delivery_uuid(planned, owner, folder);
	const struct delivery delivery = {
	        .mailbox_id = mailbox_id,
	        .uuid = uuid,
	        .conversation_id = segment->conversation_id,
	        .segment_id = segment->id,
	        .folder = folder,
	        .shown = shown,
	};
	bool is_new = false;
	if (!store_delivery_plan(planning->store, &delivery, clock_utc_us(), &is_new, error))
		return false;
	planning->report->planned += is_new;
	return true;
}

/*
 * The mailbox of a participant, *id 0 when nothing is delivered to this one: the policy says none,
 * or it is somebody else's user.
 */
static bool find_mailbox(
        struct planning *planning, const char *address, unsigned *view, int64_t *id, GError **error)
{
	struct policy_decision policy = {0};
	autoptr(mailbox) mapped = NULL;
	g_autoptr(GError) unmapped = NULL;
	*id = 0;
	if (!store_policy_resolve(planning->store, address, "archive", &policy, error))
		return false;
	bool archived = !g_str_equal(policy.value, "none");
	*view = transcriber_view(policy.value, transcriber_folder(planning->transcriber));
	policy_decision_clear(&policy);
	if (!archived)
		return true;
	if (!usermap_lookup(planning->map, address, &mapped, &unmapped)) {
		/* A policy for a whole domain or for all names strangers, too. */
		if (error_is(unmapped, "usermap.unmapped"))
			return true;
		g_propagate_error(error, g_steal_pointer(&unmapped));
		return false;
	}
	return store_mailbox_pin(planning->store, mapped, id, error);
}

static bool presence_before(struct planning *planning, const struct planned *planned,
        const struct participant *who, enum presence_before *before, GError **error)
{
	bool known = false;
	bool joined = false;
	if (!store_room_presence(planning->store, planned->segment->conversation_id, who->address,
	            who->nick, planned->transcript->first_utc_us, &known, &joined, error))
		return false;
	*before = !known ? PRESENCE_UNKNOWN : joined ? PRESENCE_IN : PRESENCE_OUT;
	return true;
}

/* Of a room's talk a reader gets what came while he was there. */
static bool plan_room_reader(struct planning *planning, const struct planned *planned,
        const struct participant *who, int64_t mailbox_id, unsigned view, unsigned *readers,
        GError **error)
{
	enum presence_before before = PRESENCE_UNKNOWN;
	enum presence_part part = PRESENCE_ALL;
	if (!presence_before(planning, planned, who, &before, error))
		return false;
	g_autoptr(GPtrArray) shown =
	        presence_filter(planned->messages, who->address, before, &part);
	if (shown->len == 0)
		return true;
	bool whole = part == PRESENCE_ALL;
	autoptr(transcript) own = whole ? NULL
	                                : transcribe_part(planning->transcriber, planning->store,
	                                          planned->segment, shown, part, error);
	const struct transcript *transcript = whole ? planned->transcript : own;
	if (transcript == NULL)
		return false;
	if (!has_content(transcript, view))
		return true;
	(*readers)++;
	return plan_one(planning, planned, transcript, who->address, mailbox_id,
	        transcriber_shown(view, whole ? 0 : mailbox_id), error);
}

static bool plan_reader(struct planning *planning, const struct planned *planned,
        const struct participant *who, unsigned *readers, GError **error)
{
	unsigned view = 0;
	int64_t mailbox_id = 0;
	if (who->address == NULL)
		return true;
	if (!find_mailbox(planning, who->address, &view, &mailbox_id, error))
		return false;
	if (mailbox_id == 0)
		return true;
	if (planned->transcript->is_room)
		return plan_room_reader(planning, planned, who, mailbox_id, view, readers, error);
	if (!has_content(planned->transcript, view))
		return true;
	(*readers)++;
	return plan_one(planning, planned, planned->transcript, who->address, mailbox_id,
	        transcriber_shown(view, 0), error);
}

static bool plan_readers(struct planning *planning, const struct planned *planned, GError **error)
{
	unsigned readers = 0;
	for (guint i = 0; i < planned->transcript->participants->len; i++)
		if (!plan_reader(planning, planned, transcript_participant(planned->transcript, i),
		            &readers, error))
			return false;
	planning->report->without_reader += readers == 0;
	return true;
}

static bool plan_segment(struct planning *planning, const struct segment *segment, GError **error)
{
	struct planned planned = {.segment = segment};
	planned.transcript = transcribe(
	        planning->transcriber, planning->store, segment, &planned.messages, error);
	if (planned.transcript == NULL)
		return false;
	bool good = plan_readers(planning, &planned, error) &&
	            store_segment_set_planned(planning->store, segment, clock_utc_us(), error);
	transcript_free(planned.transcript);
	g_ptr_array_unref(planned.messages);
	return good;
}

/* A fault of this one segment leaves it for the next pass; a fault of the store ends this one. */
static bool is_passable(const GError *error)
{
	return error_class_of(error) == ERROR_MAILBOX || error_class_of(error) == ERROR_ITEM;
}

static bool plan_page(struct planning *planning, const GPtrArray *page, GError **error)
{
	for (guint i = 0; i < page->len; i++) {
		const struct segment *segment = page->pdata[i];
		g_autoptr(GError) fault = NULL;
		if (plan_segment(planning, segment, &fault))
			continue;
		if (!is_passable(fault)) {
			g_propagate_error(error, g_steal_pointer(&fault));
			return false;
		}
		planning->report->blocked++;
		log_warn("archive.blocked", "segment %s waits: %s", segment->id, fault->message);
	}
	return true;
}

/* Tells about a queue that fills; *room is false when it is full. */
static bool check_room(struct planning *planning, bool *room, GError **error)
{
	struct queue_fill fill;
	if (!queue_fill(planning->store, planning->config, &fill, error))
		return false;
	*room = fill.level != QUEUE_FULL;
	planning->report->full = !*room;
	if (fill.level >= QUEUE_CRITICAL)
		log_error("queue.filling",
		        "the queue is %s: %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT
		        " MiB wait for delivery; see imex queue failures",
		        queue_level_name(fill.level), fill.bytes >> 20, fill.max_bytes >> 20);
	return true;
}

static bool plan_all(struct planning *planning, GError **error)
{
	g_autofree char *after_id = g_strdup("");
	int64_t after = 0;
	bool room = true;
	while (true) {
		if (!check_room(planning, &room, error))
			return false;
		if (!room)
			return true;
		g_autoptr(GPtrArray) page = store_segments_unplanned(
		        planning->store, after, after_id, SEGMENTS_PER_PAGE, error);
		if (page == NULL || !plan_page(planning, page, error))
			return false;
		if (page->len < SEGMENTS_PER_PAGE)
			return true;
		const struct segment *last = page->pdata[page->len - 1];
		after = last->conversation_id;
		g_free(after_id);
		after_id = g_strdup(last->id);
	}
}

bool deliver_prepare(struct store *store, const struct config *config, const struct usermap *map,
        struct deliver_plan_report *report, GError **error)
{
	int64_t seen_utc_us = 0;
	*report = (struct deliver_plan_report){0};
	autoptr(transcriber) transcriber = transcriber_new(config, map, error);
	if (transcriber == NULL)
		return false;
	const struct segment_rules *rules = transcriber_rules(transcriber);
	struct planning planning = {store, config, map, transcriber, report};
	return segmenter_seen(store, config, &seen_utc_us, error) &&
	       segmenter_take(store, rules, &report->segments, error) &&
	       segmenter_close(store, rules, seen_utc_us, &report->segments, error) &&
	       plan_all(&planning, error);
}
