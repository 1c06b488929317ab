/* A challenge from a server: bounded, and nothing is trusted that was not written. */
#include "oauth/challenge.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *text = g_strndup((const char *)data, size);
	const char *const headers[] = {text, NULL};
	g_autoptr(GError) error = NULL;
	autoptr(challenge) challenge = challenge_parse(headers, &error);
	int code = 0;
	g_autofree char *reason = NULL;
	const char *meaning = NULL;

	g_assert((challenge == NULL) == (error != NULL));
	diagnostics_parse(text, &code, &reason, &meaning);
	if (challenge == NULL)
		return 0;
	g_assert(challenge->schemes->len <= CHALLENGE_MAX_PARAMETERS);
	g_assert(challenge->client_id == NULL || challenge->bearer);
	if (strchr(text, '@') == NULL)
		g_assert(!challenge_trusts(challenge, "id@realm"));
	return 0;
}
