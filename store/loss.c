#include "store/loss.h"

#include "store/store_private.h"

bool store_loss_count(struct store *store, const struct lease *lease, int64_t since_utc_us,
        struct loss_count *count, GError **error)
{
	if (!db_get_int64(store->db,
	            "SELECT count(*) FROM contact_loss"
	            " WHERE mailbox_id <> $1 AND (held = 1 OR at_utc_us >= $2)",
	            DB_VALUES(db_int(lease->mailbox->id), db_int(since_utc_us)), &count->losing,
	            NULL, error) ||
	        !db_get_int64(store->db, "SELECT count(*) FROM lease", 0, NULL, &count->mailboxes,
	                NULL, error))
		return false;
	count->losing++;
	return true;
}

bool store_loss_note(struct store *store, const struct lease *lease, bool held, int64_t now_utc_us,
        GError **error)
{
	return lease_run(store, lease,
	        "INSERT INTO contact_loss (mailbox_id, at_utc_us, held) VALUES ($1, $2, $3)"
	        " ON CONFLICT (mailbox_id) DO UPDATE SET at_utc_us = excluded.at_utc_us,"
	        " held = excluded.held",
	        DB_VALUES(db_int(lease->mailbox->id), db_int(now_utc_us), db_int(held)), error);
}

bool store_loss_clear(struct store *store, const struct lease *lease, GError **error)
{
	return lease_run(store, lease,
	        "DELETE FROM contact_loss WHERE mailbox_id = $1 AND held = 1",
	        DB_VALUES(db_int(lease->mailbox->id)), error);
}
