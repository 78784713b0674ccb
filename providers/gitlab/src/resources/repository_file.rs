//! `gitlab_repository_file`. <https://docs.gitlab.com/api/repository_files/>
//!
//! A listing compares the tree's blob ids with those that are known: a file is read only if it changed.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::{StreamExt as _, stream};
use pilotis_rest::Method;
use pilotis_sdk::json::Object;
use pilotis_sdk::typed::{self, Made, Match, Page, Scope};
use pilotis_sdk::{Error, ErrorKind};
use serde_json::Value as Json;

use super::timeouts::Timeouts;
use crate::client::{GitLab, import_parts, int, nothing_to_import, object_of, text};

/// A file in a project's repository; every change of it is a commit.
#[derive(Clone, Debug, Default, pilotis_sdk::Resource)]
#[resource(
    type = "gitlab_repository_file",
    version = 1,
    scope(project, branch),
    key(file_path),
    natural_key(project, branch, file_path)
)]
pub(crate) struct RepositoryFile {
    /// `PROJECT:BRANCH:PATH`
    #[attr(computed)]
    pub(crate) id: String,
    /// The project's number or full path.
    #[attr(force_new)]
    pub(crate) project: String,
    /// Branch to commit to.
    #[attr(force_new)]
    pub(crate) branch: String,
    /// Where the file is, from the repository's root.
    #[attr(force_new)]
    pub(crate) file_path: String,
    /// What is in it: text, or Base64 if `encoding` says so.
    pub(crate) content: String,
    /// How `content` is written.
    #[attr(default = "text", one_of("text", "base64"))]
    pub(crate) encoding: String,
    /// The file can be executed.
    #[attr(optional, computed)]
    pub(crate) execute_filemode: Option<bool>,
    /// Author's address of the commits.
    #[attr(local)]
    pub(crate) author_email: Option<String>,
    /// Author's name of the commits.
    #[attr(local)]
    pub(crate) author_name: Option<String>,
    /// Message of the commits.
    #[attr(local)]
    pub(crate) commit_message: Option<String>,
    /// Message of the commit that makes it.
    #[attr(local)]
    pub(crate) create_commit_message: Option<String>,
    /// Message of commits that change it.
    #[attr(local)]
    pub(crate) update_commit_message: Option<String>,
    /// Message of the commit that deletes it.
    #[attr(local)]
    pub(crate) delete_commit_message: Option<String>,
    /// Take a file that is there already over.
    #[attr(local)]
    pub(crate) overwrite_on_create: Option<bool>,
    /// Branch from which a branch that isn't there yet is made.
    #[attr(local)]
    pub(crate) start_branch: Option<String>,
    /// How long GitLab may take.
    #[attr(block, local)]
    pub(crate) timeouts: Option<Timeouts>,
    /// Git's hash of the content.
    #[attr(computed, volatile)]
    pub(crate) blob_id: Option<String>,
    /// Commit at which it was read.
    #[attr(computed, volatile)]
    pub(crate) commit_id: Option<String>,
    /// SHA-256 of the content.
    #[attr(computed, volatile)]
    pub(crate) content_sha256: Option<String>,
    /// Last part of its path.
    #[attr(computed)]
    pub(crate) file_name: Option<String>,
    /// Last commit that changed it.
    #[attr(computed, volatile)]
    pub(crate) last_commit_id: Option<String>,
    /// Branch from which it was read.
    #[attr(computed, name = "ref")]
    pub(crate) reference: Option<String>,
    /// Bytes.
    #[attr(computed, volatile)]
    pub(crate) size: Option<i64>,
}

impl RepositoryFile {
    fn filled(&self, object: &Object) -> Result<RepositoryFile, Error> {
        let garbage = || Error::new(ErrorKind::Garbage, "GitLab gave a file whose content is not Base64");
        let encoded: String = text(object, "content").chars().filter(|c| !c.is_ascii_whitespace()).collect();
        let bytes = STANDARD.decode(&encoded).map_err(|_| garbage())?;
        let mut file = self.clone();
        file.id = format!("{}:{}:{}", self.project, self.branch, self.file_path);
        // The text as it was written stays while it means the same bytes.
        if self.bytes().ok().as_deref() != Some(&bytes) {
            match String::from_utf8(bytes) {
                Ok(text) if self.encoding == "text" => file.content = text,
                _ => {
                    file.content = encoded;
                    file.encoding = "base64".to_owned();
                }
            }
        }
        let some = |name: &str| Some(text(object, name)).filter(|t| !t.is_empty());
        // Commits to other files of the branch are no change of this one.
        let same = self.blob_id.is_some() && self.blob_id == some("blob_id") && self.commit_id.is_some();
        file.commit_id = if same { self.commit_id.clone() } else { some("commit_id") };
        file.blob_id = some("blob_id");
        file.content_sha256 = some("content_sha256");
        file.file_name = some("file_name");
        file.last_commit_id = some("last_commit_id");
        file.reference = some("ref");
        file.size = int(object, "size");
        file.execute_filemode = Some(object.get("execute_filemode").and_then(Json::as_bool).unwrap_or(false));
        Ok(file)
    }

