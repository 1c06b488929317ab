#include "sync/schedule.h"

#include "core/address.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/log.h"
#include "core/thread.h"
#include "store/mailbox.h"
#include "store/policy.h"
#include "sync/lifecycle.h"

#include <string.h>

#define IDLE_LOOK_US (CLOCK_US_PER_S / 2)

static void refusal_free(void *data)
{
	struct schedule_refusal *refusal = data;
	g_free(refusal->owner);
	g_free(refusal->reason);
	g_free(refusal->message);
	g_free(refusal);
}

static void free_mailbox(void *mailbox)
{
	mailbox_free(mailbox);
}

void schedule_owners_init(struct schedule_owners *owners)
{
	*owners = (struct schedule_owners){
	        .mailboxes = g_ptr_array_new_with_free_func(free_mailbox),
	        .refused = g_ptr_array_new_with_free_func(refusal_free),
	};
}

void schedule_owners_clear(struct schedule_owners *owners)
{
	g_clear_pointer(&owners->mailboxes, g_ptr_array_unref);
	g_clear_pointer(&owners->refused, g_ptr_array_unref);
	*owners = (struct schedule_owners){0};
}

struct finding {
	struct worker *worker;
	const struct worker_options *options;
	const char *domain;
	GHashTable *seen; /* owner -> version; owned strings */
	unsigned kinds;
	bool pin;
	struct schedule_owners *owners;
};

static bool take_owner(void *data, const char *owner, const char *version, GError **error)
{
	(void)error;
	struct finding *finding = data;
	if (g_str_equal(address_domain(owner), finding->domain))
		g_hash_table_replace(finding->seen, g_strdup(owner), g_strdup(version));
	return true;
}

static bool take_mailbox(const struct mailbox *mailbox, void *data, GError **error)
{
	(void)error;
	struct finding *finding = data;
	if (!g_hash_table_contains(finding->seen, mailbox->owner))
		g_hash_table_insert(finding->seen, g_strdup(mailbox->owner), NULL);
	return true;
}

/* Whether conversations may go to the owner's mailbox: not when they are kept here, or nowhere. */
static bool archives(struct store *store, const char *owner, bool *is, GError **error)
{
	bool none = true, local = true;
	if (!store_policy_is(store, owner, "archive", "none", &none, error) ||
	        (!none && !store_policy_is(store, owner, "archive.route", "none", &none, error)) ||
	        !store_policy_is(store, owner, "archive.route", "local", &local, error))
		return false;
	*is = !none && !local;
	return true;
}

/* *why (may be NULL): why nothing of these kinds is allowed; owned by the caller. */
static bool allowed(struct store *store, const char *owner, unsigned kinds, bool *is, GError **why,
        GError **error)
{
	bool contacts = false, archive = false;
	if ((kinds & WORKER_ARCHIVE) && !archives(store, owner, &archive, error))
		return false;
	if ((kinds & WORKER_CONTACTS) && !archive &&
	        !lifecycle_may_pass(store, owner, &contacts, why, error))
		return false;
	*is = contacts || archive;
	return true;
}

static bool map_owner(struct worker *worker, const struct worker_options *options,
        const char *owner, bool pin, struct mailbox **out, GError **error)
{
	autoptr(mailbox) mapped = NULL;
	autoptr(mailbox) pinned = NULL;
	if (!usermap_lookup(options->map, owner, &mapped, error))
		return false;
	if (pin && !store_mailbox_pin(worker_store(worker), mapped, &mapped->id, error))
		return false;
	if (!pin && !store_mailbox_by_owner(worker_store(worker), owner, &pinned, error))
		return false;
	if (pinned != NULL && mailbox_equal(pinned, mapped))
		mapped->id = pinned->id;
	*out = g_steal_pointer(&mapped);
	return true;
}

bool schedule_find_owner(struct worker *worker, const struct worker_options *options,
        const char *owner, unsigned kinds, bool pin, struct mailbox **out, GError **error)
{
	bool is = false;
	GError *why = NULL;
	if (!allowed(worker_store(worker), owner, kinds, &is, &why, error))
		return false;
	if (!is && why == NULL)
		error_set(&why, ERROR_MAILBOX, "schedule.not_allowed",
		        "no policy allows work on %s: imex policy set archive im --user %s would",
		        owner, owner);
	if (!is) {
		g_propagate_error(error, why);
		return false;
	}
	return map_owner(worker, options, owner, pin, out, error);
}

