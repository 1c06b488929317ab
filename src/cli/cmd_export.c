#include "archive/export.h"

#include "cli/commands.h"
#include "cli/export.h"
#include "cli/subject.h"
#include "core/clock.h"
#include "sync/transcribe.h"

#include <inttypes.h>
#include <string.h>

static char *since, *until, *format, *out, *from;
static char **users;

static const GOptionEntry options[] = {
        {"since", 0, 0, G_OPTION_ARG_STRING, &since, "From this time on (ISO 8601)", "TIME"},
        {"until", 0, 0, G_OPTION_ARG_STRING, &until,
                "Up to this time; a date alone includes that day", "TIME"},
        {"user", 'u', 0, G_OPTION_ARG_STRING_ARRAY, &users,
                "Only conversations of this user; may be repeated", "USER"},
        {"format", 0, 0, G_OPTION_ARG_STRING, &format, "eml, mbox, maildir, jsonl or html",
                "FORMAT"},
        {"out", 'o', 0, G_OPTION_ARG_FILENAME, &out, "The folder to write into", "DIR"},
        {"from", 0, 0, G_OPTION_ARG_STRING, &from,
                "archive (what imex captured, the default) or mailbox (what the mail server has)",
                "PLACE"},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
};

/* An end that is a date alone means the end of that day. */
static bool parse_span(struct export_run *run, GError **error)
{
	run->since_utc_us = INT64_MIN;
	run->until_utc_us = INT64_MAX;
	if (since != NULL && !clock_parse_iso(since, &run->since_utc_us, error))
		return false;
	if (until != NULL && !clock_parse_iso(until, &run->until_utc_us, error))
		return false;
	if (until != NULL && strlen(until) == strlen("2026-11-23"))
		run->until_utc_us += CLOCK_US_PER_DAY;
	if (run->since_utc_us < run->until_utc_us)
		return true;
	error_set(error, ERROR_CONFIG, "export.span",
	        "the export would end (%s) before it begins (%s): exchange --since and --until",
	        until, since);
	return false;
}

static bool parse_users(struct export_run *run, GError **error)
{
	run->users = g_ptr_array_new_with_free_func(g_free);
	for (char **user = users; user != NULL && *user != NULL; user++) {
		char *owner = cli_user(*user, error);
		if (owner == NULL)
			return false;
		g_ptr_array_add(run->users, owner);
	}
	return true;
}

/* What was asked for, in one line: stands in the index, and tells one export from another. */
static char *describe(const struct export_run *run)
{
	GString *text = g_string_new(run->from_mailbox ? "From the mailboxes" : "From the archive");
	if (since != NULL)
		g_string_append_printf(text, ", from %s", since);
	if (until != NULL)
		g_string_append_printf(text, ", until %s", until);
	for (guint i = 0; i < run->users->len; i++)
		g_string_append_printf(
		        text, "%s%s", i == 0 ? ", of " : " and ", (char *)run->users->pdata[i]);
	return g_string_free(text, FALSE);
}

static bool open_export(struct export_run *run, GError **error)
{
	g_autofree char *scope = describe(run);
	const struct export_options export_options = {
	        .format = run->format,
	        .dir = out,
	        .scope = scope,
	        .zone = transcriber_zone(run->transcriber),
	        .zone_name = transcriber_zone_name(run->transcriber),
	};
	run->export = export_open(&export_options, error);
	return run->export != NULL;
}

static bool do_export(struct export_run *run, GError **error)
{
	run->config = cli_config(run->cli, error);
	run->store = run->config != NULL ? cli_store(run->cli, error) : NULL;
	run->map = run->store != NULL ? usermap_new(run->config, error) : NULL;
	run->transcriber = run->map != NULL ? transcriber_new(run->config, run->map, error) : NULL;
	return run->transcriber != NULL && parse_span(run, error) && parse_users(run, error) &&
	       open_export(run, error) &&
	       (run->from_mailbox ? export_from_mailboxes(run, error)
	                          : export_from_archive(run, error)) &&
	       export_finish(run->export, error);
}

static void clear_run(struct export_run *run)
{
	g_clear_pointer(&run->export, export_close);
	g_clear_pointer(&run->transcriber, transcriber_free);
	g_clear_pointer(&run->map, usermap_free);
	g_clear_pointer(&run->users, g_ptr_array_unref);
}

static void print_summary(const struct export_run *run)
{
	uint64_t total = export_total(run->export);
	if (run->cli->json) {
		printf("{\"written\": %" PRIu64 ", \"total\": %" PRIu64 ", \"left_out\": %u}\n",
		        export_written(run->export), total, run->left_out);
		return;
	}
	if (total == 0)
		printf("Nothing was exported: there is no conversation in this span%s.\n",
		        run->users->len > 0 ? " of these users" : "");
	else
		printf("%" PRIu64 " conversations exported. Open %s\n", total,
		        export_entry_point(run->export));
	if (run->left_out > 0)
		printf("%u items could not be read and were left out; they are named above.\n",
		        run->left_out);
}

static enum cli_exit run_export(struct cli *cli, int argc, char **argv)
{
	struct export_run run = {.cli = cli, .format = EXPORT_HTML};
	GError *error = NULL;
	(void)argv;
	if (argc != 0 || out == NULL)
		return cli_usage(&cmd_export, "name the folder to write into: --out DIR");
	if (format == NULL || !export_format_parse(format, &run.format))
		return cli_usage(
		        &cmd_export, "name a format: --format eml, mbox, maildir, jsonl or html");
	run.from_mailbox = from != NULL && g_str_equal(from, "mailbox");
	if (from != NULL && !run.from_mailbox && !g_str_equal(from, "archive"))
		return cli_usage(&cmd_export, "--from is archive or mailbox, not \"%s\"", from);
	bool good = do_export(&run, &error);
	cli_progress_end(cli);
	if (good)
		print_summary(&run);
	enum cli_exit code = !good ? cli_fail(error) : run.left_out > 0 ? CLI_PARTIAL : CLI_DONE;
	clear_run(&run);
	return code;
}

const struct command cmd_export = {
        .name = "export",
        .usage = "--format FORMAT --out DIR",
        .summary = "Write conversations out as files",
        .help = "An export that was cut short goes on when the same command is given again. "
                "MANIFEST.sha256 is for `sha256sum -c`.",
        .flags = COMMAND_JSON | COMMAND_QUIET,
        .options = options,
        .run = run_export,
};
