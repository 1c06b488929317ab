#include "cli/archive.h"
#include "core/clock.h"
#include "im/source.h"
#include "sync/capture.h"

#include <inttypes.h>

static char *since;
static char **sources;

static const GOptionEntry options[] = {
        {"since", 0, 0, G_OPTION_ARG_STRING, &since,
                "Take what was sent at or after this time (ISO 8601)", "TIME"},
        {"source", 0, 0, G_OPTION_ARG_STRING_ARRAY, &sources,
                "Only from this source; may be repeated", "NAME"},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
};

struct backfill {
	struct cli *cli;
	struct cli_table *table;
	const struct router *router;
	int64_t since_utc_us;
	bool history; /* what was sent since since_utc_us is taken too */
	uint64_t stored, rows;
};

static bool show_progress(void *data, const struct capture_report *so_far)
{
	const struct backfill *backfill = data;
	cli_progress(backfill->cli, "reading history", backfill->rows + so_far->rows, 0);
	return true;
}

static void add_row(
        struct backfill *backfill, const char *name, const struct capture_report *report)
{
	g_autofree char *rows = g_strdup_printf("%" PRIu64, report->rows);
	g_autofree char *stored = g_strdup_printf("%" PRIu64, report->stored);
	g_autofree char *copies = g_strdup_printf("%" PRIu64, report->copies + report->repeated);
	g_autofree char *unwanted = g_strdup_printf("%" PRIu64, report->unwanted);
	g_autofree char *gaps = g_strdup_printf("%" PRIu64, report->gaps);
	g_autofree char *newest =
	        report->newest_utc_us != 0 ? clock_format_iso(report->newest_utc_us) : NULL;
	const char *cells[] = {name, rows, stored, copies, unwanted, gaps, newest};
	cli_table_row(backfill->table, cells);
	backfill->stored += report->stored;
	backfill->rows += report->rows;
}

/* Following begins first, so that nothing falls between history and what is new. */
static bool take(struct backfill *backfill, struct store *store, const struct config *config,
        const char *name, GError **error)
{
	struct capture_report live = {0};
	struct capture_report history = {0};
	const struct capture_options capture = {
	        .router = backfill->router,
	        .dry_run = backfill->cli->dry_run,
	        .progress = show_progress,
	        .data = backfill,
	};
	autoptr(im_source) source = im_source_open(config, name, error);
	if (source == NULL)
		return false;
	if (!capture.dry_run && !capture_run(store, source, &capture, &live, error))
		return false;
	if (backfill->history &&
	        !capture_backfill(store, source, backfill->since_utc_us, &capture, &history, error))
		return false;
	add_row(backfill, name, &history);
	return true;
}

static bool backfill_all(struct backfill *backfill, GError **error)
{
	const struct config *config = cli_config(backfill->cli, error);
	struct store *store = config != NULL ? cli_store(backfill->cli, error) : NULL;
	if (store == NULL)
		return false;
	autoptr(usermap) map = usermap_new(config, error);
	autoptr(router) router = map != NULL ? router_new(config, map, error) : NULL;
	if (router == NULL)
		return false;
	backfill->router = router;
	const char *const *names =
	        sources != NULL ? (const char *const *)sources : config_names(config, "source");
	if (names[0] == NULL) {
		error_set(error, ERROR_CONFIG, "source.none",
		        "there is no source to take history from: add a section [source NAME] with "
		        "its url to %s",
		        config_path(config));
		return false;
	}
	for (unsigned i = 0; names[i] != NULL; i++)
		if (!take(backfill, store, config, names[i], error))
			return false;
	return true;
}

bool archive_capture(struct cli *cli, const char *history_since, GError **error)
{
	static const char *const columns[] = {
	        "source", "rows", "new", "copies", "unwanted", "gaps", "newest", NULL};
	autoptr(cli_table) table = cli_table_new(columns);
	struct backfill backfill = {.cli = cli, .table = table, .history = history_since != NULL};
	bool good = (history_since == NULL ||
	                    clock_parse_iso(history_since, &backfill.since_utc_us, error)) &&
	            backfill_all(&backfill, error);
	cli_progress_end(cli);
	return good;
}

static enum cli_exit run_backfill(struct cli *cli, int argc, char **argv)
{
	static const char *const columns[] = {
	        "source", "rows", "new", "copies", "unwanted", "gaps", "newest", NULL};
	(void)argv;
	if (argc != 0)
		return cli_usage(&archive_backfill, "it takes no words");
	if (since == NULL)
		return cli_usage(&archive_backfill,
		        "say how far back to go: --since 2026-01-31 or --since 1970-01-01 for "
		        "everything");
	autoptr(cli_table) table = cli_table_new(columns);
	struct backfill backfill = {.cli = cli, .table = table};
	GError *error = NULL;
	backfill.history = true;
	bool good = clock_parse_iso(since, &backfill.since_utc_us, &error) &&
	            backfill_all(&backfill, &error);
	cli_progress_end(cli);
	if (!good)
		return cli_fail(error);
	cli_table_print(table, cli, stdout);
	if (!cli->json && backfill.stored == 0)
		printf("No new message was found: nobody concerned is archived (imex policy set "
		       "archive im ...), or all of it was taken before.\n");
	else if (!cli->json)
		printf("%" PRIu64 " messages %s. imex archive deliver puts them into mailboxes.\n",
		        backfill.stored, cli->dry_run ? "would be taken" : "taken");
	return CLI_DONE;
}

const struct command archive_backfill = {
        .name = "backfill",
        .usage = "--since TIME",
        .summary = "Take messages from before imex began to follow the sources",
        .help = "Nothing older than the first start is taken unless it is asked for here. Taking "
                "the same history again changes nothing.",
        .flags = COMMAND_JSON | COMMAND_QUIET | COMMAND_DRY_RUN,
        .options = options,
        .run = run_backfill,
};
