#include "cli/commands.h"
#include "cli/queue.h"
#include "cli/subject.h"
#include "core/clock.h"
#include "store/delivery_run.h"
#include "store/mailbox.h"
#include "sync/queue.h"

#include <inttypes.h>

/* Rows that a listing shows at most unless --limit says otherwise. */
#define LIMIT 1000

static char *user, *state, *since, *until;
static int limit = LIMIT;

#define LISTING_OPTIONS                                                                            \
	{"user", 'u', 0, G_OPTION_ARG_STRING, &user, "Only of this user's mailbox", "USER"},       \
	{                                                                                          \
		"limit", 0, 0, G_OPTION_ARG_INT, &limit, "Show at most N rows", "N"                \
	}

static const GOptionEntry list_options[] = {
        LISTING_OPTIONS,
        {"state", 0, 0, G_OPTION_ARG_STRING, &state,
                "Only planned, sent, confirmed, failed or held ones", "STATE"},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
};

static const GOptionEntry failure_options[] = {
        LISTING_OPTIONS,
        {"since", 0, 0, G_OPTION_ARG_STRING, &since, "Planned from this time on (ISO 8601)",
                "TIME"},
        {"until", 0, 0, G_OPTION_ARG_STRING, &until, "Planned before this time", "TIME"},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
};

static const char *const states[] = {"planned", "sent", "confirmed", "failed", "held", NULL};

static const struct command queue_list, queue_show, queue_failures;

static int64_t since_utc_us = INT64_MIN, until_utc_us = INT64_MAX;

bool queue_user(struct store *store, const char *name, int64_t *mailbox_id, GError **error)
{
	*mailbox_id = 0;
	if (name == NULL)
		return true;
	g_autofree char *owner = cli_user(name, error);
	autoptr(mailbox) mailbox = NULL;
	if (owner == NULL || !store_mailbox_by_owner(store, owner, &mailbox, error))
		return false;
	if (mailbox == NULL) {
		error_set(error, ERROR_CONFIG, "mailbox.unknown",
		        "imex has nothing for %s yet: see imex archive explain %s", owner, owner);
		return false;
	}
	*mailbox_id = mailbox->id;
	return true;
}

static void add_row(
        struct cli_table *table, const char *owner, const struct delivery *delivery, bool waits)
{
	g_autofree char *planned = clock_format_iso(delivery->planned_utc_us);
	g_autofree char *next = waits ? clock_format_iso(delivery->next_try_utc_us) : NULL;
	g_autofree char *tries = g_strdup_printf("%" G_GINT64_FORMAT, delivery->attempts);
	const char *cells[] = {delivery->uuid, owner, delivery->folder, delivery->state, tries,
	        planned, next, delivery->reason, delivery->message};
	cli_table_row(table, cells);
}

static bool add_rows(
        struct store *store, struct cli_table *table, const char *which, GError **error)
{
	int64_t mailbox_id = 0;
	if (!queue_user(store, user, &mailbox_id, error))
		return false;
	g_autoptr(GPtrArray) rows =
	        store_deliveries(store, mailbox_id, which, (unsigned)limit, error);
	if (rows == NULL)
		return false;
	for (guint i = 0; i < rows->len; i++) {
		const struct delivery *delivery = rows->pdata[i];
		autoptr(mailbox) mailbox = NULL;
		if (delivery->planned_utc_us < since_utc_us ||
		        delivery->planned_utc_us >= until_utc_us)
			continue;
		if (!store_mailbox_by_id(store, delivery->mailbox_id, &mailbox, error))
			return false;
		add_row(table, mailbox != NULL ? mailbox->owner : NULL, delivery,
		        g_str_equal(delivery->state, "planned"));
	}
	return true;
}

static bool print_fill(struct cli *cli, struct store *store, GError **error)
{
	struct queue_fill fill;
	struct delivery_totals totals;
	if (cli->json)
		return true;
	if (!queue_fill(store, cli->config, &fill, error) ||
	        !store_delivery_totals(store, 0, &totals, error))
		return false;
	printf("Queue: %s, %.1f of %" PRId64 " MiB. %" PRId64 " planned, %" PRId64 " sent, %" PRId64
	       " failed, %" PRId64 " held, %" PRId64 " confirmed\n",
	        queue_level_name(fill.level), (double)fill.bytes / 1048576.0, fill.max_bytes >> 20,
	        totals.planned, totals.sent, totals.failed, totals.held, totals.confirmed);
	return true;
}

