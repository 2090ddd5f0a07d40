-- Who keeps copies in memory: running processes, and those that were killed, until somebody who waits for them forgets them.
CREATE TABLE followers (
    id      BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    title   TEXT    NOT NULL,
    -- The place in the change feed up to which it has taken everything in.
    applied INTEGER NOT NULL,
    at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
