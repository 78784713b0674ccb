//! A server for tests: moto, of PyPI (`moto[server]`), which ends with this process, however that ends.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "for tests, which say why they are skipped")]

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use secrecy::SecretString;

use crate::Options;

/// Names the program.
pub const PROGRAM: &str = "PILOTIS_TEST_MOTO";
/// Looked for in messages, where it must not be.
pub const SECRET: &str = "correct-horse-battery-staple";

const ANYBODY: &str = "AWS4-HMAC-SHA256 Credential=AKIATEST/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0";

/// Runs the server until its input ends: the tests are over then.
const WATCH: &str = r#"
"$@" >/dev/null 2>&1 </dev/null &
p=$!
read -r line
kill "$p" 2>/dev/null
wait "$p" 2>/dev/null
"#;

/// A server.
#[derive(Debug)]
pub struct Server {
    port: u16,
    input: Option<ChildStdin>,
    watch: Child,
}

/// A bucket of its own for one test.
#[derive(Debug)]
pub struct Bucket {
    server: &'static Server,
    /// Its name.
    pub name: String,
}

/// The server of this process; none if there can't be one, which is said.
pub fn shared() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    SERVER.get_or_init(|| Server::start(&[])).as_ref()
}

/// A fresh bucket on the server of this process; none if there is none.
pub fn bucket() -> Option<Bucket> {
    Some(shared()?.bucket())
}

impl Bucket {
    /// How a state in it is opened.
    pub fn options(&self) -> Options {
        self.server.options(&self.name)
    }

    /// The URL of its server.
    pub fn endpoint(&self) -> String {
        self.server.endpoint()
    }

    /// Puts an object there, as somebody else would.
    pub fn put(&self, key: &str, text: &str) {
        let (status, body) = self.server.request("PUT", &format!("/{}/{key}", self.name), text);
        assert_eq!(status, 200, "{body}");
    }

    /// The text of an object, if it is there.
    pub fn get(&self, key: &str) -> Option<String> {
        let (status, body) = self.server.request("GET", &format!("/{}/{key}", self.name), "");
        (status == 200).then_some(body)
    }

    /// Deletes an object, as somebody else would.
    pub fn delete(&self, key: &str) {
        let (status, body) = self.server.request("DELETE", &format!("/{}/{key}", self.name), "");
        assert_eq!(status, 204, "{body}");
    }

    /// The keys of its objects.
    pub fn keys(&self) -> Vec<String> {
        let (status, body) = self.server.request("GET", &format!("/{}?list-type=2", self.name), "");
        assert_eq!(status, 200, "{body}");
        body.split("<Key>").skip(1).filter_map(|rest| Some(rest.split_once("</Key>")?.0.to_owned())).collect()
    }
}

impl Server {
    /// Starts a server with variables of its own. None if this machine doesn't have it: then it says so.
    pub fn start(variables: &[(&str, &str)]) -> Option<Server> {
        let Some(program) = program() else {
            eprintln!("skipped: there is neither {PROGRAM} nor moto_server on this machine");
            return None;
        };
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut watch = Command::new("sh");
        watch.args(["-c", WATCH, "watch"]).arg(program).args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        watch.envs(variables.iter().copied());
        // In a group of its own: a signal to that of the tests must not keep it from cleaning up.
        let mut watch = watch
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Server { port, input: watch.stdin.take(), watch };
        let deadline = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "moto_server doesn't come up");
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(server)
    }

    /// The same server, for as long as this process lives.
    pub fn leak(self) -> &'static Server {
        Box::leak(Box::new(self))
    }

    /// Its URL.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A fresh bucket.
    pub fn bucket(&'static self) -> Bucket {
        let name = format!("test-{}", uuid::Uuid::new_v4().simple());
        let (status, body) = self.request("PUT", &format!("/{name}"), "");
        assert_eq!(status, 200, "{body}");
        Bucket { server: self, name }
    }

    /// How a state in a bucket is opened.
    pub fn options(&self, bucket: &str) -> Options {
        Options {
            bucket: bucket.to_owned(),
            key: "platform/terraform.tfstate".to_owned(),
            endpoint: Some(self.endpoint()),
            access_key: Some(SecretString::from("AKIATEST")),
            secret_key: Some(SecretString::from(SECRET)),
            use_path_style: true,
            environment: BTreeMap::new(),
            ..Options::default()
        }
    }

    /// A request whose signature nobody checks: the status and the body of its answer.
    pub fn request(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nAuthorization: {ANYBODY}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n",
            self.port
        );
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
        (status, body.to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.watch.wait();
    }
}

/// The program that is named, or the one on the PATH.
fn program() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os(PROGRAM).filter(|p| !p.is_empty()) {
        return Some(named.into());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|dir| dir.join("moto_server")).find(|file| file.is_file())
}
