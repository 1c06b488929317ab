#include "cli/archive.h"
#include "cli/subject.h"
#include "daemon/gate_json.h"

static char *peer;

static const GOptionEntry options[] = {
        {"peer", 0, 0, G_OPTION_ARG_STRING, &peer, "With whom: says the disclaimer, too",
                "ADDRESS"},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
};

static void print_text(const char *user, const struct gate *gate)
{
	if (!gate->archived)
		printf("%s: go on: not archived\n", user);
	else if (gate->works)
		printf("%s: go on: archiving works\n", user);
	else
		printf("%s: %s: %s (%s)\n", user, gate->open ? "go on" : "stop", gate->message,
		        gate->reason);
	if (gate->disclaimer != NULL)
		printf("disclaimer%s: %s\n", gate->disclaimer_due ? " to be sent now" : "",
		        gate->disclaimer);
}

static void print_json(const char *user, const struct gate *gate)
{
	json_auto_t *json = gate_json(user, gate);
	json_dumpf(json, stdout, JSON_INDENT(1));
	putchar('\n');
}

static bool ask(struct cli *cli, const char *word, char **user, struct gate *gate, GError **error)
{
	const struct config *config = cli_config(cli, error);
	struct store *store = config != NULL ? cli_store(cli, error) : NULL;
	*user = store != NULL ? cli_user(word, error) : NULL;
	g_autofree char *other = *user != NULL && peer != NULL ? cli_user(peer, error) : NULL;
	if (*user == NULL || (peer != NULL && other == NULL))
		return false;
	autoptr(usermap) map = usermap_new(config, error);
	autoptr(router) router = map != NULL ? router_new(config, map, error) : NULL;
	return router != NULL && gate_find(store, config, router, *user, other, gate, error);
}

static enum cli_exit run_gate(struct cli *cli, int argc, char **argv)
{
	if (argc != 1)
		return cli_usage(&archive_gate, "name one user by IM address");
	GError *error = NULL;
	g_autofree char *user = NULL;
	struct gate gate;
	if (!ask(cli, argv[0], &user, &gate, &error))
		return cli_fail(error);
	(cli->json ? print_json : print_text)(user, &gate);
	enum cli_exit code = gate.open ? CLI_DONE : CLI_PARTIAL;
	gate_clear(&gate);
	return code;
}

const struct command archive_gate = {
        .name = "gate",
        .usage = "USER",
        .summary = "Say whether a user's instant messaging may go on while archiving fails",
        .help = "Exit code: 0 go on, 3 stop (archive.on_failure is block), 1 or 2 not known.",
        .flags = COMMAND_JSON,
        .options = options,
        .run = run_gate,
};
