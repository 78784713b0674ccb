//! What every end-to-end test needs: a folder of its own with nothing from outside in it, the binary, the sandbox as a
//! process of its own, and a client that looks at the services as somebody else would.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// No run of the binary may take longer; a test that hangs says what it said so far.
const LIMIT: Duration = Duration::from_secs(120);

/// The binary under test.
pub(crate) const PILOTIS: &str = env!("CARGO_BIN_EXE_pilotis");

/// A working folder of its own.
pub(crate) struct Folder {
    root: TempDir,
}

impl Folder {
    /// With nothing in it.
    pub(crate) fn empty() -> Folder {
        let root = TempDir::new().unwrap();
        std::fs::create_dir(root.path().join("work")).unwrap();
        std::fs::create_dir(root.path().join("home")).unwrap();
        Folder { root }
    }

    /// With one file, `main.hcl`.
    pub(crate) fn with(text: &str) -> Folder {
        let folder = Folder::empty();
        folder.write("main.hcl", text);
        folder
    }

    /// A copy of one of `examples/`.
    pub(crate) fn example(name: &str) -> Folder {
        let folder = Folder::empty();
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name);
        copy(&example, &folder.path(""));
        folder
    }

    /// The working folder, or a file in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join("work").join(name)
    }

    /// The home of whoever runs the binary.
    pub(crate) fn home(&self) -> String {
        self.root.path().join("home").display().to_string()
    }

    /// Writes a file, and makes the folder that it is in.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Reads a file.
    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// Replaces the one place in a file that says `old`.
    pub(crate) fn edit(&self, name: &str, old: &str, new: &str) {
        let text = self.read(name);
        assert_eq!(text.matches(old).count(), 1, "{name} says {old:?} not exactly once");
        self.write(name, &text.replace(old, new));
    }

    /// The binary with these arguments, in this folder, with nothing of the caller's environment.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(PILOTIS);
        command.args(args).current_dir(self.path("")).env_clear();
        command.env("HOME", self.root.path().join("home")).env("PATH", "/usr/bin:/bin");
        command.env("USER", "tester").env("COLUMNS", "120").env("NO_COLOR", "1");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the binary to its end: arguments as a person types them, without quotes.
    pub(crate) fn run(&self, line: &str) -> Ran {
        self.run_args(&line.split_whitespace().collect::<Vec<_>>())
    }

    /// The same, with arguments one by one.
    pub(crate) fn run_args(&self, args: &[&str]) -> Ran {
        Started::new(&mut self.command(args), args.join(" ")).wait()
    }

    /// The same, with variables of the environment.
    pub(crate) fn run_with(&self, args: &[&str], variables: &[(&str, &str)]) -> Ran {
        let mut command = self.command(args);
        command.envs(variables.iter().copied());
        Started::new(&mut command, args.join(" ")).wait()
    }

    /// The same, with a text on standard input.
    pub(crate) fn run_fed(&self, line: &str, input: &str) -> Ran {
        let file = self.root.path().join("input");
        std::fs::write(&file, input).unwrap();
        let mut command = self.command(&line.split_whitespace().collect::<Vec<_>>());
        command.stdin(std::fs::File::open(file).unwrap());
        Started::new(&mut command, line.to_owned()).wait()
    }

    /// Starts the binary and comes back at once.
    pub(crate) fn start(&self, line: &str) -> Started {
        let args: Vec<_> = line.split_whitespace().collect();
        Started::new(&mut self.command(&args), line.to_owned())
    }

    /// Starts `pilotis sandbox` on this folder's data, as a process of its own.
    pub(crate) fn sandbox(&self) -> Sandbox {
        let announcement = self.path(".pilotis/sandbox.json");
        let process = self.start("sandbox");
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let text = std::fs::read_to_string(&announcement).unwrap_or_default();
            if let Ok(found) = serde_json::from_str::<Value>(&text)
                && found["pid"] == process.pid()
            {
                let client = |name: &str| Client::new(&found["endpoints"][name]);
                return Sandbox { gitlab: client("gitlab"), kubernetes: client("kubernetes"), process };
            }
            assert!(Instant::now() < deadline, "the sandbox did not start: {}", process.kill());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The addresses of managed objects in the state: without data sources.
    pub(crate) fn objects(&self) -> Vec<String> {
        let is_data = |address: &str| address.starts_with("data.") || address.contains(".data.");
        self.state().into_iter().filter(|address| !is_data(address)).collect()
    }

    /// The addresses in the state, sorted.
    pub(crate) fn state(&self) -> Vec<String> {
        let listed = self.run("state list").exits(0).out;
        let mut addresses: Vec<_> = listed.lines().map(str::to_owned).collect();
        addresses.sort();
        addresses
    }
}

