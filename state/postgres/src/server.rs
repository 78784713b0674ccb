//! A PostgreSQL server for tests: the one that `PILOTIS_TEST_PG_URL` names, or one that is started from the programs of this machine and
//! ends with this process, however that ends.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "for tests, which say why they are skipped")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use pilotis_state::StateError;

use crate::{Options, Wire};

/// Names a server for the tests: a connection string of somebody who may make schemas.
pub const URL: &str = "PILOTIS_TEST_PG_URL";
const USER: &str = "pilotis";
/// Looked for in messages, where it must not be.
pub const PASSWORD: &str = "correct horse";

/// Starts a server at each line, unless it runs, and stops and removes it when the tests are over: their end of the pipe is closed then.
const WATCH: &str = r#"
dir=$1; shift
while read -r line; do
    [ -n "$p" ] && [ -e "/proc/$p/exe" ] && continue
    "$@" >>"$dir/log" 2>&1 </dev/null &
    p=$!
done
[ -z "$p" ] || { kill -INT "$p" 2>/dev/null; wait "$p" 2>/dev/null; }
rm -rf "$dir"
"#;

/// A server.
#[derive(Debug)]
pub struct Server {
    conn_str: String,
    started: Option<Started>,
}

#[derive(Debug)]
struct Started {
    data: PathBuf,
    orders: Option<ChildStdin>,
    watch: Child,
}

/// A schema of its own for one test.
#[derive(Debug)]
pub struct Schema {
    server: &'static Server,
    /// Its name.
    pub name: String,
}

/// The server of this process; none if there can't be one, which is said.
pub fn shared() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    // A process that is killed loses nothing that it wrote; only a machine that loses its power does.
    SERVER.get_or_init(|| Server::find(&["fsync=off".to_owned()])).as_ref()
}

/// A fresh schema on the server of this process; none if there is none.
pub fn schema() -> Option<Schema> {
    let name = format!("test_{}", uuid::Uuid::new_v4().simple());
    Some(Schema { server: shared()?, name })
}

impl Schema {
    /// How the state in it is opened.
    pub fn options(&self) -> Options {
        self.server.options(&self.name)
    }

    /// As a person gives it.
    pub fn conn_str(&self) -> &str {
        &self.server.conn_str
    }

    /// Does something with SQL.
    pub fn sql(&self, sql: &str) {
        self.server.sql(&self.name, sql);
    }

    /// The first column of what a query gives, as texts.
    pub fn texts(&self, sql: &str) -> Vec<String> {
        self.server.texts(&self.name, sql)
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        self.sql(&format!("DROP SCHEMA IF EXISTS \"{}\" CASCADE", self.name));
    }
}

impl Server {
    /// The server that is named, or else a new one. None if neither can be: then it says so.
    pub fn find(settings: &[String]) -> Option<Server> {
        match std::env::var(URL) {
            Ok(conn_str) if !conn_str.is_empty() => Some(Server { conn_str, started: None }),
            _ => Server::start(settings, &[]),
        }
    }

