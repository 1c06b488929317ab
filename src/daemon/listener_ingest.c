#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"
#include "core/thread.h"
#include "daemon/listener_private.h"
#include "sync/ingest.h"

#include <string.h>
#include <sys/statvfs.h>

/* A sender may post so many seconds' worth of its rate at once. */
#define BURST_S 10
#define BUSY_RETRY_S 5
#define FAULT_RETRY_S 30
#define FULL_RETRY_S 60

/* What a sender has under way, and may still post. */
struct flow {
	unsigned requests;
	double tokens; /* events; below nothing: it has to wait */
	int64_t filled_mono_us;
};

struct listener_inlet {
	const struct config *config;
	struct router *router;
	struct mutex mutex; /* of the store and the flows */
	struct store *store;
	GHashTable *flows; /* sender -> struct flow */
};

struct listener_post {
	struct listener_inlet *inlet;
	const char *sender;
	struct ingest *ingest;
	uint64_t bytes, max_bytes;
	uint64_t paid; /* events that were taken off the flow */
	GError *failure; /* nothing more is taken */
};

bool listener_inlet_new(const struct config *config, const struct usermap *map,
        struct listener_inlet **out, GError **error)
{
	*out = NULL;
	if (config_names(config, "sender")[0] == NULL)
		return true;
	autoptr(listener_inlet) inlet = g_new0(struct listener_inlet, 1);
	mutex_init(&inlet->mutex);
	inlet->config = config;
	inlet->flows = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	inlet->router = router_new(config, map, error);
	if (inlet->router == NULL)
		return false;
	inlet->store =
	        store_open(config_string(config, "imex", NULL, "store"), STORE_EXISTING, error);
	if (inlet->store == NULL)
		return false;
	*out = g_steal_pointer(&inlet);
	return true;
}

void listener_inlet_free(struct listener_inlet *inlet)
{
	g_clear_pointer(&inlet->store, store_close);
	g_clear_pointer(&inlet->router, router_free);
	g_hash_table_unref(inlet->flows);
	mutex_destroy(&inlet->mutex);
	g_free(inlet);
}

/* Flow */

static double rate_of(const struct listener_inlet *inlet)
{
	return (double)config_int(inlet->config, "ingest", NULL, "max_rate");
}

/* Mutex held. */
static struct flow *flow_of(struct listener_inlet *inlet, const char *sender)
{
	struct flow *flow = g_hash_table_lookup(inlet->flows, sender);
	int64_t now = clock_mono_us();
	double rate = rate_of(inlet);
	if (flow == NULL) {
		flow = g_new0(struct flow, 1);
		flow->tokens = rate * BURST_S;
		flow->filled_mono_us = now;
		g_hash_table_insert(inlet->flows, g_strdup(sender), flow);
	}
	flow->tokens += rate * (double)(now - flow->filled_mono_us) / (double)CLOCK_US_PER_S;
	flow->tokens = MIN(flow->tokens, rate * BURST_S);
	flow->filled_mono_us = now;
	return flow;
}

static void too_many(
        struct listener_answer *answer, unsigned retry_s, const char *reason, const char *message)
{
	listener_answer_error(answer, 429, reason, message);
	answer->retry_after_s = retry_s;
}

/* Whether the sender may begin another request. Mutex held. */
static bool admit(struct listener_inlet *inlet, const char *sender, struct listener_answer *answer)
{
	struct flow *flow = flow_of(inlet, sender);
	if (flow->requests >= (unsigned)config_int(inlet->config, "ingest", NULL, "max_parallel")) {
		too_many(answer, 1, "ingest.parallel", "too many requests are under way");
		return false;
	}
	if (flow->tokens < 0) {
		too_many(answer, 1 + (unsigned)(-flow->tokens / rate_of(inlet)), "ingest.rate",
		        "more events than max_rate in [ingest] allows");
		return false;
	}
	flow->requests++;
	return true;
}

static void pay(struct listener_post *post)
{
	uint64_t lines = ingest_report(post->ingest)->lines;
	flow_of(post->inlet, post->sender)->tokens -= (double)(lines - post->paid);
	post->paid = lines;
}

/* Nothing is taken that might not find room beside what is there. */
static bool has_room(const struct listener_inlet *inlet, struct listener_answer *answer)
{
	const char *folder = config_string(inlet->config, "imex", NULL, "state_dir");
	uint64_t need = (uint64_t)config_int(inlet->config, "ingest", NULL, "min_free_mb") << 20;
	struct statvfs disk;
	if (statvfs(folder, &disk) != 0 || (uint64_t)disk.f_bavail * disk.f_frsize >= need)
		return true;
	log_error("ingest.full",
	        "less than min_free_mb is free in %s: nothing more is taken until there is room",
	        folder);
	too_many(answer, FULL_RETRY_S, "ingest.full", "there is no room on disk");
	return false;
}

/* A request */

