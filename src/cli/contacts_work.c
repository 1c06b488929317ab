/* `imex contacts`: what goes on the wire. */
#include "cli/contacts.h"
#include "cli/contacts_private.h"
#include "cli/crew.h"
#include "cli/subject.h"
#include "store/mailbox.h"

static gboolean allow_mass_delete, accept_older;

struct work {
	struct cli *cli;
	GError *error; /* of the visit */
	struct contacts_report report; /* without its refusals */
	unsigned left_out;
	bool done;
};

static void visited(void *data, const struct visit *visit)
{
	struct work *work = data;
	const GError *cause = visit_error(visit);
	work->error = cause != NULL ? g_error_copy(cause) : NULL;
	work->report = visit->contacts;
	work->report.refusals = NULL;
	work->done = true;
	work->left_out = visit->contacts.refusals != NULL ? visit->contacts.refusals->len : 0;
	for (guint i = 0; visit->contacts.refusals != NULL && i < visit->contacts.refusals->len;
	        i++) {
		const struct contacts_refusal *refusal =
		        g_ptr_array_index(visit->contacts.refusals, i);
		fprintf(stderr, "imex: contact %s is left out: %s\n", refusal->key,
		        refusal->message);
	}
}

static void add_line(struct cli_table *table, const char *side, uint64_t created, uint64_t updated,
        uint64_t deleted)
{
	g_autofree char *c = g_strdup_printf("%" G_GUINT64_FORMAT, created);
	g_autofree char *u = g_strdup_printf("%" G_GUINT64_FORMAT, updated);
	g_autofree char *d = g_strdup_printf("%" G_GUINT64_FORMAT, deleted);
	const char *cells[] = {side, c, u, d};
	cli_table_row(table, cells);
}

static void print_work(const struct work *work)
{
	static const char *const columns[] = {"side", "created", "updated", "deleted", NULL};
	const struct contacts_report *report = &work->report;
	const struct plan_counts *counts = work->cli->dry_run ? &report->plan : &report->done;
	autoptr(cli_table) table = cli_table_new(columns);
	add_line(
	        table, "mailbox", counts->mail_created, counts->mail_updated, counts->mail_deleted);
	add_line(table, "IM side", counts->im_created, counts->im_updated, counts->im_deleted);
	cli_table_print(table, work->cli, stdout);
	if (work->cli->json)
		return;
	if (report->waiting > 0)
		printf("%" G_GUINT64_FORMAT " changes wait for the IM side to be writable\n",
		        report->waiting);
	if (report->confirming)
		printf("a list was found empty: the next pass reads it again before it is "
		       "believed\n");
}

/* One visit to one mailbox. */
static bool visit_one(
        struct cli_crew *crew, struct mailbox *mailbox, struct work *work, GError **error)
{
	g_autoptr(GPtrArray) mailboxes = g_ptr_array_new();
	g_ptr_array_add(mailboxes, mailbox);
	if (!cli_crew_visit(crew, mailboxes, 1, visited, work, error))
		return false;
	if (work->error != NULL)
		g_propagate_error(error, g_steal_pointer(&work->error));
	else if (work->done)
		return true;
	else
		error_set(error, ERROR_RETRY, "contacts.stopped",
		        "stopped before the contacts of %s were looked at", mailbox->owner);
	return false;
}

/* The mailbox of a user whose list was never moved. */
static struct mailbox *never_moved(
        struct cli_crew *crew, const char *owner, bool pin, GError **error)
{
	autoptr(mailbox) mailbox = NULL;
	struct cli *cli = crew->cli;
	if (!usermap_lookup(crew->map, owner, &mailbox, error) ||
	        (pin && !store_mailbox_pin(cli->store, mailbox, &mailbox->id, error)))
		return NULL;
	return g_steal_pointer(&mailbox);
}

static bool do_job(struct cli_crew *crew, struct cli *cli, const char *user,
        struct contacts_job *job, GError **error)
{
	struct work work = {.cli = cli};
	autoptr(mailbox) mailbox = NULL;
	g_autofree char *owner = cli_user(user, error);
	if (owner == NULL || !cli_crew_open(crew, cli, error) ||
	        !store_mailbox_by_owner(cli->store, owner, &mailbox, error))
		return false;
	if (mailbox == NULL)
		mailbox = job->anyone
		                  ? never_moved(crew, owner, !cli->dry_run && !job->scratch, error)
		                  : contacts_mailbox(cli, user, error);
	if (mailbox == NULL)
		return false;
	crew->options.contacts_work = job->work;
	crew->options.contacts_data = job->data;
	crew->options.offline = job->offline;
	crew->options.dry_run = job->scratch || mailbox->id == 0;
	crew->options.contacts.plan_only = cli->dry_run || job->scratch;
	crew->options.contacts.allow_mass_delete = job->allow_mass_delete;
	bool good = visit_one(crew, mailbox, &work, error);
	job->visited = work.done;
	job->left_out = work.left_out;
	if (good && !job->scratch && !job->quiet)
		print_work(&work);
	return good;
}

bool contacts_do(struct cli *cli, const char *user, struct contacts_job *job, GError **error)
{
	struct cli_crew crew = {0};
	bool good = do_job(&crew, cli, user, job, error);
	cli_crew_clear(&crew);
	return good;
}

static bool sync_one(struct cli *cli, struct cli_crew *crew, char *user, GError **error)
{
	char *users[] = {user, NULL};
	struct schedule_owners owners = {0};
	struct work work = {.cli = cli};
	bool good = cli_crew_open(crew, cli, error);
	if (good) {
		crew->options.contacts.allow_mass_delete = allow_mass_delete;
		crew->options.contacts.accept_older = accept_older;
		crew->options.dry_run = cli->dry_run;
		good = cli_crew_owners(crew, users, !cli->dry_run, &owners, error);
	}
	if (good && owners.refused->len > 0) {
		const struct schedule_refusal *refusal = g_ptr_array_index(owners.refused, 0);
		error_set(error, ERROR_MAILBOX, "contacts.refused", "%s", refusal->message);
		good = false;
	}
	good = good && visit_one(crew, g_ptr_array_index(owners.mailboxes, 0), &work, error);
	if (good)
		print_work(&work);
	schedule_owners_clear(&owners);
	return good;
}

static enum cli_exit run_sync(struct cli *cli, int argc, char **argv)
{
	GError *error = NULL;
	struct cli_crew crew = {0};
	if (argc != 1)
		return cli_usage(&contacts_sync, "name one user");
	bool good = sync_one(cli, &crew, argv[0], &error);
	cli_crew_clear(&crew);
	return good ? CLI_DONE : cli_fail(error);
}

static const GOptionEntry sync_options[] = {
        {"allow-mass-delete", 0, 0, G_OPTION_ARG_NONE, &allow_mass_delete,
                "The deletions that were stopped are meant", NULL},
        {"accept-older", 0, 0, G_OPTION_ARG_NONE, &accept_older,
                "The IM side was restored from a backup and is right", NULL},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
};

const struct command contacts_sync = {
        .name = "sync",
        .usage = "USER [--allow-mass-delete] [--accept-older]",
        .summary = "Bring one contact list in step now",
        .flags = COMMAND_JSON | COMMAND_DRY_RUN,
        .options = sync_options,
        .run = run_sync,
};
