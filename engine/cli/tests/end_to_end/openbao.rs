//! Keys of a real OpenBao's transit engine. Skipped where there is none: `bao` in the path, or named by `PILOTIS_TEST_BAO`.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::ephemeral::holds_nowhere;
use crate::harness::{Folder, Ran};

const MARKED: &str = "m4rk3d-v4lu3";
const TOKEN: &str = "the-root-token-of-a-test";

const CONFIGURATION: &str = r#"
terraform {
  encryption {
    key_provider "openbao" "main" {
      key_name = "pilotis"
    }
    method "aes_gcm_siv" "main" {
      keys = key_provider.openbao.main
    }
    state {
      method = method.aes_gcm_siv.main
    }
    plan {
      method = method.aes_gcm_siv.main
    }
  }
}
variable "secret" {
  type      = string
  sensitive = true
}
resource "terraform_data" "a" {
  input = var.secret
}
"#;

/// A server in development mode, with a transit key; ends with the test.
struct Bao {
    process: Child,
    address: String,
}

impl Drop for Bao {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The program; none if there is none here.
fn program() -> Option<PathBuf> {
    let named = std::env::var_os("PILOTIS_TEST_BAO").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    named.or_else(|| std::env::split_paths(&path).map(|dir| dir.join("bao")).find(|file| file.is_file()))
}

impl Bao {
    fn start() -> Option<Bao> {
        let Some(program) = program() else {
            use std::io::Write as _;
            // Past the capture of the tests' output: what was skipped is counted.
            let _ = writeln!(std::io::stdout(), "skipped: a real OpenBao: bao is not installed");
            return None;
        };
        // A port that was free a moment ago.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = Command::new(program)
            .args(["server", "-dev", "-dev-no-store-token"])
            .arg(format!("-dev-root-token-id={TOKEN}"))
            .arg(format!("-dev-listen-address=127.0.0.1:{port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let bao = Bao { process, address: format!("http://127.0.0.1:{port}") };
        let deadline = Instant::now() + Duration::from_secs(60);
        while bao.post("sys/mounts/transit", json!({ "type": "transit" })).is_none() {
            assert!(Instant::now() < deadline, "the server did not start");
            std::thread::sleep(Duration::from_millis(100));
        }
        bao.post("transit/keys/pilotis", json!({})).unwrap();
        Some(bao)
    }

    /// None if the server doesn't answer yet.
    fn post(&self, path: &str, body: Value) -> Option<()> {
        let url = format!("{}/v1/{path}", self.address);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let request = reqwest::Client::new().post(url).header("x-vault-token", TOKEN);
            let answer = request.body(body.to_string()).send().await.ok()?;
            answer.status().is_success().then_some(())
        })
    }

    fn run(&self, folder: &Folder, line: &str, token: &str) -> Ran {
        let args: Vec<_> = line.split_whitespace().collect();
        let environment =
            [("BAO_ADDR", self.address.as_str()), ("BAO_TOKEN", token), ("PILOTIS_VAR_secret", MARKED)];
        folder.run_with(&args, &environment)
    }
}

#[test]
fn the_server_alone_unwraps_the_keys() {
    let Some(bao) = Bao::start() else { return };
    let folder = Folder::with(CONFIGURATION);
    bao.run(&folder, "plan -out=p.plan", TOKEN).exits(0);
    bao.run(&folder, "apply p.plan", TOKEN).exits(0);
    holds_nowhere(&folder, MARKED);
    bao.run(&folder, "plan", TOKEN).exits(0).says(&["No changes."]);
    // A key that was rotated on the server still unwraps what it wrapped before.
    bao.post("transit/keys/pilotis/rotate", json!({})).unwrap();
    bao.run(&folder, "plan", TOKEN).exits(0).says(&["No changes."]);
    bao.run(&folder, "plan", "another-token")
        .exits(1)
        .says(&["key_provider.openbao.main gives no key", "BAO_TOKEN"])
        .never_says(&["another-token"]);
    let address = bao.address.clone();
    drop(bao);
    folder
        .run_with(&["state", "list"], &[("VAULT_ADDR", &address), ("VAULT_TOKEN", TOKEN)])
        .exits(1)
        .says(&["key_provider.openbao.main gives no key"])
        .never_says(&[TOKEN]);
}
