#include "cli/commands.h"
#include "cli/trust.h"
#include "oauth/metadata.h"

#include <stdlib.h>

static enum cli_exit print(struct cli *cli, struct token_source *source)
{
	GError *error = NULL;
	g_autoptr(GPtrArray) certificates = keyring_published(token_source_keyring(source));
	if (certificates->len == 0) {
		error_set(&error, ERROR_CONFIG, "keyring.empty",
		        "there is no valid issuer certificate to publish: run imex cert create");
		return cli_fail(error);
	}
	const struct metadata_own own = {.app_id = token_source_app_id(source),
	        .realm = token_source_realm(source),
	        .name = "imex",
	        .public_url = config_string(cli_config(cli, NULL), "listen", NULL, "public_url"),
	        .certificates = certificates};
	char *text = metadata_print(&own);
	fputs(text, stdout);
	free(text);
	return CLI_DONE;
}

static enum cli_exit run_print(struct cli *cli, int argc, char **argv)
{
	(void)argv;
	GError *error = NULL;
	if (argc != 0)
		return cli_usage(&cmd_metadata, "print takes no operand");
	const struct config *config = cli_config(cli, &error);
	autoptr(token_source) source = config != NULL ? token_source_new(config, &error) : NULL;
	return source != NULL ? print(cli, source) : cli_fail(error);
}

static const struct command metadata_print_command = {.name = "print",
        .usage = "",
        .summary = "Print the document that imexd serves, for a web server of your own",
        .run = run_print};

static const struct command *const subcommands[] = {&metadata_print_command, NULL};

const struct command cmd_metadata = {.name = "metadata",
        .summary = "The document that tells partners our keys",
        .subcommands = subcommands};
