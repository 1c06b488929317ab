#include "cli/commands.h"
#include "cli/partner_private.h"
#include "cli/trust.h"
#include "core/clock.h"
#include "oauth/principal.h"
#include "oauth/trust.h"
#include "store/partner.h"

#include <string.h>

/* What add, ensure, set and refresh take; one of them runs per process. */
static struct {
	char *metadata, *certificate, *base64, *server;
	char *app_id, *realm, *trust, *accept_sid;
	char **origins, **remove_origins;
	gboolean no_fetch, disabled, all, accept_keys;
} given;

#define ADD_OPTIONS                                                                                \
	{"metadata", 0, 0, G_OPTION_ARG_STRING, &given.metadata,                                   \
	        "URL of the partner's metadata document", "URL"},                                  \
	        {"cert", 0, 0, G_OPTION_ARG_FILENAME, &given.certificate,                          \
	                "Its certificate in PEM or DER form; needs --app-id and --realm", "FILE"}, \
	        {"cert-base64", 0, 0, G_OPTION_ARG_STRING, &given.base64,                          \
	                "Its certificate in base64; needs --app-id and --realm", "TEXT"},          \
	        {"authorization-server", 0, 0, G_OPTION_ARG_STRING, &given.server,                 \
	                "Its tokens come from this authorization server; needs --app-id", "NAME"}, \
	        {"app-id", 0, 0, G_OPTION_ARG_STRING, &given.app_id,                               \
	                "Its application id, checked against the metadata", "ID"},                 \
	        {"realm", 0, 0, G_OPTION_ARG_STRING, &given.realm, "Its realm", "REALM"},          \
	        {"no-fetch", 0, 0, G_OPTION_ARG_NONE, &given.no_fetch,                             \
	                "Do not fetch the metadata now: the partner is unverified until then;"     \
	                " needs --app-id and --realm",                                             \
	                NULL},                                                                     \
	{                                                                                          \
		"disabled", 0, 0, G_OPTION_ARG_NONE, &given.disabled, "Add it switched off", NULL  \
	}

#define SET_OPTIONS                                                                                \
	{"trust", 0, 0, G_OPTION_ARG_STRING, &given.trust,                                         \
	        "full (for itself and users), application (itself only), user (users only)",       \
	        "LEVEL"},                                                                          \
	        {"accept-sid", 0, 0, G_OPTION_ARG_STRING, &given.accept_sid,                       \
	                "Whether its tokens may name users by SID as well", "yes|no"},             \
	{                                                                                          \
		"origin", 0, 0, G_OPTION_ARG_STRING_ARRAY, &given.origins,                         \
		        "A further server that tokens for it may be sent to; may be repeated",     \
		        "URL"                                                                      \
	}

static const GOptionEntry add_options[] = {
        ADD_OPTIONS,
        SET_OPTIONS,
        {NULL, 0, 0, 0, NULL, NULL, NULL},
};

static const GOptionEntry set_options[] = {
        SET_OPTIONS,
        {"remove-origin", 0, 0, G_OPTION_ARG_STRING_ARRAY, &given.remove_origins,
                "Send no more tokens for it to this server", "URL"},
        {"metadata", 0, 0, G_OPTION_ARG_STRING, &given.metadata,
                "The document's new URL; takes effect with the next refresh", "URL"},
        {"realm", 0, 0, G_OPTION_ARG_STRING, &given.realm,
                "Realm of the tokens that we make for it", "REALM"},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
};

static const GOptionEntry refresh_options[] = {
        {"all", 0, 0, G_OPTION_ARG_NONE, &given.all, "All partners that have metadata", NULL},
        {"accept-keys", 0, 0, G_OPTION_ARG_NONE, &given.accept_keys,
                "Believe new keys at once, after asking the partner's administrator", NULL},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
};

/* Making a partner */

static bool bad(GError **error, const char *text)
{
	error_set(error, ERROR_CONFIG, "partner.usage", "%s: see imex partner add --help", text);
	return false;
}

