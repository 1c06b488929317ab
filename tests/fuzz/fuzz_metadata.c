/* A metadata document: what is accepted has a usable key, an id and a realm. */
#include "oauth/metadata.h"
#include "oauth/principal.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(GError) error = NULL;
	autoptr(metadata) metadata = metadata_parse((const char *)data, size, "x", &error);

	g_assert((metadata == NULL) == (error != NULL));
	if (metadata == NULL)
		return 0;
	g_assert(metadata->keys->len > 0 && metadata->keys->len <= METADATA_MAX_KEYS);
	g_assert(principal_is_guid(metadata->service_name));
	g_assert(strchr(metadata->issuer, '@') != NULL && metadata->realm[0] != '\0');
	return 0;
}
