/*
 * imex's own state, in domain verbs. One store per thread.
 */
#ifndef IMEX_STORE_STORE_H
#define IMEX_STORE_STORE_H

#include "core/auto.h"

#include <glib.h>
#include <stdbool.h>

enum store_open_mode {
	STORE_EXISTING, /* the schema must be current */
	STORE_CREATE, /* make it, or bring its schema up to date */
};

struct store;

/* url: sqlite:///FILE or postgresql://...; NULL with an error of reason store.* or db.* */
struct store *store_open(const char *url, enum store_open_mode mode, GError **error);
void store_close(struct store *store);
AUTO_DEFINE(store, store_close);

#endif
