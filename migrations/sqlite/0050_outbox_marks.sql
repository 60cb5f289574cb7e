-- How far each reader of the outbox came.
CREATE TABLE outbox_marks (
    reader TEXT NOT NULL PRIMARY KEY,
    position BIGINT NOT NULL
);
