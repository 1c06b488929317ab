#include "cli/commands.h"
#include "cli/doctor_private.h"
#include "cli/subject.h"
#include "cli/trust.h"
#include "core/clock.h"
#include "ews/session.h"
#include "oauth/challenge.h"
#include "oauth/trust.h"
#include "store/partner.h"
#include "sync/mailserver.h"
#include "sync/usermap.h"
#include "wire/http.h"

#include <string.h>

static char *only_user, *only_partner;
static gboolean write_test;

static const GOptionEntry options[] = {
        {"user", 'u', 0, G_OPTION_ARG_STRING, &only_user, "Open this IM user's mailbox as well",
                "USER"},
        {"partner", 'p', 0, G_OPTION_ARG_STRING, &only_partner, "Only this partner's servers",
                "NAME"},
        {"write-test", 0, 0, G_OPTION_ARG_NONE, &write_test,
                "Make an item in that user's mailbox, read it back and remove it", NULL},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
};

/* What a refresh would say, without doing it. */
static bool compare_metadata(
        const struct patient *patient, const struct partner *partner, GError **error)
{
	autoptr(http_client) client =
	        trust_client_new(patient->config, partner->metadata_url, error);
	autoptr(metadata) metadata =
	        client != NULL ? trust_fetch(client, partner->metadata_url, error) : NULL;
	struct trust_change change = {0};
	struct partner *fresh = NULL;
	if (metadata == NULL ||
	        !trust_refresh(partner, metadata,
	                config_duration_s(patient->config, "partner", NULL, "key_hold"), false,
	                &fresh, &change, error))
		return false;
	partner_free(fresh);
	if (change.added + change.removed == 0)
		return true;
	error_set(error, ERROR_CONFIG, "doctor.keys",
	        "%s publishes other keys than those we know (%u new, %u gone): run imex partner "
	        "refresh %s",
	        partner->name, change.added, change.removed, partner->name);
	return false;
}

static void check_metadata(const struct patient *patient)
{
	GError *error = NULL;
	autoptr(partner) partner =
	        store_partner_get(cli_store(patient->cli, NULL), patient->partner, NULL);
	if (partner == NULL || partner->metadata_url == NULL)
		return;
	if (compare_metadata(patient, partner, &error))
		findings_good(patient->findings, "metadata", "%s: the keys match", partner->name);
	else
		findings_bad(patient->findings, "metadata", error);
}

static const char get_inbox[] =
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>"
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\""
        " xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\""
        " xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\">"
        "<s:Header><t:RequestServerVersion Version=\"Exchange2013\"/></s:Header><s:Body>"
        "<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape>"
        "<m:FolderIds><t:DistinguishedFolderId Id=\"inbox\"/></m:FolderIds></m:GetFolder>"
        "</s:Body></s:Envelope>";

/* A real call with a real token: the server's diagnostics are worth more than any guess. */
static bool try_token(const struct patient *patient, const struct mailbox *mailbox, GError **error)
{
	uint64_t generation = 0;
	g_autofree char *value = NULL;
	if (!token_for(patient->tokens, patient->partner, patient->url, mailbox, &value,
	            &generation, error))
		return false;
	autoptr(http_client) client = trust_client_new(patient->config, patient->url, error);
	if (client == NULL)
		return false;
	g_autofree char *header = g_strconcat("Authorization: ", value, NULL);
	g_autoptr(GPtrArray) headers = g_ptr_array_new();
	g_ptr_array_add(headers, header);
	const struct http_request request = {.method = "POST",
	        .url = patient->url,
	        .headers = headers,
	        .body = get_inbox,
	        .body_len = sizeof get_inbox - 1,
	        .content_type = "text/xml; charset=utf-8",
	        .repeatable = true};
	autoptr(http_response) response = NULL;
	if (!http_perform(client, &request, &response, error))
		return false;
	if (response->status != 401)
		return true;
	const char *diagnostics = http_response_header(response, "x-ms-diagnostics");
	g_autofree const char **challenges = http_response_headers(response, "WWW-Authenticate");
	/* The first refusal only drops the token; a second one, of a new token, says why. */
	if (!token_refused(
	            patient->tokens, patient->partner, generation, challenges, diagnostics, error))
		return false;
	g_clear_pointer(&value, g_free);
	if (!token_for(patient->tokens, patient->partner, patient->url, mailbox, &value,
	            &generation, error))
		return false;
	return token_refused(
	        patient->tokens, patient->partner, generation, challenges, diagnostics, error);
}

