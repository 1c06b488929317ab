#include "habits.h"
#include "http.h"
#include "notify.h"
#include "operations.h"
#include "stream.h"

#include <stdlib.h>
#include <string.h>

#define MAX_STREAMS 10 /* of one user, as Exchange 2016 has it */

struct stream {
	struct devx *devx;
	struct mailbox *reader; /* whose request it is */
	uint64_t number; /* of this connection */
	GPtrArray *ids; /* char *: subscription ids as text */
	GString *pending;
	size_t sent;
	int64_t ends_ms, beat_ms;
	uint64_t seen;
	bool closed;
};

static uint64_t next_connection(void)
{
	static uint64_t next;
	return __atomic_add_fetch(&next, 1, __ATOMIC_SEQ_CST);
}

/* The mailbox of a subscription id, locked; NULL when the id leads nowhere. */
static struct subscription *open_subscription(
        struct devx *devx, const char *text, struct mailbox **mb)
{
	uint64_t guid, id;

	*mb = NULL;
	if (!subscription_id_parse(text, &guid, &id))
		return NULL;
	*mb = store_find_guid(devx->store, guid);
	if (*mb == NULL)
		return NULL;
	mailbox_lock(*mb);
	struct subscription *s = subscription_find(*mb, id);
	if (s == NULL || !s->streaming) {
		mailbox_unlock(*mb);
		return NULL;
	}
	return s;
}

/* --- the first envelope, within the ordinary dispatcher */

/* The end of each message of a grommunio stream. */
static void tail(GString *out, const char *status)
{
	g_string_append_printf(out,
	        "<m:ErrorSubscriptionIds/><m:ConnectionStatus>%s</m:ConnectionStatus>", status);
}

static void put_ids(GString *out, const char *tag, const GPtrArray *ids)
{
	for (guint i = 0; i < ids->len; i++)
		xml_put(out, tag, ids->pdata[i]);
}

static void error_ids(struct ctx *ctx, const char *code, const GPtrArray *ids)
{
	if (grommunio()) {
		g_string_append(ctx->out,
		        "<m:GetStreamingEventsResponseMessage ResponseClass=\"Error\">"
		        "<m:MessageText>Subscription is invalid.</m:MessageText>"
		        "<m:ResponseCode>ErrorInvalidSubscription</m:ResponseCode>"
		        "<m:DescriptiveLinkKey>0</m:DescriptiveLinkKey><m:Notifications/>"
		        "<m:ErrorSubscriptionIds>");
		put_ids(ctx->out, "SubscriptionId", ids);
		g_string_append(ctx->out,
		        "</m:ErrorSubscriptionIds><m:ConnectionStatus>Closed</m:ConnectionStatus>"
		        "</m:GetStreamingEventsResponseMessage>");
		return;
	}
	g_string_append_printf(ctx->out,
	        "<m:GetStreamingEventsResponseMessage ResponseClass=\"Error\"><m:MessageText>%s"
	        "</m:MessageText><m:ResponseCode>%s</m:ResponseCode>"
	        "<m:DescriptiveLinkKey>0</m:DescriptiveLinkKey><m:ErrorSubscriptionIds>",
	        code_text(code), code);
	put_ids(ctx->out, "t:SubscriptionId", ids);
	g_string_append(
	        ctx->out, "</m:ErrorSubscriptionIds></m:GetStreamingEventsResponseMessage>");
}

