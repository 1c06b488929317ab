#include "cli/owners.h"

#include "im/source.h"

#include <string.h>

static bool add_owner(void *data, const char *owner, const char *version, GError **error)
{
	(void)version;
	(void)error;
	g_hash_table_add(data, g_strdup(owner));
	return true;
}

static bool add_source(
        const struct config *config, const char *name, GHashTable *seen, GError **error)
{
	autoptr(im_source) source = im_source_open(config, name, error);
	return source != NULL && im_source_owners(source, add_owner, seen, error);
}

static int by_bytes(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

GPtrArray *cli_owners(const struct config *config, const struct usermap *map, GError **error)
{
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	for (const char *const *name = config_names(config, "source"); *name != NULL; name++)
		if (!add_source(config, *name, seen, error))
			return NULL;
	static const char *const none[] = {NULL};
	const char *const *named = map != NULL ? usermap_file_owners(map) : none;
	for (const char *const *owner = named; *owner != NULL; owner++)
		g_hash_table_add(seen, g_strdup(*owner));
	GPtrArray *list = g_ptr_array_new_with_free_func(g_free);
	GHashTableIter iter;
	gpointer owner;
	g_hash_table_iter_init(&iter, seen);
	while (g_hash_table_iter_next(&iter, &owner, NULL)) {
		g_ptr_array_add(list, owner);
		g_hash_table_iter_steal(&iter);
	}
	g_ptr_array_sort(list, by_bytes);
	g_ptr_array_add(list, NULL);
	return list;
}
