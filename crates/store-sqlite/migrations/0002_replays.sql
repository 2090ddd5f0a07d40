-- Whose signatures and nonces were claimed: a credential in its dialect.
CREATE TABLE replay_scopes (
    scope    INTEGER PRIMARY KEY,
    key_id   TEXT    NOT NULL,
    dialect  TEXT    NOT NULL,
    -- The greatest number that was claimed: 128 bits, the greatest first, so that bytes compare as numbers. NULL: none was.
    greatest BLOB    CHECK (length(greatest) = 16),
    -- The latest end among the claims that were swept. NULL: none was.
    swept    INTEGER,
    -- When the credential expires; the least integer where it was revoked or removed. The sweep looks here from then on.
    -- NULL: it does not end, or the sweep is done with it.
    ends_at  INTEGER,
    UNIQUE (key_id, dialect)
) STRICT;

CREATE INDEX replay_scopes_by_end ON replay_scopes (ends_at) WHERE ends_at IS NOT NULL;

CREATE TRIGGER replay_scopes_of_issued AFTER INSERT ON credentials BEGIN
    UPDATE replay_scopes SET ends_at = new.ends_at WHERE key_id = new.key_id AND dialect = new.dialect;
END;

CREATE TRIGGER replay_scopes_of_ending AFTER UPDATE OF state, ends_at ON credentials BEGIN
    UPDATE replay_scopes
    SET ends_at = CASE new.state WHEN 'revoked' THEN -9223372036854775808 ELSE new.ends_at END
    WHERE key_id = new.key_id;
END;

-- Also where its consumer was removed.
CREATE TRIGGER replay_scopes_of_removed AFTER DELETE ON credentials BEGIN
    UPDATE replay_scopes SET ends_at = -9223372036854775808 WHERE key_id = old.key_id;
END;

CREATE TABLE replays (
    scope INTEGER NOT NULL,
    token BLOB    NOT NULL CHECK (length(token) = 32),
    -- The last moment at which it must be remembered. NULL: as long as the credential can be used.
    ends_at INTEGER,
    PRIMARY KEY (scope, token)
) STRICT, WITHOUT ROWID;

CREATE INDEX replays_by_end ON replays (ends_at) WHERE ends_at IS NOT NULL;
CREATE INDEX replays_without_end ON replays (scope) WHERE ends_at IS NULL;