static bool check_name(const char *name, GError **error)
{
	size_t len = strlen(name);
	bool good = len > 0 && len <= 64 && name[0] != '-';
	for (size_t i = 0; good && i < len; i++)
		good = g_ascii_isalnum(name[i]) || strchr("._-", name[i]) != NULL;
	return good || bad(error, "a partner's name has up to 64 letters, digits, dots and dashes");
}

static bool check_sources(GError **error)
{
	int sources = (given.metadata != NULL) + (given.certificate != NULL) +
	              (given.base64 != NULL) + (given.server != NULL);
	if (sources != 1)
		return bad(error, "give exactly one of --metadata, --cert, --cert-base64 and "
		                  "--authorization-server");
	bool by_hand = given.metadata == NULL || given.no_fetch;
	if (by_hand && given.app_id == NULL)
		return bad(error, "without a fetched document --app-id is needed");
	if (by_hand && given.server == NULL && given.realm == NULL)
		return bad(error, "without a fetched document --realm is needed");
	return true;
}

bool partner_take_origin(struct partner *partner, const char *url, GError **error)
{
	g_autofree char *origin = http_origin(url);
	if (origin == NULL || !g_str_has_prefix(origin, "https://")) {
		error_set(error, ERROR_CONFIG, "partner.origin",
		        "%s is no https URL: tokens are sent over TLS only", url);
		return false;
	}
	partner_add_origin(partner, origin);
	return true;
}

static bool take_trust(struct partner *partner, GError **error)
{
	if (given.trust != NULL && !partner_trust_parse(given.trust, &partner->trust))
		return bad(error, "--trust is full, application or user");
	if (given.accept_sid == NULL)
		return true;
	partner->accept_sid = g_str_equal(given.accept_sid, "yes");
	return partner->accept_sid || g_str_equal(given.accept_sid, "no") ||
	       bad(error, "--accept-sid is yes or no");
}

static bool take_settings(struct partner *partner, GError **error)
{
	for (char **url = given.origins; url != NULL && *url != NULL; url++)
		if (!partner_take_origin(partner, *url, error))
			return false;
	return take_trust(partner, error);
}

static void set_text(char **field, const char *value)
{
	g_free(*field);
	*field = g_strdup(value);
}

static bool by_document(
        struct cli *cli, struct partner *partner, const char *own_issuer, GError **error)
{
	http_global_init();
	autoptr(http_client) client =
	        trust_client_new(cli_config(cli, NULL), given.metadata, error);
	autoptr(metadata) metadata =
	        client != NULL ? trust_fetch(client, given.metadata, error) : NULL;
	return metadata != NULL &&
	       trust_adopt(partner, metadata, given.metadata, given.realm, own_issuer, error);
}

/* Named, but never looked at: the first refresh that succeeds verifies it. */
static bool by_name(struct partner *partner, const char *id, const char *own, GError **error)
{
	const char *realm = given.realm != NULL ? given.realm : strchr(own, '@') + 1;
	g_autofree char *issuer = principal_issuer(id, realm);
	if (!principal_is_realm(realm))
		return bad(error, "the realm has characters that no realm has");
	if (g_str_equal(issuer, own))
		return bad(error, "this is our own application id and realm");
	set_text(&partner->app_id, id);
	set_text(&partner->realm, realm);
	set_text(&partner->issuer, issuer);
	set_text(&partner->metadata_url, given.metadata);
	set_text(&partner->authorization_server, given.server);
	return given.metadata == NULL || partner_take_origin(partner, given.metadata, error);
}

static bool by_certificate(
        struct partner *partner, const char *id, const char *own_issuer, GError **error)
{
	autoptr(certificate) certificate = given.certificate != NULL
	                                           ? certificate_from_file(given.certificate, error)
	                                           : certificate_from_base64(given.base64, error);
	return certificate != NULL &&
	       trust_adopt_certificate(partner, certificate, id, given.realm, own_issuer, error);
}

