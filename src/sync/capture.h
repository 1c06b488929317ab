/*
 * Capture: rows of a source past its cursor become messages in the store.
 *
 * The first capture of a source begins at its end: nothing that was there before is taken, unless
 * it is asked for with capture_backfill(). A page of rows and the cursor's move are one
 * transaction, and a row that is read again changes nothing, so that capture may be killed at any
 * moment.
 *
 * Only messages are stored that somebody's policies name (route.h): either person's of a one-to-one
 * message; those of a room when anybody at all is archived. Nothing is stored of a talk with a
 * person whom [archive] exclude names, or of such a room; of such a person's words in another room
 * it is stored that there were some.
 */
#ifndef IMEX_SYNC_CAPTURE_H
#define IMEX_SYNC_CAPTURE_H

#include "im/source.h"
#include "store/store.h"
#include "sync/route.h"

#include <stdbool.h>
#include <stdint.h>

struct capture_report {
	uint64_t rows; /* read from the source, repeated ones included */
	uint64_t stored; /* new messages */
	uint64_t copies; /* further copies of messages that were there */
	uint64_t repeated; /* copies that were there */
	uint64_t conflicts; /* other content under a key that was there; kept as well */
	uint64_t gaps; /* rows that could not be understood: store_gaps() */
	uint64_t unwanted; /* nobody concerned is archived */
	uint64_t left_out; /* headlines, chat states, receipts; and older than asked for */
	int64_t newest_utc_us; /* time of sending of the newest row; 0 without any */
	bool first; /* this source was seen for the first time: reading begins here */
	bool more; /* stopped by max_rows, not by the end */
};

struct capture_options {
	const struct router *router; /* NULL: only the policy archive counts */
	unsigned page_rows; /* rows per transaction; 0: 500 */
	uint64_t max_rows; /* stop after about so many; 0: at the end */
	bool dry_run; /* count only: everything is rolled back, the store is locked meanwhile */
	/* Called after every page; false stops between two pages. May be NULL. */
	bool (*progress)(void *data, const struct capture_report *so_far);
	void *data;
};

/*
 * Follows the source to its end. source.went_back stops it: nothing is taken until somebody has
 * looked and called capture_reread(). options may be NULL.
 */
bool capture_run(struct store *store, struct im_source *source,
        const struct capture_options *options, struct capture_report *report, GError **error);

/*
 * Takes the history from since_utc_us to where the live reading began. Resumes one of the same
 * since_utc_us that was cut short.
 */
bool capture_backfill(struct store *store, struct im_source *source, int64_t since_utc_us,
        const struct capture_options *options, struct capture_report *report, GError **error);

/*
 * After a source went back: reads it anew from where capture once began, or from its beginning if
 * it does not reach that far. What is known already is not stored again.
 */
bool capture_reread(struct store *store, struct im_source *source, GError **error);

#endif
