/*
 * Messages in a folder of the mailbox in use: made from MIME, looked up by our own id, read back.
 *
 * Each item that we make bears the delivery's id in a named property (PublicStrings,
 * "imex-delivery"), because servers rebuild MIME and drop what they do not know.
 */
#ifndef IMEX_EWS_MESSAGES_H
#define IMEX_EWS_MESSAGES_H

#include "ews/session.h"

/* The item class of an IM conversation. */
#define EWS_CLASS_CONVERSATION "IPM.Note.Microsoft.Conversation"

/* Borrowed. */
struct ews_message {
	const void *mime;
	size_t mime_len;
	const char *item_class; /* NULL: EWS_CLASS_CONVERSATION */
	const char *delivery_uuid;
	int64_t sent_utc_us; /* first message; 0: as in the MIME */
	int64_t received_utc_us; /* last message; 0: now */
	bool read;
};

/* Saved, not sent, and no draft. Not idempotent: after ERROR_UNCERTAIN look it up first. */
bool ews_message_create(struct ews_session *session, const char *folder_id,
        const struct ews_message *message, struct ews_item_ref *out, GError **error);

/*
 * Creates n messages in as few requests as options.batch_items and batch_bytes allow. Each outcome
 * gets a reference or an error. false: not all were done; *error is the first failure.
 */
bool ews_messages_create(struct ews_session *session, const char *folder_id,
        const struct ews_message *messages, size_t n, struct ews_outcome *outcomes, GError **error);

/* Borrowed, until the sink returns. */
struct ews_message_info {
	struct ews_item_ref ref;
	const char *delivery_uuid; /* NULL: not ours */
	const char *item_class;
	const char *subject;
	int64_t created_utc_us; /* when it came into the folder, by the server's clock */
	int64_t sent_utc_us;
	int64_t received_utc_us;
	int64_t size_bytes;
	bool deleted; /* only of ews_messages_changes(): gone; nothing but ref.id is set */
};

/* false with *error set stops. The same item may come twice: go by its id. */
typedef bool ews_message_sink(const struct ews_message_info *info, void *data, GError **error);

/*
 * All items that were created in the folder at or after since_utc_us (allow for the clocks'
 * difference). One paged query, however many deliveries are uncertain: this is what settles
 * ERROR_UNCERTAIN.
 */
bool ews_messages_created(struct ews_session *session, const char *folder_id, int64_t since_utc_us,
        ews_message_sink *sink, void *data, GError **error);

/* References (struct ews_item_ref *, appended) of items bearing the delivery's id; see above. */
bool ews_messages_find_uuid(struct ews_session *session, const char *folder_id,
        const char *delivery_uuid, int64_t since_utc_us, GPtrArray *found, GError **error);

/*
 * The folder's changes since state_in (NULL: everything in it), and the state after them. The
 * other way to settle: save the state before a batch. *full: state_in was refused or NULL.
 */
bool ews_messages_changes(struct ews_session *session, const char *folder_id, const char *state_in,
        ews_message_sink *sink, void *data, char **state_out, bool *full, GError **error);

/* Items received in [since, until), oldest first; until 0: no end. */
bool ews_messages_each(struct ews_session *session, const char *folder_id, int64_t since_utc_us,
        int64_t until_utc_us, ews_message_sink *sink, void *data, GError **error);

/* The item as MIME, made anew by the server, handed over in pieces as it arrives. */
typedef bool ews_bytes_sink(const void *bytes, size_t len, void *data, GError **error);
bool ews_message_get_mime(struct ews_session *session, const char *item_id, ews_bytes_sink *sink,
        void *data, GError **error);

/*
 * What the items of these ids tell, one call each by index; info NULL: it is gone (moved or
 * deleted).
 */
typedef bool ews_message_get_sink(
        size_t index, const struct ews_message_info *info, void *data, GError **error);
bool ews_messages_get(struct ews_session *session, const char *const *ids, size_t n,
        ews_message_get_sink *sink, void *data, GError **error);

/* For good, not to Deleted Items. Gone already is success. */
bool ews_message_delete(struct ews_session *session, const char *item_id, GError **error);

#endif
