/* `imex contacts`: lists that are brought back. */
#include "cli/contacts.h"
#include "cli/contacts_private.h"
#include "cli/subject.h"

static gboolean allow_mass_delete, from_snapshot;
static char *wanted_version;

static bool optional_version(int64_t *version, GError **error)
{
	*version = 0;
	return wanted_version == NULL || contacts_version_parse(wanted_version, version, error);
}

/*
 * imex contacts rollback
 */

static bool work_back(
        void *data, struct contacts_run *run, struct contacts_report *report, GError **error)
{
	return contacts_rollback(run, data, report, error);
}

static bool roll_back(struct cli *cli, const char *user, GError **error)
{
	struct contacts_way_back way = {.from_snapshot = from_snapshot};
	struct contacts_job job = {
	        .work = work_back, .data = &way, .allow_mass_delete = allow_mass_delete};
	if (!optional_version(&way.version, error) || !contacts_do(cli, user, &job, error))
		return false;
	if (!cli->dry_run && !cli->json)
		printf("the IM side is in charge of the contacts of %s again, whatever policies "
		       "say, until imex contacts unpin %s\n",
		        user, user);
	return true;
}

static enum cli_exit run_rollback(struct cli *cli, int argc, char **argv)
{
	GError *error = NULL;
	if (argc != 1)
		return cli_usage(&contacts_rollback_command, "name one user");
	if (wanted_version != NULL && !from_snapshot)
		return cli_usage(&contacts_rollback_command, "--version goes with --from-snapshot");
	return roll_back(cli, argv[0], &error) ? CLI_DONE : cli_fail(error);
}

static const GOptionEntry rollback_options[] = {
        {"from-snapshot", 0, 0, G_OPTION_ARG_NONE, &from_snapshot,
                "Do not ask the mailbox; a version of the list stands for it", NULL},
        {"version", 0, 0, G_OPTION_ARG_STRING, &wanted_version,
                "With --from-snapshot: this version instead of the newest", "N"},
        {"allow-mass-delete", 0, 0, G_OPTION_ARG_NONE, &allow_mass_delete,
                "Deletions on the IM side that were stopped are meant", NULL},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
};

const struct command contacts_rollback_command = {
        .name = "rollback",
        .usage = "USER [--from-snapshot [--version N]]",
        .summary = "Copy a list back to the IM side, which is in charge again",
        .help = "Changes made in the mailbox are written to the IM side, and in the same step the "
                "user's policy becomes not-allowed, so that nothing moves the list again. The "
                "mailbox keeps its copy. When the mailbox cannot be read, nothing is done, unless "
                "--from-snapshot lets a version of the list stand for it.",
        .flags = COMMAND_JSON | COMMAND_DRY_RUN,
        .options = rollback_options,
        .run = run_rollback,
};

/*
 * imex contacts restore
 */

static bool work_bring(
        void *data, struct contacts_run *run, struct contacts_report *report, GError **error)
{
	run->target = data;
	bool good = contacts_bring(run, report, error);
	run->target = NULL;
	return good;
}

bool contacts_bring_list(struct cli *cli, const struct contacts_list *list,
        struct contacts_target *target, bool mass_delete, unsigned *left_out, GError **error)
{
	struct contacts_job job = {.work = work_bring,
	        .data = target,
	        .offline = !list->in_mailbox,
	        .anyone = !list->in_mailbox,
	        .allow_mass_delete = mass_delete};
	bool good = contacts_do(cli, list->owner, &job, error);
	*left_out = job.left_out;
	return good;
}

static bool restore(struct cli *cli, const char *user, unsigned *left_out, GError **error)
{
	struct contacts_list list = {0};
	int64_t version = 0;
	bool good = optional_version(&version, error) &&
	            contacts_list_find(cli, user, &list, error) &&
	            contacts_list_load(cli, &list, version, error);
	autoptr(contacts_target) target =
	        good ? contacts_target_new(TARGET_BECOMES, "restore", list.contacts) : NULL;
	good = good && contacts_bring_list(cli, &list, target, allow_mass_delete, left_out, error);
	contacts_list_clear(&list);
	return good;
}

static enum cli_exit run_restore(struct cli *cli, int argc, char **argv)
{
	GError *error = NULL;
	unsigned left_out = 0;
	if (argc != 1)
		return cli_usage(&contacts_restore, "name one user");
	if (wanted_version == NULL)
		return cli_usage(
		        &contacts_restore, "say which --version, see imex contacts history");
	if (!restore(cli, argv[0], &left_out, &error))
		return cli_fail(error);
	return left_out > 0 ? CLI_PARTIAL : CLI_DONE;
}

static const GOptionEntry restore_options[] = {
        {"version", 0, 0, G_OPTION_ARG_STRING, &wanted_version, "The version to bring back", "N"},
        {"allow-mass-delete", 0, 0, G_OPTION_ARG_NONE, &allow_mass_delete,
                "Deletions that were stopped are meant", NULL},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
};

const struct command contacts_restore = {
        .name = "restore",
        .usage = "USER --version N [--allow-mass-delete]",
        .summary = "Bring a version of a contact list back",
        .help = "The list becomes what it was, on both sides when it is kept in the mailbox, else "
                "on the IM side. It goes through a plan like every change, and makes a new "
                "version; --dry-run shows what it would do. Contacts that came since the last pass "
                "stay. Exit status 3: a contact was left out.",
        .flags = COMMAND_JSON | COMMAND_DRY_RUN,
        .options = restore_options,
        .run = run_restore,
};
