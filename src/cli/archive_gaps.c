#include "cli/archive.h"
#include "core/clock.h"
#include "store/cursor.h"
#include "sync/reconcile.h"

/* Rows that a listing shows at most unless --limit says otherwise. */
#define LIMIT 1000

static char *source;
static gint limit = LIMIT;

static const GOptionEntry gap_options[] = {
        {"source", 0, 0, G_OPTION_ARG_STRING, &source, "Only of this source", "NAME"},
        {"limit", 0, 0, G_OPTION_ARG_INT, &limit, "Show at most N rows", "N"},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
};

static void add_gap(struct cli_table *table, const struct gap *gap)
{
	g_autofree char *sent = gap->sent_utc_us != 0 ? clock_format_iso(gap->sent_utc_us) : NULL;
	g_autofree char *seen = clock_format_iso(gap->seen_utc_us);
	g_autofree char *filled =
	        gap->filled_utc_us != 0 ? clock_format_iso(gap->filled_utc_us) : NULL;
	const char *cells[] = {
	        gap->source, gap->owner, gap->key, gap->reason, sent, seen, filled, gap->detail};
	cli_table_row(table, cells);
}

static enum cli_exit run_gaps(struct cli *cli, int argc, char **argv)
{
	static const char *const columns[] = {
	        "source", "owner", "key", "reason", "sent", "seen", "filled", "detail", NULL};
	(void)argv;
	if (argc != 0 || limit < 1)
		return cli_usage(&archive_gaps, "it takes options only");
	GError *error = NULL;
	uint64_t open = 0;
	const struct config *config = cli_config(cli, &error);
	struct store *store = config != NULL ? cli_store(cli, &error) : NULL;
	g_autoptr(GPtrArray) gaps = NULL;
	if (store != NULL && reconcile_senders(store, config, &open, &error))
		gaps = store_gaps(store, source, (unsigned)limit, &error);
	if (gaps == NULL)
		return cli_fail(error);
	autoptr(cli_table) table = cli_table_new(columns);
	open = 0;
	for (guint i = 0; i < gaps->len; i++) {
		const struct gap *gap = gaps->pdata[i];
		add_gap(table, gap);
		open += gap->filled_utc_us == 0;
	}
	if (!cli->json && gaps->len == 0)
		printf("No gap is known: every row was understood, and no running number is "
		       "missing.\n");
	else
		cli_table_print(table, cli, stdout);
	return open > 0 ? CLI_PARTIAL : CLI_DONE;
}

const struct command archive_gaps = {
        .name = "gaps",
        .usage = "",
        .summary = "List what was said and is not in the archive, as far as is known",
        .flags = COMMAND_JSON,
        .options = gap_options,
        .run = run_gaps,
};

/* --- counting --- */

static char *since;
static char **sources;

static const GOptionEntry reconcile_options[] = {
        {"since", 0, 0, G_OPTION_ARG_STRING, &since,
                "Look at what was sent from then on; a day unless given", "TIME"},
        {"source", 0, 0, G_OPTION_ARG_STRING_ARRAY, &sources, "Only this source; may be repeated",
                "NAME"},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
};

static void add_number(char **cell, uint64_t number)
{
	*cell = g_strdup_printf("%" G_GUINT64_FORMAT, number);
}

static void add_report(
        struct cli_table *table, const char *name, const struct reconcile_report *report)
{
	char *numbers[7];
	g_autofree char *from =
	        report->since_utc_us != 0 ? clock_format_iso(report->since_utc_us) : NULL;
	add_number(&numbers[0], report->rows);
	add_number(&numbers[1], report->present);
	add_number(&numbers[2], report->unwanted);
	add_number(&numbers[3], report->left_out);
	add_number(&numbers[4], report->unreadable);
	add_number(&numbers[5], report->missing);
	add_number(&numbers[6], report->gone);
	const char *cells[] = {name, from, numbers[0], numbers[1], numbers[2], numbers[3],
	        numbers[4], numbers[5], numbers[6]};
	cli_table_row(table, cells);
	for (unsigned i = 0; i < G_N_ELEMENTS(numbers); i++)
		g_free(numbers[i]);
}

struct count {
	const struct config *config;
	struct store *store;
	const struct router *router;
	struct cli_table *table;
	int64_t since_utc_us;
	uint64_t missing;
};

static bool count_source(struct count *count, const char *name, GError **error)
{
	struct reconcile_report report = {0};
	autoptr(im_source) from = im_source_open(count->config, name, error);
	if (from == NULL || !reconcile_source(count->store, from, count->router,
	                            count->since_utc_us, &report, error))
		return false;
	add_report(count->table, name, &report);
	count->missing += report.missing;
	return true;
}

static bool count_all(struct cli *cli, struct count *count, GError **error)
{
	count->config = cli_config(cli, error);
	count->store = count->config != NULL ? cli_store(cli, error) : NULL;
	count->since_utc_us = clock_utc_us() - CLOCK_US_PER_DAY;
	if (count->store == NULL ||
	        (since != NULL && !clock_parse_iso(since, &count->since_utc_us, error)))
		return false;
	autoptr(usermap) map = usermap_new(count->config, error);
	autoptr(router) router = map != NULL ? router_new(count->config, map, error) : NULL;
	if (router == NULL)
		return false;
	count->router = router;
	const char *const *names = sources != NULL ? (const char *const *)sources
	                                           : config_names(count->config, "source");
	for (; *names != NULL; names++)
		if (!count_source(count, *names, error))
			return false;
	return true;
}

static enum cli_exit run_reconcile(struct cli *cli, int argc, char **argv)
{
	static const char *const columns[] = {"source", "since", "messages", "archived", "unwanted",
	        "left-out", "unreadable", "missing", "gone", NULL};
	(void)argv;
	if (argc != 0)
		return cli_usage(&archive_reconcile, "it takes options only");
	GError *error = NULL;
	autoptr(cli_table) table = cli_table_new(columns);
	struct count count = {.table = table};
	if (!count_all(cli, &count, &error))
		return cli_fail(error);
	cli_table_print(table, cli, stdout);
	return count.missing > 0 ? CLI_PARTIAL : CLI_DONE;
}

const struct command archive_reconcile = {
        .name = "reconcile",
        .usage = "",
        .summary = "Count what the archive has against what the sources hold",
        .help = "What is missing is recorded as a gap and taken. imexd does the same every "
                "[archive] reconcile.",
        .flags = COMMAND_JSON,
        .options = reconcile_options,
        .run = run_reconcile,
};
