-- Articles: the newest revision of each, and all of them. A deleted one is kept with its history.
CREATE TABLE articles (
    id TEXT NOT NULL PRIMARY KEY,
    agent_id TEXT NOT NULL REFERENCES agents (id),
    revision BIGINT NOT NULL,
    kind TEXT NOT NULL,
    deleted BOOLEAN NOT NULL,
    article TEXT NOT NULL
);
CREATE INDEX articles_newest ON articles (agent_id, deleted, id DESC);

CREATE TABLE article_revisions (
    article_id TEXT NOT NULL REFERENCES articles (id),
    revision BIGINT NOT NULL,
    agent_id TEXT NOT NULL REFERENCES agents (id),
    article TEXT NOT NULL,
    PRIMARY KEY (article_id, revision)
);

-- Pages that are fetched again from time to time.
CREATE TABLE page_watches (
    article_id TEXT NOT NULL PRIMARY KEY REFERENCES articles (id),
    url TEXT NOT NULL,
    every_ms BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    fetched_at BIGINT,
    failure TEXT
);
CREATE INDEX page_watches_due ON page_watches (next_at, article_id);

-- What the knowledge lacks: questions without a good answer, each once, and the groups they belong to by meaning.
CREATE TABLE gaps (
    id TEXT NOT NULL PRIMARY KEY,
    agent_id TEXT NOT NULL REFERENCES agents (id),
    label TEXT NOT NULL,
    asked BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    state TEXT NOT NULL,
    article_id TEXT
);
CREATE INDEX gaps_asked ON gaps (agent_id, state, asked DESC, id DESC);

CREATE TABLE gap_questions (
    message_id TEXT NOT NULL PRIMARY KEY,
    agent_id TEXT NOT NULL REFERENCES agents (id),
    conversation_id TEXT NOT NULL,
    text TEXT NOT NULL,
    at BIGINT NOT NULL,
    gap_id TEXT
);
CREATE INDEX gap_questions_of ON gap_questions (gap_id, at DESC, message_id DESC);
CREATE INDEX gap_questions_free ON gap_questions (agent_id, at, message_id) WHERE gap_id IS NULL;
CREATE INDEX gap_questions_conversation ON gap_questions (conversation_id);
