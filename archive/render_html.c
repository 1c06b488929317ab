#include "archive/page.h"
#include "archive/render_private.h"
#include "archive/text.h"
#include "core/clock.h"

#include <string.h>

#define NAME_COLOURS 8

/* Messages of one person that follow each other this closely stand in one box. */
#define TURN_GAP_US (300 * CLOCK_US_PER_S)

struct html_renderer {
	const struct transcript *in;
	const struct render_options *options;
	GString *out;
	bool any_day;
	int64_t day; /* whose heading was written last */
	const struct entry *turn; /* the last entry of the open box, or NULL */
};

static void add_person(struct html_renderer *r, unsigned who)
{
	g_string_append_printf(r->out, "<span class=\"n%u\">", who % NAME_COLOURS);
	text_html_run(r->out, transcript_participant(r->in, who)->name);
	g_string_append(r->out, "</span>");
}

static void add_time(struct html_renderer *r, int64_t utc_us)
{
	g_autofree char *iso = clock_format_iso(utc_us);
	g_autofree char *clock = render_clock(utc_us, r->options->zone);
	g_string_append(r->out, "<time datetime=\"");
	g_string_append(r->out, iso);
	g_string_append(r->out, "\">");
	g_string_append(r->out, clock);
	g_string_append(r->out, "</time>");
}

/* Each line a block of its own, with its own direction. */
static void add_lines(struct html_renderer *r, const char *text)
{
	while (true) {
		size_t len = strcspn(text, "\n");
		g_autofree char *line = g_strndup(text, len);
		g_string_append(r->out, "<div class=\"line\"");
		if (render_is_rtl(line, len))
			g_string_append(r->out, " dir=\"rtl\"");
		g_string_append_c(r->out, '>');
		if (len == 0)
			g_string_append(r->out, "<br>");
		else
			text_html_linked(r->out, line);
		g_string_append(r->out, "</div>");
		if (text[len] == '\0')
			return;
		text += len + 1;
	}
}

/* The name of the entry's file beside the page; NULL when there is none. Borrowed. */
static const char *file_beside(const struct html_renderer *r, const struct entry *entry)
{
	const GPtrArray *attachments = r->in->attachments;
	for (guint i = 0;
	        r->options->files != NULL && entry->attached != NULL && i < attachments->len; i++) {
		const struct attachment *attachment = attachments->pdata[i];
		if (g_str_equal(attachment->hash, entry->attached))
			return attachment->file;
	}
	return NULL;
}

static void add_file_words(struct html_renderer *r, const char *words, const char *file)
{
	if (file != NULL)
		g_string_append_printf(r->out, "<a href=\"%s%s\">", r->options->files, file);
	text_html_run(r->out, words != NULL ? words : "the file");
	if (file != NULL)
		g_string_append(r->out, "</a>");
	g_string_append(r->out, "</div><div class=\"note\">");
}

static void add_file(struct html_renderer *r, const struct entry *entry)
{
	g_autofree char *words = render_file_words(entry);
	const char *file = file_beside(r, entry);
	g_string_append(r->out, "<div class=\"line\">\xF0\x9F\x93\x8E ");
	if (words != NULL || file != NULL)
		add_file_words(r, words, file);
	text_html_linked(r->out, entry->url);
	g_string_append(r->out, "</div>");
	g_autofree char *attached = render_attached_words(entry);
	if (attached != NULL) {
		g_string_append(r->out, "<div class=\"note hash\">");
		text_html_run(r->out, attached);
		g_string_append(r->out, "</div>");
	}
	if (entry->text != NULL && !g_str_equal(entry->text, entry->url))
		add_lines(r, entry->text);
}

static void add_body(struct html_renderer *r, const struct entry *entry)
{
	if (entry->kind == MESSAGE_ENCRYPTED)
		g_string_append(r->out,
		        "<div class=\"lock\">\xF0\x9F\x94\x92 Encrypted message: text not "
		        "captured</div>");
	else if (entry->kind == MESSAGE_WITHHELD)
		g_string_append(
		        r->out, "<div class=\"lock\">Left out: excluded from archiving</div>");
	else if (entry->url != NULL)
		add_file(r, entry);
	else
		add_lines(r, entry->text != NULL ? entry->text : "");
}

static void add_old(struct html_renderer *r, const char *text)
{
	g_string_append(r->out, "<div class=\"old\">");
	add_lines(r, text != NULL ? text : "");
	g_string_append(r->out, "</div>");
}

static void add_correction(struct html_renderer *r, const struct entry *entry)
{
	g_string_append(r->out, "<div class=\"note\">corrected at ");
	add_time(r, entry->corrected_utc_us);
	g_string_append(r->out, "; before:</div>");
	for (unsigned i = 0; i < entry->versions->len; i++)
		add_old(r, ((const struct version *)entry->versions->pdata[i])->text);
}

static void add_retraction(struct html_renderer *r, const struct entry *entry)
{
	g_string_append(r->out, "<div class=\"gone\">Taken back at ");
	add_time(r, entry->retracted_utc_us);
	g_string_append(r->out, " by ");
	text_html_run(r->out, transcript_participant(r->in, entry->retracted_by)->name);
	g_string_append(r->out, "</div>");
}

