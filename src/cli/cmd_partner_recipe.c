#include "cli/commands.h"
#include "cli/partner_private.h"
#include "cli/trust.h"
#include "oauth/principal.h"
#include "wire/http.h"

#include <string.h>

static gboolean undo, emergency;
static char *pilot, *certificate_file;

static const GOptionEntry options[] = {
        {"undo", 0, 0, G_OPTION_ARG_NONE, &undo, "The commands that take everything back", NULL},
        {"emergency", 0, 0, G_OPTION_ARG_NONE, &emergency, "The command that switches us off now",
                NULL},
        {"pilot-group", 0, 0, G_OPTION_ARG_STRING, &pilot,
                "The group whose members we may act for (imex-pilot)", "GROUP"},
        {"cert-file", 0, 0, G_OPTION_ARG_STRING, &certificate_file,
                "Trust by this file there instead of our metadata URL: for skype the certificate, "
                "for exchange the document of imex metadata print",
                "FILE"},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
};

/*
 * Text for the administrator of the other side. {id}, {realm}, {metadata}, {pilot} and {user} are
 * filled in; what does not apply is left out by choosing among whole texts.
 */
#define EXCHANGE_BEGIN                                                                             \
	"# Exchange Management Shell. Stop at the first step that does not answer as stated.\n"    \
	"# 1. Which partner applications are there? If ours is among them, it stops: ask first.\n" \
	"Get-PartnerApplication | Format-Table Name, ApplicationIdentifier, Enabled\n"             \
	"if (Get-PartnerApplication | Where-Object ApplicationIdentifier -eq '{id}') "             \
	"{ throw 'the id {id} is taken' }\n"                                                       \
	"# 2. The realm must be an accepted domain; wildcards do not count. It must print a "      \
	"line.\n"                                                                                  \
	"Get-AcceptedDomain | Where-Object DomainName -eq '{realm}'\n"                             \
	"# 3. An account that stands for imex. It never logs on.\n"                                \
	"New-MailUser -Name imex-application -ExternalEmailAddress imex-application@{realm}\n"     \
	"Set-MailUser imex-application -HiddenFromAddressListsEnabled $true\n"                     \
	"# 4. Its roles, for the members of the pilot group only.\n"                               \
	"$group = (Get-Group '{pilot}').DistinguishedName\n"                                       \
	"New-ManagementScope imex-pilot -RecipientRestrictionFilter \"MemberOfGroup -eq "          \
	"'$group'\"\n"                                                                             \
	"New-ManagementRoleAssignment -Name imex-user -Role UserApplication -User "                \
	"imex-application -CustomRecipientWriteScope imex-pilot\n"                                 \
	"New-ManagementRoleAssignment -Name imex-archive -Role ArchiveApplication -User "          \
	"imex-application -CustomRecipientWriteScope imex-pilot\n"

#define EXCHANGE_BY_URL                                                                            \
	"# 5. The partner application, from our metadata. A web server of your own may serve "     \
	"what "                                                                                    \
	"imex metadata print\n#    prints; its TLS certificate must be trusted there.\n"           \
	"New-PartnerApplication -Name imex -AuthMetadataUrl '{metadata}' -LinkedAccount "          \
	"imex-application -Enabled $true\n"

/* Exchange takes a certificate only inside a metadata document that it fetches. */
#define EXCHANGE_BY_FILE                                                                           \
	"# 5. The partner application, from a file, where Exchange cannot reach imex. On the "     \
	"imex "                                                                                    \
	"host: imex metadata print > imex.json\n#    Copy it here as {file}, serve it from this "  \
	"server's own web site, and look that it prints {id}:\n"                                   \
	"Copy-Item '{file}' C:\\inetpub\\wwwroot\\imex.json\n"                                     \
	"(Invoke-RestMethod 'https://{exchange}/imex.json').serviceName\n"                         \
	"New-PartnerApplication -Name imex -AuthMetadataUrl 'https://{exchange}/imex.json' "       \
	"-LinkedAccount imex-application -Enabled $true\n"                                         \
	"#    After each imex cert stage copy it again.\n"

