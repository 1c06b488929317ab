#include "sync/deliver_undo.h"

#include "core/clock.h"
#include "core/log.h"

/* Items that are looked at before the first of them is removed. */
#define BATCH 50

struct undoing {
	struct store *store;
	struct lease *lease;
	struct ews_session *session;
	bool dry_run;
	struct undo_report *report;
	struct delivery *const *deliveries; /* of the batch */
	bool *ours; /* index by index: the item is there and bears the delivery's id */
	bool *there;
};

static bool on_item(size_t index, const struct ews_message_info *info, void *data, GError **error)
{
	struct undoing *undoing = data;
	(void)error;
	undoing->there[index] = info != NULL;
	undoing->ours[index] = info != NULL && g_strcmp0(info->delivery_uuid,
	                                               undoing->deliveries[index]->uuid) == 0;
	return true;
}

static bool undo_one(
        struct undoing *undoing, const struct delivery *delivery, size_t index, GError **error)
{
	if (undoing->there[index] && !undoing->ours[index]) {
		undoing->report->foreign++;
		log_warn("undo.foreign",
		        "delivery %s: another item stands in its place; left alone",
		        delivery->uuid);
		return true;
	}
	bool there = undoing->there[index];
	if (there)
		undoing->report->removed++;
	else
		undoing->report->gone++;
	if (undoing->dry_run)
		return true;
	return (!there || ews_message_delete(undoing->session, delivery->item_id, error)) &&
	       store_delivery_undone(undoing->store, undoing->lease, delivery,
	               there ? "removed" : "gone", clock_utc_us(), error);
}

static bool undo_batch(struct undoing *undoing, size_t n, GError **error)
{
	const char *ids[BATCH];
	bool ours[BATCH] = {false};
	bool there[BATCH] = {false};
	undoing->ours = ours;
	undoing->there = there;
	for (size_t i = 0; i < n; i++)
		ids[i] = undoing->deliveries[i]->item_id;
	if (!ews_messages_get(undoing->session, ids, n, on_item, undoing, error))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!undo_one(undoing, undoing->deliveries[i], i, error))
			return false;
	return true;
}

bool deliver_undo(struct store *store, struct lease *lease, struct ews_session *session,
        const char *run, bool dry_run, struct undo_report *report, GError **error)
{
	*report = (struct undo_report){0};
	struct undoing undoing = {store, lease, session, dry_run, report, NULL, NULL, NULL};
	g_autoptr(GPtrArray) rows = store_deliveries_of_run(store, run, lease->mailbox->id, error);
	if (rows == NULL)
		return false;
	for (guint at = 0; at < rows->len; at += BATCH) {
		undoing.deliveries = (struct delivery *const *)(const void *)(rows->pdata + at);
		if (!undo_batch(&undoing, MIN(BATCH, rows->len - at), error))
			return false;
	}
	return true;
}
