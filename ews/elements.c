#include "ews/elements.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {[ELEMENT_OTHER] = "",
#define EWS_ELEMENT_NAME(name) [ELEMENT_##name] = #name,
        EWS_ELEMENTS(EWS_ELEMENT_NAME)
#undef EWS_ELEMENT_NAME
};

static const char *const namespaces[] = {
        EWS_NS_TYPES, EWS_NS_MESSAGES, EWS_NS_SOAP, EWS_NS_ERRORS,
        "", /* the children of a SOAP fault */
};

static int compare(const void *key, const void *name)
{
	return strcmp(key, *(const char *const *)name);
}

enum ews_element ews_element_find(const char *ns, const char *local)
{
	bool ours = false;
	for (size_t i = 0; i < G_N_ELEMENTS(namespaces) && !ours; i++)
		ours = g_str_equal(ns, namespaces[i]);
	if (!ours)
		return ELEMENT_OTHER;
	const char *const *found =
	        bsearch(local, names + 1, G_N_ELEMENTS(names) - 1, sizeof *names, compare);
	return found == NULL ? ELEMENT_OTHER : (enum ews_element)(found - names);
}

const char *ews_element_name(enum ews_element element)
{
	return names[element];
}
