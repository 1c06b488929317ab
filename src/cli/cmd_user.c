#include "cli/commands.h"
#include "cli/owners.h"
#include "cli/subject.h"
#include "store/mailbox.h"
#include "store/policy.h"
#include "store/store.h"
#include "sync/usermap.h"

static gboolean confirm;
static char *from;

static const GOptionEntry remap_options[] = {
        {"confirm", 0, 0, G_OPTION_ARG_NONE, &confirm, "Yes, it is the same person's mailbox",
                NULL},
        {"from", 0, 0, G_OPTION_ARG_STRING, &from,
                "The user's old name, whose mailbox and all that was agreed go to the new one",
                "USER"},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
};

static const struct command user_check, user_remap, user_show;

/* What the map says and what was pinned for one user. */
struct user {
	struct mailbox *mapped, *pinned; /* NULL: none */
	GError *problem; /* why not mapped, or NULL */
};

static void user_clear(struct user *user)
{
	g_clear_pointer(&user->mapped, mailbox_free);
	g_clear_pointer(&user->pinned, mailbox_free);
	g_clear_error(&user->problem);
}

static bool user_find(struct store *store, const struct usermap *map, const char *owner,
        struct user *user, GError **error)
{
	usermap_lookup(map, owner, &user->mapped, &user->problem);
	return store_mailbox_by_owner(store, owner, &user->pinned, error);
}

static const char *user_state(const struct user *user)
{
	if (user->mapped == NULL)
		return error_is(user->problem, "usermap.duplicate") ? "duplicate" : "unmapped";
	if (user->pinned == NULL)
		return "mapped";
	return mailbox_equal(user->pinned, user->mapped) ? "pinned" : "remapped";
}

static struct usermap *open_map(struct cli *cli, GError **error)
{
	if (cli_store(cli, error) == NULL)
		return NULL;
	return usermap_new(cli->config, error);
}

static const char *const list_columns[] = {
        "user", "mailbox", "server", "state", "contacts", "archive", NULL};

static bool list_one(struct store *store, const struct usermap *map, const char *owner,
        struct cli_table *table, GError **error)
{
	struct user user = {0};
	struct policy_decision contacts = {0}, archive = {0};
	bool good = user_find(store, map, owner, &user, error) &&
	            store_policy_resolve(store, owner, "contacts", &contacts, error) &&
	            store_policy_resolve(store, owner, "archive", &archive, error);
	if (good) {
		const struct mailbox *shown = user.mapped != NULL ? user.mapped : user.pinned;
		const char *cells[] = {owner, shown != NULL ? shown->smtp : NULL,
		        shown != NULL ? shown->server : NULL, user_state(&user), contacts.value,
		        archive.value};
		cli_table_row(table, cells);
	}
	policy_decision_clear(&contacts);
	policy_decision_clear(&archive);
	user_clear(&user);
	return good;
}

static bool list(struct cli *cli, GError **error)
{
	autoptr(usermap) map = open_map(cli, error);
	g_autoptr(GPtrArray) owners = map != NULL ? cli_owners(cli->config, map, error) : NULL;
	if (owners == NULL)
		return false;
	autoptr(cli_table) table = cli_table_new(list_columns);
	for (unsigned i = 0; i + 1 < owners->len; i++)
		if (!list_one(cli->store, map, owners->pdata[i], table, error))
			return false;
	cli_table_print(table, cli, stdout);
	return true;
}

static enum cli_exit run_list(struct cli *cli, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	GError *error = NULL;
	return list(cli, &error) ? CLI_DONE : cli_fail(error);
}

static const char *const check_columns[] = {"problem", "about", NULL};

static void check_row(struct cli_table *table, const char *problem, const char *about)
{
	const char *cells[] = {problem, about};
	cli_table_row(table, cells);
}

struct pinned_check {
	const struct usermap *map;
	struct cli_table *table;
};

