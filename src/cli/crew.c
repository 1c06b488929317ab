#include "cli/crew.h"

#include "cli/subject.h"
#include "wire/http.h"

#include <signal.h>
#include <stdatomic.h>

static atomic_int stop_wanted;

static void take_signal(int number)
{
	(void)number;
	atomic_store(&stop_wanted, 1);
}

bool cli_crew_stopping(void *data)
{
	(void)data;
	return atomic_load(&stop_wanted) != 0;
}

static void catch_signals(void)
{
	struct sigaction action = {.sa_handler = take_signal};
	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

bool cli_crew_open(struct cli_crew *crew, struct cli *cli, GError **error)
{
	*crew = (struct cli_crew){.cli = cli};
	http_global_init();
	if (cli_store(cli, error) == NULL)
		return false;
	crew->map = usermap_new(cli->config, error);
	if (crew->map == NULL || !store_lease_break_dead(cli->store, error))
		return false;
	if (auth_needs_tokens(cli->config)) {
		crew->tokens = auth_tokens_new(cli->config, error);
		if (crew->tokens == NULL)
			return false;
	}
	catch_signals();
	crew->auth = (struct auth){cli->config, crew->tokens};
	crew->options = (struct worker_options){
	        .config = cli->config,
	        .map = crew->map,
	        .auth = auth_for_workers(&crew->auth),
	        .kinds = WORKER_CONTACTS,
	        .contacts = {.stopping = cli_crew_stopping,
	                .wait = true,
	                .force = true,
	                .told = true},
	};
	return true;
}

static void stop_workers(struct cli_crew *crew)
{
	g_clear_pointer(&crew->worker, worker_close);
	g_clear_pointer(&crew->shared, worker_shared_free);
}

void cli_crew_clear(struct cli_crew *crew)
{
	stop_workers(crew);
	g_clear_pointer(&crew->tokens, token_source_free);
	g_clear_pointer(&crew->map, usermap_free);
}

static bool need_worker(struct cli_crew *crew, GError **error)
{
	if (crew->worker != NULL)
		return true;
	crew->shared = worker_shared_new(&crew->options, error);
	if (crew->shared != NULL)
		crew->worker = worker_open(crew->shared, error);
	return crew->worker != NULL;
}

bool cli_crew_visit(struct cli_crew *crew, const GPtrArray *mailboxes, unsigned jobs,
        void (*visited)(void *data, const struct visit *visit), void *data, GError **error)
{
	stop_workers(crew);
	crew->shared = worker_shared_new(&crew->options, error);
	if (crew->shared == NULL)
		return false;
	const struct schedule_crew schedule = {
	        .shared = crew->shared,
	        .workers = jobs != 0 ? jobs
	                             : (unsigned)config_int(
	                                       crew->cli->config, "imex", NULL, "workers"),
	        .visited = visited,
	        .stopping = cli_crew_stopping,
	        .data = data,
	};
	return schedule_visit_all(&schedule, mailboxes, error);
}

static void refuse(struct schedule_owners *owners, const char *owner, const GError *cause)
{
	struct schedule_refusal *refusal = g_new0(struct schedule_refusal, 1);
	refusal->owner = g_strdup(owner);
	refusal->reason = g_strdup(error_reason(cause));
	refusal->message = g_strdup(cause->message);
	g_ptr_array_add(owners->refused, refusal);
}

static bool add_user(struct cli_crew *crew, const char *text, bool pin,
        struct schedule_owners *owners, GError **error)
{
	g_autofree char *owner = cli_user(text, error);
	struct mailbox *mailbox = NULL;
	g_autoptr(GError) cause = NULL;
	if (owner == NULL)
		return false;
	if (schedule_find_owner(crew->worker, &crew->options, owner, crew->options.kinds, pin,
	            &mailbox, &cause)) {
		g_ptr_array_add(owners->mailboxes, mailbox);
		return true;
	}
	if (error_class_of(cause) != ERROR_MAILBOX) {
		g_propagate_error(error, g_steal_pointer(&cause));
		return false;
	}
	refuse(owners, owner, cause);
	return true;
}

bool cli_crew_owners(struct cli_crew *crew, char *const *users, bool pin,
        struct schedule_owners *owners, GError **error)
{
	*owners = (struct schedule_owners){0};
	if (!need_worker(crew, error))
		return false;
	if (users == NULL)
		return schedule_find_owners(
		        crew->worker, &crew->options, crew->options.kinds, pin, owners, error);
	schedule_owners_init(owners);
	for (; *users != NULL; users++)
		if (!add_user(crew, *users, pin, owners, error))
			return false;
	return true;
}