#define EXCHANGE_END                                                                               \
	"# 6. Read the settings anew on each server.\n"                                            \
	"iisreset /noforce\n"                                                                      \
	"# 7. The test there: it must say ResultType Success.\n"                                   \
	"Test-OAuthConnectivity -Service EWS -TargetUri '{ews}' -Mailbox <member of the pilot> "   \
	"-Verbose\n"                                                                               \
	"# 8. The test here: every line must be ok.\n"                                             \
	"#    imex doctor --user <member of the pilot>\n"                                          \
	"# After each imex cert stage, well before the new certificate signs:\n"                   \
	"#    Set-PartnerApplication imex -RefreshAuthMetadata\n"                                  \
	"# To take it back: imex partner recipe exchange --undo\n"

#define EXCHANGE_UNDO                                                                              \
	"# Exchange Management Shell: takes back what the recipe did, in reverse order.\n"         \
	"Remove-PartnerApplication imex -Confirm:$false\n"                                         \
	"Remove-ManagementRoleAssignment imex-archive -Confirm:$false\n"                           \
	"Remove-ManagementRoleAssignment imex-user -Confirm:$false\n"                              \
	"Remove-ManagementScope imex-pilot -Confirm:$false\n"                                      \
	"Remove-MailUser imex-application -Confirm:$false\n"                                       \
	"Remove-Item C:\\inetpub\\wwwroot\\imex.json -ErrorAction SilentlyContinue\n"              \
	"# Must print nothing:\n"                                                                  \
	"Get-PartnerApplication | Where-Object ApplicationIdentifier -eq '{id}'\n"

#define EXCHANGE_EMERGENCY                                                                         \
	"# Exchange Management Shell: imex is refused from now on; nothing is removed.\n"          \
	"Set-PartnerApplication imex -Enabled $false\n"                                            \
	"iisreset /noforce\n"                                                                      \
	"# And here: imex pause\n"

#define SKYPE_LIST                                                                                 \
	"# 1. Which partner applications are there? If ours is among them, it stops: ask first.\n" \
	"Get-CsPartnerApplication | Format-Table Identity, ApplicationIdentifier, Enabled\n"       \
	"if (Get-CsPartnerApplication | Where-Object ApplicationIdentifier -eq '{id}') "           \
	"{ throw 'the id {id} is taken' }\n"

#define SKYPE_RECIPE                                                                               \
	"# Skype for Business Server Management Shell.\n" SKYPE_LIST                               \
	"# 2. The partner application, from our metadata.\n"                                       \
	"New-CsPartnerApplication -Identity imex -ApplicationTrustLevel Full -MetadataUrl "        \
	"'{metadata}'\n"                                                                           \
	"# 3. It must print Enabled: True.\n"                                                      \
	"Get-CsPartnerApplication -Identity imex\n"

#define SKYPE_BY_FILE                                                                              \
	"# Skype for Business Server Management Shell.\n" SKYPE_LIST                               \
	"# 2. The partner application, from the file that imex cert export --der wrote.\n"         \
	"New-CsPartnerApplication -Identity imex -ApplicationTrustLevel Full "                     \
	"-ApplicationIdentifier '{id}' -Realm '{realm}' -CertificateFileData '{file}'\n"           \
	"# 3. It must print Enabled: True.\n"                                                      \
	"Get-CsPartnerApplication -Identity imex\n"

#define SKYPE_UNDO                                                                                 \
	"# Skype for Business Server Management Shell.\n"                                          \
	"Remove-CsPartnerApplication -Identity imex\n"

#define SKYPE_EMERGENCY                                                                            \
	"# Skype for Business Server Management Shell.\n"                                          \
	"Set-CsPartnerApplication -Identity imex -Enabled $false\n"

#define GROMMUNIO_RECIPE                                                                           \
	"# grommunio knows no server-to-server tokens: imex logs on with a password over TLS.\n"   \
	"# 1. On the grommunio server: an account whose password only imex has.\n"                 \
	"grommunio-admin user create imex@{realm}\n"                                               \
	"grommunio-admin passwd --user imex@{realm}\n"                                             \
	"# 2. Let it act for each user of the pilot.\n"                                            \
	"grommunio-admin user delegate <user>@{realm} add imex@{realm}\n"                          \
	"# 3. Here, in imex.conf:\n"                                                               \
	"#    [server NAME]\n"                                                                     \
	"#    auth = basic\n"                                                                      \
	"#    user = imex@{realm}\n"                                                               \
	"#    password_file = /etc/imex/grommunio.password     (mode 0600)\n"                      \
	"# 4. The test here: every line must be ok.\n"                                             \
	"#    imex doctor --user <user>\n"

