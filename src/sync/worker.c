#include "sync/worker.h"

#include "core/address.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"
#include "store/delivery_run.h"
#include "store/journal.h"
#include "store/mailbox.h"
#include "store/pass.h"
#include "store/pause.h"
#include "store/policy.h"
#include "sync/lifecycle.h"

#include <string.h>

#define LEASE_MIN_S 300
#define RETRY_FIRST_US (30 * CLOCK_US_PER_S)
#define RETRY_MAILBOX_US (3600 * CLOCK_US_PER_S)

/* A scratch store is kept for small lists, so that its schema is not made for each of them. */
#define SCRATCH_CONTACTS 20000

struct worker_shared {
	struct worker_options options;
	GHashTable *limiters; /* server -> struct limiter; not changed after worker_shared_new() */
	char *run; /* delivery_run_id() of this process */
};

/* A session with one mail server. */
struct line {
	struct worker *worker;
	struct ews_session *session;
	struct limiter *limiter; /* borrowed */
	void *use; /* of the authorizer */
};

struct worker {
	struct worker_shared *shared;
	struct store *store;
	char *holder;
	GHashTable *lines; /* server -> struct line */
	GHashTable *sources; /* name -> struct im_source */
	struct lease *lease; /* of the visit under way; borrowed */
	struct store *lease_store; /* the store that the lease is in */
	struct scratch {
		struct store *store; /* NULL: none is open */
		GHashTable *owners; /* whom it was used for */
		uint64_t contacts; /* how many it holds, about */
	} scratch;
};

static void free_limiter(void *limiter)
{
	limiter_free(limiter);
}

struct worker_shared *worker_shared_new(const struct worker_options *options, GError **error)
{
	struct worker_shared *shared = g_new0(struct worker_shared, 1);
	const struct config *config = options->config;
	(void)error;
	shared->options = *options;
	shared->options.contacts.max_delete_percent =
	        (unsigned)config_int(config, "sync", NULL, "max_delete_percent");
	shared->options.contacts.retention = (struct snapshot_retention){
	        config_duration_s(config, "sync", NULL, "snapshot_all") * CLOCK_US_PER_S,
	        config_duration_s(config, "sync", NULL, "snapshot_daily") * CLOCK_US_PER_S,
	};
	shared->options.contacts.settle_s = config_duration_s(config, "uncertain", NULL, "settle");
	if (g_str_equal(config_string(config, "imex", NULL, "mode"), "observe"))
		shared->options.contacts.plan_only = true;
	shared->run = delivery_run_id(clock_utc_us());
	shared->limiters = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_limiter);
	for (const char *const *name = config_names(config, "server"); *name != NULL; name++)
		g_hash_table_insert(shared->limiters, g_strdup(*name),
		        limiter_new(*name,
		                (unsigned)config_int(config, "server", *name, "max_connections"),
		                (unsigned)config_int(
		                        config, "server", *name, "max_requests_per_s")));
	return shared;
}

void worker_shared_free(struct worker_shared *shared)
{
	g_hash_table_unref(shared->limiters);
	g_free(shared->run);
	g_free(shared);
}

void visit_clear(struct visit *visit)
{
	contacts_report_clear(&visit->contacts);
	g_clear_error(&visit->contacts_error);
	g_clear_error(&visit->archive_error);
	g_clear_error(&visit->error);
	*visit = (struct visit){0};
}

const GError *visit_error(const struct visit *visit)
{
	return visit->error != NULL            ? visit->error
	       : visit->contacts_error != NULL ? visit->contacts_error
	                                       : visit->archive_error;
}

static void free_line(void *data)
{
	struct line *line = data;
	if (line->session != NULL)
		ews_session_close(line->session);
	if (line->use != NULL)
		line->worker->shared->options.auth.close(line->use);
	g_free(line);
}

static void free_source(void *source)
{
	im_source_close(source);
}

struct worker *worker_open(struct worker_shared *shared, GError **error)
{
	autoptr(worker) worker = g_new0(struct worker, 1);
	worker->shared = shared;
	worker->holder = lease_holder_new();
	worker->lines = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_line);
	worker->sources = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_source);
	worker->scratch.owners = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	worker->store = store_open(config_string(shared->options.config, "imex", NULL, "store"),
	        STORE_EXISTING, error);
	return worker->store != NULL ? g_steal_pointer(&worker) : NULL;
}

static void scratch_drop(struct scratch *scratch)
{
	g_clear_pointer(&scratch->store, store_close);
	g_hash_table_remove_all(scratch->owners);
	scratch->contacts = 0;
}

