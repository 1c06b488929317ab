#include "oauth/principal.h"

#include "core/error.h"

#include <string.h>

static const struct {
	const char *name, *id;
} well_known[] = {
        {"exchange", PRINCIPAL_EXCHANGE},
        {"sharepoint", PRINCIPAL_SHAREPOINT},
        {"skype", PRINCIPAL_SKYPE},
        {"sfb", PRINCIPAL_SKYPE},
        {"lync", PRINCIPAL_SKYPE},
};

bool principal_is_guid(const char *text)
{
	for (unsigned i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		if (dash ? text[i] != '-' : !g_ascii_isxdigit(text[i]))
			return false;
	}
	return text[36] == '\0';
}

char *principal_id(const char *text, GError **error)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(well_known); i++)
		if (g_ascii_strcasecmp(well_known[i].name, text) == 0)
			return g_strdup(well_known[i].id);
	if (principal_is_guid(text))
		return g_ascii_strdown(text, -1);
	error_set(error, ERROR_CONFIG, "principal.invalid",
	        "\"%.64s\" is no application id: write a GUID such as " PRINCIPAL_EXCHANGE
	        ", or exchange, sharepoint or skype",
	        text);
	return NULL;
}

const char *principal_nickname(const char *id)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(well_known); i++)
		if (g_str_equal(well_known[i].id, id))
			return well_known[i].name;
	return NULL;
}

bool principal_is_realm(const char *text)
{
	size_t len = strlen(text);
	if (len == 0 || len > REALM_MAX_BYTES)
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = text[i];
		if (!g_ascii_isalnum(c) && c != '.' && c != '-' && c != '_' && c != ':')
			return false;
	}
	return true;
}

char *principal_issuer(const char *id, const char *realm)
{
	return g_strconcat(id, "@", realm, NULL);
}

bool principal_split_issuer(const char *issuer, char **id, char **realm)
{
	const char *at = strchr(issuer, '@');
	if (at == NULL || at == issuer || at[1] == '\0' || strchr(at + 1, '@') != NULL)
		return false;
	*id = g_strndup(issuer, (gsize)(at - issuer));
	*realm = g_strdup(at + 1);
	return true;
}

char *principal_audience(const char *id, const char *host, const char *realm)
{
	return g_strconcat(id, "/", host, "@", realm, NULL);
}

bool principal_split_audience(const char *audience, char **id, char **host, char **realm)
{
	const char *slash = strchr(audience, '/');
	const char *at = strchr(audience, '@');
	if (slash == NULL || at == NULL || slash == audience || at <= slash + 1 || at[1] == '\0')
		return false;
	if (strchr(slash + 1, '/') != NULL || strchr(at + 1, '@') != NULL)
		return false;
	*id = g_strndup(audience, (gsize)(slash - audience));
	*host = g_strndup(slash + 1, (gsize)(at - slash - 1));
	*realm = g_strdup(at + 1);
	return true;
}

char *principal_origin_host(const char *origin)
{
	const char *start = strstr(origin, "://");
	const char *end = strrchr(origin, ':');
	if (start == NULL || end == NULL || end < start + 3)
		return NULL;
	return g_strndup(start + 3, (gsize)(end - start - 3));
}
