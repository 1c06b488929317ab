/*
 * Errors.
 *
 * Every fallible function returns false or NULL and sets a GError in domain IMEX_ERROR. The code of
 * the GError is its class, which says what to do next; the reason is a stable dotted name that
 * tests, documents and scripts may rely on ("ews.busy", "plan.mass_delete"); the message is one
 * sentence for people: what failed, why, what to do next. A bug aborts instead.
 */
#ifndef IMEX_CORE_ERROR_H
#define IMEX_CORE_ERROR_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum error_class {
	ERROR_RETRY, /* passing fault: try again soon, with jitter */
	ERROR_BACKOFF, /* the other side asks for quiet until error_retry_at() */
	ERROR_ITEM, /* this contact or message only; go on with the rest */
	ERROR_MAILBOX, /* this mailbox only; go on with the others */
	ERROR_CONFIG, /* a person must change something first */
	ERROR_UNCERTAIN, /* sent, but the answer was lost: look before repeating */
};

#define IMEX_ERROR imex_error_quark()
GQuark imex_error_quark(void);

/* Sets *error (when error is not NULL). reason must be a string literal. */
void error_set(GError **error, enum error_class error_class, const char *reason, const char *format,
        ...) G_GNUC_PRINTF(4, 5);

/* What to do next; for a GError of another domain ERROR_ITEM. */
enum error_class error_class_of(const GError *error);
const char *error_class_name(enum error_class error_class);
/* The stable reason; "unknown" for a GError of another domain. Borrowed from the error. */
const char *error_reason(const GError *error);
bool error_is(const GError *error, const char *reason);

/* When trying again makes sense, UTC microseconds; 0 when the error does not say. */
void error_set_retry_at(GError *error, int64_t utc_us);
int64_t error_retry_at(const GError *error);

/* Whom or what the error is about (a mailbox, a URL, a file); NULL when not said. */
void error_set_subject(GError *error, const char *subject);
const char *error_subject(const GError *error);

/* Makes the error one of another class, keeping reason and sentence. */
void error_reclass(GError *error, enum error_class error_class);

#endif
