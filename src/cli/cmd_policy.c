#include "cli/commands.h"
#include "cli/subject.h"
#include "core/address.h"
#include "store/policy.h"
#include "store/store.h"

static char **users, **domains;
static gboolean global;

#define SCOPE_OPTIONS                                                                              \
	{"user", 'u', 0, G_OPTION_ARG_STRING_ARRAY, &users, "For this user; may be repeated",      \
	        "USER"},                                                                           \
	        {"domain", 'd', 0, G_OPTION_ARG_STRING_ARRAY, &domains,                            \
	                "For the users of this IM domain; may be repeated", "DOMAIN"},             \
	{                                                                                          \
		"global", 0, 0, G_OPTION_ARG_NONE, &global, "For all users", NULL                  \
	}

static const GOptionEntry scope_options[] = {
        SCOPE_OPTIONS,
        {NULL, 0, 0, 0, NULL, NULL, NULL},
};

struct change {
	struct store *store;
	const char *name, *value; /* value NULL: unset */
};

static bool change_list(const struct change *change, enum policy_scope scope, char **subjects,
        char *(*canonical)(const char *, GError **), GError **error)
{
	for (char **subject = subjects; subject != NULL && *subject != NULL; subject++) {
		g_autofree char *key = canonical(*subject, error);
		if (key == NULL || !store_policy_set(change->store, scope, key, change->name,
		                           change->value, error))
			return false;
	}
	return true;
}

static bool change_all(const struct change *change, GError **error)
{
	return (!global || store_policy_set(change->store, POLICY_GLOBAL, NULL, change->name,
	                           change->value, error)) &&
	       change_list(change, POLICY_DOMAIN, domains, cli_domain, error) &&
	       change_list(change, POLICY_USER, users, cli_user, error);
}

/* With --dry-run everything is checked and then undone. */
static bool change_policy(struct cli *cli, const char *name, const char *value, GError **error)
{
	const struct change change = {cli_store(cli, error), name, value};
	if (change.store == NULL || !store_begin(change.store, error))
		return false;
	bool good = change_all(&change, error);
	if (!good || !cli->dry_run)
		return store_end(change.store, good, error);
	store_rollback(change.store);
	return true;
}

static enum cli_exit change_command(
        struct cli *cli, const struct command *command, const char *name, const char *value)
{
	GError *error = NULL;
	if (!global && users == NULL && domains == NULL)
		return cli_usage(command, "say for whom: --user, --domain or --global");
	return change_policy(cli, name, value, &error) ? CLI_DONE : cli_fail(error);
}

static const struct command policy_set, policy_unset, policy_explain;

static enum cli_exit run_set(struct cli *cli, int argc, char **argv)
{
	if (argc != 2)
		return cli_usage(&policy_set, "name one policy and its value");
	return change_command(cli, &policy_set, argv[0], argv[1]);
}

static enum cli_exit run_unset(struct cli *cli, int argc, char **argv)
{
	if (argc != 1)
		return cli_usage(&policy_unset, "name one policy");
	return change_command(cli, &policy_unset, argv[0], NULL);
}

static enum cli_exit run_show(struct cli *cli, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	static const char *const columns[] = {"policy", "scope", "subject", "value", NULL};
	GError *error = NULL;
	struct store *store = cli_store(cli, &error);
	g_autoptr(GPtrArray) rows = store != NULL ? store_policy_list(store, &error) : NULL;
	if (rows == NULL)
		return cli_fail(error);
	autoptr(cli_table) table = cli_table_new(columns);
	for (unsigned i = 0; i < rows->len; i++) {
		const struct policy_row *row = rows->pdata[i];
		const char *cells[] = {row->name, policy_scope_name(row->scope),
		        row->subject[0] != '\0' ? row->subject : NULL, row->value};
		cli_table_row(table, cells);
	}
	cli_table_print(table, cli, stdout);
	return CLI_DONE;
}

