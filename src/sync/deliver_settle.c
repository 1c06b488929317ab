/*
 * What earlier requests made: found among the folder's changes since the state that was saved
 * before they were sent. The first reading of a folder takes all of it, once. A server that does
 * not give changes is asked for what was created since the first request instead. What is not found
 * there is looked for in the mailbox's other folders before it is sent again: its owner may have
 * moved or deleted it before we knew of it.
 */
#include "sync/deliver_private.h"

#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"
#include "core/step.h"
#include "ews/folders.h"
#include "store/delivery_run.h"
#include "store/segment.h"

#include <string.h>

/* How much the server's clock may be behind ours when we ask for what it made since. */
#define CLOCK_MARGIN_US (INT64_C(7200) * CLOCK_US_PER_S)
#define SEARCH_FOLDERS_MAX 500

static const struct {
	const char *name;
	enum ews_folder_kind kind;
	bool owner_reaches; /* and may move or delete what is in it */
} folders[DELIVER_FOLDERS] = {
        {"history", EWS_FOLDER_CONVERSATION_HISTORY, true},
        {"purges", EWS_FOLDER_PURGES, false},
};

/* Whether the fault is that this folder's changes are not to be had, and not one of the pass. */
static bool is_without_changes(const GError *fault)
{
	return error_class_of(fault) == ERROR_ITEM || error_is(fault, "ews.unsupported") ||
	       error_is(fault, "ews.request") || error_is(fault, "ews.protocol");
}

unsigned deliver_folder_index(const char *name)
{
	for (unsigned i = 0; i < DELIVER_FOLDERS; i++)
		if (g_str_equal(name, folders[i].name))
			return i;
	g_assert_not_reached();
}

const char *deliver_folder_id(struct delivering *d, unsigned folder, GError **error)
{
	if (d->folder_ids[folder] == NULL &&
	        !ews_folder_ensure(d->session, folders[folder].kind, &d->folder_ids[folder], error))
		return NULL;
	return d->folder_ids[folder];
}

struct twin {
	char *item_id;
	int64_t created_utc_us;
};

static void twin_free(struct twin *twin)
{
	g_free(twin->item_id);
	g_free(twin);
}

/* A server may put characters into an answer that XML cannot hold; U+FFFD stands for each. */
static GPtrArray *find_twins(GHashTable *wanted, const char *uuid)
{
	static const char replaced[] = "\xEF\xBF\xBD";
	if (uuid == NULL || strstr(uuid, replaced) == NULL)
		return uuid != NULL ? g_hash_table_lookup(wanted, uuid) : NULL;
	g_auto(GStrv) pieces = g_strsplit(uuid, replaced, -1);
	g_autofree char *mended = g_strjoinv("", pieces);
	return g_hash_table_lookup(wanted, mended);
}

