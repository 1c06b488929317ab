-- The change key with which an item of ours was first mirrored: while it is the item's still, nobody
-- has touched the item since.
ALTER TABLE contact_theirs ADD COLUMN made_change_key TEXT;
