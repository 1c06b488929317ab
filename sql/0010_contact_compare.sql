-- When the mailbox was last read in full; once a day it is, whatever it tells of changes.
ALTER TABLE contact_status ADD COLUMN mail_full_utc_us BIGINT NOT NULL DEFAULT 0;

-- Mailboxes that lose contacts. Not distributed: it is what all mailboxes are compared by.
CREATE TABLE contact_loss (
	mailbox_id BIGINT PRIMARY KEY,
	at_utc_us BIGINT NOT NULL,
	held INTEGER NOT NULL
);
