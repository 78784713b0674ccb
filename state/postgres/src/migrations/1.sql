-- What a schema of ours is recognised by.
CREATE TABLE pilotis (
    version integer NOT NULL
);

-- One row for each workspace. Who writes holds its lock until the commit: that is what orders the commits, and their serials.
CREATE TABLE workspace (
    id      integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    name    text    NOT NULL UNIQUE,
    lineage text    NOT NULL,
    serial  bigint  NOT NULL CHECK (serial >= 0),
    -- What came of conditions in the last apply, as JSON for the engine; empty if nothing is known.
    checks  text    NOT NULL DEFAULT ''
);

-- What runs were made of. A run says which; equal ones are kept once.
CREATE TABLE made_of (
    workspace integer NOT NULL REFERENCES workspace ON DELETE CASCADE,
    digest    text    NOT NULL,
    text      text    NOT NULL,
    PRIMARY KEY (workspace, digest)
);

-- A deposed key of '' is the current object. Dependencies are addresses, one a line.
CREATE TABLE resource (
    workspace             integer NOT NULL REFERENCES workspace ON DELETE CASCADE,
    address               text    NOT NULL,
    deposed               text    NOT NULL,
    type                  text    NOT NULL,
    provider              text    NOT NULL,
    schema_version        bigint  NOT NULL,
    digest                bytea   NOT NULL CHECK (length(digest) = 32),
    version               bigint  NOT NULL,
    status                text    NOT NULL,
    create_before_destroy boolean NOT NULL,
    protected             boolean NOT NULL,
    sensitive_paths       text    NOT NULL,
    dependencies          text    NOT NULL,
    attributes            text    NOT NULL,
    PRIMARY KEY (workspace, address, deposed)
);

-- What was last seen of an object. Attributes are NULL if it was proven absent.
CREATE TABLE observation (
    workspace  integer NOT NULL REFERENCES workspace ON DELETE CASCADE,
    address    text    NOT NULL,
    deposed    text    NOT NULL,
    at         bigint  NOT NULL,
    complete   boolean NOT NULL,
    attributes text,
    PRIMARY KEY (workspace, address, deposed)
);

CREATE TABLE output (
    workspace integer NOT NULL REFERENCES workspace ON DELETE CASCADE,
    name      text    NOT NULL,
    value     text    NOT NULL,
    sensitive boolean NOT NULL,
    PRIMARY KEY (workspace, name)
);

-- Times are milliseconds since 1970, UTC. seq is the order in which runs began.
CREATE TABLE run (
    seq         bigint  PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    workspace   integer NOT NULL REFERENCES workspace ON DELETE CASCADE,
    id          text    NOT NULL,
    kind        text    NOT NULL,
    who         text    NOT NULL,
    commit      text,
    plan_digest text,
    started     bigint  NOT NULL,
    finished    bigint,
    status      text    NOT NULL,
    calls       bigint  NOT NULL,
    made_of     text,
    UNIQUE (workspace, id)
);

CREATE TABLE change (
    seq       bigint  PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    workspace integer NOT NULL REFERENCES workspace ON DELETE CASCADE,
    run       bigint  NOT NULL REFERENCES run ON DELETE CASCADE,
    address   text    NOT NULL,
    deposed   text    NOT NULL,
    action    text    NOT NULL,
    at        bigint  NOT NULL,
    outcome   text    NOT NULL,
    error     text,
    before    text,
    after     text
);
CREATE INDEX change_of_address ON change (workspace, address, seq);
CREATE INDEX change_of_run ON change (run, seq);

CREATE TABLE intent (
    seq       bigint  PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    workspace integer NOT NULL REFERENCES workspace ON DELETE CASCADE,
    id        text    NOT NULL,
    run       bigint  NOT NULL REFERENCES run ON DELETE CASCADE,
    address   text    NOT NULL,
    deposed   text    NOT NULL,
    action    text    NOT NULL,
    type      text    NOT NULL,
    provider  text    NOT NULL,
    planned   text    NOT NULL,
    meta      text    NOT NULL,
    begun     bigint  NOT NULL,
    UNIQUE (workspace, id)
);
CREATE INDEX intent_of_run ON intent (run);

-- A run that holds leases, or had them taken away (fenced). All of its leases last equally long, so that a heartbeat is one row.
-- It need not have begun. Times are those of this server.
CREATE TABLE holder (
    workspace integer NOT NULL REFERENCES workspace ON DELETE CASCADE,
    run       text    NOT NULL,
    host      text    NOT NULL,
    pid       bigint  NOT NULL,
    start     text    NOT NULL,
    who       text    NOT NULL,
    since     bigint  NOT NULL,
    expires   bigint  NOT NULL,
    fenced    boolean NOT NULL,
    PRIMARY KEY (workspace, run)
);

-- Of one object several runs may hold one to read it; who holds it to change it (exclusive) is alone.
CREATE TABLE lease (
    workspace integer NOT NULL,
    address   text    NOT NULL,
    run       text    NOT NULL,
    exclusive boolean NOT NULL,
    PRIMARY KEY (workspace, address, run),
    FOREIGN KEY (workspace, run) REFERENCES holder ON DELETE CASCADE
);
CREATE INDEX lease_of_run ON lease (workspace, run);

-- The journal: what each commit tells of who did what. A hash is SHA-256 over the hash before it and the body.
CREATE TABLE audit (
    workspace integer NOT NULL REFERENCES workspace ON DELETE CASCADE,
    seq       bigint  NOT NULL,
    hash      bytea   NOT NULL CHECK (length(hash) = 32),
    body      text    NOT NULL,
    PRIMARY KEY (workspace, seq)
);

-- How many commits a process has made. One that lost the connection while it committed reads here whether that commit was done.
CREATE TABLE writer (
    id        text        PRIMARY KEY,
    workspace integer     NOT NULL REFERENCES workspace ON DELETE CASCADE,
    commits   bigint      NOT NULL,
    at        timestamptz NOT NULL DEFAULT now()
);
