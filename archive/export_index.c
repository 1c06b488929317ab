#include "archive/export_private.h"

#include "archive/page.h"
#include "archive/render_private.h"
#include "archive/text.h"

#include <string.h>

static void add_mended_run(GString *out, const char *text)
{
	g_autofree char *line = text_mend_line(text, strlen(text), NULL);
	text_html_run(out, line);
}

static void add_line(GString *out, const struct export_line *line, GTimeZone *zone)
{
	g_autofree char *first = render_clock(line->first_utc_us, zone);
	g_autofree char *last = render_clock(line->last_utc_us, zone);
	g_string_append(out, "<li><a href=\"");
	text_html(out, line->path);
	g_string_append(out, "\">");
	add_mended_run(out, line->subject);
	g_string_append_printf(out, "</a><div class=\"note\">%s%s%s, %u %s</div>", first,
	        g_str_equal(first, last) ? "" : " to ", g_str_equal(first, last) ? "" : last,
	        line->messages, line->messages == 1 ? "message" : "messages");
	if (line->people[0] != '\0') {
		g_string_append(out, "<div class=\"note\">");
		add_mended_run(out, line->people);
		g_string_append(out, "</div>");
	}
	g_string_append(out, "</li>\n");
}

static int compare_lines(gconstpointer a, gconstpointer b)
{
	const struct export_line *const *left = a;
	const struct export_line *const *right = b;
	if ((*left)->first_utc_us != (*right)->first_utc_us)
		return (*left)->first_utc_us < (*right)->first_utc_us ? -1 : 1;
	return g_strcmp0((*left)->id, (*right)->id);
}

void export_index(GString *out, const GPtrArray *lines, const struct export_options *options)
{
	g_autoptr(GPtrArray) sorted = g_ptr_array_sized_new(lines->len);
	g_autofree char *day = NULL;
	for (guint i = 0; i < lines->len; i++)
		g_ptr_array_add(sorted, lines->pdata[i]);
	g_ptr_array_sort(sorted, compare_lines);
	page_begin(out, "Conversations");
	g_string_append_printf(out, "<header>\n<h1>Conversations</h1>\n<p class=\"span\">%u %s. ",
	        sorted->len, sorted->len == 1 ? "conversation" : "conversations");
	text_html(out, options->scope);
	g_string_append(out, ". Times are in ");
	text_html(out, options->zone_name);
	g_string_append(out, ".</p>\n</header>\n<ul class=\"list\">\n");
	for (guint i = 0; i < sorted->len; i++) {
		const struct export_line *line = sorted->pdata[i];
		char *this_day = render_day(line->first_utc_us, options->zone);
		if (g_strcmp0(day, this_day) != 0)
			g_string_append_printf(
			        out, "</ul>\n<h2>%s</h2>\n<ul class=\"list\">\n", this_day);
		g_free(day);
		day = this_day;
		add_line(out, line, options->zone);
	}
	g_string_append(out, "</ul>\n");
	page_end(out);
}
