#include "cli/commands.h"
#include "cli/partner_private.h"
#include "cli/trust.h"
#include "core/clock.h"
#include "oauth/principal.h"
#include "store/partner.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static gboolean only_disabled;

static const GOptionEntry list_options[] = {
        {"disabled", 0, 0, G_OPTION_ARG_NONE, &only_disabled, "Only those that are disabled", NULL},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
};

static const char *source_of(const struct partner *partner)
{
	if (partner->authorization_server != NULL)
		return partner->authorization_server;
	return partner->metadata_url != NULL ? partner->metadata_url : "certificate";
}

static const char *state_of(const struct partner *partner)
{
	if (!partner->enabled)
		return "disabled";
	if (!partner->verified)
		return "unverified";
	return partner->alarm != NULL ? "alarm" : "enabled";
}

static void add_row(struct cli_table *table, const struct partner *partner)
{
	g_autofree char *keys = g_strdup_printf("%u", partner->keys->len);
	g_autofree char *refreshed = cli_time_text(partner->refreshed_utc_us);
	const char *cells[] = {partner->name, partner->app_id, partner->realm,
	        partner_trust_name(partner->trust), state_of(partner), keys, source_of(partner),
	        refreshed};
	cli_table_row(table, cells);
}

static enum cli_exit run_list(struct cli *cli, int argc, char **argv)
{
	static const char *const columns[] = {"name", "application", "realm", "trust", "state",
	        "keys", "source", "refreshed", NULL};
	GError *error = NULL;
	if (argc > 1)
		return cli_usage(&cmd_partner, "list takes one pattern at most");
	struct store *store = cli_store(cli, &error);
	g_autoptr(GPtrArray) partners = store != NULL ? store_partner_list(store, &error) : NULL;
	if (partners == NULL)
		return cli_fail(error);
	autoptr(cli_table) table = cli_table_new(columns);
	for (guint i = 0; i < partners->len; i++) {
		const struct partner *partner = g_ptr_array_index(partners, i);
		if ((only_disabled && partner->enabled) ||
		        (argc == 1 && !g_pattern_match_simple(argv[0], partner->name)))
			continue;
		add_row(table, partner);
	}
	cli_table_print(table, cli, stdout);
	return CLI_DONE;
}

/* Show */

static json_t *text_list(const GPtrArray *list)
{
	json_t *array = json_array();
	for (guint i = 0; i < list->len; i++)
		json_array_append_new(array, json_string(g_ptr_array_index(list, i)));
	return array;
}

static json_t *key_json(const struct partner_key *key)
{
	autoptr(certificate) certificate = certificate_from_der(
	        g_bytes_get_data(key->der, NULL), g_bytes_get_size(key->der), NULL);
	g_autofree char *begins = cli_time_text(key->not_before_utc_us);
	g_autofree char *ends = cli_time_text(key->not_after_utc_us);
	bool held = key->state == PARTNER_KEY_HELD;
	g_autofree char *usable = held ? cli_time_text(key->usable_utc_us) : NULL;
	return json_pack("{s:s, s:s?, s:s?, s:s?, s:s?, s:b, s:s?}", "x5t", key->x5t, "thumbprint",
	        certificate != NULL ? certificate_thumbprint(certificate) : NULL, "subject",
	        certificate != NULL ? certificate_subject(certificate) : NULL, "begins", begins,
	        "ends", ends, "held", held, "usable_from", usable);
}

static json_t *partner_json(const struct partner *partner)
{
	g_autofree char *refreshed = cli_time_text(partner->refreshed_utc_us);
	json_t *keys = json_array();
	for (guint i = 0; i < partner->keys->len; i++)
		json_array_append_new(keys, key_json(g_ptr_array_index(partner->keys, i)));
	return json_pack(
	        "{s:s, s:s, s:s?, s:s, s:s, s:s, s:b, s:b, s:b, s:s?, s:s?, s:o, s:o, s:s?,"
	        " s:s?}",
	        "name", partner->name, "application", partner->app_id, "nickname",
	        principal_nickname(partner->app_id), "realm", partner->realm, "issuer",
	        partner->issuer, "trust", partner_trust_name(partner->trust), "enabled",
	        partner->enabled, "verified", partner->verified, "accept_sid", partner->accept_sid,
	        "metadata", partner->metadata_url, "authorization_server",
	        partner->authorization_server, "keys", keys, "origins", text_list(partner->origins),
	        "refreshed", refreshed, "alarm", partner->alarm);
}

static void print_line(const char *name, const char *value)
{
	printf("%-14s %s\n", name, value != NULL ? value : "-");
}

