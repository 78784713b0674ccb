//! The SQL of a commit. Each statement takes the workspace first, then one array a column: a row of the arrays is a row of the table.
//!
//! Rows are looked up by subqueries, one by one through an index, not by joins: a join is planned by the size of a table when the session
//! first asked, and a state that is empty then has ten thousand rows at the end of the same apply.

/// Counts the serial up; whoever does it first makes the others wait until it has committed.
pub(crate) const COUNT: &str = "UPDATE workspace SET serial = serial + 1 WHERE id = $1 RETURNING serial";

/// Waits for who is committing.
pub(crate) const LOCK: &str = "SELECT serial FROM workspace WHERE id = $1 FOR UPDATE";

pub(crate) const COMMITTING: &str = "
INSERT INTO writer (workspace, id, commits) VALUES ($1, $2, $3)
ON CONFLICT (id) DO UPDATE SET commits = $3, at = now()";

pub(crate) const COMMITS: &str = "SELECT commits FROM writer WHERE workspace = $1 AND id = $2";

pub(crate) const BECOME: &str = "
WITH was AS (SELECT serial - 1 AS now FROM workspace WHERE id = $1),
     done AS (
         UPDATE workspace SET lineage = $2, serial = greatest(serial, $3) WHERE id = $1 AND serial - 1 = $4 RETURNING id
     )
SELECT now, EXISTS (SELECT FROM done) FROM was";

pub(crate) const START_RUNS: &str = "
INSERT INTO run (workspace, id, kind, who, commit, plan_digest, started, finished, status, calls)
SELECT $1, id, kind, who, commit, plan_digest, started, finished, status, calls
FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bigint[], $9::text[], $10::bigint[])
    WITH ORDINALITY AS given (id, kind, who, commit, plan_digest, started, finished, status, calls, n)
ORDER BY n
ON CONFLICT DO NOTHING
RETURNING id";

pub(crate) const UNKNOWN_RUN: &str = "
SELECT id FROM unnest($2::text[]) AS given (id)
WHERE (SELECT seq FROM run WHERE run.workspace = $1 AND run.id = given.id) IS NULL
LIMIT 1";

pub(crate) const FINISH_RUNS: &str = "
UPDATE run SET status = given.status, finished = given.finished, calls = given.calls
FROM unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[]) AS given (id, status, finished, calls)
WHERE run.workspace = $1 AND run.id = given.id";

/// Columns as [`crate::lease::of`] reads them.
pub(crate) const LEASE_OF_ANOTHER: &str = "
SELECT theirs.address, holder.run, host, pid, start, who, since, expires, theirs.exclusive
FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS given (address, run, n)
CROSS JOIN LATERAL (
    (SELECT address, run, exclusive FROM lease
     WHERE lease.workspace = $1 AND lease.address = given.address AND lease.run <> given.run LIMIT 1)
    UNION ALL
    (SELECT address, run, exclusive FROM lease
     WHERE lease.workspace = $1 AND lease.address = '*' AND lease.run <> given.run LIMIT 1)
) AS theirs
JOIN holder ON holder.workspace = $1 AND holder.run = theirs.run
ORDER BY n
LIMIT 1";

pub(crate) const FENCED: &str =
    "SELECT run FROM holder WHERE workspace = $1 AND run = ANY ($2::text[]) AND fenced LIMIT 1";

pub(crate) const OPEN: &str = "
INSERT INTO intent (workspace, id, run, address, deposed, action, type, provider, planned, meta, begun)
SELECT $1, id, (SELECT seq FROM run WHERE run.workspace = $1 AND run.id = given.run),
    address, deposed, action, type, provider, planned, meta, begun
FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::bigint[])
    WITH ORDINALITY AS given (id, run, address, deposed, action, type, provider, planned, meta, begun, n)
ORDER BY n
ON CONFLICT DO NOTHING
RETURNING id";

pub(crate) const CLOSE: &str =
    "DELETE FROM intent WHERE workspace = $1 AND id = ANY ($2::text[]) RETURNING id";

pub(crate) const NOTE: &str = "
INSERT INTO change (workspace, run, address, deposed, action, at, outcome, error, before, after)
SELECT $1, (SELECT seq FROM run WHERE run.workspace = $1 AND run.id = given.run),
    address, deposed, action, at, outcome, error, before, after
FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[], $9::text[], $10::text[])
    WITH ORDINALITY AS given (run, address, deposed, action, at, outcome, error, before, after, n)
ORDER BY n";

/// The place among those given of the first row that isn't as it must be; version 0: it must not be there.
pub(crate) const UNEXPECTED: &str = "
SELECT n
FROM unnest($2::text[], $3::text[], $4::bigint[]) WITH ORDINALITY AS given (address, deposed, version, n)
WHERE given.version <> coalesce((
    SELECT version FROM resource
    WHERE resource.workspace = $1 AND resource.address = given.address AND resource.deposed = given.deposed), 0)
ORDER BY n
LIMIT 1";

pub(crate) const REMOVE: &str = "
DELETE FROM resource WHERE ctid = ANY (ARRAY(
    SELECT (SELECT ctid FROM resource
            WHERE resource.workspace = $1 AND resource.address = given.address AND resource.deposed = given.deposed)
    FROM unnest($2::text[], $3::text[]) AS given (address, deposed)))";

pub(crate) const UNSEE: &str = "
DELETE FROM observation WHERE ctid = ANY (ARRAY(
    SELECT (SELECT ctid FROM observation
            WHERE observation.workspace = $1 AND observation.address = given.address AND observation.deposed = given.deposed)
    FROM unnest($2::text[], $3::text[]) AS given (address, deposed)))";

