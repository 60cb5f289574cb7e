-- What happened in conversations and is still to be told to the webhooks: gone once it is laid out for each of them.
CREATE TABLE happenings (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation_id TEXT NOT NULL,
    version BIGINT NOT NULL
);

CREATE TABLE webhook_endpoints (
    id TEXT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL,
    endpoint TEXT NOT NULL
);

-- What each webhook is told, and how far that came.
CREATE TABLE webhook_posts (
    id TEXT NOT NULL PRIMARY KEY,
    endpoint_id TEXT NOT NULL REFERENCES webhook_endpoints (id),
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL,
    posted_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    leased_until BIGINT NOT NULL DEFAULT 0,
    tries BIGINT NOT NULL DEFAULT 0,
    last_status BIGINT,
    last_error TEXT,
    settled_at BIGINT
);
CREATE INDEX webhook_posts_due ON webhook_posts (due_at, id) WHERE state = 'queued';
CREATE INDEX webhook_posts_endpoint ON webhook_posts (endpoint_id, id DESC);
CREATE INDEX webhook_posts_settled ON webhook_posts (settled_at) WHERE settled_at IS NOT NULL;
