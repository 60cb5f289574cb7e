-- What the team keeps for itself: saved views, macros and canned responses, each as JSON.
CREATE TABLE saved (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    body TEXT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX saved_name ON saved (kind, name);
