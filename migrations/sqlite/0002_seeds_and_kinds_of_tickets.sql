-- What configuration last laid down for an agent, as one digest a part: a part that an admin has changed since stays
-- as it is until configuration itself says something else.
CREATE TABLE agent_seeds (
    agent_id TEXT NOT NULL PRIMARY KEY REFERENCES agents (id),
    digests TEXT NOT NULL
);

-- What a ticket stands for, the message that was left, and whom to call back when.
ALTER TABLE tickets ADD COLUMN kind TEXT NOT NULL DEFAULT 'follow_up';
ALTER TABLE tickets ADD COLUMN recording_id TEXT;
ALTER TABLE tickets ADD COLUMN callback TEXT;

-- A caller with an open case adds to it: it is found by the number they call from.
CREATE INDEX calls_from ON calls (from_address, conversation_id);
