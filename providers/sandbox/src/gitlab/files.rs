//! Files of a repository, one at a time, and its tree.
//!
//! <https://docs.gitlab.com/api/repository_files/>, <https://docs.gitlab.com/api/repositories/>

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    answer::{Answer, Failure},
    call::{Call, Route},
    model::{Commit, FileEntry, Repository, Scope, level},
    repository::{Action, ActionKind, Draft, TreeEntry, commit, directory, may_push},
    world::hex,
};

pub(super) const ROUTES: &[Route] = &[
    ("GET", "/projects/{id}/repository/tree", tree),
    ("GET", "/projects/{id}/repository/blobs/{sha}", blob),
    ("GET", "/projects/{id}/repository/blobs/{sha}/raw", blob_raw),
    ("GET", "/projects/{id}/repository/files/{file_path}", show),
    ("HEAD", "/projects/{id}/repository/files/{file_path}", head),
    ("GET", "/projects/{id}/repository/files/{file_path}/raw", raw),
    ("POST", "/projects/{id}/repository/files/{file_path}", create),
    ("PUT", "/projects/{id}/repository/files/{file_path}", update),
    ("DELETE", "/projects/{id}/repository/files/{file_path}", remove),
];

/// The project's repository, for reading.
pub(super) fn repository<'c>(call: &'c Call<'_>) -> Result<&'c Repository, Failure> {
    let project = call.project()?;
    let open = call.world.projects[&project].visibility != "private";
    if !open && call.level(Scope::Project(project)) < level::REPORTER {
        return Err(Failure::forbidden());
    }
    static EMPTY: std::sync::LazyLock<Repository> = std::sync::LazyLock::new(Repository::default);
    Ok(call.world.repositories.get(&project).unwrap_or(&EMPTY))
}

/// The project, for a commit to this branch.
pub(super) fn writable(call: &Call<'_>, branch: &str) -> Result<u64, Failure> {
    let project = call.project()?;
    let scope = Scope::Project(project);
    call.needs(scope, level::DEVELOPER)?;
    if call.world.projects[&project].archived {
        return Err(Failure::forbidden());
    }
    let viewer = call.viewer()?;
    let level = if viewer.admin { level::ADMIN } else { call.level(scope) };
    may_push(call.world, project, branch, viewer.user, level)?;
    Ok(project)
}

struct Found<'r> {
    head: &'r Commit,
    reference: String,
    entry: &'r FileEntry,
    content: &'r [u8],
    last: Option<&'r Commit>,
}

fn find<'c>(call: &'c Call<'_>, path: &str, default_ref: bool) -> Result<Found<'c>, Failure> {
    let repository = repository(call)?;
    let project = &call.world.projects[&call.project()?];
    let usual = project.default_branch.clone().unwrap_or_else(|| "main".to_owned());
    let reference = match call.params.text("ref").filter(|reference| !reference.is_empty()) {
        Some(reference) if reference == "HEAD" => usual,
        Some(reference) => reference,
        None if default_ref => usual,
        None => {
            call.params.wrong("ref is missing");
            call.params.check()?;
            usual
        }
    };
    let head = repository.resolve(&reference).ok_or_else(|| Failure::not_found("Commit"))?;
    let entry = head.tree.get(path).ok_or_else(|| Failure::not_found("File"))?;
    let content = repository.blobs.get(&entry.blob).ok_or_else(|| Failure::not_found("File"))?;
    let last = repository.last_change(head, path);
    Ok(Found { head, reference, entry, content, last })
}

fn headers(found: &Found<'_>, path: &str) -> Vec<(&'static str, String)> {
    let name = path.rsplit('/').next().unwrap_or(path);
    vec![
        ("x-gitlab-blob-id", found.entry.blob.clone()),
        ("x-gitlab-commit-id", found.head.id.clone()),
        ("x-gitlab-content-sha256", hex(&Sha256::digest(found.content))),
        ("x-gitlab-encoding", "base64".to_owned()),
        ("x-gitlab-file-name", name.to_owned()),
        ("x-gitlab-file-path", path.to_owned()),
        ("x-gitlab-last-commit-id", found.last.map(|commit| commit.id.clone()).unwrap_or_default()),
        ("x-gitlab-ref", found.reference.clone()),
        ("x-gitlab-size", found.content.len().to_string()),
        ("x-gitlab-execute-filemode", found.entry.executable.to_string()),
    ]
}

fn show(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let path = call.part("file_path").to_owned();
    let found = find(call, &path, false)?;
    Answer::ok(json!({
        "file_name": path.rsplit('/').next(),
        "file_path": path,
        "size": found.content.len(),
        "encoding": "base64",
        "content_sha256": hex(&Sha256::digest(found.content)),
        "ref": found.reference,
        "blob_id": found.entry.blob,
        "commit_id": found.head.id,
        "last_commit_id": found.last.map(|commit| &commit.id),
        "execute_filemode": found.entry.executable,
        "content": STANDARD.encode(found.content),
    }))
}

fn head(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let path = call.part("file_path").to_owned();
    let found = find(call, &path, false)?;
    Ok(Answer::Head(headers(&found, &path)))
}

fn raw(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let path = call.part("file_path").to_owned();
    let found = find(call, &path, true)?;
    let mut headers = headers(&found, &path);
    headers.push(("content-type", "text/plain; charset=utf-8".to_owned()));
    Ok(Answer::Raw(found.content.to_vec(), headers))
}

fn blob_content<'c>(call: &'c Call<'_>) -> Result<(&'c str, &'c [u8]), Failure> {
    let sha = call.part("sha");
    let content = repository(call)?.blobs.get(sha).ok_or_else(|| Failure::not_found("Blob"))?;
    Ok((sha, content))
}

