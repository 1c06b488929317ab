-- Contact lists: what each side holds, what was agreed, and the journal of what is being done.
-- An image is a contact's fields in one text (store/image.h).

-- Where the synchronisation of one mailbox stands.
CREATE TABLE contact_status (
	mailbox_id BIGINT PRIMARY KEY REFERENCES mailbox,
	dialect TEXT,
	mail_state TEXT,
	round BIGINT NOT NULL DEFAULT 0,
	im_version TEXT,
	im_read_utc_us BIGINT NOT NULL DEFAULT 0,
	dirty INTEGER NOT NULL DEFAULT 1,
	emptied INTEGER NOT NULL DEFAULT 0,
	unmapped BIGINT NOT NULL DEFAULT 0,
	migrated_utc_us BIGINT NOT NULL DEFAULT 0,
	rolled_back_utc_us BIGINT NOT NULL DEFAULT 0
);

-- The IM side's list as last read. image NULL: it is there and cannot be understood.
CREATE TABLE contact_ours (
	mailbox_id BIGINT NOT NULL REFERENCES mailbox,
	key TEXT NOT NULL,
	image TEXT,
	changed_utc_us BIGINT NOT NULL,
	round BIGINT NOT NULL,
	PRIMARY KEY (mailbox_id, key)
);

-- The mailbox's list as last read. key NULL: its address has no counterpart on the IM side.
CREATE TABLE contact_theirs (
	mailbox_id BIGINT NOT NULL REFERENCES mailbox,
	item_id TEXT NOT NULL,
	key TEXT,
	address TEXT NOT NULL,
	change_key TEXT,
	op_uuid TEXT,
	image TEXT NOT NULL,
	changed_utc_us BIGINT NOT NULL,
	round BIGINT NOT NULL,
	PRIMARY KEY (mailbox_id, item_id)
);

CREATE INDEX contact_theirs_key ON contact_theirs (mailbox_id, key, item_id);

-- The groups that the mailbox keeps as objects, and the name that each had when last agreed.
CREATE TABLE contact_group (
	mailbox_id BIGINT NOT NULL REFERENCES mailbox,
	store_id TEXT NOT NULL,
	name TEXT NOT NULL,
	kind TEXT NOT NULL,
	smtp TEXT,
	change_key TEXT,
	agreed_name TEXT,
	round BIGINT NOT NULL,
	PRIMARY KEY (mailbox_id, store_id)
);

-- What both sides held after the last pass.
CREATE TABLE contact_agreed (
	mailbox_id BIGINT NOT NULL REFERENCES mailbox,
	key TEXT NOT NULL,
	item_id TEXT NOT NULL,
	change_key TEXT,
	im_image TEXT NOT NULL,
	mail_image TEXT NOT NULL,
	agreed_utc_us BIGINT NOT NULL,
	PRIMARY KEY (mailbox_id, key)
);

CREATE TABLE contact_conflict (
	mailbox_id BIGINT NOT NULL REFERENCES mailbox,
	key TEXT NOT NULL,
	field TEXT NOT NULL,
	seen_utc_us BIGINT NOT NULL,
	im_value TEXT,
	mail_value TEXT,
	mailbox_won INTEGER NOT NULL,
	PRIMARY KEY (mailbox_id, key, field, seen_utc_us)
);

-- Changes that wait because the IM side is not to be written. image NULL: to be removed.
CREATE TABLE contact_pending (
	mailbox_id BIGINT NOT NULL REFERENCES mailbox,
	key TEXT NOT NULL,
	image TEXT,
	since_utc_us BIGINT NOT NULL,
	PRIMARY KEY (mailbox_id, key)
);

-- Single contacts that could not be carried over, and when that is tried again.
CREATE TABLE contact_problem (
	mailbox_id BIGINT NOT NULL REFERENCES mailbox,
	key TEXT NOT NULL,
	reason TEXT NOT NULL,
	message TEXT NOT NULL,
	tries BIGINT NOT NULL,
	next_try_utc_us BIGINT NOT NULL,
	PRIMARY KEY (mailbox_id, key)
);

-- Creates whose answer was lost: should an item turn up that bears the operation's id beside another
-- one, it goes, unless somebody has changed it.
CREATE TABLE contact_uncertain (
	mailbox_id BIGINT NOT NULL REFERENCES mailbox,
	op_uuid TEXT NOT NULL,
	key TEXT NOT NULL,
	image TEXT NOT NULL,
	since_utc_us BIGINT NOT NULL,
	PRIMARY KEY (mailbox_id, op_uuid)
);

-- The steps of the plan that is being carried out.
CREATE TABLE journal (
	mailbox_id BIGINT NOT NULL REFERENCES mailbox,
	seq BIGINT NOT NULL,
	state TEXT NOT NULL CHECK (state IN ('planned', 'mail-sent', 'im-sent')),
	key TEXT NOT NULL,
	mail_op TEXT NOT NULL,
	im_op TEXT NOT NULL,
	item_id TEXT,
	change_key TEXT,
	op_uuid TEXT NOT NULL,
	mail_before TEXT,
	mail_after TEXT,
	im_before TEXT,
	im_after TEXT,
	waits INTEGER NOT NULL DEFAULT 0,
	sent_utc_us BIGINT NOT NULL DEFAULT 0,
	PRIMARY KEY (mailbox_id, seq)
);
