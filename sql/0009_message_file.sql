-- What a sender told of a file, and whether a room told who wrote a message or we found it out.

ALTER TABLE message ADD COLUMN file_name TEXT;
ALTER TABLE message ADD COLUMN file_size_bytes BIGINT;
ALTER TABLE message ADD COLUMN file_hash TEXT;
ALTER TABLE message ADD COLUMN sender_resolved INTEGER NOT NULL DEFAULT 0;