static bool check_id(const struct partner *partner, const char *wanted, GError **error)
{
	if (wanted == NULL || g_str_equal(partner->app_id, wanted))
		return true;
	error_set(error, ERROR_CONFIG, "partner.app_id",
	        "the metadata at %s is of the application %s, not of %s: check the URL",
	        given.metadata, partner->app_id, wanted);
	return false;
}

static bool fill(struct cli *cli, struct partner *partner, GError **error)
{
	const struct config *config = cli_config(cli, error);
	autoptr(token_source) us = config != NULL ? token_source_new(config, error) : NULL;
	if (us == NULL || !check_sources(error))
		return false;
	const char *own = token_source_issuer(us);
	g_autofree char *id = given.app_id != NULL ? principal_id(given.app_id, error) : NULL;
	if (given.app_id != NULL && id == NULL)
		return false;
	bool good = false;
	if (given.server != NULL || (given.metadata != NULL && given.no_fetch))
		good = by_name(partner, id, own, error);
	else if (given.metadata != NULL)
		good = by_document(cli, partner, own, error) && check_id(partner, id, error);
	else
		good = by_certificate(partner, id, own, error);
	partner->enabled = !given.disabled;
	return good && take_settings(partner, error);
}

static bool put(struct cli *cli, const struct partner *partner, const char *what, GError **error)
{
	struct store *store = cli_store(cli, error);
	if (store == NULL || (!cli->dry_run && !store_partner_put(store, partner, error)))
		return false;
	printf("%s %s %s: %s, %u key%s\n", partner->name, cli->dry_run ? "would be" : "is", what,
	        partner->issuer, partner->keys->len, partner->keys->len == 1 ? "" : "s");
	return true;
}

/* The partner of that name; *known stays NULL when there is none. False on other errors. */
static bool find(struct cli *cli, const char *name, struct partner **known, GError **error)
{
	g_autoptr(GError) cause = NULL;
	struct store *store = cli_store(cli, error);
	*known = store != NULL ? store_partner_get(store, name, &cause) : NULL;
	if (store == NULL)
		return false;
	if (*known != NULL || error_is(cause, "partner.absent"))
		return true;
	g_propagate_error(error, g_steal_pointer(&cause));
	return false;
}

static bool add(struct cli *cli, const char *name, GError **error)
{
	struct partner *known = NULL;
	if (!check_name(name, error) || !find(cli, name, &known, error))
		return false;
	if (known != NULL) {
		partner_free(known);
		error_set(error, ERROR_CONFIG, "partner.exists",
		        "there is a partner %s already: use imex partner ensure, set or refresh",
		        name);
		return false;
	}
	autoptr(partner) partner = partner_new(name);
	return fill(cli, partner, error) && put(cli, partner, "added", error);
}

static enum cli_exit run_add(struct cli *cli, int argc, char **argv)
{
	GError *error = NULL;
	if (argc != 1)
		return cli_usage(&partner_add, "give the partner a name, such as exchange");
	return add(cli, argv[0], &error) ? CLI_DONE : cli_fail(error);
}

/* Ensure: the same in the end, however often it runs */

static bool same_keys(const struct partner *a, const struct partner *b)
{
	for (guint i = 0; i < b->keys->len; i++) {
		const struct partner_key *key = g_ptr_array_index(b->keys, i);
		if (partner_find_key(a, key->x5t) == NULL)
			return false;
	}
	return a->keys->len == b->keys->len;
}

/* What the operator changed by `set` stays; what he says now, or the document says, is taken. */
static void keep_settings(struct partner *wanted, const struct partner *known)
{
	if (given.trust == NULL)
		wanted->trust = known->trust;
	if (given.accept_sid == NULL)
		wanted->accept_sid = known->accept_sid;
	for (guint i = 0; i < known->origins->len; i++)
		partner_add_origin(wanted, g_ptr_array_index(known->origins, i));
}

