#include "sync/deliver_private.h"

#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"
#include "core/step.h"
#include "store/delivery.h"
#include "store/segment.h"

#define BATCH 50
/* Of message bytes that are held at a time; one larger message makes a batch of its own. */
#define BATCH_BYTES (8 * 1024 * 1024)

#define FIRST_RETRY_US (INT64_C(30) * CLOCK_US_PER_S)
#define LAST_RETRY_US (INT64_C(3600) * CLOCK_US_PER_S)

static bool renew(struct delivering *d, GError **error)
{
	return d->options->lease_s == 0 ||
	       store_lease_renew(d->store, d->lease, clock_utc_us(), d->options->lease_s, error);
}

/* Twice as long after every try, with a fifth of it at random, so that many do not come at once. */
int64_t deliver_next_try(const struct delivery *delivery, const GError *cause)
{
	int64_t wait = LAST_RETRY_US;
	if (delivery->attempts < 8)
		wait = MIN(LAST_RETRY_US, FIRST_RETRY_US << delivery->attempts);
	wait += (int64_t)(g_random_double() * 0.2 * (double)wait);
	return MAX(clock_utc_us() + wait, cause != NULL ? error_retry_at(cause) : 0);
}

/* --- sending what is due --- */

/* Deliveries into one folder and what is sent for them; index by index. */
struct batch {
	unsigned folder;
	GPtrArray *deliveries; /* borrowed struct delivery */
	GPtrArray *renderings; /* owned */
	GArray *messages; /* struct ews_message */
	size_t bytes;
};

static void batch_clear(struct batch *batch)
{
	g_ptr_array_unref(batch->deliveries);
	g_ptr_array_unref(batch->renderings);
	g_array_unref(batch->messages);
}

static bool is_damaged(
        const struct delivery *delivery, const char *lost, bool there, GError **error)
{
	if (there)
		return false;
	error_set(error, ERROR_CONFIG, "store.damaged",
	        "the %s of delivery %s is missing from the store: restore the store from a backup",
	        lost, delivery->uuid);
	return true;
}

static bool add_to_batch(
        struct delivering *d, struct batch *batch, struct delivery *delivery, GError **error)
{
	autoptr(segment) segment = NULL;
	autoptr(rendering) rendering = NULL;
	if (!store_segment_get(
	            d->store, delivery->conversation_id, delivery->segment_id, &segment, error) ||
	        !store_rendering_get(d->store, delivery->conversation_id, delivery->segment_id,
	                delivery->shown, &rendering, error) ||
	        is_damaged(delivery, "segment", segment != NULL, error) ||
	        is_damaged(delivery, "message", rendering != NULL, error))
		return false;
	gsize len = g_bytes_get_size(rendering->mime);
	const struct ews_message message = {
	        .mime = g_bytes_get_data(rendering->mime, NULL),
	        .mime_len = len,
	        .delivery_uuid = delivery->uuid,
	        .sent_utc_us = segment->first_utc_us,
	        .received_utc_us = segment->last_utc_us,
	        .read = true,
	};
	g_ptr_array_add(batch->deliveries, delivery);
	g_ptr_array_add(batch->renderings, g_steal_pointer(&rendering));
	g_array_append_val(batch->messages, message);
	batch->bytes += len;
	return true;
}

/* The first of the due ones and those after it that go into the same folder. */
static bool fill_batch(
        struct delivering *d, struct batch *batch, const GPtrArray *due, GError **error)
{
	*batch = (struct batch){
	        .folder = deliver_folder_index(((const struct delivery *)due->pdata[0])->folder),
	        .deliveries = g_ptr_array_new(),
	        .renderings = g_ptr_array_new_with_free_func((GDestroyNotify)rendering_free),
	        .messages = g_array_new(FALSE, FALSE, sizeof(struct ews_message)),
	};
	for (guint i = 0; i < due->len && batch->bytes < BATCH_BYTES; i++) {
		struct delivery *delivery = due->pdata[i];
		if (deliver_folder_index(delivery->folder) == batch->folder &&
		        !add_to_batch(d, batch, delivery, error))
			return false;
	}
	return true;
}

