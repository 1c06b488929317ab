#include "sync/deliver.h"

#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"
#include "ews/folders.h"
#include "store/delivery.h"
#include "store/segment.h"

#include <string.h>

#define BATCH 50
/* Of message bytes that are held at a time; one larger message makes a batch of its own. */
#define BATCH_BYTES (8 * 1024 * 1024)

/* How much the server's clock may be behind ours when we ask for what it made since. */
#define CLOCK_MARGIN_US (INT64_C(7200) * CLOCK_US_PER_S)

/* Twins are looked for this much after the settling time. */
#define SWEEP_FACTOR 5

#define FIRST_RETRY_US (INT64_C(30) * CLOCK_US_PER_S)
#define LAST_RETRY_US (INT64_C(3600) * CLOCK_US_PER_S)

static const struct {
	const char *name;
	enum ews_folder_kind kind;
} folders[] = {
        {"history", EWS_FOLDER_CONVERSATION_HISTORY},
        {"purges", EWS_FOLDER_PURGES},
};

struct delivering {
	struct store *store;
	struct lease *lease;
	struct ews_session *session;
	const struct deliver_options *options;
	struct deliver_report *report;
	int64_t settle_us;
	bool unanswered; /* a request of this pass was sent and not answered */
	char *folder_ids[G_N_ELEMENTS(folders)]; /* found at first use */
};

static unsigned folder_index(const char *name)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(folders); i++)
		if (g_str_equal(name, folders[i].name))
			return i;
	g_assert_not_reached();
}

static const char *folder_id(struct delivering *d, unsigned folder, GError **error)
{
	if (d->folder_ids[folder] == NULL &&
	        !ews_folder_ensure(d->session, folders[folder].kind, &d->folder_ids[folder], error))
		return NULL;
	return d->folder_ids[folder];
}

static bool renew(struct delivering *d, GError **error)
{
	return d->options->lease_s == 0 ||
	       store_lease_renew(d->store, d->lease, clock_utc_us(), d->options->lease_s, error);
}

/* Twice as long after every try, with a fifth of it at random, so that many do not come at once. */
static int64_t next_try(const struct delivery *delivery, const GError *cause)
{
	int64_t wait = LAST_RETRY_US;
	if (delivery->attempts < 8)
		wait = MIN(LAST_RETRY_US, FIRST_RETRY_US << delivery->attempts);
	wait += (int64_t)(g_random_double() * 0.2 * (double)wait);
	return MAX(clock_utc_us() + wait, cause != NULL ? error_retry_at(cause) : 0);
}

/* --- looking up what was sent without an answer --- */

struct twin {
	char *item_id;
	int64_t created_utc_us;
};

static void twin_free(struct twin *twin)
{
	g_free(twin->item_id);
	g_free(twin);
}

static bool collect(const struct ews_message_info *info, void *data, GError **error)
{
	GHashTable *wanted = data;
	(void)error;
	GPtrArray *twins = info->delivery_uuid == NULL
	                           ? NULL
	                           : g_hash_table_lookup(wanted, info->delivery_uuid);
	if (twins == NULL || info->ref.id == NULL)
		return true;
	for (guint i = 0; i < twins->len; i++)
		if (g_str_equal(((const struct twin *)twins->pdata[i])->item_id, info->ref.id))
			return true;
	struct twin *twin = g_new0(struct twin, 1);
	twin->item_id = g_strdup(info->ref.id);
	twin->created_utc_us = info->created_utc_us;
	g_ptr_array_add(twins, twin);
	return true;
}

static int compare_twins(gconstpointer a, gconstpointer b)
{
	const struct twin *const *left = a;
	const struct twin *const *right = b;
	if ((*left)->created_utc_us != (*right)->created_utc_us)
		return (*left)->created_utc_us < (*right)->created_utc_us ? -1 : 1;
	return strcmp((*left)->item_id, (*right)->item_id);
}

/*
 * uuid (borrowed) -> array of struct twin, oldest first, for the deliveries of that folder: one
 * query however many there are.
 */
static GHashTable *look_up(
        struct delivering *d, const GPtrArray *deliveries, unsigned folder, GError **error)
{
	g_autoptr(GHashTable) wanted = g_hash_table_new_full(
	        g_str_hash, g_str_equal, NULL, (GDestroyNotify)g_ptr_array_unref);
	int64_t since_utc_us = INT64_MAX;
	for (guint i = 0; i < deliveries->len; i++) {
		const struct delivery *delivery = deliveries->pdata[i];
		if (folder_index(delivery->folder) != folder)
			continue;
		since_utc_us = MIN(since_utc_us, delivery->first_sent_utc_us);
		g_hash_table_insert(wanted, delivery->uuid,
		        g_ptr_array_new_with_free_func((GDestroyNotify)twin_free));
	}
	if (g_hash_table_size(wanted) == 0)
		return g_steal_pointer(&wanted);
	const char *id = folder_id(d, folder, error);
	if (id == NULL || !ews_messages_created(d->session, id, since_utc_us - CLOCK_MARGIN_US,
	                          collect, wanted, error))
		return NULL;
	return g_steal_pointer(&wanted);
}

/* Removes all but the oldest; *item_id is what stays, NULL when there is none. */
static bool keep_oldest(struct delivering *d, GPtrArray *twins, const char **item_id,
        unsigned *removed, GError **error)
{
	*removed = 0;
	*item_id = NULL;
	g_ptr_array_sort(twins, compare_twins);
	for (guint i = 0; i < twins->len; i++) {
		const struct twin *twin = twins->pdata[i];
		if (i == 0) {
			*item_id = twin->item_id;
			continue;
		}
		if (!ews_message_delete(d->session, twin->item_id, error))
			return false;
		(*removed)++;
		d->report->twins++;
	}
	return true;
}

