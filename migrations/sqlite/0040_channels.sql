-- Accounts of channels: a mailbox, a bot, a widget. Secrets in them are sealed.
CREATE TABLE channel_accounts (
    id TEXT NOT NULL PRIMARY KEY,
    agent_id TEXT NOT NULL REFERENCES agents (id),
    inbox_id TEXT NOT NULL REFERENCES inboxes (id),
    version BIGINT NOT NULL,
    account TEXT NOT NULL
);

-- How each of them fares; apart, since it changes without anybody changing the account.
CREATE TABLE channel_health (
    account_id TEXT NOT NULL PRIMARY KEY REFERENCES channel_accounts (id),
    health TEXT NOT NULL
);

-- How far a channel has read (the last UID of a mailbox).
CREATE TABLE channel_marks (
    account_id TEXT NOT NULL REFERENCES channel_accounts (id),
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (account_id, name)
);

-- Other people's names for our messages: one message may go out in several parts.
CREATE TABLE external_messages (
    inbox_id TEXT NOT NULL REFERENCES inboxes (id),
    external_id TEXT NOT NULL,
    message_id TEXT NOT NULL REFERENCES messages (id),
    PRIMARY KEY (inbox_id, external_id)
);
CREATE INDEX external_messages_message ON external_messages (message_id);

-- What goes out by a channel of ours, in the order of each lane.
CREATE TABLE deliveries (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id TEXT NOT NULL UNIQUE REFERENCES messages (id),
    inbox_id TEXT NOT NULL REFERENCES inboxes (id),
    lane TEXT NOT NULL,
    state TEXT NOT NULL,
    posted_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    leased_until BIGINT NOT NULL DEFAULT 0,
    in_flight BOOLEAN NOT NULL DEFAULT FALSE,
    uncertain BOOLEAN NOT NULL DEFAULT FALSE,
    tries BIGINT NOT NULL DEFAULT 0,
    parts BIGINT NOT NULL DEFAULT 0,
    last_error TEXT,
    settled_at BIGINT
);
CREATE INDEX deliveries_due ON deliveries (inbox_id, due_at, position) WHERE state = 'queued';
CREATE INDEX deliveries_lane ON deliveries (lane, position) WHERE state = 'queued';
CREATE INDEX deliveries_failed ON deliveries (position) WHERE state = 'failed';

-- What a conversation is about in the customer's own words.
ALTER TABLE conversations ADD COLUMN subject TEXT;
