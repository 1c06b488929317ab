#include "cli/commands.h"
#include "cli/trust.h"
#include "core/address.h"
#include "core/clock.h"
#include "core/secret.h"
#include "oauth/watch.h"
#include "store/partner.h"
#include "wire/http.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the subcommands take; one command runs per process. */
static struct {
	char *key, *pass_file, *effective, *within, *pkcs12, *out;
	char **names;
	int bits, days;
	gboolean now, force, der, offline;
} given;

static const GOptionEntry create_options[] = {
        {"bits", 0, 0, G_OPTION_ARG_INT, &given.bits, "Size of the key (2048)", "N"},
        {"days", 0, 0, G_OPTION_ARG_INT, &given.days, "Days it is valid (1825)", "N"},
        {"name", 0, 0, G_OPTION_ARG_STRING_ARRAY, &given.names,
                "A further domain that the certificate names; may be repeated", "DOMAIN"},
        {"effective", 0, 0, G_OPTION_ARG_STRING, &given.effective,
                "Stage it: it signs from this time on", "TIME"},
        {"now", 0, 0, G_OPTION_ARG_NONE, &given.now, "Replace the current one at once", NULL},
        {"force", 0, 0, G_OPTION_ARG_NONE, &given.force,
                "Stage it even less than 24 hours before the current one ends", NULL},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
};

#define FILE_OPTIONS                                                                               \
	{"key", 0, 0, G_OPTION_ARG_FILENAME, &given.key,                                           \
	        "The private key, when it is not in the same PEM file", "FILE"},                   \
	{                                                                                          \
		"pass-file", 0, 0, G_OPTION_ARG_FILENAME, &given.pass_file,                        \
		        "File with the password of a PKCS#12 file", "FILE"                         \
	}

static const GOptionEntry import_options[] = {
        FILE_OPTIONS,
        {"effective", 0, 0, G_OPTION_ARG_STRING, &given.effective,
                "Stage it: it signs from this time on", "TIME"},
        {"now", 0, 0, G_OPTION_ARG_NONE, &given.now, "Replace the current one at once", NULL},
        {"force", 0, 0, G_OPTION_ARG_NONE, &given.force,
                "Stage it even less than 24 hours before the current one ends", NULL},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
};

static const GOptionEntry use_options[] = {
        FILE_OPTIONS,
        {NULL, 0, 0, 0, NULL, NULL, NULL},
};

static const GOptionEntry list_options[] = {
        {"expires-within", 0, 0, G_OPTION_ARG_STRING, &given.within,
                "Only those that end within this time; exit code 1 when there is one", "60d"},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
};

static const GOptionEntry watch_options[] = {
        {"offline", 0, 0, G_OPTION_ARG_NONE, &given.offline,
                "Leave out the TLS certificates of partners and mail servers", NULL},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
};

static const GOptionEntry export_options[] = {
        {"out", 'o', 0, G_OPTION_ARG_FILENAME, &given.out, "Write to this new file", "FILE"},
        {"der", 0, 0, G_OPTION_ARG_NONE, &given.der, "DER instead of PEM (a .cer file)", NULL},
        {"pkcs12", 0, 0, G_OPTION_ARG_FILENAME, &given.pkcs12,
                "Write key and certificate to this new file, for the other nodes", "FILE"},
        {"pass-file", 0, 0, G_OPTION_ARG_FILENAME, &given.pass_file,
                "File with the password for --pkcs12", "FILE"},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
};

/* Where a key comes from and where it goes */

static bool is_pkcs12(const char *path)
{
	return g_str_has_suffix(path, ".p12") || g_str_has_suffix(path, ".pfx") ||
	       g_str_has_suffix(path, ".P12") || g_str_has_suffix(path, ".PFX");
}

static struct key_pair *read_pair(const char *path, GError **error)
{
	if (!is_pkcs12(path))
		return key_pair_from_pem(path, given.key, error);
	char *password =
	        given.pass_file != NULL ? secret_read(given.pass_file, error) : g_strdup("");
	struct key_pair *pair =
	        password != NULL ? key_pair_from_pkcs12(path, password, error) : NULL;
	secret_free(password);
	return pair;
}

