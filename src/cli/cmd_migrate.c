#include "cli/commands.h"
#include "cli/crew.h"
#include "cli/migrate_plan.h"
#include "core/clock.h"
#include "core/thread.h"
#include "im/source.h"

#include <jansson.h>
#include <string.h>

static struct {
	char **users;
	char *user_file, *report, *from, *plan, *plan_out;
	gboolean all, resume, adopt;
	int jobs;
} given;

static const GOptionEntry options[] = {
        {"user", 'u', 0, G_OPTION_ARG_STRING_ARRAY, &given.users,
                "Migrate this user; may be repeated", "USER"},
        {"user-file", 0, 0, G_OPTION_ARG_FILENAME, &given.user_file,
                "Migrate the users of this file, one on each line", "FILE"},
        {"all", 'a', 0, G_OPTION_ARG_NONE, &given.all, "Migrate all users whose policy allows it",
                NULL},
        {"jobs", 'j', 0, G_OPTION_ARG_INT, &given.jobs,
                "Mailboxes that are worked on at the same time", "N"},
        {"report", 0, 0, G_OPTION_ARG_FILENAME, &given.report,
                "Write what was planned and done to this file", "FILE"},
        {"adopt", 0, 0, G_OPTION_ARG_NONE, &given.adopt,
                "Take over lists that another IM server kept in mailboxes; it must not serve "
                "these users any more",
                NULL},
        {"from", 0, 0, G_OPTION_ARG_STRING, &given.from,
                "Read the lists from this [source NAME] or URL instead of the users' IM server",
                "SOURCE"},
        {"plan-out", 0, 0, G_OPTION_ARG_FILENAME, &given.plan_out,
                "Only plan, and write the plan to this file for approval", "FILE"},
        {"plan", 0, 0, G_OPTION_ARG_FILENAME, &given.plan,
                "Carry out exactly this plan; refused when anything changed since", "FILE"},
        {"resume", 0, 0, G_OPTION_ARG_NONE, &given.resume,
                "Go on after an interruption; so does running it again without this option", NULL},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
};

/* What is known of one user. */
struct user_row {
	char *owner, *smtp;
	struct plan_counts plan, done;
	uint64_t waiting, unmapped, foreign, kept, privacy_levels;
	bool planned, worked, migrated;
	char *reason, *message; /* why it failed, or NULL */
	GPtrArray *refusals; /* struct contacts_refusal; of the last phase */
};

static void user_row_free(void *data)
{
	struct user_row *row = data;
	g_free(row->owner);
	g_free(row->smtp);
	g_free(row->reason);
	g_free(row->message);
	if (row->refusals != NULL)
		g_ptr_array_unref(row->refusals);
	g_free(row);
}

struct migration {
	struct cli *cli;
	struct cli_crew crew;
	struct schedule_owners owners;
	struct migrate_plan *plan; /* to be written or to be carried out; NULL: neither */
	GHashTable *by_owner; /* owner -> struct user_row, borrowed from rows */
	GPtrArray *rows; /* struct user_row, by owner */
	const char *phase;
	uint64_t visited;
	struct mutex progress; /* over steps */
	uint64_t steps, steps_total;
};

static uint64_t writes(const struct plan_counts *counts)
{
	return counts->mail_created + counts->mail_updated + counts->mail_deleted +
	       counts->im_created + counts->im_updated + counts->im_deleted;
}

static void note_failure(struct user_row *row, const char *reason, const char *message)
{
	g_free(row->reason);
	g_free(row->message);
	row->reason = g_strdup(reason);
	row->message = g_strdup(message);
}

static struct user_row *row_of(struct migration *migration, const char *owner)
{
	struct user_row *row = g_hash_table_lookup(migration->by_owner, owner);
	if (row == NULL) {
		row = g_new0(struct user_row, 1);
		row->owner = g_strdup(owner);
		g_ptr_array_add(migration->rows, row);
		g_hash_table_insert(migration->by_owner, row->owner, row);
	}
	return row;
}

