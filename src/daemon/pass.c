#include "daemon/pass.h"

#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"
#include "sync/capture.h"
#include "sync/deliver.h"
#include "sync/reconcile.h"

/* When the sources were last counted: a property of the store. */
#define RECONCILED "archive.reconciled"

static void log_failed(struct pass_totals *totals, const char *event, const GError *cause)
{
	log_error(event, "%s", cause->message);
	totals->source_failed = true;
}

/* Once per [archive] reconcile, by whichever imexd comes first. */
static bool reconcile_due(struct store *store, const struct config *config, int64_t *since_utc_us)
{
	int64_t every_us = config_duration_s(config, "archive", NULL, "reconcile") * CLOCK_US_PER_S;
	int64_t now = clock_utc_us();
	int64_t last_utc_us = 0;
	g_autofree char *last = NULL;
	g_autofree char *text = clock_format_iso(now);
	if (every_us == 0 || !store_property_get(store, RECONCILED, &last, NULL) ||
	        (last != NULL && clock_parse_iso(last, &last_utc_us, NULL) &&
	                now - last_utc_us < every_us))
		return false;
	*since_utc_us = now - 2 * every_us;
	return store_property_set(store, RECONCILED, text, NULL);
}

static void reconcile(struct worker *worker, const struct router *router, const char *domain,
        int64_t since_utc_us, struct pass_totals *totals)
{
	g_autoptr(GError) cause = NULL;
	struct reconcile_report report = {0};
	struct im_source *source = worker_source(worker, domain, &cause);
	if (source == NULL || !reconcile_source(worker_store(worker), source, router, since_utc_us,
	                              &report, &cause))
		log_failed(totals, "reconcile.failed", cause);
	else
		log_info("reconcile.done",
		        "source %s: %" G_GUINT64_FORMAT " messages, %" G_GUINT64_FORMAT
		        " were missing, %" G_GUINT64_FORMAT " are not there any more",
		        im_source_name(source), report.rows, report.missing, report.gone);
}

/* Each source once, whatever number of domains it serves. */
static void capture_sources(
        struct worker *worker, const struct worker_options *options, struct pass_totals *totals)
{
	g_autoptr(GHashTable) done = g_hash_table_new(g_str_hash, g_str_equal);
	const char *const *domains = config_names(options->config, "domain");
	g_autoptr(GError) trouble = NULL;
	autoptr(router) router = router_new(options->config, options->map, &trouble);
	if (router == NULL) {
		log_failed(totals, "capture.failed", trouble);
		return;
	}
	const struct capture_options capture = {.router = router};
	int64_t since_utc_us = 0;
	bool count = reconcile_due(worker_store(worker), options->config, &since_utc_us);
	for (const char *const *domain = domains; *domain != NULL; domain++) {
		const char *name = config_string(options->config, "domain", *domain, "source");
		g_autoptr(GError) cause = NULL;
		struct capture_report report = {0};
		if (name == NULL || !g_hash_table_add(done, (char *)(uintptr_t)name))
			continue;
		struct im_source *source = worker_source(worker, *domain, &cause);
		if (source == NULL ||
		        !capture_run(worker_store(worker), source, &capture, &report, &cause))
			log_failed(totals, "capture.failed", cause);
		totals->captured += report.stored;
		if (cause == NULL && count)
			reconcile(worker, router, *domain, since_utc_us, totals);
	}
}

static void look_at_senders(
        struct worker *worker, const struct worker_options *options, struct pass_totals *totals)
{
	g_autoptr(GError) cause = NULL;
	uint64_t open = 0;
	if (!reconcile_senders(worker_store(worker), options->config, &open, &cause))
		log_failed(totals, "reconcile.failed", cause);
}

static void prepare_deliveries(
        struct worker *worker, const struct worker_options *options, struct pass_totals *totals)
{
	g_autoptr(GError) cause = NULL;
	struct deliver_plan_report report = {0};
	if (!deliver_prepare(worker_store(worker), options->config, options->map, &report, &cause))
		log_failed(totals, "deliver.failed", cause);
}

static bool observing(const struct config *config)
{
	return g_str_equal(config_string(config, "imex", NULL, "mode"), "observe");
}

bool pass_prepare(struct worker *worker, const struct worker_options *options,
        struct schedule_owners *owners, struct pass_totals *totals, GError **error)
{
	g_autoptr(GError) cause = NULL;
	if (!schedule_find_owners(worker, options, options->kinds, true, owners, &cause)) {
		if (g_str_has_prefix(error_reason(cause), "db.") && owners->mailboxes->len == 0) {
			g_propagate_error(error, g_steal_pointer(&cause));
			return false;
		}
		totals->source_failed = true;
	}
	totals->owners_idle = owners->idle;
	totals->owners_refused = owners->refused->len;
	for (guint i = 0; i < owners->refused->len; i++) {
		const struct schedule_refusal *refusal = g_ptr_array_index(owners->refused, i);
		log_warn("owner.refused", "%s", refusal->message);
	}
	if ((options->kinds & WORKER_ARCHIVE) && !observing(options->config)) {
		capture_sources(worker, options, totals);
		look_at_senders(worker, options, totals);
		prepare_deliveries(worker, options, totals);
	}
	return true;
}

void pass_count(struct pass_totals *totals, const struct visit *visit)
{
	const struct plan_counts *done = &visit->contacts.done;
	const GError *cause = visit_error(visit);
	totals->visited++;
	totals->failed += cause != NULL || visit->contacts_error != NULL;
	totals->config_failed += cause != NULL && error_class_of(cause) == ERROR_CONFIG;
	totals->mail_writes += done->mail_created + done->mail_updated + done->mail_deleted;
	totals->im_writes += done->im_created + done->im_updated + done->im_deleted;
	totals->waiting += visit->contacts.waiting;
	totals->confirming += visit->contacts.confirming;
	totals->delivered += visit->archive.sent + visit->archive.found;
}

int pass_exit(const struct pass_totals *totals)
{
	bool all_failed = totals->visited > 0 && totals->failed == totals->visited;
	if (all_failed && totals->config_failed == totals->failed)
		return 2;
	if (all_failed || (totals->source_failed && totals->visited == 0))
		return 1;
	return totals->failed > 0 || totals->owners_refused > 0 || totals->source_failed ? 3 : 0;
}
