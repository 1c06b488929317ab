/* JSON with limits: what is accepted keeps them, whatever the bytes. */
#include "tests/fuzz/fuzz.h"
#include "wire/json.h"

#define MAX_DEPTH 6

static unsigned depth_of(const json_t *value)
{
	unsigned most = 0;
	const char *name;
	size_t i;
	json_t *member;

	if (!json_is_object(value) && !json_is_array(value))
		return 0;
	json_object_foreach ((json_t *)(uintptr_t)value, name, member)
		most = MAX(most, depth_of(member));
	json_array_foreach (value, i, member)
		most = MAX(most, depth_of(member));
	return most + 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autoptr(GError) error = NULL;
	json_auto_t *root = NULL;
	const char *text = NULL;
	int64_t number = 0;

	bool good = json_parse_limited((const char *)data, size, 4096, MAX_DEPTH, &root, &error);

	g_assert(good == (error == NULL) && good == (root != NULL));
	if (!good)
		return 0;
	g_assert(size <= 4096 && depth_of(root) <= MAX_DEPTH);
	if (!json_need_text(root, "issuer", &text, &error))
		g_clear_error(&error);
	if (!json_need_int(root, "exp", &number, &error))
		g_clear_error(&error);
	return 0;
}
