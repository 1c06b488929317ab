-- Items that we wrote and that no reading has told yet (round -1) are looked at by every pass.
CREATE INDEX contact_theirs_unread ON contact_theirs (mailbox_id, item_id) WHERE round < 0;