/* The realm as common name; every further SIP domain is an alternative name. */
static struct key_pair *make_pair(struct cli *cli, GError **error)
{
	const struct config *config = cli_config(cli, error);
	const char *realm = config != NULL ? token_realm(config, error) : NULL;
	if (realm == NULL)
		return NULL;
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	for (const char *const *name = config_names(config, "domain"); *name != NULL; name++) {
		const char *sip = config_string(config, "domain", *name, "sip_domain");
		char *ascii = address_domain_ascii(sip != NULL ? sip : *name, error);
		if (ascii == NULL)
			return NULL;
		g_ptr_array_add(names, ascii);
	}
	for (char **name = given.names; name != NULL && *name != NULL; name++)
		g_ptr_array_add(names, g_strdup(*name));
	g_ptr_array_add(names, NULL);
	const struct key_request request = {.common_name = realm,
	        .names = (const char *const *)names->pdata,
	        .bits = (unsigned)MAX(given.bits, 0),
	        .days = given.days};
	return key_pair_create(&request, error);
}

static void print_placed(const struct key_pair *pair, const char *what)
{
	const struct certificate *certificate = key_pair_certificate(pair);
	g_autofree char *end = cli_time_text(certificate_not_after_utc_us(certificate));
	printf("%s %s (%s), valid until %s\n", certificate_thumbprint(certificate), what,
	        certificate_subject(certificate), end);
}

static bool stage(
        struct cli *cli, struct keyring *keyring, const struct key_pair *pair, GError **error)
{
	int64_t effective = 0;
	if (!clock_parse_iso(given.effective, &effective, error))
		return false;
	if (!cli->dry_run && !keyring_stage(keyring, pair, effective, given.force, error))
		return false;
	g_autofree char *time = cli_time_text(effective);
	g_autofree char *what = g_strdup_printf("%s from %s on",
	        cli->dry_run ? "would be staged and sign" : "is staged and signs", time);
	print_placed(pair, what);
	return true;
}

static bool use(
        struct cli *cli, struct keyring *keyring, const struct key_pair *pair, GError **error)
{
	if (!cli->dry_run && !keyring_use(keyring, pair, error))
		return false;
	print_placed(pair, cli->dry_run ? "would be the current one" : "is the current one");
	return true;
}

/* Stages it, makes it current, or says that a person must choose. */
static bool place(struct cli *cli, const struct key_pair *pair, GError **error)
{
	autoptr(keyring) keyring = cli_keyring(cli, error);
	if (keyring == NULL)
		return false;
	if (given.effective != NULL)
		return stage(cli, keyring, pair, error);
	autoptr(certificate) current = keyring_certificate(keyring, KEY_CURRENT);
	if (current == NULL || given.now)
		return use(cli, keyring, pair, error);
	error_set(error, ERROR_CONFIG, "cert.choose",
	        "there is a current certificate (%s): say --effective TIME to stage the new one, "
	        "which lets partners learn it first, or --now to replace it at once",
	        certificate_thumbprint(current));
	return false;
}

static enum cli_exit place_and_free(struct cli *cli, struct key_pair *pair, GError *error)
{
	bool good = pair != NULL && place(cli, pair, &error);
	g_clear_pointer(&pair, key_pair_free);
	return good ? CLI_DONE : cli_fail(error);
}

static enum cli_exit run_create(struct cli *cli, int argc, char **argv)
{
	(void)argv;
	if (argc != 0)
		return cli_usage(&cmd_cert, "create takes no operand");
	GError *error = NULL;
	struct key_pair *pair = make_pair(cli, &error);
	return place_and_free(cli, pair, error);
}

static enum cli_exit run_import(struct cli *cli, int argc, char **argv)
{
	if (argc != 1)
		return cli_usage(&cmd_cert, "name one PEM or PKCS#12 file");
	GError *error = NULL;
	struct key_pair *pair = read_pair(argv[0], &error);
	return place_and_free(cli, pair, error);
}

