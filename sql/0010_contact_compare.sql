-- When the mailbox was last read in full; once a day it is, whatever it tells of changes.
ALTER TABLE contact_status ADD COLUMN mail_full_utc_us BIGINT NOT NULL DEFAULT 0;
