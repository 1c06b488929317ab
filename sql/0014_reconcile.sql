-- When what was missing came after all, and when a source was last read to its end.
ALTER TABLE source_gap ADD COLUMN filled_utc_us BIGINT;
ALTER TABLE source_cursor ADD COLUMN end_utc_us BIGINT NOT NULL DEFAULT 0;
