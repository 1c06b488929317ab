#include "cli/commands.h"
#include "store/store.h"

static gboolean backed_up;

static const GOptionEntry options[] = {
        {"backed-up", 0, 0, G_OPTION_ARG_NONE, &backed_up,
                "A backup of the PostgreSQL database was made", NULL},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
};

/* A file can be copied here; a database on a server is its administrator's to back up. */
static bool check_backup(const char *url, GError **error)
{
	if (backed_up || g_str_has_prefix(url, "sqlite:"))
		return true;
	autoptr(store) store = store_open(url, STORE_EXISTING, error);
	if (store != NULL || error == NULL || !error_is(*error, "store.older"))
		return store != NULL;
	g_clear_error(error);
	error_set(error, ERROR_CONFIG, "store.backup",
	        "the store was not upgraded: back up the PostgreSQL database with pg_dump first, "
	        "then "
	        "run imex store upgrade --backed-up");
	return false;
}

static void report(const struct store *store)
{
	struct store_upgrade_report done = store_upgrade_report(store);
	if (done.backup_path != NULL)
		printf("copy    %s\n", done.backup_path);
	if (done.from == done.to)
		printf("schema  %d, which is current\n", done.to);
	else
		printf("schema  %d, was %d\n", done.to, done.from);
}

static const struct command store_upgrade;

/* An older schema is what an upgrade is for, so it is no failure here. */
static enum cli_exit preview(const char *url)
{
	GError *error = NULL;
	autoptr(store) store = store_open(url, STORE_EXISTING, &error);
	if (store == NULL && !error_is(error, "store.older"))
		return cli_fail(error);
	printf("%s\n", store == NULL ? error->message : "the schema is current");
	g_clear_error(&error);
	return CLI_DONE;
}

static enum cli_exit run_upgrade(struct cli *cli, int argc, char **argv)
{
	GError *error = NULL;
	if (argc > 0)
		return cli_usage(&store_upgrade, "%s is one word too many", argv[0]);
	const struct config *config = cli_config(cli, &error);
	if (config == NULL)
		return cli_fail(error);
	const char *url = config_string(config, "imex", NULL, "store");
	if (cli->dry_run)
		return preview(url);
	if (!check_backup(url, &error))
		return cli_fail(error);
	autoptr(store) store = store_open(url, STORE_UPGRADE, &error);
	if (store == NULL)
		return cli_fail(error);
	report(store);
	return CLI_DONE;
}

static const struct command store_upgrade = {
        .name = "upgrade",
        .usage = "",
        .summary = "Bring the store's schema up to date, after a backup",
        .help = "Stop imexd first. An SQLite store is copied beside itself before anything is "
                "changed.",
        .flags = COMMAND_DRY_RUN,
        .options = options,
        .run = run_upgrade,
};

static const struct command *const subcommands[] = {&store_upgrade, NULL};

const struct command cmd_store = {
        .name = "store",
        .usage = "COMMAND",
        .summary = "imex's own state",
        .subcommands = subcommands,
};
