-- Partner applications: whose tokens are taken, and for whom tokens are made. Few rows, public data
-- only: certificates, never keys.

CREATE TABLE partner (
	name TEXT PRIMARY KEY,
	app_id TEXT NOT NULL,
	realm TEXT NOT NULL,
	issuer TEXT NOT NULL UNIQUE,
	metadata_url TEXT,
	authorization_server TEXT,
	trust TEXT NOT NULL CHECK (trust IN ('full', 'application', 'user')),
	enabled INTEGER NOT NULL,
	verified INTEGER NOT NULL,
	accept_sid INTEGER NOT NULL,
	refreshed_utc_us BIGINT NOT NULL,
	tried_utc_us BIGINT NOT NULL,
	alarm TEXT
);

CREATE TABLE partner_key (
	name TEXT NOT NULL REFERENCES partner ON DELETE CASCADE,
	position INTEGER NOT NULL,
	x5t TEXT NOT NULL,
	certificate TEXT NOT NULL,
	not_before_utc_us BIGINT NOT NULL,
	not_after_utc_us BIGINT NOT NULL,
	held INTEGER NOT NULL,
	usable_utc_us BIGINT NOT NULL,
	PRIMARY KEY (name, position)
);

CREATE TABLE partner_origin (
	name TEXT NOT NULL REFERENCES partner ON DELETE CASCADE,
	kind TEXT NOT NULL CHECK (kind IN ('token', 'endpoint')),
	origin TEXT NOT NULL,
	PRIMARY KEY (name, kind, origin)
);

-- One row, counted up by every change: what a running imexd looks at.
CREATE TABLE partner_version (
	number BIGINT NOT NULL
);

INSERT INTO partner_version (number) VALUES (1);