static void refuse_size(const struct listener_inlet *inlet, struct listener_answer *answer)
{
	g_autofree char *message = g_strdup_printf("the request has more than %" G_GINT64_FORMAT
	                                           " MiB: post less at a time",
	        config_int(inlet->config, "ingest", NULL, "max_request_mb"));
	listener_answer_error(answer, 413, "ingest.too_large", message);
}

struct listener_post *listener_post_begin(struct listener_site *site,
        const struct listener_request *request, struct listener_answer *answer)
{
	struct listener_inlet *inlet = listener_site_inlet(site);
	if (inlet == NULL) {
		listener_answer_plain(answer, 404, "there is nothing here\n");
		return NULL;
	}
	const char *sender = listener_site_sender(site, request, answer);
	uint64_t max_bytes = (uint64_t)config_int(inlet->config, "ingest", NULL, "max_request_mb")
	                     << 20;
	if (sender == NULL || !has_room(inlet, answer))
		return NULL;
	if (request->content_length != UINT64_MAX && request->content_length > max_bytes) {
		refuse_size(inlet, answer);
		return NULL;
	}
	mutex_lock(&inlet->mutex);
	bool admitted = admit(inlet, sender, answer);
	mutex_unlock(&inlet->mutex);
	if (!admitted)
		return NULL;
	struct listener_post *post = g_new0(struct listener_post, 1);
	post->inlet = inlet;
	post->sender = sender;
	post->max_bytes = max_bytes;
	post->ingest = ingest_new(inlet->store, inlet->config, inlet->router, sender);
	return post;
}

bool listener_post_feed(struct listener_post *post, const char *bytes, size_t len)
{
	post->bytes += len;
	/* Without a length told before, the rest is read to answer, but not without end. */
	if (post->bytes > post->max_bytes)
		return post->bytes <= 2 * post->max_bytes;
	if (post->failure != NULL)
		return true;
	mutex_lock(&post->inlet->mutex);
	ingest_feed(post->ingest, bytes, len, &post->failure);
	pay(post);
	mutex_unlock(&post->inlet->mutex);
	return true;
}

static json_t *problems_json(const GPtrArray *problems)
{
	json_t *list = json_array();
	for (guint i = 0; i < problems->len; i++) {
		const struct ingest_problem *problem = problems->pdata[i];
		json_array_append_new(list,
		        json_pack("{s:I, s:s?, s:s, s:s, s:s}", "line", (json_int_t)problem->line,
		                "key", problem->key, "result", problem->result, "reason",
		                problem->reason, "message", problem->message));
	}
	return list;
}

static json_t *report_json(const struct ingest_report *report)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "lines",
	        (json_int_t)report->lines, "stored", (json_int_t)report->stored, "repeated",
	        (json_int_t)report->repeated, "unwanted", (json_int_t)report->unwanted, "marked",
	        (json_int_t)report->marked, "conflicts", (json_int_t)report->conflicts, "refused",
	        (json_int_t)report->refused, "problems", problems_json(report->problems));
}

static unsigned status_of(const struct ingest_report *report)
{
	if (report->conflicts > 0)
		return 409;
	if (report->foreign > 0)
		return 403;
	return report->refused > 0 ? 400 : 200;
}

/* What was stored before stays, and is told: posting all of it again changes nothing. */
static void answer_failure(const struct listener_post *post, struct listener_answer *answer)
{
	const GError *failure = post->failure;
	bool passing =
	        error_class_of(failure) == ERROR_RETRY || error_class_of(failure) == ERROR_BACKOFF;
	bool item = error_class_of(failure) == ERROR_ITEM;
	json_t *json = report_json(ingest_report(post->ingest));
	json_object_set_new(json, "error", json_string(error_reason(failure)));
	json_object_set_new(json, "message",
	        json_string(item ? failure->message
	                         : "the events cannot be stored now: post them again"));
	listener_answer_json(answer, item ? 413 : passing ? 429 : 503, json);
	answer->retry_after_s = item ? 0 : passing ? BUSY_RETRY_S : FAULT_RETRY_S;
	if (!item)
		log_error("ingest.failed", "sender %s: %s", post->sender, failure->message);
}

void listener_post_end(struct listener_post *post, struct listener_answer *answer)
{
	if (post->bytes > post->max_bytes) {
		refuse_size(post->inlet, answer);
		return;
	}
	if (post->failure == NULL) {
		mutex_lock(&post->inlet->mutex);
		ingest_end(post->ingest, &post->failure);
		pay(post);
		mutex_unlock(&post->inlet->mutex);
	}
	if (post->failure != NULL) {
		answer_failure(post, answer);
		return;
	}
	const struct ingest_report *report = ingest_report(post->ingest);
	listener_answer_json(answer, status_of(report), report_json(report));
}

void listener_post_free(struct listener_post *post)
{
	mutex_lock(&post->inlet->mutex);
	flow_of(post->inlet, post->sender)->requests--;
	mutex_unlock(&post->inlet->mutex);
	ingest_free(post->ingest);
	g_clear_error(&post->failure);
	g_free(post);
}