static enum cli_exit run_use(struct cli *cli, int argc, char **argv)
{
	given.now = TRUE;
	return run_import(cli, argc, argv);
}

static enum cli_exit run_stage(struct cli *cli, int argc, char **argv)
{
	if (given.effective == NULL)
		return cli_usage(&cmd_cert, "stage needs --effective TIME");
	return argc == 0 ? run_create(cli, argc, argv) : run_import(cli, argc, argv);
}

typedef bool keyring_change(struct keyring *keyring, GError **error);

static enum cli_exit change_ring(
        struct cli *cli, int argc, keyring_change *change, enum key_slot slot, const char *what)
{
	GError *error = NULL;
	if (argc != 0)
		return cli_usage(&cmd_cert, "no operand is taken here");
	autoptr(keyring) keyring = cli_keyring(cli, &error);
	autoptr(certificate) certificate =
	        keyring != NULL ? keyring_certificate(keyring, slot) : NULL;
	if (keyring == NULL || (!cli->dry_run && !change(keyring, &error)))
		return cli_fail(error);
	printf("%s %s%s\n",
	        certificate != NULL ? certificate_thumbprint(certificate) : "no certificate",
	        cli->dry_run ? "would be " : "is ", what);
	return CLI_DONE;
}

static enum cli_exit run_roll(struct cli *cli, int argc, char **argv)
{
	(void)argv;
	return change_ring(cli, argc, keyring_roll, KEY_NEXT, "the current one");
}

static enum cli_exit run_drop_previous(struct cli *cli, int argc, char **argv)
{
	(void)argv;
	return change_ring(cli, argc, keyring_drop_previous, KEY_PREVIOUS, "dropped");
}

/* Listing */

static void add_row(struct cli_table *table, enum key_slot slot,
        const struct certificate *certificate, int64_t effective_utc_us)
{
	int64_t end = certificate_not_after_utc_us(certificate);
	g_autoptr(GString) names = g_string_new(NULL);
	for (const char *const *name = certificate_names(certificate); *name != NULL; name++)
		g_string_append_printf(names, "%s%s", names->len > 0 ? " " : "", *name);
	g_autofree char *begins = cli_time_text(certificate_not_before_utc_us(certificate));
	g_autofree char *ends = cli_time_text(end);
	g_autofree char *signs = slot == KEY_NEXT ? cli_time_text(effective_utc_us) : NULL;
	g_autofree char *left =
	        g_strdup_printf("%" G_GINT64_FORMAT, (end - clock_utc_us()) / CLOCK_US_PER_DAY);
	const char *cells[] = {key_slot_name(slot), certificate_thumbprint(certificate),
	        certificate_x5t(certificate), certificate_subject(certificate), names->str, begins,
	        ends, left, slot == KEY_CURRENT ? "now" : signs};
	cli_table_row(table, cells);
}

static enum cli_exit list(struct cli *cli, struct keyring *keyring, int64_t within_s)
{
	static const char *const columns[] = {"slot", "thumbprint", "x5t", "subject", "names",
	        "begins", "ends", "days left", "signs from", NULL};
	autoptr(cli_table) table = cli_table_new(columns);
	bool any = false;
	int64_t limit = clock_utc_us() + within_s * CLOCK_US_PER_S;
	for (unsigned i = 0; i < KEY_SLOTS; i++) {
		enum key_slot slot = (enum key_slot)i;
		autoptr(certificate) certificate = keyring_certificate(keyring, slot);
		any |= certificate != NULL;
		if (certificate == NULL ||
		        (given.within != NULL && certificate_not_after_utc_us(certificate) > limit))
			continue;
		add_row(table, slot, certificate, keyring_effective_utc_us(keyring));
	}
	cli_table_print(table, cli, stdout);
	if (!any) {
		fprintf(stderr, "imex: there is no issuer certificate: run imex cert create\n");
		return CLI_PARTIAL;
	}
	return given.within != NULL && cli_table_rows(table) > 0 ? CLI_FAILED : CLI_DONE;
}