/// Copies what an example is made of: what a run in the repository may have left is not part of it.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        if entry.path().is_dir() && !name.starts_with('.') {
            copy(&entry.path(), &to.join(name));
        } else if [".hcl", ".csv"].iter().any(|kind| name.ends_with(kind)) {
            std::fs::copy(entry.path(), to.join(name)).unwrap();
        }
    }
}

/// What became of a run.
#[derive(Clone, Debug)]
pub(crate) struct Ran {
    line: String,
    /// None if it was killed.
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Ran { line, code, out, err } = self;
        write!(f, "$ pilotis {line}\n{out}--- standard error\n{err}--- exit {code:?}")
    }
}

impl Ran {
    /// It ended with this exit code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Ran {
        assert_eq!(self.code, Some(code), "wrong exit code\n{self}");
        self
    }

    /// Both streams say all of these.
    #[track_caller]
    pub(crate) fn says(self, texts: &[&str]) -> Ran {
        let all = format!("{}\n{}", self.out, self.err);
        for text in texts {
            assert!(all.contains(text), "{text:?} is not said\n{self}");
        }
        self
    }

    /// Neither stream says any of these.
    #[track_caller]
    pub(crate) fn never_says(self, texts: &[&str]) -> Ran {
        let all = format!("{}\n{}", self.out, self.err);
        for text in texts {
            assert!(!all.contains(text), "{text:?} is said\n{self}");
        }
        self
    }

    /// Standard output as one JSON document.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("no JSON: {e}\n{self}"))
    }
}

/// A run that is under way. Threads read what it says: a full pipe would stop it.
pub(crate) struct Started {
    child: Child,
    out: Option<JoinHandle<String>>,
    err: Option<JoinHandle<String>>,
    line: String,
}

impl Started {
    pub(crate) fn new(command: &mut Command, line: String) -> Started {
        let mut child = command.spawn().unwrap();
        let (out, err) = (child.stdout.take().map(drain), child.stderr.take().map(drain));
        Started { child, out, err, line }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Has it ended by itself?
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Sends a signal, as `kill` does. A process that has just ended is no failure.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        Command::new("kill").args(["-s", name, &pid]).stderr(Stdio::null()).status().unwrap();
    }

    /// Waits until it ends, but not for ever.
    pub(crate) fn wait(mut self) -> Ran {
        let deadline = Instant::now() + LIMIT;
        while !self.has_ended() {
            if Instant::now() > deadline {
                panic!("it did not end\n{}", self.kill());
            }
            std::thread::sleep(Duration::from_millis(3));
        }
        self.ended()
    }

    /// SIGKILL: nothing of it runs on.
    pub(crate) fn kill(mut self) -> Ran {
        self.child.kill().unwrap();
        self.ended()
    }

    fn ended(mut self) -> Ran {
        let code = self.child.wait().unwrap().code();
        let text =
            |stream: Option<JoinHandle<String>>| stream.map_or_else(String::new, |s| s.join().unwrap());
        let (out, err) = (text(self.out.take()), text(self.err.take()));
        Ran { line: std::mem::take(&mut self.line), code, out, err }
    }
}

