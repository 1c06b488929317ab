/*
 * A session with one EWS server: one HTTP connection, one mailbox at a time, one thread.
 *
 * Nothing is sent before the first verb of contacts.h, folders.h or messages.h. Every request
 * carries RequestServerVersion, a client-request-id, X-AnchorMailbox and, when asked for,
 * ExchangeImpersonation. A 401 asks the authentication callback once more and is repeated once.
 * Answers are parsed while they arrive and never held whole.
 *
 * A session repeats nothing else by itself: the class of the error (core/error.h) says what the
 * caller should do. Reasons, beside those of wire/http.h and wire/xml_read.h:
 *   ews.busy               BACKOFF   server asks for quiet; error_retry_at() says until when
 *   ews.transient          RETRY     passing fault of the server, named in the sentence
 *   ews.unknown_code       RETRY     a response code that is not in the table
 *   ews.timeout            RETRY     the server gave up on a batch: send a smaller one
 *   ews.unauthorized       CONFIG    401 after a second try
 *   ews.forbidden          MAILBOX   ErrorAccessDenied, HTTP 403: no right to this
 *   ews.impersonation      MAILBOX   the server does not let us act for this mailbox
 *   ews.no_mailbox         MAILBOX   no mailbox by that address (or disabled, or elsewhere)
 *   ews.wrong_mailbox      MAILBOX   the server opened another mailbox than the one meant
 *   ews.moved              MAILBOX   the mailbox is being moved, or another server has it now
 *   ews.quota              MAILBOX   the mailbox is full
 *   ews.locked             CONFIG    account locked or blocked (HTTP 456)
 *   ews.unsent             RETRY     of a batch: a request before it failed, this was not sent
 *   ews.sync_state         MAILBOX   sync state refused twice in one pass
 *   ews.not_found          ITEM      item or folder is gone
 *   ews.conflict           ITEM      changed meanwhile: read again and decide anew
 *   ews.item               ITEM      server refuses this item for good
 *   ews.too_large          ITEM      larger than the server takes
 *   ews.exists             ITEM      name is taken
 *   ews.limit              ITEM      the server's limit of contacts or groups is reached
 *   ews.unsupported        CONFIG    server does not know this operation
 *   ews.request            CONFIG    server says that the request is malformed: a bug, or a
 *                                    server that is older than Exchange 2013
 *   ews.protocol           MAILBOX   the answer is not what the protocol promises
 *   ews.http               RETRY     HTTP status without SOAP, 5xx (CONFIG for other 4xx)
 * A request that changes something and whose answer was lost or unreadable is class UNCERTAIN
 * whatever the reason; one that the server answered with an error is not.
 */
#ifndef IMEX_EWS_SESSION_H
#define IMEX_EWS_SESSION_H

#include "core/auto.h"
#include "model/mailbox.h"
#include "wire/http.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct ews_session;

enum ews_access {
	EWS_ACCESS_SELF, /* the credential names the user: his own login, or a token with a user */
	EWS_ACCESS_IMPERSONATE, /* ExchangeImpersonation names the user */
	EWS_ACCESS_DELEGATE, /* folders are addressed with the user's mailbox; no Im* operations */
};

/*
 * Gives the value of the Authorization header ("Bearer ...", "Basic ..."), owned by the caller.
 * refused: the server answered 401 to the value given last; www_authenticate then holds its
 * challenges (NULL-ended) and diagnostics what it said of the cause, or NULL. Without a refusal
 * both are NULL. Called before every request: cache inside.
 */
typedef bool ews_authorize(void *data, const struct mailbox *mailbox, bool refused,
        const char *const *www_authenticate, const char *diagnostics, char **value, GError **error);

/*
 * Called before every request, with the longest time it may take; false with *error set keeps it
 * from being sent. For leases, rate limits, and stopping.
 */
typedef bool ews_admit(void *data, int deadline_ms, GError **error);

struct ews_options {
	const char *url; /* https://host/EWS/Exchange.asmx */
	enum ews_access access;
	ews_authorize *authorize; /* or user and password */
	void *authorize_data;
	const char *user; /* Basic over TLS */
	const char *password;
	ews_admit *admit; /* may be NULL */
	void *admit_data;
	const struct http_options *http; /* CA, timeouts, address policy; NULL: the defaults */
	uint64_t max_answer_bytes; /* of one answer; 0: 1 GiB (they are not held) */
	unsigned batch_items; /* items per request; 0: 100 */
	bool contact_email; /* new contacts (dialect folder) get their address as e-mail address too
	                     */
	size_t batch_bytes; /* of message content per request; 0: 4 MiB */
};

/* Strings are copied, http options read at once. NULL: ews.request, or an error of wire/http.h. */
struct ews_session *ews_session_open(const struct ews_options *options, GError **error);
void ews_session_close(struct ews_session *session);
AUTO_DEFINE(ews_session, ews_session_close);

/* Everything after is for this mailbox (copied); cookies and caches of the last are forgotten. */
void ews_session_use_mailbox(struct ews_session *session, const struct mailbox *mailbox);

/* "Exchange2016 15.1.2507", from the last answer; NULL before, or when the server did not say. */
const char *ews_session_server_version(const struct ews_session *session);

struct ews_statistics {
	uint64_t requests;
	uint64_t sent_bytes;
	uint64_t received_bytes;
	uint64_t mended_characters; /* in answers (wire/xml_read.h) */
	uint64_t replaced_characters; /* in requests (wire/xml_write.h) */
};
struct ews_statistics ews_session_statistics(const struct ews_session *session);

/* An item or folder on the server. The change key may be NULL. Both strings are owned. */
struct ews_item_ref {
	char *id;
	char *change_key;
};
void ews_item_ref_clear(struct ews_item_ref *ref);
/* Of one that was allocated by itself. */
void ews_item_ref_free(struct ews_item_ref *ref);
void ews_item_ref_set(struct ews_item_ref *ref, const char *id, const char *change_key);

/* What became of one input of a batch: a reference, or an error with its class. */
struct ews_outcome {
	struct ews_item_ref ref;
	GError *error;
};
/* An array of n, cleared; free with ews_outcomes_free(). */
struct ews_outcome *ews_outcomes_new(size_t n);
void ews_outcomes_free(struct ews_outcome *outcomes, size_t n);

struct ews_mailbox_info {
	char *root_id; /* id of the folder at the root: the same as long as it is the same mailbox
	                */
	char *smtp; /* primary address in the server's directory; NULL: it does not tell */
	char *name; /* display name, likewise */
};
void ews_mailbox_info_free(struct ews_mailbox_info *info);
AUTO_DEFINE(ews_mailbox_info, ews_mailbox_info_free);

/*
 * Asks the server whose mailbox it opens for us, and compares with the one in use. To be called
 * before the first write into a mailbox. `ews.wrong_mailbox` when it is another one, or when the
 * address is only an alias of another mailbox (the sentence names it).
 */
bool ews_confirm_mailbox(
        struct ews_session *session, struct ews_mailbox_info **info, GError **error);

#endif
