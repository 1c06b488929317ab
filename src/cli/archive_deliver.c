#include "cli/archive.h"
#include "cli/crew.h"
#include "cli/subject.h"
#include "core/clock.h"
#include "core/thread.h"
#include "store/delivery_run.h"
#include "store/mailbox.h"
#include "store/pass.h"
#include "store/pause.h"
#include "sync/deliver.h"

#include <inttypes.h>

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

/* What was done in one mailbox, in all visits of the run. */
struct mailbox_row {
	struct mailbox *mailbox; /* owned */
	struct deliver_report sum;
	uint64_t under_way; /* delivered in the visit that is not over */
	int64_t due_utc_us; /* when to come again; INT64_MAX: no need */
	char *trouble; /* owned */
};

/* A run over all mailboxes. */
struct delivering_run {
	struct cli *cli;
	const struct deliver_wish *wish;
	char *id; /* of the run */
	struct store *store;
	const struct config *config;
	struct cli_crew crew;
	GPtrArray *rows; /* struct mailbox_row, by owner */
	GHashTable *by_id; /* mailbox id -> row, borrowed */
	struct mutex mutex; /* over rows while workers are at work */
};

static void row_free(struct mailbox_row *row)
{
	mailbox_free(row->mailbox);
	g_free(row->trouble);
	g_free(row);
}

