//! The state in PostgreSQL: chosen by `init`, used by every command, copied there and back.

use std::time::{Duration, Instant};

use pilotis_state::Store as _;
use pilotis_state_postgres::server::{self, PASSWORD, Schema};
use pilotis_state_sqlite::SqliteStore;

use crate::harness::{Folder, Ran, Started};

/// Three objects and an output, of no service.
pub(crate) const CONFIGURATION: &str = r#"
resource "random_pet" "name" {
  length = 2
}
resource "null_resource" "each" {
  for_each = toset(["a", "b"])
  triggers = { name = random_pet.name.id, key = each.key }
}
output "name" {
  value = random_pet.name.id
}
"#;

/// A folder, and a schema of its own on a server.
struct Estate {
    folder: Folder,
    schema: Schema,
}

impl Estate {
    /// None if there is no PostgreSQL, which was said then.
    fn new(configuration: &str) -> Option<Estate> {
        Some(Estate { schema: server::schema()?, folder: Folder::with(configuration) })
    }

    /// Says that the state is in PostgreSQL.
    fn choose_pg(&self) {
        let block = format!(
            "terraform {{\n  backend \"pg\" {{\n    schema_name = \"{}\"\n  }}\n}}\n",
            self.schema.name
        );
        self.folder.write("backend.tf", &block);
    }

    fn choose_files(&self) {
        std::fs::remove_file(self.folder.path("backend.tf")).unwrap();
    }

    fn run(&self, line: &str) -> Ran {
        let args: Vec<&str> = line.split_whitespace().collect();
        let ran = self.folder.run_with(&args, &[("PG_CONN_STR", self.schema.conn_str())]);
        // Whatever is said, the password isn't.
        ran.never_says(&[PASSWORD])
    }

    fn start(&self, line: &str) -> Started {
        let args: Vec<&str> = line.split_whitespace().collect();
        let mut command = self.folder.command(&args);
        Started::new(command.env("PG_CONN_STR", self.schema.conn_str()), line.to_owned())
    }
}