void worker_close(struct worker *worker)
{
	scratch_drop(&worker->scratch);
	g_hash_table_unref(worker->scratch.owners);
	g_hash_table_unref(worker->lines);
	g_hash_table_unref(worker->sources);
	if (worker->store != NULL)
		store_close(worker->store);
	g_free(worker->holder);
	g_free(worker);
}

struct store *worker_store(struct worker *worker)
{
	return worker->store;
}

struct im_source *worker_source(struct worker *worker, const char *domain, GError **error)
{
	const struct config *config = worker->shared->options.config;
	if (!config_has_section(config, "domain", domain)) {
		error_set(error, ERROR_CONFIG, "domain.unknown",
		        "there is no [domain %s] in %s: add it with its source and server", domain,
		        config_path(config));
		return NULL;
	}
	const char *from = worker->shared->options.from;
	const char *name =
	        from != NULL ? from : config_require(config, "domain", domain, "source", error);
	if (name == NULL)
		return NULL;
	const struct im_source_options elsewhere = {.url = name};
	struct im_source *source = g_hash_table_lookup(worker->sources, name);
	if (source == NULL) {
		source = strstr(name, "://") != NULL ? im_source_open_url(&elsewhere, error)
		                                     : im_source_open(config, name, error);
		if (source != NULL)
			g_hash_table_insert(worker->sources, g_strdup(name), source);
	}
	return source;
}

static bool stopping(void *data)
{
	const struct worker *worker = data;
	const struct contacts_options *options = &worker->shared->options.contacts;
	return options->stopping != NULL && options->stopping(options->data);
}

static int64_t lease_s(const struct worker *worker, const char *server)
{
	return MAX(LEASE_MIN_S,
	        3 * config_duration_s(worker->shared->options.config, "server", server, "timeout"));
}

/* Before every request: the lease must outlast it, and the server must be ready for it. */
static bool admit(void *data, int deadline_ms, GError **error)
{
	struct line *line = data;
	struct worker *worker = line->worker;
	if (!limiter_admit(line->limiter, stopping, worker, error))
		return false;
	int64_t now = clock_utc_us();
	if (worker->lease == NULL ||
	        lease_outlasts(worker->lease, now + deadline_ms * INT64_C(1000)))
		return true;
	return store_lease_renew(worker->lease_store, worker->lease, now,
	        lease_s(worker, worker->lease->mailbox->server), error);
}

static bool open_line(struct line *line, const char *server, GError **error)
{
	const struct worker_options *options = &line->worker->shared->options;
	struct mailserver_hooks hooks = {.admit = admit, .admit_data = line};
	bool tokens = false;
	if (!mailserver_takes_tokens(options->config, server, &tokens, error))
		return false;
	if (tokens) {
		line->use = options->auth.open(options->auth.data, server, error);
		if (line->use == NULL)
			return false;
		hooks.authorize = options->auth.authorize;
		hooks.authorize_data = line->use;
	}
	line->session = mailserver_open(options->config, server, &hooks, error);
	return line->session != NULL;
}

static struct line *line_to(struct worker *worker, const char *server, GError **error)
{
	struct line *line = g_hash_table_lookup(worker->lines, server);
	if (line != NULL)
		return line;
	line = g_new0(struct line, 1);
	line->worker = worker;
	line->limiter = g_hash_table_lookup(worker->shared->limiters, server);
	if (!open_line(line, server, error)) {
		free_line(line);
		return NULL;
	}
	g_hash_table_insert(worker->lines, g_strdup(server), line);
	return line;
}

/* Policy, then configuration, then what the mailbox had before, then the server itself. */
static bool choose_dialect(struct worker *worker, struct line *line, const struct lease *lease,
        enum ews_dialect *dialect, GError **error)
{
	const struct mailbox *mailbox = lease->mailbox;
	struct policy_decision policy = {0};
	if (!store_policy_resolve(
	            worker->store, mailbox->owner, "contacts.dialect", &policy, error))
		return false;
	bool chosen = ews_dialect_parse(policy.value, dialect) ||
	              ews_dialect_parse(config_string(worker->shared->options.config, "server",
	                                        mailbox->server, "dialect"),
	                      dialect);
	policy_decision_clear(&policy);
	if (chosen)
		return true;
	autoptr(contact_status) status =
	        store_contact_status(worker->lease_store, mailbox->id, error);
	if (status == NULL)
		return false;
	if (status->dialect != NULL && ews_dialect_parse(status->dialect, dialect))
		return true;
	*dialect = EWS_DIALECT_FOLDER;
	return worker->shared->options.offline || ews_detect_dialect(line->session, dialect, error);
}

