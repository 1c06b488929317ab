#include "cli/listing.h"

#include "store/policy.h"

static void print_options(const struct command *command, FILE *out)
{
	static const struct {
		unsigned flag;
		const char *name;
	} common[] = {{COMMAND_JSON, "--json"}, {COMMAND_DRY_RUN, "--dry-run"},
	        {COMMAND_QUIET, "--quiet"}};
	const char *comma = "";
	for (const GOptionEntry *o = command->options; o != NULL && o->long_name != NULL; o++) {
		if (o->flags & G_OPTION_FLAG_HIDDEN)
			continue;
		fprintf(out, "%s--%s", comma, o->long_name);
		comma = ",";
	}
	for (unsigned i = 0; i < G_N_ELEMENTS(common); i++) {
		if ((command->flags & common[i].flag) == 0)
			continue;
		fprintf(out, "%s%s", comma, common[i].name);
		comma = ",";
	}
}

static void print_command(const struct command *command, const char *before, FILE *out)
{
	g_autofree char *path =
	        g_strconcat(before, before[0] != '\0' ? " " : "", command->name, NULL);
	if (command->subcommands == NULL) {
		fprintf(out, "%s\t%s\t", path, command->usage);
		print_options(command, out);
		fputc('\n', out);
		return;
	}
	for (const struct command *const *sub = command->subcommands; *sub != NULL; sub++)
		print_command(*sub, path, out);
}

void listing_commands(FILE *out)
{
	for (const struct command *const *command = commands; *command != NULL; command++)
		print_command(*command, "", out);
}

static const char *type_name(enum setting_type type)
{
	static const char *const names[] = {
	        [SETTING_STRING] = "string",
	        [SETTING_PATH] = "path",
	        [SETTING_URL] = "url",
	        [SETTING_INT] = "int",
	        [SETTING_BOOL] = "bool",
	        [SETTING_DURATION] = "duration",
	        [SETTING_CHOICE] = "choice",
	        [SETTING_LIST] = "list",
	};
	return names[type];
}

void listing_settings(FILE *out)
{
	for (const struct setting *row = config_settings; row->section != NULL; row++) {
		bool named = g_strv_contains(config_named_sections, row->section);
		fprintf(out, "%s%s\t%s\t%s\t%s\t", row->section, named ? " NAME" : "", row->name,
		        type_name(row->type), row->default_value != NULL ? row->default_value : "");
		if (row->type == SETTING_CHOICE)
			fputs(row->choices, out);
		else if (row->type == SETTING_INT || row->type == SETTING_DURATION)
			fprintf(out, "%" G_GINT64_FORMAT "-%" G_GINT64_FORMAT, row->minimum,
			        row->maximum);
		fputc('\n', out);
	}
}

void listing_policies(FILE *out)
{
	for (const struct policy_kind *kind = policy_kinds; kind->name != NULL; kind++)
		fprintf(out, "%s\t%s\n", kind->name, kind->values);
}

bool listing_option(const char *option, FILE *out)
{
	static const struct {
		const char *option;
		void (*list)(FILE *out);
	} tables[] = {
	        {"--list-commands", listing_commands},
	        {"--list-settings", listing_settings},
	        {"--list-policies", listing_policies},
	};
	for (unsigned i = 0; i < G_N_ELEMENTS(tables); i++) {
		if (g_str_equal(option, tables[i].option)) {
			tables[i].list(out);
			return true;
		}
	}
	return false;
}
