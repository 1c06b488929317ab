#include "cli/archive.h"
#include "cli/mail.h"
#include "cli/subject.h"
#include "core/clock.h"
#include "store/delivery_run.h"
#include "store/mailbox.h"
#include "store/pass.h"
#include "store/pause.h"
#include "sync/deliver.h"

#include <inttypes.h>

/* How long the lease on a mailbox lasts; renewed before every batch. */
#define LEASE_S 300

static char **users;
static char *since;
static gboolean no_wait;

static const GOptionEntry options[] = {
        {"user", 'u', 0, G_OPTION_ARG_STRING_ARRAY, &users,
                "Only into this user's mailbox; may be repeated", "USER"},
        {"since", 0, 0, G_OPTION_ARG_STRING, &since,
                "Take history that was sent at or after this time first (ISO 8601)", "TIME"},
        {"no-wait", 0, 0, G_OPTION_ARG_NONE, &no_wait,
                "Leave what was sent without an answer for later", NULL},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
};

/* A run over all mailboxes. */
struct delivering_run {
	struct cli *cli;
	const struct deliver_wish *wish;
	char *id; /* of the run */
	struct store *store;
	const struct config *config;
	struct cli_mail *mail;
	char *holder;
	struct cli_table *table;
	struct deliver_report sum;
	const struct deliver_report *current;
	unsigned troubled; /* mailboxes where something is left */
};

static bool show_progress(void *data, const struct deliver_report *so_far)
{
	const struct delivering_run *run = data;
	cli_progress(run->cli, "delivering", run->sum.sent + so_far->sent, 0);
	return true;
}

static void add_report(struct deliver_report *sum, const struct deliver_report *one)
{
	sum->sent += one->sent;
	sum->found += one->found;
	sum->again += one->again;
	sum->failed += one->failed;
	sum->uncertain += one->uncertain;
	sum->twins += one->twins;
}

/* Sleeps until what was sent without an answer may be looked up; false when that is not wanted. */
static bool wait_for(const struct delivering_run *run, int64_t due_utc_us)
{
	int64_t settle_us =
	        config_duration_s(run->config, "uncertain", NULL, "settle") * CLOCK_US_PER_S;
	int64_t wait_us = due_utc_us - clock_utc_us();
	if (run->wish->no_wait || wait_us > settle_us + CLOCK_US_PER_S)
		return false;
	if (wait_us > 0)
		clock_sleep_us(wait_us);
	return true;
}

/* Passes until nothing is left that can be done now. */
static bool deliver_mailbox(struct delivering_run *run, struct lease *lease,
        struct deliver_report *report, GError **error)
{
	const struct deliver_options pass_options = {
	        .config = run->config,
	        .lease_s = LEASE_S,
	        .run = run->id,
	        .progress = show_progress,
	        .data = run,
	};
	while (true) {
		struct deliver_report once;
		int64_t due = INT64_MAX;
		struct ews_session *session = cli_mail_session(run->mail, lease->mailbox, error);
		if (session == NULL)
			return false;
		bool good =
		        deliver_pass(run->store, lease, session, &pass_options, &once, &due, error);
		add_report(report, &once);
		if (!good)
			return false;
		if (due == INT64_MAX || !wait_for(run, due))
			return true;
	}
}

static void add_row(struct delivering_run *run, const struct mailbox *mailbox,
        const struct deliver_report *report, const char *trouble)
{
	g_autofree char *sent = g_strdup_printf("%" PRIu64, report->sent);
	g_autofree char *found = g_strdup_printf("%" PRIu64, report->found);
	g_autofree char *again = g_strdup_printf("%" PRIu64, report->again);
	g_autofree char *failed = g_strdup_printf("%" PRIu64, report->failed);
	const char *cells[] = {mailbox->owner, mailbox->smtp, sent, found, again, failed, trouble};
	cli_table_row(run->table, cells);
}

