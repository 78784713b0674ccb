//! The connection: REST and GraphQL, what is asked once, waiting, and taking turns.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use pilotis_rest::page::Pages;
use pilotis_rest::{Client, Method};
use pilotis_sdk::json::Object;
use pilotis_sdk::registry::ServiceClient;
use pilotis_sdk::{CallLog, Error, ErrorKind};
use serde_json::Value as Json;
use tokio::sync::OnceCell;
use tokio::time::Instant;

/// What a wait for GitLab begins and goes on with.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// For how long a GitLab may show what was before a change: its replicas lag, and what a token may see is worked out in the background.
/// <https://docs.gitlab.com/administration/postgresql/database_load_balancing/>
const LAG: Duration = Duration::from_secs(5);

/// A connection to one GitLab. Cheap to clone.
#[derive(Clone, Debug)]
pub struct GitLab {
    pub(crate) rest: Client,
    lag: Duration,
    once: Arc<Once>,
}

/// What is asked at most once for a connection, and who writes to which branch.
#[derive(Debug, Default)]
struct Once {
    edition: OnceCell<Edition>,
    me: OnceCell<Me>,
    turns: Mutex<HashMap<Branch, Turn>>,
}

/// Project and name.
type Branch = (String, String);
/// Who holds it commits.
type Turn = Arc<tokio::sync::Mutex<()>>;

/// Version and edition. <https://docs.gitlab.com/api/metadata/>
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edition {
    /// `17.5.0-ee`
    pub version: String,
    /// It has the enterprise code (licensed or not).
    pub enterprise: bool,
}

/// The token's own user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Me {
    pub(crate) id: i64,
    pub(crate) username: String,
    /// Sees and may do everything.
    pub(crate) admin: bool,
}

impl ServiceClient for GitLab {
    fn host(&self) -> String {
        self.rest.host()
    }
    fn parallelism(&self) -> usize {
        self.rest.concurrency()
    }
    fn lag(&self) -> Duration {
        self.lag
    }
    fn calls(&self) -> (u64, u64) {
        self.rest.calls()
    }
    fn take_call_log(&self) -> CallLog {
        self.rest.take_call_log()
    }
}

impl GitLab {
    /// Over a REST client whose base is `…/api/v4`.
    pub fn new(rest: Client) -> GitLab {
        GitLab { rest, lag: LAG, once: Arc::default() }
    }

    /// One that always shows what is.
    pub(crate) fn without_lag(self) -> GitLab {
        GitLab { lag: Duration::ZERO, ..self }
    }

    /// Version and edition, asked once.
    pub(crate) async fn edition(&self) -> Result<&Edition, Error> {
        let ask = || async {
            let metadata: Json = self.rest.get(["metadata"]).send().await?.json()?;
            Ok(Edition {
                version: metadata["version"].as_str().unwrap_or_default().to_owned(),
                enterprise: metadata["enterprise"].as_bool().unwrap_or(false),
            })
        };
        self.once.edition.get_or_try_init(ask).await
    }

    /// The token's own user, asked once.
    pub(crate) async fn me(&self) -> Result<&Me, Error> {
        let ask = || async {
            let user = self.read_known(&["user"]).await?;
            let lacks = || Error::new(ErrorKind::Garbage, "GitLab doesn't say who the token is");
            Ok(Me {
                id: int(&user, "id").ok_or_else(lacks)?,
                username: text(&user, "username"),
                // Said to administrators only.
                admin: user.get("is_admin").and_then(Json::as_bool).unwrap_or(false),
            })
        };
        self.once.me.get_or_try_init(ask).await
    }

    /// Reads one object; none if GitLab says 404.
    pub(crate) async fn read(&self, path: &[&str]) -> Result<Option<Object>, Error> {
        match self.rest.get(path).optional().await? {
            Some(response) => response.json().map(Some),
            None => Ok(None),
        }
    }

    /// Reads one object that has to be there.
    pub(crate) async fn read_known(&self, path: &[&str]) -> Result<Object, Error> {
        self.rest.get(path).send().await?.json()
    }

