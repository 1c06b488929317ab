#include "cli/commands.h"
#include "cli/setup.h"
#include "cli/subject.h"
#include "oauth/keyring.h"
#include "store/store.h"

#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

static struct {
	char *domain, *sip_domain, *source, *source_write, *server, *auth, *user, *password_file,
	        *ca_file, *state_dir, *store, *app_id, *realm, *map, *map_file, *rule, *listen,
	        *tls_certificate, *tls_key, *public_url, *run_as;
	gboolean allow_loopback;
} given;

#define TEXT(name, field, value, summary)                                                          \
	{                                                                                          \
		name, 0, 0, G_OPTION_ARG_STRING, &given.field, summary, value                      \
	}

static const GOptionEntry options[] = {
        TEXT("domain", domain, "DOMAIN", "The IM domain"),
        TEXT("sip-domain", sip_domain, "DOMAIN",
                "The domain of the same users on the mail side, if it is another"),
        TEXT("source", source, "URL",
                "The IM server's data, such as prosody+sqlite:///var/lib/prosody/prosody.sqlite"),
        TEXT("source-write", source_write, "HOW", "none (default) or sql-offline"),
        TEXT("server", server, "URL", "Exchange Web Services of the mail server"),
        TEXT("auth", auth, "HOW", "token (default) or basic"),
        TEXT("user", user, "NAME", "The user name for --auth basic"),
        TEXT("password-file", password_file, "FILE", "The password for --auth basic"),
        TEXT("ca-file", ca_file, "FILE", "The CA of the mail server's certificate"),
        {"allow-loopback", 0, 0, G_OPTION_ARG_NONE, &given.allow_loopback,
                "The mail server may be on this machine", NULL},
        TEXT("map", map, "HOW", "same (default), file or rule"),
        TEXT("map-file", map_file, "FILE", "The user map file"),
        TEXT("rule", rule, "RULE", "The rule, such as {local}@corp.example"),
        TEXT("listen", listen, "ADDRESS", "Address and port of the HTTPS listener"),
        TEXT("tls-certificate", tls_certificate, "FILE", "The listener's TLS certificate"),
        TEXT("tls-key", tls_key, "FILE", "Its key"),
        TEXT("public-url", public_url, "URL", "The URL under which partners reach it"),
        TEXT("realm", realm, "DOMAIN", "The realm of the tokens, if not the SIP domain"),
        TEXT("app-id", app_id, "GUID",
                "The application id instead of a new one; skype for that of Skype for Business, at "
                "a site that replaces it"),
        TEXT("store", store, "URL", "The store instead of a file in the state folder"),
        TEXT("state-dir", state_dir, "DIR", "Folder of keys and state"),
        TEXT("run-as", run_as, "USER", "The user that imexd runs as, when root sets it up"),
        {NULL, 0, 0, 0, NULL, NULL, NULL},
};

/* The well-known id of Lync and Skype for Business Server, [MS-OXPROTO] partners know it by. */
#define SKYPE_APP_ID "00000004-0000-0ff1-ce00-000000000000"

/* Relative names are meant from where the command is run, not from the configuration's folder. */
static void make_absolute(char **path)
{
	if (*path == NULL)
		return;
	char *absolute = g_canonicalize_filename(*path, NULL);
	g_free(*path);
	*path = absolute;
}

static bool take_domain(char **domain, GError **error)
{
	if (*domain == NULL)
		return true;
	char *canonical = cli_domain(*domain, error);
	if (canonical == NULL)
		return false;
	g_free(*domain);
	*domain = canonical;
	return true;
}

static bool take_app_id(GError **error)
{
	g_autofree char *wanted = g_steal_pointer(&given.app_id);
	if (wanted == NULL)
		given.app_id = g_uuid_string_random();
	else if (g_str_equal(wanted, "skype"))
		given.app_id = g_strdup(SKYPE_APP_ID);
	else if (g_uuid_string_is_valid(wanted))
		given.app_id = g_ascii_strdown(wanted, -1);
	if (given.app_id != NULL)
		return true;
	error_set(error, ERROR_CONFIG, "setup.value",
	        "--app-id %s is not a GUID: leave the option out, and imex makes a new one",
	        wanted);
	return false;
}

static bool take_options(GError **error)
{
	if (given.state_dir == NULL)
		given.state_dir = g_strdup(IMEX_LOCALSTATEDIR "/lib/imex");
	make_absolute(&given.state_dir);
	make_absolute(&given.password_file);
	make_absolute(&given.ca_file);
	make_absolute(&given.map_file);
	make_absolute(&given.tls_certificate);
	make_absolute(&given.tls_key);
	if (given.store == NULL)
		given.store = g_strdup_printf("sqlite://%s/imex.db", given.state_dir);
	if (given.map == NULL)
		given.map = g_strdup(given.rule != NULL       ? "rule"
		                     : given.map_file != NULL ? "file"
		                                              : "same");
	return take_domain(&given.domain, error) && take_domain(&given.sip_domain, error) &&
	       take_app_id(error);
}

static struct setup wanted(const struct cli *cli)
{
	return (struct setup){
	        .config_path = cli->config_path,
	        .state_dir = given.state_dir,
	        .store_url = given.store,
	        .app_id = given.app_id,
	        .realm = given.realm,
	        .domain = given.domain,
	        .sip_domain = given.sip_domain,
	        .source_url = given.source,
	        .source_write = given.source_write,
	        .server_url = given.server,
	        .server_auth = given.auth,
	        .server_user = given.user,
	        .password_file = given.password_file,
	        .ca_file = given.ca_file,
	        .allow_loopback = given.allow_loopback,
	        .map = given.map,
	        .map_file = given.map_file,
	        .rule = given.rule,
	        .listen = given.listen,
	        .tls_certificate = given.tls_certificate,
	        .tls_key = given.tls_key,
	        .public_url = given.public_url,
	        .run_as = given.run_as,
	};
}

