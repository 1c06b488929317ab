#include "store/record.h"

#include "store/store_private.h"

static struct db_value id_or_null(int64_t id)
{
	return id == 0 ? db_null() : db_int(id);
}

bool archive_record(struct store *store, const struct archive_event *event, GError **error)
{
	return store_run(store,
	        "INSERT INTO archive_event (at_utc_us, what, mailbox_id, conversation_id, "
	        "segment_id, "
	        "delivery_uuid, hash, detail) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
	        DB_VALUES(db_int(event->at_utc_us), db_text(event->what),
	                id_or_null(event->mailbox_id), id_or_null(event->conversation_id),
	                db_text(event->segment_id), db_text(event->delivery_uuid),
	                db_text(event->hash), db_text(event->detail)),
	        NULL, error);
}