/* Whoever was written for before and is mapped elsewhere now has stopped. */
static bool check_pinned(const struct mailbox *pinned, void *data, GError **error)
{
	(void)error;
	const struct pinned_check *check = data;
	autoptr(mailbox) mapped = NULL;
	usermap_lookup(check->map, pinned->owner, &mapped, NULL);
	if (mapped != NULL && mailbox_equal(pinned, mapped))
		return true;
	g_autofree char *about = g_strdup_printf("%s was %s on %s and is now %s%s%s", pinned->owner,
	        pinned->smtp, pinned->server, mapped != NULL ? mapped->smtp : "unmapped",
	        mapped != NULL ? " on " : "", mapped != NULL ? mapped->server : "");
	check_row(check->table, "remapped", about);
	return true;
}

static bool check(struct cli *cli, bool *problems, GError **error)
{
	autoptr(usermap) map = open_map(cli, error);
	g_autoptr(GPtrArray) owners = map != NULL ? cli_owners(cli->config, map, error) : NULL;
	if (owners == NULL)
		return false;
	autoptr(cli_table) table = cli_table_new(check_columns);
	struct usermap_report report = {0};
	usermap_check(map, (const char *const *)owners->pdata, &report);
	for (unsigned i = 0; i < report.unmapped->len; i++)
		check_row(table, "unmapped", report.unmapped->pdata[i]);
	for (unsigned i = 0; i < report.duplicates->len; i++)
		check_row(table, "duplicate", report.duplicates->pdata[i]);
	unsigned mapped = report.mapped->len;
	usermap_report_clear(&report);
	struct pinned_check pinned = {map, table};
	if (!store_mailbox_each(cli->store, check_pinned, &pinned, error))
		return false;
	*problems = cli_table_rows(table) > 0;
	if (*problems || cli->json)
		cli_table_print(table, cli, stdout);
	else
		printf("%u users, each mapped to a mailbox of its own\n", mapped);
	return true;
}

static enum cli_exit run_check(struct cli *cli, int argc, char **argv)
{
	GError *error = NULL;
	bool problems = false;
	if (argc > 0)
		return cli_usage(&user_check, "%s is one word too many", argv[0]);
	if (!check(cli, &problems, &error))
		return cli_fail(error);
	return problems ? CLI_FAILED : CLI_DONE;
}

static const char *const show_columns[] = {
        "what", "mailbox", "server", "upn", "sip", "confirmed", NULL};

static void show_row(struct cli_table *table, const char *what, const struct mailbox *mailbox,
        const char *confirmed)
{
	const char *cells[] = {
	        what, mailbox->smtp, mailbox->server, mailbox->upn, mailbox->sip, confirmed};
	cli_table_row(table, cells);
}

static bool show_pinned(
        struct store *store, const struct mailbox *pinned, struct cli_table *table, GError **error)
{
	bool confirmed = false;
	if (!store_mailbox_confirmed(store, pinned->id, &confirmed, error))
		return false;
	show_row(table, "pinned", pinned, confirmed ? "yes" : "no");
	return true;
}

static bool show(struct cli *cli, const char *word, GError **error)
{
	autoptr(usermap) map = open_map(cli, error);
	g_autofree char *owner = map != NULL ? cli_user(word, error) : NULL;
	struct user user = {0};
	if (owner == NULL)
		return false;
	autoptr(cli_table) table = cli_table_new(show_columns);
	bool good = user_find(cli->store, map, owner, &user, error);
	if (user.mapped != NULL)
		show_row(table, "map", user.mapped, NULL);
	if (good && user.pinned != NULL)
		good = show_pinned(cli->store, user.pinned, table, error);
	if (good && user.mapped == NULL && user.pinned == NULL) {
		g_propagate_error(error, g_steal_pointer(&user.problem));
		good = false;
	}
	if (good)
		cli_table_print(table, cli, stdout);
	user_clear(&user);
	return good;
}

static enum cli_exit run_show(struct cli *cli, int argc, char **argv)
{
	GError *error = NULL;
	if (argc != 1)
		return cli_usage(&user_show, "name one user");
	return show(cli, argv[0], &error) ? CLI_DONE : cli_fail(error);
}