static struct delivery_result judge(
        struct delivering *d, const struct delivery *delivery, const struct ews_outcome *outcome)
{
	struct delivery_result result = {.delivery = delivery, .cause = outcome->error};
	if (outcome->ref.id != NULL) {
		result.outcome = DELIVERY_CONFIRMED;
		result.item_id = outcome->ref.id;
		/* An earlier try that was taken for lost may yet come to its end. */
		if (delivery->attempts > 0)
			result.sweep_utc_us = clock_utc_us() + DELIVER_SWEEP_FACTOR * d->settle_us;
		d->report->sent++;
	} else if (outcome->error == NULL) {
		/* Not in any request: the batch stopped before. */
		result.outcome = DELIVERY_AGAIN;
		result.next_try_utc_us = clock_utc_us();
		d->report->again++;
	} else if (error_class_of(outcome->error) == ERROR_UNCERTAIN) {
		result.outcome = DELIVERY_UNCERTAIN;
		d->report->uncertain++;
	} else if (error_class_of(outcome->error) == ERROR_ITEM &&
	           !error_is(outcome->error, "ews.not_found")) {
		result.outcome = DELIVERY_FAILED;
		d->report->failed++;
	} else {
		/* "not found" is the folder, which its owner may have deleted: it is made anew. */
		result.outcome = DELIVERY_AGAIN;
		result.next_try_utc_us = deliver_next_try(delivery, outcome->error);
		d->report->again++;
	}
	return result;
}

static bool record_outcomes(struct delivering *d, const struct batch *batch,
        const struct ews_outcome *outcomes, GError **error)
{
	guint n = batch->deliveries->len;
	g_autofree struct delivery_result *results = g_new0(struct delivery_result, n);
	for (guint i = 0; i < n; i++)
		results[i] = judge(d, batch->deliveries->pdata[i], &outcomes[i]);
	return store_deliveries_record(d->store, d->lease, results, n, clock_utc_us(), error);
}

/* What one item did wrong is recorded with it; anything else ends the pass. */
static bool ends_pass(const GError *fault)
{
	return error_class_of(fault) != ERROR_ITEM;
}

static bool send_batch(struct delivering *d, struct batch *batch, GError **error)
{
	guint n = batch->deliveries->len;
	g_autoptr(GError) fault = NULL;
	const char *id = deliver_folder_id(d, batch->folder, error);
	if (id == NULL || !renew(d, error) ||
	        !store_deliveries_sent(
	                d->store, d->lease, batch->deliveries, d->run, clock_utc_us(), error))
		return false;
	step_reached("deliver.marked");
	struct ews_outcome *outcomes = ews_outcomes_new(n);
	bool sent = ews_messages_create(d->session, id,
	        (const struct ews_message *)(const void *)batch->messages->data, n, outcomes,
	        &fault);
	step_reached("deliver.answered");
	bool recorded = record_outcomes(d, batch, outcomes, error);
	ews_outcomes_free(outcomes, n);
	if (!sent)
		g_clear_pointer(&d->folder_ids[batch->folder], g_free);
	if (!recorded)
		return false;
	step_reached("deliver.recorded");
	if (!sent && error_class_of(fault) == ERROR_UNCERTAIN) {
		log_warn("deliver.uncertain", "%s: %s", d->lease->mailbox->owner, fault->message);
		d->unanswered = true;
		return true;
	}
	if (!sent && ends_pass(fault)) {
		g_propagate_error(error, g_steal_pointer(&fault));
		return false;
	}
	return true;
}

static bool send_page(struct delivering *d, const GPtrArray *due, GError **error)
{
	struct batch batch;
	bool good = fill_batch(d, &batch, due, error) && send_batch(d, &batch, error);
	batch_clear(&batch);
	return good;
}

static bool send_due(struct delivering *d, GError **error)
{
	unsigned limit = d->options->batch != 0 ? d->options->batch : BATCH;
	while (true) {
		g_autoptr(GPtrArray) due = store_deliveries_due(
		        d->store, d->lease->mailbox->id, clock_utc_us(), limit, error);
		if (due == NULL)
			return false;
		if (due->len == 0)
			return true;
		if (!send_page(d, due, error))
			return false;
		/* Whether the server works is not known before it has been asked. */
		if (d->unanswered)
			return true;
		if (d->options->progress != NULL &&
		        !d->options->progress(d->options->data, d->report))
			return true;
	}
}

static bool run(struct delivering *d, GError **error)
{
	return renew(d, error) && deliver_settle(d, error) && send_due(d, error) &&
	       deliver_sweep(d, error);
}

bool deliver_pass(struct store *store, struct lease *lease, struct ews_session *session,
        const struct deliver_options *options, struct deliver_report *report,
        int64_t *next_due_utc_us, GError **error)
{
	*report = (struct deliver_report){0};
	struct delivering d = {
	        .store = store,
	        .lease = lease,
	        .session = session,
	        .options = options,
	        .report = report,
	        .run = options->run,
	        .settle_us = config_duration_s(options->config, "uncertain", NULL, "settle") *
	                     CLOCK_US_PER_S,
	};
	bool good = run(&d, error);
	for (unsigned i = 0; i < DELIVER_FOLDERS; i++)
		g_free(d.folder_ids[i]);
	if (good && next_due_utc_us != NULL)
		good = store_delivery_next_due(
		        store, lease->mailbox->id, d.settle_us, next_due_utc_us, error);
	return good;
}
