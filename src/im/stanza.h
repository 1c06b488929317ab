/*
 * One XMPP stanza as servers keep it in their archives: <message> or <presence>, parsed into what
 * the archive of conversations needs. Pure.
 *
 * Read are RFC 6121 (body, subject, thread), XEP-0066 (file links), XEP-0203 (delay), XEP-0308
 * (corrections), XEP-0359 (origin-id), XEP-0421 (occupant-id), XEP-0424 and XEP-0425 (retractions,
 * both shapes), XEP-0444 (reactions), XEP-0385, XEP-0446 and XEP-0447 (what a file is and where),
 * XEP-0300 (its hash), XEP-0045 (the real address in a room), and the marks of
 * XEP-0027, XEP-0364, XEP-0373 and XEP-0384 (encryption).
 */
#ifndef IMEX_IM_STANZA_H
#define IMEX_IM_STANZA_H

#include "core/auto.h"
#include "model/message.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Larger ones are left out and told; servers refuse stanzas of more than 512 KiB by default. */
#define STANZA_MAX_BYTES (8u * 1024 * 1024)

struct stanza {
	bool is_presence;
	char *type, *from, *to, *id; /* as they stand, or NULL */
	char *origin_id;
	char *body; /* every body, one per line with its language when there are several; or NULL */
	char *subject; /* "" is a subject that was taken away; NULL: no such element */
	char *thread;
	char *replace_id; /* of a correction */
	char *retract_id; /* of a retraction */
	char *react_id; /* of reactions */
	char *reactions; /* the whole set, by spaces; "" for an empty one */
	char *url; /* the first file link */
	char *url_text; /* its description, further links with theirs; or NULL */
	char *file_name, *file_hash; /* of the first file; the hash as in model/message.h */
	int64_t file_size_bytes; /* 0: not told */
	char *occupant_id;
	char *real_jid; /* who is behind a room nickname, when the server kept it */
	bool in_room; /* bears a room's mark: of a private message through a room */
	bool encrypted;
	int64_t delay_utc_us; /* when it was sent first; 0 when not told */
	uint64_t mended; /* characters that no XML may hold, replaced */
};

/* NULL with stanza.malformed, stanza.too_large (class ITEM) or stanza.unknown (another element). */
struct stanza *stanza_parse(const char *xml, size_t len, GError **error);
void stanza_free(struct stanza *stanza);
AUTO_DEFINE(stanza, stanza_free);

/*
 * What kind of event it is; false for one that no archive wants: errors, headlines, chat states,
 * receipts, markers.
 */
bool stanza_kind(const struct stanza *stanza, enum message_kind *kind);

/*
 * A message of that kind with what the stanza itself tells: text, url, ids, thread. Addresses,
 * times and keys are the caller's to fill in.
 */
struct message *stanza_message(const struct stanza *stanza, enum message_kind kind);

/*
 * The correlation of store/message.h for a message that is otherwise complete. NULL when nothing
 * tells it: in a room, where there is one copy, only the sender's own id does. Owned.
 */
char *stanza_correlation(const struct stanza *stanza, const struct message *message);
/* The same from the stanza's id and origin-id; either may be NULL. */
char *stanza_correlation_of(const char *id, const char *origin_id, const struct message *message);

/* The resource of a full JID ("room@host/Nick" -> "Nick"); NULL when there is none. Borrowed. */
const char *stanza_resource(const char *jid);

#endif