static enum cli_exit list(struct cli *cli, const char *which)
{
	static const char *const columns[] = {"delivery", "owner", "folder", "state", "tries",
	        "planned", "next_try", "reason", "message", NULL};
	GError *error = NULL;
	autoptr(cli_table) table = cli_table_new(columns);
	struct store *store = cli_config(cli, &error) != NULL ? cli_store(cli, &error) : NULL;
	if (store == NULL || !add_rows(store, table, which, &error))
		return cli_fail(error);
	if (!cli->json && cli_table_rows(table) == 0)
		printf("No delivery is in this state.\n");
	else
		cli_table_print(table, cli, stdout);
	return print_fill(cli, store, &error) ? CLI_DONE : cli_fail(error);
}

static enum cli_exit run_list(struct cli *cli, int argc, char **argv)
{
	(void)argv;
	if (argc != 0 || limit < 1)
		return cli_usage(&queue_list, "it takes options only");
	if (state != NULL && !g_strv_contains(states, state))
		return cli_usage(&queue_list, "\"%s\" is no state of a delivery", state);
	return list(cli, state);
}

static enum cli_exit run_failures(struct cli *cli, int argc, char **argv)
{
	GError *error = NULL;
	(void)argv;
	if (argc != 0 || limit < 1)
		return cli_usage(&queue_failures, "it takes options only");
	if ((since != NULL && !clock_parse_iso(since, &since_utc_us, &error)) ||
	        (until != NULL && !clock_parse_iso(until, &until_utc_us, &error)))
		return cli_fail(error);
	return list(cli, "failed");
}

static void add_step(struct cli_table *table, int64_t at_utc_us, const char *what, const char *text)
{
	g_autofree char *at = at_utc_us != 0 ? clock_format_iso(at_utc_us) : NULL;
	const char *cells[] = {at, what, text};
	cli_table_row(table, cells);
}

/* What it is, then what happened to it. */
static bool describe(struct store *store, struct cli_table *table, const char *uuid, GError **error)
{
	autoptr(delivery) delivery = NULL;
	autoptr(mailbox) mailbox = NULL;
	if (!store_delivery_get(store, uuid, &delivery, error))
		return false;
	if (delivery == NULL) {
		error_set(error, ERROR_ITEM, "delivery.unknown",
		        "there is no delivery %s: imex queue list shows them", uuid);
		return false;
	}
	if (!store_mailbox_by_id(store, delivery->mailbox_id, &mailbox, error))
		return false;
	add_step(table, 0, "mailbox", mailbox != NULL ? mailbox->smtp : NULL);
	add_step(table, 0, "folder", delivery->folder);
	add_step(table, 0, "conversation", delivery->segment_id);
	add_step(table, 0, "state", delivery->undone_utc_us != 0 ? "undone" : delivery->state);
	add_step(table, 0, "run", delivery->run);
	add_step(table, 0, "reason", delivery->reason);
	add_step(table, 0, "message", delivery->message);
	if (g_str_equal(delivery->state, "planned"))
		add_step(table, delivery->next_try_utc_us, "next try", NULL);
	g_autoptr(GPtrArray) steps = store_delivery_history(store, uuid, error);
	for (guint i = 0; steps != NULL && i < steps->len; i++) {
		const struct delivery_step *step = steps->pdata[i];
		add_step(table, step->at_utc_us, step->what, step->detail);
	}
	return steps != NULL;
}

static enum cli_exit run_show(struct cli *cli, int argc, char **argv)
{
	static const char *const columns[] = {"at", "what", "detail", NULL};
	GError *error = NULL;
	autoptr(cli_table) table = cli_table_new(columns);
	if (argc != 1)
		return cli_usage(&queue_show, "name one delivery that imex queue list shows");
	struct store *store = cli_store(cli, &error);
	if (store == NULL || !describe(store, table, argv[0], &error))
		return cli_fail(error);
	cli_table_print(table, cli, stdout);
	return CLI_DONE;
}

static const struct command queue_list = {
        .name = "list",
        .usage = "",
        .summary = "List deliveries that are not confirmed, or those in one state",
        .help = "The last line tells how full the queue is: ok, warning (from half of [archive] "
                "queue_max_mb on), critical (from\nfour fifths on), full (nothing more is "
                "planned until there is room).",
        .flags = COMMAND_JSON,
        .options = list_options,
        .run = run_list,
};

static const struct command queue_show = {
        .name = "show",
        .usage = "DELIVERY",
        .summary = "Tell what a delivery is and what happened to it",
        .flags = COMMAND_JSON,
        .run = run_show,
};

static const struct command queue_failures = {
        .name = "failures",
        .usage = "",
        .summary = "List deliveries that wait for a person, with the reason",
        .flags = COMMAND_JSON,
        .options = failure_options,
        .run = run_failures,
};

static const struct command *const subcommands[] = {
        &queue_list,
        &queue_show,
        &queue_failures,
        &queue_retry,
        &queue_hold,
        &queue_release,
        &queue_flush,
        NULL,
};

const struct command cmd_queue = {
        .name = "queue",
        .summary = "See and change what waits for delivery into mailboxes",
        .subcommands = subcommands,
};