/* With the mailbox open: whose it is, its folders, and the round trip when asked for. */
static void look_inside(
        const struct patient *patient, struct ews_session *session, const struct mailbox *mailbox)
{
	GError *error = NULL;
	autoptr(ews_mailbox_info) info = NULL;
	ews_session_use_mailbox(session, mailbox);
	if (!ews_confirm_mailbox(session, &info, &error)) {
		findings_bad(patient->findings, doctor_step(error, "mailbox"), error);
		return;
	}
	findings_good(patient->findings, "mailbox", "%s is the mailbox of %s", mailbox->smtp,
	        mailbox->owner);
	doctor_folders(patient, session);
	if (write_test)
		doctor_write_test(patient, session);
}

static void check_mailbox(const struct patient *patient, const struct mailbox *mailbox)
{
	GError *error = NULL;
	struct token_use use = token_use_of(patient->tokens, patient->config, patient->server);
	const struct mailserver_hooks hooks = {
	        .authorize = token_authorize, .authorize_data = &use};
	const struct mailbox *named = use.app_only ? NULL : mailbox;
	if (patient->tokens != NULL && !try_token(patient, named, &error)) {
		findings_bad(patient->findings, doctor_step(error, "token"), error);
		return;
	}
	if (patient->tokens != NULL)
		findings_good(patient->findings, "token", "%s takes our token%s", patient->server,
		        use.app_only ? ", which names no user" : "");
	autoptr(ews_session) session =
	        mailserver_open(patient->config, patient->server, &hooks, &error);
	if (session != NULL)
		look_inside(patient, session, mailbox);
	else
		findings_bad(patient->findings, "mailbox", error);
}

/* The user's mailbox, when it is on this server; false when the way there is wrong. */
static bool find_mailbox(const struct patient *patient, struct mailbox **mailbox)
{
	GError *error = NULL;
	*mailbox = NULL;
	if (only_user == NULL)
		return true;
	g_autofree char *owner = cli_user(only_user, &error);
	autoptr(usermap) map = owner != NULL ? usermap_new(patient->config, &error) : NULL;
	if (map == NULL || !usermap_lookup(map, owner, mailbox, &error)) {
		findings_bad(patient->findings, "user", error);
		return false;
	}
	if ((*mailbox)->server == NULL || g_str_equal((*mailbox)->server, patient->server)) {
		findings_good(
		        patient->findings, "user", "%s is mapped to %s", owner, (*mailbox)->smtp);
		return true;
	}
	g_clear_pointer(mailbox, mailbox_free);
	return true;
}

static void examine(struct patient *patient)
{
	GError *error = NULL;
	struct mailbox *found = NULL;
	const struct config *config = patient->config;
	patient->url = config_require(config, "server", patient->server, "url", &error);
	patient->partner = config_string(config, "server", patient->server, "partner");
	bool takes_tokens =
	        g_str_equal(config_string(config, "server", patient->server, "auth"), "token");
	if (patient->url == NULL) {
		findings_bad(patient->findings, "url", error);
		return;
	}
	autoptr(token_source) tokens = takes_tokens ? cli_tokens(patient->cli, &error) : NULL;
	patient->tokens = tokens;
	if (takes_tokens && tokens == NULL) {
		findings_bad(patient->findings, "identity", error);
		return;
	}
	bool way = doctor_way(patient);
	if (takes_tokens)
		check_metadata(patient);
	if (!find_mailbox(patient, &found))
		return;
	autoptr(mailbox) mailbox = found;
	if (way && mailbox != NULL)
		check_mailbox(patient, mailbox);
}

static enum cli_exit run_doctor(struct cli *cli, int argc, char **argv)
{
	(void)argv;
	if (argc != 0)
		return cli_usage(&cmd_doctor, "it takes no operand");
	if (write_test && only_user == NULL)
		return cli_usage(&cmd_doctor, "--write-test needs --user USER: whose mailbox?");
	autoptr(findings) findings = findings_new();
	http_global_init();
	diagnose_own(cli, findings);
	const struct config *config = cli_config(cli, NULL);
	if (config != NULL && write_test &&
	        g_str_equal(config_string(config, "imex", NULL, "mode"), "observe"))
		return cli_usage(&cmd_doctor, "with mode = observe nothing is written");
	bool ready = config != NULL && cli_store(cli, NULL) != NULL;
	const char *const *names = ready ? config_names(config, "server") : NULL;
	for (; names != NULL && *names != NULL; names++) {
		struct patient patient = {
		        .cli = cli, .config = config, .findings = findings, .server = *names};
		if (only_partner == NULL ||
		        g_str_equal(
		                config_string(config, "server", *names, "partner"), only_partner))
			examine(&patient);
	}
	return findings_end(findings, cli);
}

const struct command cmd_doctor = {.name = "doctor",
        .usage = "[--user USER [--write-test]] [--partner NAME]",
        .summary = "Walk the whole way to the mail servers and say what is wrong",
        .help = "Writes nothing without --write-test. Each line is ok, a warning, or what is wrong "
                "and what mends it.",
        .flags = COMMAND_JSON,
        .options = options,
        .run = run_doctor};