fn drain(mut stream: impl std::io::Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        // A killed program may stop in the middle of a character.
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A sandbox that runs on its own, so that one can look at it and change it behind Pilotis's back.
pub(crate) struct Sandbox {
    pub(crate) gitlab: Client,
    pub(crate) kubernetes: Client,
    process: Started,
}

impl Sandbox {
    /// Ends it as a person does.
    pub(crate) fn stop(self) -> Ran {
        self.process.signal("INT");
        self.process.wait()
    }

    /// Starts counting calls again.
    pub(crate) fn reset_calls(&self) {
        for client in [&self.gitlab, &self.kubernetes] {
            client.send("POST", "/-/sandbox/calls", None);
        }
    }

    /// Calls since then to both services: reads and writes.
    pub(crate) fn calls(&self) -> (u64, u64) {
        let (gitlab, kubernetes) = (self.gitlab.calls(), self.kubernetes.calls());
        (gitlab.0 + kubernetes.0, gitlab.1 + kubernetes.1)
    }

    /// Switches all faults off.
    pub(crate) fn heal(&self) {
        for client in [&self.gitlab, &self.kubernetes] {
            client.send("DELETE", "/-/sandbox/faults", None);
        }
    }

    /// Everything that there is of what a project needs, by its natural name and as often as it is there: two runs that
    /// should come to the same have the same inventory, whatever ids they got.
    pub(crate) fn inventory(&self) -> Vec<String> {
        let mut all = self.gitlab_inventory();
        all.extend(self.kubernetes_inventory());
        all.sort();
        all
    }

    fn gitlab_inventory(&self) -> Vec<String> {
        let mut all = Vec::new();
        let list = |path: &str| self.gitlab.list(path);
        let name = |object: &Value, key: &str| object[key].as_str().unwrap_or_default().to_owned();
        for group in list("/api/v4/groups") {
            let (id, path) = (&group["id"], name(&group, "full_path"));
            let members = list(&format!("/api/v4/groups/{id}/members"));
            let variables = list(&format!("/api/v4/groups/{id}/variables"));
            all.extend(members.iter().map(|m| format!("{path} member {}", name(m, "username"))));
            all.extend(variables.iter().map(|v| format!("{path} variable {}", name(v, "key"))));
            all.push(format!("group {path}"));
        }
        for project in list("/api/v4/projects") {
            let (id, path) = (&project["id"], name(&project, "path_with_namespace"));
            let part = |what: &str| list(&format!("/api/v4/projects/{id}/{what}"));
            all.extend(part("variables").iter().map(|v| format!("{path} variable {}", name(v, "key"))));
            all.extend(
                part("protected_branches").iter().map(|b| format!("{path} protects {}", name(b, "name"))),
            );
            all.extend(part("triggers").iter().map(|t| format!("{path} trigger {}", name(t, "description"))));
            all.push(format!("project {path}"));
        }
        all
    }

    fn kubernetes_inventory(&self) -> Vec<String> {
        let ours = self.namespaces();
        let mut all: Vec<_> = ours.iter().map(|n| format!("namespace {n}")).collect();
        for path in [
            "/api/v1/resourcequotas",
            "/api/v1/limitranges",
            "/api/v1/serviceaccounts",
            "/apis/rbac.authorization.k8s.io/v1/rolebindings",
            "/apis/networking.k8s.io/v1/networkpolicies",
        ] {
            for object in items(&self.kubernetes.get(path)) {
                let text = |key: &str| object["metadata"][key].as_str().unwrap_or_default().to_owned();
                if ours.contains(&text("namespace")) {
                    let kind = path.rsplit('/').next().unwrap_or_default();
                    all.push(format!("{} {kind} {}", text("namespace"), text("name")));
                }
            }
        }
        all
    }

    /// Namespaces that Pilotis made.
    pub(crate) fn namespaces(&self) -> BTreeSet<String> {
        let path = "/api/v1/namespaces?labelSelector=app.kubernetes.io/managed-by=pilotis";
        let found = self.kubernetes.get(path);
        let names = items(&found).iter().map(|n| n["metadata"]["name"].as_str().unwrap().to_owned());
        names.collect()
    }

    /// Paths of all groups of GitLab, sorted.
    pub(crate) fn groups(&self) -> Vec<String> {
        let groups = self.gitlab.list("/api/v4/groups");
        let mut paths: Vec<_> = groups.iter().map(|g| g["full_path"].as_str().unwrap().to_owned()).collect();
        paths.sort();
        paths
    }
}

fn items(list: &Value) -> &[Value] {
    list["items"].as_array().map_or(&[], Vec::as_slice)
}

/// Somebody else who uses a service: a person in the web page, another program.
pub(crate) struct Client {
    url: String,
    token: String,
    http: reqwest::Client,
    runtime: tokio::runtime::Runtime,
}

impl Client {
    fn new(endpoint: &Value) -> Client {
        let text = |key: &str| endpoint[key].as_str().unwrap_or_default().to_owned();
        // reqwest and the sandbox share one TLS provider; rustls refuses to guess.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let http = reqwest::Client::builder().tls_danger_accept_invalid_certs(true).no_proxy();
        // A connection that was idle may be closed by the server just when it is used again.
        let http = http.pool_max_idle_per_host(0);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Client { url: text("url"), token: text("token"), http: http.build().unwrap(), runtime }
    }

    /// Where the service answers.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The token with all rights.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// One request: status and body, null where it is not JSON.
    pub(crate) fn send(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let patch = method == reqwest::Method::PATCH;
        let mut request = self.http.request(method, format!("{}{path}", self.url)).bearer_auth(&self.token);
        if let Some(body) = body {
            let kind = if patch { "application/merge-patch+json" } else { "application/json" };
            request = request.header("content-type", kind).body(body.to_string());
        }
        self.runtime.block_on(async {
            let response = request.send().await.unwrap();
            let status = response.status().as_u16();
            let text = response.text().await.unwrap();
            (status, serde_json::from_str(&text).unwrap_or(Value::Null))
        })
    }

    fn done(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let (status, answer) = self.send(method, path, body);
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        answer
    }

    /// What is at a path.
    pub(crate) fn get(&self, path: &str) -> Value {
        self.done("GET", path, None)
    }

    /// Changes something.
    pub(crate) fn put(&self, path: &str, body: Value) -> Value {
        self.done("PUT", path, Some(body))
    }

    /// Changes some fields of something, as JSON merge patch.
    pub(crate) fn patch(&self, path: &str, body: Value) -> Value {
        self.done("PATCH", path, Some(body))
    }

    /// Makes something.
    pub(crate) fn post(&self, path: &str, body: Value) -> Value {
        self.done("POST", path, Some(body))
    }

    /// Removes something.
    pub(crate) fn delete(&self, path: &str) {
        self.done("DELETE", path, None);
    }

    /// All pages of a list of GitLab's.
    pub(crate) fn list(&self, path: &str) -> Vec<Value> {
        let mut all = Vec::new();
        for page in 1.. {
            let Value::Array(found) = self.get(&format!("{path}?per_page=100&page={page}")) else {
                panic!("{path} is no list")
            };
            let last = found.len() < 100;
            all.extend(found);
            if last {
                break;
            }
        }
        all
    }

    /// Calls since the last reset: reads and writes.
    pub(crate) fn calls(&self) -> (u64, u64) {
        let calls = self.get("/-/sandbox/calls");
        let number = |key: &str| calls[key].as_u64().unwrap();
        (number("total") - number("writes"), number("writes"))
    }

    /// Switches a fault on: `json!({"kind": "drop_after", "methods": ["POST"], "next": 1})`.
    pub(crate) fn fault(&self, fault: Value) {
        self.post("/-/sandbox/faults", fault);
    }

    /// Writes that the service has seen, oldest first, as `POST /api/v4/groups 201`.
    pub(crate) fn writes(&self) -> Vec<String> {
        let log = self.get("/-/sandbox/log");
        let writes = log.as_array().unwrap().iter().filter(|e| e["method"] != "GET");
        let text = |e: &Value| {
            format!("{} {} {}", e["method"].as_str().unwrap(), e["path"].as_str().unwrap(), e["status"])
        };
        writes.map(text).collect()
    }
}

/// `json!` in one word less: a description.
pub(crate) fn described(text: &str) -> Value {
    json!({ "description": text })
}

/// A transcript without what differs from run to run: ports, digests, times, paths.
#[macro_export]
macro_rules! transcript {
    ($text:expr, @$snapshot:literal) => {
        insta::with_settings!({filters => vec![
            (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
            (r"\b[0-9a-f]{64}\b", "DIGEST"),
            (r"\d+\.\d s\b", "SECONDS s"),
            (r"after \d+s", "after SECONDS"),
            (r"/tmp/\.tmp[A-Za-z0-9]+", "TEMP"),
        ]}, { insta::assert_snapshot!($text, @$snapshot) });
    };
}