static bool collect(const struct ews_message_info *info, void *data, GError **error)
{
	GHashTable *wanted = data;
	(void)error;
	GPtrArray *twins = find_twins(wanted, info->delivery_uuid);
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

/* uuid (borrowed) -> array of struct twin: empty for each of the deliveries. */
static GHashTable *wanted_of(const GPtrArray *deliveries)
{
	GHashTable *wanted = g_hash_table_new_full(
	        g_str_hash, g_str_equal, NULL, (GDestroyNotify)g_ptr_array_unref);
	for (guint i = 0; i < deliveries->len; i++) {
		const struct delivery *delivery = deliveries->pdata[i];
		g_hash_table_insert(wanted, delivery->uuid,
		        g_ptr_array_new_with_free_func((GDestroyNotify)twin_free));
	}
	return wanted;
}

/* Those that go into that folder; borrowed. */
static GPtrArray *of_folder(const GPtrArray *deliveries, unsigned folder)
{
	GPtrArray *own = g_ptr_array_new();
	for (guint i = 0; i < deliveries->len; i++) {
		const struct delivery *delivery = deliveries->pdata[i];
		if (deliver_folder_index(delivery->folder) == folder)
			g_ptr_array_add(own, deliveries->pdata[i]);
	}
	return own;
}

/* By the time of creation: one query however many there are. */
static bool look_up(struct delivering *d, const GPtrArray *deliveries, unsigned folder,
        GHashTable *wanted, GError **error)
{
	int64_t since_utc_us = INT64_MAX;
	for (guint i = 0; i < deliveries->len; i++) {
		const struct delivery *delivery = deliveries->pdata[i];
		if (delivery->first_sent_utc_us != 0)
			since_utc_us = MIN(since_utc_us, delivery->first_sent_utc_us);
	}
	if (since_utc_us == INT64_MAX)
		return true;
	const char *id = deliver_folder_id(d, folder, error);
	return id != NULL && ews_messages_created(d->session, id, since_utc_us - CLOCK_MARGIN_US,
	                             collect, wanted, error);
}

/* When the first of the items can have been made: sent at the earliest, or its talk over. */
static bool earliest(
        struct delivering *d, const GPtrArray *deliveries, int64_t *utc_us, GError **error)
{
	*utc_us = INT64_MAX;
	for (guint i = 0; i < deliveries->len; i++) {
		const struct delivery *delivery = deliveries->pdata[i];
		autoptr(segment) segment = NULL;
		if (!store_segment_get(d->store, delivery->conversation_id, delivery->segment_id,
		            &segment, error))
			return false;
		if (segment != NULL)
			*utc_us = MIN(*utc_us, segment->last_utc_us);
		if (delivery->first_sent_utc_us != 0)
			*utc_us = MIN(*utc_us, delivery->first_sent_utc_us);
	}
	return true;
}

/* We may have a right to the folder that we write to and to no other. */
static bool is_unsearchable(const GError *fault)
{
	return is_without_changes(fault) || error_is(fault, "ews.forbidden");
}

/* Its owner may have moved or deleted an item before we knew of it. */
struct search {
	unsigned folders; /* that were searched */
	unsigned unsearched;
	bool all; /* no folder is missing in the list */
};

static bool search_folder(struct delivering *d, const char *id, int64_t since_utc_us,
        struct search *search, GHashTable *wanted, GError **error)
{
	g_autoptr(GError) fault = NULL;
	if (ews_messages_created(d->session, id, since_utc_us, collect, wanted, &fault)) {
		search->folders++;
		return true;
	}
	if (!is_unsearchable(fault)) {
		g_propagate_error(error, g_steal_pointer(&fault));
		return false;
	}
	search->unsearched++;
	return true;
}

/* One query per folder, however many deliveries are missing. */
static bool look_elsewhere(struct delivering *d, const GPtrArray *lost, unsigned folder,
        GHashTable *wanted, struct search *search, GError **error)
{
	g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GError) fault = NULL;
	int64_t since_utc_us = 0;
	if (!earliest(d, lost, &since_utc_us, error))
		return false;
	if (!ews_folders_of_mail(d->session, ids, &search->all, &fault)) {
		if (is_unsearchable(fault))
			return true;
		g_propagate_error(error, g_steal_pointer(&fault));
		return false;
	}
	search->all = search->all && ids->len <= SEARCH_FOLDERS_MAX;
	for (guint i = 0; i < MIN(ids->len, SEARCH_FOLDERS_MAX); i++)
		if (g_strcmp0(ids->pdata[i], d->folder_ids[folder]) != 0 &&
		        !search_folder(d, ids->pdata[i], since_utc_us - CLOCK_MARGIN_US, search,
		                wanted, error))
			return false;
	return true;
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
		step_reached("settle.twin");
		(*removed)++;
		d->report->twins++;
	}
	return true;
}

static bool confirm(
        struct delivering *d, const struct delivery *delivery, const char *item_id, GError **error)
{
	int64_t now = clock_utc_us();
	int64_t sweep = delivery->attempts > 1 ? now + DELIVER_SWEEP_FACTOR * d->settle_us : 0;
	d->report->found++;
	step_reached("settle.found");
	return store_delivery_found(d->store, d->lease, delivery, item_id, sweep, now, error);
}

