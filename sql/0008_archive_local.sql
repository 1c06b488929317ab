-- What the local archive keeps for whom: users without a mailbox, and those whose route leads here.
CREATE TABLE local_item (
	conversation_id BIGINT NOT NULL,
	segment_id TEXT NOT NULL,
	owner TEXT NOT NULL,
	-- which rendering of the segment
	shown BIGINT NOT NULL,
	hash TEXT NOT NULL,
	-- the rule that led here
	because TEXT NOT NULL,
	kept_utc_us BIGINT NOT NULL,
	PRIMARY KEY (conversation_id, segment_id, owner)
);

CREATE INDEX local_item_of ON local_item (owner, kept_utc_us);
