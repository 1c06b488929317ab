#include "sync/deliver.h"

#include "core/clock.h"
#include "core/digest.h"
#include "core/error.h"
#include "core/log.h"
#include "core/step.h"
#include "store/delivery.h"
#include "store/local.h"
#include "store/mailbox.h"
#include "sync/attach.h"
#include "sync/queue.h"
#include "sync/route.h"
#include "sync/transcribe.h"

#include <string.h>

#define SEGMENTS_PER_PAGE 100

struct planning {
	struct store *store;
	const struct config *config;
	const struct router *router;
	struct transcriber *transcriber;
	struct attacher *attacher;
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
	enum route_talk talk;
	GPtrArray *kept; /* struct kept, owned: renderings of it, or of parts */
};

/* A rendering that the store keeps. */
struct kept {
	int64_t shown;
	char *hash;
};

static void kept_free(struct kept *kept)
{
	g_free(kept->hash);
	g_free(kept);
}

/* One participant who gets it, or a part of it. */
struct reader {
	const struct participant *who;
	const struct route *route;
	int64_t mailbox_id; /* 0: nothing goes to a mailbox */
	const struct transcript *transcript; /* what this reader is shown */
	int64_t part; /* 0: all of the segment; else whose part it is */
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
	struct digest *sum = digest_begin();
	for (unsigned i = 0; i < G_N_ELEMENTS(parts); i++)
		digest_add_text(sum, parts[i] != NULL ? parts[i] : "");
	g_autofree char *hex = digest_end(sum);
	return g_strdup_printf(
	        "%.8s-%.4s-8%.3s-8%.3s-%.12s", hex, hex + 8, hex + 12, hex + 15, hex + 18);
}

static bool plan_delivery(struct planning *planning, struct planned *planned,
        const struct reader *reader, const struct route_place *place, int64_t shown, GError **error)
{
	g_autofree char *folder = g_strdup(place->name);
	g_autofree char *uuid = delivery_uuid(planned, reader->who->address, folder);
	const struct delivery delivery = {
	        .mailbox_id = reader->mailbox_id,
	        .uuid = uuid,
	        .conversation_id = planned->segment->conversation_id,
	        .segment_id = planned->segment->id,
	        .folder = folder,
	        .shown = shown,
	};
	bool is_new = false;
	if (!store_delivery_plan(planning->store, &delivery, clock_utc_us(), &is_new, error))
		return false;
	planning->report->planned += is_new;
	step_reached("plan.delivery");
	return true;
}

static bool keep_here(struct planning *planning, struct planned *planned,
        const struct reader *reader, int64_t shown, char *hash, GError **error)
{
	const struct local_item item = {
	        .conversation_id = planned->segment->conversation_id,
	        .segment_id = planned->segment->id,
	        .owner = reader->who->address,
	        .shown = shown,
	        .hash = hash,
	        .because = reader->route->because,
	        .kept_utc_us = clock_utc_us(),
	};
	bool is_new = false;
	if (!store_local_keep(planning->store, &item, &is_new, error))
		return false;
	planning->report->kept += is_new;
	step_reached("plan.kept");
	return true;
}

/* Most readers are shown the same: what is kept is not looked up again for each. Borrowed. */
static char *find_kept(const struct planned *planned, int64_t shown)
{
	for (guint i = 0; i < planned->kept->len; i++) {
		const struct kept *kept = planned->kept->pdata[i];
		if (kept->shown == shown)
			return kept->hash;
	}
	return NULL;
}

static bool keep(struct planning *planning, struct planned *planned, const struct reader *reader,
        int64_t shown, char **hash, GError **error)
{
	*hash = find_kept(planned, shown);
	if (*hash != NULL)
		return true;
	if (!transcribe_keep(planning->transcriber, planning->store, planned->segment,
	            reader->transcript, shown, hash, error))
		return false;
	struct kept *kept = g_new0(struct kept, 1);
	kept->shown = shown;
	kept->hash = *hash;
	g_ptr_array_add(planned->kept, kept);
	return true;
}

static bool plan_place(struct planning *planning, struct planned *planned,
        const struct reader *reader, const struct route_place *place, bool *planned_any,
        GError **error)
{
	unsigned view = transcriber_view(reader->route->what, place->compliance);
	int64_t shown = transcriber_shown(view, reader->part);
	if (!has_content(reader->transcript, view))
		return true;
	*planned_any = true;
	char *hash = NULL;
	if (!keep(planning, planned, reader, shown, &hash, error))
		return false;
	step_reached("plan.rendered");
	return place->target == ROUTE_LOCAL
	               ? keep_here(planning, planned, reader, shown, hash, error)
	               : plan_delivery(planning, planned, reader, place, shown, error);
}

