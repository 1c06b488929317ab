/*
 * Taking what a sender posts: lines of JSON (im/ingest.h) from a stream, into the store.
 *
 * Memory is bounded: a line is at most [ingest] max_line_kb, and lines are stored in transactions
 * of a few hundred, so that a slow sender holds nothing back. What has been stored stays when the
 * stream breaks off; posting it again changes nothing. A bad line is reported by its number and
 * does not stop the others.
 *
 * Reasons of single lines, beside those of im/ingest.h:
 *   ingest.too_large  the line is longer than allowed
 *   ingest.domain     the sender does not speak for the author's domain
 *   ingest.conflict   another event had this key; both are kept
 *
 * A failed call is one of the store (db.busy: class RETRY) or
 *   ingest.too_many   ITEM  more lines than [ingest] max_lines; those before are stored
 */
#ifndef IMEX_SYNC_INGEST_H
#define IMEX_SYNC_INGEST_H

#include "core/config.h"
#include "store/store.h"
#include "sync/route.h"

struct ingest_problem {
	uint64_t line; /* from 1 */
	char *key; /* or NULL */
	const char *result; /* "refused", "conflict" */
	char *reason;
	char *message;
};

struct ingest_report {
	uint64_t lines; /* that were not empty */
	uint64_t stored, repeated, conflicts, refused;
	uint64_t unwanted; /* nobody concerned is archived, or somebody is excluded */
	uint64_t marked; /* of those stored: their time is not credible */
	uint64_t foreign; /* of those refused: not this sender's domain */
	GPtrArray *problems; /* struct ingest_problem, in the order of lines */
};

struct ingest;

/* sender: the NAME of [sender NAME], authenticated. What is given outlives it. */
struct ingest *ingest_new(struct store *store, const struct config *config,
        const struct router *router, const char *sender);
void ingest_free(struct ingest *ingest);
AUTO_DEFINE(ingest, ingest_free);

/* Any piece of the stream. False: nothing more can be taken. */
bool ingest_feed(struct ingest *ingest, const char *bytes, size_t len, GError **error);
/* The end of the stream: when it is true, everything is on disk. */
bool ingest_end(struct ingest *ingest, GError **error);

const struct ingest_report *ingest_report(const struct ingest *ingest);

/* Whether the sender speaks for that address: [sender NAME] domains has its domain. */
bool ingest_speaks_for(const struct config *config, const char *sender, const char *address);

#endif
