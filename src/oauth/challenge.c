#include "oauth/challenge.h"

#include "core/error.h"
#include "oauth/principal.h"

#include <string.h>

/* One item of the comma-separated list, cut at commas outside quoted strings. */
struct scanner {
	const char *at;
	unsigned parameters;
	struct challenge *challenge;
	bool in_bearer; /* parameters belong to the Bearer challenge that is kept */
};

static bool malformed(GError **error, const char *what)
{
	error_set(error, ERROR_CONFIG, "challenge.malformed",
	        "the server's WWW-Authenticate header cannot be read (%s): check that the URL "
	        "leads to the mail server itself",
	        what);
	return false;
}

static void issuer_list(GPtrArray *list, const char *text)
{
	g_auto(GStrv) parts = g_strsplit(text, ",", CHALLENGE_MAX_ISSUERS + 1);
	for (unsigned i = 0; parts[i] != NULL && i < CHALLENGE_MAX_ISSUERS; i++) {
		g_strstrip(parts[i]);
		if (parts[i][0] != '\0')
			g_ptr_array_add(list, g_strdup(parts[i]));
	}
}

static const char *skip_space(const char *at)
{
	while (*at == ' ' || *at == '\t')
		at++;
	return at;
}

static bool is_token_char(char c)
{
	return g_ascii_isalnum(c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static const char *skip_token(const char *at)
{
	while (is_token_char(*at))
		at++;
	return at;
}

/* Reads a quoted string at *at into an owned text; false when it does not end. */
static bool take_quoted(const char **at, char **value)
{
	g_autoptr(GString) out = g_string_new(NULL);
	const char *c = *at + 1;
	for (; *c != '"'; c++) {
		if (*c == '\\')
			c++;
		if (*c == '\0' || ((guchar)*c < 0x20 && *c != '\t'))
			return false;
		g_string_append_c(out, *c);
	}
	*at = c + 1;
	*value = g_string_free(g_steal_pointer(&out), FALSE);
	return true;
}

static bool set_once(char **field, const char *value)
{
	if (*field != NULL)
		return g_str_equal(*field, value);
	*field = g_strdup(value);
	return true;
}

/* Keeps a parameter of the Bearer challenge; a repeated one must say the same. */
static bool keep_parameter(struct challenge *challenge, const char *name, const char *value)
{
	if (g_ascii_strcasecmp(name, "client_id") == 0) {
		g_autofree char *lower = g_ascii_strdown(value, -1);
		return set_once(&challenge->client_id, lower);
	}
	if (g_ascii_strcasecmp(name, "realm") == 0)
		return value[0] == '\0' || set_once(&challenge->realm, value);
	if (g_ascii_strcasecmp(name, "error") == 0)
		return set_once(&challenge->error, value);
	if (g_ascii_strcasecmp(name, "token_types") == 0)
		return set_once(&challenge->token_types, value);
	if (g_ascii_strcasecmp(name, "authorization_uri") == 0)
		return set_once(&challenge->authorization_uri, value);
	/* SharePoint's documents spell it without the underscore. */
	if (g_ascii_strcasecmp(name, "trusted_issuers") == 0 ||
	        g_ascii_strcasecmp(name, "trustedissuers") == 0) {
		challenge->lists_issuers = true;
		issuer_list(challenge->trusted_issuers, value);
	}
	return true;
}

/* A parameter at scanner->at whose name ends at name_end and is followed by "=". */
static bool take_parameter(
        struct scanner *scanner, const char *name_end, const char *equals, GError **error)
{
	g_autofree char *name = g_strndup(scanner->at, (gsize)(name_end - scanner->at));
	g_autofree char *value = NULL;
	const char *at = skip_space(equals + 1);
	if (++scanner->parameters > CHALLENGE_MAX_PARAMETERS)
		return malformed(error, "it has too many parameters");
	if (*at == '"') {
		if (!take_quoted(&at, &value))
			return malformed(error, "a quoted text does not end");
	} else {
		const char *end = skip_token(at);
		value = g_strndup(at, (gsize)(end - at));
		at = end;
	}
	scanner->at = at;
	if (scanner->in_bearer && !keep_parameter(scanner->challenge, name, value))
		return malformed(error, "it says one thing twice, differently");
	return true;
}

static void begin_scheme(struct scanner *scanner, const char *name, size_t len)
{
	char *scheme = g_ascii_strdown(name, (gssize)len);
	bool bearer = g_str_equal(scheme, "bearer");
	/* Of several Bearer challenges the first that names an audience is the one. */
	scanner->in_bearer = bearer && scanner->challenge->client_id == NULL;
	scanner->challenge->bearer |= bearer;
	g_ptr_array_add(scanner->challenge->schemes, scheme);
}

/* The form "Negotiate TlRMTVNT=": its data is not ours; skipped up to the next comma. */
static const char *skip_data(const char *at)
{
	while (*at != '\0' && *at != ',')
		at++;
	return at;
}

static bool take_item(struct scanner *scanner, GError **error)
{
	const char *end = skip_token(scanner->at);
	if (end == scanner->at)
		return malformed(error, "an unexpected character");
	const char *next = skip_space(end);
	if (*next == '=')
		return take_parameter(scanner, end, next, error);
	if (scanner->challenge->schemes->len >= CHALLENGE_MAX_PARAMETERS)
		return malformed(error, "it has too many schemes");
	begin_scheme(scanner, scanner->at, (size_t)(end - scanner->at));
	scanner->at = next;
	if (*next == ',' || *next == '\0')
		return true;
	/* What follows the scheme is its first parameter, or data. */
	end = skip_token(next);
	const char *equals = skip_space(end);
	if (end != next && *equals == '=' && equals[1] != '=' && equals[1] != '\0' &&
	        equals[1] != ',')
		return take_parameter(scanner, end, equals, error);
	scanner->at = skip_data(next);
	return true;
}

static bool scan_header(struct challenge *challenge, const char *header, GError **error)
{
	struct scanner scanner = {.at = header, .challenge = challenge};
	if (strlen(header) > CHALLENGE_MAX_BYTES)
		return malformed(error, "it is too long");
	for (;;) {
		scanner.at = skip_space(scanner.at);
		if (*scanner.at == '\0')
			return true;
		if (*scanner.at == ',') {
			scanner.at++;
			continue;
		}
		if (!take_item(&scanner, error))
			return false;
		scanner.at = skip_space(scanner.at);
		if (*scanner.at != ',' && *scanner.at != '\0')
			return malformed(error, "a comma is missing");
	}
}

struct challenge *challenge_parse(const char *const *headers, GError **error)
{
	autoptr(challenge) challenge = g_new0(struct challenge, 1);
	challenge->trusted_issuers = g_ptr_array_new_with_free_func(g_free);
	challenge->schemes = g_ptr_array_new_with_free_func(g_free);
	for (unsigned i = 0; headers != NULL && headers[i] != NULL; i++) {
		if (i >= CHALLENGE_MAX_PARAMETERS) {
			malformed(error, "there are too many of them");
			return NULL;
		}
		if (!scan_header(challenge, headers[i], error))
			return NULL;
	}
	return g_steal_pointer(&challenge);
}

void challenge_free(struct challenge *challenge)
{
	g_free(challenge->client_id);
	g_free(challenge->realm);
	g_free(challenge->error);
	g_free(challenge->token_types);
	g_free(challenge->authorization_uri);
	g_ptr_array_unref(challenge->trusted_issuers);
	g_ptr_array_unref(challenge->schemes);
	g_free(challenge);
}

bool challenge_trusts(const struct challenge *challenge, const char *issuer)
{
	g_autofree char *id = NULL;
	g_autofree char *realm = NULL;
	if (!principal_split_issuer(issuer, &id, &realm))
		return false;
	for (guint i = 0; i < challenge->trusted_issuers->len; i++) {
		const char *one = g_ptr_array_index(challenge->trusted_issuers, i);
		g_autofree char *its_id = NULL;
		g_autofree char *its_realm = NULL;
		if (!principal_split_issuer(one, &its_id, &its_realm))
			continue;
		if (g_ascii_strcasecmp(its_id, id) == 0 &&
		        (g_str_equal(its_realm, "*") || g_str_equal(its_realm, realm)))
			return true;
	}
	return false;
}

static const struct {
	int code;
	const char *meaning;
} diagnostics[] = {
        {2000000, "the server has another certificate of ours than the one that signs: let it "
                  "fetch our metadata again"},
        {2000001, "the server could not read the token: check that imex and the server speak the "
                  "same topology with imex token explain"},
        {2000003, "the audience is not what the server calls itself: use the host name in the EWS "
                  "URL that the server is configured with"},
        {2000004, "the realm is no accepted domain of the server, and wildcards do not count: "
                  "add the realm as an accepted domain there, or set oauth.realm"},
        {2000005, "the user is unknown to the server, or the SMTP, UPN and SIP addresses belong "
                  "to different users: check the user's mapping with imex user show"},
        {2000008, "the linked account lacks a role: run imex partner recipe exchange"},
        {2000009, "the server does not know us as an issuer: run imex partner recipe exchange and "
                  "type its commands there"},
        {4000000, "the server has tokens switched off for this domain: its administrator must "
                  "switch them on"},
};

bool diagnostics_parse(const char *header, int *code, char **reason, const char **meaning)
{
	*reason = NULL;
	*meaning = NULL;
	*code = 0;
	if (header == NULL || !g_ascii_isdigit(header[0]))
		return false;
	*code = (int)CLAMP(g_ascii_strtoll(header, NULL, 10), 0, G_MAXINT);
	const char *start = strstr(header, "reason=\"");
	if (start != NULL) {
		start += strlen("reason=\"");
		/* The text may hold quotes of its own; it ends before a semicolon or at the end. */
		const char *end = strstr(start, "\";");
		if (end == NULL)
			end = strrchr(start, '"');
		g_autofree char *raw =
		        end != NULL ? g_strndup(start, (gsize)(end - start)) : g_strdup(start);
		*reason = g_utf8_make_valid(raw, MIN((gssize)strlen(raw), 400));
		for (char *c = *reason; *c != '\0'; c++)
			if (g_ascii_iscntrl(*c))
				*c = ' ';
	}
	for (unsigned i = 0; i < G_N_ELEMENTS(diagnostics); i++)
		if (diagnostics[i].code == *code)
			*meaning = diagnostics[i].meaning;
	return true;
}
