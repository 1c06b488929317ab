#include "cli/archive.h"
#include "core/clock.h"
#include "store/delivery.h"
#include "store/local.h"
#include "store/message.h"
#include "store/segment.h"

#include <inttypes.h>

static const char *const columns[] = {"what", "value", NULL};

static void add_text(struct cli_table *table, const char *what, const char *value)
{
	const char *cells[] = {what, value};
	cli_table_row(table, cells);
}

static void add_number(struct cli_table *table, const char *what, int64_t number)
{
	g_autofree char *text = g_strdup_printf("%" PRId64, number);
	add_text(table, what, text);
}

static void add_time(struct cli_table *table, const char *what, int64_t utc_us)
{
	g_autofree char *text = utc_us != 0 ? clock_format_iso(utc_us) : NULL;
	add_text(table, what, text);
}

static void add_deliveries(struct cli_table *table, const struct delivery_totals *totals)
{
	add_number(table, "deliveries confirmed", totals->confirmed);
	add_number(table, "deliveries planned", totals->planned);
	add_number(table, "deliveries without an answer yet", totals->sent);
	add_number(table, "deliveries failed", totals->failed);
	add_number(table, "deliveries held", totals->held);
	add_time(table, "oldest that is not confirmed", totals->oldest_planned_utc_us);
}

static bool add_local(struct store *store, struct cli_table *table, GError **error)
{
	int64_t kept = 0;
	if (!store_local_count(store, NULL, &kept, error))
		return false;
	add_number(table, "items in the local archive", kept);
	return true;
}

static bool collect(struct store *store, struct cli_table *table,
        struct delivery_totals *deliveries, GError **error)
{
	struct message_totals messages = {0};
	struct segment_totals segments = {0};
	if (!store_message_totals(store, &messages, error) ||
	        !store_segment_totals(store, &segments, error) ||
	        !store_delivery_totals(store, 0, deliveries, error))
		return false;
	add_number(table, "messages captured", messages.messages);
	add_number(table, "copies of them", messages.copies);
	add_number(table, "conflicting copies, kept", messages.conflicts);
	add_number(table, "rows that could not be read", messages.gaps);
	add_time(table, "newest message", messages.newest_utc_us);
	add_number(table, "conversations going on", segments.open);
	add_number(table, "conversations finished", segments.closed);
	add_number(table, "of these, waiting to be planned", segments.unplanned);
	add_deliveries(table, deliveries);
	return add_local(store, table, error);
}

static enum cli_exit run_status(struct cli *cli, int argc, char **argv)
{
	(void)argv;
	if (argc != 0)
		return cli_usage(&archive_status, "it takes no words");
	GError *error = NULL;
	struct delivery_totals deliveries = {0};
	autoptr(cli_table) table = cli_table_new(columns);
	struct store *store = cli_store(cli, &error);
	if (store == NULL || !collect(store, table, &deliveries, &error))
		return cli_fail(error);
	cli_table_print(table, cli, stdout);
	return deliveries.failed > 0 ? CLI_PARTIAL : CLI_DONE;
}

const struct command archive_status = {
        .name = "status",
        .usage = "",
        .summary = "Count what is captured, finished and delivered",
        .flags = COMMAND_JSON,
        .run = run_status,
};
