#include "cli/diagnose.h"

#include "cli/probe.h"
#include "cli/trust.h"
#include "core/address.h"
#include "core/clock.h"
#include "oauth/principal.h"
#include "oauth/watch.h"
#include "store/partner.h"
#include "sync/usermap.h"

struct findings {
	struct cli_table *table;
	bool any_bad;
};

static const char *const columns[] = {"result", "what", "finding", NULL};

struct findings *findings_new(void)
{
	struct findings *findings = g_new0(struct findings, 1);
	findings->table = cli_table_new(columns);
	return findings;
}

void findings_free(struct findings *findings)
{
	cli_table_free(findings->table);
	g_free(findings);
}

static void add(struct findings *findings, const char *result, const char *what, const char *text)
{
	const char *const cells[] = {result, what, text};
	cli_table_row(findings->table, cells);
}

void findings_good(struct findings *findings, const char *what, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	g_autofree char *text = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	add(findings, "ok", what, text);
}

void findings_warn(struct findings *findings, const char *what, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	g_autofree char *text = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	add(findings, "warning", what, text);
}

void findings_bad(struct findings *findings, const char *what, GError *error)
{
	findings->any_bad = true;
	add(findings, "WRONG", what, error->message);
	g_error_free(error);
}

enum cli_exit findings_end(struct findings *findings, const struct cli *cli)
{
	cli_table_print(findings->table, cli, stdout);
	return findings->any_bad ? CLI_FAILED : CLI_DONE;
}

/* Our own files */

/* Every SIP domain must stand in the certificate, beside the realm. */
static void check_names(
        struct cli *cli, struct findings *findings, const struct certificate *certificate)
{
	g_auto(GStrv) domains = cli_sip_domains(cli_config(cli, NULL));
	bool good = true;
	for (char **domain = domains; *domain != NULL; domain++) {
		g_autofree char *ascii = address_domain_ascii(*domain, NULL);
		if (ascii != NULL && certificate_has_name(certificate, ascii))
			continue;
		GError *error = NULL;
		error_set(&error, ERROR_CONFIG, "check.names",
		        "the issuer certificate does not name the domain %s: run imex cert create "
		        "--effective TIME, which names all domains of the configuration",
		        *domain);
		findings_bad(findings, "names", error);
		good = false;
	}
	if (good)
		findings_good(findings, "names", "the issuer certificate names every domain");
}

/* Realm, domains and certificate must agree, unless the realm is a tenant's GUID. */
static void check_realm(struct cli *cli, struct findings *findings, const char *realm,
        const struct certificate *certificate)
{
	g_auto(GStrv) domains = cli_sip_domains(cli_config(cli, NULL));
	if (principal_is_guid(realm)) {
		findings_good(findings, "realm",
		        "%s is a GUID, as tenants in the cloud have: the partners must name it",
		        realm);
		return;
	}
	if (domains[0] != NULL && !g_strv_contains((const char *const *)domains, realm)) {
		findings_warn(findings, "realm",
		        "%s is none of our SIP domains: unless the partners name that very realm, "
		        "set realm = %s in [oauth]",
		        realm, domains[0]);
		return;
	}
	g_autofree char *ascii = address_domain_ascii(realm, NULL);
	if (ascii != NULL && !certificate_has_name(certificate, ascii))
		findings_warn(findings, "realm",
		        "the issuer certificate does not name the realm %s: run imex cert create "
		        "--effective TIME, which names it",
		        realm);
	else
		findings_good(findings, "realm", "%s is our domain and in the certificate", realm);
}

static void check_keys(struct cli *cli, struct findings *findings, struct token_source *source)
{
	struct keyring *keyring = token_source_keyring(source);
	GError *error = NULL;
	g_autofree char *x5t = keyring_signing_x5t(keyring, &error);
	if (x5t == NULL) {
		findings_bad(findings, "key", error);
		return;
	}
	autoptr(certificate) current = keyring_certificate(keyring, KEY_CURRENT);
	findings_good(findings, "key", "%s signs, %u bits", certificate_thumbprint(current),
	        certificate_bits(current));
	check_names(cli, findings, current);
	check_realm(cli, findings, token_source_realm(source), current);
}

