-- 0x50494c54 is "PILT": what `file` and we recognise a state by.
PRAGMA application_id = 1346980948;

CREATE TABLE meta (
    id      INTEGER PRIMARY KEY CHECK (id = 1),
    lineage TEXT    NOT NULL,
    serial  INTEGER NOT NULL
) STRICT;

-- A deposed key of '' is the current object. A table with rowids, since attributes are long: scans go by rowid.
-- Dependencies are addresses, one a line.
CREATE TABLE resource (
    address               TEXT    NOT NULL,
    deposed               TEXT    NOT NULL DEFAULT '',
    type                  TEXT    NOT NULL,
    provider              TEXT    NOT NULL,
    schema_version        INTEGER NOT NULL,
    digest                BLOB    NOT NULL CHECK (length(digest) = 32),
    version               INTEGER NOT NULL,
    status                TEXT    NOT NULL,
    create_before_destroy INTEGER NOT NULL,
    protected             INTEGER NOT NULL,
    sensitive_paths       TEXT    NOT NULL,
    dependencies          TEXT    NOT NULL,
    attributes            TEXT    NOT NULL,
    UNIQUE (address, deposed)
) STRICT;

-- What was last seen of an object. Attributes are NULL if it was proven absent.
CREATE TABLE observation (
    address    TEXT    NOT NULL,
    deposed    TEXT    NOT NULL DEFAULT '',
    at         INTEGER NOT NULL,
    complete   INTEGER NOT NULL,
    attributes TEXT,
    UNIQUE (address, deposed)
) STRICT;

CREATE TABLE output (
    name      TEXT    PRIMARY KEY,
    value     TEXT    NOT NULL,
    sensitive INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Times are milliseconds since 1970, UTC. seq is the order in which runs began.
CREATE TABLE run (
    seq         INTEGER PRIMARY KEY,
    id          TEXT    NOT NULL UNIQUE,
    kind        TEXT    NOT NULL,
    who         TEXT    NOT NULL,
    "commit"    TEXT,
    plan_digest TEXT,
    started     INTEGER NOT NULL,
    finished    INTEGER,
    status      TEXT    NOT NULL,
    calls       INTEGER NOT NULL
) STRICT;

CREATE TABLE change (
    seq     INTEGER PRIMARY KEY,
    run     INTEGER NOT NULL REFERENCES run (seq),
    address TEXT    NOT NULL,
    deposed TEXT    NOT NULL DEFAULT '',
    action  TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    outcome TEXT    NOT NULL,
    error   TEXT,
    before  TEXT,
    after   TEXT
) STRICT;
CREATE INDEX change_of_address ON change (address, seq);
CREATE INDEX change_of_run ON change (run, seq);

CREATE TABLE intent (
    seq      INTEGER PRIMARY KEY,
    id       TEXT    NOT NULL UNIQUE,
    run      INTEGER NOT NULL REFERENCES run (seq),
    address  TEXT    NOT NULL,
    deposed  TEXT    NOT NULL DEFAULT '',
    action   TEXT    NOT NULL,
    type     TEXT    NOT NULL,
    provider TEXT    NOT NULL,
    planned  TEXT    NOT NULL,
    meta     TEXT    NOT NULL,
    begun    INTEGER NOT NULL
) STRICT;
CREATE INDEX intent_of_run ON intent (run);

-- The run of a lease need not have begun.
CREATE TABLE lease (
    address TEXT    PRIMARY KEY,
    run     TEXT    NOT NULL,
    host    TEXT    NOT NULL,
    pid     INTEGER NOT NULL,
    start   TEXT    NOT NULL,
    who     TEXT    NOT NULL,
    expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX lease_of_run ON lease (run);