pub(crate) const PUT: &str = "
INSERT INTO resource (workspace, address, deposed, type, provider, schema_version, digest, version, status,
    create_before_destroy, protected, sensitive_paths, dependencies, attributes)
SELECT $1, address, deposed, type, provider, schema_version, digest, coalesce(version, workspace.serial), status,
    create_before_destroy, protected, sensitive_paths, dependencies, attributes
FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bytea[], $8::bigint[], $9::text[],
    $10::boolean[], $11::boolean[], $12::text[], $13::text[], $14::text[])
    AS given (address, deposed, type, provider, schema_version, digest, version, status,
        create_before_destroy, protected, sensitive_paths, dependencies, attributes)
JOIN workspace ON workspace.id = $1
ON CONFLICT (workspace, address, deposed) DO UPDATE SET type = excluded.type, provider = excluded.provider,
    schema_version = excluded.schema_version, digest = excluded.digest, version = excluded.version,
    status = excluded.status, create_before_destroy = excluded.create_before_destroy,
    protected = excluded.protected, sensitive_paths = excluded.sensitive_paths,
    dependencies = excluded.dependencies, attributes = excluded.attributes";

pub(crate) const MOVE: &str = "
UPDATE resource SET address = $4, deposed = $5, version = (SELECT serial FROM workspace WHERE id = $1)
WHERE workspace = $1 AND address = $2 AND deposed = $3
RETURNING 1";

/// What was seen where an object is moved to goes, if the object brings its own observation.
pub(crate) const UNSEE_COVERED: &str = "
DELETE FROM observation
WHERE workspace = $1 AND address = $4 AND deposed = $5
    AND EXISTS (SELECT FROM observation WHERE workspace = $1 AND address = $2 AND deposed = $3)";

pub(crate) const MOVE_SEEN: &str = "
UPDATE observation SET address = $4, deposed = $5 WHERE workspace = $1 AND address = $2 AND deposed = $3";

pub(crate) const OBSERVE: &str = "
INSERT INTO observation (workspace, address, deposed, at, complete, attributes)
SELECT $1, address, deposed, at, complete, attributes
FROM unnest($2::text[], $3::text[], $4::bigint[], $5::boolean[], $6::text[])
    AS given (address, deposed, at, complete, attributes)
ON CONFLICT (workspace, address, deposed)
    DO UPDATE SET at = excluded.at, complete = excluded.complete, attributes = excluded.attributes
    WHERE observation.at <= excluded.at";

pub(crate) const PUT_OUTPUTS: &str = "
INSERT INTO output (workspace, name, value, sensitive)
SELECT $1, name, value, sensitive
FROM unnest($2::text[], $3::text[], $4::boolean[]) AS given (name, value, sensitive)
ON CONFLICT (workspace, name) DO UPDATE SET value = excluded.value, sensitive = excluded.sensitive";

pub(crate) const REMOVE_OUTPUTS: &str = "DELETE FROM output WHERE workspace = $1 AND name = ANY ($2::text[])";

/// A lease in force of runs that are said to be over, by the server's clock.
pub(crate) const IN_FORCE: &str = "
SELECT lease.address, holder.run, host, pid, start, who, since, expires, exclusive
FROM holder JOIN lease ON lease.workspace = holder.workspace AND lease.run = holder.run
WHERE holder.workspace = $1 AND holder.run = ANY ($2::text[]) AND NOT fenced
    AND expires > (extract(epoch FROM clock_timestamp()) * 1000)::bigint
ORDER BY holder.run, lease.address";

pub(crate) const FENCE: &str = "
WITH over AS (
    INSERT INTO holder (workspace, run, host, pid, start, who, since, expires, fenced)
    SELECT $1, run, '', 0, '', '', 0, (extract(epoch FROM clock_timestamp()) * 1000)::bigint, true
    FROM unnest($2::text[]) AS given (run)
    ON CONFLICT (workspace, run) DO UPDATE SET fenced = true
    RETURNING run
)
DELETE FROM lease USING over WHERE lease.workspace = $1 AND lease.run = over.run";

pub(crate) const KEEP_MADE_OF: &str = "
INSERT INTO made_of (workspace, digest, text)
SELECT $1, digest, text FROM unnest($2::text[], $3::text[]) AS given (digest, text)
ON CONFLICT DO NOTHING";

pub(crate) const RUNS_MADE_OF: &str = "
UPDATE run SET made_of = given.digest FROM unnest($2::text[], $3::text[]) AS given (id, digest)
WHERE run.workspace = $1 AND run.id = given.id";

pub(crate) const PUT_CHECKS: &str = "UPDATE workspace SET checks = $2 WHERE id = $1";

/// The entry that follows the newest one, computed where the lock is held: the hash before it needn't be fetched first. `$2` is what stands
/// before the first entry.
pub(crate) const APPEND_AUDIT: &str = "
INSERT INTO audit (workspace, seq, hash, body)
SELECT $1, coalesce(newest.seq, 0) + 1, sha256(coalesce(newest.hash, $2::bytea) || convert_to($3::text, 'UTF8')), $3::text
FROM (SELECT) AS one
LEFT JOIN LATERAL (SELECT seq, hash FROM audit WHERE workspace = $1 ORDER BY seq DESC LIMIT 1) AS newest ON true";

pub(crate) const HAS_AUDIT: &str = "SELECT 1 FROM audit WHERE workspace = $1 LIMIT 1";

pub(crate) const COPY_AUDIT: &str = "
INSERT INTO audit (workspace, seq, hash, body)
SELECT $1, seq, hash, body FROM unnest($2::bigint[], $3::bytea[], $4::text[]) AS given (seq, hash, body)";