/* The value that was set at one scope for this user, or NULL. Borrowed. */
static const char *value_at(
        const GPtrArray *rows, const char *name, enum policy_scope scope, const char *subject)
{
	for (unsigned i = 0; i < rows->len; i++) {
		const struct policy_row *row = rows->pdata[i];
		if (row->scope == scope && g_str_equal(row->name, name) &&
		        g_str_equal(row->subject, subject))
			return row->value;
	}
	return NULL;
}

static bool explain_one(struct store *store, const char *user, const char *name,
        const GPtrArray *rows, struct cli_table *table, GError **error)
{
	struct policy_decision decision = {0};
	if (!store_policy_resolve(store, user, name, &decision, error))
		return false;
	const char *cells[] = {name, decision.value, policy_scope_name(decision.scope),
	        value_at(rows, name, POLICY_GLOBAL, ""),
	        value_at(rows, name, POLICY_DOMAIN, address_domain(user)),
	        value_at(rows, name, POLICY_USER, user)};
	cli_table_row(table, cells);
	policy_decision_clear(&decision);
	return true;
}

static bool explain(struct cli *cli, const char *word, const char *only, GError **error)
{
	static const char *const columns[] = {
	        "policy", "value", "decided_by", "global", "domain", "user", NULL};
	struct store *store = cli_store(cli, error);
	g_autofree char *user = store != NULL ? cli_user(word, error) : NULL;
	g_autoptr(GPtrArray) rows = user != NULL ? store_policy_list(store, error) : NULL;
	if (rows == NULL)
		return false;
	autoptr(cli_table) table = cli_table_new(columns);
	if (only != NULL && !explain_one(store, user, only, rows, table, error))
		return false;
	for (const struct policy_kind *kind = policy_kinds; only == NULL && kind->name != NULL;
	        kind++)
		if (!explain_one(store, user, kind->name, rows, table, error))
			return false;
	cli_table_print(table, cli, stdout);
	return true;
}

static enum cli_exit run_explain(struct cli *cli, int argc, char **argv)
{
	GError *error = NULL;
	if (argc < 1 || argc > 2)
		return cli_usage(&policy_explain, "name one user");
	return explain(cli, argv[0], argc > 1 ? argv[1] : NULL, &error) ? CLI_DONE
	                                                                : cli_fail(error);
}

static const struct command policy_set = {
        .name = "set",
        .usage = "POLICY VALUE --user USER | --domain DOMAIN | --global",
        .summary = "Set a policy; the narrower scope wins",
        .help = "Policies and their values:\n"
                "  contacts            not-allowed, allowed\n"
                "  contacts.delay      0..180\n"
                "  contacts.adopt      ask, allowed\n"
                "  contacts.direction  both, to-mailbox, to-im\n"
                "  contacts.conflict   mailbox, im, newest\n"
                "  contacts.dialect    auto, ucs, folder\n"
                "  archive             none, im, im+events\n"
                "  archive.who         all, internal, external\n"
                "  archive.route       mailbox, auto, local, none\n"
                "  archive.on_failure  continue, block",
        .flags = COMMAND_DRY_RUN,
        .options = scope_options,
        .run = run_set,
};

static const struct command policy_unset = {
        .name = "unset",
        .usage = "POLICY --user USER | --domain DOMAIN | --global",
        .summary = "Take back what was set at a scope",
        .flags = COMMAND_DRY_RUN,
        .options = scope_options,
        .run = run_unset,
};

static const struct command policy_show = {
        .name = "show",
        .usage = "",
        .summary = "List what was set",
        .flags = COMMAND_JSON,
        .run = run_show,
};

static const struct command policy_explain = {
        .name = "explain",
        .usage = "USER [POLICY]",
        .summary = "Show what holds for a user, and which scope decided",
        .flags = COMMAND_JSON,
        .run = run_explain,
};

static const struct command *const subcommands[] = {
        &policy_set,
        &policy_unset,
        &policy_show,
        &policy_explain,
        NULL,
};

const struct command cmd_policy = {
        .name = "policy",
        .usage = "COMMAND",
        .summary = "What imex may do, for everybody, a domain or a user",
        .help = "Nothing acts until a policy names it. A running imexd follows within seconds.",
        .subcommands = subcommands,
};
