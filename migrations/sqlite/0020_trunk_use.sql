-- What our calls by each trunk have lasted on each day (UTC, counted from 1970): a restart gives no second allowance.
CREATE TABLE trunk_use (
    trunk TEXT NOT NULL,
    day BIGINT NOT NULL,
    used_ms BIGINT NOT NULL,
    PRIMARY KEY (trunk, day)
);

-- Which telephones were rung lately: whoever calls in is looked up by theirs.
CREATE INDEX attempts_destination ON attempts (destination, started_at);
