-- What the master key is told by. At most one row.
CREATE TABLE key_check (
    one   INTEGER PRIMARY KEY CHECK (one = 1),
    value BLOB    NOT NULL CHECK (length(value) = 8)
) STRICT;

-- Key ids are unique in each dialect, and no longer across them: that is a constraint of the table, so the table is made anew. What depends
-- on it goes with it, and is made again below.
CREATE TABLE credentials_anew (
    digest        BLOB    NOT NULL PRIMARY KEY CHECK (length(digest) = 32),
    key_id        TEXT    NOT NULL,
    consumer      BLOB    NOT NULL REFERENCES consumers (id) ON DELETE CASCADE,
    -- Both for a signature credential, neither for an API key.
    dialect       TEXT,
    sealed_secret BLOB,
    scopes        TEXT    NOT NULL,
    label         TEXT,
    issued_at     INTEGER NOT NULL,
    state         TEXT    NOT NULL,
    -- active: when it expires, if ever; rotating: until when it is good; revoked: when it was.
    ends_at       INTEGER,
    -- Its key id. No reference: the successor may be gone before this one.
    successor     TEXT,
    -- imported: what stands on the wire was made elsewhere.
    origin        TEXT    NOT NULL DEFAULT 'issued' CHECK (origin IN ('issued', 'imported')),
    CHECK ((dialect IS NULL) = (sealed_secret IS NULL)),
    CHECK (CASE state
        WHEN 'active'   THEN successor IS NULL
        WHEN 'rotating' THEN ends_at IS NOT NULL AND successor IS NOT NULL
        WHEN 'revoked'  THEN ends_at IS NOT NULL AND successor IS NULL
        ELSE 0
    END)
) STRICT, WITHOUT ROWID;

INSERT INTO credentials_anew
    (digest, key_id, consumer, dialect, sealed_secret, scopes, label, issued_at, state, ends_at, successor)
SELECT digest, key_id, consumer, dialect, sealed_secret, scopes, label, issued_at, state, ends_at, successor
FROM credentials;

DROP TABLE credentials;
ALTER TABLE credentials_anew RENAME TO credentials;

-- Of API keys too: NULLs would all differ.
CREATE UNIQUE INDEX credentials_by_key_id ON credentials (key_id, coalesce(dialect, ''));
CREATE INDEX credentials_of ON credentials (consumer, issued_at, key_id);

CREATE TRIGGER replay_scopes_of_issued AFTER INSERT ON credentials BEGIN
    UPDATE replay_scopes SET ends_at = new.ends_at WHERE key_id = new.key_id AND dialect = new.dialect;
END;

CREATE TRIGGER replay_scopes_of_ending AFTER UPDATE OF state, ends_at ON credentials BEGIN
    UPDATE replay_scopes
    SET ends_at = CASE new.state WHEN 'revoked' THEN -9223372036854775808 ELSE new.ends_at END
    WHERE key_id = new.key_id AND dialect = new.dialect;
END;

-- Also where its consumer was removed.
CREATE TRIGGER replay_scopes_of_removed AFTER DELETE ON credentials BEGIN
    UPDATE replay_scopes SET ends_at = -9223372036854775808 WHERE key_id = old.key_id AND dialect = old.dialect;
END;

-- In which dialects credentials were imported, '' for API keys; it only grows.
CREATE TABLE imported_for (
    dialect TEXT NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TRIGGER imported_for_of_inserted AFTER INSERT ON credentials WHEN new.origin = 'imported' BEGIN
    INSERT OR IGNORE INTO imported_for (dialect) VALUES (coalesce(new.dialect, ''));
END;
