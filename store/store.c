#include "store/store.h"

#include "core/error.h"

struct store {
	char *url;
};

struct store *store_open(const char *url, enum store_open_mode mode, GError **error)
{
	(void)mode;
	error_set(error, ERROR_CONFIG, "store.unsupported",
	        "the store %s cannot be opened: no driver is built in", url);
	return NULL;
}

void store_close(struct store *store)
{
	g_free(store->url);
	g_free(store);
}