static bool is_same(const struct partner *wanted, const struct partner *known)
{
	return g_strcmp0(wanted->issuer, known->issuer) == 0 &&
	       g_strcmp0(wanted->realm, known->realm) == 0 &&
	       g_strcmp0(wanted->metadata_url, known->metadata_url) == 0 &&
	       g_strcmp0(wanted->authorization_server, known->authorization_server) == 0 &&
	       wanted->trust == known->trust && wanted->enabled == known->enabled &&
	       wanted->accept_sid == known->accept_sid &&
	       wanted->origins->len == known->origins->len && same_keys(known, wanted);
}

/* Keys that are held must not become believed by running this command. */
static bool check_held(const struct partner *wanted, const struct partner *known, GError **error)
{
	if (known->keys->len == 0 || given.metadata == NULL || same_keys(known, wanted))
		return true;
	error_set(error, ERROR_CONFIG, "partner.keys",
	        "the keys of %s have changed: run imex partner refresh %s, which knows which of "
	        "them to believe",
	        known->name, known->name);
	return false;
}

static bool ensure(struct cli *cli, const char *name, GError **error)
{
	struct partner *found = NULL;
	if (!check_name(name, error) || !find(cli, name, &found, error))
		return false;
	autoptr(partner) known = found;
	autoptr(partner) wanted = partner_new(name);
	if (!fill(cli, wanted, error))
		return false;
	if (known == NULL)
		return put(cli, wanted, "added", error);
	if (!g_str_equal(known->app_id, wanted->app_id))
		return put(cli, wanted, "replaced, for its application is another", error);
	keep_settings(wanted, known);
	if (!check_held(wanted, known, error))
		return false;
	if (is_same(wanted, known)) {
		printf("%s is as wanted: nothing to do\n", name);
		return true;
	}
	return put(cli, wanted, "brought up to date", error);
}

static enum cli_exit run_ensure(struct cli *cli, int argc, char **argv)
{
	GError *error = NULL;
	if (argc != 1)
		return cli_usage(&partner_ensure, "give the partner a name, such as exchange");
	return ensure(cli, argv[0], &error) ? CLI_DONE : cli_fail(error);
}

/* Set */

static bool remove_origins(struct partner *partner, GError **error)
{
	for (char **url = given.remove_origins; url != NULL && *url != NULL; url++) {
		g_autofree char *origin = http_origin(*url);
		guint at = 0;
		if (origin == NULL || !g_ptr_array_find_with_equal_func(
		                              partner->origins, origin, g_str_equal, &at)) {
			error_set(error, ERROR_CONFIG, "partner.origin",
			        "%s is no origin of %s: imex partner show lists them", *url,
			        partner->name);
			return false;
		}
		g_ptr_array_remove_index(partner->origins, at);
	}
	return true;
}

static bool set(struct cli *cli, const char *name, GError **error)
{
	struct store *store = cli_store(cli, error);
	autoptr(partner) partner = store != NULL ? store_partner_get(store, name, error) : NULL;
	if (partner == NULL || !take_settings(partner, error) || !remove_origins(partner, error))
		return false;
	if (given.realm != NULL && !g_str_equal(given.realm, "*") &&
	        !principal_is_realm(given.realm))
		return bad(error, "the realm has characters that no realm has");
	if (given.realm != NULL)
		set_text(&partner->realm, given.realm);
	if (given.metadata != NULL) {
		if (!partner_take_origin(partner, given.metadata, error))
			return false;
		set_text(&partner->metadata_url, given.metadata);
	}
	return put(cli, partner, "changed", error);
}

static enum cli_exit run_set(struct cli *cli, int argc, char **argv)
{
	GError *error = NULL;
	if (argc != 1)
		return cli_usage(&partner_set, "name one partner");
	return set(cli, argv[0], &error) ? CLI_DONE : cli_fail(error);
}

/* Refresh */

static void print_change(const struct partner *partner, const struct trust_change *change)
{
	printf("%s: %u key%s, %u new, %u gone, %u held\n", partner->name, partner->keys->len,
	        partner->keys->len == 1 ? "" : "s", change->added, change->removed, change->held);
	if (partner->alarm != NULL)
		printf("%s: ALARM: %s\n", partner->name, partner->alarm);
}

