/*
 * One line of what an IM server posts to imexd (POST /v1/messages): a JSON object that tells one
 * event. imex-ingest(5) describes its members; the table in ingest.c is what that page is held
 * against. Pure.
 *
 * Errors, all of class ITEM, name the member and never quote what was said:
 *   ingest.json      not one JSON object, too deep, or a name comes twice
 *   ingest.member    a member is unknown, of the wrong type, too long, or does not go with the kind
 *   ingest.missing   a member is missing
 *   ingest.kind      no such kind of event
 *   ingest.address   from, to or room is no address
 *   ingest.time      time is not ISO 8601
 */
#ifndef IMEX_IM_INGEST_H
#define IMEX_IM_INGEST_H

#include "model/message.h"

#define INGEST_MAX_DEPTH 2

struct ingest_line {
	/*
	 * source is not set. Of a one-to-one message, owner is who sent it and peer who got it;
	 * order is the sequence number.
	 */
	struct message *message;
	int64_t sequence; /* the sender's running number; -1: none */
};
void ingest_line_clear(struct ingest_line *line);

/* The line without its end. */
bool ingest_parse(const char *text, size_t len, struct ingest_line *out, GError **error);

/* The members, for the test that holds the manual against them: name and what it is. */
struct ingest_member {
	const char *name;
	size_t max_bytes; /* of a text; 0: as long as the line may be */
	const char *summary;
};
/* Ends with a row whose name is NULL. */
extern const struct ingest_member ingest_members[];

#endif