/* What is there is confirmed, whatever was known of it. */
static bool confirm_found(
        struct delivering *d, const struct delivery *delivery, GPtrArray *twins, GError **error)
{
	const char *item_id = NULL;
	unsigned removed = 0;
	return keep_oldest(d, twins, &item_id, &removed, error) &&
	       confirm(d, delivery, item_id, error);
}

/* Copies that its owner made elsewhere are the owner's: none is removed. */
static bool confirm_elsewhere(
        struct delivering *d, const struct delivery *delivery, GPtrArray *twins, GError **error)
{
	g_ptr_array_sort(twins, compare_twins);
	const struct twin *oldest = twins->pdata[0];
	log_info("deliver.found_elsewhere",
	        "%s: delivery %s is in another folder, where its owner put it",
	        d->lease->mailbox->owner, delivery->uuid);
	return confirm(d, delivery, oldest->item_id, error);
}

/* Sent so long ago that the server must be done with it. */
static bool is_overdue(const struct delivering *d, const struct delivery *delivery)
{
	return g_str_equal(delivery->state, "sent") &&
	       delivery->sent_utc_us <= clock_utc_us() - d->settle_us;
}

/* The record says how sure it is that nothing is doubled. */
static GError *why_again(unsigned folder, const struct search *search)
{
	GError *cause = NULL;
	if (folders[folder].owner_reaches && (!search->all || search->unsearched > 0))
		error_set(&cause, ERROR_UNCERTAIN, "deliver.not_searched",
		        "its item is not where it was sent to, nor in %u other folders, and not "
		        "every folder could be searched: it is sent again, and is there twice if "
		        "its owner had moved it there",
		        search->folders);
	else
		error_set(&cause, ERROR_UNCERTAIN, "deliver.not_found",
		        "its item is not where it was sent to, nor in %u other folders: it is "
		        "sent again",
		        search->folders);
	return cause;
}

static bool send_again(struct delivering *d, const struct delivery *delivery, unsigned folder,
        const struct search *search, GError **error)
{
	int64_t now = clock_utc_us();
	g_autoptr(GError) cause = why_again(folder, search);
	const struct delivery_result result = {
	        .delivery = delivery,
	        .outcome = DELIVERY_AGAIN,
	        .cause = cause,
	        .next_try_utc_us = delivery->attempts > 1 ? deliver_next_try(delivery, NULL) : now,
	};
	d->report->again++;
	step_reached("settle.again");
	return store_deliveries_record(d->store, d->lease, &result, 1, now, error);
}

/* Gives *state NULL when the answer came by the time of creation. */
static bool read_folder(struct delivering *d, const GPtrArray *open, unsigned folder,
        GHashTable *wanted, char **state, GError **error)
{
	g_autofree char *before = NULL;
	g_autoptr(GError) fault = NULL;
	bool full = false;
	const char *id = deliver_folder_id(d, folder, error);
	*state = NULL;
	if (id == NULL || !store_folder_state_get(d->store, d->lease->mailbox->id,
	                          folders[folder].name, &before, error))
		return false;
	if (ews_messages_changes(d->session, id, before, collect, wanted, state, &full, &fault)) {
		if (full && before != NULL)
			log_warn("deliver.state_refused",
			        "%s: the mail server does not know the folder's state any more; "
			        "all of the folder was read",
			        d->lease->mailbox->owner);
		return true;
	}
	/* The folder may have been deleted meanwhile; it is made anew when it is written to. */
	g_clear_pointer(&d->folder_ids[folder], g_free);
	if (!is_without_changes(fault)) {
		g_propagate_error(error, g_steal_pointer(&fault));
		return false;
	}
	log_info("deliver.no_changes", "%s: %s; what was created is looked up by its time instead",
	        d->lease->mailbox->owner, fault->message);
	return look_up(d, open, folder, wanted, error);
}

/*
 * Those of them that were not found and are to be sent: long ago without an answer, or, when the
 * folder has items of this store that it knows nothing of, all that it means to send: it was
 * restored from a backup. Borrowed.
 */
