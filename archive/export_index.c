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

/* Pages of several are one folder deeper. */
static const char *up(const struct export_index_page *page)
{
	return page->pages > 1 ? "../" : "";
}

static void add_line(struct export_index_page *page, const struct export_line *line)
{
	GString *out = page->out;
	GTimeZone *zone = page->options->zone;
	g_autofree char *first = render_clock(line->first_utc_us, zone);
	g_autofree char *last = render_clock(line->last_utc_us, zone);
	g_string_append_printf(out, "<li><a href=\"%s", up(page));
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

char *export_index_path(unsigned number, unsigned pages)
{
	return pages == 1 ? g_strdup("index.html") : g_strdup_printf("index/%04u.html", number + 1);
}

static void add_head(GString *out, unsigned total, const struct export_options *options)
{
	page_begin(out, "Conversations");
	g_string_append_printf(out, "<header>\n<h1>Conversations</h1>\n<p class=\"span\">%u %s. ",
	        total, total == 1 ? "conversation" : "conversations");
	text_html(out, options->scope);
	g_string_append(out, ". Times are in ");
	text_html(out, options->zone_name);
	g_string_append(out, ".</p>\n");
}

void export_index_begin(struct export_index_page *page)
{
	add_head(page->out, page->total, page->options);
	if (page->pages > 1)
		g_string_append_printf(page->out,
		        "<p class=\"span\">Page %u of %u. <a href=\"../index.html\">All "
		        "pages</a></p>\n",
		        page->number + 1, page->pages);
	g_string_append(page->out, "</header>\n<ul class=\"list\">\n");
}

void export_index_line(struct export_index_page *page, const struct export_line *line)
{
	char *day = render_day(line->first_utc_us, page->options->zone);
	if (g_strcmp0(day, page->day) != 0)
		g_string_append_printf(page->out, "</ul>\n<h2>%s</h2>\n<ul class=\"list\">\n", day);
	if (page->first_day == NULL)
		page->first_day = g_strdup(day);
	g_free(page->day);
	page->day = day;
	page->lines++;
	add_line(page, line);
}

void export_index_end(struct export_index_page *page, GString *contents)
{
	g_autofree char *path = export_index_path(page->number, page->pages);
	g_string_append(page->out, "</ul>\n");
	page_end(page->out);
	if (page->lines == 0)
		return;
	g_string_append_printf(contents,
	        "<li><a href=\"%s\">%s</a><div class=\"note\">to %s, %u %s</div></li>\n", path,
	        page->first_day, page->day, page->lines,
	        page->lines == 1 ? "conversation" : "conversations");
}

void export_index_contents(
        GString *out, const char *contents, unsigned total, const struct export_options *options)
{
	add_head(out, total, options);
	g_string_append(out, "</header>\n<ul class=\"list\">\n");
	g_string_append(out, contents);
	g_string_append(out, "</ul>\n");
	page_end(out);
}