void op_get_streaming_events(struct ctx *ctx)
{
	GPtrArray *lost = g_ptr_array_new();
	bool fault = ctx_fault(ctx, FAULT_SUBSCRIPTION);

	if (__atomic_load_n(&ctx->self->streams, __ATOMIC_SEQ_CST) >= MAX_STREAMS) {
		g_ptr_array_free(lost, TRUE);
		rsp_open(ctx);
		rsp_error(ctx, "ErrorExceededConnectionCount", NULL);
		rsp_close(ctx);
		return;
	}
	ctx->stream_ids = g_ptr_array_new_with_free_func(g_free);
	for (const struct xml_node *id = xml_child(ctx->body, "SubscriptionIds")->first; id != NULL;
	        id = id->next) {
		struct mailbox *mb;
		uint64_t guid = 0, number;
		subscription_id_parse(id->text, &guid, &number);
		struct subscription *s = store_find_guid_for(ctx, guid) != NULL
		                                 ? open_subscription(ctx->devx, id->text, &mb)
		                                 : NULL;
		if (s != NULL && fault) {
			subscription_remove(mb, s->id);
			mailbox_unlock(mb);
			s = NULL;
		} else if (s != NULL) {
			mailbox_unlock(mb);
		}
		if (s == NULL)
			g_ptr_array_add(lost, (gpointer)(uintptr_t)id->text);
		else
			g_ptr_array_add(ctx->stream_ids, g_strdup(id->text));
	}
	rsp_open(ctx);
	if (lost->len > 0) {
		error_ids(ctx, "ErrorSubscriptionNotFound", lost);
		/* grommunio leaves the answer open all the same. */
		g_ptr_array_set_size(ctx->stream_ids, 0);
	} else {
		rsp_ok(ctx);
		if (grommunio()) {
			g_string_append(ctx->out, "<m:Notifications/>");
			tail(ctx->out, "OK");
		} else {
			xml_put(ctx->out, "m:ConnectionStatus", "OK");
		}
		rsp_end(ctx);
	}
	ctx->stream = lost->len == 0 || grommunio();
	ctx->stream_minutes = atoi(xml_child_text(ctx->body, "ConnectionTimeout"));
	rsp_close(ctx);
	g_ptr_array_free(lost, TRUE);
}

/* --- what follows */

static void part_open(GString *out)
{
	gsize start = out->len;

	envelope_open(out);
	/* Only the first envelope of a grommunio stream has an XML declaration. */
	if (grommunio())
		g_string_erase(out, (gssize)start,
		        strstr(out->str + start, "?>") + 2 - (out->str + start));
	g_string_append(out,
	        "<m:GetStreamingEventsResponse xmlns:m=\"" NS_URI_M "\" xmlns:t=\"" NS_URI_T
	        "\"><m:ResponseMessages><m:GetStreamingEventsResponseMessage "
	        "ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode>");
}

static void part_close(GString *out)
{
	g_string_append(out, "</m:GetStreamingEventsResponseMessage></m:ResponseMessages>"
	                     "</m:GetStreamingEventsResponse>");
	envelope_close(out);
}

/* A grommunio heartbeat is an event without content, of the first subscription. */
static void part_status(GString *out, const char *id, const char *status)
{
	part_open(out);
	if (grommunio()) {
		g_string_append(out, "<m:Notifications><m:Notification>");
		xml_put(out, "t:SubscriptionId", id);
		g_string_append(out, "<t:MoreEvents>false</t:MoreEvents><t:StatusEvent/>"
		                     "</m:Notification></m:Notifications>");
		tail(out, status);
	} else {
		xml_put(out, "m:ConnectionStatus", status);
	}
	part_close(out);
}

static void notification(GString *out, const struct subscription *s)
{
	char id[64];

	subscription_id_text(s, id, sizeof id);
	xml_open(out, "m:Notification");
	xml_put(out, "t:SubscriptionId", id);
	if (grommunio())
		xml_put_bool(out, "t:MoreEvents", false);
	for (GList *l = s->events.head; l != NULL; l = l->next)
		event_write(out, s->mailbox, l->data, false);
	xml_close(out, "m:Notification");
}

/* The subscription is read by another connection now, or gone: the stream says so and ends. */
static void part_lost(GString *out, const char *code, const char *id)
{
	part_open(out);
	g_string_truncate(out, out->len - strlen("<m:ResponseCode>NoError</m:ResponseCode>"));
	char *success = g_strrstr(out->str, "ResponseClass=\"Success\"");
	g_string_truncate(out, (gsize)(success - out->str));
	g_string_append_printf(out,
	        "ResponseClass=\"Error\"><m:MessageText>%s</m:MessageText>"
	        "<m:ResponseCode>%s</m:ResponseCode>"
	        "<m:DescriptiveLinkKey>0</m:DescriptiveLinkKey><m:ErrorSubscriptionIds>",
	        code_text(code), code);
	xml_put(out, "t:SubscriptionId", id);
	g_string_append(out, "</m:ErrorSubscriptionIds>");
	part_close(out);
}

