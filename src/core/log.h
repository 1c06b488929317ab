/*
 * Logging: one line per event, with a stable event name that monitoring may match.
 *
 * Tokens, keys and message text are never logged. Lines go to standard error; under systemd with
 * priority prefixes and, through g_log_structured fields, the event name as a field of its own.
 * Any thread may log.
 */
#ifndef IMEX_CORE_LOG_H
#define IMEX_CORE_LOG_H

#include <glib.h>
#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Sets up the writer; call once, first thing in main(). program is a literal: "imexd". */
void log_init(const char *program, enum log_level level);
void log_set_level(enum log_level level);
/* "error", "warn", "info" or "debug"; false when name is none of them. */
bool log_level_parse(const char *name, enum log_level *level);

void log_event(enum log_level level, const char *event, const char *format, ...)
        G_GNUC_PRINTF(3, 4);

#define log_error(event, ...) log_event(LOG_LEVEL_ERROR, event, __VA_ARGS__)
#define log_warn(event, ...) log_event(LOG_LEVEL_WARN, event, __VA_ARGS__)
#define log_info(event, ...) log_event(LOG_LEVEL_INFO, event, __VA_ARGS__)
#define log_debug(event, ...) log_event(LOG_LEVEL_DEBUG, event, __VA_ARGS__)

#endif
