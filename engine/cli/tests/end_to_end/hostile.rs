//! Services that lie, by mistake or on purpose: every answer that makes no sense ends in an error that says whose it is, and what is
//! recorded stays as it was.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::harness::Folder;
use crate::scripted::{Service, respond};

/// An answer, and its name.
type Lie = (&'static str, fn(&mut dyn Write));

fn raw(out: &mut dyn Write, text: &[u8]) {
    let _ = out.write_all(text);
}

/// Answers to anything that is asked.
const LIES: &[Lie] = &[
    ("nothing", |_| {}),
    ("another protocol", |out| raw(out, b"SSH-2.0-OpenSSH_9.9\r\n")),
    ("a status that there isn't", |out| raw(out, b"HTTP/1.1 999999 x\r\n\r\n{}")),
    ("headers without an end", |out| {
        raw(out, b"HTTP/1.1 200 x\r\n");
        for _ in 0..5_000 {
            raw(out, b"x-more: and more and more and more and more and more and more and more and more\r\n");
        }
    }),
    ("an empty body", |out| respond(out, 200, "", b"")),
    ("bytes that are no text", |out| respond(out, 200, "", b"{\"id\": 1, \"name\": \"\xff\xfe\x00\"}")),
    ("depth", |out| respond(out, 200, "", &b"[{\"a\":".repeat(100_000))),
    ("an array for an object", |out| respond(out, 200, "", b"[[], 1, null, {\"id\": []}]")),
    ("a number for an object", |out| respond(out, 200, "", b"1e999999999")),
    ("members of other types", |out| {
        respond(out, 200, "", b"{\"id\": {}, \"name\": 5, \"path\": [], \"full_path\": {}, \"items\": 7, \"major\": [], \"gitVersion\": {}}");
    }),
    ("less than it announces", |out| raw(out, b"HTTP/1.1 200 x\r\ncontent-length: 500\r\n\r\n{\"id\": 1")),
    ("more than it announces", |out| raw(out, b"HTTP/1.1 200 x\r\ncontent-length: 3\r\n\r\n{\"id\": 1}")),
    ("chunks that lie", |out| {
        raw(out, b"HTTP/1.1 200 x\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffff\r\n{}\r\n0\r\n\r\n");
    }),
    ("ten gigabytes", |out| {
        raw(out, b"HTTP/1.1 200 x\r\ncontent-type: application/json\r\ncontent-length: 10000000000\r\n\r\n");
        while out.write_all(&[b' '; 1 << 16]).is_ok() {}
    }),
];

#[test]
fn a_gitlab_that_lies() {
    for (what, lie) in LIES {
        let service = Service::start(None, move |_, out| lie(out));
        lied_to(what, &service, |url| {
            format!(
                "provider \"gitlab\" {{\n  base_url = \"{url}\"\n  token = \"glpat-0123456789\"\n  retries = 0\n}}\n\
                 data \"gitlab_group\" \"a\" {{\n  full_path = \"a\"\n}}\n"
            )
        });
    }
}

#[test]
fn a_kubernetes_that_lies() {
    // Those that break the line are asked again, with pauses.
    let of_json = [
        "bytes that are no text",
        "depth",
        "an array for an object",
        "members of other types",
        "more than it announces",
    ];
    for (what, lie) in LIES.iter().filter(|(what, _)| of_json.contains(what)) {
        let service = Service::start(None, move |_, out| lie(out));
        lied_to(what, &service, |url| {
            format!(
                "provider \"kubernetes\" {{\n  host = \"{url}\"\n  token = \"sha256~0123456789\"\n}}\n\
                 data \"kubernetes_server_version\" \"v\" {{}}\ndata \"kubernetes_all_namespaces\" \"all\" {{}}\n"
            )
        });
    }
}

/// A plan that asks such a service ends soon, with an error about it, and leaves the state alone.
fn lied_to(what: &str, service: &Service, page: impl Fn(&str) -> String) {
    let folder = Folder::with("resource \"terraform_data\" \"kept\" {\n  input = \"kept\"\n}\n");
    folder.run("apply -auto-approve").exits(0);
    let before = std::fs::read(folder.path("pilotis.db")).unwrap();
    folder.write("service.hcl", &page(&service.url()));
    let begun = Instant::now();
    let ran = folder.run("apply -auto-approve");
    assert!(matches!(ran.code, Some(1 | 4)), "{what}\n{ran}");
    // What is an object, but none of its type, is said by the type.
    let place = if what == "members of other types" { "service.hcl".to_owned() } else { service.url() };
    let ran = ran.says(&["error[E0419]", &place]).never_says(&["panicked", "0123456789"]);
    assert!(begun.elapsed() < Duration::from_secs(20), "{what}: {:?}\n{ran}", begun.elapsed());
    assert!(!service.lines().is_empty(), "{what}: nobody asked");
    assert!(
        std::fs::read(folder.path("pilotis.db")).unwrap() == before,
        "{what}: the state was changed\n{ran}"
    );
    assert_eq!(folder.state(), ["terraform_data.kept"]);
}

/// Whatever the server of a state says that isn't a state: it is never taken for an empty one, and nothing is written over it.
#[test]
fn a_state_server_that_lies() {
    for (what, lie) in LIES {
        let service = Service::start(None, move |request, out| match request.starts_with("GET ") {
            true => lie(out),
            false => respond(out, 200, "", b""),
        });
        let folder = Folder::with(&format!(
            "terraform {{\n  backend \"http\" {{\n    address = \"{}/state\"\n    retry_max = 0\n  }}\n}}\n\
             resource \"terraform_data\" \"new\" {{}}\n",
            service.url()
        ));
        let init = folder.run("init");
        let ran = if init.code == Some(0) { folder.run("apply -auto-approve") } else { init };
        // No body at all is how some servers say that there is nothing yet, as Terraform takes it too.
        if *what == "an empty body" {
            folder.run("plan").exits(0).says(&["1 to add"]);
            continue;
        }
        ran.exits(1).says(&["Error: ", &service.url()]).never_says(&["panicked", "complete!"]);
        let written = service.lines().into_iter().filter(|line| line.starts_with("POST ")).count();
        assert_eq!(written, 0, "{what}: something was written over what is there");
    }
}

#[test]
fn a_token_does_not_follow_a_redirect_to_another_host() {
    let elsewhere = Service::says(200, "{\"id\": 1}");
    let to = format!("location: {}/api/v4/groups/a?private_token=x\r\n", elsewhere.url());
    for status in [301, 302, 303, 307, 308] {
        let to = to.clone();
        let service = Service::start(None, move |_, out| respond(out, status, &to, b""));
        lied_to("a redirect", &service, |url| {
            format!(
                "provider \"gitlab\" {{\n  base_url = \"{url}\"\n  token = \"glpat-0123456789\"\n  retries = 0\n}}\n\
                 data \"gitlab_group\" \"a\" {{\n  full_path = \"a\"\n}}\n"
            )
        });
    }
    assert!(elsewhere.heard.all().is_empty(), "{:?}", elsewhere.heard.all());
}

/// Every member of a group's answer with a value of another type: refused or passed over, never a panic.
#[test]
fn each_member_of_an_answer_may_have_the_wrong_type() {
    let folder = Folder::empty();
    let sandbox = folder.sandbox();
    let group = sandbox.gitlab.get("/api/v4/groups/forge");
    let members: Vec<String> = group.as_object().unwrap().keys().cloned().collect();
    let wrong = ["{}", "[]", "5.5", "-1e400", "\"\u{0}\"", "true", "null"];
    let service = Service::start(None, move |request, out| {
        let path = request.split_whitespace().nth(1).unwrap_or_default();
        let (member, value) =
            path.rsplit('/').next().unwrap_or_default().rsplit_once('-').unwrap_or_default();
        let text = group.to_string();
        let marked = group.as_object().unwrap().get(member).map(ToString::to_string).unwrap_or_default();
        let value = wrong[value.parse::<usize>().unwrap_or_default() % wrong.len()];
        let lie = text.replacen(&format!("\"{member}\":{marked}"), &format!("\"{member}\":{value}"), 1);
        respond(out, 200, "", lie.as_bytes());
    });
    let keys: Vec<String> =
        (members.iter().flat_map(|m| (0..wrong.len()).map(move |i| format!("\"{m}-{i}\"")))).collect();
    folder.write(
        "main.hcl",
        &format!(
            "provider \"gitlab\" {{\n  base_url = \"{}\"\n  token = \"glpat-0123456789\"\n  retries = 0\n}}\n\
             data \"gitlab_group\" \"each\" {{\n  for_each = toset([{}])\n  full_path = each.key\n}}\n",
            service.url(),
            keys.join(", ")
        ),
    );
    let ran = folder.run("plan").exits(1).says(&["makes no sense", "id-0"]).never_says(&["panicked"]);
    let asked = service.lines().len();
    assert!(asked >= keys.len(), "{asked} of {} were asked\n{ran}", keys.len());
}

#[test]
fn a_list_of_kubernetes_that_never_ends() {
    for (what, more) in [("the same again", "\"same\""), ("no text", "5"), ("empty pages", "\"next\"")] {
        let pages = std::sync::atomic::AtomicUsize::new(0);
        let service = Service::start(None, move |_, out| {
            let page = pages.fetch_add(1, std::sync::atomic::Ordering::Relaxed).to_string();
            let more = more.replace("next", &page);
            let body = format!(
                "{{\"kind\": \"NamespaceList\", \"apiVersion\": \"v1\", \"metadata\": {{\"continue\": {more}}}, \"items\": []}}"
            );
            respond(out, 200, "", body.as_bytes());
        });
        lied_to(what, &service, |url| {
            format!(
                "provider \"kubernetes\" {{\n  host = \"{url}\"\n  token = \"sha256~0123456789\"\n}}\n\
                 data \"kubernetes_all_namespaces\" \"all\" {{}}\n"
            )
        });
    }
}

/// The same for a bucket, as far as its client doesn't try again with pauses.
#[test]
fn a_bucket_that_lies() {
    let of_bodies = ["bytes that are no text", "depth", "an array for an object", "ten gigabytes"];
    for (what, lie) in LIES.iter().filter(|(what, _)| of_bodies.contains(what)) {
        let service = Service::start(None, move |_, out| lie(out));
        let folder = Folder::with(&format!(
            "terraform {{\n  backend \"s3\" {{\n    bucket = \"b\"\n    key = \"k\"\n    endpoint = \"{}\"\n    access_key = \"a\"\n    \
             secret_key = \"s\"\n    use_path_style = true\n  }}\n}}\nresource \"terraform_data\" \"new\" {{}}\n",
            service.url()
        ));
        let begun = Instant::now();
        let init = folder.run("init");
        let ran = if init.code == Some(0) { folder.run("apply -auto-approve") } else { init };
        let ran = ran.exits(1).says(&["Error: ", &service.url()]).never_says(&["panicked", "complete!"]);
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}: {:?}\n{ran}", begun.elapsed());
        if *what == "ten gigabytes" {
            ran.says(&["the answer is larger than 16 MiB"]);
        }
        assert!(
            !service.lines().iter().any(|line| line.starts_with("PUT ")),
            "{what}: something was written"
        );
    }
}
