-- Versions of contact lists. A version has no copy of the list: a row stands for one contact as it
-- was from version first_version until before until_version (NULL: still), so that a version costs
-- what changed.

CREATE TABLE contact_version (
	mailbox_id BIGINT NOT NULL REFERENCES mailbox,
	version BIGINT NOT NULL,
	taken_utc_us BIGINT NOT NULL,
	cause TEXT NOT NULL,
	contacts BIGINT NOT NULL,
	added BIGINT NOT NULL,
	changed BIGINT NOT NULL,
	removed BIGINT NOT NULL,
	PRIMARY KEY (mailbox_id, version)
);

CREATE TABLE contact_version_row (
	mailbox_id BIGINT NOT NULL REFERENCES mailbox,
	key TEXT NOT NULL,
	first_version BIGINT NOT NULL,
	until_version BIGINT,
	im_image TEXT NOT NULL,
	mail_image TEXT NOT NULL,
	PRIMARY KEY (mailbox_id, key, first_version)
);

CREATE INDEX contact_version_row_now ON contact_version_row (mailbox_id, key)
	WHERE until_version IS NULL;

-- Counts how often the list changed hands between the IM side and the mailbox.
ALTER TABLE contact_status ADD COLUMN generation BIGINT NOT NULL DEFAULT 0;

-- The next pass plans anew, so that every list gets its first version.
UPDATE contact_status SET dirty = 1;