static void add_reactions(struct html_renderer *r, const struct entry *entry)
{
	if (entry->reactions == NULL || entry->reactions->len == 0)
		return;
	g_string_append(r->out, "<div class=\"rx\">");
	for (unsigned i = 0; i < entry->reactions->len; i++) {
		const struct reaction *reaction =
		        &g_array_index(entry->reactions, struct reaction, i);
		g_string_append(r->out, "<span>");
		text_html_run(r->out, reaction->text);
		g_string_append_c(r->out, ' ');
		text_html_run(r->out, transcript_participant(r->in, reaction->who)->name);
		g_string_append(r->out, "</span>");
	}
	g_string_append(r->out, "</div>");
}

static void add_content(struct html_renderer *r, const struct entry *entry)
{
	bool retracted = entry->retracted_utc_us != 0;
	bool hidden = retracted && (r->options->view & RENDER_RETRACTED) == 0;
	if (retracted)
		add_retraction(r, entry);
	if (!hidden && retracted)
		g_string_append(r->out, "<div class=\"old\">");
	if (!hidden)
		add_body(r, entry);
	if (!hidden && retracted)
		g_string_append(r->out, "</div>");
	if (!hidden && entry->versions != NULL)
		add_correction(r, entry);
	if (render_note_words(entry) != NULL)
		g_string_append_printf(
		        r->out, "<div class=\"note\">%s</div>", render_note_words(entry));
	add_reactions(r, entry);
}

static void close_turn(struct html_renderer *r)
{
	if (r->turn != NULL)
		g_string_append(r->out, "</section>\n");
	r->turn = NULL;
}

static void open_turn(struct html_renderer *r, const struct entry *entry)
{
	bool same = r->turn != NULL && r->turn->who == entry->who &&
	            entry->sent_utc_us - r->turn->sent_utc_us <= TURN_GAP_US;
	if (!same) {
		close_turn(r);
		g_string_append_printf(
		        r->out, "<section class=\"turn t%u\">\n<h3>", entry->who % NAME_COLOURS);
		add_person(r, entry->who);
		g_string_append(r->out, "</h3>\n");
	}
	r->turn = entry;
}

static void add_day(struct html_renderer *r, int64_t utc_us)
{
	int64_t number = render_day_number(utc_us, r->options->zone);
	if (r->any_day && number == r->day)
		return;
	r->any_day = true;
	r->day = number;
	g_autofree char *day = render_day(utc_us, r->options->zone);
	g_autofree char *offset = render_offset(utc_us, r->options->zone);
	close_turn(r);
	g_string_append_printf(r->out, "<h2>%s (%s)</h2>\n", day, offset);
}

static void add_event(struct html_renderer *r, const struct entry *entry)
{
	g_autofree char *words = render_event_words(entry);
	close_turn(r);
	g_string_append(r->out, "<p class=\"event\">");
	add_time(r, entry->sent_utc_us);
	g_string_append_c(r->out, ' ');
	add_person(r, entry->who);
	g_string_append_c(r->out, ' ');
	text_html_linked(r->out, words);
	g_string_append(r->out, "</p>\n");
}

static void add_entry(struct html_renderer *r, const struct entry *entry)
{
	add_day(r, entry->sent_utc_us);
	if (render_is_event(entry)) {
		add_event(r, entry);
		return;
	}
	open_turn(r, entry);
	g_string_append(r->out, "<div class=\"msg\">");
	add_time(r, entry->sent_utc_us);
	g_string_append(r->out, "<div class=\"body\">");
	add_content(r, entry);
	g_string_append(r->out, "</div></div>\n");
}

static void add_head(struct html_renderer *r)
{
	const struct transcript *in = r->in;
	g_autofree char *span = render_span(in->first_utc_us, in->last_utc_us, r->options->zone);
	g_string_append(r->out, "<header>\n<h1>");
	text_html_run(r->out, in->subject);
	g_string_append_printf(r->out, "</h1>\n<p class=\"span\">%s (", span);
	text_html(r->out, r->options->zone_name);
	g_string_append(r->out, ")</p>\n<ul class=\"people\">\n");
	for (unsigned i = 0; i < in->participants->len; i++) {
		const char *address = render_address(transcript_participant(in, i));
		g_string_append(r->out, "<li><b>");
		add_person(r, i);
		g_string_append(r->out, "</b>");
		if (address != NULL) {
			g_string_append(r->out, " <span class=\"addr\">");
			text_html_run(r->out, address);
			g_string_append(r->out, "</span>");
		}
		g_string_append(r->out, "</li>\n");
	}
	g_string_append(r->out, "</ul>\n</header>\n");
}

static void add_foot(struct html_renderer *r)
{
	g_auto(GStrv) remarks = render_remarks(r->in);
	g_string_append(r->out, "<footer>\n");
	for (unsigned i = 0; remarks[i] != NULL; i++) {
		g_string_append(r->out, "<p>");
		text_html(r->out, remarks[i]);
		g_string_append(r->out, "</p>\n");
	}
	g_string_append_printf(r->out, "<p>%u %s. Conversation ", r->in->texts,
	        r->in->texts == 1 ? "message" : "messages");
	text_html(r->out, r->in->id);
	g_string_append(r->out, ".</p>\n</footer>\n");
}

char *render_html(const struct transcript *transcript, const struct render_options *options)
{
	struct html_renderer r = {.in = transcript, .options = options, .out = g_string_new(NULL)};
	page_begin(r.out, transcript->subject);
	add_head(&r);
	for (unsigned i = 0; i < transcript->entries->len; i++) {
		const struct entry *entry = transcript_entry(transcript, i);
		if (render_shows(entry, options->view))
			add_entry(&r, entry);
	}
	close_turn(&r);
	add_foot(&r);
	page_end(r.out);
	return g_string_free(r.out, FALSE);
}