/* Whom the state is for: root sets it up for the user that imexd becomes. */
struct owner {
	uid_t uid;
	gid_t gid;
};

static bool find_owner(struct owner *owner, GError **error)
{
	owner->uid = (uid_t)-1;
	owner->gid = (gid_t)-1;
	if (geteuid() != 0)
		return true;
	const char *name = given.run_as != NULL ? given.run_as : "imex";
	const struct passwd *user = getpwnam(name);
	if (user != NULL) {
		owner->uid = user->pw_uid;
		owner->gid = user->pw_gid;
		return true;
	}
	if (given.run_as == NULL) {
		fprintf(stderr,
		        "imex: there is no user imex, so that the state belongs to root, whom "
		        "imexd does not run as: see --run-as\n");
		return true;
	}
	error_set(error, ERROR_CONFIG, "setup.user",
	        "there is no user %s: make one with useradd --system %s, or name another with "
	        "--run-as",
	        name, name);
	return false;
}

/* Keys and store are made as the user whom they are for. */
static bool become(const struct owner *owner, GError **error)
{
	if (owner->uid == (uid_t)-1 || owner->uid == 0)
		return true;
	if (setegid(owner->gid) == 0 && seteuid(owner->uid) == 0)
		return true;
	error_set(error, ERROR_CONFIG, "setup.user",
	        "imex cannot become the user that imexd runs as: run it as root or as that user");
	return false;
}

static bool become_again(const struct owner *owner)
{
	if (owner->uid == (uid_t)-1 || owner->uid == 0)
		return true;
	return seteuid(0) == 0 && setegid(0) == 0;
}

/* A key that is there already stays. */
static bool make_key(const char *realm, bool *made, GError **error)
{
	autoptr(keyring) keyring = keyring_open(given.state_dir, error);
	if (keyring == NULL)
		return false;
	autoptr(certificate) present = keyring_certificate(keyring, KEY_CURRENT);
	*made = present == NULL;
	if (present != NULL)
		return true;
	const struct key_request request = {.common_name = realm};
	autoptr(key_pair) pair = key_pair_create(&request, error);
	return pair != NULL && keyring_use(keyring, pair, error);
}

static bool make_store(GError **error)
{
	autoptr(store) store = store_open(given.store, STORE_CREATE, error);
	return store != NULL;
}

static bool make_state(const char *realm, bool *key_made, GError **error)
{
	return make_key(realm, key_made, error) && make_store(error);
}

static const char *realm_of(void)
{
	if (given.realm != NULL)
		return given.realm;
	if (given.sip_domain != NULL)
		return given.sip_domain;
	return given.domain != NULL ? given.domain : "imex";
}

static bool refuse_existing(const char *path, GError **error)
{
	if (!g_file_test(path, G_FILE_TEST_EXISTS))
		return true;
	error_set(error, ERROR_CONFIG, "setup.exists",
	        "%s is there already and nothing was changed: edit it, or name another file with "
	        "--config",
	        path);
	return false;
}

/* The file comes last: while it is missing, init may simply be run again. */
static bool set_up(struct cli *cli, bool *key_made, GError **error)
{
	struct owner owner;
	if (!refuse_existing(cli->config_path, error) || !take_options(error) ||
	        !find_owner(&owner, error))
		return false;
	struct setup setup = wanted(cli);
	g_autofree char *text = setup_config_text(&setup, error);
	autoptr(config) config = text != NULL ? config_parse(cli->config_path, text, error) : NULL;
	if (config == NULL)
		return false;
	if (cli->dry_run) {
		fputs(text, stdout);
		return true;
	}
	if (!setup_state_dir(given.state_dir, owner.uid, owner.gid, error) ||
	        !become(&owner, error))
		return false;
	bool made = make_state(realm_of(), key_made, error);
	if (!become_again(&owner))
		g_error("root's rights could not be taken back");
	return made && setup_write_new(cli->config_path, text, owner.gid, error);
}

static void print_next(const struct cli *cli, bool key_made)
{
	printf("configuration  %s\n", cli->config_path);
	printf("state          %s\n", given.state_dir);
	printf("store          %s\n", given.store);
	printf("key            %s\n", key_made ? "made" : "kept, as it was there already");
	printf("application    %s\n", given.app_id);
	printf("\nNext: imex partner add, then imex policy set; nothing acts until a policy names "
	       "it.\n");
}

static enum cli_exit run(struct cli *cli, int argc, char **argv)
{
	GError *error = NULL;
	bool key_made = false;
	if (argc > 0)
		return cli_usage(&cmd_init, "%s is one word too many", argv[0]);
	if (!set_up(cli, &key_made, &error))
		return cli_fail(error);
	if (!cli->dry_run && !cli->quiet)
		print_next(cli, key_made);
	return CLI_DONE;
}

const struct command cmd_init = {
        .name = "init",
        .usage = "--domain DOMAIN --source URL --server URL [options]",
        .summary = "Set up an installation: configuration, key, store",
        .help = "Writes the configuration file and makes the state folder, the issuer's key and "
                "certificate, a new application id and the store. Never overwrites a key or a "
                "file. --dry-run prints the configuration file instead.",
        .flags = COMMAND_DRY_RUN | COMMAND_QUIET,
        .options = options,
        .run = run,
};
