#include "cli/commands.h"
#include "cli/probe.h"
#include "cli/subject.h"
#include "cli/trust.h"
#include "core/clock.h"
#include "oauth/jws.h"
#include "oauth/verify.h"
#include "store/mailbox.h"
#include "store/partner.h"
#include "sync/usermap.h"
#include "wire/http.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the subcommands take; one of them runs per process. */
static struct {
	char *partner, *user, *url;
	gboolean app_only, reveal, offline;
} given;

#define CALL_OPTIONS                                                                               \
	{"partner", 'p', 0, G_OPTION_ARG_STRING, &given.partner, "For this partner (exchange)",    \
	        "NAME"},                                                                           \
	        {"user", 'u', 0, G_OPTION_ARG_STRING, &given.user, "In the name of this IM user",  \
	                "USER"},                                                                   \
	        {"app-only", 0, 0, G_OPTION_ARG_NONE, &given.app_only, "In no user's name", NULL}, \
	{                                                                                          \
		"url", 0, 0, G_OPTION_ARG_STRING, &given.url,                                      \
		        "Where it would be sent; that of the partner's [server NAME] unless "      \
		        "given",                                                                   \
		        "URL"                                                                      \
	}
#define REVEAL_OPTION                                                                              \
	{                                                                                          \
		"reveal", 0, 0, G_OPTION_ARG_NONE, &given.reveal,                                  \
		        "Print the token itself: whoever has it can use it", NULL                  \
	}

static const GOptionEntry mint_options[] = {
        CALL_OPTIONS,
        REVEAL_OPTION,
        {NULL, 0, 0, 0, NULL, NULL, NULL},
};

static const GOptionEntry show_options[] = {
        REVEAL_OPTION,
        {NULL, 0, 0, 0, NULL, NULL, NULL},
};

static const GOptionEntry explain_options[] = {
        CALL_OPTIONS,
        {"offline", 0, 0, G_OPTION_ARG_NONE, &given.offline,
                "Do not ask the server for its challenge", NULL},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
};

/* Printing */

/* A copy of the claims in which carried tokens are shown apart. */
static void print_part(const char *title, json_t *object)
{
	json_auto_t *copy = json_copy(object);
	static const char *const carriers[] = {"actortoken", "actort"};
	for (unsigned i = 0; i < G_N_ELEMENTS(carriers); i++)
		if (json_object_get(copy, carriers[i]) != NULL)
			json_object_set_new(copy, carriers[i], json_string("(below)"));
	char *text = json_dumps(copy, JSON_INDENT(2));
	printf("%s %s\n", title, text);
	free(text);
}

static void print_times(json_t *claims)
{
	static const char *const names[] = {"nbf", "exp"};
	for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
		json_t *value = json_object_get(claims, names[i]);
		int64_t time_s = json_is_integer(value) ? json_integer_value(value) : 0;
		if (json_is_string(value))
			time_s = g_ascii_strtoll(json_string_value(value), NULL, 10);
		if (time_s <= 0 || time_s > G_MAXUINT32)
			continue;
		g_autofree char *iso = clock_format_iso(time_s * CLOCK_US_PER_S);
		printf("%s is %s\n", names[i], iso);
	}
}

static bool print_token(const char *what, const char *compact, GError **error)
{
	autoptr(jws) jws = jws_parse(compact, error);
	if (jws == NULL)
		return false;
	printf("%s token\n", what);
	print_part("header", jws->header);
	print_part("claims", jws->payload);
	print_times(jws->payload);
	if (jws->signature->len == 0)
		printf("unsigned\n");
	else if (given.reveal)
		printf("signature %s\n", strrchr(compact, '.') + 1);
	else
		printf("signature of %u bytes (not shown without --reveal)\n", jws->signature->len);
	const char *actor = json_string_value(json_object_get(jws->payload, "actortoken"));
	if (actor == NULL)
		actor = json_string_value(json_object_get(jws->payload, "actort"));
	if (actor == NULL)
		return true;
	printf("\n");
	/* One level only: what an actor token carries is not ours to follow. */
	return !g_str_equal(what, "actor") && print_token("actor", actor, error);
}

static const char *kind_of(const char *compact)
{
	autoptr(jws) jws = jws_parse(compact, NULL);
	bool outer = jws != NULL && (json_object_get(jws->payload, "actortoken") != NULL ||
	                                    json_object_get(jws->payload, "actort") != NULL);
	return outer ? "outer" : "actor";
}

/* The call */

/* A call as it would be made: partner, URL and user. */
struct call {
	const char *partner;
	const char *url;
	struct mailbox *user; /* NULL: app-only; owned */
};

static bool find_call(struct cli *cli, struct call *call, GError **error)
{
	const struct config *config = cli_config(cli, error);
	if (config == NULL)
		return false;
	call->partner = given.partner != NULL ? given.partner : "exchange";
	call->url = given.url != NULL ? given.url : cli_partner_url(config, call->partner, error);
	if (call->url == NULL || given.app_only)
		return call->url != NULL;
	g_autofree char *owner = cli_user(given.user, error);
	autoptr(usermap) map = owner != NULL ? usermap_new(config, error) : NULL;
	return map != NULL && usermap_lookup(map, owner, &call->user, error);
}