    fn bytes(&self) -> Result<Vec<u8>, Error> {
        if self.encoding != "base64" {
            return Ok(self.content.clone().into_bytes());
        }
        let text: String = self.content.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        STANDARD.decode(text).map_err(|_| {
            let mut error = Error::new(ErrorKind::Invalid, "`content` is not Base64")
                .help("Write it with base64encode().");
            error.attribute = Some("content".to_owned());
            error
        })
    }

    fn path(&self) -> [&str; 5] {
        ["projects", &self.project, "repository", "files", &self.file_path]
    }

    fn message(&self, own: &Option<String>, verb: &str) -> String {
        let said = own.as_ref().or(self.commit_message.as_ref()).filter(|m| !m.is_empty());
        said.cloned().unwrap_or_else(|| format!("{verb} {}", self.file_path))
    }

    fn commit(&self, message: String) -> Object {
        let mut body =
            object_of(&[("branch", self.branch.clone().into()), ("commit_message", message.into())]);
        let mut set = |name: &str, value: &Option<String>| {
            if let Some(value) = value {
                body.insert(name.to_owned(), value.clone().into());
            }
        };
        set("author_email", &self.author_email);
        set("author_name", &self.author_name);
        set("start_branch", &self.start_branch);
        body
    }

    fn content_body(&self, message: String) -> Result<Object, Error> {
        self.bytes()?;
        let mut body = self.commit(message);
        body.insert("content".into(), self.content.clone().into());
        body.insert("encoding".into(), self.encoding.clone().into());
        if let Some(mode) = self.execute_filemode {
            body.insert("execute_filemode".into(), mode.into());
        }
        Ok(body)
    }

    async fn fetch(gitlab: &GitLab, known: &RepositoryFile) -> Result<Option<RepositoryFile>, Error> {
        match gitlab.rest.get(known.path()).query("ref", &known.branch).optional().await? {
            Some(response) => known.filled(&response.json()?).map(Some),
            None => Ok(None),
        }
    }

    /// Reads it back after a commit, whose answer says next to nothing.
    async fn read_back(gitlab: &GitLab, planned: &RepositoryFile) -> Result<RepositoryFile, Error> {
        let lost =
            || Error::new(ErrorKind::NotFound, "GitLab took the file and doesn't find it").outcome_unknown();
        RepositoryFile::fetch(gitlab, planned).await?.ok_or_else(lost)
    }
}

impl typed::Resource for RepositoryFile {
    type Client = GitLab;
    // Files of one branch come with its tree.
    const LISTS_MANY_SCOPES: bool = true;

    async fn create(gitlab: &GitLab, planned: RepositoryFile) -> Result<Made<RepositoryFile>, Error> {
        let _turn = gitlab.branch_turn(&planned.project, &planned.branch).await;
        let body = planned.content_body(planned.message(&planned.create_commit_message, "Add"))?;
        match gitlab.write(Method::POST, &planned.path(), &body).await {
            Ok(_) => {}
            Err(e) if e.kind == ErrorKind::AlreadyExists && planned.overwrite_on_create == Some(true) => {
                let body = planned.content_body(planned.message(&planned.update_commit_message, "Update"))?;
                gitlab.write(Method::PUT, &planned.path(), &body).await?;
            }
            Err(e) if e.kind == ErrorKind::AlreadyExists => {
                let id = format!("{}:{}:{}", planned.project, planned.branch, planned.file_path);
                return Err(
                    e.help(format!("Import it: its id is {id}. Or set `overwrite_on_create = true`."))
                );
            }
            Err(e) => return Err(e),
        }
        Ok(RepositoryFile::read_back(gitlab, &planned).await?.into())
    }

    async fn read(gitlab: &GitLab, prior: RepositoryFile) -> Result<Option<RepositoryFile>, Error> {
        RepositoryFile::fetch(gitlab, &prior).await
    }