/* One worker at a time tells of a visit. */
static void visited(void *data, const struct visit *visit)
{
	struct migration *migration = data;
	struct user_row *row = row_of(migration, visit->mailbox->owner);
	const GError *cause = visit_error(visit);
	bool planning = migration->crew.options.dry_run;
	note_failure(row, NULL, NULL);
	if (cause != NULL)
		note_failure(row, error_reason(cause), cause->message);
	if (row->refusals != NULL)
		g_ptr_array_unref(row->refusals);
	row->refusals =
	        visit->contacts.refusals != NULL ? g_ptr_array_ref(visit->contacts.refusals) : NULL;
	row->unmapped = visit->contacts.unmapped;
	row->foreign = visit->contacts.foreign;
	row->waiting = visit->contacts.waiting;
	row->kept = visit->contacts.kept;
	row->privacy_levels = MAX(row->privacy_levels, visit->contacts.privacy_levels);
	if (planning) {
		row->plan = visit->contacts.plan;
		row->planned = cause == NULL;
	} else {
		row->done = visit->contacts.done;
		row->worked = true;
		row->migrated = cause == NULL && visit->contacts.migrated;
	}
	migration->visited++;
	if (planning)
		cli_progress(migration->cli, migration->phase, migration->visited,
		        migration->owners.mailboxes->len);
}

static void stepped(void *data, uint64_t done, uint64_t total)
{
	(void)done;
	(void)total;
	struct migration *migration = data;
	mutex_lock(&migration->progress);
	migration->steps = MIN(migration->steps + 1, migration->steps_total);
	cli_progress(migration->cli, migration->phase, migration->steps, migration->steps_total);
	mutex_unlock(&migration->progress);
}

static bool run_phase(struct migration *migration, const char *phase, GError **error)
{
	migration->phase = phase;
	migration->visited = 0;
	bool good = cli_crew_visit(&migration->crew, migration->owners.mailboxes,
	        (unsigned)given.jobs, visited, migration, error);
	cli_progress_end(migration->cli);
	return good;
}

static char *number(uint64_t value)
{
	return g_strdup_printf("%" G_GUINT64_FORMAT, value);
}

static uint64_t refused(const struct user_row *row)
{
	return row->refusals != NULL ? row->refusals->len : 0;
}

static const char *const plan_columns[] = {"user", "mailbox", "contacts", "create", "link",
        "update", "skip", "refuse", "kept", "IM side", "problem", NULL};

static void print_plan(const struct migration *migration)
{
	autoptr(cli_table) table = cli_table_new(plan_columns);
	for (guint i = 0; i < migration->rows->len; i++) {
		const struct user_row *row = g_ptr_array_index(migration->rows, i);
		const struct plan_counts *plan = &row->plan;
		g_auto(GStrv) numbers = g_new0(char *, 9);
		numbers[0] = number(plan->ours);
		numbers[1] = number(plan->mail_created);
		numbers[2] = number(plan->linked);
		numbers[3] = number(plan->mail_updated + plan->mail_deleted);
		numbers[4] = number(plan->unchanged);
		numbers[5] = number(refused(row));
		numbers[6] = number(row->kept);
		numbers[7] = number(plan->im_created + plan->im_updated + plan->im_deleted);
		const char *cells[] = {row->owner, row->smtp, numbers[0], numbers[1], numbers[2],
		        numbers[3], numbers[4], numbers[5], numbers[6], numbers[7], row->reason};
		cli_table_row(table, cells);
	}
	cli_table_print(table, migration->cli, stdout);
}

static const char *state_of(const struct user_row *row)
{
	if (row->reason != NULL)
		return row->reason;
	if (!row->worked)
		return "not begun";
	return row->migrated ? "migrated" : "in part";
}

static const char *const done_columns[] = {"user", "mailbox", "contacts", "created", "linked",
        "updated", "refused", "waiting", "state", NULL};

static void print_done(const struct migration *migration)
{
	autoptr(cli_table) table = cli_table_new(done_columns);
	for (guint i = 0; i < migration->rows->len; i++) {
		const struct user_row *row = g_ptr_array_index(migration->rows, i);
		g_auto(GStrv) numbers = g_new0(char *, 7);
		numbers[0] = number(row->done.mail_created);
		numbers[1] = number(row->plan.linked);
		numbers[2] = number(row->done.mail_updated + row->done.mail_deleted);
		numbers[3] = number(refused(row));
		numbers[4] = number(row->waiting);
		numbers[5] = number(row->plan.ours);
		const char *cells[] = {row->owner, row->smtp, numbers[5], numbers[0], numbers[1],
		        numbers[2], numbers[3], numbers[4], state_of(row)};
		cli_table_row(table, cells);
	}
	cli_table_print(table, migration->cli, stdout);
}

static void print_refusal(const char *owner, const struct contacts_refusal *refusal)
{
	if (strstr(refusal->message, refusal->key) != NULL)
		fprintf(stderr, "imex: %s: %s\n", owner, refusal->message);
	else
		fprintf(stderr, "imex: %s: contact %s is left out: %s\n", owner, refusal->key,
		        refusal->message);
}