static bool refresh(struct cli *cli, const struct partner *known, GError **error)
{
	struct store *store = cli_store(cli, error);
	const struct config *config = cli_config(cli, error);
	if (known->metadata_url == NULL) {
		error_set(error, ERROR_CONFIG, "partner.no_metadata",
		        "%s has no metadata URL, its keys were given by hand: remove it and add it "
		        "with --metadata, or with the new certificate",
		        known->name);
		return false;
	}
	struct trust_change change = {0};
	struct partner *fresh = NULL;
	g_autoptr(GError) cause = NULL;
	autoptr(http_client) client = trust_client_new(config, known->metadata_url, error);
	if (client == NULL)
		return false;
	autoptr(metadata) metadata = trust_fetch(client, known->metadata_url, &cause);
	bool good =
	        metadata != NULL && trust_refresh(known, metadata,
	                                    config_duration_s(config, "partner", NULL, "key_hold"),
	                                    given.accept_keys, &fresh, &change, &cause);
	autoptr(partner) updated = fresh;
	if (good && (cli->dry_run || store_partner_put(store, updated, &cause))) {
		print_change(updated, &change);
		return true;
	}
	/* What must not be believed is kept as an alarm; a passing fault is not. */
	bool alarm = error_is(cause, "partner.changed");
	if (!cli->dry_run)
		store_partner_tried(store, known->name, clock_utc_us(),
		        alarm ? cause->message : known->alarm, NULL);
	g_propagate_error(error, g_steal_pointer(&cause));
	return false;
}

static enum cli_exit refresh_list(struct cli *cli, const GPtrArray *partners)
{
	unsigned good = 0, failed = 0;
	enum cli_exit code = CLI_DONE;
	for (guint i = 0; i < partners->len; i++) {
		const struct partner *partner = g_ptr_array_index(partners, i);
		GError *error = NULL;
		if (given.all && partner->metadata_url == NULL)
			continue;
		if (refresh(cli, partner, &error)) {
			good++;
		} else {
			failed++;
			code = cli_fail(error);
		}
	}
	return failed > 0 && good > 0 ? CLI_PARTIAL : code;
}

static enum cli_exit run_refresh(struct cli *cli, int argc, char **argv)
{
	GError *error = NULL;
	if (given.all ? argc != 0 : argc != 1)
		return cli_usage(&partner_refresh, "name one partner, or say --all");
	struct store *store = cli_store(cli, &error);
	g_autoptr(GPtrArray) partners = store != NULL ? store_partner_list(store, &error) : NULL;
	if (partners == NULL)
		return cli_fail(error);
	if (!given.all) {
		autoptr(partner) one = store_partner_get(store, argv[0], &error);
		if (one == NULL)
			return cli_fail(error);
		g_ptr_array_set_size(partners, 0);
		g_ptr_array_add(partners, g_steal_pointer(&one));
	}
	http_global_init();
	return refresh_list(cli, partners);
}

const struct command partner_add = {.name = "add",
        .usage = "NAME --metadata URL",
        .summary = "Add a partner: by metadata URL, by certificate, or by name",
        .flags = COMMAND_DRY_RUN,
        .options = add_options,
        .run = run_add};
const struct command partner_ensure = {.name = "ensure",
        .usage = "NAME --metadata URL",
        .summary = "Add it, or make it what the options say; may run again and again",
        .flags = COMMAND_DRY_RUN,
        .options = add_options,
        .run = run_ensure};
const struct command partner_set = {.name = "set",
        .usage = "NAME [options]",
        .summary = "Change its trust level, its realm or where its tokens may go",
        .flags = COMMAND_DRY_RUN,
        .options = set_options,
        .run = run_set};
const struct command partner_refresh = {.name = "refresh",
        .usage = "NAME | --all",
        .summary = "Fetch its metadata now",
        .flags = COMMAND_DRY_RUN,
        .options = refresh_options,
        .run = run_refresh};