static bool check_whom(const struct command *command)
{
	if ((given.user != NULL) != given.app_only)
		return true;
	cli_usage(command, "say either --user USER or --app-only");
	return false;
}

static const struct command token_mint, token_explain;

static bool mint(struct cli *cli, GError **error)
{
	struct call call = {0};
	g_autofree char *header = NULL;
	if (!find_call(cli, &call, error))
		return false;
	autoptr(token_source) source = cli_tokens(cli, error);
	autoptr(mailbox) user = call.user;
	if (source == NULL ||
	        !token_for(source, call.partner, call.url, user, &header, NULL, error))
		return false;
	const char *compact = header + strlen("Bearer ");
	if (given.reveal) {
		printf("%s\n", compact);
		return true;
	}
	return print_token(kind_of(compact), compact, error);
}

static enum cli_exit run_mint(struct cli *cli, int argc, char **argv)
{
	(void)argv;
	GError *error = NULL;
	if (argc != 0)
		return cli_usage(&token_mint, "mint takes no operand");
	if (!check_whom(&token_mint))
		return CLI_USAGE;
	return mint(cli, &error) ? CLI_DONE : cli_fail(error);
}

/* Reading one */

/* From a file or standard input, never from the command line, which everybody can see. Owned. */
static char *read_token(int argc, char **argv, GError **error)
{
	char buffer[JWS_MAX_BYTES + 64];
	const char *path = argc == 1 && !g_str_equal(argv[0], "-") ? argv[0] : NULL;
	FILE *in = path != NULL ? fopen(path, "re") : stdin;
	size_t len = in != NULL ? fread(buffer, 1, sizeof buffer - 1, in) : 0;
	if (path != NULL && in != NULL)
		fclose(in);
	if (in == NULL) {
		error_set(error, ERROR_CONFIG, "token.file",
		        "the file cannot be read: name a file that holds a token, or give it on "
		        "standard input");
		return NULL;
	}
	buffer[len] = '\0';
	char *text = g_strstrip(buffer);
	if (g_ascii_strncasecmp(text, "Authorization:", 14) == 0)
		text = g_strstrip(text + 14);
	if (g_ascii_strncasecmp(text, "Bearer ", 7) == 0)
		text = g_strstrip(text + 7);
	return g_strdup(text);
}

static enum cli_exit run_show(struct cli *cli, int argc, char **argv)
{
	(void)cli;
	GError *error = NULL;
	if (argc > 1)
		return cli_usage(&cmd_token, "name one file, or give the token on standard input");
	g_autofree char *compact = read_token(argc, argv, &error);
	return compact != NULL && print_token(kind_of(compact), compact, &error) ? CLI_DONE
	                                                                         : cli_fail(error);
}

static bool find_user(
        void *data, enum verify_name kind, const char *address, char **owner, GError **error)
{
	(void)kind;
	const struct usermap *map = data;
	(void)error;
	*owner = usermap_to_im(map, address, NULL);
	return true;
}

static void print_identity(const struct verify_identity *who)
{
	g_autofree char *expires = cli_time_text(who->expires_utc_us);
	printf("accepted: %s (%s) speaks for %s, until %s\n", who->partner, who->app_id,
	        who->owner != NULL ? who->owner : "itself", expires);
}

static bool verify(struct cli *cli, const char *compact, GError **error)
{
	const struct config *config = cli_config(cli, error);
	struct store *store = config != NULL ? cli_store(cli, error) : NULL;
	autoptr(token_source) us = store != NULL ? token_source_new(config, error) : NULL;
	g_autoptr(GPtrArray) partners = us != NULL ? store_partner_list(store, error) : NULL;
	autoptr(usermap) map = partners != NULL ? usermap_new(config, error) : NULL;
	if (map == NULL)
		return false;
	g_autofree char *host = cli_public_host(config, error);
	if (host == NULL)
		return false;
	const char *const hosts[] = {host, NULL};
	g_auto(GStrv) domains = cli_sip_domains(config);
	const struct verify_rules rules = {.app_id = token_source_app_id(us),
	        .realm = token_source_realm(us),
	        .hosts = hosts,
	        .domains = (const char *const *)domains,
	        .skew_s = config_duration_s(config, "oauth", NULL, "skew"),
	        .find_user = find_user,
	        .find_user_data = map};
	g_autofree char *value = g_strconcat("Bearer ", compact, NULL);
	const char *const authorization[] = {value, NULL};
	autoptr(verify_identity) who =
	        verify_authorization(&rules, partners, authorization, NULL, error);
	if (who == NULL) {
		g_prefix_error(error, "refused (%s): ", error_reason(*error));
		return false;
	}
	print_identity(who);
	return true;
}