/* One line per contact or user that was left out, and why. */
static void print_refusals(const struct migration *migration)
{
	for (guint i = 0; i < migration->rows->len; i++) {
		const struct user_row *row = g_ptr_array_index(migration->rows, i);
		if (row->message != NULL)
			fprintf(stderr, "imex: %s: %s\n", row->owner, row->message);
		for (guint r = 0; row->refusals != NULL && r < row->refusals->len; r++) {
			const struct contacts_refusal *refusal =
			        g_ptr_array_index(row->refusals, r);
			print_refusal(row->owner, refusal);
		}
	}
}

/* Contacts of the IM side that the mailbox holds now. */
static uint64_t moved(const struct user_row *row)
{
	uint64_t failed =
	        row->plan.mail_created - MIN(row->done.mail_created, row->plan.mail_created);
	uint64_t out = failed + row->unmapped + row->kept;
	return row->migrated && out < row->plan.ours ? row->plan.ours - out : 0;
}

static void print_summary(const struct migration *migration)
{
	uint64_t users = 0, contacts = 0, left_out = 0, levels = 0;
	for (guint i = 0; i < migration->rows->len; i++) {
		const struct user_row *row = g_ptr_array_index(migration->rows, i);
		users += row->migrated;
		contacts += moved(row);
		left_out += refused(row);
		levels += row->privacy_levels;
	}
	printf("%" G_GUINT64_FORMAT " of %u users migrated, with %" G_GUINT64_FORMAT
	       " contacts; refused: %" G_GUINT64_FORMAT " contacts; not moved: %" G_GUINT64_FORMAT
	       " privacy levels\n",
	        users, migration->rows->len, contacts, left_out, levels);
}

static json_t *counts_json(const struct plan_counts *counts)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "mailbox_created",
	        (json_int_t)counts->mail_created, "mailbox_updated",
	        (json_int_t)counts->mail_updated, "mailbox_deleted",
	        (json_int_t)counts->mail_deleted, "im_created", (json_int_t)counts->im_created,
	        "im_updated", (json_int_t)counts->im_updated, "im_deleted",
	        (json_int_t)counts->im_deleted, "linked", (json_int_t)counts->linked, "skipped",
	        (json_int_t)counts->unchanged);
}

static json_t *refusals_json(const GPtrArray *refusals)
{
	json_t *list = json_array();
	for (guint i = 0; refusals != NULL && i < refusals->len; i++) {
		const struct contacts_refusal *refusal = g_ptr_array_index(refusals, i);
		json_array_append_new(
		        list, json_pack("{s:s, s:s, s:s}", "contact", refusal->key, "reason",
		                      refusal->reason, "message", refusal->message));
	}
	return list;
}

static json_t *row_json(const struct user_row *row)
{
	return json_pack(
	        "{s:s, s:s?, s:s, s:s?, s:s?, s:I, s:I, s:o, s:o, s:I, s:I, s:I, s:I, s:o}", "user",
	        row->owner, "mailbox", row->smtp, "state", state_of(row), "reason", row->reason,
	        "message", row->message, "contacts", (json_int_t)row->plan.ours, "moved",
	        (json_int_t)moved(row), "planned", counts_json(&row->plan), "done",
	        counts_json(&row->done), "waiting", (json_int_t)row->waiting, "not_on_im_side",
	        (json_int_t)row->foreign, "kept_on_im_side", (json_int_t)row->kept,
	        "privacy_levels_not_moved", (json_int_t)row->privacy_levels, "refused",
	        refusals_json(row->refusals));
}

