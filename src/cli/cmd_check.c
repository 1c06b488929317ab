#include "cli/commands.h"
#include "cli/diagnose.h"

static enum cli_exit run_check(struct cli *cli, int argc, char **argv)
{
	(void)argv;
	if (argc != 0)
		return cli_usage(&cmd_check, "it takes no operand");
	autoptr(findings) findings = findings_new();
	diagnose_own(cli, findings);
	return findings_end(findings, cli);
}

const struct command cmd_check = {.name = "check",
        .usage = "",
        .summary = "Look for mistakes in our own files; asks no server",
        .flags = COMMAND_JSON,
        .run = run_check};