#[test]
fn a_state_in_postgresql() {
    let Some(estate) = Estate::new(CONFIGURATION) else { return };
    estate.choose_pg();
    estate.run("plan").exits(1).says(&["Backend initialization required", "pilotis init"]);
    estate.run("state list").exits(1).says(&["Backend initialization required"]);
    let place = format!("/postgres (schema {})", estate.schema.name);
    estate.run("init").exits(0).says(&["The state is in postgres://127.0.0.1:", &place]);
    let applied = estate.run("apply -auto-approve").exits(0).says(&["3 added"]);
    estate.run("plan -detailed-exitcode").exits(0);
    let name = estate.run("output -raw name").exits(0).out;
    assert!(applied.out.contains(&name), "{applied}");
    estate.run("state list").exits(0).says(&["random_pet.name", r#"null_resource.each["a"]"#]);
    estate.run("state show random_pet.name").exits(0).says(&[&name]);
    estate.run("show -json").exits(0).says(&[&name]);
    estate.run("state history random_pet.name").exits(0).says(&["create", "tester@"]);
    estate.run("state pull").exits(0).says(&["\"lineage\"", &name]);
    estate.run("taint random_pet.name").exits(0);
    estate.run("plan -detailed-exitcode").exits(2).says(&["is tainted"]);
    estate.run("untaint random_pet.name").exits(0);
    estate.run("state mv random_pet.name random_pet.other").exits(0);
    estate.run("state mv random_pet.other random_pet.name").exits(0);
    estate.run("plan -out=saved.plan").exits(0);
    estate.run("apply saved.plan").exits(0);

    estate.run("workspace new prod").exits(0);
    estate.run("workspace list").exits(0).says(&["  default\n* prod\n"]);
    estate.run("state list").exits(0).never_says(&["random_pet"]);
    estate.run("apply -auto-approve").exits(0).says(&["3 added"]);
    estate.run("workspace select default").exits(0);
    assert_eq!(estate.run("output -raw name").exits(0).out, name);
    estate.run("workspace delete prod").exits(1).says(&["Workspace is not empty"]);
    estate.run("workspace delete -force prod").exits(0);
    estate.run("workspace list").exits(0).never_says(&["prod"]);

    // Another folder reads what is there.
    let text = format!(
        "data \"terraform_remote_state\" \"other\" {{\n  backend = \"pg\"\n  config  = {{ schema_name = \"{}\" }}\n}}\n\
         output \"theirs\" {{\n  value = data.terraform_remote_state.other.outputs.name\n}}\n",
        estate.schema.name
    );
    let reader = Folder::with(&text);
    let variables = [("PG_CONN_STR", estate.schema.conn_str())];
    reader.run_with(&["apply", "-auto-approve"], &variables).exits(0).never_says(&[PASSWORD]);
    assert_eq!(reader.run("output -raw theirs").exits(0).out, name);

    estate.run("destroy -auto-approve").exits(0).says(&["3 destroyed"]);
    assert!(!estate.folder.path("pilotis.db").exists(), "nothing is stored beside the configuration");
}

#[test]
fn a_state_moves_there_and_back() {
    let Some(estate) = Estate::new(CONFIGURATION) else { return };
    estate.run("apply -auto-approve").exits(0);
    estate.run("workspace new prod").exits(0);
    estate.run("apply -auto-approve").exits(0);
    estate.run("workspace select default").exits(0);
    let (name, pulled) = (estate.run("output -raw name").exits(0).out, estate.run("state pull").exits(0).out);
    let history = estate.run("state history random_pet.name").exits(0).out;

    estate.choose_pg();
    estate.run("plan").exits(1).says(&["Backend initialization required"]);
    estate
        .run("init")
        .exits(1)
        .says(&["There is a state in files of this folder (workspace default)", "-migrate-state"]);
    let there = estate.run("init -migrate-state").exits(0);
    let there =
        there.says(&["Copied workspace default", "Copied workspace prod", "is kept as pilotis.db.migrated"]);
    assert!(there.out.contains("3 objects, 1 output, 1 run (serial "), "{there}");
    assert!(!estate.folder.path("pilotis.db").exists());
    assert_eq!(estate.run("state pull").exits(0).out, pulled, "lineage and serial are the same");
    assert_eq!(estate.run("state history random_pet.name").exits(0).out, history);
    estate.run("plan -detailed-exitcode").exits(0);
    estate.run("init").exits(0).never_says(&["Copied"]);
    estate.run("workspace select prod").exits(0);
    estate.run("state list").exits(0).says(&["random_pet.name"]);
    estate.run("workspace select default").exits(0);
    estate.run("taint random_pet.name").exits(0);
    let pulled = estate.run("state pull").exits(0).out;

    estate.choose_files();
    estate.run("plan").exits(1).says(&[
        "Backend configuration changed",
        "init -migrate-state",
        "init -reconfigure",
    ]);
    estate.run("init").exits(1).says(&["Backend configuration changed"]);
    let back = estate.run("init -migrate-state").exits(0);
    back.says(&["Copied workspace default", "is left there; nothing reads it any more"]);
    assert_eq!(estate.run("state pull").exits(0).out, pulled);
    assert_eq!(estate.run("output -raw name").exits(0).out, name);
    estate.run("apply -auto-approve").exits(0);

    // What was left there is not written over, and not gone on from unless somebody says so.
    estate.choose_pg();
    estate.run("init -migrate-state").exits(1).says(&["holds a state already", "init -reconfigure"]);
    estate.run("plan").exits(1).says(&["Backend configuration changed"]);
    estate.run("init -reconfigure").exits(0).never_says(&["Copied"]);
    assert_eq!(estate.run("state pull").exits(0).out, pulled, "as it was when it was left");
    assert!(estate.folder.path("pilotis.db").exists());
}

#[test]
fn what_init_is_given() {
    let Some(estate) = Estate::new("") else { return };
    estate.folder.write("backend.tf", "terraform {\n  backend \"pg\" {}\n}\n");
    let init = |more: &[&str]| {
        let args: Vec<&str> = ["init"].iter().chain(more).copied().collect();
        estate.folder.run_args(&args).never_says(&[PASSWORD])
    };
    init(&["-backend-config=schema=x"]).exits(1).says(&["has no argument \"schema\"", "schema_name"]);
    init(&["-backend-config=nowhere.hcl"]).exits(1).says(&["neither NAME=VALUE nor a file"]);
    let unreachable = ["-backend-config=conn_str=postgres://u:correct%20horse@127.0.0.1:1/d?sslmode=disable"];
    init(&unreachable).exits(1).says(&["postgres://127.0.0.1:1/d", "Connection refused"]);
    assert!(!estate.folder.path(".pilotis/backend.json").exists(), "nothing rests on what can't be reached");

    let given =
        format!("conn_str = \"{}\"\nschema_name = \"{}\"\n", estate.schema.conn_str(), estate.schema.name);
    estate.folder.write("prod.tfbackend", &given);
    init(&["-backend-config=prod.tfbackend"]).exits(0).says(&[&estate.schema.name]);
    estate.folder.run("workspace list").exits(0);
    // A second time without it, as after fetching a module.
    init(&[]).exits(0);
    estate.folder.run("workspace list").exits(0);
    #[cfg(unix)]
    {
        let note = std::fs::metadata(estate.folder.path(".pilotis/backend.json")).unwrap();
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&note.permissions()) & 0o777, 0o600);
    }

    // Another program's schema is left alone.
    let other = server::schema().unwrap();
    other.sql(&format!("CREATE SCHEMA {}; CREATE TABLE {0}.states (id bigint)", other.name));
    let schema = format!("-backend-config=schema_name={}", other.name);
    init(&["-backend-config=prod.tfbackend", &schema, "-reconfigure"])
        .exits(1)
        .says(&["terraform state pull"]);
    estate.folder.run("workspace list").exits(0);

    // No block, nothing to configure.
    estate.folder.write("backend.tf", "");
    init(&["-backend-config=prod.tfbackend"]).exits(1).says(&["Missing backend configuration"]);
}

