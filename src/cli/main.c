#include "cli/command.h"
#include "cli/context.h"
#include "cli/listing.h"
#include "core/heap.h"
#include "core/log.h"

#include "config.h"

#include <locale.h>
#include <signal.h>
#include <string.h>

static void print_overview(FILE *out)
{
	fprintf(out, "Usage: imex [--config FILE] COMMAND [options]\n\n"
	             "Joins an instant-messaging service to an Exchange-like mail server.\n\n");
	for (const struct command *const *c = commands; *c != NULL; c++)
		fprintf(out, "  %-12s %s\n", (*c)->name, (*c)->summary);
	fprintf(out, "\n`imex COMMAND --help` explains a command; imex(1) is the manual.\n");
}

static const struct command *find_command(const struct command *const *list, const char *name)
{
	for (; *list != NULL; list++)
		if (g_str_equal((*list)->name, name))
			return *list;
	return NULL;
}

/* Options that may stand before the command. False after a usage error was printed. */
static bool take_global_options(struct cli *cli, int *argc, char ***argv)
{
	while (*argc > 0 && (*argv)[0][0] == '-') {
		const char *option = (*argv)[0];
		if (g_str_has_prefix(option, "--config=")) {
			g_free(cli->config_path);
			cli->config_path = g_strdup(option + strlen("--config="));
		} else if (g_str_equal(option, "--config") && *argc > 1) {
			g_free(cli->config_path);
			cli->config_path = g_strdup((*argv)[1]);
			(*argc)--;
			(*argv)++;
		} else {
			fprintf(stderr, "imex: %s is not an option here: see imex --help\n",
			        option);
			return false;
		}
		(*argc)--;
		(*argv)++;
	}
	return true;
}

static void print_subcommands(const struct command *command, FILE *out)
{
	fprintf(out, "Usage: imex %s COMMAND [options]\n\n%s\n\n", command->name, command->summary);
	for (const struct command *const *c = command->subcommands; *c != NULL; c++)
		fprintf(out, "  %-12s %s\n", (*c)->name, (*c)->summary);
	if (command->help != NULL)
		fprintf(out, "\n%s\n", command->help);
}

static GOptionContext *option_context(
        struct cli *cli, const struct command *command, const char *path)
{
	GOptionContext *context = g_option_context_new(command->usage);
	g_autofree char *summary = g_strdup_printf("%s.%s%s", command->summary,
	        command->help != NULL ? "\n\n" : "", command->help != NULL ? command->help : "");
	g_option_context_set_summary(context, summary);
	g_set_prgname(path);
	if (command->options != NULL)
		g_option_context_add_main_entries(context, command->options, NULL);
	const GOptionEntry common[] = {
	        {"config", 0, 0, G_OPTION_ARG_FILENAME, &cli->config_path, "The configuration file",
	                "FILE"},
	        {"verbose", 'v', 0, G_OPTION_ARG_NONE, &cli->verbose, "Say more on standard error",
	                NULL},
	        {NULL, 0, 0, 0, NULL, NULL, NULL},
	};
	const GOptionEntry json[] = {
	        {"json", 0, 0, G_OPTION_ARG_NONE, &cli->json, "Print JSON", NULL},
	        {NULL, 0, 0, 0, NULL, NULL, NULL},
	};
	const GOptionEntry dry_run[] = {
	        {"dry-run", 'n', 0, G_OPTION_ARG_NONE, &cli->dry_run,
	                "Show what would be done and do nothing", NULL},
	        {NULL, 0, 0, 0, NULL, NULL, NULL},
	};
	const GOptionEntry quiet[] = {
	        {"quiet", 'q', 0, G_OPTION_ARG_NONE, &cli->quiet, "Show no progress", NULL},
	        {NULL, 0, 0, 0, NULL, NULL, NULL},
	};
	g_option_context_add_main_entries(context, common, NULL);
	if (command->flags & COMMAND_JSON)
		g_option_context_add_main_entries(context, json, NULL);
	if (command->flags & COMMAND_DRY_RUN)
		g_option_context_add_main_entries(context, dry_run, NULL);
	if (command->flags & COMMAND_QUIET)
		g_option_context_add_main_entries(context, quiet, NULL);
	return context;
}

/* argv[0] is the command's own name. */
static enum cli_exit run_command(
        struct cli *cli, const struct command *command, const char *path, int argc, char **argv)
{
	g_autofree char *own_path = g_strconcat(path, " ", command->name, NULL);
	if (command->subcommands != NULL) {
		const struct command *sub =
		        argc > 1 ? find_command(command->subcommands, argv[1]) : NULL;
		if (sub != NULL)
			return run_command(cli, sub, own_path, argc - 1, argv + 1);
		bool help =
		        argc > 1 && (g_str_equal(argv[1], "--help") || g_str_equal(argv[1], "-h"));
		if (argc > 1 && !help)
			fprintf(stderr, "imex: %s has no command %s\n", own_path, argv[1]);
		print_subcommands(command, help ? stdout : stderr);
		return help ? CLI_DONE : CLI_USAGE;
	}
	g_autoptr(GOptionContext) context = option_context(cli, command, own_path);
	g_autoptr(GError) cause = NULL;
	/* GOption wants a list that it may change; the strings stay the caller's. */
	g_autofree char **list = g_new0(char *, (gsize)argc + 1);
	memcpy(list, argv, (gsize)argc * sizeof *list);
	if (!g_option_context_parse(context, &argc, &list, &cause)) {
		fprintf(stderr, "imex: %s: see %s --help\n", cause->message, own_path);
		return CLI_USAGE;
	}
	int first = argc > 1 && g_str_equal(list[1], "--") ? 2 : 1;
	if (cli->verbose)
		log_set_level(LOG_LEVEL_DEBUG);
	return command->run(cli, argc - first, list + first);
}

int main(int argc, char **argv)
{
	heap_keep_top();
	signal(SIGPIPE, SIG_IGN); /* a peer that hangs up, or a pager that is left, ends no work */
	setlocale(LC_ALL, "");
	log_init("imex", LOG_LEVEL_WARN);
	autoptr(cli) cli = cli_new();
	argc--;
	argv++;
	bool help = argc == 0 || g_str_equal(argv[0], "--help") || g_str_equal(argv[0], "-h") ||
	            g_str_equal(argv[0], "help");
	if (help) {
		print_overview(argc == 0 ? stderr : stdout);
		return argc == 0 ? CLI_USAGE : CLI_DONE;
	}
	if (g_str_equal(argv[0], "--version")) {
		puts("imex " PACKAGE_VERSION);
		return CLI_DONE;
	}
	if (listing_option(argv[0], stdout))
		return CLI_DONE;
	if (!take_global_options(cli, &argc, &argv))
		return CLI_USAGE;
	if (argc == 0) {
		print_overview(stderr);
		return CLI_USAGE;
	}
	const struct command *command = find_command(commands, argv[0]);
	if (command == NULL) {
		fprintf(stderr, "imex: there is no command %s: see imex --help\n", argv[0]);
		return CLI_USAGE;
	}
	return (int)run_command(cli, command, "imex", argc, argv);
}