static bool contacts_of(struct worker *worker, struct line *line, struct lease *lease,
        struct contacts_report *report, GError **error)
{
	const struct worker_options *options = &worker->shared->options;
	struct mail_end_session end = {line->session, EWS_DIALECT_FOLDER};
	struct im_source *source =
	        worker_source(worker, address_domain(lease->mailbox->owner), error);
	if (source == NULL || !choose_dialect(worker, line, lease, &end.dialect, error))
		return false;
	struct im_end_source roster = {.source = source, .map = options->map};
	struct contacts_run run = {
	        .store = worker->lease_store,
	        .lease = lease,
	        .mail = mail_end_of_session(&end),
	        .im = im_end_of_source(&roster),
	        .map = options->map,
	        .options = options->contacts,
	        .elsewhere = options->from != NULL,
	};
	run.options.plan_only = run.options.plan_only || options->dry_run;
	bool adopt = false;
	bool good = contacts_policy(worker->store, lease->mailbox->owner, &run.policy, error) &&
	            store_policy_is(worker->store, lease->mailbox->owner, "contacts.adopt",
	                    "allowed", &adopt, error);
	run.options.adopt = run.options.adopt || adopt;
	good = good &&
	       (options->contacts_work != NULL
	                       ? options->contacts_work(options->contacts_data, &run, report, error)
	                       : contacts_pass(&run, report, error));
	im_end_source_clear(&roster);
	return good;
}

/* Whether contacts may be worked on for this owner now. */
static bool wanted(struct worker *worker, const struct mailbox *mailbox, enum pass_kind kind,
        bool *is, GError **error)
{
	bool paused = false, may = false, none = false;
	*is = false;
	if (!store_paused(worker->store, mailbox, kind, &paused, error))
		return false;
	bool good = kind == PASS_CONTACTS
	                    ? lifecycle_may_pass(worker->store, mailbox->owner, &may, NULL, error)
	                    : store_policy_is(worker->store, mailbox->owner, "archive", "none",
	                              &none, error);
	none = none && !worker->shared->options.all_planned;
	*is = good && !paused && (kind == PASS_CONTACTS ? may : !none);
	return good;
}

/* When to come again after a pass; 0: not before a person acted. */
static int64_t next_try(const struct worker *worker, const GError *cause)
{
	int64_t now = clock_utc_us();
	int64_t interval =
	        config_duration_s(worker->shared->options.config, "sync", NULL, "interval") *
	        CLOCK_US_PER_S;
	if (cause == NULL)
		return now + interval - interval / 10 +
		       g_random_int_range(0, (gint32)MIN(interval / 5000 + 1, G_MAXINT32)) * 1000;
	switch (error_class_of(cause)) {
	case ERROR_BACKOFF:
		return MAX(error_retry_at(cause), now + CLOCK_US_PER_S);
	case ERROR_RETRY:
	case ERROR_UNCERTAIN:
		return now + MIN(interval, RETRY_FIRST_US);
	case ERROR_MAILBOX:
	case ERROR_CONFIG:
		return now + MAX(interval, RETRY_MAILBOX_US);
	case ERROR_ITEM:
	default:
		return now + interval;
	}
}

static bool record(struct worker *worker, struct lease *lease, enum pass_kind kind,
        const GError *cause, int64_t backlog, GError **error)
{
	int64_t steps = 0, sent = 0;
	if (worker->shared->options.dry_run)
		return true;
	if (kind == PASS_CONTACTS &&
	        !store_journal_count(worker->store, lease->mailbox->id, &steps, &sent, error))
		return false;
	/* It lasts with giving back the lease, which follows. */
	store_relax(worker->store, true);
	bool good = store_pass_record(worker->store, lease, kind, clock_utc_us(), cause,
	        next_try(worker, cause), steps + backlog, error);
	store_relax(worker->store, false);
	return good;
}

static bool visit_contacts(struct worker *worker, struct line *line, struct lease *lease,
        struct visit *visit, GError **error)
{
	bool is = false;
	if (!(worker->shared->options.kinds & WORKER_CONTACTS))
		return true;
	if (!wanted(worker, lease->mailbox, PASS_CONTACTS, &is, error))
		return false;
	if (!is && worker->shared->options.contacts_work == NULL)
		return true;
	visit->contacts_done = true;
	contacts_of(worker, line, lease, &visit->contacts, &visit->contacts_error);
	limiter_tell(line->limiter, visit->contacts_error);
	/* Work that a person asked for says itself how it went; it is no reason to wait. */
	if (worker->shared->options.contacts_work != NULL && visit->contacts_error != NULL)
		return true;
	return record(worker, lease, PASS_CONTACTS, visit->contacts_error,
	        (int64_t)visit->contacts.waiting, error);
}

