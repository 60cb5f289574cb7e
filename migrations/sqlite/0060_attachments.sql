-- Files of messages; their bytes lie apart. One that no message carries is forgotten after a day.
CREATE TABLE attachments (
    id TEXT NOT NULL PRIMARY KEY,
    message_id TEXT REFERENCES messages (id),
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    media_type TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    blob_key TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX attachments_message ON attachments (message_id, id) WHERE message_id IS NOT NULL;
CREATE INDEX attachments_unclaimed ON attachments (created_at, id) WHERE message_id IS NULL;
