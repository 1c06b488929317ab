-- Files that conversations link to, as they were fetched from the upload hosts: the content once, by
-- its SHA-256, and for each link what became of it.

CREATE TABLE file_content (
	hash TEXT PRIMARY KEY,
-- sqlite:	content BLOB NOT NULL,
-- postgresql:	content BYTEA NOT NULL,
	fetched_utc_us BIGINT NOT NULL
);

-- hash: fetched; reason: never will be; neither: to be tried again
CREATE TABLE file_link (
	url TEXT PRIMARY KEY,
	hash TEXT,
	reason TEXT,
	first_try_utc_us BIGINT NOT NULL,
	next_try_utc_us BIGINT NOT NULL
);