/* What goes wrong in one mailbox is shown in its row and does not stop the others. */
static bool work_on(struct delivering_run *run, const struct mailbox *mailbox, GError **error)
{
	autoptr(lease) lease = NULL;
	g_autoptr(GError) trouble = NULL;
	struct deliver_report report = {0};
	struct delivery_totals left = {0};
	if (store_lease_claim_mailbox(run->store, mailbox->id, run->holder, clock_utc_us(), LEASE_S,
	            &lease, &trouble)) {
		if (!deliver_mailbox(run, lease, &report, &trouble))
			run->troubled++;
		if (!store_delivery_totals(run->store, mailbox->id, &left, error) ||
		        !store_pass_record(run->store, lease, PASS_ARCHIVE, clock_utc_us(), trouble,
		                trouble != NULL ? error_retry_at(trouble) : 0,
		                left.planned + left.sent, error) ||
		        !store_lease_release(run->store, lease, clock_utc_us(), error))
			return false;
	} else {
		run->troubled++;
	}
	run->troubled += trouble == NULL && left.planned + left.sent + left.failed > 0;
	add_report(&run->sum, &report);
	add_row(run, mailbox, &report, trouble != NULL ? trouble->message : NULL);
	return true;
}

/* Whether there is anything to do in it that nobody has paused. */
static bool has_work(
        struct delivering_run *run, const struct mailbox *mailbox, bool *work, GError **error)
{
	int64_t due = INT64_MAX;
	bool paused = false;
	if (!store_delivery_next_due(run->store, mailbox->id, 0, &due, error) ||
	        !store_paused(run->store, mailbox, PASS_ARCHIVE, &paused, error))
		return false;
	*work = due != INT64_MAX && !paused;
	return true;
}

static bool each_mailbox(const struct mailbox *mailbox, void *data, GError **error)
{
	struct delivering_run *run = data;
	bool work = false;
	char **only = run->wish->users;
	if (only != NULL && !g_strv_contains((const char *const *)only, mailbox->owner))
		return true;
	return has_work(run, mailbox, &work, error) &&
	       (!work || run->cli->dry_run || work_on(run, mailbox, error));
}

/* Users in their canonical form; NULL when all are meant. */
static bool canonical_users(char **names, char ***out, GError **error)
{
	g_autoptr(GStrvBuilder) owners = g_strv_builder_new();
	*out = NULL;
	for (char **name = names; name != NULL && *name != NULL; name++) {
		g_autofree char *canonical = cli_user(*name, error);
		if (canonical == NULL)
			return false;
		g_strv_builder_add(owners, canonical);
	}
	if (names != NULL)
		*out = g_strv_builder_end(owners);
	return true;
}

static bool prepare(struct delivering_run *run, struct deliver_plan_report *plan, GError **error)
{
	autoptr(usermap) map = usermap_new(run->config, error);
	return map != NULL && deliver_prepare(run->store, run->config, map, plan, error);
}

static bool refuse_observing(const struct config *config, GError **error)
{
	if (!g_str_equal(config_string(config, "imex", NULL, "mode"), "observe"))
		return false;
	error_set(error, ERROR_CONFIG, "imex.observe",
	        "nothing is delivered, because imex.mode is observe: set it to run in %s",
	        config_path(config));
	return true;
}

static bool once(struct delivering_run *run, struct deliver_plan_report *plan, GError **error)
{
	run->troubled = 0;
	return (!run->wish->prepare || prepare(run, plan, error)) &&
	       store_mailbox_each(run->store, each_mailbox, run, error);
}

/* Comes again while something is left and the wish allows it. */
static bool deliver(struct delivering_run *run, struct deliver_plan_report *plan, GError **error)
{
	run->config = cli_config(run->cli, error);
	run->store = run->config != NULL ? cli_store(run->cli, error) : NULL;
	if (run->store == NULL || refuse_observing(run->config, error) || !once(run, plan, error))
		return false;
	int64_t end_us = clock_mono_us() + run->wish->wait_s * CLOCK_US_PER_S;
	while (run->troubled > 0 && !run->cli->dry_run && clock_mono_us() < end_us) {
		clock_sleep_us(CLOCK_US_PER_S);
		if (!once(run, plan, error))
			return false;
	}
	return true;
}

