-- Since when a lease is held.
ALTER TABLE lease ADD COLUMN since INTEGER NOT NULL DEFAULT 0;

-- Runs whose leases were taken from them: they begin nothing any more.
CREATE TABLE fenced (
    run TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- What came of conditions in the last apply, as JSON for the engine; empty if nothing is known.
ALTER TABLE meta ADD COLUMN checks TEXT NOT NULL DEFAULT '';

-- What runs were made of. A run says which; equal ones are kept once.
CREATE TABLE made_of (
    digest TEXT PRIMARY KEY,
    text   TEXT NOT NULL
) STRICT;
ALTER TABLE run ADD COLUMN made_of TEXT REFERENCES made_of (digest);
