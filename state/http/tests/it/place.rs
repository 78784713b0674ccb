//! A GitLab with a project, for one test; and a server that says what it is told to say.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use pilotis_sandbox::gitlab::GitLab;
use pilotis_sandbox::{Faults, Running, Sandbox, ServiceOptions};
use pilotis_state::{Holder, Lease, RunId, Timestamp};
use pilotis_state_http::{HttpDocument, Options};
use pilotis_state_process::this_process;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

pub(crate) struct Place {
    pub(crate) address: String,
    pub(crate) token: String,
    pub(crate) url: String,
    /// All requests: `POST /path?query`.
    pub(crate) seen: Arc<Mutex<Vec<String>>>,
    running: Running,
    runtime: Runtime,
    _folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let runtime = Runtime::new().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        let options = pilotis_sandbox::Options::empty(folder.path().join("sandbox.db"))
            .with(GitLab::new(), ServiceOptions { port: Some(0), ..ServiceOptions::default() })
            .log(move |exchange| log.lock().unwrap().push(format!("{} {}", exchange.method, exchange.path)));
        let running = runtime.block_on(Sandbox::start(options)).unwrap();
        let endpoint = running.endpoint("gitlab").unwrap().clone();
        let mut place = Place {
            address: String::new(),
            token: endpoint.token,
            url: endpoint.url,
            seen,
            running,
            runtime,
            _folder: folder,
        };
        let group = place.ask(Method::POST, "/groups", Some(json!({ "name": "forge", "path": "forge" })));
        let project = json!({ "path": "infra", "namespace_id": group.1["id"] });
        let project = place.ask(Method::POST, "/projects", Some(project));
        assert_eq!(project.0, 201, "{}", project.1);
        place.address = format!("{}/api/v4/projects/{}/terraform/state/prod", place.url, project.1["id"]);
        place
    }

    /// Status and body of what GitLab answers.
    pub(crate) fn ask(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let url =
            if path.starts_with("http") { path.to_owned() } else { format!("{}/api/v4{path}", self.url) };
        self.runtime.block_on(async {
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            let mut request = client.request(method, url).header("PRIVATE-TOKEN", &self.token);
            if let Some(body) = body {
                request = request.json(&body);
            }
            let answer = request.send().await.unwrap();
            (
                answer.status().as_u16(),
                serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default(),
            )
        })
    }

    pub(crate) fn faults(&self) -> Faults {
        self.running.faults("gitlab").unwrap()
    }

    pub(crate) fn options(&self, locks: bool) -> Options {
        let lock = format!("{}/lock", self.address);
        let mut arguments = vec![
            ("address", self.address.as_str()),
            ("username", "marie"),
            ("password", &self.token),
            ("lock_method", "POST"),
            ("unlock_method", "DELETE"),
        ];
        if locks {
            arguments.extend([("lock_address", lock.as_str()), ("unlock_address", lock.as_str())]);
        }
        quick(&arguments)
    }

    /// With GitLab's lock.
    pub(crate) fn open(&self) -> HttpDocument {
        HttpDocument::new(&self.options(true)).unwrap()
    }

    /// How many requests with this method were made since this was asked last.
    pub(crate) fn count(&self, method: &str) -> usize {
        let seen = std::mem::take(&mut *self.seen.lock().unwrap());
        seen.iter().filter(|line| line.starts_with(&format!("{method} "))).count()
    }
}

/// Options that wait little.
pub(crate) fn quick(arguments: &[(&str, &str)]) -> Options {
    let arguments: BTreeMap<_, _> = arguments.iter().copied().collect();
    let said = |name: &str| arguments.get(name).map(|&text| text.to_owned());
    let options = Options::new(said, &BTreeMap::new()).unwrap();
    Options { retry_wait_min: Duration::from_millis(1), ..options }
}

pub(crate) fn text(serial: u64, word: &str) -> Vec<u8> {
    format!(r#"{{"serial":{serial},"lineage":"l","word":"{word}"}}"#).into_bytes()
}

pub(crate) fn lease(run: &str) -> Lease {
    Lease {
        mode: pilotis_state::LeaseMode::Exclusive,
        address: "a".into(),
        holder: this_process("marie@laptop"),
        run: RunId(run.into()),
        since: Timestamp(1_769_938_200_000),
        expires: Timestamp(1_769_938_300_000),
    }
}

pub(crate) fn dead() -> Holder {
    Holder { pid: u32::MAX, ..this_process("paul@laptop") }
}

/// A server that gives each connection the next of these answers, and its address.
pub(crate) fn server(answers: Vec<Vec<u8>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/state", listener.local_addr().unwrap());
    thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut buffer = [0; 65536];
            let _ = stream.read(&mut buffer);
            let _ = stream.write_all(&answer);
        }
    });
    address
}

pub(crate) fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}")
        .into_bytes()
}
