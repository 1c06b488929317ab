#include "cli/commands.h"
#include "cli/subject.h"
#include "core/clock.h"
#include "store/pause.h"
#include "store/store.h"

static char *server;
static gboolean contacts, archive;

static const GOptionEntry options[] = {
        {"server", 0, 0, G_OPTION_ARG_STRING, &server, "All mailboxes on this mail server", "NAME"},
        {"contacts", 0, 0, G_OPTION_ARG_NONE, &contacts, "Contacts only", NULL},
        {"archive", 0, 0, G_OPTION_ARG_NONE, &archive, "The archive only", NULL},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
};

struct target {
	struct store *store;
	enum pause_scope scope;
	char *subject; /* owned */
};

static bool find_server(struct cli *cli, GError **error)
{
	const struct config *config = cli_config(cli, error);
	if (config == NULL)
		return false;
	if (config_has_section(config, "server", server))
		return true;
	error_set(error, ERROR_CONFIG, "cli.subject",
	        "there is no section [server %s] in %s: correct the name", server,
	        config_path(config));
	return false;
}

static bool find_target(struct cli *cli, const char *user, struct target *target, GError **error)
{
	target->store = cli_store(cli, error);
	if (target->store == NULL)
		return false;
	if (user != NULL) {
		target->scope = PAUSE_USER;
		target->subject = cli_user(user, error);
		return target->subject != NULL;
	}
	target->scope = server != NULL ? PAUSE_SERVER : PAUSE_ALL;
	target->subject = g_strdup(server != NULL ? server : "");
	return server == NULL || find_server(cli, error);
}

static bool wanted(enum pass_kind kind)
{
	return contacts == archive || (kind == PASS_CONTACTS ? contacts : archive);
}

static bool pause_target(const struct target *target, GError **error)
{
	for (enum pass_kind kind = 0; kind < PASS_KINDS; kind++)
		if (wanted(kind) && !store_pause_set(target->store, target->scope, target->subject,
		                            kind, clock_utc_us(), error))
			return false;
	return true;
}

static bool resume_target(const struct target *target, GError **error)
{
	bool any = false;
	for (enum pass_kind kind = 0; kind < PASS_KINDS; kind++) {
		bool found = false;
		if (wanted(kind) && !store_pause_clear(target->store, target->scope,
		                            target->subject, kind, &found, error))
			return false;
		any = any || found;
	}
	if (!any)
		error_set(error, ERROR_CONFIG, "pause.none",
		        "nothing was paused for %s: see imex status for what is",
		        target->subject[0] != '\0' ? target->subject : "everybody");
	return any;
}

static enum cli_exit run(struct cli *cli, const struct command *command, int argc, char **argv,
        bool (*act)(const struct target *, GError **))
{
	GError *error = NULL;
	struct target target = {0};
	if (argc > 1 || (argc == 1 && server != NULL))
		return cli_usage(command, "name one user, or --server, or nobody for everybody");
	bool good = find_target(cli, argc == 1 ? argv[0] : NULL, &target, &error) &&
	            store_begin(target.store, &error);
	if (good) {
		good = act(&target, &error);
		if (good && cli->dry_run)
			store_rollback(target.store);
		else
			good = store_end(target.store, good, &error);
	}
	g_free(target.subject);
	return good ? CLI_DONE : cli_fail(error);
}

static enum cli_exit run_pause(struct cli *cli, int argc, char **argv)
{
	return run(cli, &cmd_pause, argc, argv, pause_target);
}

static enum cli_exit run_resume(struct cli *cli, int argc, char **argv)
{
	return run(cli, &cmd_resume, argc, argv, resume_target);
}

const struct command cmd_pause = {
        .name = "pause",
        .usage = "[USER | --server NAME] [--contacts | --archive]",
        .summary = "Stop work for a user, a mail server or everybody",
        .help = "What is under way is finished. A pause survives a restart of imexd.",
        .flags = COMMAND_DRY_RUN,
        .options = options,
        .run = run_pause,
};

const struct command cmd_resume = {
        .name = "resume",
        .usage = "[USER | --server NAME] [--contacts | --archive]",
        .summary = "Take back a pause",
        .flags = COMMAND_DRY_RUN,
        .options = options,
        .run = run_resume,
};
