/*
 * Private to ews/: what a response code, a fault or an HTTP status means, as an error with class
 * and reason. One table; its rows follow the service's documented response codes and what servers
 * were seen to answer.
 */
#ifndef IMEX_EWS_CODES_H
#define IMEX_EWS_CODES_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* What the server said about one request or one input of a batch. Borrowed. */
struct ews_problem {
	const char *operation; /* "GetItem" */
	const char *code; /* response code, or NULL */
	const char *inner_code; /* InnerErrorResponseCode, or NULL */
	const char *text; /* the server's own words, or NULL */
	int64_t back_off_ms; /* -1: not said */
	bool changes; /* the operation changes something */
};

/* Sets the error for a response code that is neither NoError nor absent. */
void ews_problem_set(GError **error, const struct ews_problem *problem);

/* The same for a SOAP fault that names no response code, as grommunio sends: "Client", "Server". */
void ews_fault_set(GError **error, const struct ews_problem *problem, const char *fault_code);

/* Sets the error for an HTTP status that came without SOAP. retry_after_s: -1 when not said. */
void ews_status_set(
        GError **error, int status, const struct ews_problem *problem, int64_t retry_after_s);

/* An answer that is not what the protocol promises. */
void ews_protocol_set(GError **error, const char *operation, const char *what);

/* "ErrorNameResolutionMultipleResults" and the like: a warning that comes with a good result. */
bool ews_code_is_success(const char *code);
/* The batch was cut off before this input: send it again. */
bool ews_code_is_stopped(const char *code);

/*
 * Finds the back-off in words such as "Suggested backoff time 5000 milliseconds" or
 * "BackOffMilliseconds: 178510"; -1 when there is none.
 */
int64_t ews_back_off_in_text(const char *text);

#endif