const SLOW: &str = r#"
resource "time_sleep" "first" {
  create_duration = "10s"
}
resource "null_resource" "then" {
  triggers = { first = time_sleep.first.id }
}
"#;

/// Waits until a run has begun its first change.
fn begun(estate: &Estate, run: &mut Started) {
    let deadline = Instant::now() + Duration::from_secs(30);
    let open = || estate.schema.texts(&format!("SELECT id FROM {}.intent", estate.schema.name));
    while open().is_empty() {
        assert!(!run.has_ended() && Instant::now() < deadline, "it began nothing");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn two_applies_of_the_same_objects() {
    let Some(estate) = Estate::new(SLOW) else { return };
    estate.choose_pg();
    estate.run("init").exits(0);
    let mut first = estate.start("apply -auto-approve");
    begun(&estate, &mut first);
    let pid = first.pid().to_string();
    let refused = estate.run("apply -auto-approve").exits(8);
    let refused = refused.says(&[
        "the state is locked",
        "is being changed by tester@",
        &pid,
        ", since 20",
        "force-unlock",
    ]);
    estate.run("taint null_resource.then").exits(8).says(&["is being changed by tester@", &pid]);
    let id = refused.err.split("(run ").nth(1).unwrap().split(')').next().unwrap().to_owned();
    estate.run("force-unlock nonsense").exits(1).says(&["no run nonsense holds a lock", &id]);
    let asked = estate.run(&format!("force-unlock {id}"));
    asked.exits(1).says(&["Do you really want to force-unlock?", "force-unlock cancelled"]);
    let waited = estate.run("apply -auto-approve -lock-timeout=60s");
    assert!(matches!(waited.code, Some(0 | 7)), "{waited}");
    first.wait().exits(0);
    estate.run("plan -detailed-exitcode").exits(0);
}

#[test]
fn a_run_that_was_unlocked_begins_nothing_more() {
    let Some(estate) = Estate::new(SLOW) else { return };
    estate.choose_pg();
    estate.run("init").exits(0);
    let mut first = estate.start("apply -auto-approve");
    begun(&estate, &mut first);
    let id = estate.schema.texts(&format!("SELECT run FROM {}.holder", estate.schema.name)).remove(0);
    estate.run(&format!("force-unlock -force {id}")).exits(0).says(&["successfully unlocked"]);
    let lost = first.wait();
    assert!(matches!(lost.code, Some(1 | 6 | 130)), "{lost}");
    estate.run("state list").exits(0).says(&["time_sleep.first"]).never_says(&["null_resource.then"]);
    estate.run("apply -auto-approve").exits(0).says(&["1 added"]);
}

#[test]
fn a_lock_of_a_file_can_be_taken_away_too() {
    let folder = Folder::with(SLOW);
    let mut first = folder.start("apply -auto-approve");
    let deadline = Instant::now() + Duration::from_secs(30);
    let held = || {
        let store = SqliteStore::open_existing(folder.path("pilotis.db")).unwrap();
        store.is_some_and(|mut store| !store.snapshot().unwrap().intents.is_empty())
    };
    while !held() {
        assert!(!first.has_ended() && Instant::now() < deadline, "it began nothing");
        std::thread::sleep(Duration::from_millis(20));
    }
    let refused = folder.run("apply -auto-approve").exits(8);
    let id = refused.err.split("(run ").nth(1).unwrap().split(')').next().unwrap().to_owned();
    folder.run(&format!("force-unlock -force {id}")).exits(0);
    first.wait();
    folder.run("force-unlock -force x").exits(1).says(&["nobody holds a lock"]);
}

#[test]
fn a_backup_brings_a_lost_state_back() {
    let Some(estate) = Estate::new(CONFIGURATION) else { return };
    estate.run("state backup early.db").exits(1).says(&["there is no state yet"]);
    for pg in [false, true] {
        if pg {
            estate.choose_pg();
            estate.run("init -migrate-state").exits(0);
        }
        estate.run("apply -auto-approve").exits(0);
        let name = estate.run("output -raw name").exits(0).out;
        let file = format!("backup-{pg}.db");
        estate.run(&format!("state backup {file}")).exits(0).says(&["3 objects", "looks into it"]);
        estate.run(&format!("state backup {file}")).exits(1).says(&["is there already"]);
        estate.run(&format!("state list -state={file}")).exits(0).says(&["random_pet.name"]);
        estate.run(&format!("state recover {file}")).exits(0).says(&["Nothing to recover"]);
        let history = estate.run("state history random_pet.name").exits(0).out;

        estate.run("plan -out=saved.plan -replace=random_pet.name").exits(0);
        estate.run("state rm random_pet.name").exits(0);
        estate.run(&format!("state recover {file}")).exits(1).says(&["-force puts it aside"]);
        let kept = if pg { "workspace default.replaced" } else { "pilotis.db.replaced" };
        estate.run(&format!("state recover -force {file}")).exits(0).says(&["Recovered 3 objects", kept]);
        assert_eq!(estate.run("output -raw name").exits(0).out, name);
        assert_eq!(estate.run("state history random_pet.name").exits(0).out, history);
        estate.run("plan -detailed-exitcode").exits(0);
    }
    // What was put aside can be looked at.
    estate.run("workspace select default.replaced").exits(0);
    estate.run("state list").exits(0).never_says(&["random_pet.name"]);
}

#[test]
fn a_damaged_state_is_put_aside_for_its_backup() {
    let folder = Folder::with(CONFIGURATION);
    folder.run("apply -auto-approve").exits(0);
    folder.run("state backup backup.db").exits(0);
    folder.write("pilotis.db", "not a database any more");
    folder.run("plan").exits(1).says(&["is damaged or is not a Pilotis state"]);
    folder.run("state recover backup.db").exits(1).says(&["is damaged"]);
    folder.run("state recover -force backup.db").exits(0).says(&["is kept as pilotis.db.replaced"]);
    assert_eq!(folder.read("pilotis.db.replaced"), "not a database any more");
    folder.run("plan -detailed-exitcode").exits(0);
    folder.run("state recover nowhere.db").exits(1).says(&["there is no file nowhere.db"]);
}
