/*
 * For the files in store/ that read and change deliveries.
 */
#ifndef IMEX_STORE_DELIVERY_PRIVATE_H
#define IMEX_STORE_DELIVERY_PRIVATE_H

#include "store/delivery.h"
#include "store/record.h"
#include "store/store_private.h"

#define DELIVERY_COLUMNS                                                                           \
	"mailbox_id, uuid, conversation_id, segment_id, folder, shown, state, attempts, "          \
	"planned_utc_us, first_sent_utc_us, sent_utc_us, confirmed_utc_us, next_try_utc_us, "      \
	"item_id, reason, message, run, undone_utc_us"

/* Rows of DELIVERY_COLUMNS: struct delivery, owned. */
GPtrArray *delivery_read_list(struct store *store, const char *sql, size_t n,
        const struct db_value *values, GError **error);

/* Inside of the transaction of the change. */
bool delivery_record(struct store *store, const char *what, const struct delivery *delivery,
        const char *detail, int64_t now_utc_us, GError **error);

#endif