    async fn update(
        gitlab: &GitLab,
        prior: RepositoryFile,
        planned: RepositoryFile,
    ) -> Result<RepositoryFile, Error> {
        let same_mode =
            planned.execute_filemode.is_none() || planned.execute_filemode == prior.execute_filemode;
        if prior.bytes().ok() == planned.bytes().ok() && same_mode {
            return RepositoryFile::read_back(gitlab, &planned).await;
        }
        let _turn = gitlab.branch_turn(&planned.project, &planned.branch).await;
        let mut body = planned.content_body(planned.message(&planned.update_commit_message, "Update"))?;
        body.remove("start_branch");
        if let Some(last) = &prior.last_commit_id {
            // GitLab refuses to overwrite what somebody else committed since.
            body.insert("last_commit_id".into(), last.clone().into());
        }
        gitlab.write(Method::PUT, &planned.path(), &body).await?;
        RepositoryFile::read_back(gitlab, &planned).await
    }

    async fn delete(gitlab: &GitLab, prior: RepositoryFile) -> Result<(), Error> {
        let _turn = gitlab.branch_turn(&prior.project, &prior.branch).await;
        let mut body = prior.commit(prior.message(&prior.delete_commit_message, "Delete"));
        body.remove("start_branch");
        let sent = gitlab.rest.delete(prior.path()).json(&body).optional().await;
        match sent {
            Ok(_) => Ok(()),
            // Some GitLabs say 400 "A file with this name doesn't exist".
            Err(e)
                if e.kind == ErrorKind::Invalid && RepositoryFile::fetch(gitlab, &prior).await?.is_none() =>
            {
                Ok(())
            }
            Err(e) => Err(e),
        }
    }

    async fn list(
        gitlab: &GitLab,
        scopes: Vec<Scope<RepositoryFile>>,
    ) -> Vec<Result<Page<RepositoryFile>, Error>> {
        let lists: Vec<_> = scopes.into_iter().map(|scope| list(gitlab, scope)).collect();
        stream::iter(lists).buffered(10).collect().await
    }

    async fn find(gitlab: &GitLab, planned: RepositoryFile) -> Result<Match<RepositoryFile>, Error> {
        let Some(file) = RepositoryFile::fetch(gitlab, &planned).await? else { return Ok(Match::Absent) };
        if file.bytes().ok() == planned.bytes().ok() {
            return Ok(Match::from(Some(file)));
        }
        Ok(Match::Unknown(format!("a file {} with another content is there", planned.file_path)))
    }

    async fn import(gitlab: &GitLab, id: &str) -> Result<RepositoryFile, Error> {
        let [project, branch, path] = import_parts(id, "12:main:path/to/file (project:branch:path)")?;
        let known = RepositoryFile {
            project: project.to_owned(),
            branch: branch.to_owned(),
            file_path: path.to_owned(),
            encoding: "text".to_owned(),
            ..RepositoryFile::default()
        };
        RepositoryFile::fetch(gitlab, &known).await?.ok_or_else(|| nothing_to_import("file", id))
    }
}

/// The wanted files of a branch. Complete for them only: other files are nobody's business.
async fn list(gitlab: &GitLab, scope: Scope<RepositoryFile>) -> Result<Page<RepositoryFile>, Error> {
    let (project, branch) = (scope.text("project")?, scope.text("branch")?);
    let mut blobs = HashMap::new();
    if scope.wanted.len() > 1 {
        let query = [("ref", branch.as_str()), ("recursive", "true"), ("pagination", "keyset")];
        let tree = gitlab.list(&["projects", &project, "repository", "tree"], &query).await;
        // An empty repository has no tree; then each file says so itself.
        blobs =
            tree.unwrap_or_default().iter().map(|entry| (text(entry, "path"), text(entry, "id"))).collect();
    }
    let (same, other): (Vec<_>, Vec<_>) = scope
        .wanted
        .into_iter()
        .partition(|file| file.blob_id.is_some() && blobs.get(&file.file_path) == file.blob_id.as_ref());
    let mut objects = same;
    for read in <RepositoryFile as typed::Resource>::read_many(gitlab, other).await {
        objects.extend(read?);
    }
    Ok(Page::complete(objects))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(content: &str) -> Object {
        object_of(&[
            ("content", STANDARD.encode(content).into()),
            ("blob_id", "b".into()),
            ("commit_id", "c2".into()),
        ])
    }

    #[test]
    fn base64_in_lines_means_the_same() {
        let known = RepositoryFile {
            content: "aGVs\nbG8=\n".into(),
            encoding: "base64".into(),
            ..Default::default()
        };
        assert_eq!(known.filled(&told("hello")).unwrap().content, known.content);
        let changed = known.filled(&told("other")).unwrap();
        assert_eq!(changed.bytes().unwrap(), b"other");
    }

    #[test]
    fn a_commit_to_another_file_is_no_change() {
        let known = RepositoryFile {
            content: "hello".into(),
            encoding: "text".into(),
            blob_id: Some("b".into()),
            commit_id: Some("c1".into()),
            ..Default::default()
        };
        assert_eq!(known.filled(&told("hello")).unwrap().commit_id.as_deref(), Some("c1"));
    }
}
