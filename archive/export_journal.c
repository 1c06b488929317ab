#include "archive/export_private.h"

#include <string.h>

#define FIELDS 9

char *export_line_format(const struct export_line *line)
{
	g_autofree char *subject = g_strescape(line->subject != NULL ? line->subject : "", NULL);
	g_autofree char *people = g_strescape(line->people != NULL ? line->people : "", NULL);
	return g_strdup_printf("%s\t%s\t%s\t%" G_GINT64_FORMAT "\t%" G_GINT64_FORMAT
	                       "\t%" G_GINT64_FORMAT "\t%u\t%s\t%s\n",
	        line->id, line->path, line->sha256, line->end, line->first_utc_us,
	        line->last_utc_us, line->messages, subject, people);
}

static bool parse_number(const char *text, int64_t *number)
{
	char *end = NULL;
	*number = g_ascii_strtoll(text, &end, 10);
	return end != text && *end == '\0';
}

bool export_line_parse(const char *text, struct export_line *line)
{
	g_auto(GStrv) fields = g_strsplit(text, "\t", FIELDS + 1);
	int64_t messages = 0;
	*line = (struct export_line){0};
	if (g_strv_length(fields) != FIELDS || !parse_number(fields[3], &line->end) ||
	        !parse_number(fields[4], &line->first_utc_us) ||
	        !parse_number(fields[5], &line->last_utc_us) ||
	        !parse_number(fields[6], &messages) || messages < 0)
		return false;
	line->messages = (unsigned)messages;
	line->id = g_strdup(fields[0]);
	line->path = g_strdup(fields[1]);
	line->sha256 = g_strdup(fields[2]);
	line->subject = g_strcompress(fields[7]);
	line->people = g_strcompress(fields[8]);
	return true;
}

void export_line_clear(struct export_line *line)
{
	g_free(line->id);
	g_free(line->path);
	g_free(line->sha256);
	g_free(line->subject);
	g_free(line->people);
	*line = (struct export_line){0};
}
