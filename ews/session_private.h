/*
 * Private to ews/: how an operation is sent and its answer read.
 *
 *	struct xml_writer *w = ews_request(session, &op);
 *	... attributes and content of the operation's element ...
 *	if (!ews_call(session, &op, &handler, data, error)) ...
 */
#ifndef IMEX_EWS_SESSION_PRIVATE_H
#define IMEX_EWS_SESSION_PRIVATE_H

#include "ews/answer.h"
#include "ews/contacts.h"
#include "ews/session.h"
#include "wire/xml_write.h"

/* The group list of the mailbox in use, as far as it is known (dialect ucs). */
struct ews_group_cache {
	GHashTable *by_id; /* id -> struct group *, owned */
	bool loaded;
};

/* What changed in the list of the mailbox in use since a pass read it (dialect ucs). */
struct ews_ucs_watch {
	char *contacts_state, *groups_state; /* NULL: it is not followed */
	GHashTable *contacts, *groups; /* id -> enum ews_sync_kind */
};

struct ews_session {
	char *url;
	enum ews_access access;
	ews_authorize *authorize;
	void *authorize_data;
	char *basic; /* "Basic ..." */
	ews_admit *admit;
	void *admit_data;
	int deadline_ms;
	uint64_t max_answer_bytes;
	unsigned batch_items;
	size_t batch_bytes;
	bool contact_email;

	struct http_client *http;
	struct xml_writer *writer;
	struct ews_answer *answer;
	/* Instead of http_perform(): for tests. */
	bool (*perform)(void *data, const struct http_request *request, struct http_response **out,
	        GError **error);
	void *perform_data;

	struct mailbox *mailbox; /* NULL: that of the credential */
	bool sync_ids_only; /* the server gives no properties with SyncFolderItems */
	bool fresh_for_large; /* a second large request on a connection was refused once */
	struct ews_statistics statistics;
	struct ews_group_cache groups;
	struct ews_ucs_watch watch;
	bool list_only; /* the server does not know GetImItems */
};

/* Begins a request: the envelope with its header, and the operation's element, still open. */
struct xml_writer *ews_request(struct ews_session *session, const struct ews_op *op);

/* Sends what was written since ews_request() and reads the answer through handler. */
bool ews_call(struct ews_session *session, const struct ews_op *op,
        const struct ews_answer_handler *handler, void *data, GError **error);

/* <name Id="" ChangeKey=""/>; the change key only when there is one. */
void ews_write_id(struct xml_writer *w, const char *name, const char *id, const char *change_key);
/* <t:DistinguishedFolderId>, with the mailbox where access needs it. */
void ews_write_distinguished(
        const struct ews_session *session, struct xml_writer *w, const char *name);
void ews_write_field(struct xml_writer *w, const char *field_uri);
void ews_write_indexed_field(struct xml_writer *w, const char *field_uri, const char *index);
/* A named property of ours: PublicStrings, type String. */
void ews_write_property_path(struct xml_writer *w, const char *name);
void ews_write_property(struct xml_writer *w, const char *name, const char *value);
/* A property by tag, "0x0E07". */
void ews_write_tagged_property(
        struct xml_writer *w, const char *tag, const char *type, const char *value);

#endif