#define GROMMUNIO_UNDO                                                                             \
	"# On the grommunio server:\n"                                                             \
	"grommunio-admin user delegate <user>@{realm} remove imex@{realm}\n"                       \
	"grommunio-admin user delete imex@{realm}\n"

#define GROMMUNIO_EMERGENCY                                                                        \
	"# On the grommunio server: a new password shuts imex out at once.\n"                      \
	"grommunio-admin passwd --user imex@{realm}\n"

static const struct recipe {
	const char *name;
	const char *by_url, *by_file; /* by_file NULL: there is no such way */
	const char *undo, *emergency;
} recipes[] = {
        {"exchange", EXCHANGE_BEGIN EXCHANGE_BY_URL EXCHANGE_END,
                EXCHANGE_BEGIN EXCHANGE_BY_FILE EXCHANGE_END, EXCHANGE_UNDO, EXCHANGE_EMERGENCY},
        {"grommunio", GROMMUNIO_RECIPE, NULL, GROMMUNIO_UNDO, GROMMUNIO_EMERGENCY},
        {"skype", SKYPE_RECIPE, SKYPE_BY_FILE, SKYPE_UNDO, SKYPE_EMERGENCY},
};

/* In PowerShell's single quotes a quote is written twice. */
static void fill(GString *text, const char *name, const char *value)
{
	g_autoptr(GString) quoted = g_string_new(value);
	g_string_replace(quoted, "'", "''", 0);
	g_string_replace(text, name, quoted->str, 0);
}

static const char *first_server(const struct config *config)
{
	const char *const *names = config_names(config, "server");
	const char *url =
	        names[0] != NULL ? config_string(config, "server", names[0], "url") : NULL;
	return url != NULL ? url : "https://<mail server>/EWS/Exchange.asmx";
}

/* The host by which the mail server is reached. Owned. */
static char *host_of(const char *url)
{
	g_autofree char *origin = http_origin(url);
	return origin != NULL ? principal_origin_host(origin) : g_strdup("<mail server>");
}

static const char *text_of(const struct recipe *recipe)
{
	if (emergency)
		return recipe->emergency;
	if (undo)
		return recipe->undo;
	return certificate_file != NULL ? recipe->by_file : recipe->by_url;
}

static bool print(struct cli *cli, const struct recipe *recipe, GError **error)
{
	const struct config *config = cli_config(cli, error);
	autoptr(token_source) us = config != NULL ? token_source_new(config, error) : NULL;
	if (us == NULL)
		return false;
	g_autoptr(GString) text = g_string_new(text_of(recipe));
	if (strstr(text->str, "{metadata}") != NULL) {
		const char *url = config_require(config, "listen", NULL, "public_url", error);
		if (url == NULL)
			return false;
		g_autofree char *metadata = g_strconcat(
		        url, g_str_has_suffix(url, "/") ? "" : "/", "metadata/json/1", NULL);
		fill(text, "{metadata}", metadata);
	}
	fill(text, "{id}", token_source_app_id(us));
	fill(text, "{realm}", token_source_realm(us));
	const char *ews = first_server(config);
	g_autofree char *host = host_of(ews);
	fill(text, "{ews}", ews);
	fill(text, "{exchange}", host);
	fill(text, "{pilot}", pilot != NULL ? pilot : "imex-pilot");
	fill(text, "{file}", certificate_file != NULL ? certificate_file : "");
	fputs(text->str, stdout);
	return true;
}

static enum cli_exit run_recipe(struct cli *cli, int argc, char **argv)
{
	GError *error = NULL;
	for (unsigned i = 0; argc == 1 && i < G_N_ELEMENTS(recipes); i++) {
		if (!g_str_equal(recipes[i].name, argv[0]))
			continue;
		if (text_of(&recipes[i]) == NULL)
			return cli_usage(&partner_recipe,
			        "grommunio takes no certificate: leave --cert-file away");
		return print(cli, &recipes[i], &error) ? CLI_DONE : cli_fail(error);
	}
	return cli_usage(&partner_recipe, "name one of exchange, grommunio and skype");
}

const struct command partner_recipe = {.name = "recipe",
        .usage = "exchange | grommunio | skype [--undo | --emergency]",
        .summary = "Print the commands that make the other side trust us",
        .options = options,
        .run = run_recipe};
