#include "cli/archive.h"
#include "cli/subject.h"
#include "core/clock.h"
#include "store/delivery.h"
#include "store/mailbox.h"

/* Rows that a listing shows at most unless --limit says otherwise. */
#define LIMIT 1000

static char *user, *state;
static int limit = LIMIT;

#define LISTING_OPTIONS                                                                            \
	{"user", 'u', 0, G_OPTION_ARG_STRING, &user, "Only of this user's mailbox", "USER"},       \
	{                                                                                          \
		"limit", 0, 0, G_OPTION_ARG_INT, &limit, "Show at most N rows", "N"                \
	}

static const GOptionEntry queue_options[] = {
        LISTING_OPTIONS,
        {"state", 0, 0, G_OPTION_ARG_STRING, &state,
                "Only planned, sent, confirmed, failed or held ones", "STATE"},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
};

static const GOptionEntry failure_options[] = {
        LISTING_OPTIONS,
        {NULL, 0, 0, 0, NULL, NULL, NULL},
};

static const char *const states[] = {"planned", "sent", "confirmed", "failed", "held", NULL};

static bool find_user(struct store *store, int64_t *mailbox_id, GError **error)
{
	*mailbox_id = 0;
	if (user == NULL)
		return true;
	g_autofree char *owner = cli_user(user, error);
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
	if (!find_user(store, &mailbox_id, error))
		return false;
	g_autoptr(GPtrArray) rows =
	        store_deliveries(store, mailbox_id, which, (unsigned)limit, error);
	if (rows == NULL)
		return false;
	for (guint i = 0; i < rows->len; i++) {
		const struct delivery *delivery = rows->pdata[i];
		autoptr(mailbox) mailbox = NULL;
		if (!store_mailbox_by_id(store, delivery->mailbox_id, &mailbox, error))
			return false;
		add_row(table, mailbox != NULL ? mailbox->owner : NULL, delivery,
		        g_str_equal(delivery->state, "planned"));
	}
	return true;
}

static enum cli_exit list(struct cli *cli, const char *which)
{
	static const char *const columns[] = {"delivery", "owner", "folder", "state", "tries",
	        "planned", "next_try", "reason", "message", NULL};
	GError *error = NULL;
	autoptr(cli_table) table = cli_table_new(columns);
	struct store *store = cli_store(cli, &error);
	if (store == NULL || !add_rows(store, table, which, &error))
		return cli_fail(error);
	if (!cli->json && cli_table_rows(table) == 0)
		printf("No delivery is in this state.\n");
	else
		cli_table_print(table, cli, stdout);
	return CLI_DONE;
}

static enum cli_exit run_queue(struct cli *cli, int argc, char **argv)
{
	(void)argv;
	if (argc != 0 || limit < 1)
		return cli_usage(&archive_queue, "it takes options only");
	if (state != NULL && !g_strv_contains(states, state))
		return cli_usage(&archive_queue, "\"%s\" is no state of a delivery", state);
	return list(cli, state);
}

static enum cli_exit run_failures(struct cli *cli, int argc, char **argv)
{
	(void)argv;
	if (argc != 0 || limit < 1)
		return cli_usage(&archive_failures, "it takes options only");
	return list(cli, "failed");
}

static bool change_one(
        struct cli *cli, const char *uuid, const char *to, bool *changed, GError **error)
{
	autoptr(delivery) delivery = NULL;
	struct store *store = cli_store(cli, error);
	if (store == NULL || !store_delivery_get(store, uuid, &delivery, error))
		return false;
	if (delivery == NULL) {
		error_set(error, ERROR_ITEM, "delivery.unknown",
		        "there is no delivery %s: imex archive queue lists them", uuid);
		return false;
	}
	if (cli->dry_run) {
		*changed = true;
		return true;
	}
	return store_delivery_set_state(
	        store, delivery->mailbox_id, uuid, to, clock_utc_us(), changed, error);
}

static enum cli_exit change(
        struct cli *cli, const struct command *command, const char *to, int argc, char **argv)
{
	unsigned left_alone = 0;
	if (argc < 1)
		return cli_usage(command, "name the deliveries that imex archive queue lists");
	for (int i = 0; i < argc; i++) {
		GError *error = NULL;
		bool changed = false;
		if (!change_one(cli, argv[i], to, &changed, &error))
			return cli_fail(error);
		if (!changed)
			fprintf(stderr,
			        "imex: delivery %s was left as it is: it is %s already, sent "
			        "or confirmed\n",
			        argv[i], to);
		left_alone += !changed;
	}
	return left_alone > 0 ? CLI_PARTIAL : CLI_DONE;
}

static enum cli_exit run_retry(struct cli *cli, int argc, char **argv)
{
	return change(cli, &archive_retry, "planned", argc, argv);
}

static enum cli_exit run_hold(struct cli *cli, int argc, char **argv)
{
	return change(cli, &archive_hold, "held", argc, argv);
}

static enum cli_exit run_release(struct cli *cli, int argc, char **argv)
{
	return change(cli, &archive_release, "planned", argc, argv);
}

const struct command archive_queue = {
        .name = "queue",
        .usage = "",
        .summary = "List deliveries that are not confirmed, or those in one state",
        .flags = COMMAND_JSON,
        .options = queue_options,
        .run = run_queue,
};

const struct command archive_failures = {
        .name = "failures",
        .usage = "",
        .summary = "List deliveries that wait for a person, with the reason",
        .flags = COMMAND_JSON,
        .options = failure_options,
        .run = run_failures,
};

const struct command archive_retry = {
        .name = "retry",
        .usage = "DELIVERY...",
        .summary = "Try failed deliveries again",
        .flags = COMMAND_DRY_RUN,
        .run = run_retry,
};

const struct command archive_hold = {
        .name = "hold",
        .usage = "DELIVERY...",
        .summary = "Keep deliveries from being sent",
        .flags = COMMAND_DRY_RUN,
        .run = run_hold,
};

const struct command archive_release = {
        .name = "release",
        .usage = "DELIVERY...",
        .summary = "Let held deliveries be sent",
        .flags = COMMAND_DRY_RUN,
        .run = run_release,
};
