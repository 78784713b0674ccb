-- The journal: what each commit tells of who did what. A hash is SHA-256 over the hash before it and the body.
CREATE TABLE audit (
    seq  INTEGER PRIMARY KEY,
    hash BLOB    NOT NULL CHECK (length(hash) = 32),
    body TEXT    NOT NULL
) STRICT;