static bool plan_places(struct planning *planning, struct planned *planned,
        const struct reader *reader, unsigned *readers, GError **error)
{
	bool any = false;
	for (const struct route_place *place = route_places; place->name != NULL; place++)
		if ((reader->route->targets & place->target) != 0 &&
		        !plan_place(planning, planned, reader, place, &any, error))
			return false;
	*readers += any;
	return true;
}

static bool presence_before(struct planning *planning, struct planned *planned,
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

/* A number for whose part of a room's talk it is; beyond those of mailboxes where there is none. */
static int64_t part_of(const struct reader *reader)
{
	if (reader->mailbox_id != 0)
		return reader->mailbox_id;
	g_autofree char *hash = digest_of(reader->who->address, strlen(reader->who->address));
	hash[13] = '\0'; /* 52 bits */
	return (INT64_C(1) << 53) | (int64_t)g_ascii_strtoull(hash, NULL, 16);
}

/* Of a room's talk a reader gets what came while he was there. */
static bool plan_room_reader(struct planning *planning, struct planned *planned,
        struct reader *reader, unsigned *readers, GError **error)
{
	enum presence_before before = PRESENCE_UNKNOWN;
	enum presence_part part = PRESENCE_ALL;
	if (!presence_before(planning, planned, reader->who, &before, error))
		return false;
	g_autoptr(GPtrArray) shown =
	        presence_filter(planned->messages, reader->who->address, before, &part);
	if (shown->len == 0)
		return true;
	if (part == PRESENCE_ALL)
		return plan_places(planning, planned, reader, readers, error);
	autoptr(transcript) own = transcribe_part(
	        planning->transcriber, planning->store, planned->segment, shown, part, error);
	if (own == NULL)
		return false;
	reader->transcript = own;
	reader->part = part_of(reader);
	return plan_places(planning, planned, reader, readers, error);
}

static bool plan_routed(struct planning *planning, struct planned *planned,
        const struct participant *who, const struct route *route, unsigned *readers, GError **error)
{
	struct reader reader = {.who = who, .route = route, .transcript = planned->transcript};
	bool to_mailbox = (route->targets & ~(unsigned)ROUTE_LOCAL) != 0;
	if (to_mailbox &&
	        !store_mailbox_pin(planning->store, route->mailbox, &reader.mailbox_id, error))
		return false;
	return planned->transcript->is_room
	               ? plan_room_reader(planning, planned, &reader, readers, error)
	               : plan_places(planning, planned, &reader, readers, error);
}

static bool plan_reader(struct planning *planning, struct planned *planned,
        const struct participant *who, unsigned *readers, GError **error)
{
	struct route route;
	if (who->address == NULL)
		return true;
	if (!router_find(planning->router, planning->store, who->address, &route, error))
		return false;
	bool good = !route_takes(&route, planned->talk) ||
	            plan_routed(planning, planned, who, &route, readers, error);
	route_clear(&route);
	return good;
}

/* Who is excluded is so in everybody's archive; in a room, his words were not captured. */
static bool is_excluded(const struct planning *planning, const struct transcript *transcript)
{
	if (transcript->is_room)
		return router_excludes(planning->router, transcript->room);
	for (guint i = 0; i < transcript->participants->len; i++)
		if (router_excludes(
		            planning->router, transcript_participant(transcript, i)->address))
			return true;
	return false;
}

static enum route_talk talk_of(const struct planning *planning, const struct transcript *transcript)
{
	enum route_talk talk = ROUTE_TALK_INTERNAL;
	if (transcript->is_room && router_is_foreign(planning->router, transcript->room))
		return ROUTE_TALK_EXTERNAL;
	for (guint i = 0; i < transcript->participants->len; i++) {
		const char *address = transcript_participant(transcript, i)->address;
		if (address == NULL)
			talk = ROUTE_TALK_UNKNOWN;
		else if (router_is_foreign(planning->router, address))
			return ROUTE_TALK_EXTERNAL;
	}
	return talk;
}

static bool plan_readers(struct planning *planning, struct planned *planned, GError **error)
{
	unsigned readers = 0;
	if (is_excluded(planning, planned->transcript)) {
		planning->report->excluded++;
		return true;
	}
	for (guint i = 0; i < planned->transcript->participants->len; i++)
		if (!plan_reader(planning, planned, transcript_participant(planned->transcript, i),
		            &readers, error))
			return false;
	planning->report->without_reader += readers == 0;
	return true;
}

static bool plan_messages(struct planning *planning, struct planned *planned, GError **error)
{
	planned->transcript = transcribe(
	        planning->transcriber, planning->store, planned->segment, planned->messages, error);
	if (planned->transcript == NULL)
		return false;
	planned->talk = talk_of(planning, planned->transcript);
	bool good =
	        plan_readers(planning, planned, error) &&
	        store_segment_set_planned(planning->store, planned->segment, clock_utc_us(), error);
	transcript_free(planned->transcript);
	return good;
}

static bool plan_segment(struct planning *planning, const struct segment *segment, GError **error)
{
	struct planned planned = {.segment = segment};
	planned.messages = transcribe_messages(planning->store, segment, error);
	if (planned.messages == NULL)
		return false;
	planned.kept = g_ptr_array_new_with_free_func((GDestroyNotify)kept_free);
	bool good = plan_messages(planning, &planned, error);
	g_ptr_array_unref(planned.kept);
	step_reached("plan.segment");
	g_ptr_array_unref(planned.messages);
	return good;
}

/* What the conversation links to, as far as it is wanted. */
static bool fetch_files(
        struct planning *planning, const struct segment *segment, bool *waiting, GError **error)
{
	g_autoptr(GPtrArray) messages = transcribe_messages(planning->store, segment, error);
	return messages != NULL &&
	       attacher_fetch(planning->attacher, planning->store, messages, waiting, error);
}

/*
 * Takes those off the page whose files are still to come. Before the transaction in which the page
 * is planned, so that nobody waits for an upload host but us.
 */
static bool fetch_page(struct planning *planning, GPtrArray *page, GError **error)
{
	for (guint i = 0; attacher_is_wanted(planning->attacher) && i < page->len;) {
		bool waiting = false;
		if (!fetch_files(planning, page->pdata[i], &waiting, error))
			return false;
		planning->report->waiting += waiting;
		if (waiting)
			g_ptr_array_remove_index(page, i);
		else
			i++;
	}
	return true;
}

/* A fault of this one segment leaves it for the next pass; a fault of the store ends this one. */
static bool is_passable(const GError *error)
{
	return error_class_of(error) == ERROR_MAILBOX || error_class_of(error) == ERROR_ITEM;
}

static bool plan_each(struct planning *planning, const GPtrArray *page, GError **error)
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

/* All in one group; when a fault undoes it, one by one, so that only the faulty ones wait. */
static bool plan_page(struct planning *planning, const GPtrArray *page, GError **error)
{
	const struct deliver_plan_report before = *planning->report;
	g_autoptr(GError) undone = NULL;
	if (store_group_begin(planning->store, &undone) &&
	        store_group_end(planning->store, plan_each(planning, page, &undone), &undone))
		return true;
	if (!error_is(undone, "store.aborted")) {
		g_propagate_error(error, g_steal_pointer(&undone));
		return false;
	}
	*planning->report = before;
	return plan_each(planning, page, error);
}

/* Tells about a queue that fills; *room is false when it is full. */
static bool check_room(struct planning *planning, bool *room, GError **error)
{
	struct queue_fill fill;
	if (!queue_fill(planning->store, planning->config, &fill, error))
		return false;
	*room = fill.level != QUEUE_FULL;
	planning->report->full = !*room;
	if (fill.level >= QUEUE_WARNING)
		log_event(fill.level >= QUEUE_CRITICAL ? LOG_LEVEL_ERROR : LOG_LEVEL_WARN,
		        "queue.filling",
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
		if (page == NULL)
			return false;
		bool more = page->len == SEGMENTS_PER_PAGE;
		if (more) {
			const struct segment *last = page->pdata[page->len - 1];
			after = last->conversation_id;
			g_free(after_id);
			after_id = g_strdup(last->id);
		}
		if (!fetch_page(planning, page, error) || !plan_page(planning, page, error))
			return false;
		step_reached("plan.page");
		if (!more)
			return true;
	}
}

bool deliver_prepare(struct store *store, const struct config *config, const struct usermap *map,
        struct deliver_plan_report *report, GError **error)
{
	int64_t seen_utc_us = 0;
	*report = (struct deliver_plan_report){0};
	autoptr(transcriber) transcriber = transcriber_new(config, map, error);
	autoptr(router) router = transcriber != NULL ? router_new(config, map, error) : NULL;
	autoptr(attacher) attacher = router != NULL ? attacher_new(config, error) : NULL;
	if (attacher == NULL)
		return false;
	const struct segment_rules *rules = transcriber_rules(transcriber);
	struct planning planning = {store, config, router, transcriber, attacher, report};
	return segmenter_seen(store, config, &seen_utc_us, error) &&
	       segmenter_take(store, rules, &report->segments, error) &&
	       segmenter_close(store, rules, seen_utc_us, &report->segments, error) &&
	       plan_all(&planning, error);
}
