/*
 * imexd: keeps contacts in step and delivers transcripts.
 *
 * The main thread takes signals, looks for owners and new messages; a crew of workers visits the
 * mailboxes. SIGTERM and SIGINT end it after the steps under way, SIGHUP reads the configuration
 * anew; a bad file is refused and the old one stays.
 */
#include "core/clock.h"
#include "core/config.h"
#include "core/error.h"
#include "core/heap.h"
#include "core/log.h"
#include "core/thread.h"
#include "daemon/auth.h"
#include "daemon/keeper.h"
#include "daemon/listener.h"
#include "daemon/pass.h"
#include "daemon/privilege.h"
#include "store/mailbox.h"
#include "sync/schedule.h"
#include "wire/http.h"

#include "config.h"

#include <locale.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#ifdef HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

#define LOOK_EVERY_US (CLOCK_US_PER_S / 4)
/* How often the sources are asked who there is and what is new; cheap queries both. */
#define SOURCES_EVERY_US (10 * CLOCK_US_PER_S)

static atomic_int stop_wanted, reload_wanted;

static void take_signal(int number)
{
	if (number == SIGHUP)
		atomic_store(&reload_wanted, 1);
	else
		atomic_store(&stop_wanted, 1);
}

static void catch_signals(void)
{
	const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
	struct sigaction action = {.sa_handler = take_signal};
	sigemptyset(&action.sa_mask);
	for (unsigned i = 0; i < G_N_ELEMENTS(numbers); i++)
		sigaction(numbers[i], &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static void tell_service_manager(const char *state)
{
#ifdef HAVE_SYSTEMD
	sd_notify(0, state);
#else
	(void)state;
#endif
}

/* What runs while one configuration holds. */
struct service {
	const struct config *config;
	struct config *retired; /* the same, owned, once another one has taken over */
	struct usermap *map;
	struct token_source *tokens; /* of one pass; a service's are the keeper's */
	struct keeper *keeper;
	struct listener *listener;
	struct auth auth;
	struct worker_options options;
	struct worker_shared *shared;
	struct pass_totals totals;
	atomic_int ending; /* another configuration takes over */
};

static bool service_stopping(void *data)
{
	struct service *service = data;
	return atomic_load(&stop_wanted) != 0 || atomic_load(&service->ending) != 0;
}

static void service_visited(void *data, const struct visit *visit)
{
	struct service *service = data;
	pass_count(&service->totals, visit);
}

static void service_end(struct service *service)
{
	g_clear_pointer(&service->shared, worker_shared_free);
	g_clear_pointer(&service->listener, listener_stop);
	g_clear_pointer(&service->keeper, keeper_stop);
	g_clear_pointer(&service->tokens, token_source_free);
	g_clear_pointer(&service->map, usermap_free);
	g_clear_pointer(&service->retired, config_free);
}

static bool service_trust(struct service *service, GError **error)
{
	if (!auth_needs_tokens(service->config))
		return true;
	service->tokens = auth_tokens_new(service->config, error);
	service->auth.tokens = service->tokens;
	return service->tokens != NULL;
}

/*
 * A service follows partners and keys while it runs, and answers partners; the listener of the
 * former one goes on when it can.
 */
static bool service_keep_trust(struct service *service, struct service *former, GError **error)
{
	bool listens = config_string(service->config, "listen", NULL, "address") != NULL;
	if (!listens && !auth_needs_tokens(service->config))
		return true;
	service->keeper = keeper_start(service->config, error);
	if (service->keeper == NULL)
		return false;
	service->auth.tokens = keeper_tokens(service->keeper);
	if (!listens)
		return true;
	service->listener =
	        listener_start(service->config, service->keeper, &former->listener, error);
	return service->listener != NULL;
}

static bool service_begin(struct service *service, const struct config *config, GError **error)
{
	*service = (struct service){.config = config, .auth.config = config};
	service->map = usermap_new(config, error);
	if (service->map == NULL)
		return false;
	service->options = (struct worker_options){
	        .config = config,
	        .map = service->map,
	        .auth = auth_for_workers(&service->auth),
	        .kinds = WORKER_CONTACTS | WORKER_ARCHIVE,
	        .contacts = {.stopping = service_stopping, .data = service},
	};
	return true;
}

static struct schedule_crew crew_of(struct service *service)
{
	return (struct schedule_crew){
	        .shared = service->shared,
	        .workers = (unsigned)config_int(service->config, "imex", NULL, "workers"),
	        .visited = service_visited,
	        .stopping = service_stopping,
	        .data = service,
	};
}

/*
 * imexd --once
 */

static void print_totals(const struct pass_totals *totals)
{
	printf("%" G_GUINT64_FORMAT " mailboxes visited, %" G_GUINT64_FORMAT " of them not well\n",
	        totals->visited, totals->failed);
	printf("contacts: %" G_GUINT64_FORMAT " changes written to mailboxes, %" G_GUINT64_FORMAT
	       " to the IM side, %" G_GUINT64_FORMAT " waiting\n",
	        totals->mail_writes, totals->im_writes, totals->waiting);
	printf("archive: %" G_GUINT64_FORMAT " messages captured, %" G_GUINT64_FORMAT
	       " items delivered\n",
	        totals->captured, totals->delivered);
	if (totals->confirming > 0)
		printf("%" G_GUINT64_FORMAT
		       " lists were found empty: the next pass reads them again "
		       "before it believes it\n",
		        totals->confirming);
}

static bool keep_only(GPtrArray *mailboxes, const char *user, GError **error)
{
	for (guint i = mailboxes->len; i > 0; i--) {
		const struct mailbox *mailbox = g_ptr_array_index(mailboxes, i - 1);
		if (!g_str_equal(mailbox->owner, user))
			g_ptr_array_remove_index(mailboxes, i - 1);
	}
	if (mailboxes->len > 0)
		return true;
	error_set(error, ERROR_CONFIG, "user.unknown",
	        "there is nothing to do for %s: imex user show %s says why", user, user);
	return false;
}

static bool once(struct service *service, const char *user, GError **error)
{
	struct schedule_owners owners = {0};
	service->options.contacts.wait = true;
	service->shared = worker_shared_new(&service->options, error);
	autoptr(worker) worker =
	        service->shared != NULL ? worker_open(service->shared, error) : NULL;
	bool good = worker != NULL && store_lease_break_dead(worker_store(worker), error) &&
	            pass_prepare(worker, &service->options, &owners, &service->totals, error) &&
	            (user == NULL || keep_only(owners.mailboxes, user, error));
	if (good) {
		struct schedule_crew crew = crew_of(service);
		good = schedule_visit_all(&crew, owners.mailboxes, error);
	}
	schedule_owners_clear(&owners);
	return good;
}

static int run_once(const struct config *config, const char *user, GError **error)
{
	struct service service;
	bool good = service_begin(&service, config, error) && service_trust(&service, error) &&
	            once(&service, user, error);
	if (good)
		print_totals(&service.totals);
	int code = pass_exit(&service.totals);
	service_end(&service);
	return good ? code : EXIT_FAILED;
}

/*
 * imexd as a service
 */

static void note_reload(struct worker *worker, const GError *cause)
{
	g_autoptr(GError) unwritten = NULL;
	if (!store_property_set(worker_store(worker), "imexd.reload_error",
	            cause != NULL ? cause->message : NULL, &unwritten))
		log_error("config.reload", "%s", unwritten->message);
}

/* What the file names must be good as well: the user map, the listener's certificate. */
static bool usable(const struct config *config, GError **error)
{
	struct service trial;
	bool good = service_begin(&trial, config, error) && listener_check(config, error);
	service_end(&trial);
	return good;
}

/* A good new configuration, or NULL and the old one stays. */
static struct config *reload(const struct config *old, struct worker *worker)
{
	g_autoptr(GError) cause = NULL;
	atomic_store(&reload_wanted, 0);
	struct config *config = config_load(config_path(old), &cause);
	if (config != NULL && !usable(config, &cause))
		g_clear_pointer(&config, config_free);
	note_reload(worker, cause);
	if (config == NULL)
		log_error("config.reload", "the old configuration stays: %s", cause->message);
	else
		log_info("config.reload", "read %s", config_path(config));
	return config;
}

static void crew_body(void *data)
{
	struct service *service = data;
	struct schedule_crew crew = crew_of(service);
	g_autoptr(GError) cause = NULL;
	if (!schedule_visit_due(&crew, &cause)) {
		log_error("imexd.failed", "%s", cause->message);
		atomic_store(&stop_wanted, 1);
	}
}

static void look_at_sources(struct service *service, struct worker *worker)
{
	struct schedule_owners owners = {0};
	struct pass_totals totals = {0};
	g_autoptr(GError) cause = NULL;
	if (!pass_prepare(worker, &service->options, &owners, &totals, &cause))
		log_error("store.unusable", "%s", cause->message);
	schedule_owners_clear(&owners);
}

/* Whether accounts, the directory or the file say another thing than the map that is in use. */
static bool map_changed(const struct service *service)
{
	g_autoptr(GError) cause = NULL;
	autoptr(usermap) now = usermap_new(service->config, &cause);
	if (now == NULL)
		log_error("usermap.refresh", "the user map stays as it was read before: %s",
		        cause->message);
	else if (usermap_fingerprint(now) != usermap_fingerprint(service->map))
		return true;
	return false;
}

/*
 * Until asked to stop, or until another configuration (*next) or another user map (*again) takes
 * over.
 */
static void serve_with(
        struct service *service, struct worker *worker, struct config **next, bool *again)
{
	int64_t looked_mono_us = 0, mapped_mono_us = clock_mono_us();
	int64_t refresh_us =
	        config_duration_s(service->config, "users", NULL, "refresh") * CLOCK_US_PER_S;
	struct thread *crew = thread_start("imex-crew", crew_body, service);
	tell_service_manager("READY=1");
	log_info("imexd.ready", "imexd %s is at work", PACKAGE_VERSION);
	while (*next == NULL && !*again && atomic_load(&stop_wanted) == 0) {
		if (atomic_load(&reload_wanted) != 0)
			*next = reload(service->config, worker);
		if (clock_mono_us() - mapped_mono_us >= refresh_us) {
			*again = map_changed(service);
			mapped_mono_us = clock_mono_us();
		}
		if (looked_mono_us == 0 || clock_mono_us() - looked_mono_us >= SOURCES_EVERY_US) {
			look_at_sources(service, worker);
			looked_mono_us = clock_mono_us();
		}
		clock_sleep_us(LOOK_EVERY_US);
	}
	if (*again)
		log_info("usermap.refresh", "the user map has changed");
	tell_service_manager(*next != NULL || *again ? "RELOADING=1" : "STOPPING=1");
	atomic_store(&service->ending, 1);
	thread_join(crew);
}

/* The former service answers partners until this one does. */
static bool serve_one(struct service *service, struct service *former, const struct config *config,
        struct config **next, bool *again, GError **error)
{
	bool good =
	        service_begin(service, config, error) && service_keep_trust(service, former, error);
	if (good) {
		service_end(former);
		service->shared = worker_shared_new(&service->options, error);
		autoptr(worker) worker =
		        service->shared != NULL ? worker_open(service->shared, error) : NULL;
		good = worker != NULL && store_lease_break_dead(worker_store(worker), error);
		if (good)
			serve_with(service, worker, next, again);
	}
	g_clear_pointer(&service->shared, worker_shared_free);
	if (!good)
		service_end(service);
	return good;
}

/* A service that was well once waits for what is gone for a while: the directory, the database. */
static bool worth_waiting(const GError *cause, bool begun)
{
	if (!begun || error_class_of(cause) != ERROR_RETRY || atomic_load(&stop_wanted) != 0)
		return false;
	log_error("imexd.waiting", "%s", cause->message);
	for (int64_t slept_us = 0; slept_us < SOURCES_EVERY_US && atomic_load(&stop_wanted) == 0;
	        slept_us += LOOK_EVERY_US)
		clock_sleep_us(LOOK_EVERY_US);
	return true;
}

static int serve(struct config *config, GError **error)
{
	autoptr(config) current = config;
	struct service services[2] = {0};
	unsigned now = 0;
	int code = EXIT_DONE;
	for (bool begun = false, again = true; again; begun = true) {
		struct service *service = &services[now], *former = &services[1 - now];
		struct config *next = NULL;
		GError *cause = NULL;
		again = false;
		if (serve_one(service, former, current, &next, &again, &cause)) {
			now = 1 - now;
		} else if (worth_waiting(cause, begun)) {
			again = true;
			g_error_free(cause);
		} else {
			g_propagate_error(error, cause);
			code = EXIT_FAILED;
		}
		if (next != NULL) {
			again = true;
			service->retired = current;
			current = next;
		}
	}
	service_end(&services[1 - now]);
	return code;
}

/*
 * Start-up
 */

static struct {
	char *config_path, *user;
	gboolean once, version;
} given;

static const GOptionEntry entries[] = {
        {"config", 0, 0, G_OPTION_ARG_FILENAME, &given.config_path, "The configuration file",
                "FILE"},
        {"once", 0, 0, G_OPTION_ARG_NONE, &given.once, "Make one pass over all mailboxes and exit",
                NULL},
        {"user", 0, 0, G_OPTION_ARG_STRING, &given.user, "With --once: this user only", "ADDRESS"},
        {"version", 0, 0, G_OPTION_ARG_NONE, &given.version, "Print the version", NULL},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
};

static int fail(GError *error)
{
	int code = error_class_of(error) == ERROR_CONFIG ? EXIT_USAGE : EXIT_FAILED;
	fprintf(stderr, "imexd: %s\n", error->message);
	g_error_free(error);
	return code;
}

static int usage(const char *sentence)
{
	fprintf(stderr, "imexd: %s: see imexd --help\n", sentence);
	return EXIT_USAGE;
}

static const char *default_config(void)
{
	const char *from_environment = g_getenv("IMEX_CONFIG");
	return from_environment != NULL ? from_environment : IMEX_SYSCONFDIR "/imex/imex.conf";
}

static int start(GError **error)
{
	autoptr(config) config = config_load(
	        given.config_path != NULL ? given.config_path : default_config(), error);
	if (config == NULL || !privilege_drop(config, error))
		return EXIT_USAGE;
	enum log_level level = LOG_LEVEL_INFO;
	log_level_parse(config_string(config, "imex", NULL, "log_level"), &level);
	log_set_level(level);
	catch_signals();
	http_global_init();
	int code = given.once ? run_once(config, given.user, error)
	                      : serve(g_steal_pointer(&config), error);
	http_global_cleanup();
	return code;
}

static int parse_and_start(int argc, char **argv)
{
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	g_autoptr(GError) cause = NULL;
	g_option_context_set_summary(context,
	        "Keeps contacts in step between an IM service and mailboxes, and delivers "
	        "transcripts.");
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, &argc, &argv, &cause))
		return usage(cause->message);
	if (given.version) {
		puts("imexd " PACKAGE_VERSION);
		return EXIT_DONE;
	}
	if (argc > 1)
		return usage("it takes no operands");
	if (given.user != NULL && !given.once)
		return usage("--user goes with --once only");
	GError *error = NULL;
	int code = start(&error);
	return error != NULL ? fail(error) : code;
}

int main(int argc, char **argv)
{
	heap_keep_top();
	setlocale(LC_ALL, "");
	log_init("imexd", LOG_LEVEL_INFO);
	int code = parse_and_start(argc, argv);
	g_free(given.config_path);
	g_free(given.user);
	return code;
}
