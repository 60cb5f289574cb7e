-- What the team adds to a case and how it hangs together with others.
ALTER TABLE conversations ADD COLUMN thread TEXT;
ALTER TABLE conversations ADD COLUMN assignee TEXT;
ALTER TABLE conversations ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';
ALTER TABLE conversations ADD COLUMN snoozed_until BIGINT;
ALTER TABLE conversations ADD COLUMN resolved_at BIGINT;
ALTER TABLE conversations ADD COLUMN person_took_part BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE conversations ADD COLUMN offered TEXT;
ALTER TABLE conversations ADD COLUMN previous_id TEXT;
ALTER TABLE conversations ADD COLUMN merged_into TEXT;
CREATE INDEX conversations_thread ON conversations (inbox_id, thread, created_at DESC, id DESC) WHERE thread IS NOT NULL;
CREATE INDEX conversations_status ON conversations (status, created_at DESC, id DESC);
CREATE INDEX conversations_handler ON conversations (handler, created_at DESC, id DESC);
CREATE INDEX conversations_assignee ON conversations (assignee, created_at DESC, id DESC) WHERE assignee IS NOT NULL;
CREATE INDEX conversations_contact ON conversations (contact_id, created_at DESC, id DESC) WHERE contact_id IS NOT NULL;

-- The same tags once more, so that a rare one is found without reading the list.
CREATE TABLE conversation_tags (
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    conversation_id TEXT NOT NULL REFERENCES conversations (id),
    PRIMARY KEY (conversation_id, name)
);
CREATE INDEX conversation_tags_newest ON conversation_tags (name, created_at DESC, conversation_id DESC);

-- Who sent a message, what became of a draft, how far a message came.
ALTER TABLE messages ADD COLUMN sent_by TEXT;
ALTER TABLE messages ADD COLUMN draft TEXT;
ALTER TABLE messages ADD COLUMN delivery TEXT;

-- What made each version: who did what.
ALTER TABLE events ADD COLUMN actor TEXT;
ALTER TABLE events ADD COLUMN act TEXT;

ALTER TABLE inboxes ADD COLUMN channel TEXT NOT NULL DEFAULT 'phone';

-- Addresses that are not proven only suggest a contact, so several may claim one.
CREATE TABLE contact_addresses (
    contact_id TEXT NOT NULL REFERENCES contacts (id),
    agent_id TEXT NOT NULL REFERENCES agents (id),
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    proven BOOLEAN NOT NULL,
    PRIMARY KEY (contact_id, kind, value)
);
CREATE UNIQUE INDEX contact_addresses_proven ON contact_addresses (agent_id, kind, value) WHERE proven;
CREATE INDEX contact_addresses_value ON contact_addresses (agent_id, kind, value);

-- What a request with an Idempotency-Key was answered.
CREATE TABLE kept_answers (
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    digest TEXT NOT NULL,
    status BIGINT NOT NULL,
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (scope, key)
);
CREATE INDEX kept_answers_oldest ON kept_answers (created_at);

-- Work that was promised: written with what it is about, gone with what it did.
CREATE TABLE jobs (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    conversation_id TEXT NOT NULL REFERENCES conversations (id),
    due_at BIGINT NOT NULL,
    leased_until BIGINT NOT NULL DEFAULT 0,
    tries BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX jobs_due ON jobs (due_at, id);

-- Text that is searched: messages, notes, transcripts and names. Rows are numbered as they come, so that the
-- newest are found first.
CREATE TABLE search_rows (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation_id TEXT NOT NULL,
    source_id TEXT NOT NULL UNIQUE
);
CREATE INDEX search_rows_conversation ON search_rows (conversation_id);
CREATE VIRTUAL TABLE search_text USING fts5 (
    text, content='', contentless_delete=1, tokenize='unicode61 remove_diacritics 2'
);
INSERT INTO search_rows (conversation_id, source_id) SELECT conversation_id, id FROM messages ORDER BY at, id;
INSERT INTO search_text (rowid, text)
    SELECT s.position, m.text FROM search_rows s JOIN messages m ON m.id = s.source_id;
