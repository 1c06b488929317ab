/*
 * Pauses: work that a person stopped. They survive a restart.
 */
#ifndef IMEX_STORE_PAUSE_H
#define IMEX_STORE_PAUSE_H

#include "model/mailbox.h"
#include "store/pass.h"
#include "store/store.h"

enum pause_scope { PAUSE_ALL, PAUSE_SERVER, PAUSE_USER };

const char *pause_scope_name(enum pause_scope scope); /* "all", "server", "user" */

/* subject: "" for all, NAME of [server NAME], or an owner. Pausing twice is no error. */
bool store_pause_set(struct store *store, enum pause_scope scope, const char *subject,
        enum pass_kind kind, int64_t now_utc_us, GError **error);
/* *found (may be NULL) tells whether there was one. */
bool store_pause_clear(struct store *store, enum pause_scope scope, const char *subject,
        enum pass_kind kind, bool *found, GError **error);

/* Whether work of that kind on this mailbox is paused at any scope. */
bool store_paused(struct store *store, const struct mailbox *mailbox, enum pass_kind kind,
        bool *paused, GError **error);

struct pause {
	enum pause_scope scope;
	char *subject;
	enum pass_kind kind;
	int64_t since_utc_us;
};
void pause_free(struct pause *pause);
AUTO_DEFINE(pause, pause_free);

/* A GPtrArray of struct pause, oldest first. */
GPtrArray *store_pause_list(struct store *store, GError **error);

#endif
