#include "cli/commands.h"
#include "cli/health.h"

#include <jansson.h>

static const char *const level_names[] = {"ok", "warning", "critical"};

static json_t *finding_json(const struct finding *finding)
{
	return json_pack("{s:s, s:s, s:s}", "check", finding->check, "level",
	        level_names[finding->level], "text", finding->text);
}

static void print_json(const struct health *health)
{
	json_t *findings = json_array();
	for (unsigned i = 0; i < health->findings->len; i++)
		json_array_append_new(findings, finding_json(health->findings->pdata[i]));
	json_t *whole =
	        json_pack("{s:s, s:o}", "status", level_names[health->level], "checks", findings);
	json_dumpf(whole, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(whole);
}

static void print_text(const struct health *health)
{
	for (unsigned i = 0; i < health->findings->len; i++) {
		const struct finding *finding = health->findings->pdata[i];
		printf("%-9s %-12s %s\n", level_names[finding->level], finding->check,
		        finding->text);
	}
}

/* The exit codes are those of monitoring plug-ins, so every error is a 2 here. */
static enum cli_exit run(struct cli *cli, int argc, char **argv)
{
	GError *error = NULL;
	if (argc > 0)
		return cli_usage(&cmd_status, "%s is one word too many", argv[0]);
	autoptr(health) health = health_check(cli, &error);
	if (health == NULL) {
		cli_fail(error);
		return CLI_USAGE;
	}
	if (cli->json)
		print_json(health);
	else
		print_text(health);
	return (enum cli_exit)health->level;
}

const struct command cmd_status = {
        .name = "status",
        .usage = "",
        .summary = "How it goes: last passes, lag, backlog, who needs attention",
        .help = "Exit code: 0 all is well, 1 something needs attention, 2 it does not work.",
        .flags = COMMAND_JSON,
        .run = run,
};
