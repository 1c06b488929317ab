#include "cli/archive.h"
#include "core/clock.h"
#include "store/cursor.h"

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
	const char *cells[] = {
	        gap->source, gap->owner, gap->key, gap->reason, sent, seen, gap->detail};
	cli_table_row(table, cells);
}

static enum cli_exit run_gaps(struct cli *cli, int argc, char **argv)
{
	static const char *const columns[] = {
	        "source", "owner", "key", "reason", "sent", "seen", "detail", NULL};
	(void)argv;
	if (argc != 0 || limit < 1)
		return cli_usage(&archive_gaps, "it takes options only");
	GError *error = NULL;
	struct store *store = cli_store(cli, &error);
	g_autoptr(GPtrArray) gaps =
	        store != NULL ? store_gaps(store, source, (unsigned)limit, &error) : NULL;
	if (gaps == NULL)
		return cli_fail(error);
	autoptr(cli_table) table = cli_table_new(columns);
	for (guint i = 0; i < gaps->len; i++)
		add_gap(table, gaps->pdata[i]);
	if (!cli->json && gaps->len == 0)
		printf("Every row of the sources was understood.\n");
	else
		cli_table_print(table, cli, stdout);
	return gaps->len > 0 ? CLI_PARTIAL : CLI_DONE;
}

const struct command archive_gaps = {
        .name = "gaps",
        .usage = "",
        .summary = "List what a source holds and imex could not read",
        .flags = COMMAND_JSON,
        .options = gap_options,
        .run = run_gaps,
};
