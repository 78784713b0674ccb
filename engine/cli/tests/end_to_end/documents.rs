//! The state as a document on a server: in GitLab, over the protocol of Terraform's `http` backend, and in a bucket; copied from each
//! backend to the next.

use std::time::{Duration, Instant};

use pilotis_state_s3::server as bucket;
use serde_json::json;

use crate::backends::CONFIGURATION;
use crate::harness::{Folder, Ran, Sandbox, Started};

const SLOW: &str = r#"
resource "terraform_data" "slow" {
  provisioner "local-exec" {
    command = "sleep 30"
  }
}
"#;

/// A folder whose state is in a project of the sandbox's GitLab.
pub(crate) struct InGitLab {
    pub(crate) folder: Folder,
    pub(crate) sandbox: Sandbox,
    pub(crate) address: String,
}

impl InGitLab {
    pub(crate) fn new(configuration: &str) -> InGitLab {
        let folder = Folder::with(configuration);
        let sandbox = folder.sandbox();
        let project = sandbox.gitlab.post("/api/v4/projects", json!({ "name": "infra" }));
        let address =
            format!("{}/api/v4/projects/{}/terraform/state/prod", sandbox.gitlab.url(), project["id"]);
        let block = format!(
            "terraform {{\n  backend \"http\" {{\n    address        = \"{address}\"\n    lock_address   = \"{address}/lock\"\n    \
             unlock_address = \"{address}/lock\"\n    lock_method    = \"POST\"\n    unlock_method  = \"DELETE\"\n  }}\n}}\n"
        );
        folder.write("backend.tf", &block);
        InGitLab { folder, sandbox, address }
    }

    /// The address for the client, which knows the server.
    pub(crate) fn path(&self) -> &str {
        self.address.strip_prefix(self.sandbox.gitlab.url()).unwrap()
    }

    pub(crate) fn variables(&self) -> [(&str, &str); 2] {
        [("TF_HTTP_USERNAME", "ci"), ("TF_HTTP_PASSWORD", self.sandbox.gitlab.token())]
    }

    pub(crate) fn run(&self, line: &str) -> Ran {
        let args: Vec<&str> = line.split_whitespace().collect();
        self.folder.run_with(&args, &self.variables()).never_says(&[self.sandbox.gitlab.token()])
    }

    pub(crate) fn start(&self, line: &str) -> Started {
        let args: Vec<&str> = line.split_whitespace().collect();
        let mut command = self.folder.command(&args);
        Started::new(command.envs(self.variables()), line.to_owned())
    }

    /// What another folder gets with `terraform_remote_state` of an output.
    pub(crate) fn reads(&self, output: &str) -> String {
        let text = format!(
            "data \"terraform_remote_state\" \"other\" {{\n  backend = \"http\"\n  config  = {{ address = \"{}\" }}\n}}\n\
             output \"theirs\" {{\n  value = data.terraform_remote_state.other.outputs.{output}\n}}\n",
            self.address
        );
        let reader = Folder::with(&text);
        reader.run_with(&["apply", "-auto-approve"], &self.variables()).exits(0);
        reader.run("output -raw theirs").exits(0).out
    }

