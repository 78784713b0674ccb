-- A run may hold an object to change it, then it alone has it, or several to read it.
CREATE TABLE held (
    address   TEXT    NOT NULL,
    run       TEXT    NOT NULL,
    exclusive INTEGER NOT NULL,
    host      TEXT    NOT NULL,
    pid       INTEGER NOT NULL,
    start     TEXT    NOT NULL,
    who       TEXT    NOT NULL,
    since     INTEGER NOT NULL,
    expires   INTEGER NOT NULL,
    PRIMARY KEY (address, run)
) STRICT, WITHOUT ROWID;
INSERT INTO held (address, run, exclusive, host, pid, start, who, since, expires)
    SELECT address, run, 1, host, pid, start, who, since, expires FROM lease;
DROP TABLE lease;
ALTER TABLE held RENAME TO lease;
CREATE INDEX lease_of_run ON lease (run);
