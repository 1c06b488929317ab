#include "cli/archive.h"
#include "cli/queue.h"
#include "cli/subject.h"
#include "core/clock.h"
#include "store/delivery_run.h"

#include <inttypes.h>

static char *user, *wait_text;

static const GOptionEntry flush_options[] = {
        {"user", 'u', 0, G_OPTION_ARG_STRING, &user, "Only into this user's mailbox", "USER"},
        {"wait", 0, 0, G_OPTION_ARG_STRING, &wait_text,
                "Come again for at most this long until the queue is empty, such as 30s", "TIME"},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
};

static bool change_one(
        struct cli *cli, const char *uuid, const char *to, bool *changed, GError **error)
{
	autoptr(delivery) delivery = NULL;
	struct store *store = cli_store(cli, error);
	if (store == NULL || !store_delivery_get(store, uuid, &delivery, error))
		return false;
	if (delivery == NULL) {
		error_set(error, ERROR_ITEM, "delivery.unknown",
		        "there is no delivery %s: imex queue list shows them", uuid);
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
		return cli_usage(command, "name the deliveries that imex queue list shows");
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
	return change(cli, &queue_retry, "planned", argc, argv);
}

static enum cli_exit run_hold(struct cli *cli, int argc, char **argv)
{
	return change(cli, &queue_hold, "held", argc, argv);
}

static enum cli_exit run_release(struct cli *cli, int argc, char **argv)
{
	return change(cli, &queue_release, "planned", argc, argv);
}

static bool hurry(struct cli *cli, GError **error)
{
	int64_t mailbox_id = 0;
	int64_t n = 0;
	struct store *store = cli_store(cli, error);
	return store != NULL && queue_user(store, user, &mailbox_id, error) &&
	       (cli->dry_run ||
	               store_deliveries_hurry(store, mailbox_id, clock_utc_us(), &n, error));
}

static enum cli_exit run_flush(struct cli *cli, int argc, char **argv)
{
	GError *error = NULL;
	int64_t wait_s = 0;
	(void)argv;
	if (argc != 0)
		return cli_usage(&queue_flush, "it takes options only");
	if (wait_text != NULL && !config_parse_duration(wait_text, &wait_s))
		return cli_usage(&queue_flush,
		        "\"%s\" is no time to wait: write it as 30s, 5m or 1h", wait_text);
	if (!hurry(cli, &error))
		return cli_fail(error);
	char *only[] = {user, NULL};
	const struct deliver_wish wish = {
	        .users = user != NULL ? only : NULL,
	        .wait_s = wait_s,
	};
	return archive_deliver_now(cli, &wish);
}

const struct command queue_retry = {
        .name = "retry",
        .usage = "DELIVERY...",
        .summary = "Try failed deliveries again",
        .flags = COMMAND_DRY_RUN,
        .run = run_retry,
};

const struct command queue_hold = {
        .name = "hold",
        .usage = "DELIVERY...",
        .summary = "Keep deliveries from being sent",
        .flags = COMMAND_DRY_RUN,
        .run = run_hold,
};

const struct command queue_release = {
        .name = "release",
        .usage = "DELIVERY...",
        .summary = "Let held deliveries be sent",
        .flags = COMMAND_DRY_RUN,
        .run = run_release,
};

const struct command queue_flush = {
        .name = "flush",
        .usage = "",
        .summary = "Send what waits now, without its next try's time being awaited",
        .help = "Nothing new is planned. Exit 3 says that something is left: failed and held "
                "deliveries, and what the server\nrefuses for now.",
        .flags = COMMAND_JSON | COMMAND_DRY_RUN | COMMAND_QUIET,
        .options = flush_options,
        .run = run_flush,
};
