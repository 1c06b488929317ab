/*
 * Private to ews/: reads a SOAP answer while it arrives.
 *
 * Both families of answers look the same to an operation: some response messages, each with a
 * response code and what the operation sends. In the first family they stand below
 * ResponseMessages, one per input and in the order of the inputs (whatever their names: grommunio
 * calls one `m:x`); in the second the answer element is itself the only message. Faults, response
 * codes, texts and back-off values are read here.
 */
#ifndef IMEX_EWS_ANSWER_H
#define IMEX_EWS_ANSWER_H

#include "core/auto.h"
#include "ews/elements.h"
#include "wire/xml_read.h"

#include <glib.h>
#include <stdbool.h>

/* One operation of the service. */
struct ews_op {
	const char *name; /* "GetItem" */
	bool changes; /* not to be repeated blindly */
};

struct ews_answer;

/*
 * What an operation does with the content of its response messages. All may be NULL. text and len
 * as in struct xml_handler. Returning false with *error set stops the reading.
 */
struct ews_answer_handler {
	bool (*start)(struct ews_answer *answer, enum ews_element element,
	        const struct xml_attrs *attrs, void *data, GError **error);
	bool (*end)(struct ews_answer *answer, enum ews_element element, const char *text,
	        size_t len, void *data, GError **error);
	bool (*text)(struct ews_answer *answer, const char *bytes, size_t len, void *data,
	        GError **error);
	/*
	 * A response message has ended. failure (borrowed) is NULL when it succeeded; stopped: the
	 * server left this input and those after it undone. Without this function a failure ends
	 * the reading.
	 */
	bool (*message)(struct ews_answer *answer, const GError *failure, bool stopped, void *data,
	        GError **error);
};

struct ews_answer *ews_answer_new(void);
void ews_answer_free(struct ews_answer *answer);
AUTO_DEFINE(ews_answer, ews_answer_free);

/* Ready for one answer. handler and data must outlive its reading. */
void ews_answer_begin(struct ews_answer *answer, const struct ews_op *op,
        const struct ews_answer_handler *handler, void *data);
bool ews_answer_feed(struct ews_answer *answer, const char *bytes, size_t len, GError **error);
/* The end of the bytes. A fault, or no message at all, is an error. */
bool ews_answer_finish(struct ews_answer *answer, GError **error);

/* For handlers. Depth of the current element: 1 is a child of the response message. */
unsigned ews_answer_depth(const struct ews_answer *answer);
/* Its ancestor, up steps above (1: the parent). */
enum ews_element ews_answer_above(const struct ews_answer *answer, unsigned up);
/* Number of the response message, from 0. */
unsigned ews_answer_index(const struct ews_answer *answer);
/* The text of the current element comes in pieces; only inside start(). */
void ews_answer_stream_text(struct ews_answer *answer);

/* Something of SOAP was understood: a fault or a response message. */
bool ews_answer_understood(const struct ews_answer *answer);
/* "Exchange2016 15.1.2507", or NULL. Borrowed until the next answer that tells one. */
const char *ews_answer_server_version(const struct ews_answer *answer);
uint64_t ews_answer_mended(const struct ews_answer *answer);

#endif
