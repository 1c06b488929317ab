/*
 * One EWS request: its envelope, who sends it, whose mailbox it is for, and the answer so far.
 *
 * Operations are functions of one table (operations.c), one file each. A handler appends its
 * response element to ctx->out. It locks mailboxes only through ctx_use(), which holds at most one
 * at a time, and the dispatcher releases the last.
 */
#ifndef DEVX_SOAP_H
#define DEVX_SOAP_H

#include "fault.h"
#include "ids.h"
#include "model.h"
#include "xml.h"

struct devx;

/* Who is at the other end, after the HTTP layer has checked the credentials. */
struct identity {
	enum { ID_NOBODY, ID_USER, ID_APP } kind;
	struct mailbox *user; /* Basic, or named by the outer token */
	char app[64]; /* application id of a bearer token */
	bool by_token;
};

enum ews_version {
	V2007 = 2007,
	V2007_SP1 = 2008,
	V2010 = 2010,
	V2010_SP1,
	V2010_SP2,
	V2013,
	V2013_SP1,
	V2016 = 2016
};

struct ctx {
	struct devx *devx;
	struct identity who;
	struct mailbox *self; /* the mailbox that the request is for */
	struct mailbox *locked;
	enum ews_version version;
	const char *operation;
	struct xml_node *header, *body; /* body: the operation's element */
	uint32_t back_end; /* that the affinity cookie names; 0: none */
	GString *out;
	int status; /* of HTTP, when it is not 200 */
	int64_t delay_ms; /* by which the answer is held up */
	struct fault_hit *fault; /* to be carried out within the operation; or NULL */
	bool stream; /* the answer goes on after this envelope: GetStreamingEvents */
	GPtrArray *stream_ids;
	int stream_minutes;
};

struct operation {
	const char *name;
	void (*run)(struct ctx *ctx);
	enum ews_version since;
	unsigned flags;
};

enum operation_flags {
	OP_UCS = 1, /* absent with --no-ucs and in the grommunio profile */
	OP_DIRECT = 2, /* the response element itself carries the response code */
	OP_WRITES = 4,
	OP_NOT_GROMMUNIO = 8,
	OP_AFFINITY = 16, /* of notifications: only the mailbox's own back end can do it */
};

extern const struct operation operations[];
extern const size_t n_operations;
const struct operation *operation_find(const char *name);

struct answer {
	int status;
	GString *body;
	const char *content_type; /* NULL: no SOAP, and an empty body */
	char *location; /* of a redirect, or NULL */
	int64_t delay_ms;
	const char *operation; /* static, or NULL when none was recognised */
	char *code; /* first response code that is not NoError, for counters and records */
	struct mailbox *mailbox;
	bool stream;
	GPtrArray *stream_ids;
	int stream_minutes;
};

/* Handles one request body. Never fails: what is wrong becomes a fault. */
struct answer *soap_handle(struct devx *devx, const struct identity *who, uint32_t back_end,
        const char *bytes, size_t length, struct fault_hit *fault);
/* An answer that is only a fault. */
struct answer *soap_fault(const char *code, int64_t back_off_ms);
/* HTTP 200 with one error message of that operation. */
struct answer *soap_message(const char *operation, const char *code, int64_t back_off_ms);
void answer_free(struct answer *answer);

/* The operation and the mailbox of a request (static or borrowed; NULL when unknown). */
void soap_peek(struct devx *devx, const struct identity *who, const char *bytes, size_t length,
        const char **operation, const char **mailbox);

/* True, and counted, when the fault that this request carries is of that kind. */
bool ctx_fault(struct ctx *ctx, enum fault_kind kind);
/* The code with which the index'th entry of a batch shall fail, or NULL. */
const char *ctx_item_fault(struct ctx *ctx, int index);

/* Locks mb in place of the mailbox that was locked. */
void ctx_use(struct ctx *ctx, struct mailbox *mb);

/*
 * Finds what t:FolderId, t:DistinguishedFolderId, t:ItemId name and locks its mailbox.
 * NULL on success, else a response code.
 */
const char *ctx_folder(struct ctx *ctx, const struct xml_node *id, struct folder **folder);
const char *ctx_item(struct ctx *ctx, const struct xml_node *id, struct item **item);
/* The first element child of `parent` that is an id; for wrappers such as m:ParentFolderId. */
const char *ctx_folder_in(struct ctx *ctx, const struct xml_node *parent, struct folder **folder);

/* The mailbox with that guid if this request may open it; not locked. */
struct mailbox *store_find_guid_for(struct ctx *ctx, uint64_t guid);

/* The beginning and the end of every envelope. */
void envelope_open(GString *out);
void envelope_close(GString *out);

/* --- answers */
void rsp_open(struct ctx *ctx); /* <m:OpResponse><m:ResponseMessages> */
void rsp_close(struct ctx *ctx);
void rsp_ok(struct ctx *ctx); /* opens a success message, up to its payload */
void rsp_warning(struct ctx *ctx, const char *code);
void rsp_end(struct ctx *ctx);
/* A whole error message; empty: payload container such as "m:Items", or NULL. */
void rsp_error(struct ctx *ctx, const char *code, const char *empty);
/* For sync operations: an empty state, and `last` true, as IncludesLastItemInRange. */
void rsp_sync_error(struct ctx *ctx, const char *code, const char *last);
/* The same for operations whose response element is the message. */
void direct_ok(struct ctx *ctx);
void direct_end(struct ctx *ctx);
void direct_error(struct ctx *ctx, const char *code);
/* What the schema wants in an error message of that operation beside the code. */
const char *error_payload(const char *operation);
const char *code_text(const char *code);
const char *code_known(const char *code); /* the static copy, or NULL */

#endif