static void collect(struct stream *st)
{
	GString *notes = g_string_new(NULL);

	for (guint i = 0; i < st->ids->len && !st->closed; i++) {
		struct mailbox *mb;
		struct subscription *s = open_subscription(st->devx, st->ids->pdata[i], &mb);
		if (s == NULL || s->connection != st->number) {
			part_lost(st->pending,
			        s == NULL ? "ErrorSubscriptionNotFound"
			                  : "ErrorNewEventStreamConnectionOpened",
			        st->ids->pdata[i]);
			st->closed = true;
		} else if (s->events.head != NULL) {
			notification(notes, s);
			g_queue_clear_full(&s->events, g_free);
			g_queue_init(&s->events);
		}
		if (s != NULL)
			mailbox_unlock(mb);
	}
	if (notes->len > 0) {
		part_open(st->pending);
		g_string_append_printf(
		        st->pending, "<m:Notifications>%s</m:Notifications>", notes->str);
		if (grommunio())
			tail(st->pending, "OK");
		part_close(st->pending);
	}
	g_string_free(notes, TRUE);
}

/* grommunio looks at the end of its time only when it wakes up for a heartbeat. */
static bool may_end(const struct stream *st, int64_t now)
{
	return !grommunio() || now >= st->beat_ms;
}

/* Fills `pending` with the next envelope; blocks until there is one. */
static void next_part(struct stream *st)
{
	while (st->pending->len == 0 && !st->closed) {
		collect(st);
		if (st->pending->len > 0)
			break;
		int64_t now = now_ms();
		if (st->ids->len == 0 && (st->devx->stopping || now >= st->ends_ms)) {
			st->closed = true;
		} else if (st->ids->len == 0) {
			events_wait(events_count(), 200);
		} else if (st->devx->stopping || (now >= st->ends_ms && may_end(st, now))) {
			part_status(st->pending, st->ids->pdata[0], "Closed");
			st->closed = true;
		} else if (now >= st->beat_ms) {
			part_status(st->pending, st->ids->pdata[0], "OK");
			st->beat_ms = now + st->devx->options.heartbeat_ms;
		} else {
			int64_t until = grommunio() ? st->beat_ms : MIN(st->ends_ms, st->beat_ms);
			st->seen = events_wait(st->seen, CLAMP(until - now, 1, 200));
		}
	}
}

static ssize_t stream_read(void *data, uint64_t at, char *out, size_t max)
{
	struct stream *st = data;
	(void)at;

	if (st->sent == st->pending->len) {
		if (st->closed)
			return MHD_CONTENT_READER_END_OF_STREAM;
		g_string_truncate(st->pending, 0);
		st->sent = 0;
		next_part(st);
		record_exchange(
		        st->devx, "GetStreamingEvents", NULL, RECORD_ANSWER, 200, st->pending);
	}
	size_t n = MIN(st->pending->len - st->sent, max);
	memcpy(out, st->pending->str + st->sent, n);
	st->sent += n;
	return (ssize_t)n;
}

static void stream_free(void *data)
{
	struct stream *st = data;

	__atomic_sub_fetch(&st->reader->streams, 1, __ATOMIC_SEQ_CST);
	g_ptr_array_free(st->ids, TRUE);
	g_string_free(st->pending, TRUE);
	g_free(st);
}

struct MHD_Response *stream_response(struct devx *devx, struct answer *answer)
{
	struct stream *st = g_new0(struct stream, 1);

	st->devx = devx;
	st->reader = answer->mailbox;
	__atomic_add_fetch(&st->reader->streams, 1, __ATOMIC_SEQ_CST);
	st->number = next_connection();
	st->ids = answer->stream_ids;
	answer->stream_ids = NULL;
	st->pending = g_string_new_len(answer->body->str, (gssize)answer->body->len);
	st->seen = events_count();
	st->ends_ms = now_ms() + (int64_t)answer->stream_minutes * devx->options.minute_ms;
	st->beat_ms = now_ms() + devx->options.heartbeat_ms;
	for (guint i = 0; i < st->ids->len; i++) {
		struct mailbox *mb;
		struct subscription *s = open_subscription(devx, st->ids->pdata[i], &mb);
		if (s == NULL)
			continue;
		s->connection = st->number;
		mailbox_unlock(mb);
	}
	return MHD_create_response_from_callback(
	        MHD_SIZE_UNKNOWN, 4096, stream_read, st, stream_free);
}
