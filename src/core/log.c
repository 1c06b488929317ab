#include "core/log.h"

#include "core/clock.h"
#include "core/error.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *log_program = "imex";
static _Atomic int log_level = LOG_LEVEL_INFO;

static const char *const level_names[] = {"error", "warn", "info", "debug"};

/* Our ERROR is GLib's CRITICAL: GLib's own ERROR level aborts the program. */
static const GLogLevelFlags glib_levels[] = {
        G_LOG_LEVEL_CRITICAL, G_LOG_LEVEL_WARNING, G_LOG_LEVEL_INFO, G_LOG_LEVEL_DEBUG};

/* The value of a field of known name, or NULL. */
static const char *field_value(const GLogField *fields, gsize count, const char *name)
{
	for (gsize i = 0; i < count; i++)
		if (fields[i].length < 0 && g_str_equal(fields[i].key, name))
			return fields[i].value;
	return NULL;
}

static enum log_level level_from_glib(GLogLevelFlags flags)
{
	if (flags & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL))
		return LOG_LEVEL_ERROR;
	if (flags & G_LOG_LEVEL_WARNING)
		return LOG_LEVEL_WARN;
	if (flags & (G_LOG_LEVEL_MESSAGE | G_LOG_LEVEL_INFO))
		return LOG_LEVEL_INFO;
	return LOG_LEVEL_DEBUG;
}

/* A line is one line: controls of foreign text that reached a message are made visible. */
static char *one_line(const char *text)
{
	GString *line = g_string_new(NULL);
	for (const char *at = text; *at != '\0'; at++) {
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			g_string_append_printf(line, "\\x%02x", (unsigned)(unsigned char)*at);
		else
			g_string_append_c(line, *at);
	}
	return g_string_free(line, FALSE);
}

static GLogWriterOutput write_line(
        GLogLevelFlags flags, const GLogField *fields, gsize count, gpointer unused)
{
	(void)unused;
	enum log_level level = level_from_glib(flags);
	if ((int)level > atomic_load(&log_level))
		return G_LOG_WRITER_HANDLED;
	if (g_log_writer_is_journald(STDERR_FILENO) &&
	        g_log_writer_journald(flags, fields, count, NULL) == G_LOG_WRITER_HANDLED)
		return G_LOG_WRITER_HANDLED;
	const char *message = field_value(fields, count, "MESSAGE");
	const char *event = field_value(fields, count, "IMEX_EVENT");
	g_autofree char *time = clock_format_iso(clock_utc_us() / 1000000 * 1000000);
	g_autofree char *line = one_line(message != NULL ? message : "");
	fprintf(stderr, "%s %s[%d] %s: %s%s%s\n", time, log_program, (int)getpid(),
	        level_names[level], event != NULL ? event : "", event != NULL ? ": " : "", line);
	return G_LOG_WRITER_HANDLED;
}

void log_init(const char *program, enum log_level level)
{
	log_program = program;
	atomic_store(&log_level, (int)level);
	g_log_set_writer_func(write_line, NULL, NULL);
	/* GLib registers it at its first use, in a way that the thread sanitizer does not see. */
	(void)IMEX_ERROR;
}

void log_set_level(enum log_level level)
{
	atomic_store(&log_level, (int)level);
}

bool log_level_parse(const char *name, enum log_level *level)
{
	for (unsigned i = 0; i < G_N_ELEMENTS(level_names); i++) {
		if (g_str_equal(name, level_names[i])) {
			*level = (enum log_level)i;
			return true;
		}
	}
	return false;
}

void log_event(enum log_level level, const char *event, const char *format, ...)
{
	if ((int)level > atomic_load(&log_level))
		return;
	va_list arguments;
	va_start(arguments, format);
	g_autofree char *message = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	g_log_structured(
	        G_LOG_DOMAIN, glib_levels[level], "IMEX_EVENT", event, "MESSAGE", "%s", message);
}
