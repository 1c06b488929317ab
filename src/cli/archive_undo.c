#include "cli/archive.h"
#include "cli/mail.h"
#include "core/clock.h"
#include "store/mailbox.h"
#include "sync/deliver_undo.h"

#include <inttypes.h>

#define LEASE_S 300
#define RUNS_SHOWN 100

struct undo_run {
	struct cli *cli;
	struct store *store;
	struct cli_mail *mail;
	const char *id;
	char *holder;
	struct cli_table *table;
	struct undo_report sum;
	bool known; /* something of the run was found */
	bool troubled;
};

static bool undo_mailbox(struct undo_run *run, const struct mailbox *mailbox, struct lease *lease,
        struct undo_report *report, GError **error)
{
	struct ews_session *session = cli_mail_session(run->mail, mailbox, error);
	return session != NULL &&
	       deliver_undo(run->store, lease, session, run->id, run->cli->dry_run, report, error);
}

static void add_row(struct undo_run *run, const struct mailbox *mailbox,
        const struct undo_report *report, const GError *trouble)
{
	g_autofree char *removed = g_strdup_printf("%" PRIu64, report->removed);
	g_autofree char *gone = g_strdup_printf("%" PRIu64, report->gone);
	g_autofree char *foreign = g_strdup_printf("%" PRIu64, report->foreign);
	const char *cells[] = {mailbox->owner, mailbox->smtp, removed, gone, foreign,
	        trouble != NULL ? trouble->message : NULL};
	cli_table_row(run->table, cells);
	run->sum.removed += report->removed;
	run->sum.gone += report->gone;
	run->sum.foreign += report->foreign;
	run->troubled = run->troubled || trouble != NULL || report->foreign > 0;
}

/* What goes wrong in one mailbox is shown in its row and does not stop the others. */
static bool each_mailbox(const struct mailbox *mailbox, void *data, GError **error)
{
	struct undo_run *run = data;
	autoptr(lease) lease = NULL;
	g_autoptr(GError) trouble = NULL;
	struct undo_report report = {0};
	g_autoptr(GPtrArray) rows =
	        store_deliveries_of_run(run->store, run->id, mailbox->id, error);
	if (rows == NULL || rows->len == 0)
		return rows != NULL;
	run->known = true;
	if (store_lease_claim_mailbox(run->store, mailbox->id, run->holder, clock_utc_us(), LEASE_S,
	            &lease, &trouble)) {
		undo_mailbox(run, mailbox, lease, &report, &trouble);
		if (!store_lease_release(run->store, lease, clock_utc_us(), error))
			return false;
	}
	add_row(run, mailbox, &report, trouble);
	return true;
}

static bool undo(struct undo_run *run, GError **error)
{
	run->store = cli_store(run->cli, error);
	if (run->store == NULL || !store_mailbox_each(run->store, each_mailbox, run, error))
		return false;
	if (run->known)
		return true;
	error_set(error, ERROR_ITEM, "run.unknown",
	        "no item stands in our record as delivered by run %s and not undone: imex archive "
	        "runs lists the runs",
	        run->id);
	return false;
}

static void print_undone(const struct undo_run *run)
{
	if (run->cli->json)
		return;
	printf("%" PRIu64 " items %s, %" PRIu64 " were moved or deleted by their owners and are "
	       "left alone\n",
	        run->sum.removed, run->cli->dry_run ? "would be removed" : "removed",
	        run->sum.gone);
}

static enum cli_exit run_undo(struct cli *cli, int argc, char **argv)
{
	static const char *const columns[] = {
	        "owner", "mailbox", "removed", "gone", "foreign", "trouble", NULL};
	if (argc != 1)
		return cli_usage(&archive_undo, "name one run that imex archive runs lists");
	autoptr(cli_mail) mail = cli_mail_new(cli);
	autoptr(cli_table) table = cli_table_new(columns);
	g_autofree char *holder = lease_holder_new();
	struct undo_run run = {
	        .cli = cli, .mail = mail, .id = argv[0], .holder = holder, .table = table};
	GError *error = NULL;
	if (!undo(&run, &error))
		return cli_fail(error);
	cli_table_print(table, cli, stdout);
	print_undone(&run);
	return run.troubled ? CLI_PARTIAL : CLI_DONE;
}

static void add_run(struct cli_table *table, const struct delivery_run *run)
{
	g_autofree char *first = clock_format_iso(run->first_sent_utc_us);
	g_autofree char *last = clock_format_iso(run->last_sent_utc_us);
	g_autofree char *deliveries = g_strdup_printf("%" PRId64, run->deliveries);
	g_autofree char *confirmed = g_strdup_printf("%" PRId64, run->confirmed);
	g_autofree char *undone = g_strdup_printf("%" PRId64, run->undone);
	const char *cells[] = {run->id, first, last, deliveries, confirmed, undone};
	cli_table_row(table, cells);
}

static enum cli_exit run_runs(struct cli *cli, int argc, char **argv)
{
	static const char *const columns[] = {
	        "run", "first", "last", "deliveries", "delivered", "undone", NULL};
	(void)argv;
	if (argc != 0)
		return cli_usage(&archive_runs, "it takes no words");
	autoptr(cli_table) table = cli_table_new(columns);
	GError *error = NULL;
	struct store *store = cli_store(cli, &error);
	g_autoptr(GPtrArray) runs =
	        store != NULL ? store_delivery_runs(store, RUNS_SHOWN, &error) : NULL;
	if (runs == NULL)
		return cli_fail(error);
	for (guint i = 0; i < runs->len; i++)
		add_run(table, runs->pdata[i]);
	if (!cli->json && runs->len == 0)
		printf("Nothing was delivered yet.\n");
	else
		cli_table_print(table, cli, stdout);
	return CLI_DONE;
}

const struct command archive_runs = {
        .name = "runs",
        .usage = "",
        .summary = "List the latest runs that delivered something",
        .flags = COMMAND_JSON,
        .run = run_runs,
};

const struct command archive_undo = {
        .name = "undo",
        .usage = "RUN",
        .summary = "Remove the items that a run delivered",
        .help = "Only what stands in our record as delivered by that run and bears our property is "
                "removed, for good. What its owner\nmoved or deleted is left alone. What was "
                "undone is never delivered again.",
        .flags = COMMAND_JSON | COMMAND_DRY_RUN,
        .run = run_undo,
};
