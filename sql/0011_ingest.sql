-- What other servers post to imexd. A message whose sender gave a time that is not credible keeps
-- that time here.
ALTER TABLE message ADD COLUMN claimed_utc_us BIGINT;

CREATE TABLE ingest_sender (
	sender TEXT PRIMARY KEY,
	events BIGINT NOT NULL,
	last_utc_us BIGINT NOT NULL
);

-- Each event under its sender's own key; another hash under the same key is a conflict.
CREATE TABLE ingest_event (
	sender TEXT NOT NULL,
	key TEXT NOT NULL,
	hash TEXT NOT NULL,
	conversation_id BIGINT NOT NULL,
	seq BIGINT NOT NULL,
	received_utc_us BIGINT NOT NULL,
	PRIMARY KEY (sender, key, hash)
);

-- The running numbers that have come, as ranges that neither touch nor overlap.
CREATE TABLE ingest_range (
	sender TEXT NOT NULL,
	first BIGINT NOT NULL,
	last BIGINT NOT NULL,
	PRIMARY KEY (sender, first)
);
