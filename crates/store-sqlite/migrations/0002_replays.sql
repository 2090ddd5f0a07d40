-- Whose signatures and nonces were claimed: a credential in its dialect.
CREATE TABLE replay_scopes (
    scope    INTEGER PRIMARY KEY,
    key_id   TEXT    NOT NULL,
    dialect  TEXT    NOT NULL,
    -- The greatest number that was claimed: 128 bits, the greatest first, so that bytes compare as numbers. NULL: none was.
    greatest BLOB    CHECK (length(greatest) = 16),
    -- The latest end among the claims that were swept. NULL: none was.
    swept    INTEGER,
    -- 1: its credential was revoked or removed, so the sweep looks here.
    idle     INTEGER NOT NULL DEFAULT 0 CHECK (idle IN (0, 1)),
    UNIQUE (key_id, dialect)
) STRICT;

CREATE INDEX replay_scopes_idle ON replay_scopes (scope) WHERE idle = 1;

CREATE TRIGGER replay_scopes_of_revoked AFTER UPDATE OF state ON credentials WHEN new.state = 'revoked' BEGIN
    UPDATE replay_scopes SET idle = 1 WHERE key_id = new.key_id;
END;

-- Also where its consumer was removed.
CREATE TRIGGER replay_scopes_of_removed AFTER DELETE ON credentials BEGIN
    UPDATE replay_scopes SET idle = 1 WHERE key_id = old.key_id;
END;

CREATE TABLE replays (
    scope INTEGER NOT NULL,
    token BLOB    NOT NULL CHECK (length(token) = 32),
    -- The last moment at which it must be remembered. NULL: as long as the credential can be used.
    ends_at INTEGER,
    PRIMARY KEY (scope, token)
) STRICT, WITHOUT ROWID;

CREATE INDEX replays_by_end ON replays (ends_at) WHERE ends_at IS NOT NULL;
