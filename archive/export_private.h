/*
 * What export.c shares with the formats.
 */
#ifndef IMEX_ARCHIVE_EXPORT_PRIVATE_H
#define IMEX_ARCHIVE_EXPORT_PRIVATE_H

#include "archive/export.h"

/*
 * A format makes the bytes of one item. A format with `file` appends them all to that one file; the
 * others make a file per item, at the path that they give.
 */
struct export_driver {
	const char *name;
	const char *folders[4]; /* made at the beginning; NULL-ended */
	const char *file; /* the one file, or NULL */
	const char *entry_point; /* what to open first; NULL: the folder itself */
	/* Relative path, owned; not called when there is the one file. */
	char *(*path)(const struct export_item *item);
	/* Appends what is written of the item. */
	void (*bytes)(const struct export_item *item, GString *out);
	bool index; /* an index page is made at the end */
	const char *files; /* folder for the attachments, of folders; NULL: they are in the bytes */
};

const struct export_driver *export_driver_of(enum export_format format);

/* One line of the journal: an item that is on the disk. */
struct export_line {
	char *id;
	char *path; /* relative */
	char *sha256; /* of its file; "-" in the one file */
	int64_t end; /* offset behind it in the one file; 0 elsewhere */
	int64_t first_utc_us, last_utc_us;
	unsigned messages;
	char *subject, *people;
};

char *export_line_format(const struct export_line *line); /* with its line feed; owned */
/* False when text (without line feed) is no whole line. */
bool export_line_parse(const char *text, struct export_line *line);
void export_line_clear(struct export_line *line);

/*
 * The index: one page, or, when there are many conversations, pages in a folder and a page of
 * contents. A page is made line by line, in the order of time.
 */
struct export_index_page {
	const struct export_options *options;
	GString *out;
	unsigned total; /* conversations of the whole export */
	unsigned number, pages; /* this page, from 0, of so many */
	unsigned lines; /* so far */
	char *day; /* the heading that was written last */
	char *first_day;
};
/* "index.html", or "index/0001.html" of several. Owned. */
char *export_index_path(unsigned number, unsigned pages);
void export_index_begin(struct export_index_page *page);
void export_index_line(struct export_index_page *page, const struct export_line *line);
/* Appends the page's line of the contents to contents. */
void export_index_end(struct export_index_page *page, GString *contents);
void export_index_contents(
        GString *out, const char *contents, unsigned total, const struct export_options *options);

#endif