    /// Reads all pages of a list.
    pub(crate) async fn list(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Vec<Object>, Error> {
        let request = self.rest.get(path).query("per_page", "100");
        query
            .iter()
            .fold(request, |request, (name, value)| request.query(name, value))
            .all(Pages::ByLink, "")
            .await
    }

    /// Reads the first pages of a list, at most so many. What is not in them is not proven absent.
    pub(crate) async fn list_some(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        most_pages: usize,
    ) -> Result<Vec<Object>, Error> {
        let request = self.rest.get(path).query("per_page", "100");
        let request = query.iter().fold(request, |request, (name, value)| request.query(name, value));
        let pages = request.pages::<Object>(Pages::ByLink, "").take(most_pages);
        pages
            .try_fold(Vec::new(), |mut all, mut page| async move {
                all.append(&mut page);
                Ok(all)
            })
            .await
    }

    /// Makes or changes something and reads what GitLab says it is now.
    pub(crate) async fn write(&self, method: Method, path: &[&str], body: &Object) -> Result<Object, Error> {
        self.rest.request(method, path).json(body).send().await?.json()
    }

    /// Removes something; gone already is fine.
    pub(crate) async fn remove(&self, path: &[&str]) -> Result<(), Error> {
        self.rest.delete(path).optional().await.map(|_| ())
    }

    /// Removes a group or project: it is marked for deletion, or is already.
    pub(crate) async fn mark(&self, path: &[&str]) -> Result<(), Error> {
        match self.remove(path).await {
            Err(e)
                if e.kind == ErrorKind::Invalid
                    && e.detail.to_lowercase().contains("marked for deletion") =>
            {
                Ok(())
            }
            other => other,
        }
    }

    /// What to do when the path of a new group or project is taken by one that is marked for deletion.
    pub(crate) async fn if_marked(&self, kind: &str, full_path: &str, error: Error) -> Error {
        if error.kind != ErrorKind::AlreadyExists {
            return error;
        }
        let found = self.read(&[kind, full_path]).await.ok().flatten();
        match found.as_ref().map(is_marked) {
            Some(true) => error.help(format!(
                "{full_path} is there and marked for deletion. Restore it in GitLab and import it, or delete it for good there; \
                 or wait until GitLab does."
            )),
            Some(false) => error.help(format!("{full_path} is there already: import it, or take another path.")),
            None => error,
        }
    }

    /// Asks again, with growing waits, until there is an answer or the time is over; none then.
    pub(crate) async fn until<T, F>(
        &self,
        bound: Duration,
        mut ask: impl FnMut() -> F,
    ) -> Result<Option<T>, Error>
    where
        F: Future<Output = Result<Option<T>, Error>>,
    {
        let end = Instant::now() + bound;
        let mut wait = FIRST_WAIT;
        loop {
            if let Some(answer) = ask().await? {
                return Ok(Some(answer));
            }
            if Instant::now() + wait > end {
                return Ok(None);
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// Waits until an earlier object of the same path is gone: GitLab says "still being deleted" until then.
    pub(crate) async fn once_free<T, F>(
        &self,
        bound: Duration,
        mut create: impl FnMut() -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let made = self.until(bound, || {
            let attempt = create();
            async {
                match attempt.await {
                    Err(e) if crate::refusal::is_still_deleting(&e) => Ok(None),
                    other => other.map(Some),
                }
            }
        });
        made.await?.ok_or_else(|| {
            Error::new(ErrorKind::Timeout, "GitLab is still deleting what had this path before")
                .help("Wait until the deletion is done, or take another path.")
        })
    }

    /// Commits to a branch one after the other: GitLab refuses those that overtake each other.
    pub(crate) async fn branch_turn(&self, project: &str, branch: &str) -> tokio::sync::OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.once.turns.lock().expect("no panic while it is held");
            turns.entry((project.to_owned(), branch.to_owned())).or_default().clone()
        };
        turn.lock_owned().await
    }
}

/// A text of an object; empty if it lacks it.
pub(crate) fn text(object: &Object, name: &str) -> String {
    object.get(name).and_then(Json::as_str).unwrap_or_default().to_owned()
}

/// A whole number of an object.
pub(crate) fn int(object: &Object, name: &str) -> Option<i64> {
    object.get(name).and_then(Json::as_i64)
}

/// The object's numeric id, as text.
pub(crate) fn id(object: &Object) -> Result<String, Error> {
    let lacks = || Error::new(ErrorKind::Garbage, "GitLab gave an object without an id");
    int(object, "id").map(|id| id.to_string()).ok_or_else(lacks)
}

/// It is marked for deletion: for us it is gone.
pub(crate) fn is_marked(object: &Object) -> bool {
    ["marked_for_deletion_on", "marked_for_deletion_at"]
        .iter()
        .any(|name| object.get(*name).is_some_and(|v| !v.is_null()))
}

/// A member of an object, taken as the JSON object's own.
pub(crate) fn object_of(members: &[(&str, Json)]) -> Object {
    members.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

/// Splits an import id that consists of parts: `12:KEY:*`.
pub(crate) fn import_parts<'a, const N: usize>(id: &'a str, shape: &str) -> Result<[&'a str; N], Error> {
    let parts: Vec<&str> = id.splitn(N, ':').collect();
    let whole = parts.iter().all(|part| !part.is_empty());
    parts.try_into().ok().filter(|_| whole).ok_or_else(|| {
        Error::new(ErrorKind::Invalid, format!("`{id}` is not an import id of this type"))
            .help(format!("It looks like `{shape}`."))
    })
}

/// The object that an import names is not there.
pub(crate) fn nothing_to_import(what: &str, id: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("GitLab has no {what} `{id}`"))
        .help("Check the id, and that the token may see it.")
}