static bool confirm(struct worker *worker, struct line *line, struct lease *lease, GError **error)
{
	bool confirmed = false;
	if (!store_mailbox_confirmed(worker->store, lease->mailbox->id, &confirmed, error))
		return false;
	autoptr(ews_mailbox_info) info = NULL;
	return confirmed || (ews_confirm_mailbox(line->session, &info, error) &&
	                            store_mailbox_set_confirmed(worker->store, lease->mailbox->id,
	                                    clock_utc_us(), error));
}

struct archive_progress {
	const struct worker_options *options;
	struct visit *visit;
};

static bool tell_progress(void *data, const struct deliver_report *so_far)
{
	const struct archive_progress *progress = data;
	(void)so_far; /* which is the visit's own */
	return progress->options->delivered(progress->options->delivered_data, progress->visit);
}

/* Without anything to deliver the mailbox is left alone: there may be none. */
static bool deliver_due(struct worker *worker, struct line *line, struct lease *lease,
        struct visit *visit, GError **error)
{
	const struct worker_options *options = &worker->shared->options;
	g_autofree char *run_of_day = delivery_run_of_day(worker->shared->run, clock_utc_us());
	struct archive_progress progress = {options, visit};
	const struct deliver_options deliver = {
	        .config = options->config,
	        .run = options->archive_run != NULL ? options->archive_run : run_of_day,
	        .lease_s = lease_s(worker, lease->mailbox->server),
	        .progress = options->delivered != NULL ? tell_progress : NULL,
	        .data = &progress,
	};
	int64_t due_utc_us = INT64_MAX;
	if (!store_delivery_next_due(worker->store, lease->mailbox->id, 0, &due_utc_us, error))
		return false;
	return due_utc_us == INT64_MAX ||
	       (confirm(worker, line, lease, error) &&
	               deliver_pass(worker->store, lease, line->session, &deliver, &visit->archive,
	                       &visit->archive_due_utc_us, error));
}

static bool visit_archive(struct worker *worker, struct line *line, struct lease *lease,
        struct visit *visit, GError **error)
{
	const struct worker_options *options = &worker->shared->options;
	bool is = false;
	if (!(options->kinds & WORKER_ARCHIVE) || options->dry_run || options->contacts.plan_only)
		return true;
	if (!wanted(worker, lease->mailbox, PASS_ARCHIVE, &is, error))
		return false;
	if (!is)
		return true;
	visit->archive_done = true;
	deliver_due(worker, line, lease, visit, &visit->archive_error);
	limiter_tell(line->limiter, visit->archive_error);
	return record(worker, lease, PASS_ARCHIVE, visit->archive_error,
	        (int64_t)visit->archive.uncertain, error);
}

/* The mapping must be the one that was pinned. */
static bool check_mapping(struct worker *worker, const struct mailbox *mailbox, GError **error)
{
	autoptr(mailbox) mapped = NULL;
	int64_t id = 0;
	return usermap_lookup(worker->shared->options.map, mailbox->owner, &mapped, error) &&
	       store_mailbox_pin(worker->lease_store, mapped, &id, error);
}

static bool visit_on_line(
        struct worker *worker, struct lease *lease, struct visit *visit, GError **error)
{
	const struct mailbox *mailbox = lease->mailbox;
	struct line *line = line_to(worker, mailbox->server, error);
	if (line == NULL)
		return false;
	if (!limiter_enter(line->limiter, stopping, worker)) {
		error_set(error, ERROR_RETRY, "contacts.stopped",
		        "%s was not visited, because the program was asked to stop",
		        mailbox->owner);
		return false;
	}
	ews_session_use_mailbox(line->session, mailbox);
	bool good = visit_contacts(worker, line, lease, visit, error) &&
	            visit_archive(worker, line, lease, visit, error);
	limiter_leave(line->limiter);
	return good;
}

