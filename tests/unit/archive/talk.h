/*
 * Conversations for the tests of the archive: rows of a table made into messages.
 */
#ifndef IMEX_TESTS_UNIT_ARCHIVE_TALK_H
#define IMEX_TESTS_UNIT_ARCHIVE_TALK_H

#include "archive/transcript.h"
#include "model/message.h"

#include <glib.h>

/* 2026-11-23T11:32:00Z, a Monday. */
#define TALK_START_UTC_US INT64_C(1795433520000000)

struct talk_row {
	int at_s; /* after TALK_START_UTC_US */
	enum message_kind kind;
	const char *who; /* address; "#nick" is a nickname without address */
	const char *id, *refers_to, *text, *url, *thread;
};

/* Between alice@im.example and bob@im.example, or in room when it is not NULL. */
GPtrArray *talk_messages(const struct talk_row *rows, unsigned n, const char *room);
struct transcript *talk_transcript(const struct talk_row *rows, unsigned n, const char *room);

/* Text of up to max_bytes with much of what goes wrong: controls, surrogates, bidi, bad UTF-8. */
char *talk_random_text(GRand *random, unsigned max_bytes);

/* The seed of a property test: of IMEX_TEST_SEED when set; printed. */
guint32 talk_seed(const char *test);

#endif