fn blob(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let (sha, content) = blob_content(call)?;
    Answer::ok(json!({
        "size": content.len(), "encoding": "base64", "content": STANDARD.encode(content), "sha": sha
    }))
}

fn blob_raw(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let (_, content) = blob_content(call)?;
    Ok(Answer::Raw(content.to_vec(), vec![("content-type", "text/plain; charset=utf-8".to_owned())]))
}

fn tree(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let repository = repository(call)?;
    let project = &call.world.projects[&call.project()?];
    let reference = call.params.text("ref").filter(|reference| !reference.is_empty());
    let path = call.params.text("path").unwrap_or_default().trim_matches('/').to_owned();
    let recursive = call.params.flag("recursive").unwrap_or(false);
    let keyset = call.params.text("pagination").is_some_and(|kind| kind == "keyset");
    let token = call.params.text("page_token");
    call.params.check()?;
    let usual = project.default_branch.clone().unwrap_or_else(|| "main".to_owned());
    let Some(commit) = repository.resolve(&reference.unwrap_or(usual)) else {
        return Err(Failure::not_found("Tree"));
    };
    let mut entries = Vec::new();
    let mut open = vec![path.clone()];
    while let Some(path) = open.pop() {
        let found = directory(&commit.tree, &path);
        if recursive {
            open.extend(found.iter().filter(|entry| entry.directory).map(|entry| entry.path.clone()));
        }
        entries.extend(found);
    }
    if recursive {
        entries.sort_by(|one, other| (!one.directory, &one.path).cmp(&(!other.directory, &other.path)));
    }
    if entries.is_empty() && !path.is_empty() {
        return Err(Failure::not_found("invalid revision or path"));
    }
    if !keyset {
        return call.page(&entries, show_entry);
    }
    // The token is the path after which the page begins.
    let start =
        token.and_then(|token| entries.iter().position(|entry| entry.path == token)).map_or(0, |at| at + 1);
    let page: Vec<&TreeEntry> = entries.iter().skip(start).take(call.paging.per_page).collect();
    let mut headers = Vec::new();
    if let Some(last) = page.last().filter(|_| start + page.len() < entries.len()) {
        let next = call.paging.link(&[("page_token", &last.path)]);
        headers.push(("link", format!("<{next}>; rel=\"next\"")));
    }
    Ok(Answer::Page(page.into_iter().map(show_entry).collect(), headers))
}

fn show_entry(entry: &TreeEntry) -> Value {
    let kind = if entry.directory { "tree" } else { "blob" };
    json!({ "id": entry.id, "name": entry.name, "type": kind, "path": entry.path, "mode": entry.mode })
}

/// The text of the parameter `content`, decoded if it says base64.
pub(super) fn content(text: String, encoding: Option<&str>) -> Result<Vec<u8>, Failure> {
    if encoding == Some("base64") {
        let compact: String = text.chars().filter(|char| !char.is_whitespace()).collect();
        return STANDARD.decode(compact).map_err(|_| Failure::bad("Invalid Base64 content"));
    }
    Ok(text.into_bytes())
}

/// Reads what a commit needs beside its actions.
pub(super) fn draft(call: &Call<'_>) -> Result<Draft, Failure> {
    let params = &call.params;
    params.require(&["branch", "commit_message"]);
    let user = call.world.users.get(&call.viewer()?.user);
    let text = |name: &str, usual: Option<&String>| {
        params.text(name).filter(|text| !text.is_empty()).or_else(|| usual.cloned()).unwrap_or_default()
    };
    Ok(Draft {
        branch: params.text("branch").unwrap_or_default().trim_start_matches("refs/heads/").to_owned(),
        start: params
            .text("start_branch")
            .or_else(|| params.text("start_sha"))
            .filter(|start| !start.is_empty()),
        message: params.text("commit_message").unwrap_or_default(),
        author_name: text("author_name", user.map(|user| &user.name)),
        author_email: text("author_email", user.map(|user| &user.email)),
        force: params.flag("force").unwrap_or(false),
    })
}

fn change(call: &mut Call<'_>, kind: ActionKind) -> Result<(), Failure> {
    call.project()?;
    let draft = draft(call)?;
    let params = &call.params;
    let encoding = params.choice("encoding", &["base64", "text"]);
    let text = if kind == ActionKind::Delete { None } else { Some(params.required("content")) };
    let last_commit_id = params.text("last_commit_id").filter(|id| !id.is_empty());
    let executable = params.flag("execute_filemode");
    params.check()?;
    let project = writable(call, &draft.branch)?;
    let content = text.map(|text| content(text, encoding.as_deref())).transpose()?;
    let path = call.part("file_path").to_owned();
    let action = Action { kind, path, content, previous_path: None, last_commit_id, executable };
    commit(call.world, project, draft, vec![action])?;
    Ok(())
}

fn file_answer(call: &Call<'_>) -> Value {
    json!({ "file_path": call.part("file_path"), "branch": call.params.text("branch") })
}

fn create(call: &mut Call<'_>) -> Result<Answer, Failure> {
    change(call, ActionKind::Create)?;
    Answer::created(file_answer(call))
}

fn update(call: &mut Call<'_>) -> Result<Answer, Failure> {
    change(call, ActionKind::Update)?;
    Answer::ok(file_answer(call))
}

fn remove(call: &mut Call<'_>) -> Result<Answer, Failure> {
    change(call, ActionKind::Delete)?;
    Answer::gone()
}