static struct mailbox_row *row_of(struct delivering_run *run, const struct mailbox *mailbox)
{
	struct mailbox_row *row = g_hash_table_lookup(run->by_id, &mailbox->id);
	if (row != NULL)
		return row;
	row = g_new0(struct mailbox_row, 1);
	row->mailbox = mailbox_copy(mailbox);
	g_ptr_array_add(run->rows, row);
	g_hash_table_insert(run->by_id, &row->mailbox->id, row);
	return row;
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

static struct deliver_report sum_of(const struct delivering_run *run)
{
	struct deliver_report sum = {0};
	for (guint i = 0; i < run->rows->len; i++)
		add_report(&sum, &((const struct mailbox_row *)run->rows->pdata[i])->sum);
	return sum;
}

/* After a batch, in any worker's thread. */
static bool delivered(void *data, const struct visit *visit)
{
	struct delivering_run *run = data;
	uint64_t sent = 0;
	mutex_lock(&run->mutex);
	row_of(run, visit->mailbox)->under_way = visit->archive.sent;
	for (guint i = 0; i < run->rows->len; i++) {
		const struct mailbox_row *row = run->rows->pdata[i];
		sent += row->sum.sent + row->under_way;
	}
	cli_progress(run->cli, "delivering", sent, 0);
	mutex_unlock(&run->mutex);
	return !cli_crew_stopping(NULL);
}

/* What goes wrong in one mailbox is shown in its row and does not stop the others. */
static void visited(void *data, const struct visit *visit)
{
	struct delivering_run *run = data;
	const GError *trouble = visit_error(visit);
	mutex_lock(&run->mutex);
	struct mailbox_row *row = row_of(run, visit->mailbox);
	row->under_way = 0;
	add_report(&row->sum, &visit->archive);
	row->due_utc_us = visit->archive_due_utc_us;
	g_free(row->trouble);
	row->trouble = trouble != NULL ? g_strdup(trouble->message) : NULL;
	mutex_unlock(&run->mutex);
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
	if (!has_work(run, mailbox, &work, error))
		return false;
	if (work && !run->cli->dry_run)
		row_of(run, mailbox)->due_utc_us = 0;
	return true;
}

/* Sleeps until what was sent without an answer may be looked up; false when that is not wanted. */
static bool wait_for(const struct delivering_run *run, int64_t due_utc_us)
{
	int64_t settle_us =
	        config_duration_s(run->config, "uncertain", NULL, "settle") * CLOCK_US_PER_S;
	int64_t wait_us = due_utc_us - clock_utc_us();
	if (due_utc_us == INT64_MAX || run->wish->no_wait || wait_us > settle_us + CLOCK_US_PER_S)
		return false;
	if (wait_us > 0)
		clock_sleep_us(wait_us);
	return true;
}

/* The mailboxes of rows that are due, borrowed, and when the next of the others is. */
static GPtrArray *take_due(const struct delivering_run *run, int64_t *next_utc_us)
{
	GPtrArray *mailboxes = g_ptr_array_new();
	*next_utc_us = INT64_MAX;
	for (guint i = 0; i < run->rows->len; i++) {
		struct mailbox_row *row = run->rows->pdata[i];
		bool due = row->trouble == NULL && row->due_utc_us <= clock_utc_us();
		if (due)
			g_ptr_array_add(mailboxes, row->mailbox);
		else if (row->trouble == NULL)
			*next_utc_us = MIN(*next_utc_us, row->due_utc_us);
	}
	return mailboxes;
}

/* Visits until nothing is left that can be done now. */
static bool visit_all(struct delivering_run *run, GError **error)
{
	while (!cli_crew_stopping(NULL)) {
		int64_t next_utc_us = INT64_MAX;
		g_autoptr(GPtrArray) mailboxes = take_due(run, &next_utc_us);
		if (mailboxes->len == 0 && !wait_for(run, next_utc_us))
			return true;
		if (mailboxes->len > 0 &&
		        !cli_crew_visit(&run->crew, mailboxes, 0, visited, run, error))
			return false;
	}
	return true;
}

/* What the run leaves behind in each mailbox that it visited. */
static bool look_for_rest(struct delivering_run *run, unsigned *troubled, GError **error)
{
	*troubled = 0;
	for (guint i = 0; i < run->rows->len; i++) {
		const struct mailbox_row *row = run->rows->pdata[i];
		struct delivery_totals left = {0};
		if (!store_delivery_totals(run->store, row->mailbox->id, &left, error))
			return false;
		*troubled += row->trouble != NULL || left.planned + left.sent + left.failed > 0;
	}
	return true;
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
	return deliver_prepare(run->store, run->config, run->crew.map, plan, error);
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

static bool open_crew(struct delivering_run *run, GError **error)
{
	if (!cli_crew_open(&run->crew, run->cli, error))
		return false;
	run->crew.options.kinds = WORKER_ARCHIVE;
	run->crew.options.archive_run = run->id;
	run->crew.options.all_planned = true;
	run->crew.options.delivered = delivered;
	run->crew.options.delivered_data = run;
	return true;
}

/* Rows of an earlier time keep their sums; their trouble may be over. */
static bool once(struct delivering_run *run, struct deliver_plan_report *plan, unsigned *troubled,
        GError **error)
{
	for (guint i = 0; i < run->rows->len; i++) {
		struct mailbox_row *row = run->rows->pdata[i];
		row->due_utc_us = INT64_MAX;
		g_clear_pointer(&row->trouble, g_free);
	}
	return (!run->wish->prepare || prepare(run, plan, error)) &&
	       store_mailbox_each(run->store, each_mailbox, run, error) && visit_all(run, error) &&
	       look_for_rest(run, troubled, error);
}

/* Comes again while something is left and the wish allows it. */
static bool deliver(struct delivering_run *run, struct deliver_plan_report *plan,
        unsigned *troubled, GError **error)
{
	run->config = cli_config(run->cli, error);
	run->store = run->config != NULL ? cli_store(run->cli, error) : NULL;
	if (run->store == NULL || refuse_observing(run->config, error) || !open_crew(run, error) ||
	        !once(run, plan, troubled, error))
		return false;
	int64_t end_us = clock_mono_us() + run->wish->wait_s * CLOCK_US_PER_S;
	while (*troubled > 0 && !run->cli->dry_run && clock_mono_us() < end_us &&
	        !cli_crew_stopping(NULL)) {
		clock_sleep_us(CLOCK_US_PER_S);
		if (!once(run, plan, troubled, error))
			return false;
	}
	return true;
}

static void print_rows(const struct delivering_run *run)
{
	static const char *const columns[] = {
	        "owner", "mailbox", "delivered", "found", "again", "failed", "trouble", NULL};
	autoptr(cli_table) table = cli_table_new(columns);
	for (guint i = 0; i < run->rows->len; i++) {
		const struct mailbox_row *row = run->rows->pdata[i];
		g_autofree char *sent = g_strdup_printf("%" PRIu64, row->sum.sent);
		g_autofree char *found = g_strdup_printf("%" PRIu64, row->sum.found);
		g_autofree char *again = g_strdup_printf("%" PRIu64, row->sum.again);
		g_autofree char *failed = g_strdup_printf("%" PRIu64, row->sum.failed);
		const char *cells[] = {row->mailbox->owner, row->mailbox->smtp, sent, found, again,
		        failed, row->trouble};
		cli_table_row(table, cells);
	}
	if (run->cli->json || run->rows->len > 0)
		cli_table_print(table, run->cli, stdout);
}

static void print_summary(const struct delivering_run *run, const struct deliver_plan_report *plan)
{
	const struct deliver_report sum = sum_of(run);
	if (run->cli->json)
		return;
	printf("%" PRIu64 " conversations closed, %" PRIu64 " deliveries planned, %" PRIu64
	       " delivered, %" PRIu64 " found delivered, %" PRIu64 " failed, %" PRIu64
	       " kept in the local archive\n",
	        plan->segments.closed, plan->planned, sum.sent, sum.found, sum.failed, plan->kept);
	if (sum.sent > 0)
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
	struct deliver_plan_report plan = {0};
	unsigned troubled = 0;
	g_autofree char *id = delivery_run_id(clock_utc_us());
	g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func((GDestroyNotify)row_free);
	g_autoptr(GHashTable) by_id = g_hash_table_new(g_int64_hash, g_int64_equal);
	struct delivering_run run = {
	        .cli = cli, .wish = wish, .id = id, .rows = rows, .by_id = by_id};
	GError *error = NULL;
	mutex_init(&run.mutex);
	bool good = deliver(&run, &plan, &troubled, &error);
	cli_crew_clear(&run.crew);
	mutex_destroy(&run.mutex);
	cli_progress_end(cli);
	if (!good)
		return cli_fail(error);
	print_rows(&run);
	print_summary(&run, &plan);
	return troubled > 0 || plan.blocked > 0 || plan.full ? CLI_PARTIAL : CLI_DONE;
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
