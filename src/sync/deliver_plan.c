#include "sync/deliver.h"

#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"
#include "store/delivery.h"
#include "store/mailbox.h"
#include "store/policy.h"
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

static bool plan_one(struct planning *planning, const struct segment *segment,
        const struct transcript *transcript, int64_t mailbox_id, unsigned view, GError **error)
{
	autoptr(rendering) rendering = transcribe_mime(
	        planning->transcriber, planning->store, segment, transcript, view, error);
	if (rendering == NULL)
		return false;
	g_autofree char *uuid = g_uuid_string_random();
	g_autofree char *folder = g_strdup(transcriber_folder(planning->transcriber));
	const struct delivery delivery = {
	        .mailbox_id = mailbox_id,
	        .uuid = uuid,
	        .conversation_id = segment->conversation_id,
	        .segment_id = segment->id,
	        .folder = folder,
	        .view = view,
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

static bool plan_readers(struct planning *planning, const struct segment *segment,
        const struct transcript *transcript, GError **error)
{
	unsigned readers = 0;
	for (guint i = 0; i < transcript->participants->len; i++) {
		const struct participant *who = transcript_participant(transcript, i);
		unsigned view = 0;
		int64_t mailbox_id = 0;
		if (who->address == NULL)
			continue;
		if (!find_mailbox(planning, who->address, &view, &mailbox_id, error))
			return false;
		if (mailbox_id == 0 || !has_content(transcript, view))
			continue;
		readers++;
		if (!plan_one(planning, segment, transcript, mailbox_id, view, error))
			return false;
	}
	planning->report->without_reader += readers == 0;
	return true;
}

static bool plan_segment(struct planning *planning, const struct segment *segment, GError **error)
{
	autoptr(transcript) transcript =
	        transcribe(planning->transcriber, planning->store, segment, NULL, error);
	return transcript != NULL && plan_readers(planning, segment, transcript, error) &&
	       store_segment_set_planned(planning->store, segment, clock_utc_us(), error);
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

static bool plan_all(struct planning *planning, GError **error)
{
	g_autofree char *after_id = g_strdup("");
	int64_t after = 0;
	while (true) {
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
