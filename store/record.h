/*
 * The one place through which every change of an archived thing goes: proof, audit and holds hang
 * on it.
 */
#ifndef IMEX_STORE_RECORD_H
#define IMEX_STORE_RECORD_H

#include "store/store.h"

/* Borrowed. What does not apply is 0 or NULL. detail holds no message text. */
struct archive_event {
	const char *what; /* "segment.closed", "delivery.confirmed" ... */
	int64_t at_utc_us;
	int64_t mailbox_id;
	int64_t conversation_id;
	const char *segment_id;
	const char *delivery_uuid;
	const char *hash; /* SHA-256 of the content */
	const char *detail;
};

/* Must be inside the transaction of the change that it records. */
bool archive_record(struct store *store, const struct archive_event *event, GError **error);

#endif