    /// Starts a server with settings of its own (`name=value`) and files that it alone may read, beside its data (`../NAME`). None if this machine has no PostgreSQL: then it says so.
    pub fn start(settings: &[String], files: &[(&str, &str)]) -> Option<Server> {
        let Some(programs) = programs() else {
            eprintln!("skipped: there is neither {URL} nor initdb and postgres on this machine");
            return None;
        };
        let dir = std::env::temp_dir().join(format!("pilotis-postgres-{}", uuid::Uuid::new_v4().simple()));
        fs::DirBuilder::new().mode(0o700).create(&dir).unwrap();
        let (demotion, user) = demotion();
        let data = dir.join("data");
        for (name, text) in files {
            fs::write(dir.join(name), text).unwrap();
            fs::set_permissions(dir.join(name), fs::Permissions::from_mode(0o600)).unwrap();
        }
        let password = dir.join("password");
        fs::write(&password, PASSWORD).unwrap();
        if let Some((uid, gid)) = user {
            for entry in fs::read_dir(&dir).unwrap() {
                chown(entry.unwrap().path(), Some(uid), Some(gid)).unwrap();
            }
            chown(&dir, Some(uid), Some(gid)).unwrap();
        }
        let mut initdb = command(&demotion, &programs.join("initdb"));
        initdb.args(["--no-sync", "-E", "UTF8", "--locale=C", "-A", "scram-sha-256", "-U", USER]);
        initdb.arg("-D").arg(&data).arg("--pwfile").arg(&password).current_dir(&dir);
        let made = initdb.stdin(Stdio::null()).output().unwrap();
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));

        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut watch = Command::new("sh");
        watch.args(["-c", WATCH, "watch"]).arg(&dir).args(&demotion).arg(programs.join("postgres"));
        watch.arg("-D").arg(&data).args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1"]);
        watch.args(["-c", "unix_socket_directories="]).args(settings.iter().flat_map(|s| ["-c", s]));
        // In a group of its own: a signal to that of the tests must not keep it from cleaning up.
        let mut watch = watch
            .process_group(0)
            .current_dir(&dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let started = Started { data, orders: watch.stdin.take(), watch };
        let conn_str = format!(
            "host=127.0.0.1 port={port} dbname=postgres user={USER} password='{PASSWORD}' sslmode=disable"
        );
        let mut server = Server { conn_str, started: Some(started) };
        server.restart();
        Some(server)
    }

    /// The same server, for as long as this process lives.
    pub fn leak(self) -> &'static Server {
        Box::leak(Box::new(self))
    }

    /// As a person gives it.
    pub fn conn_str(&self) -> &str {
        &self.conn_str
    }

    /// How a state in a schema is opened.
    pub fn options(&self, schema: &str) -> Options {
        Options {
            conn_str: self.conn_str.clone(),
            environment: BTreeMap::new(),
            schema: schema.to_owned(),
            workspace: "default".to_owned(),
            ..Options::default()
        }
    }

    /// Does something with SQL, as the owner of everything.
    pub fn sql(&self, schema: &str, sql: &str) {
        let (mut wire, location) = Wire::new(&self.options(schema)).unwrap();
        wire.wait(async |session| session.repeat(async |c| c.batch(sql).await).await)
            .map_err(|e| e.at(&location))
            .unwrap();
    }

    /// The first column of what a query gives, as texts.
    pub fn texts(&self, schema: &str, sql: &str) -> Vec<String> {
        let (mut wire, location) = Wire::new(&self.options(schema)).unwrap();
        wire.wait(async |session| session.repeat(async |c| c.texts(sql).await).await)
            .map_err(|e| e.at(&location))
            .unwrap()
    }

    /// True if it was started here, and can be killed.
    pub fn is_ours(&self) -> bool {
        self.started.is_some()
    }

    /// The process that all others of the server are children of.
    pub fn pid(&self) -> Option<u32> {
        let pid = fs::read_to_string(self.started.as_ref()?.data.join("postmaster.pid")).ok()?;
        pid.lines().next()?.trim().parse().ok()
    }

    /// Kills it as the power would.
    pub fn kill(&self) {
        let pid = self.pid().unwrap().to_string();
        assert!(Command::new("kill").args(["-9", &pid]).status().unwrap().success());
    }

    /// Starts it again, after it was killed or for the first time, and waits until it answers.
    pub fn restart(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        let options = self.options("none");
        let mut ordered = Instant::now();
        self.order();
        loop {
            let error = match crate::PostgresStore::workspaces(&options) {
                Ok(_) => return,
                Err(error) => error,
            };
            assert!(Instant::now() < deadline, "the server doesn't come up: {error}\n{}", self.log());
            // What is left of a killed one may keep the new one from starting.
            if ordered.elapsed() > Duration::from_secs(5) && matches!(error, StateError::Io { .. }) {
                self.order();
                ordered = Instant::now();
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn order(&mut self) {
        if let Some(orders) = self.started.as_mut().and_then(|s| s.orders.as_mut()) {
            orders.write_all(b"start\n").unwrap();
        }
    }

    fn log(&self) -> String {
        let log = self.started.as_ref().map(|s| s.data.with_file_name("log"));
        log.and_then(|path| fs::read_to_string(path).ok()).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut started) = self.started.take() {
            drop(started.orders.take());
            let _ = started.watch.wait();
        }
    }
}

/// Where `initdb` and `postgres` are: on the PATH, or where Debian puts them.
fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let mut debian: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .map(|entries| entries.flatten().map(|e| e.path().join("bin")).collect())
        .unwrap_or_default();
    debian.sort();
    folders.extend(debian.into_iter().rev());
    folders.into_iter().find(|dir| dir.join("initdb").is_file() && dir.join("postgres").is_file())
}

/// PostgreSQL refuses to be run by root: somebody else runs it then, to whom its files must belong.
fn demotion() -> (Vec<String>, Option<(u32, u32)>) {
    if fs::metadata("/proc/self").is_ok_and(|m| m.uid() != 0) {
        return (Vec::new(), None);
    }
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let ids = |name: &str| {
        let mut fields = users.lines().find(|l| l.starts_with(&format!("{name}:")))?.split(':').skip(2);
        Some((fields.next()?.parse::<u32>().ok()?, fields.next()?.parse::<u32>().ok()?))
    };
    let (uid, gid) = ids("postgres").or_else(|| ids("nobody")).unwrap_or((65_534, 65_534));
    let program =
        ["setpriv".into(), format!("--reuid={uid}"), format!("--regid={gid}"), "--clear-groups".into()];
    (program.into(), Some((uid, gid)))
}

fn command(demotion: &[String], program: &Path) -> Command {
    match demotion {
        [] => Command::new(program),
        [first, rest @ ..] => {
            let mut command = Command::new(first);
            command.args(rest).arg(program);
            command
        }
    }
}