static enum cli_exit run_verify(struct cli *cli, int argc, char **argv)
{
	GError *error = NULL;
	if (argc > 1)
		return cli_usage(&cmd_token, "name one file, or give the token on standard input");
	g_autofree char *compact = read_token(argc, argv, &error);
	return compact != NULL && verify(cli, compact, &error) ? CLI_DONE : cli_fail(error);
}

/* Explain */

/* Whether the server at that URL is one where tokens name no user. */
static bool is_app_only(const struct config *config, const char *url)
{
	for (const char *const *name = config_names(config, "server"); *name != NULL; name++) {
		const char *its = config_string(config, "server", *name, "url");
		if (its != NULL && http_same_origin(its, url))
			return config_bool(config, "server", *name, "app_only");
	}
	return false;
}

static void explain_user(const struct mailbox *user)
{
	if (user == NULL)
		printf("kind       app-only: the actor token alone, with an ExchangeImpersonation "
		       "header for each mailbox\n");
	else
		printf("kind       an outer token in the name of smtp %s, upn %s, sip %s, around "
		       "the "
		       "actor token\n",
		        user->smtp, user->upn != NULL ? user->upn : "(none)",
		        user->sip != NULL ? user->sip : "(none)");
}

/* What the server's challenge says to the rule. */
static bool explain_challenge(
        struct cli *cli, struct token_source *source, const struct call *call, GError **error)
{
	autoptr(probe) probe = probe_challenge(cli_config(cli, NULL), call->url, true, error);
	if (probe == NULL)
		return false;
	for (const char *const *line = probe_headers(probe); *line != NULL; line++)
		printf("challenge  %s\n", *line);
	return token_check_challenge(source, call->partner, probe_headers(probe), error);
}

/* A server of that partner that takes a password: no token is made for it, so there is no more. */
static bool explain_basic(struct cli *cli)
{
	const struct config *config = cli_config(cli, NULL);
	const char *partner = given.partner != NULL ? given.partner : "exchange";
	if (config == NULL || given.url != NULL || cli_partner_url(config, partner, NULL) != NULL)
		return false;
	for (const char *const *name = config_names(config, "server"); *name != NULL; name++) {
		if (!g_str_equal(config_string(config, "server", *name, "partner"), partner))
			continue;
		printf("rule       basic: [server %s] has auth = basic, so imex logs in as %s over "
		       "TLS; a refused token never leads here\n",
		        *name, config_string(config, "server", *name, "user"));
		return true;
	}
	return false;
}

static bool explain(struct cli *cli, GError **error)
{
	struct call call = {0};
	g_autofree char *header = NULL;
	if (explain_basic(cli))
		return true;
	if (!find_call(cli, &call, error))
		return false;
	if (call.user != NULL && is_app_only(cli_config(cli, NULL), call.url))
		g_clear_pointer(&call.user, mailbox_free);
	autoptr(mailbox) user = call.user;
	autoptr(token_source) source = cli_tokens(cli, error);
	if (source == NULL)
		return false;
	printf("partner    %s\nurl        %s\nissuer     %s\n", call.partner, call.url,
	        token_source_issuer(source));
	if (!token_for(source, call.partner, call.url, user, &header, NULL, error))
		return false;
	autoptr(jws) jws = jws_parse(header + strlen("Bearer "), error);
	if (jws == NULL)
		return false;
	printf("audience   %s\n", json_string_value(json_object_get(jws->payload, "aud")));
	explain_user(user);
	if (given.offline) {
		printf("rule       self-issued: imex signs for itself (the server was not "
		       "asked)\n");
		return true;
	}
	if (!explain_challenge(cli, source, &call, error))
		return false;
	printf("rule       self-issued: the challenge is this partner's and names us, %s, among "
	       "the trusted issuers\n",
	        token_source_issuer(source));
	return true;
}

static enum cli_exit run_explain(struct cli *cli, int argc, char **argv)
{
	(void)argv;
	GError *error = NULL;
	if (argc != 0)
		return cli_usage(&token_explain, "explain takes no operand");
	if (!check_whom(&token_explain))
		return CLI_USAGE;
	return explain(cli, &error) ? CLI_DONE : cli_fail(error);
}

static const struct command token_mint = {.name = "mint",
        .usage = "[--partner NAME] --user USER | --app-only",
        .summary = "Make a token and show what is in it",
        .options = mint_options,
        .run = run_mint};
static const struct command token_explain = {.name = "explain",
        .usage = "[--partner NAME] --user USER | --app-only",
        .summary = "Say which rule serves a call, and why",
        .options = explain_options,
        .run = run_explain};
static const struct command token_show = {.name = "show",
        .usage = "[FILE]",
        .summary = "Show what is in a token, which is read from a file or standard input",
        .options = show_options,
        .run = run_show};
static const struct command token_verify = {.name = "verify",
        .usage = "[FILE]",
        .summary = "Say whether we would accept a token, and if not, why",
        .run = run_verify};

static const struct command *const subcommands[] = {
        &token_explain, &token_mint, &token_show, &token_verify, NULL};

const struct command cmd_token = {.name = "token",
        .summary = "Tokens, for people who look for a fault",
        .subcommands = subcommands};