static void refuse(struct finding *finding, const char *owner, const GError *cause)
{
	struct schedule_refusal *refusal = g_new0(struct schedule_refusal, 1);
	refusal->owner = g_strdup(owner);
	refusal->reason = g_strdup(error_reason(cause));
	refusal->message = g_strdup(cause->message);
	g_ptr_array_add(finding->owners->refused, refusal);
}

/* A roster that moved on makes its mailbox due, whenever that would have been. */
static bool wake_if_moved(
        struct finding *finding, const struct mailbox *mailbox, const char *version, GError **error)
{
	struct store *store = worker_store(finding->worker);
	if (!finding->pin || version == NULL || mailbox->id == 0)
		return true;
	autoptr(contact_status) status = store_contact_status(store, mailbox->id, error);
	if (status == NULL)
		return false;
	return g_strcmp0(status->im_version, version) == 0 || status->im_version == NULL ||
	       store_lease_wake(store, mailbox->id, clock_utc_us(), error);
}

static bool add_owner(
        struct finding *finding, const char *owner, const char *version, GError **error)
{
	bool is = false;
	autoptr(mailbox) mailbox = NULL;
	g_autoptr(GError) cause = NULL;
	if (!allowed(worker_store(finding->worker), owner, finding->kinds, &is, NULL, error))
		return false;
	if (!is) {
		finding->owners->idle++;
		return true;
	}
	if (!map_owner(finding->worker, finding->options, owner, finding->pin, &mailbox, &cause)) {
		if (error_class_of(cause) == ERROR_RETRY ||
		        error_class_of(cause) == ERROR_UNCERTAIN) {
			g_propagate_error(error, g_steal_pointer(&cause));
			return false;
		}
		refuse(finding, owner, cause);
		return true;
	}
	if (!wake_if_moved(finding, mailbox, version, error))
		return false;
	g_ptr_array_add(finding->owners->mailboxes, g_steal_pointer(&mailbox));
	return true;
}

