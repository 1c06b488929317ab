/* Subscribe (pull and streaming), Unsubscribe and GetEvents. */
#include "devx.h"
#include "habits.h"
#include "notify.h"
#include "operations.h"

#include <stdlib.h>
#include <string.h>

#define MAX_SUBSCRIPTIONS 5000
#define MAX_EVENTS_PER_ANSWER 50

static uint32_t event_bits(const struct xml_node *types)
{
	static const struct {
		const char *name;
		enum event_type type;
	} names[] = {{"CopiedEvent", EVENT_COPIED}, {"CreatedEvent", EVENT_CREATED},
	        {"DeletedEvent", EVENT_DELETED}, {"ModifiedEvent", EVENT_MODIFIED},
	        {"MovedEvent", EVENT_MOVED}, {"NewMailEvent", EVENT_NEW_MAIL}};
	uint32_t bits = 0;

	for (const struct xml_node *t = types->first; t != NULL; t = t->next)
		for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
			if (strcmp(names[i].name, t->text) == 0)
				bits |= 1u << names[i].type;
	return bits;
}

/* All folders of a subscription must be of one mailbox; that one is locked afterwards. */
static const char *read_folders(struct ctx *ctx, const struct xml_node *ids, GArray *numbers)
{
	struct mailbox *mb = NULL;

	for (const struct xml_node *id = ids->first; id != NULL; id = id->next) {
		struct folder *folder;
		const char *code = ctx_folder(ctx, id, &folder);
		if (code != NULL)
			return code;
		if (mb != NULL && folder->mailbox != mb)
			return "ErrorInvalidSubscriptionRequest";
		mb = folder->mailbox;
		g_array_append_val(numbers, folder->id);
	}
	return NULL;
}

static const char *start_watermark(struct ctx *ctx, const struct xml_node *request)
{
	const char *text = xml_child_text(request, "Watermark");
	uint64_t mark;

	if (text == NULL)
		return NULL;
	/* Events from before the subscription are not kept: only the present is a valid start. */
	if (!watermark_parse(text, &mark) || mark != ctx->locked->mod)
		return "ErrorInvalidWatermark";
	return NULL;
}

static const char *subscribe(
        struct ctx *ctx, const struct xml_node *request, struct subscription **out)
{
	const struct xml_node *ids = xml_child(request, "FolderIds");
	bool all = xml_bool(xml_attr(request, "SubscribeToAllFolders"));
	bool streaming = strcmp(request->name, "StreamingSubscriptionRequest") == 0;
	GArray *numbers = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	const char *code = NULL;

	ctx_use(ctx, ctx->self);
	if (strcmp(request->name, "PushSubscriptionRequest") == 0)
		code = "ErrorInvalidOperation";
	else if (all == (ids != NULL))
		code = "ErrorInvalidSubscriptionRequest";
	else if (ids != NULL)
		code = read_folders(ctx, ids, numbers);
	if (code == NULL)
		code = start_watermark(ctx, request);
	GPtrArray *present = ctx->locked->notify;
	if (code == NULL && present != NULL && present->len >= MAX_SUBSCRIPTIONS)
		code = "ErrorExceededSubscriptionCount";
	if (code != NULL) {
		g_array_free(numbers, TRUE);
		return code;
	}
	struct subscription *s = subscription_new(ctx->locked, streaming);
	g_array_free(s->folders, TRUE);
	s->folders = numbers;
	s->all_folders = all;
	s->types = event_bits(xml_child(request, "EventTypes"));
	if (!streaming) {
		s->timeout_minutes = atoi(xml_child_text(request, "Timeout"));
		s->expires_ms =
		        now_ms() + (int64_t)s->timeout_minutes * ctx->devx->options.minute_ms;
	}
	*out = s;
	return NULL;
}

void op_subscribe(struct ctx *ctx)
{
	const struct xml_node *request = ctx->body->first;
	struct subscription *s = NULL;
	const char *code = ctx_item_fault(ctx, 0);
	char text[64];

	if (code == NULL)
		code = subscribe(ctx, request, &s);
	rsp_open(ctx);
	if (s == NULL) {
		rsp_error(ctx, code, NULL);
	} else {
		rsp_ok(ctx);
		subscription_id_text(s, text, sizeof text);
		xml_put(ctx->out, "m:SubscriptionId", text);
		if (!s->streaming && !grommunio()) {
			watermark_text(s->mailbox->mod, text, sizeof text);
			xml_put(ctx->out, "m:Watermark", text);
		}
		rsp_end(ctx);
	}
	rsp_close(ctx);
}