static void print_summary(const struct delivering_run *run, const struct deliver_plan_report *plan)
{
	if (run->cli->json)
		return;
	printf("%" PRIu64 " conversations closed, %" PRIu64 " deliveries planned, %" PRIu64
	       " delivered, %" PRIu64 " found delivered, %" PRIu64 " failed, %" PRIu64
	       " kept in the local archive\n",
	        plan->segments.closed, plan->planned, run->sum.sent, run->sum.found,
	        run->sum.failed, plan->kept);
	if (run->sum.sent > 0)
		printf("This was run %s: imex archive undo %s would remove what it delivered\n",
		        run->id, run->id);
	if (plan->blocked > 0)
		printf("%" PRIu64 " conversations wait for a person: see imex archive status\n",
		        plan->blocked);
	if (plan->waiting > 0)
		printf("%" PRIu64 " conversations wait for files whose upload host is in trouble\n",
		        plan->waiting);
	if (plan->full)
		printf("The queue is full: further conversations wait, see imex queue list\n");
}

static enum cli_exit run_wish(struct cli *cli, const struct deliver_wish *wish)
{
	static const char *const columns[] = {
	        "owner", "mailbox", "delivered", "found", "again", "failed", "trouble", NULL};
	struct deliver_plan_report plan = {0};
	autoptr(cli_mail) mail = cli_mail_new(cli);
	autoptr(cli_table) table = cli_table_new(columns);
	g_autofree char *holder = lease_holder_new();
	g_autofree char *id = delivery_run_id(clock_utc_us());
	struct delivering_run run = {
	        .cli = cli, .wish = wish, .id = id, .mail = mail, .table = table, .holder = holder};
	GError *error = NULL;
	bool good = deliver(&run, &plan, &error);
	cli_progress_end(cli);
	if (!good)
		return cli_fail(error);
	if (cli->json || cli_table_rows(table) > 0)
		cli_table_print(table, cli, stdout);
	print_summary(&run, &plan);
	return run.troubled > 0 || plan.blocked > 0 || plan.full ? CLI_PARTIAL : CLI_DONE;
}

enum cli_exit archive_deliver_now(struct cli *cli, const struct deliver_wish *wish)
{
	g_auto(GStrv) canonical = NULL;
	GError *error = NULL;
	if (!canonical_users(wish->users, &canonical, &error))
		return cli_fail(error);
	struct deliver_wish own = *wish;
	own.users = canonical;
	return run_wish(cli, &own);
}

static enum cli_exit run_deliver(struct cli *cli, int argc, char **argv)
{
	(void)argv;
	if (argc != 0)
		return cli_usage(&archive_deliver, "it takes no words; users are named by --user");
	const struct deliver_wish wish = {.users = users, .prepare = true, .no_wait = no_wait};
	GError *error = NULL;
	if (!archive_capture(cli, since, &error)) {
		bool unneeded = since == NULL && error_is(error, "source.none");
		if (!unneeded && (since != NULL || error_class_of(error) == ERROR_CONFIG))
			return cli_fail(error);
		/* What was captured before is delivered all the same. */
		if (!unneeded)
			fprintf(stderr, "imex: %s\n", error->message);
		g_clear_error(&error);
	}
	return archive_deliver_now(cli, &wish);
}

const struct command archive_deliver = {
        .name = "deliver",
        .usage = "",
        .summary = "Put finished conversations into the mailboxes now",
        .help = "Conversations whose participants are archived (imex policy set archive) are "
                "closed when they have been quiet\nfor long enough, and delivered once. What was "
                "sent without an answer is looked up before it is repeated;\nthe command waits "
                "for that ([uncertain] settle) unless --no-wait is given.",
        .flags = COMMAND_JSON | COMMAND_QUIET,
        .options = options,
        .run = run_deliver,
};