static bool write_report(const struct migration *migration, GError **error)
{
	if (given.report == NULL)
		return true;
	g_autofree char *at = clock_format_iso(clock_utc_us());
	json_t *users = json_array();
	for (guint i = 0; i < migration->rows->len; i++)
		json_array_append_new(users, row_json(g_ptr_array_index(migration->rows, i)));
	json_t *report = json_pack("{s:s, s:b, s:o}", "written", at, "dry_run",
	        migration->cli->dry_run, "users", users);
	char *text = json_dumps(report, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
	json_decref(report);
	g_autoptr(GError) cause = NULL;
	bool good = text != NULL && g_file_set_contents_full(given.report, text, -1,
	                                    G_FILE_SET_CONTENTS_CONSISTENT, 0600, &cause);
	free(text);
	if (!good)
		error_set(error, ERROR_CONFIG, "migrate.report",
		        "the report cannot be written to %s: %s: name another file", given.report,
		        cause != NULL ? cause->message : "a text is not UTF-8");
	return good;
}

static int compare_rows(const void *a, const void *b)
{
	const struct user_row *const *left = a;
	const struct user_row *const *right = b;
	return strcmp((*left)->owner, (*right)->owner);
}

static void begin_rows(struct migration *migration)
{
	for (guint i = 0; i < migration->owners.mailboxes->len; i++) {
		const struct mailbox *mailbox = g_ptr_array_index(migration->owners.mailboxes, i);
		struct user_row *row = row_of(migration, mailbox->owner);
		g_free(row->smtp);
		row->smtp = g_strdup(mailbox->smtp);
	}
	for (guint i = 0; i < migration->owners.refused->len; i++) {
		const struct schedule_refusal *refusal =
		        g_ptr_array_index(migration->owners.refused, i);
		note_failure(row_of(migration, refusal->owner), refusal->reason, refusal->message);
	}
	g_ptr_array_sort(migration->rows, compare_rows);
}

/* Users of the options and of the file; NULL: all. */
static bool read_users(GPtrArray *users, GError **error)
{
	g_autofree char *text = NULL;
	g_autoptr(GError) cause = NULL;
	for (char **user = given.users; user != NULL && *user != NULL; user++)
		g_ptr_array_add(users, g_strdup(*user));
	if (given.user_file == NULL)
		return true;
	if (!g_file_get_contents(given.user_file, &text, NULL, &cause)) {
		error_set(error, ERROR_CONFIG, "migrate.user_file",
		        "the users cannot be read: %s: check the name of the file", cause->message);
		return false;
	}
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line != NULL; line++) {
		g_strstrip(*line);
		if (**line != '\0' && **line != '#')
			g_ptr_array_add(users, g_strdup(*line));
	}
	return true;
}

static bool find_users(struct migration *migration, GError **error)
{
	g_autoptr(GPtrArray) users = given.plan != NULL ? migrate_plan_users(migration->plan)
	                                                : g_ptr_array_new_with_free_func(g_free);
	if (given.plan == NULL) {
		if (!given.all && !read_users(users, error))
			return false;
		g_ptr_array_add(users, NULL);
	}
	if (!cli_crew_owners(&migration->crew, given.all ? NULL : (char *const *)users->pdata,
	            !migration->cli->dry_run && given.plan_out == NULL, &migration->owners, error))
		return false;
	begin_rows(migration);
	return true;
}

static void count_total(struct migration *migration)
{
	for (guint i = 0; i < migration->rows->len; i++) {
		const struct user_row *row = g_ptr_array_index(migration->rows, i);
		migration->steps_total += writes(&row->plan);
	}
}

/* Whether all users of an approved plan are as they were; else none is touched. */
static bool check_approved(const struct migration *migration, GError **error)
{
	for (guint i = 0; given.plan != NULL && i < migration->rows->len; i++) {
		const struct user_row *row = g_ptr_array_index(migration->rows, i);
		if (row->reason == NULL)
			continue;
		error_set(error, ERROR_MAILBOX, "plan.changed",
		        "nothing was written, because the plan cannot be carried out for %s: %s",
		        row->owner, row->message);
		return false;
	}
	return true;
}

/* Before anybody's list is looked at: there must be such a source. */
static bool check_from(const struct config *config, const char *from, GError **error)
{
	if (from == NULL)
		return true;
	const struct im_source_options elsewhere = {.url = from};
	autoptr(im_source) source = strstr(from, "://") != NULL
	                                    ? im_source_open_url(&elsewhere, error)
	                                    : im_source_open(config, from, error);
	return source != NULL;
}

static bool prepare(struct migration *migration, GError **error)
{
	struct worker_options *work = &migration->crew.options;
	if (given.plan != NULL &&
	        !migrate_plan_load_begun(migration->plan, migration->cli->store, error))
		return false;
	work->from = given.plan != NULL ? migrate_plan_from(migration->plan) : given.from;
	work->contacts.adopt =
	        given.plan != NULL ? migrate_plan_adopt(migration->plan) : given.adopt != FALSE;
	work->contacts.review_data = migration->plan;
	if (given.plan != NULL)
		work->contacts.review = migrate_plan_check;
	else if (given.plan_out != NULL)
		work->contacts.review = migrate_plan_collect;
	return check_from(migration->cli->config, work->from, error) &&
	       find_users(migration, error);
}

/* First what would be done, for all. *go is false when that is all that was asked for. */
static bool plan_all(struct migration *migration, bool *go, GError **error)
{
	bool only = migration->cli->dry_run || given.plan_out != NULL;
	migration->crew.options.dry_run = true;
	*go = false;
	if (!run_phase(migration, "planning: mailbox", error) || !check_approved(migration, error))
		return false;
	if (!migration->cli->json || only)
		print_plan(migration);
	*go = !only && !cli_crew_stopping(NULL);
	return given.plan_out == NULL || cli_crew_stopping(NULL) ||
	       migrate_plan_write(
	               migration->plan, given.plan_out, given.adopt != FALSE, given.from, error);
}

