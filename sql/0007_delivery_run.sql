-- Which run sent a delivery, so that a run can be undone, and what a folder held before a batch, so
-- that a lost answer is looked up among the changes since.

ALTER TABLE delivery ADD COLUMN run TEXT;
-- when `imex archive undo` removed the item; the delivery stays confirmed and is never sent again
ALTER TABLE delivery ADD COLUMN undone_utc_us BIGINT;
CREATE INDEX delivery_of_run ON delivery (run, mailbox_id, uuid) WHERE run IS NOT NULL;

CREATE TABLE folder_state (
	mailbox_id BIGINT NOT NULL,
	folder TEXT NOT NULL,
	-- the server's own, opaque
	state TEXT NOT NULL,
	saved_utc_us BIGINT NOT NULL,
	PRIMARY KEY (mailbox_id, folder)
);

CREATE INDEX archive_event_of_delivery ON archive_event (delivery_uuid)
	WHERE delivery_uuid IS NOT NULL;

-- What the queue holds.
CREATE INDEX delivery_waiting ON delivery (conversation_id, segment_id, shown)
	WHERE state <> 'confirmed';
