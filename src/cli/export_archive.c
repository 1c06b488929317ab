#include "cli/export.h"

#include "archive/render.h"
#include "sync/segmenter.h"

/* Everything that is known: an export is for whoever may see the archive. */
#define EXPORT_VIEW (RENDER_RETRACTED | RENDER_EVENTS)

static bool takes_part(const struct export_run *run, const struct transcript *transcript)
{
	if (run->users->len == 0)
		return true;
	for (guint i = 0; i < transcript->participants->len; i++) {
		const char *address = transcript_participant(transcript, i)->address;
		if (address != NULL &&
		        g_ptr_array_find_with_equal_func(run->users, address, g_str_equal, NULL))
			return true;
	}
	return false;
}

static char *people(const struct transcript *transcript)
{
	GString *names = g_string_new(NULL);
	for (guint i = 0; i < transcript->participants->len; i++)
		g_string_append_printf(names, "%s%s", i == 0 ? "" : ", ",
		        transcript_participant(transcript, i)->name);
	return g_string_free(names, FALSE);
}

static bool write_one(struct export_run *run, const struct transcript *transcript,
        const GPtrArray *messages, GError **error)
{
	g_autofree char *names = people(transcript);
	g_autofree char *html = NULL;
	g_autoptr(GBytes) mime = NULL;
	const struct render_options options = {EXPORT_VIEW, transcriber_zone(run->transcriber),
	        transcriber_zone_name(run->transcriber), EXPORT_FILES_FROM_PAGE};
	if (run->format == EXPORT_HTML)
		html = render_html(transcript, &options);
	else if (run->format != EXPORT_JSONL)
		mime = transcribe_bytes(run->transcriber, transcript, EXPORT_VIEW);
	const struct export_item item = {
	        .id = transcript->id,
	        .subject = transcript->subject,
	        .people = names,
	        .first_utc_us = transcript->first_utc_us,
	        .last_utc_us = transcript->last_utc_us,
	        .messages = transcript->texts,
	        .mime = mime,
	        .html = html,
	        .attachments = transcript->attachments,
	        .events = messages,
	        .name_resolved = transcriber_names_resolved(run->transcriber),
	};
	cli_progress(run->cli, "exporting", export_total(run->export), 0);
	return export_add(run->export, &item, error);
}

static bool each_segment(const struct segment *segment, void *data, GError **error)
{
	struct export_run *run = data;
	if (export_has(run->export, segment->id))
		return true;
	g_autoptr(GPtrArray) messages = transcribe_messages(run->store, segment, error);
	if (messages == NULL)
		return false;
	autoptr(transcript) transcript =
	        transcribe(run->transcriber, run->store, segment, messages, error);
	if (transcript == NULL)
		return false;
	return !takes_part(run, transcript) || write_one(run, transcript, messages, error);
}

bool export_from_archive(struct export_run *run, GError **error)
{
	struct segmenter_report taken = {0};
	/* What was captured and has not been delivered yet is part of the archive, too. */
	return segmenter_take(run->store, transcriber_rules(run->transcriber), &taken, error) &&
	       store_segment_each(
	               run->store, run->since_utc_us, run->until_utc_us, each_segment, run, error);
}
