/*
 * A mail server of canned answers, in place of the network: answers are given in the order in
 * which they were queued, in pieces of `chunk` bytes, and requests are kept.
 */
#ifndef IMEX_TESTS_UNIT_EWS_FAKE_H
#define IMEX_TESTS_UNIT_EWS_FAKE_H

#include "ews/ews.h"
#include "ews/session_private.h"

struct fake {
	struct ews_session *session;
	struct mailbox *mailbox;
	GQueue *answers; /* struct fake_answer * */
	GPtrArray *requests; /* char *: bodies */
	GPtrArray *headers; /* char *: all headers of a request, joined by newlines */
	size_t chunk;
};

/* A session for alice@corp.example that impersonates. */
struct fake *fake_new(void);
struct fake *fake_new_with(const struct ews_options *options);
void fake_free(struct fake *fake);
AUTO_DEFINE(fake, fake_free);

/* content: what stands in the SOAP body. */
void fake_answer(struct fake *fake, const char *content);
/* content as it is, with status and "Name: value" lines (may be NULL). */
void fake_answer_raw(struct fake *fake, int status, const char *headers, const char *content);
/* The connection breaks after the request was sent, and after so many bytes of the answer. */
void fake_lose(struct fake *fake, const char *content, size_t bytes);

/* The i-th request's SOAP body content; counted from 0. */
const char *fake_request(const struct fake *fake, unsigned i);
unsigned fake_count(const struct fake *fake);

/* "<m:OPResponse><m:ResponseMessages>" messages "</...>"; owned */
char *fake_batch(const char *op, const char *messages);
/* One successful response message with content; owned */
char *fake_message(const char *op, const char *content);
char *fake_failure(const char *op, const char *code);
/* A direct answer, as the Im* operations give; owned */
char *fake_direct(const char *op, const char *content);
char *fake_direct_failure(const char *op, const char *code);

#endif
