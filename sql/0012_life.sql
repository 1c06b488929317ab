-- The life of a contact list beside contact_status: what was in the mailbox before us, a way back
-- under way, and what the server was told.
CREATE TABLE contact_life (
	mailbox_id BIGINT PRIMARY KEY REFERENCES mailbox,
	occupied INTEGER,
	adopted_utc_us BIGINT NOT NULL DEFAULT 0,
	rolling_back_utc_us BIGINT NOT NULL DEFAULT 0,
	completed INTEGER
);

-- Contacts of the IM side that an adopted mailbox does not have: they stay where they are.
CREATE TABLE contact_kept (
	mailbox_id BIGINT NOT NULL REFERENCES mailbox,
	key TEXT NOT NULL,
	PRIMARY KEY (mailbox_id, key)
);