/* Two users must not pass for one: the old name must be gone from the IM side. */
static bool check_old_name(
        struct cli *cli, const struct usermap *map, const char *old, GError **error)
{
	g_autoptr(GPtrArray) owners = cli_owners(cli->config, map, error);
	for (unsigned i = 0; owners != NULL && i + 1 < owners->len; i++) {
		if (!g_str_equal(owners->pdata[i], old))
			continue;
		error_set(error, ERROR_CONFIG, "user.in_use",
		        "%s is still a user of the IM side, and so nobody's old name", old);
		return false;
	}
	return owners != NULL;
}

static bool remap_user(
        struct cli *cli, const struct mailbox *mapped, const char *old, GError **error)
{
	int64_t id = 0;
	if (!store_begin(cli->store, error))
		return false;
	bool good = old != NULL ? store_mailbox_rename(cli->store, old, mapped, &id, error)
	                        : store_mailbox_remap(cli->store, mapped, &id, error);
	if (!good || !cli->dry_run)
		return store_end(cli->store, good, error);
	store_rollback(cli->store);
	return true;
}

static bool remap(struct cli *cli, const char *word, GError **error)
{
	autoptr(usermap) map = open_map(cli, error);
	g_autofree char *owner = map != NULL ? cli_user(word, error) : NULL;
	autoptr(mailbox) mapped = NULL;
	g_autofree char *old = owner != NULL && from != NULL ? cli_user(from, error) : NULL;
	if (owner == NULL || (from != NULL && old == NULL) ||
	        !usermap_lookup(map, owner, &mapped, error) ||
	        (old != NULL && !check_old_name(cli, map, old, error)) ||
	        !remap_user(cli, mapped, old, error))
		return false;
	if (!cli->dry_run)
		printf("%s is mapped to %s on %s from now on\n", owner, mapped->smtp,
		        mapped->server);
	return true;
}

static enum cli_exit run_remap(struct cli *cli, int argc, char **argv)
{
	GError *error = NULL;
	if (argc != 1)
		return cli_usage(&user_remap, "name one user");
	if (!confirm && !cli->dry_run)
		return cli_usage(&user_remap,
		        "what imex writes for %s goes to another mailbox from then on; look with "
		        "imex user show, then add --confirm",
		        argv[0]);
	return remap(cli, argv[0], &error) ? CLI_DONE : cli_fail(error);
}

static const struct command user_list = {
        .name = "list",
        .usage = "",
        .summary = "List the IM users with mailbox, state and policy",
        .help = "State: mapped; pinned (imex has written for the user); remapped (the map has "
                "changed since, so that the user stops); unmapped; duplicate.",
        .flags = COMMAND_JSON,
        .run = run_list,
};

static const struct command user_check = {
        .name = "check",
        .usage = "",
        .summary = "Find users that are unmapped, remapped or share a mailbox",
        .help = "Exit code: 0 none, 1 some.",
        .flags = COMMAND_JSON,
        .run = run_check,
};

static const struct command user_show = {
        .name = "show",
        .usage = "USER",
        .summary = "Show what the map says of a user, and what was pinned",
        .flags = COMMAND_JSON,
        .run = run_show,
};

static const struct command user_remap = {
        .name = "remap",
        .usage = "USER [--from OLD-NAME] --confirm",
        .summary = "Accept a changed mapping, so that the user goes on",
        .help = "The new mailbox is taken as new: nothing that was agreed with the old one is "
                "applied to it, and the old one is left as it is. With --from a user who was "
                "renamed on the IM side keeps his mailbox, with everything that was agreed.",
        .flags = COMMAND_DRY_RUN,
        .options = remap_options,
        .run = run_remap,
};

static const struct command *const subcommands[] = {
        &user_list,
        &user_check,
        &user_show,
        &user_remap,
        NULL,
};

const struct command cmd_user = {
        .name = "user",
        .usage = "COMMAND",
        .summary = "Who is whom: IM users and their mailboxes",
        .subcommands = subcommands,
};
