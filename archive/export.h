/*
 * Exports: a folder of files that other programs read, with a manifest.
 *
 *   eml      one message per file:      messages/ID.eml
 *   mbox     one file (mboxrd quoting): messages.mbox
 *   maildir  a Maildir:                 maildir/{cur,new,tmp}
 *   jsonl    one event per line:        messages.jsonl
 *   html     index.html (of many conversations: and index/NNNN.html) and one page per conversation:
 *            conversations/ID.html; fetched files in files/HASH.pdf, each content once
 *
 * Files are named after ids, never after foreign text; folders are 0700 and files 0600. The export
 * takes one transcript at a time and keeps none. What is written stands in the journal
 * (.imex-export) once it is on the disk, so that an export that was cut short goes on where it
 * stopped; export_finish() turns the journal into MANIFEST.sha256, in the form of sha256sum(1).
 */
#ifndef IMEX_ARCHIVE_EXPORT_H
#define IMEX_ARCHIVE_EXPORT_H

#include "archive/transcript.h"
#include "core/auto.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum export_format {
	EXPORT_EML,
	EXPORT_MBOX,
	EXPORT_MAILDIR,
	EXPORT_JSONL,
	EXPORT_HTML,
};

/* Of html: where attachments are, and the way there from a conversation's page. */
#define EXPORT_FILES "files"
#define EXPORT_FILES_FROM_PAGE "../" EXPORT_FILES "/"

const char *export_format_name(enum export_format format);
bool export_format_parse(const char *name, enum export_format *format);

/* What is exported: a transcript of our own, or a message read back from a mailbox. */
struct export_item {
	const char *id; /* of the segment or item: letters, digits, "-" and "_" only */
	const char *subject;
	const char *people; /* for the index: names, separated by commas */
	int64_t first_utc_us, last_utc_us;
	unsigned messages;
	GBytes *mime; /* for eml, mbox, maildir */
	const char *html; /* for html */
	const GPtrArray *attachments; /* struct attachment, which html links to; NULL: none */
	bool name_resolved; /* events name senders that their room hides */
	const GPtrArray *events; /* of struct message *, for jsonl; NULL: one line from mime */
};

struct export_options {
	enum export_format format;
	const char *dir; /* made when absent; an unfinished export of the same scope is resumed */
	/* What was asked for, in one line; a resume with another scope is refused. */
	const char *scope;
	GTimeZone *zone; /* of the index */
	const char *zone_name;
};

struct export;

/*
 * Reasons of errors: export.exists (the folder holds something else, or a finished export),
 * export.scope (an unfinished export of another scope), export.io.
 */
struct export *export_open(const struct export_options *options, GError **error);
/* Whether the item was written by an earlier run, so that it need not be made again. */
bool export_has(const struct export *export, const char *id);
bool export_add(struct export *export, const struct export_item *item, GError **error);
/* Items written, by this run and all runs. */
uint64_t export_written(const struct export *export);
uint64_t export_total(const struct export *export);
/* Writes index and manifest. Without it the export stays resumable. */
bool export_finish(struct export *export, GError **error);
/* The file to open first, such as "DIR/index.html". Borrowed. */
const char *export_entry_point(const struct export *export);
void export_close(struct export *export);
AUTO_DEFINE(export, export_close);

#endif
