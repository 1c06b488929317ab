/*
 * From a stored segment to what is read: its transcript, and the MIME message that is made of it
 * once and kept.
 */
#ifndef IMEX_SYNC_TRANSCRIBE_H
#define IMEX_SYNC_TRANSCRIBE_H

#include "archive/mime.h"
#include "archive/presence.h"
#include "archive/render.h"
#include "archive/segment.h"
#include "archive/transcript.h"
#include "core/config.h"
#include "store/segment.h"
#include "sync/usermap.h"

/* What the configuration says about transcripts. One per thread; config and map outlive it. */
struct transcriber;

/* map may be NULL: then people keep their IM addresses. NULL with archive.time_zone. */
struct transcriber *transcriber_new(
        const struct config *config, const struct usermap *map, GError **error);
void transcriber_free(struct transcriber *transcriber);
AUTO_DEFINE(transcriber, transcriber_free);

const struct segment_rules *transcriber_rules(const struct transcriber *transcriber);
/*
 * What a transcript shows to a reader with this policy ("im", "im+events"): what was taken back
 * only where it is kept for compliance.
 */
unsigned transcriber_view(const char *policy, bool compliance);
/* [archive] resolve_anonymous */
bool transcriber_names_resolved(const struct transcriber *transcriber);
GTimeZone *transcriber_zone(const struct transcriber *transcriber);
const char *transcriber_zone_name(const struct transcriber *transcriber);

/* The members of the segment, struct message * in the order of sending; owned. */
GPtrArray *transcribe_messages(struct store *store, const struct segment *segment, GError **error);

/* The transcript of all of them; owned. */
struct transcript *transcribe(struct transcriber *transcriber, struct store *store,
        const struct segment *segment, const GPtrArray *messages, GError **error);

/* The transcript of some of the messages. */
struct transcript *transcribe_part(struct transcriber *transcriber, struct store *store,
        const struct segment *segment, const GPtrArray *messages, enum presence_part part,
        GError **error);

/*
 * Which rendering: the view in the lower bits, and above them whose part it is when only a part of
 * the segment is shown (else 0).
 */
int64_t transcriber_shown(unsigned view, int64_t part);

/*
 * Sees to it that the store keeps the message: as it was rendered first, else rendered now from the
 * transcript. *hash is that of the kept one, owned.
 */
bool transcribe_keep(struct transcriber *transcriber, struct store *store,
        const struct segment *segment, const struct transcript *transcript, int64_t shown,
        char **hash, GError **error);

/* The message, made now and kept nowhere. */
GBytes *transcribe_bytes(
        struct transcriber *transcriber, const struct transcript *transcript, int64_t shown);

#endif
