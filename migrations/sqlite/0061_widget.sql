-- Browsers that visit the chat on the business's pages; tokens are kept as digests alone.
CREATE TABLE visitor_sessions (
    id TEXT NOT NULL PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    account_id TEXT NOT NULL REFERENCES channel_accounts (id) ON DELETE CASCADE,
    expires_at BIGINT NOT NULL,
    session TEXT NOT NULL
);
CREATE INDEX visitor_sessions_expiry ON visitor_sessions (expires_at);
CREATE INDEX visitor_sessions_account ON visitor_sessions (account_id);

-- What a visitor sees, in the order in which it could first be seen: a draft has no place before it is approved.
CREATE TABLE visitor_feed (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    inbox_id TEXT NOT NULL REFERENCES inboxes (id),
    thread TEXT NOT NULL,
    message_id TEXT NOT NULL REFERENCES messages (id),
    UNIQUE (message_id, inbox_id, thread)
);
CREATE INDEX visitor_feed_thread ON visitor_feed (inbox_id, thread, position);
