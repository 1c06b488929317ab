-- What a mailbox tells of a person beside the contact list: shown, never written back.
-- photo_due: the item has a photo that is still to be read.

CREATE TABLE contact_card (
	mailbox_id BIGINT NOT NULL REFERENCES mailbox,
	item_id TEXT NOT NULL,
	phones TEXT,
	birthday TEXT,
	round BIGINT NOT NULL,
	photo_due INTEGER NOT NULL DEFAULT 0,
	photo_type TEXT,
-- sqlite:	photo BLOB,
-- postgresql:	photo BYTEA,
	PRIMARY KEY (mailbox_id, item_id)
);