static enum cli_exit run_list(struct cli *cli, int argc, char **argv)
{
	(void)argv;
	int64_t within_s = 0;
	GError *error = NULL;
	if (argc != 0)
		return cli_usage(&cmd_cert, "list takes no operand");
	if (given.within != NULL && !config_parse_duration(given.within, &within_s))
		return cli_usage(&cmd_cert, "--expires-within takes a time such as 60d");
	autoptr(keyring) keyring = cli_keyring(cli, &error);
	return keyring != NULL ? list(cli, keyring, within_s) : cli_fail(error);
}

/* Watching */

static const char *watch_state(const struct watched *watched, int limit)
{
	if (limit == 0)
		return watched->trouble != NULL ? "WRONG" : "EXPIRED";
	if (limit != WATCH_NONE)
		return "ends";
	if (watched->trouble != NULL)
		return "unknown";
	return watched->replaced ? "replaced" : "ok";
}

static void add_watched(struct cli_table *table, const struct watched *watched, int limit)
{
	g_autofree char *ends = cli_time_text(watched->ends_utc_us);
	g_autofree char *left = NULL;
	g_autofree char *below = limit != WATCH_NONE ? g_strdup_printf("%d", limit) : NULL;
	bool act = limit != WATCH_NONE || watched->trouble != NULL;
	g_autofree char *advice =
	        watched->trouble != NULL
	                ? g_strdup_printf("%s: %s", watched->trouble, watched->next)
	                : g_strdup(act ? watched->next : NULL);
	if (watched->ends_utc_us != 0)
		left = g_strdup_printf("%" G_GINT64_FORMAT, watched_days(watched, clock_utc_us()));
	const char *cells[] = {watch_state(watched, limit), watched->what, watched->whose,
	        watched->subject, ends, left, below, advice};
	cli_table_row(table, cells);
}

static enum cli_exit watch(struct cli *cli, struct keyring *keyring, const GPtrArray *partners)
{
	static const char *const columns[] = {"state", "certificate", "whose", "subject", "ends",
	        "days left", "limit", "what to do", NULL};
	g_autoptr(GPtrArray) list =
	        watch_certificates(cli_config(cli, NULL), keyring, partners, !given.offline);
	autoptr(cli_table) table = cli_table_new(columns);
	enum cli_exit code = CLI_DONE;
	for (guint i = 0; i < list->len; i++) {
		const struct watched *watched = g_ptr_array_index(list, i);
		int limit = watched_limit(watched, clock_utc_us());
		add_watched(table, watched, limit);
		if (limit != WATCH_NONE)
			code = CLI_FAILED;
		else if (watched->trouble != NULL && code == CLI_DONE)
			code = CLI_PARTIAL;
	}
	cli_table_print(table, cli, stdout);
	return code;
}

static enum cli_exit run_watch(struct cli *cli, int argc, char **argv)
{
	(void)argv;
	GError *error = NULL;
	if (argc != 0)
		return cli_usage(&cmd_cert, "watch takes no operand");
	autoptr(keyring) keyring = cli_keyring(cli, &error);
	struct store *store = keyring != NULL ? cli_store(cli, &error) : NULL;
	g_autoptr(GPtrArray) partners = store != NULL ? store_partner_list(store, &error) : NULL;
	if (partners == NULL)
		return cli_fail(error);
	http_global_init();
	return watch(cli, keyring, partners);
}

/* Export */

static bool write_public(const struct certificate *certificate, GError **error)
{
	g_autofree char *pem = certificate_pem(certificate);
	gsize len = strlen(pem);
	const void *bytes = pem;
	if (given.der)
		bytes = g_bytes_get_data(certificate_der(certificate), &len);
	int fd = given.out != NULL ? open(given.out, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644)
	                           : dup(STDOUT_FILENO);
	bool good = fd >= 0 && write(fd, bytes, len) == (ssize_t)len;
	int cause = errno;
	if (fd >= 0 && close(fd) != 0)
		good = false;
	if (!good)
		error_set(error, ERROR_CONFIG, "cert.export",
		        "%s cannot be written (%s): name a new file in a folder that you may write",
		        given.out != NULL ? given.out : "standard output", g_strerror(cause));
	return good;
}

