/* One HTTP exchange, between the routes. */
#ifndef DEVX_HTTP_H
#define DEVX_HTTP_H

#include "auth.h"
#include "devx.h"

#include <microhttpd.h>

struct exchange {
	struct devx *devx;
	struct MHD_Connection *connection;
	const char *method, *url, *version;
	GString *body;
	bool too_large;
	bool reset_after; /* a fault: reset once the answer has left */
};

const char *http_header(const struct exchange *x, const char *name);
char *http_host(const struct exchange *x); /* without port; g_free */
/* Answers with a copy of text; more: NULL-terminated pairs of names and values. */
enum MHD_Result http_text(const struct exchange *x, int status, const char *type, const char *text,
        const char *const *more);
enum MHD_Result http_unauthorized(const struct exchange *x, const struct auth_result *result);
/* Sends a reset in place of anything that would follow. */
void http_reset(const struct exchange *x);

enum MHD_Result route_ews(struct exchange *x);
enum MHD_Result route_photo(struct exchange *x);
enum MHD_Result route_metadata(struct exchange *x);
enum MHD_Result route_control(struct exchange *x);
enum MHD_Result route_autodiscover_pox(struct exchange *x);
enum MHD_Result route_autodiscover_json(struct exchange *x);

/* Counters. */
void count_event(const char *what); /* "requests", "auth.refused" ... */
/* Counts `what` once for each different value: how many there are. */
void count_distinct(const char *what, const char *value);
void count_answer(const char *operation, const char *code, const char *mailbox);
json_t *counters_json(void);
void counters_reset(void);

/*
 * Writes one exchange into --record DIR as NNNNNN-OPERATION.request.xml and .WHAT-STATUS.xml;
 * nothing without that option. What became of the answer:
 */
#define RECORD_ANSWER "response" /* sent whole, as it was made */
#define RECORD_SPOILT "spoilt" /* a fault changed it: what was sent */
#define RECORD_UNSENT "unsent" /* made, but a fault kept it or its end from the client */
#define RECORD_PLAIN "plain" /* no SOAP: the text of an HTTP error */
/* request: NULL for the further envelopes of a stream; answer: NULL when none was made. */
void record_exchange(const struct devx *devx, const char *operation, const GString *request,
        const char *what, int status, const GString *answer);

#endif
