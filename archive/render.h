/*
 * A transcript as a page of HTML and as plain text. Pure and deterministic: the same transcript and
 * options give the same bytes, on every machine and in every locale.
 *
 * The HTML is one whole document for both a mail reader and a browser. It has no script, loads
 * nothing, carries a content security policy that forbids what it does not need, links only to
 * http, https, mailto and xmpp, and isolates every foreign run of text in <bdi>.
 */
#ifndef IMEX_ARCHIVE_RENDER_H
#define IMEX_ARCHIVE_RENDER_H

#include "archive/transcript.h"

#include <glib.h>
#include <stdbool.h>

/* Goes up with every change of what is rendered; kept with the segment. */
#define RENDER_VERSION 3

/* What of a transcript is shown. */
enum render_view {
	/* Retracted text is there, marked: for compliance folders. Else only the fact is. */
	RENDER_RETRACTED = 1 << 0,
	/* Joins, leaves and changes of subject. */
	RENDER_EVENTS = 1 << 1,
};

struct render_options {
	unsigned view; /* enum render_view */
	GTimeZone *zone; /* borrowed */
	const char *zone_name; /* "Europe/Berlin" */
	/* Where attachments lie for a page, such as "../files/"; NULL: the message has them. */
	const char *files;
};

/* The zone by its name ("UTC", "Europe/Berlin"); NULL with archive.time_zone when unknown. */
GTimeZone *render_zone(const char *name, GError **error);

/* Owned. */
char *render_html(const struct transcript *transcript, const struct render_options *options);
/* Owned; lines end in LF. */
char *render_text(const struct transcript *transcript, const struct render_options *options);

#endif