/* Locks the subscription's mailbox and finds it. */
static const char *find(struct ctx *ctx, const char *text, struct subscription **s)
{
	const char *unknown =
	        grommunio() ? "ErrorInvalidSubscription" : "ErrorSubscriptionNotFound";
	uint64_t guid, id;

	*s = NULL;
	if (!subscription_id_parse(text, &guid, &id))
		return "ErrorInvalidSubscription";
	struct mailbox *mb = store_find_guid_for(ctx, guid);
	if (mb == NULL)
		return unknown;
	ctx_use(ctx, mb);
	if (ctx_fault(ctx, FAULT_SUBSCRIPTION))
		subscription_remove(mb, id);
	*s = subscription_find(mb, id);
	return *s != NULL ? NULL : unknown;
}

void op_unsubscribe(struct ctx *ctx)
{
	struct subscription *s;
	const char *code = find(ctx, xml_child_text(ctx->body, "SubscriptionId"), &s);

	rsp_open(ctx);
	if (code != NULL) {
		rsp_error(ctx, code, NULL);
	} else {
		subscription_remove(s->mailbox, s->id);
		rsp_ok(ctx);
		rsp_end(ctx);
	}
	rsp_close(ctx);
}

static void write_events(struct ctx *ctx, struct subscription *s, uint64_t since)
{
	char id[64], mark[64];
	int left = MAX_EVENTS_PER_ANSWER;

	/* What the client acknowledges by its watermark is forgotten. */
	while (s->events.head != NULL && ((struct event *)s->events.head->data)->watermark <= since)
		subscription_forget(s);
	xml_open(ctx->out, "m:Notification");
	subscription_id_text(s, id, sizeof id);
	xml_put(ctx->out, "t:SubscriptionId", id);
	watermark_text(since, mark, sizeof mark);
	if (!grommunio())
		xml_put(ctx->out, "t:PreviousWatermark", mark);
	xml_put_bool(ctx->out, "t:MoreEvents", s->events.length > MAX_EVENTS_PER_ANSWER);
	if (s->events.head == NULL)
		event_write(ctx->out, s->mailbox,
		        &(struct event){.type = EVENT_STATUS, .watermark = s->mailbox->mod}, true);
	for (GList *l = s->events.head; l != NULL && left > 0; l = l->next, left--)
		event_write(ctx->out, s->mailbox, l->data, true);
	for (; grommunio() && left < MAX_EVENTS_PER_ANSWER; left++)
		g_free(g_queue_pop_head(&s->events));
	xml_close(ctx->out, "m:Notification");
}

/* From where the client wants to go on, if all that came after is still kept. */
static const char *start_after(const struct subscription *s, const char *mark, uint64_t *since)
{
	if (!watermark_parse(mark, since) || *since > s->mailbox->mod)
		return "ErrorInvalidWatermark";
	if (*since >= s->gone)
		return NULL;
	return s->missed ? "ErrorMissedNotificationEvents" : "ErrorInvalidWatermark";
}

void op_get_events(struct ctx *ctx)
{
	const char *mark = xml_child_text(ctx->body, "Watermark");
	struct subscription *s;
	uint64_t since = 0;
	const char *code = find(ctx, xml_child_text(ctx->body, "SubscriptionId"), &s);

	if (code == NULL && s->streaming)
		code = "ErrorInvalidPullSubscriptionId";
	/* Without watermarks what was read once is forgotten. */
	if (code == NULL && !grommunio())
		code = start_after(s, mark, &since);
	rsp_open(ctx);
	if (code != NULL) {
		rsp_error(ctx, code, NULL);
	} else {
		s->expires_ms =
		        now_ms() + (int64_t)s->timeout_minutes * ctx->devx->options.minute_ms;
		rsp_ok(ctx);
		write_events(ctx, s, since);
		rsp_end(ctx);
	}
	rsp_close(ctx);
}