static bool settle_one(
        struct delivering *d, const struct delivery *delivery, GPtrArray *twins, GError **error)
{
	const char *item_id = NULL;
	unsigned removed = 0;
	int64_t now = clock_utc_us();
	if (!keep_oldest(d, twins, &item_id, &removed, error))
		return false;
	struct delivery_result result = {
	        .delivery = delivery,
	        .outcome = item_id != NULL ? DELIVERY_CONFIRMED : DELIVERY_AGAIN,
	        .item_id = item_id,
	        .next_try_utc_us = delivery->attempts > 1 ? next_try(delivery, NULL) : now,
	        .sweep_utc_us = delivery->attempts > 1 && item_id != NULL
	                                ? now + SWEEP_FACTOR * d->settle_us
	                                : 0,
	};
	if (item_id != NULL)
		d->report->found++;
	else
		d->report->again++;
	return store_deliveries_record(d->store, d->lease, &result, 1, now, error);
}

static bool settle_folder(
        struct delivering *d, const GPtrArray *uncertain, unsigned folder, GError **error)
{
	g_autoptr(GHashTable) found = look_up(d, uncertain, folder, error);
	if (found == NULL)
		return false;
	for (guint i = 0; i < uncertain->len; i++) {
		const struct delivery *delivery = uncertain->pdata[i];
		GPtrArray *twins = g_hash_table_lookup(found, delivery->uuid);
		if (twins != NULL && !settle_one(d, delivery, twins, error))
			return false;
	}
	return true;
}

static bool settle(struct delivering *d, GError **error)
{
	g_autoptr(GPtrArray) uncertain = store_deliveries_uncertain(
	        d->store, d->lease->mailbox->id, clock_utc_us() - d->settle_us, error);
	if (uncertain == NULL)
		return false;
	for (unsigned folder = 0; folder < G_N_ELEMENTS(folders); folder++)
		if (!settle_folder(d, uncertain, folder, error))
			return false;
	return true;
}

static bool sweep_folder(
        struct delivering *d, const GPtrArray *deliveries, unsigned folder, GError **error)
{
	g_autoptr(GHashTable) found = look_up(d, deliveries, folder, error);
	if (found == NULL)
		return false;
	for (guint i = 0; i < deliveries->len; i++) {
		const struct delivery *delivery = deliveries->pdata[i];
		GPtrArray *twins = g_hash_table_lookup(found, delivery->uuid);
		const char *item_id = NULL;
		unsigned removed = 0;
		if (twins == NULL)
			continue;
		if (!keep_oldest(d, twins, &item_id, &removed, error) ||
		        !store_delivery_swept(
		                d->store, d->lease, delivery, removed, clock_utc_us(), error))
			return false;
	}
	return true;
}

static bool sweep(struct delivering *d, GError **error)
{
	g_autoptr(GPtrArray) deliveries =
	        store_deliveries_to_sweep(d->store, d->lease->mailbox->id, clock_utc_us(), error);
	if (deliveries == NULL)
		return false;
	for (unsigned folder = 0; folder < G_N_ELEMENTS(folders); folder++)
		if (!sweep_folder(d, deliveries, folder, error))
			return false;
	return true;
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
	        .folder = folder_index(((const struct delivery *)due->pdata[0])->folder),
	        .deliveries = g_ptr_array_new(),
	        .renderings = g_ptr_array_new_with_free_func((GDestroyNotify)rendering_free),
	        .messages = g_array_new(FALSE, FALSE, sizeof(struct ews_message)),
	};
	for (guint i = 0; i < due->len && batch->bytes < BATCH_BYTES; i++) {
		struct delivery *delivery = due->pdata[i];
		if (folder_index(delivery->folder) == batch->folder &&
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
			result.sweep_utc_us = clock_utc_us() + SWEEP_FACTOR * d->settle_us;
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
		result.next_try_utc_us = next_try(delivery, outcome->error);
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
	const char *id = folder_id(d, batch->folder, error);
	if (id == NULL || !renew(d, error) ||
	        !store_deliveries_sent(
	                d->store, d->lease, batch->deliveries, clock_utc_us(), error))
		return false;
	struct ews_outcome *outcomes = ews_outcomes_new(n);
	bool sent = ews_messages_create(d->session, id,
	        (const struct ews_message *)(const void *)batch->messages->data, n, outcomes,
	        &fault);
	bool recorded = record_outcomes(d, batch, outcomes, error);
	ews_outcomes_free(outcomes, n);
	if (!sent)
		g_clear_pointer(&d->folder_ids[batch->folder], g_free);
	if (!recorded)
		return false;
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
	return renew(d, error) && settle(d, error) && send_due(d, error) && sweep(d, error);
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
	        .settle_us = config_duration_s(options->config, "uncertain", NULL, "settle") *
	                     CLOCK_US_PER_S,
	};
	bool good = run(&d, error);
	for (unsigned i = 0; i < G_N_ELEMENTS(folders); i++)
		g_free(d.folder_ids[i]);
	if (good && next_due_utc_us != NULL)
		good = store_delivery_next_due(
		        store, lease->mailbox->id, d.settle_us, next_due_utc_us, error);
	return good;
}
