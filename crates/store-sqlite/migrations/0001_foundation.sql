-- Identities and addresses are their bytes, times are milliseconds since 1970 (model::UnixTime),
-- scopes stand in one text with commas between them (model::Scopes).

CREATE TABLE consumers (
    id          BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name        TEXT    NOT NULL UNIQUE,
    -- NULL: enabled.
    disabled_at INTEGER,
    added_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE credentials (
    digest        BLOB    NOT NULL PRIMARY KEY CHECK (length(digest) = 32),
    key_id        TEXT    NOT NULL UNIQUE,
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
    CHECK ((dialect IS NULL) = (sealed_secret IS NULL)),
    CHECK (CASE state
        WHEN 'active'   THEN successor IS NULL
        WHEN 'rotating' THEN ends_at IS NOT NULL AND successor IS NOT NULL
        WHEN 'revoked'  THEN ends_at IS NOT NULL AND successor IS NULL
        ELSE 0
    END)
) STRICT, WITHOUT ROWID;

CREATE INDEX credentials_of ON credentials (consumer, issued_at, key_id);

-- How often an address has logged in or was revoked. No row: never.
CREATE TABLE generations (
    address    BLOB    NOT NULL PRIMARY KEY CHECK (length(address) = 20),
    -- Unsigned 64 bits in the signed integer of the same bits.
    generation INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
    id           BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    address      BLOB    NOT NULL CHECK (length(address) = 20),
    -- Unsigned 64 bits in the signed integer of the same bits.
    counter      INTEGER NOT NULL,
    refreshed_at INTEGER NOT NULL,
    scopes       TEXT    NOT NULL,
    expires_at   INTEGER NOT NULL,
    -- NULL: not ended before its time.
    ended        TEXT    CHECK (ended IN ('reuse', 'revoked')),
    ended_at     INTEGER,
    CHECK ((ended IS NULL) = (ended_at IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_of ON sessions (address) WHERE ended IS NULL;
CREATE INDEX sessions_by_expiry ON sessions (expires_at);
CREATE INDEX sessions_ended ON sessions (expires_at) WHERE ended IS NOT NULL;

-- An address without scopes has no row.
CREATE TABLE grants (
    address BLOB NOT NULL PRIMARY KEY CHECK (length(address) = 20),
    scopes  TEXT NOT NULL CHECK (scopes <> '')
) STRICT, WITHOUT ROWID;

CREATE TABLE token_keys (
    -- The order in which they were added.
    place   INTEGER PRIMARY KEY AUTOINCREMENT,
    id      TEXT    NOT NULL UNIQUE,
    made_at INTEGER NOT NULL
) STRICT;

CREATE TABLE changes (
    -- AUTOINCREMENT: a place is never used twice, also after the newest entries were swept.
    place   INTEGER PRIMARY KEY AUTOINCREMENT,
    kind    TEXT    NOT NULL CHECK (kind IN ('credential', 'consumer', 'session', 'token-keys')),
    -- The digest of the credential, or the identity; NULL for token keys.
    subject BLOB,
    CHECK ((subject IS NULL) = (kind = 'token-keys'))
) STRICT;

-- One row: the place of the newest change that was swept, 0 if none was.
CREATE TABLE feed (
    one   INTEGER PRIMARY KEY CHECK (one = 1),
    swept INTEGER NOT NULL
) STRICT;

INSERT INTO feed (one, swept) VALUES (1, 0);
