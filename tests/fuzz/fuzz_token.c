/* A token from a stranger, and with no partner there is nobody whose token is good. */
#include "oauth/jws.h"
#include "oauth/verify.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static bool find_nobody(
        void *data, enum verify_name kind, const char *address, char **owner, GError **error)
{
	(void)data, (void)kind, (void)address, (void)error;
	*owner = NULL;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const none[] = {NULL};
	const struct verify_rules rules = {.app_id = "a",
	        .realm = "r",
	        .hosts = none,
	        .domains = none,
	        .skew_s = 300,
	        .find_user = find_nobody};
	g_autofree char *text = g_strndup((const char *)data, size);
	g_autofree char *value = g_strconcat("Bearer ", text, NULL);
	const char *const headers[] = {value, NULL};
	g_autoptr(GPtrArray) partners = g_ptr_array_new();
	g_autoptr(GError) error = NULL;

	g_assert(verify_authorization(&rules, partners, headers, NULL, &error) == NULL);
	g_assert(error != NULL);
	autoptr(jws) jws = jws_parse(text, NULL);
	if (jws != NULL)
		g_assert(json_is_object(jws->header) && json_is_object(jws->payload) &&
		         g_str_has_prefix(text, jws->signed_bytes));
	return 0;
}