static bool export(struct keyring *keyring, GError **error)
{
	if (given.pkcs12 != NULL) {
		char *password = secret_read(given.pass_file, error);
		bool good = password != NULL &&
		            keyring_export_pkcs12(keyring, given.pkcs12, password, error);
		secret_free(password);
		return good;
	}
	autoptr(certificate) current = keyring_certificate(keyring, KEY_CURRENT);
	if (current != NULL)
		return write_public(current, error);
	error_set(error, ERROR_CONFIG, "keyring.empty",
	        "there is no issuer certificate to export: run imex cert create");
	return false;
}

static enum cli_exit run_export(struct cli *cli, int argc, char **argv)
{
	(void)argv;
	GError *error = NULL;
	if (argc != 0)
		return cli_usage(&cmd_cert, "export takes no operand");
	if (given.pkcs12 != NULL && given.pass_file == NULL)
		return cli_usage(&cmd_cert, "--pkcs12 needs --pass-file, for it holds the key");
	autoptr(keyring) keyring = cli_keyring(cli, &error);
	return keyring != NULL && export(keyring, &error) ? CLI_DONE : cli_fail(error);
}

static const struct command cert_create = {.name = "create",
        .usage = "[--effective TIME | --now]",
        .summary = "Make a key and its self-signed certificate",
        .flags = COMMAND_DRY_RUN,
        .options = create_options,
        .run = run_create};
static const struct command cert_import = {.name = "import",
        .usage = "FILE [--key FILE | --pass-file FILE] [--effective TIME | --now]",
        .summary = "Take a key and certificate from PEM or PKCS#12 files",
        .flags = COMMAND_DRY_RUN,
        .options = import_options,
        .run = run_import};
static const struct command cert_use = {.name = "use",
        .usage = "FILE [--key FILE | --pass-file FILE]",
        .summary = "Make a key and certificate the current one at once",
        .flags = COMMAND_DRY_RUN,
        .options = use_options,
        .run = run_use};
static const struct command cert_stage = {.name = "stage",
        .usage = "[FILE [--key FILE | --pass-file FILE]] --effective TIME [--force]",
        .summary = "Stage the next certificate: published now, signing from TIME on",
        .flags = COMMAND_DRY_RUN,
        .options = import_options,
        .run = run_stage};
static const struct command cert_roll = {.name = "roll",
        .usage = "",
        .summary = "Make the staged certificate the current one now",
        .flags = COMMAND_DRY_RUN,
        .run = run_roll};
static const struct command cert_drop_previous = {.name = "drop-previous",
        .usage = "",
        .summary = "Forget the previous certificate and remove its key",
        .flags = COMMAND_DRY_RUN,
        .run = run_drop_previous};
static const struct command cert_list = {.name = "list",
        .usage = "[--expires-within 60d]",
        .summary = "Show previous, current and next certificate",
        .flags = COMMAND_JSON,
        .options = list_options,
        .run = run_list};
static const struct command cert_watch = {.name = "watch",
        .usage = "[--offline]",
        .summary = "Show every certificate that trust hangs on, and which of them end soon",
        .help = "Ours, the listener's, the partners' issuers' and those of their servers. Limits "
                "are 60, 30,\n14 and 7 days. Exit: 0 none ends within 60 days, 1 one does, 3 one "
                "could not be looked at.",
        .flags = COMMAND_JSON,
        .options = watch_options,
        .run = run_watch};
static const struct command cert_export = {.name = "export",
        .usage = "[--out FILE] [--der] | --pkcs12 FILE --pass-file FILE",
        .summary = "Write the current certificate, or with --pkcs12 its key as well",
        .options = export_options,
        .run = run_export};

static const struct command *const subcommands[] = {&cert_create, &cert_import, &cert_use,
        &cert_stage, &cert_roll, &cert_drop_previous, &cert_list, &cert_watch, &cert_export, NULL};

const struct command cmd_cert = {.name = "cert",
        .summary = "Certificates that sign our tokens",
        .help = "The certificate of the web listener is another thing: listen.tls_certificate.",
        .subcommands = subcommands};