static int compare_owners(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The source's owners are collected first, because its reading must not be disturbed. */
static bool ask_source(struct finding *finding, GError **error)
{
	const struct config *config = finding->options->config;
	bool from = finding->options->from != NULL;
	if ((!from && config_string(config, "domain", finding->domain, "source") == NULL) ||
	        config_string(config, "domain", finding->domain, "server") == NULL)
		return true;
	struct im_source *source = worker_source(finding->worker, finding->domain, error);
	return source != NULL && im_source_owners(source, take_owner, finding, error);
}

/* A pinned mapping lasts with the first commit that is firm, before anything is written for it. */
static bool add_owners(struct finding *finding, GError **error)
{
	g_autofree gpointer *names = g_hash_table_get_keys_as_array(finding->seen, NULL);
	guint n = g_hash_table_size(finding->seen);
	bool good = true;
	if (n > 0)
		qsort(names, n, sizeof *names, compare_owners);
	store_relax(worker_store(finding->worker), true);
	for (guint i = 0; good && i < n; i++)
		good = add_owner(
		        finding, names[i], g_hash_table_lookup(finding->seen, names[i]), error);
	store_relax(worker_store(finding->worker), false);
	return good;
}

bool schedule_find_owners(struct worker *worker, const struct worker_options *options,
        unsigned kinds, bool pin, struct schedule_owners *owners, GError **error)
{
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	struct finding finding = {.worker = worker,
	        .options = options,
	        .seen = seen,
	        .kinds = kinds,
	        .pin = pin,
	        .owners = owners};
	schedule_owners_init(owners);
	g_autoptr(GError) unreadable = NULL;
	const char *const *domains = config_names(options->config, "domain");
	for (const char *const *domain = domains; *domain != NULL; domain++) {
		g_autoptr(GError) cause = NULL;
		g_autofree char *canonical = address_canonical(*domain, NULL);
		finding.domain = canonical != NULL ? canonical : *domain;
		if (ask_source(&finding, &cause))
			continue;
		log_error("source.unreadable", "%s", cause->message);
		if (unreadable == NULL)
			unreadable = g_steal_pointer(&cause);
	}
	if (!store_mailbox_each(worker_store(worker), take_mailbox, &finding, error) ||
	        !add_owners(&finding, error))
		return false;
	bool readable = unreadable == NULL;
	if (!readable)
		g_propagate_error(error, g_steal_pointer(&unreadable));
	return readable;
}

/*
 * The crew.
 */

struct crew_state {
	const struct schedule_crew *crew;
	const GPtrArray *mailboxes; /* NULL: those that are due */
	struct mutex mutex; /* over what follows, and held while telling of a visit */
	guint next;
	GError *failed; /* a worker could not work */
};

static bool crew_stopping(struct crew_state *state)
{
	const struct schedule_crew *crew = state->crew;
	mutex_lock(&state->mutex);
	bool failed = state->failed != NULL;
	mutex_unlock(&state->mutex);
	return failed || (crew->stopping != NULL && crew->stopping(crew->data));
}

static void crew_fail(struct crew_state *state, GError *cause)
{
	mutex_lock(&state->mutex);
	if (state->failed == NULL)
		state->failed = cause;
	else
		g_error_free(cause);
	mutex_unlock(&state->mutex);
}

static void crew_tell(struct crew_state *state, const struct visit *visit)
{
	if (state->crew->visited == NULL)
		return;
	mutex_lock(&state->mutex);
	state->crew->visited(state->crew->data, visit);
	mutex_unlock(&state->mutex);
}

static const struct mailbox *crew_next(struct crew_state *state)
{
	mutex_lock(&state->mutex);
	const struct mailbox *mailbox = NULL;
	if (state->next < state->mailboxes->len)
		mailbox = g_ptr_array_index(state->mailboxes, state->next++);
	mutex_unlock(&state->mutex);
	return mailbox;
}

static void work_through(struct crew_state *state, struct worker *worker)
{
	const struct mailbox *mailbox = NULL;
	while (!crew_stopping(state) && (mailbox = crew_next(state)) != NULL) {
		struct visit visit;
		worker_visit(worker, mailbox, &visit);
		crew_tell(state, &visit);
		visit_clear(&visit);
	}
}

static void work_as_due(struct crew_state *state, struct worker *worker)
{
	while (!crew_stopping(state)) {
		struct visit visit;
		bool found = false;
		g_autoptr(GError) cause = NULL;
		if (!worker_visit_due(worker, &visit, &found, &cause)) {
			/* The store may come back: a database that is restarted, a full disk. */
			log_error("store.unusable", "%s", cause->message);
			found = false;
		}
		visit_clear(&visit);
		if (!found)
			clock_sleep_us(IDLE_LOOK_US);
	}
}

static void crew_body(void *data)
{
	struct crew_state *state = data;
	GError *cause = NULL;
	autoptr(worker) worker = worker_open(state->crew->shared, &cause);
	if (worker == NULL)
		crew_fail(state, cause);
	else if (state->mailboxes != NULL)
		work_through(state, worker);
	else
		work_as_due(state, worker);
}

static bool run_crew(const struct schedule_crew *crew, const GPtrArray *mailboxes, GError **error)
{
	struct crew_state state = {.crew = crew, .mailboxes = mailboxes};
	unsigned workers = mailboxes != NULL ? MIN(crew->workers, mailboxes->len) : crew->workers;
	mutex_init(&state.mutex);
	g_autofree struct thread **threads = g_new0(struct thread *, workers + 1);
	for (unsigned i = 0; i < workers; i++)
		threads[i] = thread_start("imex-worker", crew_body, &state);
	for (unsigned i = 0; i < workers; i++)
		thread_join(threads[i]);
	mutex_destroy(&state.mutex);
	if (state.failed != NULL)
		g_propagate_error(error, state.failed);
	return state.failed == NULL;
}

bool schedule_visit_all(
        const struct schedule_crew *crew, const GPtrArray *mailboxes, GError **error)
{
	return run_crew(crew, mailboxes, error);
}

bool schedule_visit_due(const struct schedule_crew *crew, GError **error)
{
	return run_crew(crew, NULL, error);
}
