/* Values of rosters: what is read is written back as the same, and versions only grow. */
#include "core/error.h"
#include "im/prosody_json.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static void check_contact(const char *value, size_t size)
{
	autoptr(contact) contact = contact_new("bob@im.example", NULL);
	autoptr(contact) back = contact_new("bob@im.example", NULL);
	GError *error = NULL;

	if (!prosody_json_read(value, size, contact, &error)) {
		g_assert(error_class_of(error) == ERROR_ITEM);
		g_clear_error(&error);
		return;
	}
	g_autofree char *changed = prosody_json_change(value, contact, &error);
	g_assert_no_error(error);
	g_assert(prosody_json_read(changed, strlen(changed), back, &error));
	g_assert(contact_equal(contact, back));
}

static void check_meta(const char *value, size_t size)
{
	int64_t before, after = 0;
	g_autoptr(GPtrArray) requests = g_ptr_array_new_with_free_func(g_free);
	GError *error = NULL;

	if (!prosody_json_meta(value, size, &before, requests, &error)) {
		g_assert(error_class_of(error) == ERROR_ITEM);
		g_clear_error(&error);
		return;
	}
	g_autofree char *bumped = prosody_json_meta_bump(value, &after, &error);
	g_assert_no_error(error);
	g_assert(after == MAX(before, 0) + 1);
	g_assert(prosody_json_meta(bumped, strlen(bumped), &before, NULL, &error));
	g_assert(before == after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *value = g_strndup((const char *)data, size);
	struct prosody_json_room room = {0};

	/* A value of a database has no NUL in it. */
	if (strlen(value) != size)
		return 0;
	check_contact(value, size);
	check_meta(value, size);
	(void)prosody_json_room(value, size, &room, NULL);
	prosody_json_room_clear(&room);
	return 0;
}
