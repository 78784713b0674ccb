-- Since when a lease is held.
ALTER TABLE lease ADD COLUMN since INTEGER NOT NULL DEFAULT 0;

-- Runs whose leases were taken from them: they begin nothing any more.
CREATE TABLE fenced (
    run TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;