    /// Waits until a run holds the state.
    pub(crate) fn wait_until_locked(&self) {
        let lock = format!("{}/lock", self.path());
        let probe = json!({
            "ID": "probe", "Operation": "", "Info": "", "Who": "", "Version": "", "Created": "", "Path": "",
        });
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            let (status, _) = self.sandbox.gitlab.send("POST", &lock, Some(probe.clone()));
            if status == 409 {
                return;
            }
            self.sandbox.gitlab.send("DELETE", &format!("{lock}?ID=probe"), None);
            assert!(Instant::now() < end, "nobody locks the state");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// A folder whose state is in a bucket of its own.
pub(crate) struct InBucket {
    pub(crate) folder: Folder,
    pub(crate) bucket: bucket::Bucket,
}

impl InBucket {
    /// None if there is no server for it, which was said then.
    pub(crate) fn new(configuration: &str) -> Option<InBucket> {
        let bucket = bucket::bucket()?;
        let folder = Folder::with(configuration);
        let block = "terraform {\n  backend \"s3\" {\n    key = \"infra/prod.tfstate\"\n    use_path_style = true\n  }\n}\n";
        folder.write("backend.tf", block);
        Some(InBucket { folder, bucket })
    }

    /// Chosen, and empty.
    pub(crate) fn begun(configuration: &str) -> Option<InBucket> {
        let estate = InBucket::new(configuration)?;
        estate.init().exits(0).says(&["The state is in s3://"]);
        Some(estate)
    }

    pub(crate) fn init(&self) -> Ran {
        self.run(&format!("init -backend-config=bucket={}", self.bucket.name))
    }

    pub(crate) fn command(&self, line: &str) -> std::process::Command {
        let args: Vec<&str> = line.split_whitespace().collect();
        let mut command = self.folder.command(&args);
        command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "a-secret-of-s3");
        command.env("AWS_REGION", "eu-west-3").env("AWS_ENDPOINT_URL_S3", self.bucket.endpoint());
        command
    }

    pub(crate) fn run(&self, line: &str) -> Ran {
        Started::new(&mut self.command(line), line.to_owned()).wait().never_says(&["a-secret-of-s3"])
    }
}

#[test]
fn a_state_in_gitlab() {
    let estate = InGitLab::new(CONFIGURATION);
    estate.run("plan").exits(1).says(&["Backend initialization required", "pilotis init"]);
    estate.run("init").exits(0).says(&["The state is in http", "/terraform/state/prod"]);
    estate.run("apply -auto-approve").exits(0).says(&["3 added"]);
    estate.run("plan -detailed-exitcode").exits(0);
    let name = estate.run("output -raw name").exits(0).out;
    estate.run("state list").exits(0).says(&["random_pet.name", r#"null_resource.each["a"]"#]);
    estate.run("state mv random_pet.name random_pet.other").exits(0);
    estate.run("state mv random_pet.other random_pet.name").exits(0);
    estate.run("state history random_pet.name").exits(0).says(&["create", "tester@"]);
    estate.run("audit verify").exits(0);
    estate.run("plan -out=saved.plan").exits(0);
    estate.run("apply saved.plan").exits(0);
    estate.run("workspace new prod").exits(1).says(&["backend \"http\" has one state, and no workspaces"]);

    // Another folder reads what is there.
    assert_eq!(estate.reads("name"), name);

    estate.run("destroy -auto-approve").exits(0).says(&["3 destroyed"]);
    assert!(!estate.folder.path("pilotis.db").exists(), "nothing is stored beside the configuration");
}

#[test]
fn a_state_in_gitlab_is_one_runs_at_a_time() {
    let estate = InGitLab::new(SLOW);
    estate.run("init").exits(0);
    let slow = estate.start("apply -auto-approve -allow-exec");
    estate.wait_until_locked();
    estate.run("apply -auto-approve -allow-exec").exits(8).says(&["is being changed by", "tester@"]);
    // A run that was killed is not waited for: on this machine one can see that it is dead.
    slow.kill();
    estate.folder.write("main.hcl", "");
    estate.run("apply -auto-approve").exits(0);
    estate.run("apply -auto-approve").exits(0).says(&["No changes"]);
}

#[test]
fn a_state_that_moves_through_all_backends() {
    let estate = InGitLab::new(CONFIGURATION);
    let Some(bucket) = bucket::bucket() else { return };
    let http = estate.folder.read("backend.tf");
    let run = |line: &str| estate.run(line);
    // In files first.
    std::fs::remove_file(estate.folder.path("backend.tf")).unwrap();
    run("apply -auto-approve").exits(0).says(&["3 added"]);
    let name = run("output -raw name").exits(0).out;
    run("plan -out=saved.plan").exits(0);
    let s3 = format!(
        "terraform {{\n  backend \"s3\" {{\n    bucket = \"{}\"\n    key = \"infra/prod.tfstate\"\n    region = \"eu-west-3\"\n    endpoints = {{ s3 = \"{}\" }}\n    \
         access_key = \"test\"\n    secret_key = \"a-secret-of-s3\"\n    use_path_style = true\n  }}\n}}\n",
        bucket.name,
        bucket.endpoint()
    );
    let mut digests = Vec::new();
    for (block, place) in [(Some(&http), "/terraform/state/prod"), (Some(&s3), "s3://"), (None, "pilotis.db")]
    {
        match block {
            Some(block) => estate.folder.write("backend.tf", block),
            None => std::fs::remove_file(estate.folder.path("backend.tf")).unwrap(),
        }
        run("plan").exits(1).says(&["init"]);
        let said = run("init -migrate-state").exits(0).says(&["3 objects, 1 output", place]);
        let said = said.never_says(&["a-secret-of-s3"]).out;
        let digest = said.split("both have the digest ").nth(1).unwrap();
        digests.push(digest.split('.').next().unwrap().to_owned());
        run("plan -detailed-exitcode").exits(0);
        assert_eq!(run("output -raw name").exits(0).out, name);
    }
    assert!(digests.iter().all(|digest| digest == &digests[0]), "each holds the same: {digests:?}");
    run("apply saved.plan").exits(0);
    run("destroy -auto-approve").exits(0).says(&["3 destroyed"]);
}

#[test]
fn a_state_in_a_bucket() {
    let Some(estate) = InBucket::new(CONFIGURATION) else { return };
    let (bucket, run) = (&estate.bucket, |line: &str| estate.run(line));
    run("init").exits(1).says(&["bucket"]);
    let wrong = run(&format!("init -backend-config=buckett={}", bucket.name)).exits(1);
    wrong.says(&["no argument \"buckett\". Did you mean bucket?"]);
    run(&format!("init -backend-config=bucket={}", bucket.name)).exits(0).says(&["The state is in s3://"]);
    run("apply -auto-approve").exits(0).says(&["3 added"]);
    run("plan -detailed-exitcode").exits(0);
    run("workspace new prod").exits(0);
    run("state list").exits(0).never_says(&["random_pet"]);
    run("apply -auto-approve").exits(0).says(&["3 added"]);
    run("workspace list").exits(0).says(&["  default\n* prod\n"]);
    run("workspace select default").exits(0);
    run("workspace delete -force prod").exits(0);
    run("workspace list").exits(0).never_says(&["prod"]);
    run("audit verify").exits(0);
    run("destroy -auto-approve").exits(0).says(&["3 destroyed"]);
}