static void print_key(const struct partner_key *key)
{
	g_autofree char *ends = cli_time_text(key->not_after_utc_us);
	g_autofree char *usable = cli_time_text(key->usable_utc_us);
	bool held = key->state == PARTNER_KEY_HELD;
	printf("%-14s %s, ends %s%s%s\n", "key", key->x5t, ends, held ? ", held until " : "",
	        held ? usable : "");
}

static void print_partner(const struct partner *partner)
{
	g_autofree char *refreshed = cli_time_text(partner->refreshed_utc_us);
	print_line("name", partner->name);
	print_line("application", partner->app_id);
	print_line("realm", partner->realm);
	print_line("issuer", partner->issuer);
	print_line("trust", partner_trust_name(partner->trust));
	print_line("state", state_of(partner));
	print_line("accepts SIDs", partner->accept_sid ? "yes" : "no");
	print_line("source", source_of(partner));
	print_line("refreshed", refreshed);
	for (guint i = 0; i < partner->keys->len; i++)
		print_key(g_ptr_array_index(partner->keys, i));
	for (guint i = 0; i < partner->origins->len; i++)
		print_line("tokens go to", g_ptr_array_index(partner->origins, i));
	if (partner->alarm != NULL)
		print_line("ALARM", partner->alarm);
}

static enum cli_exit run_show(struct cli *cli, int argc, char **argv)
{
	GError *error = NULL;
	if (argc != 1)
		return cli_usage(&cmd_partner, "name one partner");
	struct store *store = cli_store(cli, &error);
	autoptr(partner) partner = store != NULL ? store_partner_get(store, argv[0], &error) : NULL;
	if (partner == NULL)
		return cli_fail(error);
	if (cli->json) {
		json_auto_t *json = partner_json(partner);
		json_dumpf(json, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		print_partner(partner);
	}
	return CLI_DONE;
}

/* Small changes */

static enum cli_exit set_enabled(struct cli *cli, int argc, char **argv, bool enabled)
{
	GError *error = NULL;
	if (argc != 1)
		return cli_usage(&cmd_partner, "name one partner");
	struct store *store = cli_store(cli, &error);
	autoptr(partner) partner = store != NULL ? store_partner_get(store, argv[0], &error) : NULL;
	if (partner == NULL)
		return cli_fail(error);
	partner->enabled = enabled;
	if (!cli->dry_run && !store_partner_put(store, partner, &error))
		return cli_fail(error);
	printf("%s %s %s\n", partner->name, cli->dry_run ? "would be" : "is",
	        enabled ? "enabled" : "disabled");
	return CLI_DONE;
}

static enum cli_exit run_enable(struct cli *cli, int argc, char **argv)
{
	return set_enabled(cli, argc, argv, true);
}

static enum cli_exit run_disable(struct cli *cli, int argc, char **argv)
{
	return set_enabled(cli, argc, argv, false);
}

static enum cli_exit run_remove(struct cli *cli, int argc, char **argv)
{
	GError *error = NULL;
	if (argc != 1)
		return cli_usage(&cmd_partner, "name one partner");
	struct store *store = cli_store(cli, &error);
	autoptr(partner) partner = store != NULL ? store_partner_get(store, argv[0], &error) : NULL;
	if (partner == NULL || (!cli->dry_run && !store_partner_remove(store, argv[0], &error)))
		return cli_fail(error);
	printf("%s %s removed\n", argv[0], cli->dry_run ? "would be" : "is");
	return CLI_DONE;
}

static const struct command partner_list = {.name = "list",
        .usage = "[PATTERN] [--disabled]",
        .summary = "Show the partners",
        .flags = COMMAND_JSON,
        .options = list_options,
        .run = run_list};
static const struct command partner_show = {.name = "show",
        .usage = "NAME",
        .summary = "Show one partner with its keys and where its tokens may go",
        .flags = COMMAND_JSON,
        .run = run_show};
static const struct command partner_enable = {.name = "enable",
        .usage = "NAME",
        .summary = "Take its tokens, and make tokens for it",
        .flags = COMMAND_DRY_RUN,
        .run = run_enable};
static const struct command partner_disable = {.name = "disable",
        .usage = "NAME",
        .summary = "Do neither; a running imexd follows within seconds",
        .flags = COMMAND_DRY_RUN,
        .run = run_disable};
static const struct command partner_remove = {.name = "remove",
        .usage = "NAME",
        .summary = "Forget a partner and its keys",
        .flags = COMMAND_DRY_RUN,
        .run = run_remove};

static const struct command *const subcommands[] = {&partner_add, &partner_ensure, &partner_list,
        &partner_show, &partner_set, &partner_enable, &partner_disable, &partner_remove,
        &partner_refresh, &partner_recipe, NULL};

const struct command cmd_partner = {.name = "partner",
        .summary = "Partner applications: servers that exchange tokens with us",
        .help = "An application id is a GUID, or one of exchange, sharepoint, skype.",
        .subcommands = subcommands};
