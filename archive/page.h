/*
 * The frame of every HTML page: head with content security policy, the one style sheet, and the
 * end. Shared by transcripts and the index of an export.
 */
#ifndef IMEX_ARCHIVE_PAGE_H
#define IMEX_ARCHIVE_PAGE_H

#include <glib.h>

/* title is mended text. */
void page_begin(GString *out, const char *title);
void page_end(GString *out);

#endif