static void check_identity(struct cli *cli, struct findings *findings)
{
	GError *error = NULL;
	const struct config *config = cli_config(cli, NULL);
	autoptr(token_source) source = token_source_new(config, &error);
	if (source == NULL) {
		findings_bad(findings, "identity", error);
		return;
	}
	findings_good(findings, "identity", "we are %s", token_source_issuer(source));
	check_keys(cli, findings, source);
}

static void check_partner(struct findings *findings, const struct partner *partner)
{
	GError *error = NULL;
	bool usable = false;
	for (guint i = 0; i < partner->keys->len; i++) {
		const struct partner_key *key = g_ptr_array_index(partner->keys, i);
		usable |=
		        key->state == PARTNER_KEY_ACTIVE && key->not_after_utc_us > clock_utc_us();
	}
	if (!partner->enabled)
		findings_warn(findings, "partner", "%s is disabled: imex partner enable %s",
		        partner->name, partner->name);
	else if (partner->alarm != NULL)
		error_set(&error, ERROR_CONFIG, "check.alarm", "%s: %s", partner->name,
		        partner->alarm);
	else if (!partner->verified)
		error_set(&error, ERROR_CONFIG, "check.unverified",
		        "the metadata of %s was never fetched: run imex partner refresh %s",
		        partner->name, partner->name);
	else if (!usable && partner->authorization_server == NULL)
		error_set(&error, ERROR_CONFIG, "check.partner_key",
		        "%s has no valid key left: run imex partner refresh %s", partner->name,
		        partner->name);
	else
		findings_good(findings, "partner", "%s: %s, trust %s", partner->name,
		        partner->issuer, partner_trust_name(partner->trust));
	if (error != NULL)
		findings_bad(findings, "partner", error);
}

static void check_store(struct cli *cli, struct findings *findings)
{
	GError *error = NULL;
	struct store *store = cli_store(cli, &error);
	g_autoptr(GPtrArray) partners = store != NULL ? store_partner_list(store, &error) : NULL;
	if (partners == NULL) {
		findings_bad(findings, "store", error);
		return;
	}
	findings_good(findings, "store", "%s", store_name(store));
	if (partners->len == 0)
		findings_warn(
		        findings, "partner", "there is no partner application: imex partner add");
	for (guint i = 0; i < partners->len; i++)
		check_partner(findings, g_ptr_array_index(partners, i));
}

/* Certificates that end soon: warnings, for the keys' own checks say what is wrong already. */
static void check_ends(struct cli *cli, struct findings *findings)
{
	autoptr(keyring) keyring = cli_keyring(cli, NULL);
	struct store *store = cli_store(cli, NULL);
	g_autoptr(GPtrArray) partners = store != NULL ? store_partner_list(store, NULL) : NULL;
	if (keyring == NULL || partners == NULL)
		return;
	g_autoptr(GPtrArray) list =
	        watch_certificates(cli_config(cli, NULL), keyring, partners, false);
	for (guint i = 0; i < list->len; i++) {
		const struct watched *watched = g_ptr_array_index(list, i);
		int64_t now = clock_utc_us();
		if (watched->trouble != NULL)
			findings_warn(findings, "certificate", "%s %s: %s: %s", watched->what,
			        watched->whose, watched->trouble, watched->next);
		else if (watched_limit(watched, now) != WATCH_NONE)
			findings_warn(findings, "certificate",
			        "%s %s, %s, ends in %" G_GINT64_FORMAT " days: %s", watched->what,
			        watched->whose, watched->subject, watched_days(watched, now),
			        watched->next);
	}
}

static void check_users(struct cli *cli, struct findings *findings)
{
	GError *error = NULL;
	autoptr(usermap) map = usermap_new(cli_config(cli, NULL), &error);
	if (map == NULL)
		findings_bad(findings, "users", error);
	else
		findings_good(findings, "users", "the user map is in order");
}

void diagnose_own(struct cli *cli, struct findings *findings)
{
	GError *error = NULL;
	if (cli_config(cli, &error) == NULL) {
		findings_bad(findings, "config", error);
		return;
	}
	findings_good(findings, "config", "%s", cli->config_path);
	check_identity(cli, findings);
	check_store(cli, findings);
	check_ends(cli, findings);
	check_users(cli, findings);
}