static void log_visit(const struct worker *worker, const struct visit *visit)
{
	const char *owner = visit->mailbox->owner;
	const struct plan_counts *done = &visit->contacts.done;
	const GError *cause = visit_error(visit);
	if (cause != NULL && !worker->shared->options.contacts.told)
		log_warn("visit.failed", "%s: %s (%s)", owner, cause->message, error_reason(cause));
	uint64_t writes = done->mail_created + done->mail_updated + done->mail_deleted +
	                  done->im_created + done->im_updated + done->im_deleted;
	if (writes > 0)
		log_info("contacts.pass",
		        "%s: mailbox +%" G_GUINT64_FORMAT " ~%" G_GUINT64_FORMAT
		        " -%" G_GUINT64_FORMAT ", IM side +%" G_GUINT64_FORMAT
		        " ~%" G_GUINT64_FORMAT " -%" G_GUINT64_FORMAT,
		        owner, done->mail_created, done->mail_updated, done->mail_deleted,
		        done->im_created, done->im_updated, done->im_deleted);
}

static void visit_leased(struct worker *worker, struct lease *lease, struct visit *visit)
{
	worker->lease = lease;
	if (check_mapping(worker, lease->mailbox, &visit->error))
		visit_on_line(worker, lease, visit, &visit->error);
	worker->lease = NULL;
	g_autoptr(GError) lost = NULL;
	const GError *cause =
	        worker->shared->options.contacts_work == NULL ? visit_error(visit) : NULL;
	int64_t due = MIN(next_try(worker, cause), visit->archive_due_utc_us);
	if (!store_lease_release(worker->lease_store, lease, due, &lost))
		log_warn("lease.release", "%s", lost->message);
	log_visit(worker, visit);
}

/* A store in memory that knows nothing of this owner; borrowed. */
static struct store *scratch_for(struct scratch *scratch, const char *owner, GError **error)
{
	if (scratch->contacts > SCRATCH_CONTACTS || g_hash_table_contains(scratch->owners, owner))
		scratch_drop(scratch);
	if (scratch->store == NULL)
		scratch->store = store_open("sqlite::memory:", STORE_CREATE, error);
	g_hash_table_add(scratch->owners, g_strdup(owner));
	return scratch->store;
}

/* What was agreed with another roster says nothing of this one. */
static bool copy_known(struct worker *worker, int64_t id, struct store *scratch,
        const struct lease *lease, GError **error)
{
	autoptr(contact_status) status = store_contact_status(worker->store, id, error);
	if (status == NULL || !store_life_copy(worker->store, id, scratch, lease, error))
		return false;
	bool elsewhere = contacts_read_elsewhere(status);
	return elsewhere != (worker->shared->options.from != NULL) ||
	       store_contact_copy(worker->store, id, scratch, lease, error);
}

/* On a scratch store: what is known is copied there, and nothing comes back. */
static bool visit_scratch(
        struct worker *worker, const struct mailbox *mailbox, struct visit *visit, GError **error)
{
	struct store *scratch = scratch_for(&worker->scratch, mailbox->owner, error);
	autoptr(lease) lease = NULL;
	int64_t id = 0;
	if (scratch == NULL || !store_mailbox_pin(scratch, mailbox, &id, error) ||
	        !store_lease_claim_mailbox(scratch, id, worker->holder, clock_utc_us(),
	                CLOCK_US_PER_DAY / CLOCK_US_PER_S, &lease, error) ||
	        (mailbox->id != 0 && !copy_known(worker, mailbox->id, scratch, lease, error)))
		return false;
	worker->lease_store = scratch;
	visit_leased(worker, lease, visit);
	worker->lease_store = worker->store;
	worker->scratch.contacts += visit->contacts.plan.ours + visit->contacts.plan.theirs;
	return true;
}

void worker_visit(struct worker *worker, const struct mailbox *mailbox, struct visit *visit)
{
	autoptr(lease) lease = NULL;
	*visit = (struct visit){.mailbox = mailbox, .archive_due_utc_us = INT64_MAX};
	worker->lease_store = worker->store;
	if (worker->shared->options.dry_run) {
		visit_scratch(worker, mailbox, visit, &visit->error);
		return;
	}
	if (store_lease_claim_mailbox(worker->store, mailbox->id, worker->holder, clock_utc_us(),
	            lease_s(worker, mailbox->server), &lease, &visit->error))
		visit_leased(worker, lease, visit);
	visit->mailbox = mailbox;
}

bool worker_visit_due(struct worker *worker, struct visit *visit, bool *found, GError **error)
{
	struct lease *lease = NULL;
	*visit = (struct visit){.archive_due_utc_us = INT64_MAX};
	worker->lease_store = worker->store;
	if (!store_lease_claim(
	            worker->store, worker->holder, clock_utc_us(), LEASE_MIN_S, &lease, error))
		return false;
	*found = lease != NULL;
	if (lease == NULL)
		return true;
	visit->mailbox = lease->mailbox;
	visit_leased(worker, lease, visit);
	visit->mailbox = NULL;
	lease_free(lease);
	return true;
}
