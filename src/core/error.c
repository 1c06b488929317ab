#include "core/error.h"

/*
 * GLib's accessor of the private part returns NULL for an error of another domain. None reaches it
 * here, which gcc cannot see through the macro.
 */
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wnull-dereference"
#endif

struct imex_error_details {
	const char *reason;
	char *subject;
	int64_t retry_at_utc_us;
};
typedef struct imex_error_details ImexErrorPrivate;

static void imex_error_private_init(ImexErrorPrivate *details)
{
	details->reason = "unknown";
}

static void imex_error_private_copy(const ImexErrorPrivate *from, ImexErrorPrivate *to)
{
	to->reason = from->reason;
	to->subject = g_strdup(from->subject);
	to->retry_at_utc_us = from->retry_at_utc_us;
}

static void imex_error_private_clear(ImexErrorPrivate *details)
{
	g_free(details->subject);
}

G_DEFINE_EXTENDED_ERROR(ImexError, imex_error)

void error_set(
        GError **error, enum error_class error_class, const char *reason, const char *format, ...)
{
	if (error == NULL)
		return;
	va_list arguments;
	va_start(arguments, format);
	GError *made = g_error_new_valist(IMEX_ERROR, (int)error_class, format, arguments);
	va_end(arguments);
	imex_error_get_private(made)->reason = reason;
	g_return_if_fail(*error == NULL);
	*error = made;
}

enum error_class error_class_of(const GError *error)
{
	return error->domain == IMEX_ERROR ? (enum error_class)error->code : ERROR_ITEM;
}

const char *error_class_name(enum error_class error_class)
{
	static const char *const names[] = {
	        [ERROR_RETRY] = "retry",
	        [ERROR_BACKOFF] = "backoff",
	        [ERROR_ITEM] = "item",
	        [ERROR_MAILBOX] = "mailbox",
	        [ERROR_CONFIG] = "configuration",
	        [ERROR_UNCERTAIN] = "uncertain",
	};
	return names[error_class];
}

const char *error_reason(const GError *error)
{
	return error->domain == IMEX_ERROR ? imex_error_get_private(error)->reason : "unknown";
}

bool error_is(const GError *error, const char *reason)
{
	return error != NULL && g_str_equal(error_reason(error), reason);
}

void error_set_retry_at(GError *error, int64_t utc_us)
{
	if (error != NULL && error->domain == IMEX_ERROR)
		imex_error_get_private(error)->retry_at_utc_us = utc_us;
}

int64_t error_retry_at(const GError *error)
{
	return error->domain == IMEX_ERROR ? imex_error_get_private(error)->retry_at_utc_us : 0;
}

void error_set_subject(GError *error, const char *subject)
{
	if (error == NULL || error->domain != IMEX_ERROR)
		return;
	ImexErrorPrivate *details = imex_error_get_private(error);
	g_free(details->subject);
	details->subject = g_strdup(subject);
}

const char *error_subject(const GError *error)
{
	return error->domain == IMEX_ERROR ? imex_error_get_private(error)->subject : NULL;
}

void error_reclass(GError *error, enum error_class error_class)
{
	if (error != NULL && error->domain == IMEX_ERROR)
		error->code = (int)error_class;
}
