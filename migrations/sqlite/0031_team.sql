-- Who is on the team. Passwords, sessions and tokens are kept as digests alone.
CREATE TABLE teammates (
    id TEXT NOT NULL PRIMARY KEY,
    email TEXT NOT NULL UNIQUE,
    teammate TEXT NOT NULL
);

CREATE TABLE sessions (
    id TEXT NOT NULL PRIMARY KEY,
    teammate_id TEXT NOT NULL REFERENCES teammates (id),
    digest TEXT NOT NULL UNIQUE,
    expires_at BIGINT NOT NULL,
    session TEXT NOT NULL
);
CREATE INDEX sessions_teammate ON sessions (teammate_id, id DESC);
CREATE INDEX sessions_expiry ON sessions (expires_at);

CREATE TABLE api_tokens (
    id TEXT NOT NULL PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    token TEXT NOT NULL
);

-- Who changed what, append-only.
CREATE TABLE audit (
    id TEXT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    who TEXT NOT NULL,
    act TEXT NOT NULL,
    target TEXT NOT NULL,
    before_json TEXT NOT NULL,
    after_json TEXT NOT NULL
);
