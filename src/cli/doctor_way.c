/* The way to a server, step by step. */
#include "cli/doctor_private.h"
#include "cli/probe.h"
#include "core/clock.h"
#include "core/error.h"
#include "oauth/certificate.h"
#include "wire/http.h"

#include <string.h>

/* In the order in which one request takes them: when one fails, those before it were good. */
static const struct {
	const char *what, *good;
} way[] = {
        {"name", "its host name has an address that is allowed"},
        {"tcp", "it takes connections"},
        {"tls", "its certificate is trusted, in date and for this name"},
        {"url", "a web service that asks for a credential is behind the URL"},
        {"challenge", "it asks for tokens of the server-to-server kind"},
        {"audience", "it is the application that the partner is"},
        {"realm", "it is in the realm that our tokens name"},
        {"issuer", "it trusts us"},
};

/* Which step of the way an error belongs to. */
static const struct {
	const char *reason, *what;
} steps[] = {
        {"http.name", "name"},
        {"http.address_refused", "name"},
        {"http.unreachable", "tcp"},
        {"http.tls_not", "tls"},
        {"http.tls_untrusted", "tls"},
        {"http.tls_expired", "tls"},
        {"http.tls_name", "tls"},
        {"http.tls", "tls"},
        {"probe.status", "url"},
        {"http.redirect", "url"},
        {"http.request", "url"},
        {"token.challenge", "challenge"},
        {"challenge.malformed", "challenge"},
        {"doctor.basic", "challenge"},
        {"token.client_id", "audience"},
        {"token.origin", "audience"},
        {"token.realm", "realm"},
        {"token.not_trusted", "issuer"},
        {"token.no_partner", "partner"},
        {"token.disabled", "partner"},
        {"token.user", "mailbox"},
        {"keyring.empty", "key"},
        {"keyring.expired", "key"},
};

const char *doctor_step(const GError *error, const char *otherwise)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(steps); i++)
		if (error_is(error, steps[i].reason))
			return steps[i].what;
	return otherwise;
}

static unsigned step_number(const char *what)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(way); i++)
		if (g_str_equal(way[i].what, what))
			return i;
	return G_N_ELEMENTS(way);
}

/* An "ok" line for each step from `first` up to the one named; none when that is no step. */
static void passed(const struct patient *patient, const char *first, const char *until)
{
	unsigned end = step_number(until);
	if (end == G_N_ELEMENTS(way))
		return;
	for (unsigned i = step_number(first); i < end; i++)
		findings_good(
		        patient->findings, way[i].what, "%s: %s", patient->server, way[i].good);
}

/* The first steps were good, and the probe knows more of them. */
static void passed_to_tls(const struct patient *patient, const struct probe *probe)
{
	g_autofree char *origin = http_origin(patient->url);
	g_autofree char *subject = NULL;
	int64_t ends_utc_us = 0;
	const char *pem = probe_certificate(probe);
	findings_good(patient->findings, "name", "%s: %s has the address %s", patient->server,
	        origin, probe_address(probe));
	passed(patient, "tcp", "tls");
	if (pem == NULL || !certificate_pem_end(pem, &ends_utc_us, &subject, NULL)) {
		passed(patient, "tls", "url");
		return;
	}
	g_autofree char *ends = clock_format_iso(ends_utc_us);
	findings_good(patient->findings, "tls", "%s: %s, %s until %s", patient->server,
	        way[step_number("tls")].good, subject, ends);
}

static void check_clock(const struct patient *patient, const struct probe *probe)
{
	int64_t offset_s = 0;
	GError *error = NULL;
	if (!probe_clock_offset_s(probe, &offset_s))
		return;
	if (ABS(offset_s) <= config_duration_s(patient->config, "oauth", NULL, "skew")) {
		findings_good(patient->findings, "clock", "%s: %" G_GINT64_FORMAT " s from ours",
		        patient->server, offset_s);
		return;
	}
	error_set(&error, ERROR_CONFIG, "doctor.clock",
	        "the clock of %s is %" G_GINT64_FORMAT
	        " seconds off ours, so that tokens look expired or not valid yet: set both clocks "
	        "by NTP",
	        patient->server, offset_s);
	findings_bad(patient->findings, "clock", error);
}

static bool offers_basic(const struct patient *patient, const struct probe *probe, GError **error)
{
	for (const char *const *line = probe_headers(probe); *line != NULL; line++) {
		g_autofree char *lower = g_ascii_strdown(*line, -1);
		const char *found = strstr(lower, "basic");
		if (found != NULL && (found == lower || strchr(" ,", found[-1]) != NULL))
			return true;
	}
	error_set(error, ERROR_CONFIG, "doctor.basic",
	        "%s does not offer Basic authentication, which auth = basic needs: switch it on "
	        "there, or use tokens",
	        patient->server);
	return false;
}

static bool check_challenge(const struct patient *patient, const struct probe *probe)
{
	GError *error = NULL;
	bool tokens = patient->tokens != NULL;
	bool good = tokens ? token_check_challenge(patient->tokens, patient->partner,
	                             probe_headers(probe), &error)
	                   : offers_basic(patient, probe, &error);
	if (!good) {
		const char *step = doctor_step(error, "challenge");
		passed(patient, "challenge", step);
		findings_bad(patient->findings, step, error);
	} else if (tokens) {
		passed(patient, "challenge", "issuer");
		findings_good(patient->findings, "issuer", "%s: %s trusts us, %s", patient->server,
		        patient->partner, token_source_issuer(patient->tokens));
	} else {
		findings_good(patient->findings, "challenge", "%s: it offers Basic authentication",
		        patient->server);
	}
	return good;
}

/* Which products, and what goes between them. */
static void check_combination(const struct patient *patient)
{
	static const char *const cloud[] = {".outlook.com:443", ".office365.com:443",
	        ".office365.us:443", ".partner.outlook.cn:443"};
	g_autofree char *origin = http_origin(patient->url);
	for (unsigned i = 0; origin != NULL && i < G_N_ELEMENTS(cloud); i++) {
		if (!g_str_has_suffix(origin, cloud[i]))
			continue;
		findings_warn(patient->findings, "combination",
		        "%s: Exchange Online takes tokens of its authorization server only, whose "
		        "realm is the tenant's GUID; this version cannot ask it, so give a server "
		        "on "
		        "your premises",
		        patient->server);
		return;
	}
	findings_good(patient->findings, "combination",
	        "%s: both servers on your premises, %s: contacts and archive are supported",
	        patient->server,
	        patient->tokens != NULL ? "tokens issued by each side"
	                                : "a password in place of tokens");
}

bool doctor_way(const struct patient *patient)
{
	GError *error = NULL;
	check_combination(patient);
	autoptr(probe) probe =
	        probe_challenge(patient->config, patient->url, patient->tokens != NULL, &error);
	if (probe == NULL) {
		const char *step = doctor_step(error, "answer");
		passed(patient, "name", step);
		findings_bad(patient->findings, step, error);
		return false;
	}
	passed_to_tls(patient, probe);
	passed(patient, "url", "challenge");
	check_clock(patient, probe);
	return check_challenge(patient, probe);
}
