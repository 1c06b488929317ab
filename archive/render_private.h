/*
 * What the two renderers share: times in the reader's zone and words for events.
 */
#ifndef IMEX_ARCHIVE_RENDER_PRIVATE_H
#define IMEX_ARCHIVE_RENDER_PRIVATE_H

#include "archive/render.h"

/* "11:32:42"; "?" for a time outside of the calendar. All owned. */
char *render_clock(int64_t utc_us, GTimeZone *zone);
/* The same for all times of a day. */
int64_t render_day_number(int64_t utc_us, GTimeZone *zone);
/* "Monday, 23 November 2026" */
char *render_day(int64_t utc_us, GTimeZone *zone);
/* "UTC+01:00", what holds in the zone at that time. */
char *render_offset(int64_t utc_us, GTimeZone *zone);
/* "Monday, 23 November 2026, 11:32 to 11:33"; both days when they differ. */
char *render_span(int64_t first_utc_us, int64_t last_utc_us, GTimeZone *zone);

/* "Alice <alice@corp.example>" in parts: the address to show, or NULL. Borrowed. */
const char *render_address(const struct participant *who);

/* Whether it is attached, and its hash; NULL when there is nothing to say. Owned. */
char *render_attached_words(const struct entry *entry);

/* "report.pdf, 12.3 kB": what the sender told of a file; NULL: nothing. Owned. */
char *render_file_words(const struct entry *entry);

/* Joins, leaves, changes of subject, and what else stands on a line of its own. */
bool render_is_event(const struct entry *entry);
/* Whether the view shows this entry. */
bool render_shows(const struct entry *entry, unsigned view);
/* What an event says after the person's name: "joined". Owned. */
char *render_event_words(const struct entry *entry);
/* The marks below a message, such as a correction of somebody else's; NULL when there is none. */
const char *render_note_words(const struct entry *entry);

/* Sentences about what is not in the transcript; NULL-ended; free with g_strfreev(). */
char **render_remarks(const struct transcript *transcript);

/* Whether the text's first letter is of a script that runs from right to left. */
bool render_is_rtl(const char *text, size_t len);

#endif
