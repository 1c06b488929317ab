#include "cli/context.h"

#include "store/store.h"

#include <stdarg.h>

struct cli *cli_new(void)
{
	struct cli *cli = g_new0(struct cli, 1);
	const char *path = g_getenv("IMEX_CONFIG");
	cli->config_path = g_strdup(path != NULL ? path : IMEX_SYSCONFDIR "/imex/imex.conf");
	return cli;
}

void cli_free(struct cli *cli)
{
	if (cli->store != NULL)
		store_close(cli->store);
	if (cli->config != NULL)
		config_free(cli->config);
	g_free(cli->config_path);
	g_free(cli);
}

const struct config *cli_config(struct cli *cli, GError **error)
{
	if (cli->config == NULL)
		cli->config = config_load(cli->config_path, error);
	return cli->config;
}

struct store *cli_store(struct cli *cli, GError **error)
{
	const struct config *config = cli_config(cli, error);
	if (cli->store == NULL && config != NULL)
		cli->store = store_open(
		        config_string(config, "imex", NULL, "store"), STORE_EXISTING, error);
	return cli->store;
}

/* Foreign text in a sentence must not break the line or steer the terminal. Owned. */
static char *one_line(const char *message)
{
	g_autofree char *valid = g_utf8_make_valid(message, -1);
	GString *line = g_string_new(NULL);
	for (const char *at = valid; *at != '\0'; at = g_utf8_next_char(at)) {
		gunichar c = g_utf8_get_char(at);
		g_string_append_unichar(line, g_unichar_iscntrl(c) ? '?' : c);
	}
	return g_string_free(line, FALSE);
}

enum cli_exit cli_fail(GError *error)
{
	g_autofree char *line = one_line(error->message);
	fprintf(stderr, "imex: %s\n", line);
	enum cli_exit code = error_class_of(error) == ERROR_CONFIG ? CLI_USAGE : CLI_FAILED;
	g_error_free(error);
	return code;
}

enum cli_exit cli_usage(const struct command *command, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	g_autofree char *message = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	fprintf(stderr, "imex %s: %s: see --help\n", command->name, message);
	return CLI_USAGE;
}
