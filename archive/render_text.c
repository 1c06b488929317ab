#include "archive/render_private.h"

#include "archive/text.h"

#include <string.h>

/* Continued lines are indented, so that no text can look like the next message. */
#define INDENT "           "

struct text_renderer {
	const struct transcript *in;
	const struct render_options *options;
	GString *out;
	bool any_day;
	int64_t day; /* whose heading was written last */
};

static void add_indented(GString *out, const char *text)
{
	for (size_t line; *text != '\0'; text += line) {
		const char *feed = strchr(text, '\n');
		line = feed != NULL ? (size_t)(feed - text) + 1 : strlen(text);
		g_string_append_len(out, text, (gssize)line);
		if (feed != NULL)
			g_string_append(out, INDENT);
	}
}

static const char *name_of(const struct text_renderer *r, unsigned who)
{
	return transcript_participant(r->in, who)->name;
}

static void add_note(struct text_renderer *r, const char *what, const char *text)
{
	g_string_append_printf(r->out, "%s(%s", INDENT, what);
	if (text != NULL) {
		g_string_append(r->out, ": ");
		add_indented(r->out, text);
	}
	g_string_append(r->out, ")\n");
}

static void add_file(struct text_renderer *r, const struct entry *entry)
{
	g_autofree char *words = render_file_words(entry);
	g_string_append(r->out, "[file] ");
	if (words != NULL)
		g_string_append_printf(r->out, "%s\n" INDENT, words);
	g_string_append(r->out, entry->url);
	g_autofree char *attached = render_attached_words(entry);
	if (attached != NULL)
		g_string_append_printf(r->out, "\n" INDENT "%s", attached);
}

static void add_body(struct text_renderer *r, const struct entry *entry)
{
	if (entry->kind == MESSAGE_ENCRYPTED) {
		g_string_append(r->out, "[encrypted message: text not captured]");
		return;
	}
	if (entry->kind == MESSAGE_WITHHELD) {
		g_string_append(r->out, "[left out: excluded from archiving]");
		return;
	}
	if (entry->url != NULL)
		add_file(r, entry);
	if (entry->text != NULL && g_strcmp0(entry->text, entry->url) != 0) {
		if (entry->url != NULL)
			g_string_append(r->out, "\n" INDENT);
		add_indented(r->out, entry->text);
	}
}

static void add_versions(struct text_renderer *r, const struct entry *entry)
{
	for (unsigned i = 0; entry->versions != NULL && i < entry->versions->len; i++) {
		const struct version *old = entry->versions->pdata[i];
		g_autofree char *clock = render_clock(old->sent_utc_us, r->options->zone);
		g_autofree char *what = g_strdup_printf("before, at %s", clock);
		add_note(r, what, old->text);
	}
}

static void add_reactions(struct text_renderer *r, const struct entry *entry)
{
	for (unsigned i = 0; entry->reactions != NULL && i < entry->reactions->len; i++) {
		const struct reaction *reaction =
		        &g_array_index(entry->reactions, struct reaction, i);
		g_autofree char *what =
		        g_strdup_printf("%s from %s", reaction->text, name_of(r, reaction->who));
		add_note(r, what, NULL);
	}
}

static void add_message(struct text_renderer *r, const struct entry *entry)
{
	bool hidden = entry->retracted_utc_us != 0 && (r->options->view & RENDER_RETRACTED) == 0;
	if (hidden)
		g_string_append(r->out, "[taken back by its sender]");
	else
		add_body(r, entry);
	g_string_append_c(r->out, '\n');
	if (entry->retracted_utc_us != 0) {
		g_autofree char *clock = render_clock(entry->retracted_utc_us, r->options->zone);
		g_autofree char *what = g_strdup_printf(
		        "taken back at %s by %s", clock, name_of(r, entry->retracted_by));
		add_note(r, what, NULL);
	}
	if (entry->corrected_utc_us != 0 && !hidden) {
		g_autofree char *clock = render_clock(entry->corrected_utc_us, r->options->zone);
		g_autofree char *what = g_strdup_printf("corrected at %s", clock);
		add_note(r, what, NULL);
		add_versions(r, entry);
	}
	if (render_note_words(entry) != NULL)
		add_note(r, render_note_words(entry), NULL);
	add_reactions(r, entry);
}

static void add_day(struct text_renderer *r, int64_t utc_us)
{
	int64_t number = render_day_number(utc_us, r->options->zone);
	if (r->any_day && number == r->day)
		return;
	r->any_day = true;
	r->day = number;
	g_autofree char *day = render_day(utc_us, r->options->zone);
	g_autofree char *offset = render_offset(utc_us, r->options->zone);
	g_string_append_printf(r->out, "\n--- %s (%s) ---\n\n", day, offset);
}

static void add_entry(struct text_renderer *r, const struct entry *entry)
{
	g_autofree char *clock = render_clock(entry->sent_utc_us, r->options->zone);
	add_day(r, entry->sent_utc_us);
	g_string_append_printf(r->out, "[%s] ", clock);
	if (render_is_event(entry)) {
		g_autofree char *words = render_event_words(entry);
		g_string_append_printf(r->out, "* %s ", name_of(r, entry->who));
		add_indented(r->out, words);
		g_string_append_c(r->out, '\n');
	} else {
		g_string_append_printf(r->out, "%s: ", name_of(r, entry->who));
		add_message(r, entry);
	}
}

static void add_head(struct text_renderer *r)
{
	const struct transcript *in = r->in;
	g_autofree char *span = render_span(in->first_utc_us, in->last_utc_us, r->options->zone);
	g_string_append_printf(
	        r->out, "%s\n%s (%s)\n\nParticipants:\n", in->subject, span, r->options->zone_name);
	for (unsigned i = 0; i < in->participants->len; i++) {
		const struct participant *who = transcript_participant(in, i);
		const char *address = render_address(who);
		g_string_append_printf(r->out, "  %s%s%s%s\n", who->name,
		        address != NULL ? " <" : "", address != NULL ? address : "",
		        address != NULL ? ">" : "");
	}
}

static void add_foot(struct text_renderer *r)
{
	g_auto(GStrv) remarks = render_remarks(r->in);
	g_string_append(r->out, "\n");
	for (unsigned i = 0; remarks[i] != NULL; i++)
		g_string_append_printf(r->out, "Note: %s\n", remarks[i]);
	g_string_append_printf(r->out, "%u %s. Conversation %s.\n", r->in->texts,
	        r->in->texts == 1 ? "message" : "messages", r->in->id);
}

char *render_text(const struct transcript *transcript, const struct render_options *options)
{
	struct text_renderer r = {.in = transcript, .options = options, .out = g_string_new(NULL)};
	add_head(&r);
	for (unsigned i = 0; i < transcript->entries->len; i++) {
		const struct entry *entry = transcript_entry(transcript, i);
		if (render_shows(entry, options->view))
			add_entry(&r, entry);
	}
	add_foot(&r);
	return g_string_free(r.out, FALSE);
}
