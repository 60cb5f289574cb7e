-- What teammates write about a ticket, and how often it was changed: a change names the version it was made upon.
ALTER TABLE tickets ADD COLUMN notes TEXT NOT NULL DEFAULT '';
ALTER TABLE tickets ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