/* What has come to its end needs no memory of its plan. */
static bool forget_plans(const struct migration *migration, GError **error)
{
	for (guint i = 0; given.plan != NULL && i < migration->rows->len; i++) {
		const struct user_row *row = g_ptr_array_index(migration->rows, i);
		if (row->migrated && !migrate_plan_forget_begun(migration->plan,
		                             migration->cli->store, row->owner, error))
			return false;
	}
	return true;
}

static bool migrate(struct migration *migration, GError **error)
{
	struct worker_options *work = &migration->crew.options;
	bool go = false;
	if (!prepare(migration, error) || !plan_all(migration, &go, error))
		return false;
	if (!go)
		return true;
	count_total(migration);
	work->dry_run = false;
	work->contacts.progress = stepped;
	work->contacts.data = migration;
	if (!run_phase(migration, "migrating: contact", error) || !forget_plans(migration, error))
		return false;
	if (!migration->cli->json)
		putchar('\n');
	print_done(migration);
	if (!migration->cli->json)
		print_summary(migration);
	return true;
}

static enum cli_exit exit_code(const struct migration *migration)
{
	guint failed = 0, incomplete = 0;
	for (guint i = 0; i < migration->rows->len; i++) {
		const struct user_row *row = g_ptr_array_index(migration->rows, i);
		failed += row->reason != NULL;
		incomplete += row->reason == NULL && !migration->cli->dry_run &&
		              given.plan_out == NULL && (!row->migrated || refused(row) > 0);
	}
	if (failed > 0 && failed == migration->rows->len)
		return CLI_FAILED;
	return failed + incomplete > 0 ? CLI_PARTIAL : CLI_DONE;
}

static const struct command *this_command(void)
{
	return &cmd_migrate;
}

static bool open_plan(struct migration *migration, GError **error)
{
	if (given.plan != NULL)
		migration->plan = migrate_plan_read(given.plan, error);
	else
		migration->plan = migrate_plan_new();
	return migration->plan != NULL;
}

static enum cli_exit run(struct cli *cli, int argc, char **argv)
{
	(void)argv;
	bool some = given.users != NULL || given.user_file != NULL;
	if (argc > 0)
		return cli_usage(this_command(), "it takes no operands: name users with --user");
	if (given.plan != NULL &&
	        (some || given.all || given.adopt || given.from != NULL || given.plan_out != NULL))
		return cli_usage(this_command(), "--plan says itself who is migrated and how");
	if (given.plan == NULL && given.all == some)
		return cli_usage(this_command(), "name users with --user or --user-file, or all "
		                                 "of them with --all");
	if (given.jobs < 0 || given.jobs > 256)
		return cli_usage(this_command(), "--jobs is a number from 1 to 256");
	struct migration migration = {.cli = cli};
	migration.rows = g_ptr_array_new_with_free_func(user_row_free);
	migration.by_owner = g_hash_table_new(g_str_hash, g_str_equal);
	mutex_init(&migration.progress);
	GError *error = NULL;
	bool good = open_plan(&migration, &error) && cli_crew_open(&migration.crew, cli, &error) &&
	            migrate(&migration, &error) && write_report(&migration, &error);
	if (good)
		print_refusals(&migration);
	enum cli_exit code = good ? exit_code(&migration) : cli_fail(error);
	cli_crew_clear(&migration.crew);
	g_clear_pointer(&migration.plan, migrate_plan_free);
	schedule_owners_clear(&migration.owners);
	g_hash_table_unref(migration.by_owner);
	g_ptr_array_unref(migration.rows);
	mutex_destroy(&migration.progress);
	return code;
}

const struct command cmd_migrate = {
        .name = "migrate",
        .usage = "(--user USER... | --user-file FILE | --all | --plan FILE) [--plan-out FILE]"
                 " [--from SOURCE] [--adopt] [--jobs N] [--report FILE]",
        .summary = "Put users' contact lists into their mailboxes",
        .help = "First plans for all users and shows what would be created, linked with what is "
                "there, skipped and refused; then does it. What was put into a mailbox is read "
                "back before the user counts as migrated. It may be interrupted at any moment and "
                "run again. Contacts that cannot be carried over are reported and left out.\n\n"
                "Exit status: 0 all migrated, 1 none, 2 wrong use or configuration, 3 in part.",
        .flags = COMMAND_JSON | COMMAND_DRY_RUN | COMMAND_QUIET,
        .options = options,
        .run = run,
};