static GPtrArray *lost_of(
        const struct delivering *d, const GPtrArray *open, GHashTable *found, unsigned folder)
{
	GPtrArray *lost = g_ptr_array_new();
	bool restored = false;
	for (guint i = 0; i < open->len; i++) {
		const struct delivery *delivery = open->pdata[i];
		const GPtrArray *twins = g_hash_table_lookup(found, delivery->uuid);
		restored = restored || (twins->len > 0 && delivery->attempts == 0);
	}
	for (guint i = 0; folders[folder].owner_reaches && i < open->len; i++) {
		const struct delivery *delivery = open->pdata[i];
		const GPtrArray *twins = g_hash_table_lookup(found, delivery->uuid);
		if (twins->len == 0 &&
		        (is_overdue(d, delivery) || (restored && delivery->attempts == 0)))
			g_ptr_array_add(lost, open->pdata[i]);
	}
	return lost;
}

static bool settle_one(struct delivering *d, const struct delivery *delivery, unsigned folder,
        GHashTable *found, GHashTable *elsewhere, const struct search *search, GError **error)
{
	GPtrArray *here = g_hash_table_lookup(found, delivery->uuid);
	GPtrArray *there = g_hash_table_lookup(elsewhere, delivery->uuid);
	if (here->len > 0)
		return confirm_found(d, delivery, here, error);
	if (there != NULL && there->len > 0)
		return confirm_elsewhere(d, delivery, there, error);
	return !is_overdue(d, delivery) || send_again(d, delivery, folder, search, error);
}

static bool settle_folder(struct delivering *d, unsigned folder, GError **error)
{
	struct search search = {0};
	g_autofree char *state = NULL;
	g_autoptr(GPtrArray) open =
	        store_deliveries_open(d->store, d->lease->mailbox->id, folders[folder].name, error);
	if (open == NULL || open->len == 0)
		return open != NULL;
	g_autoptr(GHashTable) found = wanted_of(open);
	if (!read_folder(d, open, folder, found, &state, error))
		return false;
	g_autoptr(GPtrArray) lost = lost_of(d, open, found, folder);
	g_autoptr(GHashTable) elsewhere = wanted_of(lost);
	if (lost->len > 0 && !look_elsewhere(d, lost, folder, elsewhere, &search, error))
		return false;
	for (guint i = 0; i < open->len; i++)
		if (!settle_one(d, open->pdata[i], folder, found, elsewhere, &search, error))
			return false;
	step_reached("settle.recorded");
	/* Last: what the changes told is recorded before they are forgotten. */
	return store_folder_state_put(
	        d->store, d->lease, folders[folder].name, state, clock_utc_us(), error);
}

bool deliver_settle(struct delivering *d, GError **error)
{
	for (unsigned folder = 0; folder < DELIVER_FOLDERS; folder++)
		if (!settle_folder(d, folder, error))
			return false;
	step_reached("settle.done");
	return true;
}

static bool sweep_folder(
        struct delivering *d, const GPtrArray *all, unsigned folder, GError **error)
{
	g_autoptr(GPtrArray) deliveries = of_folder(all, folder);
	g_autoptr(GHashTable) found = wanted_of(deliveries);
	if (!look_up(d, deliveries, folder, found, error))
		return false;
	for (guint i = 0; i < deliveries->len; i++) {
		const struct delivery *delivery = deliveries->pdata[i];
		const char *item_id = NULL;
		unsigned removed = 0;
		if (!keep_oldest(d, g_hash_table_lookup(found, delivery->uuid), &item_id, &removed,
		            error) ||
		        !store_delivery_swept(
		                d->store, d->lease, delivery, removed, clock_utc_us(), error))
			return false;
	}
	return true;
}

bool deliver_sweep(struct delivering *d, GError **error)
{
	g_autoptr(GPtrArray) deliveries =
	        store_deliveries_to_sweep(d->store, d->lease->mailbox->id, clock_utc_us(), error);
	if (deliveries == NULL)
		return false;
	for (unsigned folder = 0; folder < DELIVER_FOLDERS; folder++)
		if (!sweep_folder(d, deliveries, folder, error))
			return false;
	return true;
}
