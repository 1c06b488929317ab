#include "cli/subject.h"

#include "core/address.h"
#include "core/error.h"

#include <string.h>

char *cli_user(const char *text, GError **error)
{
	char *canonical = address_canonical(text, NULL);
	if (canonical != NULL && strchr(canonical, '@') != NULL && !address_is_tel(canonical))
		return canonical;
	g_free(canonical);
	error_set(error, ERROR_CONFIG, "cli.subject",
	        "%s is not a user's IM address: write it like bob@im.corp.example", text);
	return NULL;
}

char *cli_domain(const char *text, GError **error)
{
	char *canonical = address_canonical(text, NULL);
	/* Brackets would end a section's name in the configuration file. */
	if (canonical != NULL && strpbrk(canonical, "@[] ") == NULL && !address_is_tel(canonical))
		return canonical;
	g_free(canonical);
	error_set(error, ERROR_CONFIG, "cli.subject",
	        "%s is not a domain: write a name such as corp.example", text);
	return NULL;
}
