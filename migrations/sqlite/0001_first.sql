-- Ids are UUIDv7 text, times epoch milliseconds, structures JSON text, so that the same statements serve
-- PostgreSQL. Every row that belongs to an agent names it.

CREATE TABLE agents (
    id TEXT NOT NULL PRIMARY KEY,
    revision BIGINT NOT NULL
);

-- Revisions are immutable: a live call keeps the one it began with.
CREATE TABLE agent_revisions (
    agent_id TEXT NOT NULL REFERENCES agents (id),
    revision BIGINT NOT NULL,
    settings TEXT NOT NULL,
    PRIMARY KEY (agent_id, revision)
);

CREATE TABLE inboxes (
    id TEXT NOT NULL PRIMARY KEY,
    agent_id TEXT NOT NULL REFERENCES agents (id),
    address TEXT NOT NULL
);
CREATE INDEX inboxes_agent ON inboxes (agent_id);

CREATE TABLE knowledge (
    agent_id TEXT NOT NULL REFERENCES agents (id),
    origin TEXT NOT NULL,
    position BIGINT NOT NULL,
    entry TEXT NOT NULL,
    PRIMARY KEY (agent_id, origin, position)
);

CREATE TABLE contacts (
    id TEXT NOT NULL PRIMARY KEY,
    agent_id TEXT NOT NULL REFERENCES agents (id),
    name TEXT,
    created_at BIGINT NOT NULL
);
CREATE INDEX contacts_agent ON contacts (agent_id);

CREATE TABLE conversations (
    id TEXT NOT NULL PRIMARY KEY,
    agent_id TEXT NOT NULL REFERENCES agents (id),
    inbox_id TEXT NOT NULL REFERENCES inboxes (id),
    contact_id TEXT REFERENCES contacts (id),
    channel TEXT NOT NULL,
    status TEXT NOT NULL,
    handler TEXT NOT NULL,
    reason TEXT,
    summary TEXT,
    preview BOOLEAN NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX conversations_newest ON conversations (created_at DESC, id DESC);
CREATE INDEX conversations_agent ON conversations (agent_id, created_at DESC, id DESC);

CREATE TABLE messages (
    id TEXT NOT NULL PRIMARY KEY,
    agent_id TEXT NOT NULL REFERENCES agents (id),
    conversation_id TEXT NOT NULL REFERENCES conversations (id),
    author TEXT NOT NULL,
    text TEXT NOT NULL,
    heard_text TEXT,
    at BIGINT NOT NULL,
    decision TEXT,
    timings TEXT
);
CREATE INDEX messages_conversation ON messages (conversation_id, at, id);

CREATE TABLE calls (
    id TEXT NOT NULL PRIMARY KEY,
    agent_id TEXT NOT NULL REFERENCES agents (id),
    conversation_id TEXT NOT NULL REFERENCES conversations (id),
    from_address TEXT,
    to_address TEXT NOT NULL,
    trunk TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    answered_at BIGINT,
    ended_at BIGINT,
    outcome TEXT
);
CREATE INDEX calls_conversation ON calls (conversation_id, started_at DESC, id DESC);
CREATE INDEX calls_unfinished ON calls (started_at, id) WHERE ended_at IS NULL;

CREATE TABLE attempts (
    id TEXT NOT NULL PRIMARY KEY,
    agent_id TEXT NOT NULL REFERENCES agents (id),
    call_id TEXT NOT NULL REFERENCES calls (id),
    destination TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    ring_ms BIGINT,
    outcome TEXT,
    said TEXT
);
CREATE INDEX attempts_call ON attempts (call_id, started_at, id);

CREATE TABLE recordings (
    id TEXT NOT NULL PRIMARY KEY,
    agent_id TEXT NOT NULL REFERENCES agents (id),
    call_id TEXT NOT NULL REFERENCES calls (id),
    file TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    duration_ms BIGINT
);
CREATE INDEX recordings_call ON recordings (call_id, started_at, id);

CREATE TABLE tickets (
    id TEXT NOT NULL PRIMARY KEY,
    agent_id TEXT NOT NULL REFERENCES agents (id),
    conversation_id TEXT NOT NULL REFERENCES conversations (id),
    status TEXT NOT NULL,
    reason TEXT NOT NULL,
    fields TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    due_at BIGINT
);
CREATE INDEX tickets_conversation ON tickets (conversation_id, created_at, id);

-- What became of each conversation, append-only: one row for every version of it.
CREATE TABLE events (
    conversation_id TEXT NOT NULL REFERENCES conversations (id),
    version BIGINT NOT NULL,
    agent_id TEXT NOT NULL REFERENCES agents (id),
    at BIGINT NOT NULL,
    status TEXT NOT NULL,
    handler TEXT NOT NULL,
    reason TEXT,
    PRIMARY KEY (conversation_id, version)
);

-- What is still to be delivered, once, by its key.
CREATE TABLE outbox (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    tries BIGINT NOT NULL DEFAULT 0,
    delivered_at BIGINT
);
CREATE INDEX outbox_pending ON outbox (position) WHERE delivered_at IS NULL;

-- Written to by the health check: only a write proves that the disk takes one.
CREATE TABLE pulse (
    id BIGINT NOT NULL PRIMARY KEY,
    beats BIGINT NOT NULL
);
