-- What came of conditions in the last apply, as JSON for the engine; empty if nothing is known.
ALTER TABLE meta ADD COLUMN checks TEXT NOT NULL DEFAULT '';
