/*
 * Files that a conversation links to become attachments: fetched once into the store, by hash.
 *
 * Only links of [archive] upload_hosts are fetched; without hosts nothing is. A host in trouble is
 * asked again for a day, and the conversation waits for it; after that, and where the file is gone,
 * too large or another one than its sender told, the transcript says so and keeps the link.
 */
#ifndef IMEX_SYNC_ATTACH_H
#define IMEX_SYNC_ATTACH_H

#include "core/auto.h"
#include "core/config.h"
#include "store/store.h"

#include <glib.h>

struct attacher;
struct attacher *attacher_new(const struct config *config, GError **error);
void attacher_free(struct attacher *attacher);
AUTO_DEFINE(attacher, attacher_free);

/* Whether anything may be fetched at all. */
bool attacher_is_wanted(const struct attacher *attacher);

/*
 * Fetches what these messages (struct message *) link to and is not in the store. *waiting: one of
 * them has to be tried again later.
 */
bool attacher_fetch(struct attacher *attacher, struct store *store, const GPtrArray *messages,
        bool *waiting, GError **error);

/* url (borrowed) -> struct transcript_file, for transcript_new(), of what the store has. Owned. */
GHashTable *attach_files(struct store *store, const GPtrArray *messages, GError **error);

#endif
